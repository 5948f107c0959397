"""How long from kill() on PID 1 to the first line of the command's handler.

The sender is outside the namespace, for all alike, and both ends read the monotonic
clock in C. The sender has the first core to itself, the namespace the last: so each
signal pays one wake-up of another core, as it does when a container runtime sends it.
Left to the scheduler, some signals pay it and some do not (12 or 33 us here), and the
median is luck. A millisecond passes between two signals, so that everybody has fallen
asleep: with less, the cores still poll for work, which no real signal finds.

All the inits run at once, each in a namespace of its own, and take turns, some 20 ms
each: the machine has slow spells (here a third of a second in which each wake-up takes
20 us longer), and whoever had a whole round to himself would have them to himself too.
The 99th percentile would be luck; in turn everybody meets the same. Each round has fresh
namespaces.

Bounded are the signals of a turn after the first few. The very first of a turn, which
finds the processor's caches full of the others, is listed beside them ("cold").

For the tree target the members are in sessions of their own. Bounded is the time to the
handler of the command itself; the time to the last member ("last") is listed beside it.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .figures import Figure, Series, quantile
from .namespace import MeasureError
from .setting import PLAIN, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .inits import Init

SENT = int(signal.SIGUSR1)
BLOCK = 25  # signals of a turn
WARM_UP = 5  # of them are not counted
GAP_US = 1000
GAP_MEMBER_US = 30
TREES = (1, 10, 100)
TREE_US = 25.0
REFERENCES = {"child": "dumb-init -c", "group": "dumb-init"}


@dataclass(frozen=True)
class Subject:
    """An init, and how many processes its tree has."""

    init: Init
    members: int = 1


@dataclass(frozen=True)
class Answer:
    """What one signal took; number is its place in the turn."""

    subject: Subject
    number: int
    first_us: float  # to the command's handler
    last_us: float  # to the last handler of the tree


def _subjects(setting: Setting) -> tuple[list[Subject], list[Subject]]:
    """Return those with one process to signal, and the trees with what they are compared with."""
    group = setting.peer("dumb-init")
    inits = [
        _ours(setting, "child"),
        _ours(setting, "group"),
        *setting.peer("dumb-init", "-c", label=REFERENCES["child"]),
        *group,
        *setting.peer("tini"),
        *setting.peer("catatonit"),
    ]
    trees = [Subject(_ours(setting, "tree", size), size) for size in TREES]
    return list(map(Subject, inits)), [*trees, *map(Subject, group)]


def _ours(setting: Setting, target: str, members: int = 0) -> Init:
    name = f"{PLAIN} {target}{f' of {members}' if members else ''}"
    return setting.ours("--forward", target, name=name)


def measure(setting: Setting) -> list[Figure]:
    """Measure every target of ours and the two kinds of the peers."""
    rounds, turns = setting.count(9, 3), setting.count(15, 8)
    how = f"{rounds} rounds of {turns * (BLOCK - WARM_UP)} SIGUSR1 from outside the namespace"
    figure = Figure("signal", "signal to the command's handler", "us", how)
    tree = Figure("signal-tree", "signal to a tree", "us", "last: to all its handlers")
    cold = Figure("signal-cold", "signal to the command's handler, cold", "us", f"first of {rounds * turns} turns")
    flat, trees = _subjects(setting)
    answers = [one for number in range(rounds) for one in _round(setting, _shuffled(flat, number), turns)]
    for subject in flat:
        _add(figure, subject.init.name, [one.first_us for one in _warm(answers, subject)])
        _add(cold, subject.init.name, [one.first_us for one in answers if one.subject == subject and one.number == 0])
    answers = [one for number in range(rounds) for one in _round(setting, _shuffled(trees, number), turns)]
    for subject in trees:
        name = subject.init.name
        warm = _warm(answers, subject)
        _add(tree, name, [one.first_us for one in warm])
        if subject.members > 1:
            _add(tree, f"{name}, last", [one.last_us for one in warm])
    _check(figure, tree)
    return [figure, tree, cold]


def _shuffled(subjects: Sequence[Subject], seed: int) -> list[Subject]:
    """Another order in each round, the same ones in each run: it matters who comes before."""
    return random.Random(seed).sample(subjects, len(subjects))  # noqa: S311 - no secret


def _warm(answers: Sequence[Answer], subject: Subject) -> list[Answer]:
    return [one for one in answers if one.subject == subject and one.number >= WARM_UP]


def _add(figure: Figure, name: str, values_us: list[float]) -> None:
    """Add a series with its 99th percentile."""
    if values_us:
        figure.series.append(Series(name, tuple(values_us), p99=quantile(values_us, 0.99)))


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


def _round(setting: Setting, subjects: Sequence[Subject], turns: int) -> list[Answer]:
    """Start all of them, and let each have as many turns."""
    with contextlib.ExitStack() as stack:
        trees: list[str] = []
        with on_core(-1):
            for place, subject in enumerate(subjects):
                trees += _start(setting, stack, subject, place)
        with on_core(0):
            done = subprocess.run(  # noqa: S603 - our own sender
                [setting.tools.sender, *map(str, (turns, BLOCK, SENT, GAP_US, GAP_MEMBER_US)), *trees],
                capture_output=True,
                text=True,
                check=False,
            )
    if done.returncode != 0:
        names = ", ".join(subject.init.name for subject in subjects)
        message = f"{done.stderr.strip() or 'the sender died'} (trees: {names})"
        raise MeasureError(message)
    rows = (map(int, line.split()) for line in done.stdout.splitlines())
    return [Answer(subjects[place], number, first / 1e3, last / 1e3) for place, number, first, last in rows]


def _start(setting: Setting, stack: contextlib.ExitStack, subject: Subject, place: int) -> tuple[str, str, str]:
    """Start a tree for as long as the stack stands; return what the sender must know of it."""
    page = str(setting.work / f"page{place}")
    Path(page).unlink(missing_ok=True)
    ready = stack.enter_context(contextlib.closing(setting.channel(f"ready{place}")))
    reply = stack.enter_context(contextlib.closing(setting.channel(f"reply{place}")))
    command = (setting.tools.receiver, str(subject.members), str(SENT), page, ready.path, reply.path)
    running = stack.enter_context(setting.start(subject.init, *command))
    ready.line(running)
    return str(running.pid), page, reply.path
