"""doctor --container on real containers: by name and id, what it finds, and that a healthy one is called healthy."""

import json
import subprocess
from typing import Any

import pytest

from .engine import Container, Engine

pytestmark = pytest.mark.container
SERVICE = ("python3", "/probes/service.py")


def doctor(pysupervise: str, word: str) -> dict[str, Any]:
    words = [pysupervise, "doctor", "--json", "--container", word]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=20, stdin=subprocess.DEVNULL)
    assert done.stderr == ""
    result: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == result["status"]
    return result


def severities(result: dict[str, Any]) -> dict[str, str]:
    return {finding["rule"]: finding["severity"] for finding in result["findings"]}


def ready(container: Container) -> Container:
    container.wait_for_line("ready")
    return container


def test_healthy(engine: Engine, image: str, pysupervise: str) -> None:
    """Found by its name, its id and the beginning of that; nothing to say."""
    container = ready(engine.start(image, *SERVICE))
    identity = engine.call("inspect", "--format", "{{.Id}}", container.name).stdout.strip()
    for word in (container.name, identity, identity[:8]):
        result = doctor(pysupervise, word)
        assert (result["findings"], result["status"]) == ([], 0)
        assert result["examined"]["container"] == {"id": identity, "engine": "podman"}
        assert result["examined"]["stop_signal_source"].endswith("org.opencontainers.image.stopSignal: 15")
    container.stop()


def test_paused(engine: Engine, image: str, pysupervise: str) -> None:
    """Its processes look as if they hung in the kernel: that is the freezer."""
    container = ready(engine.start(image, *SERVICE))
    engine.call("pause", container.name)
    result = doctor(pysupervise, container.name)
    assert severities(result) == {"frozen": "warning"}
    assert result["findings"][0]["evidence"][0].endswith((": FROZEN", ": frozen 1"))
    engine.call("unpause", container.name)
    assert doctor(pysupervise, container.name)["findings"] == []
    container.stop()


def test_shell_form_in_front(engine: Engine, image: str, pysupervise: str) -> None:
    """The stop signal is the one of the container, not TERM."""
    words = ("--stop-signal", "USR1", "--entrypoint", "sh", image, "-c", "python3 /probes/service.py; true")
    container = ready(engine.start(*words))
    result = doctor(pysupervise, container.name)
    assert severities(result) == {"shell-in-front": "error", "no-init": "info"}
    assert result["examined"]["stop_signal"] == "USR1"
    assert "sh -c 'python3 /probes/service.py; true'" in result["findings"][0]["evidence"][0]


def test_pid1_that_ignores_term(engine: Engine, image: str, pysupervise: str) -> None:
    """An interpreter without a handler, and one that ignores the signal."""
    stay = "print('ready', flush=True); import time; time.sleep(60)"
    container = ready(engine.start("--entrypoint", "python3", image, "-c", stay))
    assert severities(doctor(pysupervise, container.name)) == {"pid1-drops-stop-signal": "error", "no-init": "info"}
    container = ready(engine.start("--entrypoint", "python3", image, "-c", f"import signal; signal.signal(15, signal.SIG_IGN); {stay}"))
    assert severities(doctor(pysupervise, container.name)) == {"pid1-ignores-stop-signal": "error", "no-init": "info"}


def test_doubled_init(engine: Engine, image: str, pysupervise: str) -> None:
    """The engine's init on top of ours."""
    container = ready(engine.start("--init", image, *SERVICE))
    result = doctor(pysupervise, container.name)
    assert severities(result) == {"two-inits": "warning"}
    assert "podman-init -- pysupervise -- " in result["findings"][0]["evidence"][0]
    container.stop()


def test_shared_with_the_machine(engine: Engine, image: str, pysupervise: str) -> None:
    """No PID 1 of its own."""
    container = ready(engine.start("--pid=host", image, *SERVICE))
    assert severities(doctor(pysupervise, container.name)) == {"host-pid-namespace": "info"}
    container.stop()


def test_inside(engine: Engine, image: str) -> None:
    """The slim image as another user, without the right to look at much: a healthy container is not called ill."""
    for user in ("0:0", "1234:1234"):
        container = ready(engine.start("--user", user, image, *SERVICE))
        done = engine.call("exec", container.name, "pysupervise", "doctor", "--json", check=False)
        result = json.loads(done.stdout)
        assert (done.returncode, result["findings"]) == (0, []), done.stdout
        assert any("TERM reaches PID 1" in line for line in result["checked"])
        container.stop()
