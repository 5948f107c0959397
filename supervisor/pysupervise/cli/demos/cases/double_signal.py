"""Ctrl-C reaches the whole foreground group; a wrapper in it that passes INT on delivers it twice."""

from pysupervise.cli.demos.model import ACTION, Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

FORCED = 1
WRAPPER = """\
import signal, subprocess, sys, time

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
service = subprocess.Popen(sys.argv[1:])
while signal.sigtimedwait({signal.SIGINT}, 0.05) is None and service.poll() is None:
    pass
time.sleep(0.3)    # its own clean-up
print("wrapper: INT; I pass it on to the service")
service.send_signal(signal.SIGINT)    # which has it from the terminal already
sys.exit(service.wait())
"""
SERVICE = """\
import signal, sys

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
print("service: ready")
signal.sigwaitinfo({signal.SIGINT})
print("service: INT number 1 from the terminal; saving takes a second")
if again := signal.sigtimedwait({signal.SIGINT}, 1):
    print("service: INT number 2 from pid", again.si_pid, "- forced, nothing saved")
    sys.exit(1)
print("service: saved")
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start(*words, "python3", "service.py", terminal=True) as run:
        run.line("service: ready")
        service = run.find("service.py")
        run.until(lambda: (now := type(service).of(service.outer)).stat.foreground == now.stat.group, "the service in the foreground")
        group = [member for member in run.members() if member.stat.group == service.stat.group]
        scene.seen("in the terminal's foreground group: " + ", ".join(f"{member.pid} {member.name}" for member in group))
        scene.note(ACTION, "Ctrl-C at the terminal")
        run.press(b"\x03")
        status = run.end()
        return {"int_signals": len(run.printed("service: INT")), "saved": bool(run.printed("service: saved")), "status": status}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    return [
        Check("Without: one Ctrl-C arrives as two INT", without["int_signals"] == 2),  # noqa: PLR2004 -- the point
        Check("Without: the service takes that for impatience and saves nothing", not without["saved"] and without["status"] == FORCED),
        Check("With: one Ctrl-C is one INT, and the service saves", cured["int_signals"] == 1 and cured["saved"] and cured["status"] == 0),
    ]


DEMO = Demo(
    name="double-signal",
    summary="One Ctrl-C arrives twice through a wrapper that passes INT on",
    files={"wrapper.py": WRAPPER, "service.py": SERVICE},
    culprit="wrapper.py",
    without=lambda scene: _play(scene, "python3", "wrapper.py"),
    cured=lambda scene: _play(scene, "pysupervise", "--"),
    checks=_checks,
    explanation="""
    The terminal sends the INT of a Ctrl-C to every process of its foreground group. Wrapper and service share it, so the service
    has INT from the kernel, and a second one from the wrapper. Many programs take a second INT as "now, at once". (Two that wait at
    the same time become one, so it happens only now and then with a wrapper that is quick.)
    """,
    cure="""
    pysupervise starts its command in a process group of its own and gives that group the terminal: a Ctrl-C reaches the service
    once, and pysupervise not at all.
    """,
)
