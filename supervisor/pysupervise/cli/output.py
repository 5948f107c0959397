"""How verbs write: tables and trees that fit the terminal, plain lines in a pipe, JSON, and looking again."""

import contextlib
import json
import os
import shutil
import sys
import textwrap
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

FEWEST_COLUMNS = 40
MOST_DIGITS = 10  # pid_t has 31 bits
LONGEST_WATCH_S = 86_400.0
CLEAR = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True)
class Screen:
    """What standard output can show. A pipe has no width: nothing is cut there."""

    width: int | None
    colour: bool
    unicode: bool

    def paint(self, text: str, **style: Any) -> str:
        """Return text in a click.style, where there is colour."""
        return click.style(text, **style) if self.colour else text

    def cut(self, text: str, columns: int) -> str:
        """Return text in at most so many columns."""
        if columns_of(text) <= columns:
            return text
        used = 0
        for index, char in enumerate(text):
            used += _columns_of_char(char)
            if used > columns - 1:  # one is for the mark
                return (text[:index] + ("…" if self.unicode else "~")) if columns > 0 else ""
        raise AssertionError


def screen() -> Screen:
    """Look at standard output: colour only on a terminal and not with NO_COLOR, Unicode where the encoding has it."""
    terminal = sys.stdout.isatty()
    encoding = (sys.stdout.encoding or "ascii").lower()
    width = max(FEWEST_COLUMNS, shutil.get_terminal_size().columns) if terminal else None
    return Screen(width, terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb", "utf" in encoding)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table."""

    title: str
    right: bool = False  # numbers


def table(shown: Screen, columns: Sequence[Column], rows: Sequence[Sequence[str]], paint: Callable[[int, str], str] | None = None) -> str:
    """Return a table, one line a row. The last column takes what is left of the width. ``paint``: (column index, padded cell) -> cell."""
    rows = [[printable(cell) for cell in row] for row in rows]
    titles = [column.title for column in columns]
    # Nobody asks for the width of a last column that is not aligned to the right, and it is the longest.
    aligned = len(columns) - (not columns[-1].right)
    widths = [max(columns_of(row[index]) for row in [titles, *rows]) for index in range(aligned)]
    lines = []
    for number, row in enumerate([titles, *rows]):
        cells, used = [], 0
        for index, cell in enumerate(row):
            last = index == len(columns) - 1
            text = cell
            if last and shown.width is not None:
                text = shown.cut(text, max(shown.width - used, 10))
            if not last or columns[index].right:
                padding = " " * (widths[index] - columns_of(text))
                text = padding + text if columns[index].right else text + padding
                used += widths[index] + 2
            cells.append(shown.paint(text, bold=True) if number == 0 else paint(index, text) if paint else text)
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def printable(text: str) -> str:
    """Return text without anything that moves a cursor: processes choose their names themselves."""
    if text.isprintable():
        return text
    return text.translate({ord(char): "?" for char in set(text) if not char.isprintable()})


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes: wide characters two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of_char, text))


def fold(shown: Screen, text: str, indent: str) -> str:
    """Return a sentence on as many lines as the width needs, those after the first indented; in a pipe on one."""
    if shown.width is None:
        return text
    return "\n".join(textwrap.wrap(text, shown.width, subsequent_indent=indent, break_on_hyphens=False))


@cache
def _columns_of_char(char: str) -> int:
    return 0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1


def duration(seconds: float) -> str:
    """Return "0.4s", "12s", "3m05s", "2h07m" or "5d03h"."""
    if seconds < 10:  # noqa: PLR2004 -- two digits are enough from there on
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:  # noqa: PLR2004 -- seconds in a minute
        return f"{whole}s"
    if whole < 3600:  # noqa: PLR2004 -- seconds in an hour
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:  # noqa: PLR2004 -- seconds in a day
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def size(count: int) -> str:
    """Return bytes as "812K", "3.1M" or "2.0G"."""
    number = count / 1024
    for unit in "KMG":
        if number < 1000 or unit == "G":  # noqa: PLR2004 -- at most three digits
            return f"{number:.0f}K" if unit == "K" else f"{number:.1f}{unit}"
        number /= 1024
    raise AssertionError


def pid(word: str) -> int:
    """Read a pid of the command line (a click type): int() alone would take other scripts' digits, signs and underscores too."""
    if not (word.isascii() and word.isdigit() and len(word) <= MOST_DIGITS and int(word)):
        raise click.BadParameter(f"{word!r} is no pid")
    return int(word)


def json_option(command: Command) -> Command:
    """Add --json to a command: the parameter ``as_json``."""
    return click.option("--json", "as_json", is_flag=True, help="Write JSON.")(command)


def watch_option(command: Command) -> Command:
    """Add --watch to a command: the parameter ``watch_s``, None without it."""
    text = "Look again every SECONDS (2 without a number), until Ctrl-C."
    kind = click.FloatRange(min=0.1)

    def finite(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
        if value is not None and not value <= LONGEST_WATCH_S:
            raise click.BadParameter("is no time to wait")
        return value

    return click.option("--watch", "watch_s", callback=finite, type=kind, is_flag=False, flag_value=2.0, metavar="[SECONDS]", help=text)(
        command
    )


@dataclass(frozen=True, slots=True)
class View:
    """What was seen, and how to show it: only one of the two is done, and each costs time where there are many processes."""

    value: Callable[[], Any]  # for JSON
    draw: Callable[[Screen], str]
    status: int


def show(look: Callable[[], View], *, as_json: bool, watch_s: float | None) -> int:
    """Look, write what was seen, and look again with --watch; return the status of the last look. With --watch, JSON is a line a look."""
    status = None
    try:
        while True:
            view = look()
            status = view.status
            if as_json:
                click.echo(json.dumps(view.value(), indent=None if watch_s else 2))
            else:
                shown = screen()
                clear = CLEAR if watch_s and shown.width is not None else ""
                click.echo(clear + encodable(view.draw(shown)))
            if watch_s is None:
                return status
            sys.stdout.flush()
            time.sleep(watch_s)
    except KeyboardInterrupt:
        if status is None or watch_s is None:
            raise  # nothing was seen, or not all of it told
        return status


def give_up() -> None:
    """Let the interpreter write what is left to nowhere, instead of failing once more at its end."""
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def complain(text: str) -> None:
    """Write to standard error; where that takes nothing, the status says it all."""
    with contextlib.suppress(OSError):
        click.echo(text, err=True)


def encodable(text: str) -> str:
    """Return text with a question mark for what standard output's encoding does not have: names of processes can be anything."""
    encoding = sys.stdout.encoding or "ascii"
    return text.encode(encoding, "replace").decode(encoding)


class CannotError(click.ClickException):
    """An error to the user, "cannot X: reason" and a hint; status 2."""

    exit_code = 2

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.hint = hint

    def show(self, _file: Any = None) -> None:
        """Write both lines to standard error."""
        complain(f"pysupervise: {self.message}\npysupervise: hint: {self.hint}")
