"""What the tests of check share."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers import PATIENCE_S

# Who was killed when PID 1 ended is told by the kernel from this version on.
TELLS_EXITS = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 15)
SERVICE = Path(__file__).parent / "check_service.py"
Check = Callable[..., "subprocess.CompletedProcess[str]"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def checker(pysupervise: str) -> Check:
    """Return what runs check to its end."""

    def run(*words: str, **popen: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run([pysupervise, "check", *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False, **popen)

    return run


def service(how: str, port: int) -> list[str]:
    return ["--", sys.executable, "-I", str(SERVICE), how, str(port)]


def verdicts(done: "subprocess.CompletedProcess[str]") -> dict[str, str]:
    """Return PASS, FAIL or SKIP by phase."""
    words = [line.split() for line in done.stdout.splitlines()]
    return {line[2]: line[0] for line in words if line and line[0] in ("PASS", "FAIL", "SKIP")}


def passed(*failed: str) -> dict[str, str]:
    return {phase: "FAIL" if phase in failed else "PASS" for phase in ("draining", "listener", "clean-up")}
