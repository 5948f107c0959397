"""What every measurement is given, and how the inits take turns."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from .inits import OPTIONS, Init, Interpreter, before
from .namespace import Channel, MeasureError, Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from .native import Tools

Value = TypeVar("Value")
PLAIN = "pysupervise"
WITH_OPTIONS = "pysupervise + options"


@dataclass(frozen=True)
class Setting:
    """The programs, the inits, the folder for fifos, how much to do and until when."""

    tools: Tools
    command: str
    interpreter: Interpreter
    debian: dict[str, str]
    managers: list[Init]
    work: Path
    quick: bool
    deadline: float  # time.monotonic(): the long measurements stop early then

    def ours(self, *options: str, name: str = PLAIN) -> Init:
        """Return pysupervise, with options before the `--`."""
        return before(name, self.command, *options, "--")

    def with_options(self) -> Init:
        """Return pysupervise with a handful of run options."""
        return self.ours(*OPTIONS, name=WITH_OPTIONS)

    def peer(self, name: str, *options: str, label: str = "") -> list[Init]:
        """Return an init from Debian, or nothing when it is not installed."""
        path = self.debian.get(name)
        return [before(label or name, path, *options, "--")] if path else []

    def peers(self) -> list[Init]:
        """Return the plain forms of the inits from Debian."""
        return [init for name in self.debian for init in self.peer(name)]

    def scale(self) -> frozenset[str]:
        """Return the names of those that are there for scale only."""
        return frozenset(init.name for init in self.managers)

    def channel(self, name: str) -> Channel:
        """Make a fifo for a command to answer by."""
        return Channel(self.work, name)

    def start(self, init: Init, *command: str) -> Namespace:
        """Start the init with a command in a fresh namespace."""
        return Namespace(self.tools.launch, init.wrap(command))

    def count(self, full: int, quick: int) -> int:
        """Return how often to do something."""
        return quick if self.quick else full

    def late(self) -> bool:
        """Whether the time for the whole run is used up."""
        return time.monotonic() > self.deadline


def take_turns(
    subjects: Sequence[Init],
    rounds: int,
    sample: Callable[[Init], Value],
    *,
    warm_up: int = 0,
) -> tuple[dict[str, list[Value]], list[str]]:
    """Sample every init once a round, so that a noisy minute hits all of them alike.

    Each round starts with another init. The warm-up rounds are thrown away: the first
    start reads files and writes bytecode. Who fails is left out from then on, with a
    note why.
    """
    samples: dict[str, list[Value]] = {init.name: [] for init in subjects}
    notes = []
    failed: set[str] = set()
    for number in range(-warm_up, rounds):
        turn = number % max(len(subjects), 1)
        for init in [*subjects[turn:], *subjects[:turn]]:
            if init.name in failed:
                continue
            try:
                value = sample(init)
            except MeasureError as error:
                failed.add(init.name)
                samples[init.name].clear()
                notes.append(f"{init.name} left out: {error}")
                continue
            if number >= 0:
                samples[init.name].append(value)
    return samples, notes
