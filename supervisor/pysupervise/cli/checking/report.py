"""How a check tells what it found: a line a verdict, JSON, JUnit XML."""

import collections
import re
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass, field
from typing import Any

from pysupervise.cli.checking.facts import Facts, Verdict
from pysupervise.cli.checking.settings import Plan
from pysupervise.cli.output import Screen, printable
from pysupervise.cli.sandbox import Place
from pysupervise.core import signals
from pysupervise.core.words import command_line

# What XML 1.0 cannot hold, not even escaped.
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
MOST_CULPRITS = 5
WORDS = {True: "PASS", False: "FAIL", None: "SKIP"}
COLOURS = {True: "green", False: "red", None: "yellow"}


@dataclass(slots=True)
class Told:
    """A round with its verdicts."""

    signum: int
    number: int
    ready: str
    ready_s: float
    verdicts: list[Verdict]
    facts: Facts | None = None
    output: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Report:
    """A whole check."""

    plan: Plan
    place: Place
    rounds: list[Told] = field(default_factory=list)
    error: str = ""  # why it could not be carried to its end
    error_signum: int = 0
    error_phase: str = "set-up"

    @property
    def passed(self) -> bool:
        """Whether everything was judged and nothing failed."""
        return not self.error and all(verdict.passed is not False for told in self.rounds for verdict in told.verdicts)

    def label(self, told: Told) -> str:
        """Return "TERM", or "TERM 2/3" with --repeat."""
        return signals.name(told.signum) + (f" {told.number}/{self.plan.repeat}" if self.plan.repeat > 1 else "")


def line(shown: Screen, label: str, verdict: Verdict) -> str:
    """Return a verdict as lines: the verdict itself, and below it who is to blame."""
    word = shown.paint(WORDS[verdict.passed], fg=COLOURS[verdict.passed], bold=True)
    rows = [f"{word}  {label}  {verdict.phase:<8}  {printable(verdict.words)}"]
    rows += [f"      {printable(str(culprit))}" for culprit in verdict.culprits[:MOST_CULPRITS]]
    if len(verdict.culprits) > MOST_CULPRITS:
        rows.append(f"      and {len(verdict.culprits) - MOST_CULPRITS} more")
    return "\n".join(rows)


def as_json(report: Report) -> dict[str, Any]:
    """Return everything as plain values."""
    return {
        "command": list(report.plan.command),
        "bare": report.plan.bare,
        "place": report.place.value,
        "passed": report.passed,
        "error": report.error or None,
        "rounds": [
            {
                "signal": signals.name(told.signum),
                "round": told.number,
                "ready": told.ready,
                "ready_s": round(told.ready_s, 4),
                "verdicts": [
                    {**asdict(verdict), "seconds": None if verdict.seconds is None else round(verdict.seconds, 4)}
                    for verdict in told.verdicts
                ],
                "observed": None if told.facts is None else asdict(told.facts),
            }
            for told in report.rounds
        ],
    }


def junit(report: Report) -> bytes:
    """Return JUnit XML: a test case a verdict, the command's last output with the round's first failure."""
    cases = [(report.label(told), verdict, told) for told in report.rounds for verdict in told.verdicts]
    counts = {
        "tests": str(len(cases) + bool(report.error)),
        "failures": str(sum(verdict.passed is False for _, verdict, _ in cases)),
        "errors": str(int(bool(report.error))),
        "skipped": str(sum(verdict.passed is None for _, verdict, _ in cases)),
        "time": f"{sum(verdict.seconds or 0.0 for _, verdict, _ in cases):.3f}",
    }
    root = ET.Element("testsuites", {"name": "pysupervise check", **counts})
    suite = ET.SubElement(root, "testsuite", {"name": clean(f"pysupervise check -- {command_line(list(report.plan.command))}"), **counts})
    failed_rounds = set()
    counted: collections.Counter[tuple[str, str]] = collections.Counter()
    for label, verdict, told in cases:
        counted[label, verdict.phase] += 1  # readers keep one of two cases with the same name: each moment of a start needs its own
        number = counted[label, verdict.phase]
        case = _case(suite, label, f"{verdict.phase} {number}" if number > 1 else verdict.phase, verdict.seconds)
        if verdict.passed is None:
            ET.SubElement(case, "skipped", {"message": clean(verdict.words)})
        elif not verdict.passed:
            failure = ET.SubElement(case, "failure", {"type": verdict.phase, "message": clean(verdict.words)})
            failure.text = clean("\n".join([verdict.words, *(str(culprit) for culprit in verdict.culprits)]))
            if id(told) not in failed_rounds and told.output:
                failed_rounds.add(id(told))
                ET.SubElement(case, "system-out").text = clean("\n".join(told.output))
    if report.error:
        case = _case(suite, signals.name(report.error_signum) if report.error_signum else "all", report.error_phase, None)
        ET.SubElement(case, "error", {"type": report.error_phase, "message": clean(report.error)}).text = clean(report.error)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _case(suite: ET.Element, label: str, phase: str, seconds: float | None) -> ET.Element:
    return ET.SubElement(
        suite, "testcase", {"classname": f"pysupervise.check.{label.replace(' ', '.')}", "name": phase, "time": f"{seconds or 0.0:.3f}"}
    )


def clean(text: str) -> str:
    """Return text without what XML cannot hold."""
    return NOT_XML.sub("?", text)
