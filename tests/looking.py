"""For the tests of the verbs that look: processes of a known kind in a PID namespace of their own, seen from outside of it."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from helpers import PATIENCE_S, children, in_pid_namespace

MAKER = Path(__file__).parent / "blackbox" / "zombie_makers.py"


class Scene:
    """A command in a PID namespace; what it says on its first line are pids of there."""

    def __init__(self, command: Sequence[str], *, child: bool = True, ready: bool = True) -> None:
        # As the child of a shell, or as PID 1 itself.
        inner = ["sh", "-c", '"$@"; exit $?', "sh", *command] if child else list(command)
        self.process = subprocess.Popen(in_pid_namespace(inner), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)
        self.inner: list[int] = []
        if ready:
            assert self.process.stdout is not None
            assert select.select([self.process.stdout], [], [], PATIENCE_S)[0], f"{command}: nothing came"
            words = self.process.stdout.readline().decode().split()
            assert words[:1] == ["ready"], words
            self.inner = [int(word) for word in words[1:]]

    @property
    def init(self) -> int:
        """The namespace's PID 1, as numbered here."""
        return children(self.process.pid)[0]

    def outer(self, inner: int) -> int:
        """Return the number here of a process of the namespace."""
        return next(pid for pid in self.pids() if numbers(pid)[-1:] == [inner])

    def pids(self) -> list[int]:
        """Return everybody of the namespace, as numbered here."""
        found = [self.init]
        for pid in found:
            found += children(pid)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


def maker(kind: str, *arguments: str) -> list[str]:
    """Return the command line that makes a zombie of a kind."""
    return [sys.executable, "-I", "-S", str(MAKER), kind, *arguments]


def numbers(pid: int) -> list[int]:
    """Return a process's pids, from our namespace to its own."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [int(word) for line in lines if line.startswith("NSpid:") for word in line.split()[1:]]


def state(pid: int) -> str:
    """Return the state letter of a process."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def wait_for_state(pid: int, wanted: str) -> None:
    """Return when a process has a state."""
    deadline = os.times().elapsed + PATIENCE_S
    while state(pid) != wanted:
        assert os.times().elapsed < deadline, state(pid)


def run(pysupervise: str, *arguments: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    """Run a verb to its end, in a pipe."""
    options.setdefault("env", {**os.environ, "PYTHONIOENCODING": "utf-8"})
    return subprocess.run([pysupervise, *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE_S, **options)


def value(pysupervise: str, *arguments: str, until: Callable[[Any], bool] = bool) -> Any:
    """Return what a verb says in JSON."""
    done = run(pysupervise, *arguments, "--json")
    found = json.loads(done.stdout)
    assert until(found), found
    return found
