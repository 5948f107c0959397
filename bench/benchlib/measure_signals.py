"""How long from kill() on PID 1 to the first line of the command's handler.

The sender is outside the namespace, for all alike, and both ends read the monotonic
clock in C. The sender has the first core to itself, the namespace the last: so each
signal pays one wake-up of another core, as it does when a container runtime sends it.
Left to the scheduler, some signals pay it and some do not (12 or 33 us here), and the
median is luck. A millisecond passes between two signals, so that everybody has fallen
asleep: with less, the cores still poll for work, which no real signal finds.

Each round is a fresh namespace. The median is that of all the signals; the 99th
percentile is the median of the rounds', so that one noisy second does not decide.

For the tree target the members are in sessions of their own. Bounded is the time to the
handler of the command itself; the time to the last member ("last") is listed beside it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .figures import Figure, Series, quantile
from .namespace import MeasureError
from .setting import PLAIN, Setting, take_turns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .inits import Init
    from .namespace import Channel

SENT = int(signal.SIGUSR1)
GAP_US = 1000
GAP_MEMBER_US = 30
TREES = (1, 10, 100)
TREE_US = 25.0
LAST = "last"
REFERENCES = {"child": "dumb-init -c", "group": "dumb-init"}


@dataclass(frozen=True)
class Subject:
    """An init, and how many processes its tree has."""

    init: Init
    members: int = 1


def _subjects(setting: Setting) -> list[Subject]:
    inits = [
        *setting.peer("dumb-init", "-c", label=REFERENCES["child"]),
        *setting.peer("dumb-init"),
        *setting.peer("tini"),
        *setting.peer("tini", "-g", label="tini -g"),
        *setting.peer("catatonit"),
    ]
    targets = [_ours(setting, "child"), _ours(setting, "group")]
    trees = [Subject(_ours(setting, "tree", size), size) for size in TREES]
    return [*map(Subject, targets), *trees, *map(Subject, inits)]


def _ours(setting: Setting, target: str, members: int = 0) -> Init:
    name = f"{PLAIN} {target}{f' of {members}' if members else ''}"
    return setting.ours("--forward", target, name=name)


def measure(setting: Setting) -> list[Figure]:
    """Measure every target of ours and the two kinds of the peers."""
    rounds = setting.count(11, 5)
    per_round = setting.count(200, 120)
    how = f"{rounds} rounds of {per_round} SIGUSR1 from outside the namespace"
    figure = Figure("signal", "signal to the command's handler", "us", how)
    tree = Figure("signal-tree", "signal to a tree", "us", "last: to all its handlers")
    subjects = _subjects(setting)
    members = {subject.init.name: subject.members for subject in subjects}
    ready, reply = setting.channel("ready"), setting.channel("reply")

    def sample(init: Init) -> list[tuple[float, float]]:
        reply.drain()
        ready.drain()
        subject = Subject(init, members[init.name])
        return _round(setting, ready, reply, subject, per_round)

    inits = [subject.init for subject in subjects]
    samples, figure.notes = take_turns(inits, rounds, sample)
    ready.close()
    reply.close()
    for name, many in samples.items():
        first = [[first for first, _ in one] for one in many]
        if " tree of " in name:
            _add(tree, name, first)
            _add(tree, f"{name}, {LAST}", [[last for _, last in one] for one in many])
        else:
            _add(figure, name, first)
        if name == REFERENCES["group"]:
            _add(tree, name, first)
    _check(figure, tree)
    return [figure, tree]


def _add(figure: Figure, name: str, rounds: list[list[float]]) -> None:
    """Add a series with the values of all rounds, and the rounds' middle p99."""
    if rounds:
        pooled = tuple(value for one in rounds for value in one)
        p99 = statistics.median(quantile(one, 0.99) for one in rounds)
        figure.series.append(Series(name, pooled, p99=p99))


@contextlib.contextmanager
def on_core(index: int) -> Iterator[None]:
    """Start processes on one of our cores: 0 is the first, -1 the last."""
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(ours)[index]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, ours)


def _check(figure: Figure, tree: Figure) -> None:
    """Add the bounds of the design."""
    for tail, factor, word in ((False, 1.10, "median"), (True, 1.25, "p99")):
        for target, reference in REFERENCES.items():
            figure.compare(
                f"{PLAIN} {target}",
                reference,
                factor=factor,
                tail=tail,
                what=f"signal, {target}, {word}",
            )
        for members in TREES:
            tree.compare(
                f"{PLAIN} tree of {members}",
                REFERENCES["group"],
                factor=factor,
                plus=TREE_US * members,
                tail=tail,
                what=f"signal, tree of {members}, {word}",
            )


def _round(setting: Setting, ready: Channel, reply: Channel, subject: Subject, count: int) -> list[tuple[float, float]]:
    """Return the us to the command's and to the last handler, for each signal."""
    page = str(setting.work / "page")
    Path(page).unlink(missing_ok=True)
    shared = (str(SENT), page)
    size = str(subject.members)
    command = (setting.tools.receiver, size, *shared, ready.path, reply.path)
    with on_core(-1):
        running = setting.start(subject.init, *command)
    with running:
        ready.line(running)
        gap_us = GAP_US + GAP_MEMBER_US * subject.members
        numbers = (str(running.pid), str(count))
        with on_core(0):
            done = subprocess.run(  # noqa: S603 - our own sender
                [setting.tools.sender, *numbers, *shared, reply.path, str(gap_us)],
                capture_output=True,
                text=True,
                check=False,
            )
    if done.returncode != 0:
        raise MeasureError(done.stderr.strip() or "the sender died")
    pairs = (line.split() for line in done.stdout.splitlines())
    return [(int(first) / 1e3, int(last) / 1e3) for first, last in pairs]
