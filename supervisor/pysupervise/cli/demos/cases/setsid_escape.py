"""A daemon leaves its process group: who signals the group does not reach it."""

import time

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import LOOK_EVERY_S, Member, Run, Scene
from pysupervise.cli.sandbox import Place

TIME_TO_STOP_S = 0.5
WRAPPER = """\
import os, signal, subprocess, sys

app = subprocess.Popen(sys.argv[1:], process_group=0)

def stop(signum, frame):
    os.killpg(app.pid, signum)    # "everybody": whoever is still in the group

signal.signal(signal.SIGTERM, stop)
app.wait()
print("wrapper: everybody has stopped")
sys.stdin.readline()
"""
APP = """\
import subprocess, time

subprocess.Popen(["python3", "daemon.py"], start_new_session=True)    # setsid(2)
time.sleep(60)
"""
DAEMON = """\
import signal, sys

def stop(signum, frame):
    print("daemon: TERM, saving")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
print("daemon: ready")
while True:
    signal.pause()
"""


def _start(run: Run) -> Member:
    run.line("daemon: ready")
    daemon, app = run.find("daemon.py"), run.find("app.py")
    run.scene.seen(f"pid {app.pid} app.py is in group {_inner(app, 'NSpgid')}, pid {daemon.pid} daemon.py in {_inner(daemon, 'NSpgid')}")
    return daemon


def _inner(member: Member, key: str) -> str:
    return member.status.lines[key].split()[-1] if member.status else "?"


def _without(scene: Scene) -> Facts:
    with scene.start("python3", "wrapper.py", "python3", "app.py") as run:
        _start(run)
        run.send(15)
        run.line("wrapper:")
        give_up_at = time.monotonic() + TIME_TO_STOP_S
        while (left := _daemons(run)) and time.monotonic() < give_up_at:
            time.sleep(LOOK_EVERY_S)
        for member in left:
            scene.seen(f"pid {member.pid} daemon.py still runs {TIME_TO_STOP_S} s later")
        got = bool(run.printed("daemon: TERM"))
        run.go_on()
        return {"daemon_got_term": got, "left_after_the_stop": len(left), "status": run.end()}


def _daemons(run: Run) -> list[Member]:
    return [member for member in run.members() if member.name == "daemon.py" and not member.dead]


def _cured(scene: Scene) -> Facts:
    with scene.start("pysupervise", "--", "python3", "app.py") as run:
        daemon = _start(run)
        run.send(15)
        status = run.end()
        left = [member for member in [daemon] if member.lives]
        scene.seen(f"pid {daemon.pid} daemon.py " + ("still runs" if left else "is gone"))
        return {"daemon_got_term": bool(run.printed("daemon: TERM")), "left_after_the_stop": len(left), "status": status}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    return [
        Check("Without: the daemon gets no TERM", not without["daemon_got_term"]),
        Check("Without: it runs on when everybody is said to have stopped", without["left_after_the_stop"] == 1),
        Check("With: the daemon gets TERM, saves, and is gone", cured["daemon_got_term"] and cured["left_after_the_stop"] == 0),
    ]


DEMO = Demo(
    name="setsid-escape",
    summary="A daemon that called setsid is missed by who stops the process group",
    files={"wrapper.py": WRAPPER, "app.py": APP, "daemon.py": DAEMON},
    culprit="wrapper.py",
    without=_without,
    cured=_cured,
    checks=_checks,
    explanation="""
    setsid(2) gives a process a session and a process group of its own. A wrapper that stops "the group" does not reach it: the
    daemon runs on, and in a container it is killed, without a chance to save, when PID 1 ends.
    """,
    cure="""
    pysupervise finds its processes through their parents in /proc, not through groups, and as a subreaper or PID 1 it remains the
    ancestor of every one of them, also of those whose parent has ended.
    """,
)
