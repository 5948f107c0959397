"""doctor on what is around a real process: descriptors and their limit, who traces it, the notification socket."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

from doctoring import STAY, found, python, rules
from helpers import PATIENCE_S, Service

HANDLER = "import signal; signal.signal(15, lambda *_: None); "


def test_descriptors_whose_targets_may_not_be_read_are_not_called_closed(run: Callable[..., Service], pysupervise: str) -> None:
    """Root without the right to trace sees which descriptors are open, and not where they lead."""
    service = run(*python(HANDLER + STAY))
    words = ["setpriv", "--bounding-set=-sys_ptrace", pysupervise, "doctor", "--json", str(service.pid)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    result = json.loads(done.stdout)
    assert (done.stderr, rules(result, "error", "warning")) == ("", set())
    names = "standard input, standard output, standard error"
    assert [line for line in result["unreadable"] if line.startswith(f"where {names} of pid {service.pid} ")]


def test_descriptors_above_a_limit_that_came_later_do_not_count(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    code = "import os, resource; files = [os.dup2(1, number) for number in {}]; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)); "
    service = run(*python(HANDLER + code.format("(*range(3, 40), 70, 71)") + STAY))
    finding = found(doctor(service.pid), "limit-near")
    assert (finding["severity"], finding["title"].partition(": ")[2]) == ("error", "40 of 40 in use (100%)")
    assert "has 40 numbers below that, and 2 above" in finding["evidence"][0]
    assert "limit-near" not in rules(doctor(run(*python(HANDLER + code.format("range(50, 90)") + STAY)).pid), "error", "warning")
