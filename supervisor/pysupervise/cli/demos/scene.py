"""One side of a demo: starts its commands in a sandbox, reads what they print, looks at them in /proc, and tells each thing as an event."""

import os
import select
import shutil
import signal
import sys
import termios
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from pysupervise.cli import procfs
from pysupervise.cli.demos.model import ACTION, COMMAND, END, OUTPUT, SEEN, CancelledError, Event, Facts, NotShownError
from pysupervise.cli.output import printable
from pysupervise.cli.sandbox import Place, Sandbox, own_command
from pysupervise.core.status import SIGNALLED
from pysupervise.core.words import command_line

# How long a condition may take before the demo gives up; never a wait of its own.
PATIENCE_S = 15.0
LOOK_EVERY_S = 0.01
# As an engine starts PID 1 on a terminal (`docker run -it`): the leader of a session that has the terminal.
TAKE_TERMINAL = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"

# How the scripts' print writes: PYTHONUNBUFFERED would write a line in pieces, which mix with those of other processes, and a buffered
# file refuses a print in a signal handler that comes in the midst of another print.
WHOLE_LINES = """\
import io, os, sys

class Lines(io.TextIOBase):
    rest = ""

    def write(self, text):
        lines, end, self.rest = (self.rest + text).rpartition("\\n")
        if end:
            os.write(1, (lines + end).encode())
        return len(text)

sys.stdout = Lines()
"""


class Scene:
    """Where one side runs."""

    def __init__(self, side: str, place: Place, directory: str, emit: Callable[[Event], None], cancelled: threading.Event) -> None:
        self.side = side
        self.place = place
        self.directory = directory
        self.cancelled = cancelled
        self._emit = emit
        self._began = time.monotonic()
        python = os.path.join(directory, "bin")
        os.makedirs(python)
        os.symlink(os.path.realpath(sys.executable), os.path.join(python, "python3"))
        with open(os.path.join(python, "sitecustomize.py"), "w", encoding="ascii") as start:
            start.write(WHOLE_LINES)
        kept = {
            key: value for key, value in os.environ.items() if not key.startswith(("PYSUPERVISE_", "PYTHON")) and key != "NOTIFY_SOCKET"
        }
        self.environment = {
            **kept,
            "PATH": f"{python}:{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": python,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def note(self, kind: str, text: str) -> None:
        """Add an event to the story."""
        self._emit(Event(self.side, time.monotonic() - self._began, kind, printable(text)))

    def seen(self, text: str) -> None:
        """Tell what was observed."""
        self.note(SEEN, text)

    def start(self, *words: str, terminal: bool = False) -> "Run":
        """Start a command in the sandbox: PID 1 where there is a namespace. The word pysupervise stands for this very one."""
        self.note(COMMAND, command_line(list(words)))
        return Run(self, words, terminal=terminal)

    def find(self, *names: str) -> str | None:
        """Return the first of these programs that there is, None for none."""
        return next((name for name in names if shutil.which(name)), None)

    def path(self, name: str) -> str:
        """Return a file's path in the directory that the commands run in."""
        return os.path.join(self.directory, name)

    def check_cancelled(self) -> None:
        """Raise CancelledError where the user pressed Ctrl-C."""
        if self.cancelled.is_set():
            raise CancelledError


class Member:
    """A process of a run, as /proc showed it."""

    def __init__(self, stat: procfs.Stat) -> None:
        self.stat = stat
        self.outer = stat.pid
        self.status = procfs.read_status(stat.pid)
        self.pid = self.status.namespace_pids[-1] if self.status else stat.pid  # its number inside of the namespace
        words = procfs.command_line(stat.pid) or []
        scripts = [word.rpartition("/")[2] for word in words[:2] if word.endswith((".py", ".sh"))]
        self.name = scripts[0] if scripts else "pysupervise" if "pysupervise.__main__" in " ".join(words[:4]) else stat.name

    @classmethod
    def of(cls, pid: int) -> "Member":
        """Look at a process. Raises NotShownError where there is none."""
        stat = procfs.read_stat(pid)
        if stat is None:
            raise NotShownError(f"pid {pid} ended before it was looked at")
        return cls(stat)

    @property
    def lives(self) -> bool:
        """Whether the very same process still runs."""
        now = procfs.read_stat(self.outer)
        return now is not None and now.start_ticks == self.stat.start_ticks and now.state not in "ZX"

    @property
    def dead(self) -> bool:
        """Whether it is a zombie."""
        return self.stat.state in "ZX"

    def evidence(self, *keys: str, signum: int = 0) -> str:
        """Return lines of /proc/PID/status word for word, and where a signal's bit is in them."""
        if self.status is None:
            return "/proc/PID/status cannot be read"
        bit = f" ({procfs.signal_bit(signum)})" if signum else ""
        return self.status.evidence(*keys) + bit


class Run:
    """A command that runs, and everything below it; leaving the context ends all of it."""

    def __init__(self, scene: Scene, words: tuple[str, ...], *, terminal: bool) -> None:
        self.scene = scene
        self.lines: list[str] = []
        self._drained = False  # its output is at its end: nobody of it is left
        self._changed = threading.Condition()
        command = [part for word in words for part in (own_command() if word == "pysupervise" else [word])]
        self._input = -1
        if terminal:
            self._output, inside = os.openpty()
            modes = termios.tcgetattr(inside)
            modes[3] &= ~termios.ECHO  # a ^C of the terminal's own would stand in the midst of the lines
            termios.tcsetattr(inside, termios.TCSANOW, modes)
            command = ["python3", "-c", TAKE_TERMINAL, *command]
            stdin = inside
        else:
            self._output, inside = os.pipe()
            stdin, self._input = os.pipe()
        try:
            # A session of its own keeps a Ctrl-C at the user's terminal away from the sandbox.
            environment = {**scene.environment, "PWD": scene.directory}
            self.sandbox = Sandbox(
                command,
                scene.place,
                stdin=stdin,
                stdout=inside,
                stderr=inside,
                environment=environment,
                new_session=True,
                directory=scene.directory,
            )
        finally:
            os.close(inside)
            if not terminal:
                os.close(stdin)
        self._launcher = os.pidfd_open(self.sandbox.launcher.pid)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def line(self, start: str) -> str:
        """Wait for a line that begins so; return it. Raises NotShownError."""
        with self._changed:
            give_up_at = time.monotonic() + PATIENCE_S
            while True:
                for line in self.lines:
                    if line.startswith(start):
                        return line
                if self._drained:
                    raise NotShownError(f"the command ended before it printed a line {start!r}")
                self._changed.wait(0.05)
                self.scene.check_cancelled()
                if time.monotonic() > give_up_at:
                    raise NotShownError(f"no line {start!r} came in {PATIENCE_S:.0f} s")

    def printed(self, start: str) -> list[str]:
        """Return the lines so far that begin so."""
        with self._changed:
            return [line for line in self.lines if line.startswith(start)]

    def members(self) -> list[Member]:
        """Return everybody of this run, zombies too, in the order of their start."""
        processes = procfs.snapshot()
        below = procfs.descendants(self.sandbox.launcher.pid, procfs.children_of(processes))
        return [Member(processes[pid]) for pid in below]

    def zombies(self) -> list[Member]:
        """Return the dead that nobody has waited for."""
        return [member for member in self.members() if member.dead]

    def find(self, name: str) -> Member:
        """Return the living process of that name, once there is one. Raises NotShownError."""
        found: list[Member] = []

        def there() -> bool:
            found[:] = [member for member in self.members() if member.name == name and not member.dead]
            return bool(found)

        self.until(there, f"a process {name}")
        return found[0]

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is so. Raises NotShownError."""
        give_up_at = time.monotonic() + PATIENCE_S
        while not condition():
            if self._drained:
                raise NotShownError(f"the command ended before {what} came about")
            if time.monotonic() > give_up_at:
                raise NotShownError(f"{what} did not come about in {PATIENCE_S:.0f} s")
            self.scene.check_cancelled()
            time.sleep(LOOK_EVERY_S)

    def go_on(self) -> None:
        """Write a line to the standard input, for which a script waits that wants to be looked at."""
        try:
            os.write(self._input, b"\n")
        except BrokenPipeError:
            raise NotShownError("the script ended before it was looked at") from None

    def press(self, keys: bytes) -> None:
        """Type keys at the run's terminal."""
        os.write(self._output, keys)

    @property
    def first(self) -> str:
        """The first process in words."""
        return "pid 1" if self.scene.place is not Place.HERE else f"pid {self.sandbox.pid}"

    def send(self, signum: int, why: str = "") -> None:
        """Send the first process a signal from outside, as an engine does."""
        self.scene.note(ACTION, f"{signal.Signals(signum).name[3:]} to {self.first}{why}")
        self.sandbox.send(signum)

    def wait(self, timeout_s: float = PATIENCE_S) -> int | None:
        """Wait for the end; return the status as a shell has it, None where it still runs."""
        give_up_at = time.monotonic() + timeout_s
        while (left_s := give_up_at - time.monotonic()) > 0:
            if select.select([self._launcher], [], [], min(left_s, 0.05))[0]:
                return self.sandbox.wait()
            self.scene.check_cancelled()
        return None

    def end(self) -> int:
        """Wait for the end, tell the status and return it. Raises NotShownError."""
        status = self.wait()
        if status is None:
            raise NotShownError(f"the command did not end in {PATIENCE_S:.0f} s")
        self._reader.join(PATIENCE_S)  # what it wrote last belongs before its end
        self.scene.note(END, f"the status is {status}{_signal_words(status)}")
        return status

    def stop(self, limit_s: float, look_at: str = "") -> Facts:
        """Stop it as an engine does: TERM to the first process, and KILL after its limit. Return what came of it.

        ``look_at``: the name of the process whose signal masks tell why it did not stop, the first process without one.
        """
        began = time.monotonic()
        self.send(signal.SIGTERM, ", as an engine's stop does")
        in_time = self.wait(limit_s) is not None
        if not in_time:
            named = self.find(look_at) if look_at else Member.of(self.sandbox.pid)
            self.scene.seen(
                f"after {limit_s:.1f} s pid {named.pid} {named.name} is {procfs.STATES.get(named.stat.state)}: "
                f"{named.evidence('SigBlk', 'SigCgt', signum=signal.SIGTERM)}"
            )
            self.scene.note(ACTION, "KILL, at the end of the engine's limit")
            self.sandbox.kill()
        status = self.end()
        return {"status": status, "killed_by_engine": not in_time, "stop_s": round(time.monotonic() - began, 3)}

    def _read(self) -> None:
        rest = b""
        while True:
            try:
                part = os.read(self._output, 65536)
            except OSError:  # a terminal whose last user is gone
                part = b""
            *lines, rest = (rest + part).split(b"\n")
            if not part and rest:
                lines.append(rest)
            for line in lines:
                text = line.rstrip(b"\r").decode(errors="replace")
                with self._changed:
                    self.lines.append(text)
                    self._changed.notify_all()
                self.scene.note(OUTPUT, text)
            if not part:
                with self._changed:
                    self._drained = True
                    self._changed.notify_all()
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.sandbox.__exit__(kind, error, trace)
        self._reader.join(PATIENCE_S)
        for descriptor in (self._output, self._input, self._launcher):
            if descriptor >= 0:
                os.close(descriptor)


def _signal_words(status: int) -> str:
    """Return " (128 + 9: KILL)" for a status that stands for a signal."""
    try:
        return f" (128 + {status - SIGNALLED}: {signal.Signals(status - SIGNALLED).name[3:]})"
    except ValueError:
        return ""
