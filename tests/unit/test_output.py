"""Tables, widths and numbers of the verbs."""

import pytest

from pysupervise.cli import output
from pysupervise.cli.output import Column, Screen

PIPE = Screen(None, colour=False, unicode=True)
NARROW = Screen(20, colour=False, unicode=True)
PLAIN = Screen(20, colour=False, unicode=False)
COLOURED = Screen(20, colour=True, unicode=True)


@pytest.mark.parametrize(
    ("text", "columns", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("", 0, ""),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("e\u0301e\u0301", 2, "e\u0301e\u0301"),
    ],
)
def test_cut(text: str, columns: int, expected: str) -> None:
    found = NARROW.cut(text, columns)
    assert found == expected
    assert output.columns_of(found) <= columns


def test_cut_without_unicode() -> None:
    assert PLAIN.cut("abcd", 3) == "ab~"


def test_table() -> None:
    columns = [Column("N", right=True), Column("WHO"), Column("WHAT")]
    rows = [["1", "me", "x" * 30], ["12", "日本", "y"]]
    assert output.table(PIPE, columns, rows).splitlines() == [" N  WHO   WHAT", " 1  me    " + "x" * 30, "12  日本  y"]
    assert output.table(NARROW, columns, rows).splitlines()[1] == " 1  me    xxxxxxxxx…"
    assert output.table(PIPE, columns, []) == "N  WHO  WHAT"


def test_table_with_a_last_column_of_numbers() -> None:
    rows = [["a", "1"], ["b", "100"]]
    assert output.table(PIPE, [Column("X"), Column("Y", right=True)], rows).splitlines() == ["X    Y", "a    1", "b  100"]


def test_paint_gets_cells_as_they_are_shown() -> None:
    seen: list[tuple[int, str]] = []

    def paint(index: int, cell: str) -> str:
        seen.append((index, cell))
        return cell

    output.table(COLOURED, [Column("A"), Column("B")], [["x", "y"]], paint=paint)
    assert seen == [(0, "x"), (1, "y")]
    assert COLOURED.paint("x", fg="red") == "\x1b[31mx\x1b[0m"
    assert NARROW.paint("x", fg="red") == "x"


@pytest.mark.parametrize(
    ("text", "expected"), [("plain", "plain"), ("a\x1b[2Jb\nc\td", "a?[2Jb?c?d"), ("ä日", "ä日"), ("x\u202ey\x9bz", "x?y?z")]
)
def test_printable(text: str, expected: str) -> None:
    assert output.printable(text) == expected


def test_fold() -> None:
    assert output.fold(PIPE, "a long sentence that no pipe needs folded", "  ") == "a long sentence that no pipe needs folded"
    assert output.fold(NARROW, "a long sentence that is folded", "  ").splitlines() == ["a long sentence that", "  is folded"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0.0s"),
        (9.94, "9.9s"),
        (10, "10s"),
        (59.9, "59s"),
        (60, "1m00s"),
        (3599, "59m59s"),
        (3600, "1h00m"),
        (86400 * 2 + 3600, "2d01h"),
    ],
)
def test_duration(seconds: float, expected: str) -> None:
    assert output.duration(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0K"), (512 * 1024, "512K"), (1024 * 1024, "1.0M"), (3_250_585, "3.1M"), (2 << 30, "2.0G"), (5 << 40, "5120.0G")],
)
def test_size(count: int, expected: str) -> None:
    assert output.size(count) == expected
