"""pysupervise check inside a container, as CI runs it: one service that drains, and four that fail in four ways."""

import json
import pathlib

import pytest

from .engine import Engine

SERVICE = pathlib.Path(__file__).parents[1] / "blackbox" / "check_service.py"
PORT = 8000
pytestmark = pytest.mark.container
PHASES = ("draining", "listener", "clean-up")


@pytest.mark.parametrize(
    ("how", "failed"),
    [("drains", None), ("resets", "draining"), ("keeps-listening", "listener"), ("leaves-child", "clean-up"), ("wrong-status", "clean-up")],
)
@pytest.mark.parametrize(
    ("words", "place"), [(("--user", "1234:1234"), "here"), (("--privileged",), "namespace")], ids=["user", "privileged"]
)
def test_check_inside_a_container(engine: Engine, image: str, how: str, failed: str | None, words: tuple[str, ...], place: str) -> None:
    options = ("--slow-http", f"http://127.0.0.1:{PORT}/slow", "--refused-within", "400ms", "--within", "2500ms", "--json")
    mount = ("--volume", f"{SERVICE}:/check_service.py:ro", "--entrypoint", "pysupervise")
    done = engine.run(*words, *mount, image, "check", *options, "--", "python3", "/check_service.py", how, str(PORT))
    assert done.stdout, done
    report = json.loads(done.stdout)
    assert {verdict["phase"]: verdict["passed"] for verdict in report["rounds"][0]["verdicts"]} == {
        phase: phase != failed for phase in PHASES
    }
    assert (report["place"], done.returncode) == (place, int(failed is not None)), done
    if how == "leaves-child":
        culprits = report["rounds"][0]["verdicts"][2]["culprits"]
        assert "sleep 100" in [culprit["command"] for culprit in culprits if culprit["kind"] == "ignores"], culprits
