"""A service that needs longer to stop than it is given."""

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

LIMIT_S = 1.0
GRACE = "500ms"
SERVICE = """\
import signal, sys, time

def stop(signum, frame):
    print("service: TERM; saving takes 5 s")
    time.sleep(5)
    print("service: saved")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
print("service: ready")
while True:
    signal.pause()
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start(*words, "python3", "service.py") as run:
        run.line("service: ready")
        service = run.find("service.py")
        stopped = run.stop(LIMIT_S, "service.py")
        named = [line for line in run.printed("pysupervise") if "grace period" in line and f"KILL to {service.pid} " in line]
        saved = bool(run.printed("service: saved"))
        return {"service_got_term": bool(run.printed("service: TERM")), "saved": saved, "named_who_was_killed": bool(named), **stopped}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    return [
        Check("On both sides the service got TERM and did not finish", _unfinished(without) and _unfinished(cured)),
        Check("Without: the engine kills at its limit (137), and nothing says whom and why", _kill(without) == (True, False, 137)),
        Check("With: pysupervise ends it before the engine's limit, and names who was not ready", _kill(cured) == (False, True, 137)),
    ]


def _unfinished(facts: Facts) -> bool:
    return bool(facts["service_got_term"] and not facts["saved"])


def _kill(facts: Facts) -> tuple[bool, bool, int]:
    return facts["killed_by_engine"], facts["named_who_was_killed"], facts["status"]


DEMO = Demo(
    name="grace-too-short",
    summary="A service that needs longer to stop than the engine's limit is killed in the middle",
    files={"service.py": SERVICE},
    culprit="service.py",
    without=_play,
    cured=lambda scene: _play(scene, "pysupervise", "--grace", GRACE, "--"),
    checks=_checks,
    explanation=f"""
    An engine sends TERM, waits for its limit ({LIMIT_S:.0f} s here, 10 s with docker stop, 30 s in Kubernetes) and then sends KILL,
    which nobody can handle. A service that saves for longer loses what it was saving, and all that is seen of it is the status 137.
    """,
    cure="""
    pysupervise cannot extend the limit of the engine: raise it (docker stop -t, stop_grace_period, terminationGracePeriodSeconds).
    With --grace below it, pysupervise sends the KILL itself, and says which process was not ready.
    """,
)
