"""A kernel with a process table instead of processes. Only what a test gave it exists: any other call fails the test."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

OWN, OWN_SESSION = 50, 50


class Process:
    """A row of the process table."""

    def __init__(self, parent: int, session: int, state: str, caught: int, blocked: int, name: str) -> None:
        self.parent = parent
        self.session = session
        self.state = state
        self.caught = caught
        self.blocked = blocked
        self.name = name
        self.threads: list[int] = []
        self.thread_states: dict[int, str] = {}
        self.waits_in = "do_sys_poll"
        self.tracer = 0


class MassacreError(BaseException):
    """kill(-1) from anybody but PID 1: as root it ends everything on the machine. Nothing but a failed test may catch it."""


def mask(*signals: int) -> int:
    return sum(1 << (signum - 1) for signum in signals)


class FakeKernel:
    """What core/tree.py asks of the kernel, and a record of every signal: (pid, signal, who got it).

    ``own_pid`` is pysupervise. No ``__getattr__``: a call that nobody foresaw is an AttributeError, and an argument that nobody
    foresaw an AssertionError.
    """

    ALL_SIGNALS = tuple(n for n in range(1, 65) if n not in (32, 33))

    def __init__(self, own_pid: int = OWN, *, proc_self: "str | None" = None) -> None:
        self.own_pid = own_pid
        self.processes: dict[int, Process] = {}
        self.proc_self = str(own_pid) if proc_self is None else proc_self
        self.has_children_files = True
        self.refuses: set[int] = set()
        self.descriptors: dict[int, Process] = {}
        self.next_descriptor = 100
        self.most_descriptors = 1000
        self.sent: list[tuple[int, int]] = []
        self.hit: list[tuple[Process, int]] = []
        self.by_number: list[tuple[int, int]] = []
        self.groups: list[tuple[int, int]] = []
        self.everybody: list[int] = []
        self.clock = 1000.0
        self.tick_s = 0.0
        # Called with the pid after it got a signal, was listed, was pinned: what other processes do meanwhile.
        self.after_signal: Callable[[int], None] = lambda _pid: None
        self.after_pin: Callable[[int], None] = lambda _pid: None
        self.add(own_pid, 0, session=OWN_SESSION)

    def add(
        self,
        pid: int,
        parent: int,
        *,
        session: int = OWN_SESSION,
        state: str = "S",
        caught: int = 0,
        blocked: int = 0,
        name: str = "a) b",
    ) -> Process:
        self.processes[pid] = Process(parent, session, state, caught, blocked, name)
        return self.processes[pid]

    def die(self, pid: int) -> None:
        """The process is gone and reaped; its children come to us."""
        del self.processes[pid]
        for process in self.processes.values():
            if process.parent == pid:
                process.parent = self.own_pid

    # Calls that core/tree.py makes.
    def getpid(self) -> int:
        return self.own_pid

    def getsid(self, pid: int) -> int:
        assert pid == 0
        return OWN_SESSION

    def monotonic(self) -> float:
        self.clock += self.tick_s
        return self.clock

    def readlink(self, path: str) -> str:
        assert path == "/proc/self"
        if not self.proc_self:
            raise FileNotFoundError(2, "No such file or directory")
        return self.proc_self

    def listdir(self, path: str) -> list[str]:
        if path == "/proc":
            return ["self", "meminfo", *map(str, self.processes)]
        pid, rest = self._split(path)
        assert rest == "task"
        return [str(thread) for thread in self._threads(pid)]

    def stat(self, path: str) -> Any:
        pid, rest = self._split(path)
        assert rest == "task"

        class Found:
            st_nlink = 2 + len(self._threads(pid))

        return Found

    def read_file(self, path: str) -> bytes:
        pid, rest = self._split(path)
        process = self.processes[pid]
        if rest == "stat":
            return self._stat(process, pid, process.state)
        if rest == "status":
            masks = f"SigBlk:\t{process.blocked:016x}\nSigIgn:\t{0:016x}\nSigCgt:\t{process.caught:016x}\n"
            return f"Name:\tx\nTracerPid:\t{process.tracer}\n{masks}".encode()
        if rest == "comm":
            return f"{process.name}\n".encode()
        if rest == "wchan":
            return process.waits_in.encode()
        task, thread, leaf = rest.split("/")
        if leaf == "stat":
            return self._stat(process, int(thread), process.thread_states[int(thread)])
        assert (task, leaf) == ("task", "children"), path
        if not self.has_children_files or int(thread) not in self._threads(pid):
            raise FileNotFoundError(2, "No such file or directory")
        last = self._threads(pid)[-1]  # the last thread has made them all: whoever reads only the first sees none
        found = [child for child, row in self.processes.items() if row.parent == pid] if int(thread) == last else []
        return " ".join(map(str, found)).encode()

    @staticmethod
    def _stat(process: Process, number: int, state: str) -> bytes:
        fields = f"{state} {process.parent} {number} {process.session} 0 -1" + " 0" * 11 + f" {1 + len(process.threads)} 0 {number}"
        return f"{number} ({process.name}) {fields}\n".encode()

    def kill(self, pid: int, signum: int) -> None:
        if pid == -1:
            if self.own_pid != 1:
                raise MassacreError
            self.everybody.append(signum)
            return
        assert pid > 0
        if pid not in self.processes:
            raise ProcessLookupError(3, "No such process")
        self.by_number.append((pid, signum))
        self._signal(pid, self.processes[pid], signum)

    def killpg(self, group: int, signum: int) -> None:
        assert group > 1
        if group not in self.processes:
            raise ProcessLookupError(3, "No such process")
        if group in self.refuses:
            raise PermissionError(1, "Operation not permitted")
        self.groups.append((group, signum))

    def pidfd_open(self, pid: int, flags: int) -> int:
        assert flags == 0
        if pid not in self.processes:
            raise ProcessLookupError(3, "No such process")
        if len(self.descriptors) >= self.most_descriptors:
            raise OSError(24, "Too many open files")
        self.next_descriptor += 1
        self.descriptors[self.next_descriptor] = self.processes[pid]
        self.after_pin(pid)
        return self.next_descriptor

    def pidfd_send_signal(self, descriptor: int, signum: int) -> None:
        process = self.descriptors[descriptor]
        for pid, row in self.processes.items():
            if row is process:
                self._signal(pid, process, signum)
                return
        raise ProcessLookupError(3, "No such process")

    def close(self, descriptor: int) -> None:
        del self.descriptors[descriptor]

    def _signal(self, pid: int, process: Process, signum: int) -> None:
        if pid in self.refuses:
            raise PermissionError(1, "Operation not permitted")
        self.sent.append((pid, signum))
        self.hit.append((process, signum))
        self.after_signal(pid)

    def _threads(self, pid: int) -> list[int]:
        return [pid, *self.processes[pid].threads]

    def _split(self, path: str) -> tuple[int, str]:
        empty, proc, number, rest = path.split("/", 3)
        assert (empty, proc) == ("", "proc")
        pid = int(number)
        if pid not in self.processes:
            raise FileNotFoundError(2, "No such file or directory")
        return pid, rest
