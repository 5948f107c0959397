"""Values that users write: what is read, and what is refused with a reason and a hint."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysupervise.core import identity, values

HUP, INT, QUIT, KILL, TERM = 1, 2, 3, 9, 15

GOOD: list[tuple[Callable[[str], Any], str, Any]] = [
    (values.duration, "0", 0.0),
    (values.duration, "0s", 0.0),
    (values.duration, "500ms", 0.5),
    (values.duration, "10s", 10.0),
    (values.duration, "2m", 120.0),
    (values.duration, "1h", 3600.0),
    (values.duration, "1.5s", 1.5),
    (values.duration, "0.25m", 15.0),
    (values.duration, "007s", 7.0),
    (values.signal, "TERM", TERM),
    (values.signal, "KILL", KILL),
    (values.stop_signal, "sigquit", QUIT),
    (values.stop_signal, "RTMIN+3", 37),
    (values.stop_signal, "KILL", KILL),
    (values.target, "handlers", "handlers"),
    (values.log_format, "logfmt", "logfmt"),
    (values.rewrites, "TERM=QUIT", {TERM: QUIT}),
    (values.rewrites, "TERM=QUIT,HUP=0", {TERM: QUIT, HUP: 0}),
    (values.rewrites, "SIGTERM=3, hup = int", {TERM: QUIT, HUP: INT}),
    (values.rewrites, "RTMIN+3=TERM", {37: TERM}),
    (values.rewrites, "TERM=KILL", {TERM: KILL}),
    (values.exit_map, "143=0", {143: 0}),
    (values.exit_map, "143=0,130=0,0=255", {143: 0, 130: 0, 0: 255}),
    (values.stop_sequence, "TERM:8s", ((TERM, None, 8.0),)),
    (values.stop_sequence, "TERM:8s,KILL", ((TERM, None, 8.0),)),
    (values.stop_sequence, "KILL", ()),
    (
        values.stop_sequence,
        "TERM@handlers:8s,TERM@tree:2s,KILL",
        ((TERM, "handlers", 8.0), (TERM, "tree", 2.0)),
    ),
    (values.stop_sequence, "quit@child:500ms,KILL@group:1s,9", ((QUIT, "child", 0.5), (KILL, "group", 1.0))),
    (values.octal, "022", 0o22),
    (values.octal, "0", 0),
    (values.octal, "777", 0o777),
    (values.nice, "-20", -20),
    (values.nice, "+19", 19),
    (values.nice, "0", 0),
    (values.oom_score_adj, "-1000", -1000),
    (values.oom_score_adj, "1000", 1000),
    (values.assignment, "KEY=VALUE", ("KEY", "VALUE")),
    (values.assignment, "KEY=", ("KEY", "")),
    (values.assignment, "KEY=a=b c", ("KEY", "a=b c")),
    (values.assignment, "K\udcff=\udcfe", ("K\udcff", "\udcfe")),
    (values.text, " ", " "),
    (values.directory, "/no/such", "/no/such"),
]

PARSERS = (
    values.duration,
    values.signal,
    values.stop_signal,
    values.target,
    values.log_format,
    values.rewrites,
    values.exit_map,
    values.stop_sequence,
    values.octal,
    values.nice,
    values.oom_score_adj,
    values.assignment,
    values.text,
    values.environment_file,
    identity.parse,
)


@pytest.mark.parametrize(("parse", "word", "expected"), GOOD)
def test_good(parse: Callable[[str], Any], word: str, expected: Any) -> None:
    found = parse(word)
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize("parse", PARSERS, ids=lambda parse: f"{parse.__module__.rpartition('.')[2]}.{parse.__name__}")
@pytest.mark.parametrize("word", ["", "\n", "-", "=", ",", ":", "@", "²", "\u0663", "\udcff", "9" * 5000, "-+1", "--1"], ids=ascii)
def test_nonsense_is_refused_in_one_way(parse: Callable[[str], Any], word: str) -> None:
    try:
        parse(word)
    except ValueError as error:
        reason, hint = error.args
        assert reason
        assert hint


@pytest.mark.parametrize("word", ["9" * 5000 + "s", "9" * 400 + "h", "1" + "0" * 308 + "h", "0." + "0" * 5000 + "1s"], ids=range(4))
def test_a_long_duration_is_no_crash(word: str) -> None:
    try:
        assert 0 <= values.duration(word) <= values.LONGEST_S
    except ValueError as error:
        assert len(error.args) == 2


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12))  # arguments and variables hold no NUL
def test_any_text_is_a_value_or_a_refusal(word: str) -> None:
    for parse in PARSERS:
        try:
            parse(word)
        except ValueError as error:
            assert len(error.args) == 2, (parse.__name__, word)


@given(st.integers(0, 10**6), st.sampled_from(["ms", "s", "m"]))
def test_durations_are_exact_enough(number: int, unit: str) -> None:
    assert values.duration(f"{number}{unit}") == pytest.approx(number * {"ms": 0.001, "s": 1, "m": 60}[unit])


def test_environment_file(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"# comment\n\nA=1\n  B=two words \n  # indented\nC=\nD='quoted'\nE=\xff\nA=2\r\nF=x")
    assert values.environment_file(str(file)) == [
        ("A", "1"),
        ("B", "two words "),
        ("C", ""),
        ("D", "'quoted'"),
        ("E", "\udcff"),
        ("A", "2"),
        ("F", "x"),
    ]


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"], ids=ascii)
def test_only_a_newline_ends_a_line_of_an_environment_file(tmp_path: Path, separator: str) -> None:
    file = tmp_path / "env"
    file.write_text(f"A=left{separator}right\n", encoding="utf-8")
    assert values.environment_file(str(file)) == [("A", f"left{separator}right")]


@pytest.mark.parametrize(("content", "line"), [("A=1\nB\n", 2), ("=1\n", 1), ("\n\nexport\n", 3)])
def test_environment_file_names_the_line(tmp_path: Path, content: str, line: int) -> None:
    file = tmp_path / "env"
    file.write_text(content)
    with pytest.raises(ValueError, match="is not KEY=VALUE") as caught:
        values.environment_file(str(file))
    assert caught.value.args[0] == f"line {line} is not KEY=VALUE"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("A=1\nexport C=3\n", "line 2 has a blank in its name: 'export C'"),
        ("A B=1\n", "line 1 has a blank in its name: 'A B'"),
        ("A\t=1\n", "line 1 has a blank in its name: 'A\\t'"),
        ("A=1\0\n", "line 1 contains a NUL"),
    ],
)
def test_environment_file_refuses_what_a_shell_would_read_otherwise(tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "env"
    file.write_text(content)
    with pytest.raises(ValueError, match="line ") as caught:
        values.environment_file(str(file))
    assert caught.value.args == (reason, "one KEY=VALUE a line, no `export`, no quotes")


def test_a_byte_order_mark_before_an_environment_file_does_not_count(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"\xef\xbb\xbfA=1\nB=\xef\xbb\xbf2\n")
    assert values.environment_file(str(file)) == [("A", "1"), ("B", "\ufeff2")]


def test_environment_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file or directory"):
        values.environment_file(str(tmp_path / "none"))


def test_user_by_name_has_the_groups_of_the_database() -> None:
    user = identity.parse("root")
    assert (user.uid, user.gid, user.name, user.home) == (0, 0, "root", "/root")
    assert sorted(user.groups) == sorted(os.getgrouplist("root", 0))


def test_user_by_number_is_looked_up() -> None:
    assert identity.parse("0").name == "root"


def test_user_with_a_group_has_only_that() -> None:
    assert identity.parse("root:7").groups == [7]
    assert identity.parse("root:root").gid == 0


def test_a_number_without_an_entry_is_taken_as_it_is() -> None:
    user = identity.parse("3999999999")
    assert (user.uid, user.gid, user.groups, user.home) == (3999999999, 3999999999, [3999999999], "/")
    assert identity.parse("3999999999:5").groups == [5]
    assert identity.parse("4294967294").uid == 4294967294
