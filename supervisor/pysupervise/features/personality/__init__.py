"""Other inits' command lines: the name that pysupervise was called by chooses whose.

Here is what several of them need: options as getopt(3) reads them, their lines on their streams, and a loop that says them.
"""

import posix
import sys

from pysupervise.core import kernel
from pysupervise.core.journal import Voice, Writer
from pysupervise.core.loop import Supervisor
from pysupervise.core.settings import ERROR, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import ModuleType
    from typing import NoReturn

    from pysupervise.core.machine import Actions
    from pysupervise.core.narrator import Narrator
    from pysupervise.core.terminal import Terminal

STDOUT, STDERR = 1, 2
BLANKS = " \t\n\v\f\r"


def choose(argv: "list[str]", environment: "Mapping[bytes, bytes]") -> Settings:
    """Return the settings that the command line of the other init stands for. Exits where that program would."""
    name = argv[0].rpartition("/")[2]
    if name == "dumb-init":
        from pysupervise.features.personality.dumb_init import translate
    elif name == "catatonit":
        from pysupervise.features.personality.catatonit import translate
    else:
        from pysupervise.features.personality.tini import translate
    return translate(name, argv[1:], environment)


def basis(words: "Words", environment: "Mapping[bytes, bytes]") -> Settings:
    """Return what all of them have in common: every signal is passed on, none begins a stop, and the command's end is the end."""
    settings = Settings([], environment)
    settings.voice = words
    settings.start_failure = words.start_failure
    settings.stop_signals = frozenset()
    settings.sweep_plan = None
    settings.verbosity = ERROR  # their own levels are kept in their words: core has none that they would say
    settings.shell_scripts = True
    return settings


class Words(Voice):
    """Lines to the standard streams that never block, since PID 1 says them."""

    __slots__ = ("_writers", "relay")

    def __init__(self) -> None:
        self._writers: dict[int, Writer] = {}
        self.relay: Relay | None = None  # once there is a child

    def line(self, fd: int, text: str) -> None:
        """Write a line to a stream that was open at the start: a closed one's number may be anything of ours by now."""
        if (sys.stdout if fd == STDOUT else sys.stderr) is None:
            return
        if fd not in self._writers:
            self._writers[fd] = Writer(kernel, fd)
        self._writers[fd].write((text + "\n").encode(errors="surrogateescape"))

    def tell(self, _level: int, event: str, fields: "dict[str, object]") -> None:
        """Leave in the other init's way where nothing could be started: that is all of core's events that they know."""
        if event == "cannot_fork":
            self.cannot_fork(str(fields["reason"]))
        elif event == "cannot_execute" and self.relay is None:
            self.cannot_prepare(str(fields["stage"]), str(fields["reason"]))
        else:
            return
        posix._exit(1)  # noqa: SLF001 -- that is the name

    def start_failure(self, errno: int) -> int:
        """Say that the command could not be executed, and return the status for it."""
        return 1 if self.relay is None else self.relay.cannot_execute(errno)

    def cannot_fork(self, reason: str) -> None:
        """Say that fork failed."""
        raise NotImplementedError

    def cannot_prepare(self, stage: str, reason: str) -> None:
        """Say that something before fork, or between fork and exec, failed."""
        raise NotImplementedError


class Relay(Supervisor):
    """The loop of another init: a signal goes to the command or its group by number, as there, and never by a walk of the tree."""

    def __init__(  # noqa: PLR0917 -- the loop's own, and the words
        self, words: Words, settings: Settings, kernel: "ModuleType", narrator: "Narrator", command_pid: int, terminal: "Terminal | None"
    ) -> None:
        super().__init__(settings, kernel, narrator, command_pid, terminal)
        self.program = settings.command[0]
        self.words = words
        self._main_reaped = False
        words.relay = self
        self.begin()

    def begin(self) -> None:
        """Say what the start says, and have the dead noted where somebody wants to hear of them."""
        raise NotImplementedError

    def remember(self, signum: int, actions: "Actions") -> None:
        """Each signal takes the long way, where its words are."""

    def is_main(self, pid: int) -> bool:
        """Whether one of the dead is the command; an orphan that gets its number later is not."""
        first = pid == self.command_pid and not self._main_reaped
        self._main_reaped |= first
        return first

    def send(self, signum: int, target: str) -> int:
        """Send a signal; return the errno, 0 where it went well.

        A group keeps its number while it has members, the command alone does not once it is reaped.
        """
        try:
            if target == "group":
                self.kernel.killpg(self.command_pid, signum)
            elif self.reaper.command_pid:
                self.kernel.kill(self.command_pid, signum)
        except OSError as error:
            return error.errno or 0
        return 0

    def cannot_execute(self, errno: int) -> int:
        """Say so as the other init and its child do, and return the exit status."""
        raise NotImplementedError


def leave(status: int, fd: int, text: str) -> "NoReturn":
    """Say something before anything runs, and exit. An answer may wait for who reads it, and a signal ends that; a complaint never does."""
    line = (text + "\n").encode(errors="surrogateescape")
    if status:
        Writer(kernel, fd).write(line)
    else:
        kernel.set_disposition(kernel.SIGINT, kernel.SIG_DFL)
        kernel.set_mask(kernel.SIG_UNBLOCK, kernel.ALL_SIGNALS)
        try:
            kernel.write(fd, line)
        except OSError:
            pass  # that nobody reads it is nobody's error
    posix._exit(status)  # noqa: SLF001 -- that is the name


def getopt(
    arguments: "list[str]", operands: "list[str]", letters: str, longs: "Mapping[str, str] | None" = None, *, permute: bool
) -> "Iterator[tuple[str, str]]":
    """Yield (letter, value) of each option in its order, ("?", complaint) for a wrong one, and fill in ``operands``.

    ``letters`` as for getopt(3), ``longs`` the long names and their letters as for getopt_long(3), None where there are none.
    ``permute``: options are looked for behind operands too, up to ``--``.
    """
    words = iter(arguments)
    for word in words:
        if word == "--":
            break
        if len(word) < 2 or word[0] != "-":  # noqa: PLR2004 -- a dash and a letter
            operands.append(word)
            if not permute:
                break
        elif word[1] == "-" and longs is not None:
            yield _long(word[2:], words, letters, longs)
        else:
            rest = word[1:]
            while rest:
                letter, rest = rest[0], rest[1:]
                at = letters.find(letter) if letter != ":" else -1
                if at < 0:
                    yield "?", f"invalid option -- '{letter}'"
                elif letters[at + 1 : at + 2] != ":":
                    yield letter, ""
                else:
                    value = rest or next(words, None)
                    yield ("?", f"option requires an argument -- '{letter}'") if value is None else (letter, value)
                    break
    operands.extend(words)


def _long(word: str, words: "Iterator[str]", letters: str, longs: "Mapping[str, str]") -> "tuple[str, str]":
    name, equals, value = word.partition("=")
    found = [name] if name in longs else [long for long in longs if long.startswith(name)]
    if not found:
        return "?", f"unrecognized option '--{name or word}'"
    if len(found) > 1:
        return "?", f"option '--{word}' is ambiguous; possibilities:" + "".join(f" '--{long}'" for long in found)
    letter = longs[found[0]]
    if letter + ":" not in letters:
        return ("?", f"option '--{found[0]}' doesn't allow an argument") if equals else (letter, "")
    if equals:
        return letter, value
    following = next(words, None)
    return ("?", f"option '--{found[0]}' requires an argument") if following is None else (letter, following)


def leading_number(text: str) -> "tuple[int | None, str]":
    """Read a number as strtol(3) does; return it, or None, and what follows."""
    rest = text.lstrip(BLANKS)
    negative = rest[:1] == "-"
    if rest[:1] in ("-", "+"):
        rest = rest[1:]
    end = 0
    while "0" <= rest[end : end + 1] <= "9":
        end += 1
    if not end:
        return None, text
    digits = rest[:18].ljust(1)[: min(end, 18)]  # more than fits is too large all the same
    return (-int(digits) if negative else int(digits)), rest[end:]
