"""What /proc says of processes, read once and kept as values: nothing here judges.

One pass over 10,000 processes has to fit into a fraction of a second, so this reads the two files that have it all, stat and status,
itself; psutil builds an object of many reads for each process. What may not be read stays None: another user's, or hidepid.
Processes vanish between two reads: then there is no value at all.
"""

import os
import pwd
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

CLOCK_TICKS_HZ = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGESIZE")

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

    @property
    def age_s(self) -> float:
        """Seconds since it started, on the clock that the kernel stamps starts with (it counts time asleep too)."""
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - self.start_ticks / CLOCK_TICKS_HZ)

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
    lines: dict[str, str]  # the lines as they stand, for evidence

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


def read_stat(pid: int) -> Stat | None:
    """Return the process, or None where there is none (any more)."""
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:
            line = file.read(4096)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    # The name may contain blanks and brackets: it ends with the last one.
    head, _, rest = line.rpartition(b")")
    fields = rest.split()
    if len(fields) < 22:  # noqa: PLR2004 -- it died while we read
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
    )


def read_status(pid: int) -> Status | None:
    """Return the details, or None where the process is gone or may not be read."""
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            text = file.read(16384).decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    lines = {key: value.strip() for key, _, value in (line.partition(":") for line in text.splitlines())}
    try:
        return Status(
            uid=int(lines["Uid"].split()[1]),
            tracer=int(lines["TracerPid"]),
            threads=int(lines["Threads"]),
            namespace_pids=tuple(map(int, lines.get("NSpid", str(pid)).split())),
            pending=int(lines["SigPnd"], 16) | int(lines["ShdPnd"], 16),
            blocked=int(lines["SigBlk"], 16),
            ignored=int(lines["SigIgn"], 16),
            caught=int(lines["SigCgt"], 16),
            lines=lines,
        )
    except (KeyError, IndexError):
        return None  # it died while we read


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
    try:
        with open(f"/proc/{pid}/cmdline", "rb", buffering=0) as file:
            data = file.read(65536)
    except OSError:
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
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    for line in lines:
        fields, _, rest = line.partition(" - ")
        if fields.split()[4] == "/proc" and rest.startswith("proc "):
            for option in rest.split()[-1].split(","):
                if option.startswith("hidepid=") and option not in ("hidepid=0", "hidepid=off") and os.geteuid() != 0:
                    return option
    return None
