"""check against real servers: what each does about TERM, INT and QUIT. docs/servers.md is made by the same runs (`make servers`)."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"
SPEC = importlib.util.spec_from_file_location("servers", DOCS / "servers.py")
assert SPEC is not None
assert SPEC.loader is not None
SERVERS: Any = importlib.util.module_from_spec(SPEC)
sys.modules["servers"] = SERVERS  # its dataclasses ask for it
SPEC.loader.exec_module(SERVERS)

DRAINS = ("PASS", "PASS", "PASS")
DROPS = ("FAIL", "PASS", "PASS")  # ends at once, without an answer to the request in flight
DRAINS_LISTENING = ("PASS", "FAIL", "PASS")  # the listener stays open as long as the request takes
STAYS = ("PASS", "FAIL", "FAIL")  # does nothing about the signal
# With pysupervise in front, and as PID 1 itself; each for TERM, INT, QUIT.
EXPECTED = {
    "gunicorn, sync worker": ((DRAINS_LISTENING, DROPS, DROPS), (DRAINS_LISTENING, DROPS, DROPS)),
    "uvicorn": ((DRAINS, DRAINS, DROPS), (DRAINS, DRAINS, STAYS)),
    "nginx, as a proxy": ((DROPS, DROPS, DRAINS), (DROPS, DROPS, DRAINS)),
    "node, no handler": ((DROPS, DROPS, DROPS), (STAYS, STAYS, STAYS)),
    "node, server.close() on TERM": ((DRAINS, DROPS, DROPS), (DRAINS, STAYS, STAYS)),
}


def expected(case: Any) -> tuple[str, str, str]:
    server, name, front = case
    return EXPECTED[server.name][SERVERS.FRONTS.index(front)][SERVERS.SIGNALS.index(name)]


def label(case: Any) -> str:
    server, name, front = case
    return f"{server.name}-{name}-{front}"


@pytest.fixture(scope="module")
def reports(pysupervise: str) -> dict[str, Any]:
    """All runs, a few at a time."""
    missing = [program for program in ("nginx", "node") if shutil.which(program, path=os.defpath + ":" + os.environ["PATH"]) is None]
    if missing:
        pytest.fail(f"not installed: {missing}; Debian: apt-get install nginx-light nodejs", pytrace=False)
    return dict(zip(map(label, SERVERS.CASES), SERVERS.run_all(SERVERS.CASES, pysupervise), strict=True))


@pytest.mark.parametrize("case", SERVERS.CASES, ids=label)
def test_server_does_what_the_page_says(case: Any, reports: dict[str, Any]) -> None:
    report = reports[label(case)]
    assert SERVERS.verdicts(report) == expected(case), report["rounds"]


def test_page_is_made_with_the_parameters_of_the_code_and_says_what_is_expected() -> None:
    text = SERVERS.PAGE.read_text(encoding="utf-8")
    assert text.startswith(SERVERS.introduction())
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| ")][1:]
    rows = [cells for cells in rows if set(cells[0]) != {"-"}]
    found = {(cells[0], cells[2], cells[1]): tuple(cell.partition(":")[0] for cell in cells[3:]) for cells in rows}
    assert found == {(server.name, name, front): expected((server, name, front)) for server, name, front in SERVERS.CASES}
