"""The run in words and numbers: a table for people, JSON for programs."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .figures import Check, Figure, Series
    from .inits import Interpreter


@dataclass(frozen=True)
class Machine:
    """What the numbers depend on; no host name and no paths."""

    interpreter: str
    kernel: str
    cpu: str
    cores: int
    inits: tuple[str, ...]
    absent: tuple[str, ...]


def describe(interpreter: Interpreter, inits: Sequence[str], absent: Sequence[str]) -> Machine:
    """Look at this machine."""
    cpuinfo = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in cpuinfo if "model name" in line]
    return Machine(
        interpreter=interpreter.label,
        kernel=f"{platform.system()} {platform.release()}",
        cpu=models[0] if models else platform.machine(),
        cores=len(_cores()),
        inits=tuple(inits),
        absent=tuple(absent),
    )


def _cores() -> set[int]:
    from os import sched_getaffinity

    return sched_getaffinity(0)


def number(value: float | None) -> str:
    """Write a value with three or four digits that mean something."""
    if value is None:
        return "-"
    if value == int(value) or abs(value) >= 1000:  # noqa: PLR2004
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.2f}"  # noqa: PLR2004


def _columns(rows: Sequence[Sequence[str]], *, left: int = 1) -> list[str]:
    """Align a table: the first `left` columns to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) if index < left else cell.rjust(width) for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines


def verdicts(checks: Sequence[Check]) -> list[str]:
    """Return the table of ratios and verdicts."""
    rows = [("figure", "pysupervise", "", "against", "ratio", "bound", "verdict")]
    for one in checks:
        against = f"{number(one.reference)} {one.reference_name}"
        ratio = "-" if one.ratio is None else f"{one.ratio:.2f}x"
        rows.append(
            (
                one.what,
                number(one.measured),
                one.unit,
                against,
                ratio,
                one.bound,
                one.verdict,
            )
        )
    return _columns(rows)


def _has_tail(figure: Figure) -> bool:
    return any(one.p99 is not None for one in figure.series)


def _series(figure: Figure, one: Series) -> tuple[str, ...]:
    low, high = one.quartiles
    spread = f"{number(low)} .. {number(high)}" if len(one.values) > 1 else "-"
    tail = (number(one.p99),) if _has_tail(figure) else ()
    return (f"  {one.name}", number(one.median), spread, *tail, str(len(one.values)))


def details(figure: Figure) -> list[str]:
    """Return everything that was measured for one figure."""
    tail = ("p99",) if _has_tail(figure) else ()
    header = (f"  {figure.unit}", "median", "middle half", *tail, "n")
    rows = [header, *(_series(figure, one) for one in figure.series)]
    notes = [f"  note: {note}" for note in figure.notes]
    return [f"{figure.title} ({figure.how})", *_columns(rows), *notes, ""]


def text(machine: Machine, figures: Sequence[Figure], took_s: float) -> str:
    """Return the whole report."""
    checks = [check for figure in figures for check in figure.checks]
    lines = [
        f"pysupervise on {machine.interpreter}",
        f"{machine.kernel}, {machine.cpu}, {machine.cores} cores",
        f"beside {', '.join(machine.inits) or 'nobody'}",
        *(f"absent: {reason}" for reason in machine.absent),
        "",
        *(line for figure in figures for line in details(figure)),
        *verdicts(checks),
        "",
        f"{summary(checks)}; {took_s:.0f} s",
    ]
    return "\n".join(lines) + "\n"


def summary(checks: Sequence[Check]) -> str:
    """Return how many bounds hold."""
    held = sum(1 for check in checks if check.held)
    unknown = sum(1 for check in checks if check.held is None)
    open_ones = f", {unknown} without a reference" if unknown else ""
    return f"{held} of {len(checks)} bounds hold{open_ones}"


def as_json(machine: Machine, figures: Sequence[Figure], took_s: float) -> dict[str, object]:
    """Return the report for programs: summaries of the samples, not each of them."""
    return {
        "machine": vars(machine),
        "took_s": round(took_s, 1),
        "figures": [
            {
                "key": figure.key,
                "title": figure.title,
                "unit": figure.unit,
                "how": figure.how,
                "notes": figure.notes,
                "series": [_series_json(one) for one in figure.series],
                "checks": [_check_json(one) for one in figure.checks],
            }
            for figure in figures
        ],
    }


def _series_json(one: Series) -> dict[str, object]:
    low, high = one.quartiles
    return {
        "name": one.name,
        "median": one.median,
        "quartiles": [low, high],
        "p99": one.p99,
        "least": min(one.values),
        "most": max(one.values),
        "count": len(one.values),
    }


def _check_json(one: Check) -> dict[str, object]:
    return {**vars(one), "ratio": one.ratio, "verdict": one.verdict}
