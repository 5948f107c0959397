"""The run as one picture in plain SVG: a panel a figure, a bar an init."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from .report import number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .figures import Figure, Series
    from .report import Machine

PANELS = (
    "spawn",
    "memory-rss",
    "signal",
    "signal-tree",
    "orphans",
    "orphans-cpu",
    "stop",
    "idle",
)
COLUMNS = 2
WIDTH, MARGIN, GUTTER = 1080, 24, 32
PANEL = (WIDTH - 2 * MARGIN - GUTTER) / COLUMNS
LABEL, VALUE = 186, 62
ROW, BAR = 21, 13
HEAD, TITLE = 66, 30
STYLE = """
text { font: 12px system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #24292f }
.head { font-size: 18px; font-weight: 600 }
.title { font-size: 13px; font-weight: 600 }
.soft { fill: #656d76 }
.name { text-anchor: end }
.paper { fill: #ffffff }
.ours { fill: #2f6fbb } .peer { fill: #a9b4c0 } .python { fill: #d9a441 }
.bound { stroke: #b3261e; stroke-width: 1.5; stroke-dasharray: 3 2 }
.fails { fill: #b3261e; font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .soft { fill: #9198a1 } .paper { fill: #0d1117 }
  .ours { fill: #58a6ff } .peer { fill: #57606a } .bound { stroke: #ff7b72 }
  .fails { fill: #ff7b72 }
}
"""


def draw(machine: Machine, figures: Sequence[Figure]) -> str:
    """Return the picture."""
    chosen = [figure for key in PANELS for figure in figures if figure.key == key and figure.series]
    body: list[str] = []
    top = float(HEAD)
    for start in range(0, len(chosen), COLUMNS):
        pair = chosen[start : start + COLUMNS]
        for column, figure in enumerate(pair):
            left = MARGIN + column * (PANEL + GUTTER)
            body += _panel(figure, left, top)
        top += TITLE + 26 + ROW * max(len(figure.series) for figure in pair)
    height = round(top + 6)
    where = f"{machine.interpreter}, {machine.kernel}, {machine.cpu}, {machine.cores} cores"
    size = f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}"'
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">',
        "<title>pysupervise beside other inits, as PID 1</title>",
        f"<style>{STYLE}</style>",
        f'<rect class="paper" width="{WIDTH}" height="{height}"/>',
        _text(MARGIN, 30, "pysupervise beside other inits, as PID 1", "head"),
        _text(
            MARGIN,
            50,
            f"{where}. Medians; shorter is better; red dashes: the bound.",
            "soft",
        ),
    ]
    return "\n".join([*head, *body, "</svg>"]) + "\n"


def _panel(figure: Figure, left: float, top: float) -> list[str]:
    """Draw one figure: its title, a bar for each init, the bounds of ours."""
    limits = _limits(figure)
    near = [one.median for one in figure.series if not one.scale]
    most = max([*near, *limits.values(), 1e-9]) * 1.04
    space = PANEL - LABEL - VALUE
    parts = [_text(left, top + 14, f"{figure.title}, {figure.unit}", "title")]
    for row, one in enumerate(figure.series):
        y = top + TITLE + row * ROW
        long = one.median > most
        width = space * min(1.0, one.median / most)
        start = left + LABEL
        parts.append(_text(start - 8, y + 10, one.name, "name"))
        parts.append(f'<rect class="{_colour(one)}" x="{start:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{BAR}" rx="2"/>')
        if long:  # a gap in the bar: it would run far off the picture
            parts.append(f'<path class="paper" d="M{start + width - 22:.1f} {y + BAR + 1:.1f} l6 {-BAR - 2} h5 l-6 {BAR + 2} z"/>')
        end = start + width
        limit = limits.get(one.name)
        fails = limit is not None and one.median > limit
        if limit is not None:
            x = start + space * limit / most
            parts.append(f'<path class="bound" d="M{x:.1f} {y - 2:.1f} v{BAR + 4}"/>')
            if end < x < end + VALUE:  # or it would cross the number
                end = x
        kind = "fails" if fails else "soft"
        parts.append(_text(end + 6, y + 10, number(one.median), kind))
    return parts


def _limits(figure: Figure) -> dict[str, float]:
    """Return the bound of each series of ours that has one for its median."""
    return {check.subject: check.limit for check in figure.checks if check.limit is not None and not check.tail}


def _colour(one: Series) -> str:
    if one.name.startswith("pysupervise"):
        return "ours"
    return "python" if one.name.startswith("python") else "peer"


def _text(x: float, y: float, words: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'
