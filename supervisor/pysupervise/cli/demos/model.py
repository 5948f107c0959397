"""What a demo is made of: the scripts that run, the two sides, the facts that they yield, and what those facts have to be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pysupervise.cli.sandbox import Place

if TYPE_CHECKING:
    from pysupervise.cli.demos.scene import Scene

Facts = dict[str, Any]
WITHOUT, WITH = "without", "with"
SIDES = (WITHOUT, WITH)

# Kinds of events.
COMMAND, OUTPUT, ACTION, SEEN, END = "command", "output", "action", "seen", "end"


class NotShownError(Exception):
    """A side of a demo did not go as it should have: what was missing, in words."""


class CancelledError(Exception):
    """The user does not want to see the rest."""


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of an indented text, each on one line."""
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on one side."""

    side: str
    time_s: float  # since the side began
    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Check:
    """A claim about the facts of both sides, and whether they bear it out."""

    claim: str
    held: bool


@dataclass(frozen=True, slots=True)
class Demo:
    """An incident. Each side is a function that runs the scripts on a scene and returns facts that it observed.

    ``files``: the scripts by name, the very text that runs. ``culprit``: the name of the one to blame, which is shown.
    ``checks``: (facts without, facts with, place) -> what must hold. ``needs_namespace``: why it cannot be shown without one, or "".
    """

    name: str
    summary: str
    files: Mapping[str, str]
    culprit: str
    without: "Callable[[Scene], Facts]"
    cured: "Callable[[Scene], Facts]"
    checks: Callable[[Facts, Facts, Place], Sequence[Check]]
    explanation: str
    cure: str
    needs_namespace: str = ""


@dataclass(slots=True)
class Side:
    """What one side did."""

    events: list[Event] = field(default_factory=list)
    facts: Facts = field(default_factory=dict)
    failure: str = ""  # why it did not come to its end

    def value(self) -> Facts:
        """Return it as a value for JSON."""
        events = [{"time_s": round(event.time_s, 3), "kind": event.kind, "text": event.text} for event in self.events]
        return {"facts": self.facts, "failure": self.failure or None, "events": events}


@dataclass(slots=True)
class Result:
    """A demo that was run."""

    demo: Demo
    place: Place
    sides: dict[str, Side]
    checks: Sequence[Check] = ()

    @property
    def was_not_run(self) -> bool:
        """Whether it needs a namespace, and there is none."""
        return self.place is Place.HERE and bool(self.demo.needs_namespace)

    @property
    def reasons(self) -> list[str]:
        """Why the demo did not show what it claims; empty where it did."""
        found = []
        if self.was_not_run:
            found.append(self.demo.needs_namespace)
        found += [f"{side}: {self.sides[side].failure}" for side in SIDES if self.sides[side].failure]
        found += [f"this did not hold: {check.claim}" for check in self.checks if not check.held]
        return found

    @property
    def shown(self) -> bool:
        """Whether the facts are those that the demo explains."""
        return not self.reasons

    def value(self) -> Facts:
        """Return it as a value for JSON."""
        return {
            "demo": self.demo.name,
            "summary": self.demo.summary,
            "place": self.place.value,
            **{side: self.sides[side].value() for side in SIDES},
            "checks": [{"claim": check.claim, "held": check.held} for check in self.checks],
            "verdict": "shown" if self.shown else "not run" if self.was_not_run else "not shown",
            "reasons": self.reasons,
            "explanation": paragraphs(self.demo.explanation),
            "cure": paragraphs(self.demo.cure),
            "culprit": self.demo.culprit,
            "files": dict(self.demo.files),
        }
