"""A pipeline as the main command: the signal reaches the shell, the status is that of tee."""

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

LIMIT_S = 1.0
SERVICE_STATUS = 5
COMMAND = "python3 service.py | tee service.log"
SERVICE = f"""\
import signal, sys

def stop(signum, frame):
    print("service: TERM; leaving with {SERVICE_STATUS}")
    sys.exit({SERVICE_STATUS})

signal.signal(signal.SIGTERM, stop)
print("service: ready")
while True:
    signal.pause()
"""
FORWARD = ("pysupervise", "--forward", "handlers", "--")


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start(*words, COMMAND) as run:
        run.line("service: ready")
        stopped = run.stop(LIMIT_S)
        got = bool(run.printed("service: TERM"))
        scene.seen("the service got TERM" if got else "the service never got TERM")
        return {"service_got_term": got, **stopped}


def _cured(scene: Scene) -> Facts:
    facts = _play(scene, *FORWARD, "sh", "-c")
    if scene.find("bash"):
        facts["status_with_pipefail"] = _play(scene, *FORWARD, "bash", "-o", "pipefail", "-c")["status"]
    return facts


def _checks(without: Facts, cured: Facts, place: Place) -> list[Check]:
    checks = [
        Check("Without: the service never gets TERM", not without["service_got_term"]),
        Check("Without: the status says nothing about it", without["status"] == (143 if place is Place.HERE else 137)),
        Check("With: the service gets TERM; the status is still that of tee, 0", cured["service_got_term"] and cured["status"] == 0),
    ]
    if "status_with_pipefail" in cured:
        checks.append(Check(f"With, and pipefail: the service's own {SERVICE_STATUS}", cured["status_with_pipefail"] == SERVICE_STATUS))
    return checks


DEMO = Demo(
    name="pipe-init",
    summary="cmd | tee as the main command: TERM ends at the shell, the status is that of tee",
    files={"command": COMMAND + "\n", "service.py": SERVICE},
    culprit="command",
    without=lambda scene: _play(scene, "sh", "-c"),
    cured=_cured,
    checks=_checks,
    explanation="""
    A pipeline needs a shell, so the shell is what gets the signal, and it passes none on. The status of a pipeline is that of its
    last command: tee has copied everything, and returns 0.
    """,
    cure="""
    pysupervise --forward handlers sends TERM to the service, which handles it; tee reads to the end of its input and ends by
    itself. The status stays that of tee unless the shell is told otherwise: bash -o pipefail.
    """,
)
