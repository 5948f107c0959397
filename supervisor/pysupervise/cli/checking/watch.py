"""The tree of the command, looked at again and again: who is there, in which state, with which signals handled."""

import os
import time
from dataclasses import dataclass, field

from pysupervise.cli import procfs, sigwait

# A parent needs a moment to wait for a dead child. Who is still a zombie after so long is one that nobody waits for.
ALONE_AFTER_S = 0.1
ZOMBIE_AFTER_S = 0.5
# Who was just made may still execute a program whose process has the same name: its command line is read again until then.
EXEC_TIME_S = 1.0
LONGEST_KEPT, LONGEST_SHOWN = 500, 100  # characters of a command line
Key = tuple[int, int]  # pid and start time: numbers are used again


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the tree at one moment."""

    stat: procfs.Stat
    status: procfs.Status | None  # None: may not be read
    blocked: int  # signals that every thread of it blocks
    command: str
    awaits: bool = False  # whether a thread waits for signals (sigwait, sigtimedwait): meanwhile SigBlk lacks those that it waits for

    @property
    def key(self) -> Key:
        """What tells it from a later process with its number."""
        return self.stat.pid, self.stat.start_ticks

    @property
    def inner_pid(self) -> int:
        """Its number in its own PID namespace: the one that logs of a container show."""
        return self.status.namespace_pids[-1] if self.status is not None else self.stat.pid

    @property
    def is_init(self) -> bool:
        """Whether it is PID 1 of a PID namespace below ours or of ours."""
        return self.status is not None and self.status.namespace_pids[-1] == 1

    @property
    def is_zombie(self) -> bool:
        """Whether it has ended and waits to be waited for."""
        return self.stat.state in "ZX"

    @property
    def shown(self) -> str:
        """Its command line, cut for a sentence."""
        return short([self.command], LONGEST_SHOWN)

    @property
    def label(self) -> str:
        """The process for a sentence: pid 17 `sleep 100`."""
        return f"pid {self.inner_pid} `{self.shown}`"


Look = dict[int, Member]


@dataclass(slots=True)
class Watch:
    """What was seen of a tree so far."""

    root: int  # pid: pysupervise, or the command itself with --bare
    seen: dict[Key, Member] = field(default_factory=dict)
    last: Look = field(default_factory=dict)  # the last look at which somebody was alive below the root, or the root if it is the command
    last_at: float = 0.0
    before_last: Look = field(default_factory=dict)  # the one before it
    zombies: dict[Key, tuple[float, float, Member]] = field(default_factory=dict)  # first and last seen
    names: dict[tuple[int, int, str], str] = field(default_factory=dict)
    cost_s: float = 0.0  # of the last look

    def look(self, *, root_counts: bool) -> Look:
        """Look at everybody now. ``root_counts``: the root is the command."""
        begin = time.monotonic()
        members: Look = {stat.pid: self._member(stat) for stat in tree(self.root)}
        now = time.monotonic()
        self.cost_s = now - begin
        for member in members.values():
            self.seen[member.key] = member
            if member.is_zombie and member.stat.pid != self.root:
                first = self.zombies.get(member.key, (now, now, member))[0]
                self.zombies[member.key] = (first, now, member)
        if any(not member.is_zombie and member.stat.pid != self.root for member in members.values()):
            self.before_last, self.last, self.last_at = self.last, members, now
        elif root_counts and self.root in members and not members[self.root].is_zombie and now - self.last_at > ALONE_AFTER_S:
            self.before_last, self.last, self.last_at = (
                self.last,
                members,
                now,
            )  # not where an init has just killed the others and is about to leave
        return members

    def lasting_zombies(self) -> list[Member]:
        """Return those that nobody waited for, though there was time."""
        return [member for first, last, member in self.zombies.values() if last - first >= ZOMBIE_AFTER_S]

    def survivors(self) -> list[Member]:
        """Return the processes seen that are alive now, the root too."""
        found = []
        for member in self.seen.values():
            stat = procfs.read_stat(member.stat.pid)
            if stat is not None and stat.start_ticks == member.stat.start_ticks and stat.state not in "ZX":
                found.append(member)
        return found

    def _member(self, stat: procfs.Stat) -> Member:
        status = procfs.read_status(stat.pid)
        blocked = 0 if status is None else status.blocked
        if status is not None and status.threads > 1 and blocked:
            blocked = _blocked_by_all(stat.pid, blocked)
        key = (stat.pid, stat.start_ticks, stat.name)
        if key not in self.names or stat.age_s < EXEC_TIME_S:
            words = procfs.command_line(stat.pid)
            if words or stat.state in "ZX":
                self.names[key] = short(words or [stat.name], LONGEST_KEPT)
        return Member(stat, status, blocked, self.names.get(key, stat.name), stat.state == "S" and sigwait.any_thread_waits(stat.pid))


def tree(root: int) -> list[procfs.Stat]:
    """Return a process and everybody below it, parents first, with no look at the rest of the machine, which may have very many."""
    found = [stat] if (stat := procfs.read_stat(root)) is not None else []
    for member in found:  # grows while we go
        try:
            below = _children(member.pid)
        except NotImplementedError:
            processes = procfs.snapshot()
            numbers = (root, *procfs.descendants(root, procfs.children_of(processes)))
            return [processes[pid] for pid in numbers if pid in processes]
        found += [stat for pid in below if (stat := procfs.read_stat(pid)) is not None]
    return found


def _children(pid: int) -> list[int]:
    """Return the children of all threads. Raises NotImplementedError where the kernel lists none (no CONFIG_PROC_CHILDREN)."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found  # it is gone
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file:
                found += map(int, file.read(1 << 20).split())
        except OSError as error:
            if not os.path.exists(f"/proc/self/task/{os.getpid()}/children"):
                raise NotImplementedError from error
    return found


def short(words: list[str], longest: int) -> str:
    """Return a command line for a sentence: one line, not too long, nothing that moves a cursor."""
    text = "".join(char if char.isprintable() else " " for char in " ".join(words)).replace("`", "'")
    return text if len(text) <= longest else text[: longest - 3] + "..."


def _blocked_by_all(pid: int, blocked: int) -> int:
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return blocked
    for thread in threads:
        status = procfs.read_status(int(thread))  # a thread has a directory of its own, listed or not
        blocked &= status.blocked if status is not None else blocked
    return blocked
