"""One init as PID 1 of a fresh PID namespace, and the fifo that its command talks by.

No other module starts an init: an init that ends with kill(-1) must never run outside
a namespace, or it ends everything on the machine.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

END_S = 20.0
LAUNCH_FAILED = 125
# What would change how an init or an interpreter behaves; the same for all.
FOREIGN = ("PYTHON", "PYSUPERVISE_", "TINI_", "DUMB_INIT")


class MeasureError(Exception):
    """An init did not do what the measurement needs; the reason in one line."""


@dataclass(frozen=True)
class Ended:
    """How the namespace went, by the launcher's clock."""

    started_ns: int
    ended_ns: int
    status: int


def environment() -> dict[str, str]:
    """Return our environment without what would configure an init."""
    return {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}


class Namespace:
    """A running init. Leaving the context kills whatever is left of it."""

    def __init__(self, launch: str, argv: Sequence[str]) -> None:
        """Start argv as PID 1; `pid` is its number outside."""
        self._ended: Ended | None = None
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - _close does
        self._process = subprocess.Popen(  # noqa: S603 - our launcher, no shell
            [launch, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment(),
            start_new_session=True,  # no controlling terminal to fight for
        )
        line = self._line()
        if not line:
            reason = self.words() or "the launcher died"
            self._process.wait()
            self._close()
            raise MeasureError(reason)
        self.pid = int(line)

    def __enter__(self) -> Namespace:  # noqa: PYI034 - Self needs 3.11
        """Return the running init."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill the namespace unless it has ended."""
        try:
            if self._ended is None:
                self.kill()
        finally:
            self._close()

    def fileno(self) -> int:
        """Return a descriptor that can be read when the namespace has ended."""
        return -1 if self._process.stdout is None else self._process.stdout.fileno()

    def kill(self) -> Ended:
        """End the namespace by KILL from outside."""
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        return self.finish()

    def finish(self, timeout_s: float = END_S) -> Ended:
        """Wait until the namespace is gone."""
        stdout = self._process.stdout
        if stdout is None or not select.select([stdout], [], [], timeout_s)[0]:
            message = f"still there after {timeout_s:.0f} s"
            raise MeasureError(message)
        fields = self._line().split()
        self._process.wait()
        if not fields:
            raise MeasureError(self.words() or "the launcher died")
        self._ended = Ended(*map(int, fields))
        if os.waitstatus_to_exitcode(self._ended.status) == LAUNCH_FAILED:
            raise MeasureError(self.words())
        return self._ended

    def words(self) -> str:
        """Return the last line that the init wrote to standard error."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _line(self) -> str:
        stdout = self._process.stdout
        return "" if stdout is None else stdout.readline().decode().strip()

    def _close(self) -> None:
        self._stderr.close()
        if self._process.stdout is not None:
            self._process.stdout.close()


class Channel:
    """A fifo in the file system: it reaches a command that inherits no descriptors."""

    def __init__(self, folder: Path, name: str) -> None:
        """Make the fifo and hold both ends open, so that nobody ever blocks."""
        self.path = str(folder / name)
        with contextlib.suppress(FileNotFoundError):
            Path(self.path).unlink()
        os.mkfifo(self.path, 0o600)
        self._fifo = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._pending = b""

    def line(self, init: Namespace, timeout_s: float = END_S) -> str:
        """Return the next line, or say why there is none."""
        deadline = time.monotonic() + timeout_s
        while b"\n" not in self._pending:
            left_s = deadline - time.monotonic()
            watched = [self._fifo, init.fileno()]
            ready, _, _ = select.select(watched, [], [], max(left_s, 0))
            if not ready:
                message = f"the command was silent for {timeout_s:.0f} s"
                raise MeasureError(message)
            if self._fifo not in ready:  # the init has ended, and nothing is left
                message = f"ended before its command answered: {init.words()}"
                raise MeasureError(message)
            self._pending += os.read(self._fifo, 65536)
        first, self._pending = self._pending.split(b"\n", 1)
        return first.decode()

    def drain(self) -> None:
        """Forget what is left of an earlier measurement."""
        self._pending = b""
        with contextlib.suppress(BlockingIOError):
            while os.read(self._fifo, 65536):
                pass

    def close(self) -> None:
        """Close and remove the fifo."""
        os.close(self._fifo)
        Path(self.path).unlink()
