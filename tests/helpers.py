"""Real processes for black-box tests: a namespace for each run, and pipes whose lines are the only synchronisation."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PROBE_FILE = Path(__file__).parent / "blackbox" / "probe.py"
# How long anything may take before the test gives up; never a wait of its own.
PATIENCE_S = 20.0
STANDARD_SIGNALS = tuple(n for n in range(1, 32) if n not in (signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD))
REALTIME_SIGNALS = tuple(range(34, 65))
FORWARDABLE = STANDARD_SIGNALS + REALTIME_SIGNALS
# Their default action is not to end the process.
HARMLESS = (signal.SIGCONT, signal.SIGURG, signal.SIGWINCH, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
FATAL = (*(n for n in FORWARDABLE if n not in HARMLESS), signal.SIGKILL)


def in_pid_namespace(args: Sequence[str]) -> list[str]:
    """Return the command line that runs another as PID 1 of a new PID namespace."""
    return ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--", *args]


def as_child(args: Sequence[str]) -> list[str]:
    """Return the command line that runs another in a shell that is PID 1 of a new PID namespace."""
    return in_pid_namespace(["sh", "-c", '"$@"; exit $?', "sh", *args])


def probe(label: str, *options: str) -> list[str]:
    """Return the command line of a probe: it prints "LABEL ready (pid N)", then "LABEL SIGNUM" for each signal it gets."""
    return [sys.executable, "-I", "-S", str(PROBE_FILE), *options, label]


def run(args: Sequence[str], place: str = "pid1", **popen: Any) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end in a namespace."""
    popen.setdefault("stdin", subprocess.DEVNULL)
    popen.setdefault("timeout", PATIENCE_S)
    if not popen.keys() & {"stdout", "stderr"}:
        popen["capture_output"] = True
    return subprocess.run(_placed(args, place), text=True, check=False, start_new_session=True, **popen)


MOST_GROWTH_PAGES = 64


def _placed(args: Sequence[str], place: str) -> list[str]:
    """Put the words of a place in front of a command."""
    if place == "pid1":
        return in_pid_namespace(args)
    return as_child(args) if place == "child" else list(args)


def children(pid: int) -> list[int]:
    """Return a process's children."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
    except OSError:
        return []


def assert_footprint_stays(service: "Service", *sizes: int, answer: str) -> None:
    """Give a command work of growing size by lines on its standard input, and compare pysupervise's memory and descriptors after each."""
    figures = []
    for size in sizes:
        service.write(b"%d\n" % size)
        assert service.line() == answer
        resident_pages = int(Path(f"/proc/{service.pid}/statm").read_text(encoding="ascii").split()[1])
        figures.append((resident_pages, len(os.listdir(f"/proc/{service.pid}/fd"))))
    assert len({descriptors for _, descriptors in figures}) == 1, figures
    assert figures[-1][0] - figures[0][0] < MOST_GROWTH_PAGES, figures


class Service:
    """A running pysupervise, its standard output read line by line."""

    def __init__(self, args: Sequence[str], place: str = "pid1", **popen: Any) -> None:
        self.place = place
        popen.setdefault("stdin", subprocess.DEVNULL)
        popen.setdefault("stderr", subprocess.PIPE)
        self.process: subprocess.Popen[bytes] = subprocess.Popen(
            _placed(args, place), stdout=subprocess.PIPE, start_new_session=True, **popen
        )
        self._buffer = b""
        self._stderr: str | None = None

    @property
    def pid(self) -> int:
        """The number of pysupervise as seen from outside: to be asked once it has started."""
        pid = self.process.pid
        for _ in range({"bare": 0, "pid1": 1, "child": 2}[self.place]):
            pid = children(pid)[0]
        return pid

    def line(self) -> str:
        """Return the next line of standard output, without its end."""
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self._buffer:
            ready, _, _ = select.select([descriptor], [], [], PATIENCE_S)
            part = os.read(descriptor, 65536) if ready else b""
            if not part:
                raise AssertionError(f"no line came; before it: {self._buffer!r}; stderr: {self.finish_stderr()}")
            self._buffer += part
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode()

    def lines(self, count: int) -> list[str]:
        """Return the next lines, sorted: several processes write them in any order."""
        return sorted(self.line() for _ in range(count))

    def ready(self, *labels: str) -> dict[str, int]:
        """Wait until probes are ready; return their numbers inside the namespace."""
        found: dict[str, int] = {}
        while len(found) < len(labels):
            words = self.line().split()
            assert words[1:3] == ["ready", "(pid"], words
            found[words[0]] = int(words[3].rstrip(")"))
        assert sorted(found) == sorted(labels)
        return found

    def send(self, signum: int) -> None:
        """Send pysupervise a signal."""
        os.kill(self.pid, signum)

    def write(self, data: bytes) -> None:
        """Write to its standard input, a pipe."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def close_stdin(self) -> None:
        """End its standard input, a pipe."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def rest(self) -> list[str]:
        """Return all lines until standard output ends."""
        assert self.process.stdout is not None
        found = (self._buffer + self.process.stdout.read()).decode().splitlines()
        self._buffer = b""
        return found

    def wait(self) -> int:
        """Return the exit status, once it has ended."""
        return self.process.wait(PATIENCE_S)

    def timed_wait(self) -> tuple[int, float]:
        """Return the exit status and the seconds that it took from now on."""
        since = time.monotonic()
        return self.wait(), time.monotonic() - since

    def finish_stderr(self) -> str:
        """End it and return what it wrote to standard error."""
        if self.process.poll() is None:
            self.process.kill()
        return self.stderr

    @property
    def stderr(self) -> str:
        """All of standard error: waits for its end."""
        if self._stderr is None:
            assert self.process.stderr is not None
            self._stderr = self.process.stderr.read().decode(errors="replace")
        return self._stderr

    def close(self) -> None:
        """End everything."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        for stream in (self.process.stdout, self.process.stderr, self.process.stdin):
            if stream is not None:
                stream.close()


class Starter:
    """Starts services, each in a namespace of its own, and ends them after the test."""

    def __init__(self, program: str) -> None:
        self.program = program
        self.services: list[Service] = []

    def __call__(self, *arguments: str, place: str = "pid1", **popen: Any) -> Service:
        """Run pysupervise with these arguments."""
        service = Service([self.program, *arguments], place, **popen)
        self.services.append(service)
        return service


def full_pipe() -> tuple[int, int]:
    """Return both ends of a pipe that has no room left; writing to it blocks."""
    read, write = os.pipe()
    os.set_blocking(write, False)
    try:
        while True:
            os.write(write, b"x" * 4096)
    except BlockingIOError:
        os.set_blocking(write, True)
    return read, write


def doctor_findings(remarks: Sequence[Any]) -> list[tuple[str, str, int]]:
    """Return (rule, severity, line) of each finding among what the rules for files say."""
    return [(remark.rule, remark.severity, int(remark.evidence[0].split(":")[1])) for remark in remarks if hasattr(remark, "rule")]
