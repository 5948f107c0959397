"""A shell in front of the service: it gets the signal, and keeps it."""

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

LIMIT_S = 1.0
COMMAND = 'python3 service.py; echo "shell: the service returned $?"'
SERVICE = """\
import signal, sys

def stop(signum, frame):
    print("service: TERM, saving; leaving with 0")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
print("service: ready")
while True:
    signal.pause()
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start(*words, "sh", "-c", COMMAND) as run:
        run.line("service: ready")
        service, shell = run.find("service.py"), run.find("sh")
        scene.seen(f"pid {shell.pid} sh: {shell.evidence('SigCgt')}; pid {service.pid} service.py: {service.evidence('SigCgt', signum=15)}")
        stopped = run.stop(LIMIT_S)
        got = bool(run.printed("service: TERM"))
        scene.seen("the service got TERM" if got else "the service never got TERM")
        return {"service_got_term": got, **stopped}


def _checks(without: Facts, cured: Facts, place: Place) -> list[Check]:
    # As PID 1 the shell does not even get TERM; as an ordinary process it dies of it, and nobody tells the service.
    shell = "the shell dies of TERM alone (143)" if place is Place.HERE else "TERM does nothing to the shell, which is killed (137)"
    return [
        Check("Without: the service never gets TERM", not without["service_got_term"]),
        Check(f"Without: {shell}", without["status"] == (143 if place is Place.HERE else 137)),
        Check("With: the service gets TERM, and its status comes through the shell", cured["service_got_term"] and cured["status"] == 0),
    ]


DEMO = Demo(
    name="shell-swallows-term",
    summary="sh -c in front of a service gets TERM, and does not pass it on",
    files={"command": COMMAND + "\n", "service.py": SERVICE},
    culprit="command",
    without=_play,
    cured=lambda scene: _play(scene, "pysupervise", "--forward", "handlers", "--"),
    checks=_checks,
    explanation="""
    The shell form of an ENTRYPOINT puts sh -c in front of the service. A signal goes to the first process, the shell, and a shell
    passes none on. It has no handler for TERM: so as PID 1 the kernel drops the signal, and everybody is killed at the end; as an
    ordinary process the shell dies, and the service runs on without it. The service learns nothing in either case.
    """,
    cure="""
    pysupervise --forward handlers sends the signal to those who handle it: the service, not the shell, which then returns as it
    would after any other end of the service. Or write exec in front of the service, or use the exec form, so that there is no
    shell.
    """,
)
