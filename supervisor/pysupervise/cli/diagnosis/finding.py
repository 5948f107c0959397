"""What a rule says: a finding, something that looks right, or something that could not be read."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

ERROR: Final = "error"
WARNING: Final = "warning"
INFO: Final = "info"
SEVERITIES = (ERROR, WARNING, INFO)
FINE, WITH_WARNINGS, WITH_ERRORS = 0, 1, 2
UNUSABLE = 64  # EX_USAGE of sysexits.h: nothing was examined


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to mend, or to know."""

    severity: str  # of SEVERITIES
    rule: str  # a short name that stays: for scripts that read JSON
    title: str
    evidence: tuple[str, ...]  # lines of /proc or of the file, each with its place
    consequence: str
    fix: str  # a command, or a line to write


@dataclass(frozen=True, slots=True)
class Passed:
    """Something that was looked at and is right."""

    text: str


@dataclass(frozen=True, slots=True)
class Unread:
    """Something that could not be read, and so was not judged."""

    text: str


Remark = Finding | Passed | Unread


@dataclass(frozen=True, slots=True)
class Result:
    """An examination: what was examined, and what every rule said."""

    examined: Mapping[str, Any]
    heading: str
    findings: list[Finding] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def take(self, remarks: Iterable[Remark]) -> None:
        """Sort remarks in; the worst finding comes first, the others in the order of the rules."""
        for remark in remarks:
            match remark:
                case Finding():
                    self.findings.append(remark)
                case Passed():
                    self.passed.append(remark.text)
                case Unread():
                    self.unread.append(remark.text)
        self.findings.sort(key=lambda finding: SEVERITIES.index(finding.severity))

    def count(self, severity: str) -> int:
        """Return how many findings have this severity."""
        return sum(finding.severity == severity for finding in self.findings)

    @property
    def status(self) -> int:
        """The exit status."""
        return WITH_ERRORS if self.count(ERROR) else WITH_WARNINGS if self.count(WARNING) else FINE

    def as_json(self) -> dict[str, Any]:
        """Return a value for JSON."""
        return {
            "examined": dict(self.examined),
            "findings": [
                {
                    "severity": finding.severity,
                    "rule": finding.rule,
                    "title": finding.title,
                    "evidence": list(finding.evidence),
                    "consequence": finding.consequence,
                    "fix": finding.fix,
                }
                for finding in self.findings
            ],
            "checked": list(self.passed),
            "unreadable": list(self.unread),
            "status": self.status,
        }


def unique(remarks: Iterable[Remark]) -> Iterator[Remark]:
    """Yield each remark once."""
    seen = set()
    for remark in remarks:
        if remark not in seen:
            seen.add(remark)
            yield remark
