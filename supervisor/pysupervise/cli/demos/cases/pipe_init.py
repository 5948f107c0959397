"""A pipeline as the main command: the signal reaches the shell, the status is that of tee."""

import contextlib
import os

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

LIMIT_S = 1.0
SERVICE_STATUS = 5
TEE_STATUS = 143
COMMAND = "python3 service.py | tee service.log"
STURDY = "python3 service.py | (trap '' TERM; exec tee service.log)"
SERVICE = f"""\
import signal, sys

def stop(signum, frame):
    with open("service.saved", "w") as note:
        note.write("leaving with {SERVICE_STATUS}")
    sys.exit({SERVICE_STATUS})

signal.signal(signal.SIGTERM, stop)
print("service: ready")
while True:
    signal.pause()
"""
SAVED = "service.saved"
FORWARD = ("pysupervise", "--forward", "handlers", "--")


def _play(scene: Scene, *words: str) -> Facts:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(scene.path(SAVED))
    with scene.start(*words) as run:
        run.line("service: ready")
        stopped = run.stop(LIMIT_S)
        saved = os.path.exists(scene.path(SAVED))
        scene.seen(f"{SAVED} is there: the service got TERM" if saved else f"{SAVED} is not there: the service never got TERM")
        return {"service_got_term": saved, **stopped}


def _cured(scene: Scene) -> Facts:
    facts = _play(scene, *FORWARD, "sh", "-c", COMMAND)
    if not scene.find("bash"):
        scene.seen("there is no bash here, so pipefail is not shown")
    else:
        sturdy = _play(scene, *FORWARD, "bash", "-o", "pipefail", "-c", STURDY)
        facts |= {"service_got_term_with_pipefail": sturdy["service_got_term"], "status_with_pipefail": sturdy["status"]}
    return facts


def _checks(without: Facts, cured: Facts, place: Place) -> list[Check]:
    checks = [
        Check("Without: the service never gets TERM", not without["service_got_term"]),
        Check("Without: the status is the shell's own end", without["status"] == (143 if place is Place.HERE else 137)),
        Check(
            f"With: the service gets TERM and leaves with {SERVICE_STATUS}, but the status is that of tee, which dies of TERM (143)",
            cured["service_got_term"] and cured["status"] == TEE_STATUS,
        ),
    ]
    if "status_with_pipefail" in cured:
        right = cured["service_got_term_with_pipefail"] and cured["status_with_pipefail"] == SERVICE_STATUS
        checks.append(Check(f"With, pipefail, and a tee that ignores TERM: the service's own {SERVICE_STATUS}", right))
    return checks


DEMO = Demo(
    name="pipe-init",
    summary="cmd | tee as the main command: TERM ends at the shell, the status is that of tee",
    files={"command": COMMAND + "\n", "service.py": SERVICE},
    culprit="command",
    without=lambda scene: _play(scene, "sh", "-c", COMMAND),
    cured=_cured,
    checks=_checks,
    explanation="""
    A pipeline needs a shell, so the shell is what gets the signal, and it passes none on. The status of a pipeline is that of its
    last command, tee, whatever the service returned.
    """,
    cure="""
    pysupervise --forward handlers passes over the shell, and the service gets TERM. tee has no handler and nobody above it has one,
    so it gets TERM too and dies of it: the status is its, and what the service says last may be lost. A tee that ignores TERM reads
    to the end of its input, and pipefail lets the shell return the service's status. Better still is no pipe: the engine keeps a
    log by itself.
    """,
)
