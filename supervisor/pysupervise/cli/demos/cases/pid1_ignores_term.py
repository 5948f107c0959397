"""A service as PID 1: the kernel drops each signal that it has no handler for."""

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place
from pysupervise.core.status import SIGNALLED

LIMIT_S = 1.0
TERM, KILL = 15, 9
SERVICE = """\
import time

print("service: ready")
time.sleep(60)    # no handler for TERM: why should it need one?
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start(*words) as run:
        run.line("service: ready")
        service = run.find("service.py")
        scene.seen(f"the service is pid {service.pid}; {service.evidence('SigCgt', signum=15)}: it does not handle TERM")
        return {"service_pid": service.pid, **run.stop(LIMIT_S)}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    return [
        Check("Without: the service is PID 1", without["service_pid"] == 1),
        Check("Without: TERM does nothing, and the engine kills at its limit (137)", without["status"] == SIGNALLED + KILL),
        Check("With: the service is an ordinary process, and TERM ends it (143)", cured["status"] == SIGNALLED + TERM),
        Check("With: nobody has to be killed", without["killed_by_engine"] and not cured["killed_by_engine"]),
    ]


DEMO = Demo(
    name="pid1-ignores-term",
    summary="TERM does nothing to a PID 1 without a handler: every stop takes the engine's whole limit",
    files={"service.py": SERVICE},
    culprit="service.py",
    without=lambda scene: _play(scene, "python3", "service.py"),
    cured=lambda scene: _play(scene, "pysupervise", "--", "python3", "service.py"),
    checks=_checks,
    needs_namespace="only the PID 1 of a namespace is spared the default action of a signal, and there is no namespace here",
    explanation=f"""
    An ordinary process without a handler dies of TERM. The kernel spares the PID 1 of a namespace that: it gets only the signals
    that it handles (pid_namespaces(7)). The engine waits for its limit ({LIMIT_S:.0f} s here, 10 s with docker stop) and then sends
    KILL, which nobody can handle: from outside of the namespace it works on PID 1 too, from inside it does not.
    """,
    cure="""
    With pysupervise as PID 1 the service is an ordinary process again. Or let the service install a handler of its own.
    """,
)
