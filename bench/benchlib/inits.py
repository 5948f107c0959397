"""The inits that are measured: how each is put in front of a command."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPTIONS = ("--grace", "5s", "--forward", "group", "--rewrite", "HUP=USR1")
DEBIAN = ("tini", "dumb-init", "catatonit")


@dataclass(frozen=True)
class Init:
    """An init under a name; `wrap` puts it in front of a command."""

    name: str
    wrap: Callable[[Sequence[str]], list[str]]
    scale: bool = False  # a process manager from PyPI: beside the others for scale


@dataclass(frozen=True)
class Interpreter:
    """The interpreter that pysupervise's first line names."""

    path: str
    version: str

    @property
    def label(self) -> str:
        """Version and file name, without the machine's folders."""
        return f"{self.version} ({Path(self.path).name})"


class InitError(Exception):
    """The command to measure cannot be used."""


def before(name: str, *prefix: str) -> Init:
    """Return an init that takes the command as its last arguments."""
    return Init(name, lambda command: [*prefix, *command])


def find_command(given: str | None) -> str:
    """Return pysupervise: as given, beside this interpreter, or on PATH."""
    beside = Path(sys.executable).with_name("pysupervise")
    found = given or (str(beside) if beside.exists() else shutil.which("pysupervise"))
    if found is None:
        message = "cannot find pysupervise: neither beside this interpreter nor on PATH\nhint: name an installed one with --command"
        raise InitError(message)
    path = shutil.which(found)
    if path is None:
        message = f"cannot run {found}: not an executable file"
        raise InitError(message)
    return str(Path(path).absolute())


def find_interpreter(command: str) -> Interpreter:
    """Return the interpreter that the command's first line names."""
    with Path(command).open("rb") as script:
        lines = [script.readline(4096).decode(errors="replace") for _ in range(2)]
    words = lines[0].removeprefix("#!").split()
    if not lines[0].startswith("#!") or not words:
        message = f"cannot measure {command}: its first line names no interpreter"
        raise InitError(message)
    path = words[0]
    if Path(path).name == "env":
        named = [word for word in words[1:] if not word.startswith("-")]
        path = shutil.which(named[0]) or named[0]
    elif Path(path).name == "sh" and lines[1].startswith("'''exec'"):
        path = shlex.split(lines[1].removeprefix("'''exec'"))[0]  # pip's long paths
    return _ask(path)


def _ask(path: str) -> Interpreter:
    """Ask the interpreter who it is; what was named may be a shim in front of it."""
    code = "import sys, platform as p;print(p.python_implementation(), p.python_version());print(sys.executable)"
    try:
        answer = subprocess.run(  # noqa: S603 - the interpreter under measurement
            [path, "-I", "-c", code], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        message = f"cannot run the interpreter {path}: {error}"
        raise InitError(message) from error
    version, executable = answer.stdout.splitlines()
    return Interpreter(executable, version)


def debian() -> tuple[dict[str, str], list[str]]:
    """Return the paths of the C inits that are installed, and who is absent."""
    found = {name: path for name in DEBIAN if (path := shutil.which(name))}
    absent = [f"{name}: not installed" for name in DEBIAN if name not in found]
    return found, absent


def debian_version(name: str) -> str:
    """Return the package's version. The init itself is not asked: see namespace.py."""
    query = shutil.which("dpkg-query")
    if query is None:
        return name
    answer = subprocess.run(  # noqa: S603 - dpkg-query, with one of three names
        [query, "-W", "-f", "${Version}", name],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"{name} {answer.stdout}".strip()
