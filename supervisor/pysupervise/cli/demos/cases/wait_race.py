"""A number that was noted belongs to somebody else by the time of the kill."""

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

MANAGER = """\
import os, signal, subprocess, sys

noted = []
for script in "worker.py", "service.py":
    noted.append(subprocess.Popen(["python3", script]).pid)

def stop(signum, frame):
    for number in noted:    # noted at the start; who has the number now?
        try:
            print("manager: TERM to", number)
            os.kill(number, signal.SIGTERM)
        except ProcessLookupError:
            pass

signal.signal(signal.SIGTERM, stop)
print("manager: ready")
try:
    while True:
        os.wait()    # reaps the worker, and so frees its number
except ChildProcessError:
    sys.exit(0)
"""
APP = """\
import subprocess, time

subprocess.Popen(["python3", "worker.py"]).wait()
time.sleep(60)
"""
WORKER = """\
import os

with open("worker.new", "w") as file:
    file.write(str(os.getpid()))
os.rename("worker.new", "worker.pid")
"""
SERVICE = """\
import time

time.sleep(60)
"""
MACHINE = """\
import os, pathlib, signal, subprocess, sys, time

stopped = subprocess.Popen(sys.argv[1:])
while not os.path.exists("worker.pid"):
    time.sleep(0.01)
number = int(pathlib.Path("worker.pid").read_text())
while os.path.exists(f"/proc/{number}"):
    time.sleep(0.01)
print("machine: the worker was pid", number, "and is gone")

while True:    # until a process gets the very number
    with open("/proc/sys/kernel/ns_last_pid", "w") as file:
        file.write(str(number - 1))
    innocent = os.fork()
    if innocent == 0:
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGRTMIN})
        if os.getpid() != number:
            os._exit(0)
        print("innocent: I am pid", number)
        got = signal.sigwaitinfo({signal.SIGTERM, signal.SIGRTMIN})    # of two, TERM comes first
        if got.si_signo == signal.SIGTERM:
            print("innocent: hit by SIGTERM from pid", got.si_pid)
        os._exit(0)
    if innocent == number:
        break
    os.waitpid(innocent, 0)

sys.stdin.readline()
print("machine: TERM to pid", stopped.pid)
stopped.terminate()
stopped.wait()
sys.stdin.readline()
os.kill(innocent, signal.SIGRTMIN)    # our own child: the number is pinned
os.waitpid(innocent, 0)
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start("python3", "machine.py", *words) as run:
        worker = int(run.line("machine: the worker was pid").split()[5])
        innocent = int(run.line("innocent: I am pid").rsplit(" ", 1)[1])
        scene.seen(f"pid {innocent} is a process that has nothing to do with the worker")
        if "manager.py" in words:
            run.line("manager: ready")
        else:
            run.find("app.py")
        run.go_on()
        run.line("machine: TERM")
        run.go_on()
        status = run.end()
        hit = bool(run.printed("innocent: hit"))
        scene.seen("TERM hit the innocent process" if hit else "the innocent process got no TERM")
        return {"worker_pid": worker, "innocent_pid": innocent, "innocent_got_term": hit, "status": status}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    reused = all(facts["worker_pid"] == facts["innocent_pid"] for facts in (without, cured))
    return [
        Check("On both sides another process has the worker's number", reused),
        Check("Without: TERM hits it", without["innocent_got_term"]),
        Check("With: it does not", not cured["innocent_got_term"]),
    ]


DEMO = Demo(
    name="wait-race",
    summary="A noted pid is reused: the kill hits somebody else",
    files={"manager.py": MANAGER, "worker.py": WORKER, "service.py": SERVICE, "app.py": APP, "machine.py": MACHINE},
    culprit="manager.py",
    without=lambda scene: _play(scene, "python3", "manager.py"),
    cured=lambda scene: _play(scene, "pysupervise", "--", "python3", "app.py"),
    checks=_checks,
    needs_namespace="a pid can be made to come again only in a PID namespace of one's own (ns_last_pid), and there is none here",
    explanation="""
    A pid is free again as soon as somebody has waited for the process. Who notes numbers and kills them later, from a list or a pid
    file, may hit whoever has the number by then. Here the kernel is told which number comes next (/proc/sys/kernel/ns_last_pid); on
    a busy machine it happens by itself.
    """,
    cure="""
    pysupervise keeps no list of numbers: when it has to signal, it reads who is below it at that moment, and its own child cannot
    lose its number before pysupervise itself has waited for it.
    """,
)
