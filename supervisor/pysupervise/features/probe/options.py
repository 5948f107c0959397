"""The one table of the probe's options: the reader, click's help, completion, man page and docs/probe.md are made from it."""

from pysupervise.core import values
from pysupervise.core.options import Option, Table

# A health check that takes longer is none; poll(2) would take 24 days at most.
LONGEST_S = 3600.0
MOST_RETRIES = 10_000
LOWEST_STATUS, HIGHEST_STATUS = 100, 999
# What RFC 9110 (5.6.2) allows in the name of a field, besides letters and digits.
NAME_MARKS = "!#$%&'*+-.^_`|~"

TRYING, HTTP, WORDS = "Trying", "HTTP", "Words"
STATUS_HINT = "write statuses and ranges: 200,204,300-399"
HEADER_HINT = "write --header 'NAME:VALUE', such as 'Host:example.org'"


def limit(word: str) -> float:
    """Return the seconds of a try, more than none."""
    seconds = interval(word)
    if not seconds:
        raise ValueError("nothing answers in no time", "write a duration: 500ms, 5s")
    return seconds


def interval(word: str) -> float:
    """Return seconds, an hour at most."""
    seconds = values.duration(word)
    if seconds > LONGEST_S:
        raise ValueError("longer than an hour", values.DURATION_HINT)
    return seconds


def retries(word: str) -> int:
    """Return a number of tries after the first."""
    hint = f"a whole number from 0 to {MOST_RETRIES}"
    if not (word.isascii() and word.isdigit()):
        raise ValueError("not a number", hint)
    if len(word) > len(str(MOST_RETRIES)) or int(word) > MOST_RETRIES:
        raise ValueError("too many", hint)
    return int(word)


def statuses(word: str) -> "tuple[tuple[int, int], ...]":
    """``200,204,300-399``: ranges of HTTP statuses, their ends included."""
    ranges = []
    for part in word.split(","):
        first, dash, last = part.partition("-")
        for number in (first, last if dash else first):
            if not (number.isascii() and number.isdigit() and len(number) == 3 and int(number) >= LOWEST_STATUS):  # noqa: PLR2004
                raise ValueError(f"{part or 'nothing'!r} is no HTTP status", STATUS_HINT)
        pair = int(first), int(last if dash else first)
        if pair[0] > pair[1]:
            raise ValueError(f"{part!r} ends before it begins", STATUS_HINT)
        ranges.append(pair)
    return tuple(ranges)


def header(word: str) -> "tuple[str, str]":
    """``NAME:VALUE``: a field of the request. Nothing in it can begin another field."""
    name, colon, value = word.partition(":")
    if not colon:
        raise ValueError("not NAME:VALUE", HEADER_HINT)
    if not name or not name.isascii() or not all(c.isalnum() or c in NAME_MARKS for c in name):
        raise ValueError("not a field's name", HEADER_HINT)
    value = value.strip(" \t")
    if not all(c.isprintable() or c == "\t" for c in value):
        raise ValueError("the value has control characters", HEADER_HINT)
    return name, value


OPTIONS: "tuple[Option, ...]" = (
    Option(TRYING, "timeout", "DURATION", limit, "Give one try so long, whatever the other side does. [default: 5s]"),
    Option(TRYING, "retries", "N", retries, "Try so many times more before it is unhealthy. [default: 0]"),
    Option(TRYING, "interval", "DURATION", interval, "Wait so long between two tries. [default: 1s]"),
    Option(HTTP, "status", "LIST", statuses, "Which statuses are healthy: 200,204,300-399. Redirects are not followed. [default: 200-399]"),
    Option(HTTP, "body", "TEXT", values.text, "The first MiB of the answer must hold this text too."),
    Option(HTTP, "header", "NAME:VALUE", header, "Send this field with the request. Can be repeated.", repeats=True),
    Option(HTTP, "insecure", "", None, "Take any certificate (https)."),
    Option(WORDS, "quiet", "", None, "Say nothing when healthy.", short="q"),
    Option(WORDS, "json", "", None, "Say it as one line of JSON on standard output, healthy or not; seconds are those of the last try."),
)
QUESTIONS: "tuple[Option, ...]" = (Option(WORDS, "help", "", None, "Show this help and exit.", short="h"),)
HTTP_ONLY = tuple(option.name for option in OPTIONS if option.section == HTTP)
TABLE = Table(
    (*OPTIONS, *QUESTIONS), "pysupervise probe [OPTIONS] TARGET; pysupervise probe --help lists both", "the target comes after the options"
)
