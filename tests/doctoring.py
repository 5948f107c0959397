"""For the tests of doctor: programs of a known kind, and what an examination in JSON says."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from helpers import PATIENCE_S

# A program that says "ready" and stays; what it does first is the situation.
STAY = "print('ready', flush=True); import time; time.sleep(60)"


def python(code: str) -> list[str]:
    """Return the command line that runs code."""
    return [sys.executable, "-I", "-c", code]


def found(result: dict[str, Any], rule: str) -> dict[str, Any]:
    """Return the only finding of a rule."""
    (finding,) = [finding for finding in result["findings"] if finding["rule"] == rule]
    assert isinstance(finding, dict)
    return finding


def rules(result: dict[str, Any], *severities: str) -> set[str]:
    """Return the rules that found something of these severities."""
    return {finding["rule"] for finding in result["findings"] if finding["severity"] in severities}


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, with a limit."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def state(pid: int) -> str:
    """Return the state letter of a process."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
