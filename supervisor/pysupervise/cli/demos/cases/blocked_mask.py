"""A signal mask that was inherited: TERM waits, for ever."""

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

LIMIT_S = 1.0
KILLED = 137
LAUNCH = """\
import os, signal, sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})    # "not now"; and never undone
os.execvp(sys.argv[1], sys.argv[1:])
"""
SERVICE = """\
import signal, sys

def stop(signum, frame):
    print("service:", signal.Signals(signum).name + ", saving; leaving with 0")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
signal.signal(signal.SIGINT, stop)
print("service: ready")
while True:
    signal.pause()
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start("python3", "launch.py", *words, "python3", "service.py") as run:
        run.line("service: ready")
        service = run.find("service.py")
        scene.seen(f"pid {service.pid} service.py: {service.evidence('SigBlk', 'SigCgt', signum=15)}: TERM has a handler, and is blocked")
        blocked = bool(service.status and service.status.blocks(15) and service.status.has_handler(15))
        stopped = run.stop(LIMIT_S, "service.py")
        got = [name for name in ("TERM", "INT") if run.printed(f"service: SIG{name}")]
        return {"term_blocked_and_handled": blocked, "service_got": got, **stopped}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    return [
        Check(
            "On both sides TERM has a handler and is blocked: a mask passes through exec, and pysupervise does not change it either",
            without["term_blocked_and_handled"] and cured["term_blocked_and_handled"],
        ),
        Check("Without: TERM never arrives, and the engine kills (137)", without["service_got"] == [] and without["status"] == KILLED),
        Check("With: INT comes after TERM and gets through; the status is 0", cured["service_got"] == ["INT"] and cured["status"] == 0),
    ]


DEMO = Demo(
    name="blocked-mask",
    summary="An inherited signal mask keeps TERM from a service that would handle it",
    files={"launch.py": LAUNCH, "service.py": SERVICE},
    culprit="launch.py",
    without=_play,
    cured=lambda scene: _play(scene, "pysupervise", "--stop", "TERM:500ms,INT:1s", "--"),
    checks=_checks,
    explanation="""
    A blocked signal waits in the kernel until it is unblocked. The mask is inherited through fork and exec (sigprocmask(2)), so a
    launcher that blocked TERM gives that to the service. In /proc/PID/status it is a bit of SigBlk, and after the TERM also of
    ShdPnd.
    """,
    cure="""
    No init can unblock a signal in another process. pysupervise --stop TERM:500ms,INT:1s tries another signal that the service
    handles before it kills. The launcher is what has to be mended: it must unblock what it blocked before exec.
    """,
)
