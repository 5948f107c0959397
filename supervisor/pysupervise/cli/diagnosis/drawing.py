"""How an examination looks on a terminal and in a pipe."""

import textwrap

from pysupervise.cli.diagnosis.finding import ERROR, INFO, SEVERITIES, WARNING, Result
from pysupervise.cli.output import Screen, printable

COLOURS = {ERROR: "red", WARNING: "yellow", INFO: "cyan"}
LABEL_COLUMNS = 13


def draw(result: Result, shown: Screen) -> str:
    """Return the text: a heading, the findings, what looks right, what could not be read, a sum."""
    lines = _wrapped(shown, "", result.heading)
    for finding in result.findings:
        lines.append("")
        head = _wrapped(shown, f"{finding.severity}:".ljust(9), finding.title)
        lines += [shown.paint(line, fg=COLOURS[finding.severity], bold=True) for line in head]
        for number, evidence in enumerate(finding.evidence):
            lines += _wrapped(shown, ("  evidence" if number == 0 else "").ljust(LABEL_COLUMNS), evidence)
        lines += _wrapped(shown, "  so".ljust(LABEL_COLUMNS), finding.consequence)
        lines += _wrapped(shown, "  fix".ljust(LABEL_COLUMNS), finding.fix)
    lines.append("")
    lines += [line for text in dict.fromkeys(result.passed) for line in _wrapped(shown, "checked: ", text)]
    lines += [line for text in dict.fromkeys(result.unread) for line in _wrapped(shown, "not readable: ", text)]
    counts = [f"{result.count(severity)} {severity}{'s' if result.count(severity) != 1 else ''}" for severity in SEVERITIES[:2]]
    infos = result.count(INFO)
    lines.append(f"{', '.join(counts)}" + (f", {infos} to know" if infos else ""))
    return "\n".join(lines)


def _wrapped(shown: Screen, label: str, text: str) -> list[str]:
    """Return lines of the screen's width, what follows the label indented; a pipe gets one line."""
    text = printable(text)
    if shown.width is None:
        return [f"{label}{text}".rstrip()]
    blanks = " " * len(label)
    return textwrap.wrap(text, shown.width, initial_indent=label, subsequent_indent=blanks, break_on_hyphens=False) or [label]
