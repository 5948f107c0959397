"""A PID namespace for one command, where the kernel permits one: for demonstrations and checks that need a real PID 1."""

import contextlib
import enum
import functools
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Self

import pysupervise
from pysupervise.cli.procfs import read_stat

# The package may be a directory of site-packages or lie in a single-file archive.
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(pysupervise.__file__)))
ENTER = "import sys; sys.path.insert(0, sys.argv.pop(1)); from pysupervise.cli.enter import main; main()"
PROBE_TIME_S = 10


class Place(enum.Enum):
    """Where a command runs."""

    NAMESPACE = "namespace"  # a PID namespace, made with privilege (CAP_SYS_ADMIN)
    USER_NAMESPACE = "user"  # the same, in a user namespace of one's own: it is root there, and nobody special outside
    HERE = "here"  # an ordinary child of ours

    @property
    def words(self) -> str:
        """The place in words, for the user."""
        return {
            "namespace": "in a PID namespace of its own",
            "user": "in a PID and user namespace of its own",
            "here": "without a PID namespace, which this system does not permit here: under a subreaper",
        }[self.value]


@functools.cache
def best_place() -> Place:
    """Return the best place that the kernel permits here; found out by trying."""
    for place in (Place.NAMESPACE, Place.USER_NAMESPACE):
        try:
            tried = subprocess.run(
                [*prefix(place, 2), sys.executable, "-I", "-S", "-c", ""],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=PROBE_TIME_S,
            )
        except (OSError, subprocess.TimeoutExpired):
            break  # no process can be made: who starts the command says why
        if tried.returncode == 0:
            return place
    return Place.HERE


def prefix(place: Place, report_fd: int) -> list[str]:
    """Return what to put in front of a command."""
    return [sys.executable, "-I", "-c", ENTER, ROOT, place.value, str(report_fd)]


def own_command() -> list[str]:
    """Return the words that start this very pysupervise, also inside of a sandbox."""
    start = "import sys; sys.path.insert(0, sys.argv.pop(1)); sys.argv[0] = 'pysupervise'; from pysupervise.__main__ import main; main()"
    return [sys.executable, "-I", "-c", start, ROOT]


class Sandbox:
    """A running command and everything it started; leaving the context kills what is left."""

    def __init__(
        self,
        command: Sequence[str],
        place: Place | None = None,
        *,
        stdin: int | IO[Any] | None = subprocess.DEVNULL,
        stdout: int | IO[Any] | None = None,
        stderr: int | IO[Any] | None = None,
        environment: Mapping[str, str] | None = None,
        new_session: bool = False,
        directory: str | None = None,
    ) -> None:
        """Start the command. Raises OSError where no process can be made."""
        self.place = best_place() if place is None else place
        read, write = os.pipe()
        try:
            self.launcher = subprocess.Popen(
                [*prefix(self.place, write), *command],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                env=None if environment is None else dict(environment),
                pass_fds=[write],
                start_new_session=new_session,
                cwd=directory,
            )
        finally:
            os.close(write)
        with open(read, encoding="ascii") as report:
            line = report.readline()
        # The command's pid as we see it, 0 where there is none; the descriptor pins it, so that a later number is never hit.
        self.pid = int(line) if line else 0
        self._descriptor = self._pin()

    def send(self, signum: int) -> bool:
        """Send a signal to the command from outside of its namespace; return whether it was there."""
        if self._descriptor is None:
            return False
        try:
            signal.pidfd_send_signal(self._descriptor, signum)
        except ProcessLookupError:
            return False
        return True

    def _pin(self) -> int | None:
        """Return a pidfd of the command, None where it has ended already."""
        if not self.pid:
            return None
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return None
        stat = read_stat(self.pid)
        if stat is not None and stat.parent == self.launcher.pid:  # the launcher has no other child
            return descriptor
        os.close(descriptor)
        return None

    def wait(self, timeout_s: float | None = None) -> int:
        """Wait for the end; return the status as a shell has it (128 and the signal). Raises subprocess.TimeoutExpired."""
        return self.launcher.wait(timeout_s)

    def kill(self) -> None:
        """Kill the command; as the PID 1 of a namespace it takes all the others along."""
        self.send(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.kill()
        try:
            self.launcher.wait(PROBE_TIME_S)
        except subprocess.TimeoutExpired:
            self.launcher.kill()
            self.launcher.wait()
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
        for stream in (self.launcher.stdin, self.launcher.stdout, self.launcher.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):  # what nobody read any more
                    stream.close()
