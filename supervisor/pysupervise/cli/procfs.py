"""What /proc says of processes, read once and kept as values: nothing here judges.

One pass over 10,000 processes has to fit into a fraction of a second, so this reads the two files that have it all, stat and status,
itself; psutil builds an object of many reads for each process. What may not be read stays None: another user's, or hidepid.
Processes vanish between two reads: then there is no value at all.
"""

import os
import pwd
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from pysupervise.core import signals

CLOCK_TICKS_HZ = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGESIZE")
INITIAL_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO of include/linux/proc_ns.h

STATES = {
    "R": "running",
    "S": "sleeping",
    "D": "uninterruptible",
    "Z": "zombie",
    "T": "stopped",
    "t": "traced",
    "I": "idle",
    "X": "dead",
    "P": "parked",
}


@dataclass(frozen=True, slots=True)
class Stat:
    """One line of proc_pid_stat(5), readable by everybody who sees the process."""

    pid: int
    name: str
    state: str  # one letter, see STATES
    parent: int  # 0: from outside the PID namespace, or the kernel's
    group: int
    session: int
    terminal: int  # device number of the controlling terminal, 0: none
    foreground: int  # the terminal's foreground process group, -1: none
    threads: int
    start_ticks: int
    rss_bytes: int
    wait_status: int  # of a zombie, 0 also where it may not be read: see `wait_status`
    kernel_thread: bool
    exit_signal: int = 17  # what its parent gets when it ends; a plain wait() passes over all others than SIGCHLD (clone(2))

    @property
    def age_s(self) -> float:
        """Seconds since it started, on the clock that the kernel stamps starts with (it counts time asleep too)."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_ticks / CLOCK_TICKS_HZ)

    @property
    def is_dead(self) -> bool:
        """Whether nothing of it runs any more: a zombie, unless it is a thread-group leader that ended before its threads."""
        return self.state == "X" or (self.state == "Z" and self.threads <= 1)

    @property
    def leads_session_without_terminal(self) -> bool:
        """Whether it made itself a daemon: it leads a session that has no terminal."""
        return self.session == self.pid and self.terminal == 0


@dataclass(frozen=True, slots=True)
class Status:
    """What counts of proc_pid_status(5): identity, tracer, the signal masks."""

    uid: int
    tracer: int  # pid, 0: none
    threads: int
    namespace_pids: tuple[int, ...]  # its pid in each PID namespace, from ours to its own
    pending: int  # masks: bit N-1 is signal N
    blocked: int
    ignored: int
    caught: int
    lines: Mapping[str, str]  # the lines as they stand, for evidence

    def handles(self, signum: int) -> bool:
        """Whether the signal reaches code of the process: it has a handler, or blocks it to take it with sigwait or a signalfd."""
        return bool((self.caught | self.blocked) >> (signum - 1) & 1)

    def has_handler(self, signum: int) -> bool:
        """Whether a handler is installed (SigCgt)."""
        return bool(self.caught >> (signum - 1) & 1)

    def blocks(self, signum: int) -> bool:
        """Whether the signal is blocked (SigBlk), in the main thread."""
        return bool(self.blocked >> (signum - 1) & 1)

    def ignores(self, signum: int) -> bool:
        """Whether the signal is ignored (SigIgn)."""
        return bool(self.ignored >> (signum - 1) & 1)

    def evidence(self, *keys: str) -> str:
        """Return lines of the file word for word, such as "SigCgt: 0000000000004002"."""
        return ", ".join(f"{key}: {self.lines[key]}" for key in keys if key in self.lines)


def signal_bit(signum: int) -> str:
    """Say which bit of a mask a signal is, so that it can be compared with the digits of the mask."""
    return f"{1 << (signum - 1):#x} is {signals.name(signum)}"


class _Lines(Mapping[str, str]):
    """The lines of a status file, taken apart only when somebody asks: for 10,000 processes that is half of the time."""

    __slots__ = ("_lines", "_text")

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._lines: dict[str, str] | None = None

    def _parsed(self) -> dict[str, str]:
        if self._lines is None:
            pairs = (line.partition(":") for line in self._text.decode(errors="replace").split("\n"))
            self._lines = {key: value.strip().replace("\t", " ") for key, colon, value in pairs if colon}
        return self._lines

    def __getitem__(self, key: str) -> str:
        return self._parsed()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed())

    def __len__(self) -> int:
        return len(self._parsed())


def read_stat(pid: int) -> Stat | None:
    """Return the process, or None where there is none (any more)."""
    line = _read(f"/proc/{pid}/stat", 4096)
    if line is None:
        return None
    # The name may contain blanks and brackets: it ends with the last one.
    head, _, rest = line.rpartition(b")")
    fields = rest.split()
    if len(fields) < 36:  # noqa: PLR2004 -- it died while we read
        return None
    return Stat(
        pid=pid,
        name=head.partition(b"(")[2].decode(errors="replace"),
        state=fields[0].decode(),
        parent=int(fields[1]),
        group=int(fields[2]),
        session=int(fields[3]),
        terminal=int(fields[4]),
        foreground=int(fields[5]),
        kernel_thread=bool(int(fields[6]) & 0x00200000),  # PF_KTHREAD
        threads=int(fields[17]),
        start_ticks=int(fields[19]),
        rss_bytes=int(fields[21]) * PAGE_BYTES,
        wait_status=int(fields[49]) if len(fields) > 49 else 0,  # noqa: PLR2004 -- Linux 3.5
        exit_signal=int(fields[35]),
    )


def read_status(pid: int) -> Status | None:
    """Return the details, or None where the process is gone or may not be read."""
    text = _read(f"/proc/{pid}/status", 16384)
    if text is None:
        return None
    try:
        return Status(
            uid=int(_field(text, b"Uid").split()[1]),
            tracer=int(_field(text, b"TracerPid")),
            threads=int(_field(text, b"Threads")),
            namespace_pids=tuple(map(int, _field(text, b"NSpid").split())) or (pid,),  # Linux 4.1
            pending=int(_field(text, b"SigPnd"), 16) | int(_field(text, b"ShdPnd"), 16),
            blocked=int(_field(text, b"SigBlk"), 16),
            ignored=int(_field(text, b"SigIgn"), 16),
            caught=int(_field(text, b"SigCgt"), 16),
            lines=_Lines(text),
        )
    except (ValueError, IndexError):
        return None  # it died while we read


def _field(text: bytes, key: bytes) -> bytes:
    """Return the value of a line; empty where there is none. A name in the first line cannot forge one: the kernel escapes line ends."""
    begin = text.find(b"\n" + key + b":")
    return b"" if begin < 0 else text[begin + len(key) + 2 : text.find(b"\n", begin + 1)]


def threads(pid: int) -> list[int]:
    """Return the numbers of a process's threads, the main one's is the process's own; empty where it is gone or may not be read."""
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def living_thread(stat: Stat) -> int:
    """Return a thread that can be asked for what all share (descriptors, command line, environment): the main one, unless it has ended.

    A thread-group leader that ended before its threads has nothing of that any more, as a zombie has not: /proc/PID/fd is empty.
    """
    if stat.state != "Z" or stat.is_dead:
        return stat.pid
    alive = (thread for thread in threads(stat.pid) if (one := read_stat(thread)) is not None and one.state not in "ZX")
    return next(alive, stat.pid)


def pids() -> Iterator[int]:
    """Yield the number of each process that we may see."""
    with os.scandir("/proc") as entries:
        for entry in entries:
            if entry.name.isdigit():
                yield int(entry.name)


def snapshot() -> dict[int, Stat]:
    """Return every process that we may see, by pid. It is no instant: processes start and end while it is read."""
    return {pid: stat for pid in pids() if (stat := read_stat(pid)) is not None}


def children_of(processes: dict[int, Stat]) -> dict[int, list[int]]:
    """Return the children of each process, in the order of their start."""
    children: dict[int, list[int]] = {}
    for stat in sorted(processes.values(), key=lambda stat: (stat.start_ticks, stat.pid)):
        children.setdefault(stat.parent, []).append(stat.pid)
    return children


def descendants(pid: int, children: dict[int, list[int]]) -> list[int]:
    """Return everybody below a process, parents before their children."""
    found = list(children.get(pid, ()))
    for member in found:  # grows while we go
        found += children.get(member, ())
    return found


def command_line(pid: int) -> list[str] | None:
    """Return the arguments of a process; empty for a zombie or a kernel thread, None where they may not be read."""
    data = _read(f"/proc/{pid}/cmdline", 65536)
    if data is None:
        return None
    return [word.decode(errors="replace") for word in data.rstrip(b"\0").split(b"\0")] if data else []


def wait_status(stat: Stat) -> int | None:
    """Return the wait status that a zombie waits to hand over (wait(2)), None where we may not know it.

    The kernel shows 0 to those who may not trace the process; the file io asks for the same right, and says no aloud.
    """
    if stat.wait_status:
        return stat.wait_status
    try:
        with open(f"/proc/{stat.pid}/io", "rb", buffering=0) as file:
            file.read(1)
    except OSError:
        return None
    return 0


def wait_channel(pid: int) -> str | None:
    """Return the kernel function that a process sleeps in, such as "do_wait"; None where it does not sleep or where we may not know it."""
    text = _text(f"/proc/{pid}/wchan")
    return None if text in (None, "", "0") else text.partition(".")[0]  # compilers add .isra.0


def system_call(pid: int) -> str | None:
    """Return the line of proc_pid_syscall(5), number and arguments of the call that a process is in; None where we may not know it."""
    return _text(f"/proc/{pid}/syscall")


def own_pid() -> int:
    """Return our number in /proc, which may show another PID namespace than ours; 0 where we are not in that."""
    try:
        return int(os.readlink("/proc/self"))
    except (OSError, ValueError):
        return 0


def pid_namespace(pid: int) -> str | None:
    """Return the PID namespace of a process, such as "pid:[4026531836]"; None where we may not know it (pid_namespaces(7))."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def initial_namespace(pid: int | str) -> bool:
    """Whether a process is in the machine's own PID namespace. Where that may not be read, ours counts, and how many pids it has in it."""
    try:
        return os.stat(f"/proc/{pid}/ns/pid").st_ino == INITIAL_PID_NAMESPACE
    except OSError:
        if pid == "self" or not initial_namespace("self"):
            return False
        status = read_status(int(pid))
        return status is None or len(status.namespace_pids) == 1


def _text(path: str) -> str | None:
    data = _read(path, 4096)
    return None if data is None else data.decode(errors="replace").strip()


def _read(path: str, size_bytes: int) -> bytes | None:
    """Return a file in one read, None where it is gone or not for us; 30,000 file objects would cost a tenth of a second more."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    try:
        return os.read(descriptor, size_bytes)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    finally:
        os.close(descriptor)


def owner(pid: int) -> int | None:
    """Return the user id that a process runs as, None where it is gone."""
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


@cache
def user_name(uid: int) -> str:
    """Return a user's name, or the number where there is none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def hidden() -> str | None:
    """Return the mount option that keeps other users' processes from us, such as "hidepid=2", None where all are shown."""
    if os.geteuid() == 0:
        return None
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            mounts = [line.partition(" - ") for line in file]
    except OSError:
        return None
    proc = [after for before, _, after in mounts if before.split()[4] == "/proc" and after.startswith("proc ")]
    for option in proc[-1].split()[-1].split(",") if proc else ():  # the last one mounted covers the others
        if option.startswith("hidepid=") and option not in ("hidepid=0", "hidepid=off"):
            return option
    return None
