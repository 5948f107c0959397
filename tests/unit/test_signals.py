"""Names and numbers of signals, held against the signal module of the standard library."""

import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysupervise.core import signals

EVERY = sorted(signal.valid_signals())


@pytest.mark.parametrize("number", EVERY)
def test_every_signal_has_a_name_that_is_read_back(number: int) -> None:
    name = signals.name(number)
    for word in (name, f"SIG{name}", name.lower(), f"sig{name.lower()}", str(number), f" {name} ", f"0{number}"):
        assert signals.parse(word) == number


@pytest.mark.parametrize("member", list(signal.Signals), ids=lambda member: member.name)
def test_names_are_those_of_the_library(member: signal.Signals) -> None:
    assert signals.parse(member.name) == member
    assert signals.name(member) == member.name.removeprefix("SIG")


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("CLD", 17),
        ("POLL", 29),
        ("IO", 29),
        ("IOT", 6),
        ("STKFLT", 16),
        ("RTMIN", 34),
        ("RTMIN+0", 34),
        ("RTMIN+1", 35),
        ("RTMIN+30", 64),
        ("RTMAX", 64),
        ("RTMAX-0", 64),
        ("RTMAX-1", 63),
        ("RTMAX-30", 34),
        ("sigrtmin+15", 49),
        ("50", 50),
    ],
)
def test_other_ways_to_write_it(word: str, number: int) -> None:
    assert signals.parse(word) == number


@pytest.mark.parametrize(("number", "name"), [(34, "RTMIN"), (35, "RTMIN+1"), (63, "RTMIN+29"), (64, "RTMAX"), (6, "ABRT"), (17, "CHLD")])
def test_names(number: int, name: str) -> None:
    assert signals.name(number) == name


@pytest.mark.parametrize("number", [0, 32, 33, 65, 99, -1])
def test_a_number_without_a_name_is_told_as_it_is(number: int) -> None:
    assert signals.name(number) == str(number)


REFUSED = (
    *(
        "",
        " ",
        "SIG",
        "SIGSIGTERM",
        "0",
        "00",
        "32",
        "33",
        "65",
        "-1",
        "+15",
        "1.0",
        "TERM+1",
        "RTMIN+31",
        "RTMAX-31",
        "RTMIN-1",
        "RTMAX+1",
    ),
    *("RTMIN+", "RTMIN+-1", "RTMIN+ 1", "_DFL", "SIG_IGN", "_BLOCK", "²", "\u0661\u0665", "T\0ERM", "TERM\nHUP", "BLOCK", "9" * 5000),
)


@pytest.mark.parametrize("word", REFUSED, ids=ascii)
def test_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        signals.parse(word)


@given(st.text())
def test_any_text_is_a_signal_or_a_refusal(word: str) -> None:
    try:
        assert signals.parse(word) in EVERY
    except ValueError as error:
        assert len(error.args) == 1
