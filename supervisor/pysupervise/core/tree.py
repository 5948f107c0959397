"""Who is in our tree, and a signal to each of them exactly once."""

# The tree is everybody below us: the command with its descendants, and the orphans that came to us. A process of it may have
# left its group and session (setsid, daemons), so only /proc knows it.
#
# Nobody is signalled by a number alone that somebody else may have by now. Our own unreaped children keep theirs. For all others:
#     1. a walk lists the number
#     2. pidfd_open(2) (Linux 5.3) pins whatever has the number now
#     3. a second walk, from us down, lists the number again: it is the process that the descriptor pins, since a number comes
#        back only after all others were used
#     4. pidfd_send_signal(2) (Linux 5.1)
# A tree can grow while it is signalled. A walk lists the children of a process after the process got its signal: those that it
# made before are there (fork(2) fails with ERESTARTNOINTR while a signal is pending), and the walks end with one that finds nobody new.

from pysupervise.core.machine import JOB_CONTROL_STOPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

# A fork bomb has newcomers in every walk, and nobody is reaped meanwhile: after so long, leave it to the end of the grace.
MAX_WALKS, FEWEST_WALKS, WALKS_TIME_S = 50, 3, 0.2
SPARED_DESCRIPTORS = 2
# The same within a walk: how often to look whether somebody new came to us meanwhile.
MAX_PASSES = 4
STOP = 19
CONT = 18
KILL = 9
GROUP, STARTED = 2, 19  # pgrp and starttime among Tree.stat_fields
TABLE_FULL = (12, 23, 24)  # ENOMEM, ENFILE, EMFILE


class Tree:
    """Signals to the command and to everybody below us."""

    __slots__ = (
        "command_group",
        "ends_at",
        "group",
        "kernel",
        "on_refused",
        "own_pid",
        "own_session",
        "pins",
        "procfs",
        "scans",
        "spared",
        "spared_group",
        "told",
    )

    def __init__(self, kernel: "ModuleType", *, has_group: bool) -> None:
        self.kernel = kernel
        self.own_pid: int = kernel.getpid()
        self.own_session: int = kernel.getsid(0)
        self.command_group = has_group
        # Called with (signal, pid, error) where the kernel refuses a signal: a set-user-ID program of another user.
        self.on_refused: Callable[[int, int, OSError], None] | None = None
        # The number of the command's group, for who is left in it where there is no /proc.
        self.group = 0
        # Children that are not the command's (see earlier.py), with their start in clock ticks.
        self.spared: dict[int, bytes] = {}
        self.spared_group = b""  # and the group that their own children are in
        self.ends_at: float | None = None  # when a walk has to be over, on the monotonic clock: starved by a fork bomb, it takes seconds
        # Who has had the signal of the stop, with their start in clock ticks: a second one makes many drop their work.
        self.told: dict[int, bytes] = {}
        self.pins = True  # whether the kernel lets us have pidfds: old ones lack them, filters of container engines refuse them
        self.scans = False  # whether the kernel lacks CONFIG_PROC_CHILDREN, seen at the first look
        # A /proc mounted for another PID namespace shows other numbers than kill(2) takes: worse than none.
        try:
            self.procfs = kernel.readlink("/proc/self") == str(self.own_pid)
        except OSError:
            self.procfs = False

    def deliver(self, signum: int, target: str, command_pid: int, *, whole_namespace: bool = False) -> "list[int] | None":
        """Send a signal to a target; return who got it, or None where the kernel chose (a group, the namespace).

        ``command_pid`` is 0 once the command is reaped. ``whole_namespace``: a stop, which as PID 1 and for the target ``tree`` is one
        kill(-1), past which no fork can slip.
        """
        if target == "child":
            return self._send(command_pid, self._stop_signal(command_pid, signum)) if command_pid else []
        if target == "group" or not self.procfs:
            return self._deliver_to_group(signum, command_pid, whole_namespace=whole_namespace)
        if target == "tree" and whole_namespace and self.own_pid == 1:
            return self._kill_everybody(signum)
        if target == "handlers":
            return self._deliver_to_all(signum, set(self.answering(self.children(self.own_pid), signum)).__contains__)
        if command_pid:  # it need not wait for the walk
            first = self._send(command_pid, self._stop_signal(command_pid, signum))
            return first + self.deliver_to_others(signum, command_pid)
        return self._deliver_to_all(signum, None)

    def note_told(self, target: str, pids: "list[int] | None") -> None:
        """Remember who has had the signal of the stop, where that was a part of the tree; None: the command's group."""
        if target in ("tree", "child") or not self.procfs:  # the command alone: it has ended when a sweep begins
            self.told.clear()
            return
        for pid in self.members() if pids is None else pids:
            fields = self.stat_fields(f"{pid}")
            if fields and (pids is not None or fields[GROUP] == b"%d" % self.group):
                self.told[pid] = fields[STARTED]

    def deliver_to_untold(self, signum: int) -> "list[int]":
        """Send a signal to everybody below us who has not had that of the stop; return who got it."""

        def untold(pid: int) -> bool:
            fields = self.stat_fields(f"{pid}") if pid in self.told else []
            return not fields or fields[STARTED] != self.told[pid]

        return self._deliver_to_all(signum, untold)

    def first_call(self, signum: int, target: str) -> "Callable[[int, int], None] | None":
        """Return the kernel call with which ``deliver`` begins while the command lives, or None where it looks at the tree before."""
        if signum in JOB_CONTROL_STOPS or target == "handlers":
            return None
        of_group = (target == "group" or not self.procfs) and target != "child" and self.command_group
        call: Callable[[int, int], None] = self.kernel.killpg if of_group else self.kernel.kill
        return call

    def deliver_to_others(self, signum: int, command_pid: int) -> "list[int]":
        """Send a signal to everybody below us but the command; return who got it. Without a usable /proc nobody is known."""
        return self._deliver_to_all(signum, None, command_pid) if self.procfs else []

    def kill(self, command_pid: int) -> None:
        """KILL to everybody of the tree: as PID 1 in one step, elsewhere walk by walk."""
        if self.own_pid == 1:
            self._kill_everybody(KILL)
        else:
            self.deliver(KILL, "tree", command_pid)

    def resume(self) -> "list[int]":
        """CONT to each member that is stopped; return them."""
        return self._deliver_to_all(CONT, lambda pid: self.state(pid) == "T") if self.procfs else []

    def members(self, limit: int = 0) -> "list[int]":
        """Everybody below us, parents before their children, zombies too; with a limit, the first so many."""
        found = []
        for pid, _ in self._walk():
            found.append(pid)
            if len(found) == limit:
                break
        return found

    def _walk(self) -> "Iterator[tuple[int, bool]]":
        """Yield (pid, whether it is our own child) of everybody below us, and list a process's children after it was handled."""
        listed: set[int] = set()
        for _ in range(MAX_PASSES):
            queue = [pid for pid in self.children(self.own_pid) if pid not in listed]
            if not queue:  # also nobody whose parent died during the walk, and who came to us
                return
            own = len(queue)
            listed.update(queue)
            for index, pid in enumerate(queue):  # grows while we go
                if index and self.ends_at is not None and self.kernel.monotonic() > self.ends_at:
                    return
                yield pid, index < own
                for child in self.children(pid):
                    if child not in listed:
                        listed.add(child)
                        queue.append(child)

    def children(self, pid: int) -> "list[int]":
        """Children of all threads of a process; none where it is gone."""
        kernel = self.kernel
        if self.scans:
            return self._children_by_scan(pid)
        try:
            # A directory's link count is 2 and one for each subdirectory: a look at it spares the listing in the usual case.
            alone = pid == self.own_pid or kernel.stat(f"/proc/{pid}/task").st_nlink <= 3  # noqa: PLR2004
            threads = (pid,) if alone else kernel.listdir(f"/proc/{pid}/task")
        except OSError:
            return []
        found: list[int] = []
        for thread in threads:
            try:
                found += map(int, self.kernel.read_file(f"/proc/{pid}/task/{thread}/children").split())
            except FileNotFoundError:
                if thread == pid and pid == self.own_pid:
                    self.scans = True
                    return self._children_by_scan(pid)
            except OSError:
                continue
        return self._without_spared(found) if self.spared and pid == self.own_pid else found

    def _without_spared(self, pids: "list[int]") -> "list[int]":
        def is_spared(pid: int) -> bool:
            fields = self.stat_fields(f"{pid}")
            return bool(fields) and (fields[STARTED] == self.spared.get(pid) or fields[GROUP] == self.spared_group)

        return [pid for pid in pids if not is_spared(pid)]

    def state(self, pid: int) -> str:
        """Return the state letter of proc_pid_stat(5), empty where the process is gone.

        A process whose first thread has ended shows as a zombie while others live: then theirs counts.
        """
        fields = self.stat_fields(f"{pid}")
        if fields and fields[0] == b"Z" and fields[17] != b"1":
            try:
                threads = self.kernel.listdir(f"/proc/{pid}/task")
            except OSError:
                return ""
            living = [thread for thread in threads if thread != str(pid)]
            fields = next(filter(None, (self.stat_fields(f"{pid}/task/{thread}") for thread in living)), fields)
        return fields[0].decode() if fields else ""

    def _deliver_to_all(self, signum: int, wanted: "Callable[[int], bool] | None", done: int = 0) -> "list[int]":
        """Send to everybody below us that is wanted (None: all), but not to ``done``."""
        kernel = self.kernel
        seen, sent = {done}, []
        pinned: dict[int, int] = {}
        give_up_at = kernel.monotonic() + WALKS_TIME_S
        for turn in range(MAX_WALKS):
            if turn >= FEWEST_WALKS and kernel.monotonic() > give_up_at:
                break
            fresh: dict[int, int] = {}
            progress = full = False
            for pid, own in self._walk():
                descriptor = pinned.pop(pid, None)
                if descriptor is not None:
                    sent += self._send_pinned(pid, descriptor, self._stop_signal(pid, signum))
                    kernel.close(descriptor)
                elif pid not in seen and (own or not full):
                    seen.add(pid)
                    if wanted is not None and not wanted(pid):
                        continue
                    progress = True
                    if own or not self.pins:
                        sent += self._send(pid, self._stop_signal(pid, signum))
                        continue
                    try:
                        fresh[pid] = kernel.pidfd_open(pid, 0)
                    except ProcessLookupError:
                        continue
                    except OSError as error:
                        if error.errno not in TABLE_FULL:  # then by the number, which was listed a moment ago
                            self.pins = False
                            sent += self._send(pid, self._stop_signal(pid, signum))
                            continue
                        # The rest has its turn after these, and reading /proc needs a descriptor too
                        full = True
                        seen.discard(pid)
                        for spared in list(fresh)[-SPARED_DESCRIPTORS:]:
                            kernel.close(fresh.pop(spared))
                            seen.discard(spared)
            for pid, descriptor in pinned.items():  # dead, or on its way to us: then the next walk finds it
                kernel.close(descriptor)
                seen.discard(pid)
                progress = True
            pinned = fresh
            if not progress:
                break
        for descriptor in pinned.values():
            kernel.close(descriptor)
        return sent

    def answering(self, pids: "list[int]", signum: int) -> "list[int]":
        """Go down from processes until one catches the signal: it answers for its own children. Return who answers.

        One that does not catch it, and has somebody below who does, passes it on without being hit: `sh -c` lives to return the status
        of what it runs. One without any such descendant gets it like a leaf.
        """
        found: list[int] = []
        # Each entry: the process, its children yet to be looked at, and where in ``found`` its place is if none below catches.
        path: list[tuple[int, list[int], int]] = []
        caught_below: list[bool] = []
        waiting = pids[::-1]
        while waiting or path:
            if not waiting:
                pid, waiting, place = path.pop()
                caught = caught_below.pop()
                if not caught:
                    found.insert(place, pid)
                elif caught_below:
                    caught_below[-1] = True
                continue
            pid = waiting.pop()
            if self.catches(pid, signum):
                found.append(pid)
                if caught_below:
                    caught_below[-1] = True
                continue
            path.append((pid, waiting, len(found)))
            caught_below.append(False)
            waiting = self.children(pid)[::-1]
        return found

    def catches(self, pid: int, signum: int) -> bool:
        """Whether the process handles the signal (SigCgt, SigBlk of proc_pid_status(5)).

        Blocked counts too: whoever takes signals with a signalfd blocks them and has no handler. Who sleeps in sigwait(3), as an inner
        init does, has the signals that it waits for taken out of SigBlk meanwhile; the kernel function that it sleeps in shows it.
        """
        read_file = self.kernel.read_file
        try:
            status = read_file(f"/proc/{pid}/status")
            if any(
                line.startswith((b"SigCgt:", b"SigBlk:")) and int(line.split()[1], 16) >> (signum - 1) & 1 for line in status.splitlines()
            ):
                return True
            return b"sigtimedwait" in read_file(f"/proc/{pid}/wchan")
        except OSError:
            return False

    def _stop_signal(self, pid: int, signum: int) -> int:
        """TSTP, TTIN and TTOU do nothing by default in an orphaned process group; STOP does, for who does not catch them.

        A group is orphaned when no member has a parent in the same session outside of it (setpgid(2)). Everybody outside our own session
        is taken for one: sparing a shell's jobs there would need a look at each group. As PID 1 there is nobody to continue us, yet a
        stop that somebody sent is still meant.
        """
        if signum not in JOB_CONTROL_STOPS or not self.procfs or self.catches(pid, signum):
            return signum
        fields = self.stat_fields(f"{pid}")
        return STOP if fields and (self.own_pid == 1 or int(fields[3]) != self.own_session) else signum

    def _deliver_to_group(self, signum: int, command_pid: int, *, whole_namespace: bool) -> "list[int] | None":
        if not command_pid:
            if whole_namespace and self.own_pid == 1:
                return self._kill_everybody(signum)
            # Without /proc the group is all that is known of what the command leaves; a child of ours in it keeps its number.
            if self.procfs or not self.group or not self.kernel.has_child_in_group(self.group):
                return []
            command_pid = self.group
        if not self.command_group:
            return self._send(command_pid, signum)
        try:
            self.kernel.killpg(command_pid, self._stop_signal(command_pid, signum))
        except ProcessLookupError:
            return []
        except PermissionError as error:
            self._refused(signum, command_pid, error)
        return None

    def _kill_everybody(self, signum: int) -> "list[int] | None":
        """Send to the whole namespace in one step; where somebody is spared, to everybody else below us instead."""
        if self.kernel.getpid() != 1:  # anywhere else, as root, it would end everything on the machine
            raise AssertionError
        if self.spared:
            return self._deliver_to_all(signum, None)
        try:
            self.kernel.kill(-1, signum)
        except (ProcessLookupError, PermissionError):
            pass  # nobody there, or only processes of other users
        return None

    def _send(self, pid: int, signum: int) -> "list[int]":
        try:
            self.kernel.kill(pid, signum)
        except ProcessLookupError:
            return []
        except PermissionError as error:
            self._refused(signum, pid, error)
            return []
        return [pid]

    def _send_pinned(self, pid: int, descriptor: int, signum: int) -> "list[int]":
        try:
            self.kernel.pidfd_send_signal(descriptor, signum)
        except ProcessLookupError:
            return []
        except OSError:
            return self._send(pid, signum)  # where a filter refuses the call; where the signal itself is refused, it is here again
        return [pid]

    def _refused(self, signum: int, pid: int, error: OSError) -> None:
        if self.on_refused is not None:
            self.on_refused(signum, pid, error)

    def _children_by_scan(self, parent: int) -> "list[int]":
        own = str(parent).encode()
        names = [int(name) for name in self.kernel.listdir("/proc") if name.isdigit()]
        return [pid for pid in names if (fields := self.stat_fields(f"{pid}")) and fields[1] == own]

    def stat_fields(self, process: str) -> "list[bytes]":
        """Fields of /proc/PID/stat from the third (state) on: the second may contain blanks and brackets."""
        try:
            stat: bytes = self.kernel.read_file(f"/proc/{process}/stat")
        except OSError:
            return []
        return stat.rpartition(b")")[2].split()
