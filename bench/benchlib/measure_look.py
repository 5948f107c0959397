"""How long the verbs that look take on a machine with 10,000 processes.

A PID namespace holds 10,000 sleeping processes and 100 zombies. Each verb runs inside of it, as its user would run it, and its output goes
to a file. A verb that this pysupervise does not have is left out, with a note.
"""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from .figures import Check, Figure
from .namespace import MeasureError, environment
from .setting import PLAIN, Setting

if TYPE_CHECKING:
    from .namespace import Namespace

SLEEPERS, ZOMBIES = 10_000, 100
LIMIT_MS = 1000.0
MAKE_S = 60.0
LOOK_S = 20.0
# Words after pysupervise; pid 1 is the one of the namespace.
LOOKS = (
    ("zombies",),
    ("tree",),
    ("tree", "--signal", "TERM"),
    ("doctor", "1"),
)


def measure(setting: Setting) -> list[Figure]:
    """Measure each verb, one after the other in turns."""
    rounds = setting.count(5, 3)
    title = f"a look at {SLEEPERS:,} processes"
    figure = Figure("look", title, "ms", f"{ZOMBIES} zombies among them, start to end of the verb; {rounds} rounds")
    looks = []
    for words in LOOKS:
        if _has(setting.command, words[0]):
            looks.append(words)
        else:
            figure.notes.append(f"{words[0]} left out: there is no such verb")
    times_ms: dict[str, list[float]] = {" ".join(words): [] for words in looks}
    channel = setting.channel("look")
    try:
        with setting.start(setting.ours(), setting.tools.crowd, str(SLEEPERS), str(ZOMBIES), channel.path) as running:
            channel.line(running, MAKE_S)
            for _ in range(rounds):
                for words in looks:
                    times_ms[" ".join(words)].append(_look(setting, running, words))
    except MeasureError as error:
        figure.notes.append(f"{PLAIN} left out: {error}")
    channel.close()
    figure.add(times_ms)
    figure.checks = [_check(figure, name) for name in times_ms]
    return [figure]


def _has(command: str, verb: str) -> bool:
    """Whether a verb is there: without it, the word would be a command to run, and there is none of that name."""
    asked = subprocess.run([command, verb, "--help"], capture_output=True, text=True, check=False)  # noqa: S603 - pysupervise
    return asked.returncode == 0 and f"pysupervise {verb}" in asked.stdout


def _look(setting: Setting, running: Namespace, words: tuple[str, ...]) -> float:
    """Return the milliseconds from the start of a verb to its end, without those of entering the namespace."""
    enter = ["nsenter", f"--target={running.pid}", "--pid", "--mount", "--"]
    output = setting.work / "look-output"
    with output.open("wb") as file:
        begun_ns = time.monotonic_ns()
        done = subprocess.run(  # noqa: S603 - pysupervise, in the namespace
            [*enter, setting.command, *words], stdout=file, stderr=subprocess.DEVNULL, check=False, timeout=LOOK_S, env=environment()
        )
        ended_ns = time.monotonic_ns()
    lines = output.read_bytes().count(b"\n")
    if done.returncode not in (0, 1, 2) or (words[0] == "tree" and lines < SLEEPERS) or (words[0] == "zombies" and lines < ZOMBIES):
        raise MeasureError(f"{' '.join(words)} ended with {done.returncode} and {lines} lines")
    return (ended_ns - begun_ns) / 1e6


def _check(figure: Figure, name: str) -> Check:
    series = figure.find(name)
    return Check(
        what=f"{name}, {SLEEPERS:,} processes",
        subject=name,
        unit=figure.unit,
        measured=None if series is None else series.median,
        reference_name="limit",
        reference=LIMIT_MS,
        bound="1 s",
        limit=LIMIT_MS,
    )
