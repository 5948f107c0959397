"""A command line taken apart: the inits in front, their options, the shell, and the service behind them."""

import itertools
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pysupervise.cli.diagnosis import programs
from pysupervise.core import cmdline, signals
from pysupervise.core.settings import Settings

# Programs that call exec, and are gone when the command runs (measured; su-exec by its own words): their options with a value in the next
# word, and how many words stand between the options and the command.
PREFIXES: dict[str, tuple[frozenset[str], int]] = {
    "chroot": (frozenset(), 1),
    "gosu": (frozenset(), 1),
    "ionice": (frozenset({"-c", "-n", "--class", "--classdata"}), 0),
    "nice": (frozenset({"-n", "--adjustment"}), 0),
    "nohup": (frozenset(), 0),
    "setpriv": (
        frozenset({
            "--ambient-caps", "--bounding-set", "--egid", "--euid", "--groups", "--inh-caps", "--pdeathsig", "--regid", "--reuid", "--rgid",
            "--ruid", "--securebits",
        }),
        0,
    ),
    "stdbuf": (frozenset({"-e", "-i", "-o", "--error", "--input", "--output"}), 0),
    "su-exec": (frozenset(), 1),
}  # fmt: skip
# Options of other inits that take a value in the next word.
VALUED = {
    "tini": ("-p", "-e", "--pid1-death"),
    "docker-init": ("-p", "-e"),
    "dumb-init": ("-r", "--rewrite"),
    "catatonit": (),
    "podman-init": (),
}


@dataclass(frozen=True, slots=True)
class Init:
    """An init of a command line."""

    name: str
    options: tuple[str, ...]
    settings: Settings | None = None  # of pysupervise
    wrong: str = ""  # why pysupervise refuses its options

    @property
    def is_ours(self) -> bool:
        """Whether it is pysupervise under its own name."""
        return self.name == programs.OURS

    def signals_group(self) -> bool:
        """Whether a signal goes further than to the command itself: to its group at least."""
        if self.settings is not None:
            return self.settings.forward != "child"
        if self.name == "dumb-init":
            return not {"-c", "--single-child"} & set(self.options)
        return "-g" in self.options

    def passes_on(self, signum: int) -> int:
        """Return the signal that the command gets where this init gets ``signum``; 0: none."""
        if self.settings is not None:
            settings = self.settings
            first = settings.stop_plan[0][0] if settings.stop_plan and signum in settings.stop_signals else 0
            sent = first or signum
            return settings.rewrites.get(sent, sent)
        if self.name == "dumb-init":
            for pair in _values(self.options, ("-r", "--rewrite")):
                source, _, target = pair.partition(":")
                if source == str(signum) and target.isdigit():
                    return int(target)
        return signum


@dataclass(frozen=True, slots=True)
class Launch:
    """What a command line starts, from the outside in."""

    inits: tuple[Init, ...]
    shell: tuple[str, ...]  # the words of a shell that runs text (sh -c TEXT), () where there is none
    text: str  # that text
    service: tuple[str, ...]  # the words of what is neither init nor shell; of a shell's text, where it is one simple command

    @property
    def ours(self) -> Init | None:
        """The innermost pysupervise."""
        return next((init for init in reversed(self.inits) if init.is_ours), None)

    def stands_in(self, words: Sequence[str]) -> bool:
        """Whether the shell's text, or else the service, is among these last words of the command line."""
        if self.text:
            return self.text in words
        return bool(self.service) and tuple(words[-len(self.service) :]) == self.service

    def reaching_service(self, signum: int) -> int:
        """Return the signal that arrives behind all the inits."""
        for init in self.inits:
            signum = init.passes_on(signum)
        return signum


NOTHING = Launch((), (), "", ())  # where it is not known what is started


def read(words: Sequence[str], environment: Mapping[str, str] | None = None) -> Launch:
    """Take words apart. ``environment``: what is known of it, for PYSUPERVISE_ variables. Wrong options are kept, never raised."""
    inits = []
    rest = unwrapped(words)
    while rest and (name := programs.init_of(rest)):
        if name not in programs.SMALL_INITS:
            break
        init, rest = _take(name, rest, environment or {})
        inits.append(init)
        rest = unwrapped(rest)
    shell: tuple[str, ...] = ()
    text = ""
    if programs.is_shell(rest) and (index := _text_index(rest)):
        shell, text = tuple(rest), rest[index]
        rest = simple_command(text)
    return Launch(tuple(inits), shell, text, tuple(rest))


def unwrapped(words: Sequence[str]) -> list[str]:
    """Return the command behind leading programs that only prepare and then execute it: env(1) with assignments, and PREFIXES."""
    rest = _without_env(words)
    while rest and (prefix := PREFIXES.get(programs.base_name(rest[0]))):
        valued, skipped = prefix
        index = 1
        while index < len(rest) and rest[index].startswith("-"):
            index += 1 + (rest[index] in valued)
        if index + skipped >= len(rest):
            break  # no command
        rest = _without_env(rest[index + skipped :])
    return rest


def _without_env(words: Sequence[str]) -> list[str]:
    """Leave an env with options of its own as it is."""
    rest = list(words)
    if not rest or programs.base_name(rest[0]) != "env" or len(rest) == 1 or rest[1].startswith("-"):
        return rest
    del rest[0]
    while rest and "=" in rest[0]:
        del rest[0]
    return rest


def simple_command(text: str) -> list[str]:
    """Return the words of a shell text that is one simple command, [] where it is more; a leading exec is left out."""
    from pysupervise.cli.diagnosis import shelltext

    if shelltext.operators(text):
        return []
    try:
        words = shlex.split(text)
    except ValueError:
        return []
    while (words and words[0] in ("exec", "env")) or (words and "=" in words[0] and words[0].partition("=")[0].isidentifier()):
        del words[0]
    return words


def _text_index(words: Sequence[str]) -> int:
    """Return the index of the text that a shell is to run, 0 where it gets none: sh -c, bash -lc, bash -o pipefail -c, busybox sh -ec."""
    index = 2 if programs.base_name(words[0]) == "busybox" else 1
    given = False
    while index < len(words) and words[index].startswith(("-", "+")) and words[index] not in ("-", "--"):
        option = words[index]
        index += 1
        if not option.startswith("--"):
            given |= "c" in option[1:]
            index += option[-1] in "oO"  # set -o NAME, shopt -O NAME
    if words[index : index + 1] in (["-"], ["--"]):
        index += 1
    return index if given and index < len(words) else 0


def _take(name: str, words: list[str], environment: Mapping[str, str]) -> tuple[Init, list[str]]:
    start = next(index for index, word in enumerate(words) if programs.init_of([word]) or word.endswith(".pyz") or word == "-m")
    start += 2 if words[start] == "-m" else 1
    arguments = words[start:]
    if name == programs.OURS:
        return _take_ours(arguments, environment)
    index = 0
    while index < len(arguments) and arguments[index].startswith("-"):
        if arguments[index] == "--":
            return Init(name, tuple(arguments[:index])), arguments[index + 1 :]
        index += 2 if arguments[index] in VALUED.get(name, ()) else 1
    return Init(name, tuple(arguments[:index])), arguments[index:]


def _take_ours(arguments: list[str], environment: Mapping[str, str]) -> tuple[Init, list[str]]:
    variables = {key.encode(): value.encode() for key, value in environment.items() if key.startswith("PYSUPERVISE_")}
    try:
        chosen, command, _ = cmdline.read_arguments(arguments)
        settings = cmdline.parse([*arguments[: len(arguments) - len(command)], *(command or ["-"])], variables)
    except cmdline.Question:
        return Init(programs.OURS, tuple(arguments)), []
    except cmdline.UsageError as error:
        command = arguments[arguments.index("--") + 1 :] if "--" in arguments else []
        return Init(programs.OURS, tuple(arguments), None, f"{error.reason}; {error.hint}"), command
    if not command and not chosen and arguments not in ([], ["--"]):
        return Init(programs.OURS, tuple(arguments)), []
    return Init(programs.OURS, tuple(arguments[: len(arguments) - len(command)]), settings), command


def _values(options: Sequence[str], names: tuple[str, ...]) -> list[str]:
    found = [value for name, value in itertools.pairwise(options) if name in names]
    return found + [option.partition("=")[2] for option in options if option.startswith("--rewrite=")]


def signal_name(signum: int) -> str:
    """Return the name for users."""
    return signals.name(signum)
