"""The process managers from PyPI, for scale: a venv of their own, one config each.

They are not inits, and nothing is bounded by them. What pip cannot install is listed as
absent.
"""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from .inits import Init, Interpreter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

PACKAGES = {"supervisor": "supervisord", "circus": "circusd", "honcho": "honcho"}
INSTALL_S = 60


def install(cache: Path, interpreter: Interpreter) -> tuple[Path, list[str]]:
    """Make the venv with pysupervise's interpreter; return it and who is absent."""
    version = interpreter.version.lower().replace(" ", "-")
    venv = cache / f"pypi-{version}"
    python = str(venv / "bin" / "python")
    absent = []
    if not Path(python).exists():
        _run([interpreter.path, "-m", "venv", str(venv)])
    for package, program in PACKAGES.items():
        if (venv / "bin" / program).exists():
            continue
        problem = _run([python, "-m", "pip", "install", "--quiet", package])
        if problem:
            absent.append(f"{package}: pip cannot install it: {problem}")
    return venv, absent


def _run(argv: Sequence[str]) -> str:
    """Run a command; return the last line of its complaint, empty if all is well."""
    try:
        done = subprocess.run(  # noqa: S603 - pip, with one of three names
            argv, capture_output=True, text=True, check=False, timeout=INSTALL_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or ["no reason given"])[-1]


def versions(venv: Path) -> list[str]:
    """Return name and version of each that is installed."""
    code = "import sys, importlib.metadata as m\nfor name in sys.argv[1:]: print(name, m.version(name))"
    programs = venv / "bin"
    installed = [name for name, prog in PACKAGES.items() if (programs / prog).exists()]
    answer = subprocess.run(  # noqa: S603 - our own venv
        [str(venv / "bin" / "python"), "-c", code, *installed],
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.splitlines()


def managers(venv: Path, work: Path) -> list[Init]:
    """Return those that are installed; `work` gets their configuration."""
    makers: dict[str, Callable[[Sequence[str]], list[str]]] = {
        "supervisord": lambda command: _supervisord(venv, work, command),
        "circusd": lambda command: _circusd(venv, work, command),
        "honcho": lambda command: _honcho(venv, work, command),
    }
    return [Init(name, wrap, scale=True) for name, wrap in makers.items() if (venv / "bin" / name).exists()]


def _supervisord(venv: Path, work: Path, command: Sequence[str]) -> list[str]:
    config = work / "supervisord.conf"
    config.write_text(
        f"[supervisord]\nnodaemon=true\nuser=root\nlogfile=/dev/null\n"
        f"logfile_maxbytes=0\npidfile={work}/supervisord.pid\n"
        f"[program:command]\ncommand={shlex.join(command)}\nautorestart=false\n"
    )
    return [str(venv / "bin" / "supervisord"), "-c", str(config)]


def _circusd(venv: Path, work: Path, command: Sequence[str]) -> list[str]:
    config = work / "circus.ini"
    sockets = "".join(f"{name} = ipc://{work}/circus-{name}\n" for name in ("endpoint", "pubsub_endpoint"))
    config.write_text(f"[circus]\n{sockets}[watcher:command]\ncmd = {shlex.join(command)}\n")
    return [str(venv / "bin" / "circusd"), str(config)]


def _honcho(venv: Path, work: Path, command: Sequence[str]) -> list[str]:
    procfile = work / "Procfile"
    procfile.write_text(f"command: exec {shlex.join(command)}\n")
    return [str(venv / "bin" / "honcho"), "-f", str(procfile), "start"]
