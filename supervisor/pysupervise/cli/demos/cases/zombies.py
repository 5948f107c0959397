"""Zombies: of a parent that never waits, and of orphans whose new parent, PID 1, never waits for them."""

import time
from collections.abc import Sequence

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import LOOK_EVERY_S, Run, Scene
from pysupervise.cli.sandbox import Place

COUNT = 4
# How long somebody may take to reap; who never does is looked at after it.
TIME_TO_REAP_S = 0.5
WORKER = f"""\
import os, sys

for number in range({COUNT}):
    if os.fork() == 0:
        os._exit(number)
print("worker: {COUNT} children started; I never wait for one")
sys.stdin.readline()
"""
APP = """\
import subprocess, sys

worker = subprocess.Popen(["python3", "worker.py"])
worker.wait()    # waits for this child alone
print("app: the worker has ended, and I have waited for it")
sys.stdin.readline()
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start(*words) as run:
        run.line("worker:")
        run.until(lambda: len(run.zombies()) == COUNT, f"{COUNT} zombies")
        worker = run.find("worker.py")
        during = [zombie for zombie in run.zombies() if zombie.stat.parent == worker.outer]
        scene.seen(f"{len(during)} zombies (state Z), pids {' '.join(str(z.pid) for z in during)}, parent {worker.pid} worker.py")
        run.go_on()
        run.line("app:")
        after = _left(run)
        if after:
            parents = {zombie.stat.parent for zombie in after}
            adopted = "they are orphans of pid 1 now" if parents == {run.sandbox.pid} else "they are orphans of the subreaper now"
            scene.seen(f"{len(after)} zombies still, pids {' '.join(str(z.pid) for z in after)}: {adopted}")
        else:
            scene.seen("no zombie is left: the orphans were waited for")
        run.go_on()
        return {"zombies_while_the_parent_lives": len(during), "zombies_after_it_ended": len(after), "status": run.end()}


def _left(run: Run) -> Sequence:  # type: ignore[type-arg]
    give_up_at = time.monotonic() + TIME_TO_REAP_S
    while (zombies := run.zombies()) and time.monotonic() < give_up_at:
        run.scene.check_cancelled()
        time.sleep(LOOK_EVERY_S)
    return zombies


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    both = without["zombies_while_the_parent_lives"], cured["zombies_while_the_parent_lives"]
    return [
        Check("While the careless parent lives, both sides have its zombies: nobody else can wait for them", both == (COUNT, COUNT)),
        Check("Without: they stay when the parent is gone", without["zombies_after_it_ended"] == COUNT),
        Check("With: every orphan is reaped", cured["zombies_after_it_ended"] == 0),
    ]


DEMO = Demo(
    name="zombies",
    summary="Dead processes that nobody waits for fill the process table",
    files={"worker.py": WORKER, "app.py": APP},
    culprit="worker.py",
    without=lambda scene: _play(scene, "python3", "app.py"),
    cured=lambda scene: _play(scene, "pysupervise", "--", "python3", "app.py"),
    checks=_checks,
    explanation="""
    A process that ends keeps its number until its parent asks for its status (wait(2)): until then it is a zombie. The worker never
    asks. When the worker ends, its children are orphans and get a new parent, the nearest subreaper or PID 1. In a container PID 1
    is the service, and a service does not expect children that it never started. Each zombie takes a number of the pid limit, for
    good.
    """,
    cure="""
    pysupervise as PID 1 (or as a subreaper elsewhere) waits for every orphan. Against a parent that lives and does not wait, no
    init can do anything: its children are its own, and the worker itself has to be mended.
    """,
)
