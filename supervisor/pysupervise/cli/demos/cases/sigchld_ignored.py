"""SIGCHLD ignored by whoever started us: no zombies, and no statuses either."""

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

JOB_STATUS = 3
LAUNCH = """\
import os, signal, sys

signal.signal(signal.SIGCHLD, signal.SIG_IGN)    # "against zombies"; exec keeps it
os.execvp(sys.argv[1], sys.argv[1:])
"""
WAIT = f"""\
import os, sys

job = os.fork()
if job == 0:
    os._exit({JOB_STATUS})
try:
    status = os.waitstatus_to_exitcode(os.waitpid(job, 0)[1])
    print("app: the job returned", status)
except ChildProcessError as error:
    print("app: the status of the job is lost:", error.strerror)
    status = 1
sys.stdin.readline()
sys.exit(status)
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start("python3", "launch.py", *words, "python3", "app.py") as run:
        said = run.line("app:")
        app = run.find("app.py")
        scene.seen(f"pid {app.pid} app.py: {app.evidence('SigIgn', signum=17)}; {len(run.zombies())} zombies")
        ignored = bool(app.status and app.status.ignores(17))
        zombies = len(run.zombies())
        run.go_on()
        status = run.end()
        return {"app_ignores_sigchld": ignored, "zombies": zombies, "status_was_lost": "lost" in said, "status": status}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    return [
        Check("Without: SIGCHLD is ignored in a program that never asked for it", without["app_ignores_sigchld"]),
        Check("Without: there is no zombie, but the status is lost", without["zombies"] == 0 and without["status_was_lost"]),
        Check("With: SIGCHLD has its default action again", not cured["app_ignores_sigchld"]),
        Check(f"With: the status {JOB_STATUS} arrives", not cured["status_was_lost"] and cured["status"] == JOB_STATUS),
    ]


DEMO = Demo(
    name="sigchld-ignored",
    summary="Whoever ignores SIGCHLD has no zombies, and loses every exit status",
    files={"launch.py": LAUNCH, "app.py": WAIT},
    culprit="launch.py",
    without=_play,
    cured=lambda scene: _play(scene, "pysupervise", "--"),
    checks=_checks,
    explanation="""
    Where a process ignores SIGCHLD, the kernel throws the status of each of its children away at once (wait(2), notes): no zombie
    remains, and once the last of them has ended waiting fails with ECHILD. exec keeps an ignored signal ignored, so a launcher does
    this to every program that it starts.
    """,
    cure="""
    pysupervise sets SIGCHLD to its default when it starts, and says so, since otherwise it could not know any status itself.
    """,
)
