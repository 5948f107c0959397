"""A shell script whose last command hides the status of the one that matters."""

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

JOB_STATUS = 3
ENTRYPOINT = """\
#!/bin/sh
python3 job.py
echo "entrypoint: finished"
"""
JOB = f"""\
import sys

print("job: failed; leaving with {JOB_STATUS}")
sys.exit({JOB_STATUS})
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start(*words) as run:
        status = run.end()
        return {"job_said": run.line("job:"), "status": status}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    return [
        Check(f"On both sides the job leaves with {JOB_STATUS}", without["job_said"] == cured["job_said"]),
        Check("Without: the status is 0, as if all were well", without["status"] == 0),
        Check(f"With: the status is {JOB_STATUS}", cured["status"] == JOB_STATUS),
    ]


DEMO = Demo(
    name="exit-status-lost",
    summary="A script's last command hides the status of the job before it",
    files={"entrypoint.sh": ENTRYPOINT, "job.py": JOB},
    culprit="entrypoint.sh",
    without=lambda scene: _play(scene, "sh", "entrypoint.sh"),
    cured=lambda scene: _play(scene, "pysupervise", "--", "python3", "job.py"),
    checks=_checks,
    explanation="""
    The status of a shell script is that of its last command. Here that is echo, which always succeeds: the failed job looks like a
    success to the engine, to a restart policy and to CI.
    """,
    cure="""
    What cures it is that no shell stands in front: pysupervise returns the status of its command. In front of the script it would
    return the script's 0, for it cannot know of the job. In a script, exec python3 job.py as the last line, or set -e, does the
    same.
    """,
)
