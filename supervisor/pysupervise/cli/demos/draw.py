"""How a demo looks: both sides in columns with a time before them, or one under the other, then the explanation and the code."""

import textwrap
from collections.abc import Callable
from typing import Any

from pysupervise.cli.demos.model import ACTION, COMMAND, END, OUTPUT, SEEN, SIDES, WITHOUT, Demo, Event, Result, paragraphs
from pysupervise.cli.output import Screen
from pysupervise.cli.sandbox import Place

NARROWEST_FOR_COLUMNS = 80
WIDEST = 160
WIDEST_TEXT = 100
CODE_INDENT = "    "
TIME_COLUMNS = 8  # "12.34s  "
TITLES = {WITHOUT: "without pysupervise", "with": "with pysupervise"}
MARKS = {COMMAND: ("$ ", "$ "), OUTPUT: ("  ", "  "), ACTION: ("→ ", "> "), SEEN: ("• ", "* "), END: ("■ ", "= ")}
STYLES: dict[str, dict[str, Any]] = {
    COMMAND: {"bold": True},
    OUTPUT: {"dim": True},
    ACTION: {"fg": "yellow"},
    SEEN: {"fg": "cyan"},
    END: {"bold": True},
}


class Drawing:
    """Draws demos on a screen, each piece as soon as it is known."""

    def __init__(self, shown: Screen, write: Callable[[str], None]) -> None:
        self.screen = shown
        self.columns = shown.width is not None and shown.width >= NARROWEST_FOR_COLUMNS
        self._write = write
        self._width = min(shown.width or WIDEST_TEXT, WIDEST)
        self._cell = (self._width - TIME_COLUMNS - 3) // 2
        self._bar = " │ " if shown.unicode else " | "
        self._side = ""  # without columns: the side whose turn it is

    def begin(self, demo: Demo, place: Place) -> None:
        """Draw the title and, for columns, what they are."""
        self._side = ""
        self._paragraph(f"{demo.name}: {demo.summary}", bold=True)
        if place is Place.HERE and demo.needs_namespace:
            self._write("It was not run.\n")
            return
        self._paragraph(f"Runs {place.words}.")
        self._write("\n")
        if self.columns:
            titles = [self.screen.paint(TITLES[side].ljust(self._cell), underline=True) for side in SIDES]
            self._write(" " * TIME_COLUMNS + self._bar.join(titles).rstrip() + "\n")

    def events(self, events: list[Event]) -> None:
        """Draw what happened: at most one event a side, at the same time."""
        if self.columns:
            self._row(events)
            return
        for event in events:  # the sides run one after the other
            self._line(event)

    def end(self, result: Result, *, whole: bool = True) -> None:
        """Draw the verdict and, with ``whole``, the explanation and the code."""
        self._write("\n")
        demo, good, bad = result.demo, *(("✓ ", "✗ ") if self.screen.unicode else ("+ ", "- "))
        for check in result.checks:
            style = {"fg": "green"} if check.held else {"fg": "red", "bold": True}
            self._paragraph((good if check.held else bad) + check.claim, "  ", **style)
        if result.was_not_run:
            self._paragraph(bad + result.demo.needs_namespace, "  ")
        elif not result.shown:
            self._paragraph("This run did not show what the demo claims:", fg="red", bold=True)
            for reason in result.reasons:
                self._paragraph(bad + reason, "  ", fg="red")
        if not whole:
            self._write("\n")
            return
        for title, text in (("What happens", demo.explanation), ("The cure", demo.cure)):
            self._write("\n" + self.screen.paint(title, bold=True) + "\n")
            for paragraph in paragraphs(text):
                self._paragraph(paragraph)
        others = [name for name in demo.files if name != demo.culprit]
        for name in (demo.culprit, *others):
            title = f"The culprit, {name}" if name == demo.culprit else name
            self._write("\n" + self.screen.paint(title, bold=True) + "\n")
            for line in demo.files[name].splitlines():
                self._write(self._code(line) + "\n")
        self._write("\n")

    def _row(self, events: list[Event]) -> None:
        cells = {side: [""] for side in SIDES}
        styles = {}
        for event in events:
            cells[event.side] = self._wrap(event, self._cell)
            styles[event.side] = STYLES[event.kind]
        for index in range(max(map(len, cells.values()))):
            time = f"{min(event.time_s for event in events):5.2f}s  " if index == 0 else " " * TIME_COLUMNS
            parts = []
            for side in SIDES:
                text = cells[side][index] if index < len(cells[side]) else ""
                padded = text if side != WITHOUT else text.ljust(self._cell)
                parts.append(self.screen.paint(padded, **styles[side]) if text else padded)
            self._write((time + self._bar.join(parts)).rstrip() + "\n")

    def _line(self, event: Event) -> None:
        if event.side != self._side:
            self._write(("\n" if self._side else "") + self.screen.paint(TITLES[event.side], underline=True) + "\n")
            self._side = event.side
        width = None if self.screen.width is None else self.screen.width - TIME_COLUMNS
        for index, line in enumerate(self._wrap(event, width)):
            time = f"{event.time_s:5.2f}s  " if index == 0 else " " * TIME_COLUMNS
            self._write((time + self.screen.paint(line, **STYLES[event.kind])).rstrip() + "\n")

    def _wrap(self, event: Event, width: int | None) -> list[str]:
        mark = MARKS[event.kind][0 if self.screen.unicode else 1]
        text = event.text if self.screen.unicode else event.text.encode("ascii", "replace").decode()
        if width is None:
            return [mark + text]
        wrapped = textwrap.wrap(text, width, initial_indent=mark, subsequent_indent="  ", break_on_hyphens=False)
        return wrapped or [mark]

    def _code(self, line: str) -> str:
        """Return a line of code, indented. Where it is too long for the terminal, what follows is indented deeper."""
        if self.screen.width is None:
            return (CODE_INDENT + line).rstrip()
        deeper = CODE_INDENT * 2 + line[: len(line) - len(line.lstrip())]
        lines = textwrap.wrap(line, self.screen.width, initial_indent=CODE_INDENT, subsequent_indent=deeper, break_on_hyphens=False)
        return "\n".join(lines)

    def _paragraph(self, text: str, indent: str = "", **style: Any) -> None:
        width = min(self._width, WIDEST_TEXT)
        lines = textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)
        self._write("".join(self.screen.paint(line, **style) + "\n" for line in lines))
