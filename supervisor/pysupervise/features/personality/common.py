"""What the personalities share: getopt's way with options, and a voice made of a table."""

import sys

from pysupervise.core.journal import Voice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import NoReturn


class Plain(Voice):
    """A voice that writes each of a table's events to standard output or error, and ignores the rest."""

    __slots__ = ("sentences",)

    def __init__(self, sentences: "Mapping[str, Callable[[dict[str, object]], tuple[int, str] | None]]") -> None:
        self.sentences = sentences

    def tell(self, _level: int, event: str, fields: "dict[str, object]") -> None:
        """Write an event, if the personality has words for it."""
        make = self.sentences.get(event)
        line = make(fields) if make is not None else None
        if line is not None:
            write(*line)


def write(fd: int, text: str) -> None:
    """Write a line to a descriptor; that nobody reads it is nobody's error."""
    import posix

    try:
        posix.write(fd, (text + "\n").encode(errors="surrogateescape"))
    except OSError:
        return


def leave(status: int, fd: int, text: str) -> "NoReturn":
    """Say something and exit."""
    write(fd, text)
    sys.exit(status)


def letters(argv: "list[str]", flags: str, valued: str, *, permute: bool) -> "tuple[list[tuple[str, str]], list[str]]":
    """Split an argument list as getopt(3) does: ([(option, value)...], operands).

    ``permute``: options are looked for behind operands too, up to ``--``, unless POSIXLY_CORRECT is set. An unknown option comes back as
    ("?", its letter), one whose value is missing as (":", its letter).
    """
    options: list[tuple[str, str]] = []
    operands: list[str] = []
    words = iter(argv[1:])
    for word in words:
        if word == "--":
            return options, [*operands, *words]
        if len(word) < 2 or word[0] != "-":  # noqa: PLR2004 -- a dash and a letter
            operands.append(word)
            if not permute:
                return options, [*operands, *words]
            continue
        rest = word[1:]
        while rest:
            letter, rest = rest[0], rest[1:]
            if letter in valued:
                value = rest or next(words, None)
                options.append((":", letter) if value is None else (letter, value))
                break
            options.append((letter, "") if letter in flags else ("?", letter))
    return options, operands
