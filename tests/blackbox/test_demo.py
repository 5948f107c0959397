"""`pysupervise demo`: every demo for real, its facts as they were observed; the terminal, the recording, the words for mistakes."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pexpect
import pytest
from helpers import PATIENCE_S

# Facts of each demo, without and with, as root in a PID namespace. What is left out is a number or a time that differs from run to run.
FACTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "zombies": (
        {"zombies_while_the_parent_lives": 4, "zombies_after_it_ended": 4, "status": 0},
        {"zombies_while_the_parent_lives": 4, "zombies_after_it_ended": 0, "status": 0},
    ),
    "pid1-ignores-term": (
        {"service_pid": 1, "status": 137, "killed_by_engine": True},
        {"service_pid": 2, "status": 143, "killed_by_engine": False},
    ),
}


def demo(pysupervise: str, *arguments: str, **popen: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([pysupervise, "demo", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE_S, **popen)


def observed(pysupervise: str, name: str, place: str) -> tuple[int, dict[str, Any]]:
    done = demo(pysupervise, name, "--json", "--place", place)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def holds(facts: dict[str, Any], expected: dict[str, Any]) -> bool:
    assert {key: facts.get(key) for key in expected} == expected
    return True


@pytest.mark.parametrize("name", FACTS)
def test_demo_shows_what_it_claims(pysupervise: str, name: str) -> None:
    status, value = observed(pysupervise, name, "namespace")
    assert value["reasons"] == []
    assert (status, value["verdict"], value["place"]) == (0, "shown", "namespace")
    for side, expected in zip(("without", "with"), FACTS[name], strict=True):
        assert holds(value[side]["facts"], expected)
        assert [event["kind"] for event in value[side]["events"]][0] == "command"
        assert value[side]["events"][-1]["time_s"] < 5
    assert value["checks"]
    assert value["files"][value["culprit"]]


def test_list_names_every_demo(pysupervise: str) -> None:
    done = demo(pysupervise)
    listed = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert (done.returncode, listed) == (0, list(FACTS))
    as_json = json.loads(demo(pysupervise, "--json").stdout)
    assert [row["name"] for row in as_json] == listed
    assert all(row["summary"] for row in as_json)
