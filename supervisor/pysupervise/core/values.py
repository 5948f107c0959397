"""Values that users write, from text: durations, signals, stop sequences. Each parser raises ValueError(reason, hint)."""

from pysupervise.core import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pysupervise.core.machine import Step

TARGETS = ("child", "group", "tree", "handlers")
LOG_FORMATS = ("text", "json", "logfmt")
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
LONGEST_S = 1_000_000_000.0
KILL, STOP, CHLD = 9, 19, 17
BYTE = 255

SIGNAL_HINT = "signals are names or numbers: TERM, SIGTERM, 15, RTMIN+3"
DURATION_HINT = "write a number with its unit: 500ms, 10s, 2m"
FILE_HINT = "one KEY=VALUE a line, no `export`, no quotes"
SEQUENCE_HINT = "write steps as SIGNAL[@TARGET]:DURATION, and KILL as the last one if you like: TERM@handlers:8s,TERM@tree:2s,KILL"


def text(word: str) -> str:
    """Return a value that is any text but none at all."""
    if not word:
        raise ValueError("it is empty", "leave the option out instead")
    return word


def duration(word: str) -> float:
    """Return seconds."""
    number = word.rstrip("hms")
    unit = UNITS_S.get(word[len(number) :])
    digits = number.replace(".", "", 1)
    if number == "0" and word == "0":
        return 0.0
    if not (digits.isascii() and digits.isdigit()) or number[0] == "." or number[-1] == ".":
        raise ValueError("not a duration", DURATION_HINT)
    if unit is None:
        raise ValueError("a duration needs a unit", DURATION_HINT)
    seconds = float(number) * unit
    if seconds > LONGEST_S:
        raise ValueError("longer than 30 years", DURATION_HINT)
    return seconds


def signal(word: str) -> int:
    """Return a signal's number."""
    try:
        return signals.parse(word)
    except ValueError as error:
        raise ValueError(str(error), SIGNAL_HINT) from None


def stop_signal(word: str) -> int:
    """Return the number of a signal that a command can act on."""
    number = signal(word)
    if number in (STOP, CHLD):
        raise ValueError(f"{signals.name(number)} does not end a process", "TERM, INT, QUIT, HUP and the real-time signals are usual")
    return number


def target(word: str) -> str:
    """Return one of TARGETS."""
    if word not in TARGETS:
        raise ValueError("no such target", f"targets are {', '.join(TARGETS)}")
    return word


def log_format(word: str) -> str:
    """Return one of LOG_FORMATS."""
    if word not in LOG_FORMATS:
        raise ValueError("no such format", f"formats are {', '.join(LOG_FORMATS)}")
    return word


def rewrites(word: str) -> "dict[int, int]":
    """``TERM=QUIT,HUP=0``: the signal that comes and the one to pass on; 0 drops it."""
    hint = "write FROM=TO, and FROM=0 to drop the signal: TERM=QUIT, HUP=0, RTMIN+3=TERM"
    pairs = {}
    for pair in word.split(","):
        left, equals, right = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair or 'nothing'!r} is not FROM=TO", hint)
        try:
            source = signals.parse(left)
            sent = 0 if right.strip() == "0" else signals.parse(right)
        except ValueError as error:
            raise ValueError(f"{pair!r}: {error}", hint) from None
        if source in (KILL, STOP, CHLD):
            reason = "is for pysupervise itself" if source == CHLD else "never reaches a process"
            raise ValueError(f"{signals.name(source)} {reason}", "every other signal can be rewritten")
        pairs[source] = sent
    return pairs


def exit_map(word: str) -> "dict[int, int]":
    """``143=0,130=0``: exit statuses and what to return instead."""
    hint = "write STATUS=STATUS, each from 0 to 255: 143=0"
    pairs = {}
    for pair in word.split(","):
        left, equals, right = pair.partition("=")
        if not equals or not _is_number(left) or not _is_number(right):
            raise ValueError(f"{pair or 'nothing'!r} is not STATUS=STATUS", hint)
        if int(left) > BYTE or int(right) > BYTE:
            raise ValueError(f"{pair!r} is out of range", hint)
        pairs[int(left)] = int(right)
    return pairs


def stop_sequence(word: str) -> "tuple[Step, ...]":
    """``TERM@handlers:8s,TERM@tree:2s,KILL``: the steps of a stop."""
    steps: list[Step] = []
    parts = word.split(",")
    for index, part in enumerate(parts):
        left, colon, time = part.partition(":")
        name, at, where = left.partition("@")
        try:
            number = signals.parse(name)
        except ValueError as error:
            raise ValueError(f"{part or 'nothing'!r}: {error}", SEQUENCE_HINT) from None
        if at and where not in TARGETS:
            raise ValueError(f"{part!r}: no such target", f"targets are {', '.join(TARGETS)}")
        if number == KILL and not at and not colon:
            if index != len(parts) - 1:
                raise ValueError("KILL of the whole tree can only come last", SEQUENCE_HINT)
            break
        if number in (STOP, CHLD):
            raise ValueError(f"{part!r}: {signals.name(number)} does not end a process", SEQUENCE_HINT)
        if not colon:
            raise ValueError(f"{part!r} does not say how long to wait", SEQUENCE_HINT)
        try:
            steps.append((number, where or None, duration(time)))
        except ValueError as error:
            raise ValueError(f"{part!r}: {error.args[0]}", SEQUENCE_HINT) from None
    return tuple(steps)


def octal(word: str) -> int:
    """Return a umask."""
    if not word.isascii() or not word.isdigit() or set(word) & set("89") or int(word, 8) > 0o777:  # noqa: PLR2004
        raise ValueError("not an octal number from 0 to 777", "the usual ones are 022, 027 and 077")
    return int(word, 8)


def nice(word: str) -> int:
    """Return a niceness, -20 to 19."""
    return _integer(word, -20, 19)


def oom_score_adj(word: str) -> int:
    """Return an OOM adjustment, -1000 to 1000."""
    return _integer(word, -1000, 1000)


def assignment(word: str) -> "tuple[str, str]":
    """``KEY=VALUE`` of the environment."""
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise ValueError("not KEY=VALUE", "an empty value is written KEY=")
    if "\0" in word:
        raise ValueError("it contains a NUL", "the kernel ends a variable there")
    return key, value


def environment_file(path: str) -> "list[tuple[str, str]]":
    """Read a file of KEY=VALUE lines; blank lines and those that begin with # do not count, quotes are part of the value.

    A byte order mark at the start, which some editors write, does not count either.
    """
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().removeprefix("\ufeff").split("\n")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise ValueError(reason, "give a file of KEY=VALUE lines") from None
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.lstrip().startswith("#"):
            try:
                key, value = assignment(line.lstrip())
            except ValueError as error:
                reason = error.args[0]
                words = reason.removeprefix("it ") if reason.startswith("it ") else f"is {reason}"
                raise ValueError(f"line {number} {words}", FILE_HINT) from None
            if any(char.isspace() for char in key):
                raise ValueError(f"line {number} has a blank in its name: {key!r}", FILE_HINT)
            found.append((key, value))
    return found


def directory(word: str) -> str:
    """Return a directory to change to; whether it exists is seen when the command starts, with the command's rights."""
    return text(word)


def _integer(word: str, lowest: int, highest: int) -> int:
    hint = f"a whole number from {lowest} to {highest}"
    if not _is_number(word.removeprefix("-").removeprefix("+") if word[:2] not in ("-+", "+-") else ""):
        raise ValueError("not a number", hint)
    if not lowest <= int(word) <= highest:
        raise ValueError("out of range", hint)
    return int(word)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 10  # noqa: PLR2004 -- longer than any value here
