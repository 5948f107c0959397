"""pysupervise completion SHELL: a completion script made from the option tables and from the verbs' click commands."""

import importlib
from dataclasses import dataclass

import click

from pysupervise.cli import shells
from pysupervise.core import signals, values
from pysupervise.core.options import OPTIONS, QUESTIONS, VERBS
from pysupervise.features.probe import options as probe

SHELLS = ("bash", "zsh", "fish")
# How the targets of a probe begin.
PROBE_TARGETS = ("tcp:", "http://", "https://", "unix:", "pid:", "exec:")
# What the values of an option are, by its metavar.
KINDS = {"FILE": "file", "DIR": "directory", "SIGNAL": "signal", "USER[:GROUP]": "user"}
# Those that can be sent to stop something.
SIGNALS = tuple(name for number, name in sorted(signals.NAMES.items()) if number not in (values.STOP, values.CHLD))
RUN = "run"


@dataclass(frozen=True, slots=True)
class Word:
    """An option: ``kind`` is "" for a flag, a value of KINDS, "choice", or "free" for any other value."""

    name: str
    short: str
    metavar: str
    kind: str
    choices: tuple[str, ...]
    repeats: bool
    help: str


@dataclass(frozen=True, slots=True)
class Line:
    """A command line: its options, the words that it may go on with, and whether a command follows."""

    options: tuple[Word, ...]
    targets: tuple[str, ...] = ()
    command: bool = False


@click.command(help="Print a completion script for SHELL: bash, zsh or fish.")
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print a completion script."""
    click.echo(script(shell), nl=False)


def script(shell: str) -> str:
    """Return the completion script of a shell."""
    make = {"bash": shells.bash, "zsh": shells.zsh, "fish": shells.fish}[shell]
    return make({RUN: _line_of_run(), **{verb: _line_of_verb(verb) for verb in VERBS}})


def _line_of_run() -> Line:
    return Line(
        tuple(_word(o.name, o.short, o.metavar, o.choices, o.help, repeats=o.repeats) for o in (*OPTIONS, *QUESTIONS)), command=True
    )


def _line_of_verb(verb: str) -> Line:
    if verb == "probe":
        every = (*probe.OPTIONS, *probe.QUESTIONS)
        return Line(tuple(_word(o.name, o.short, o.metavar, o.choices, o.help, repeats=o.repeats) for o in every), PROBE_TARGETS)
    made: click.Command = importlib.import_module(f"pysupervise.cli.{verb}").command
    options: list[Word] = []
    targets: tuple[str, ...] = ()
    takes_command = False
    context = click.Context(made)
    for parameter in made.get_params(context):
        choices = tuple(item.value for item in parameter.shell_complete(context, "") if item.type == "plain")
        if isinstance(parameter, click.Option):
            if parameter.hidden:
                continue
            # A value that may be left out ([SECONDS]) is no reason to keep back the options.
            metavar = "" if parameter.is_flag or parameter.count else parameter.metavar or parameter.type.name.upper()
            names = [name.lstrip("-") for name in parameter.opts]
            short = next((name for name in names if len(name) == 1), "")
            metavar = "" if metavar.startswith("[") else metavar
            options.append(_word(max(names, key=len), short, metavar, choices, parameter.help or "", repeats=parameter.multiple))
        elif choices:
            targets = choices
        else:
            takes_command = takes_command or isinstance(parameter.type, click.types.UnprocessedParamType)
    return Line(tuple(options), targets, takes_command)


def _word(name: str, short: str, metavar: str, choices: tuple[str, ...], text: str, *, repeats: bool) -> Word:
    kind = "choice" if choices else KINDS.get(metavar, "free") if metavar else ""
    if kind == "signal":
        choices = SIGNALS
    return Word(name, short, metavar, kind, choices, repeats, " ".join(text.split()))
