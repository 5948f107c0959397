"""Compile the small C programs that stand at both ends of every measurement.

They are C and static, so that what they cost is little and the same for every init.
The result is cached under a name that contains a digest of the sources.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent.parent / "native"
PROGRAMS = ("launch", "stamp", "receiver", "sender", "orphans", "sessions", "crowd")


class NativeError(Exception):
    """The programs cannot be compiled, with the compiler's words."""


@dataclass(frozen=True)
class Tools:
    """Where the compiled programs are."""

    launch: str
    stamp: str
    receiver: str
    sender: str
    orphans: str
    sessions: str
    crowd: str


def cache_dir() -> Path:
    """Return the folder for everything that the next run can use again."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "pysupervise-bench"
    path.mkdir(parents=True, exist_ok=True)
    return path


def build(cache: Path) -> Tools:
    """Compile what the cache does not hold yet."""
    digest = hashlib.sha256()
    for source in sorted(SOURCES.glob("*.[ch]")):
        digest.update(source.name.encode() + source.read_bytes())
    folder = cache / f"native-{digest.hexdigest()[:16]}"
    folder.mkdir(exist_ok=True)
    compiler = shutil.which("cc") or shutil.which("gcc")
    for name in PROGRAMS:
        if not (folder / name).exists():
            if compiler is None:
                message = "no C compiler (apt-get install gcc libc6-dev)"
                raise NativeError(message)
            _compile(compiler, name, folder / name)
    return Tools(*(str(folder / name) for name in PROGRAMS))


def _compile(compiler: str, name: str, target: Path) -> None:
    """Compile one program, static where a static C library is installed."""
    partial = target.with_suffix(".partial")
    complaint = ""
    for linking in (["-static"], []):
        done = subprocess.run(  # noqa: S603 - the compiler, on our own source
            [
                compiler,
                "-O2",
                *linking,
                "-o",
                str(partial),
                str(SOURCES / f"{name}.c"),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            partial.replace(target)  # atomic: two runs may share the cache
            return
        complaint = done.stderr.strip()
    message = f"cannot compile {name}.c: {complaint}"
    raise NativeError(message)
