"""doctor on the dead: a zombie that is asked for, and a main thread that ended before the others."""

from collections.abc import Callable
from typing import Any

from doctoring import STAY, found, python, rules, state, wait_until
from helpers import Service, children
from looking import Scene, maker


def test_a_zombie_that_is_asked_for(doctor: Callable[..., dict[str, Any]]) -> None:
    """One finding, of its parent; none of handlers and descriptors, which it has no more."""
    with Scene(maker("unhandled")) as scene:
        zombie, parent = scene.outer(scene.inner[0]), scene.pids()[1]
        result = doctor(zombie)
    (finding,) = result["findings"]
    assert (finding["rule"], finding["severity"]) == ("is-zombie", "warning")
    assert finding["title"].startswith(f"pid {zombie} ")
    assert f"its parent, pid {parent} `" in finding["title"]
    assert finding["evidence"][0].endswith(f") Z {parent}")
    assert (result["checked"], result["unreadable"]) == ([], [])


def test_a_zombie_with_a_tracer_says_what_keeps_it(doctor: Callable[..., dict[str, Any]]) -> None:
    with Scene(maker("traced_zombie")) as scene:
        zombie, tracer = (scene.outer(inner) for inner in scene.inner)
        finding = found(doctor(zombie), "is-zombie")
    assert f"(pid {tracer})" in finding["consequence"]
    assert f"TracerPid: {tracer}" in finding["evidence"][1].replace("\t", " ")


def test_a_dead_leader_is_no_zombie_of_its_parent(doctor: Callable[..., dict[str, Any]]) -> None:
    with Scene(maker("dead_leader")) as scene:
        leader, parent = scene.outer(scene.inner[0]), scene.pids()[1]
        result = doctor(parent)
    assert found(result, "dead-leader")["title"].startswith(f"pid {leader} (")
    assert "State: Z (zombie), Threads: 2" in found(result, "dead-leader")["evidence"][0]
    assert "zombies" not in rules(result, "error", "warning", "info")
    assert any(line.startswith("no zombie among") for line in result["checked"])


def test_a_dead_leader_is_read_at_a_thread_that_lives(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    """Its own descriptors and command line are gone; those of the process are not."""
    code = (
        "import ctypes, os, signal, threading\n"
        "signal.signal(15, lambda *_: None); os.close(2)\n"
        f"threading.Thread(target=lambda: exec({STAY!r})).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    service = run("tini", "--", *python(code))
    (leader,) = children(service.pid)
    wait_until(lambda: state(leader) == "Z")
    result = doctor(leader)
    assert rules(result, "error", "warning") == {"closed-stream"}
    assert found(result, "closed-stream")["title"].startswith(f"standard error of pid {leader} `python")
    assert found(result, "closed-stream")["evidence"][0].startswith(f"/proc/{leader}/task/")
    assert result["examined"]["command"][1:3] == ["-I", "-c"]
    assert any(line.startswith("standard input of") and line.endswith("/dev/null") for line in result["checked"])
    assert doctor(service.pid)["examined"]["service_pid"] == leader
    (handles,) = [line for line in doctor(service.pid)["checked"] if line.startswith("the service, ")]
    assert f"pid {leader} `python" in handles
    assert "handles TERM" in handles
