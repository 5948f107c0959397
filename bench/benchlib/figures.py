"""What a measurement gives: series of values, and checks of them against bounds."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def quantile(values: Iterable[float], part: float) -> float:
    """Return the value below which `part` of the values lie (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


@dataclass(frozen=True)
class Series:
    """All the values of one figure for one init."""

    name: str
    values: tuple[float, ...]
    scale: bool = False  # beside the others for scale only: may be far off the chart
    p99: float | None = None  # where a tail means something

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    @property
    def quartiles(self) -> tuple[float, float]:
        """The spread: where the middle half of the values lies."""
        return quantile(self.values, 0.25), quantile(self.values, 0.75)


@dataclass(frozen=True)
class Check:
    """One bound: pysupervise's value, what it is compared with, and the verdict."""

    what: str
    subject: str  # the name of our series
    unit: str
    measured: float | None
    reference_name: str
    reference: float | None
    bound: str
    limit: float | None
    tail: bool = False  # of the 99th percentile instead of the median

    @property
    def ratio(self) -> float | None:
        """Measured over reference."""
        if self.measured is None or not self.reference:
            return None
        return self.measured / self.reference

    @property
    def held(self) -> bool | None:
        """Whether the bound holds; None when there is nothing to compare with."""
        if self.measured is None:
            return False
        return None if self.limit is None else self.measured <= self.limit

    @property
    def verdict(self) -> str:
        """The verdict in words."""
        if self.measured is None:
            return "NOT MEASURED"
        if self.held is None:
            return "no reference"
        return "holds" if self.held else "FAILS"


@dataclass
class Figure:
    """One figure: how it was measured, the series of every init, the checks."""

    key: str
    title: str
    unit: str
    how: str
    series: list[Series] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def find(self, name: str) -> Series | None:
        """Return the series of that name."""
        return next((one for one in self.series if one.name == name), None)

    def add(self, samples: dict[str, list[float]], scale: frozenset[str] = frozenset()) -> None:
        """Add a series for each init that gave values."""
        self.series += [Series(name, tuple(values), name in scale) for name, values in samples.items() if values]

    def compare(
        self,
        subject: str,
        reference: str,
        *,
        factor: float,
        plus: float = 0.0,
        tail: bool = False,
        what: str = "",
    ) -> None:
        """Check subject <= factor * reference + plus, by medians or by p99."""
        ours, theirs = self.find(subject), self.find(reference)
        base = _value(theirs, tail=tail)
        extra = f" + {plus:g} {self.unit}" if plus else ""
        self.checks.append(
            Check(
                what=what or self.title,
                subject=subject,
                unit=self.unit,
                measured=_value(ours, tail=tail),
                reference_name=reference,
                reference=base,
                bound=f"{factor:.2f}x{extra}",
                limit=None if base is None else base * factor + plus,
                tail=tail,
            )
        )


def _value(series: Series | None, *, tail: bool) -> float | None:
    if series is None:
        return None
    return series.p99 if tail else series.median
