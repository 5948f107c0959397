"""click's face of the option table: --help, --version, and the verbs."""

import errno
import importlib
import signal
import sys

import click

from pysupervise import __version__
from pysupervise.cli import output
from pysupervise.core import status
from pysupervise.core.journal import one_line
from pysupervise.core.options import OPTIONS, QUESTIONS, VERBS, Option

SUMMARY = "Run a command: forward signals to it and everything below it, reap what dies, stop it in bounded time, return its status."
EPILOG = "Each option can also come from a variable: PYSUPERVISE_GRACE=30s stands for --grace 30s. The command line wins."
# What a verb does, for the sentence "cannot ...: reason".
PURPOSES = {
    "check": "check",
    "completion": "print a completion script",
    "demo": "show the demonstration",
    "doctor": "examine",
    "manpage": "print the manual page",
    "tree": "show the tree",
    "zombies": "look for zombies",
}
# What write(2) says when standard output takes no more. Verbs catch the errors of their own files, which also have a name.
# Verbs whose status 1 is an answer.
ANSWERING = ("check", "demo", "doctor", "zombies")
UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)


class Help(click.Command):
    """The run itself as a click command: only its help is used, since PID 1 reads its options without click."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the forms of the command line."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] [--] COMMAND [ARG...]")
        for verb in VERBS:
            formatter.write_usage(ctx.command_path, f"{verb} ...", prefix="       ")

    def format_options(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by section, and the exit statuses."""
        write_options(formatter, (*OPTIONS, *QUESTIONS))
        with formatter.section("Exit statuses"):
            formatter.write_dl(status.TABLE)


def write_options(formatter: click.HelpFormatter, options: tuple[Option, ...]) -> None:
    """Write rows of an option table, section by section."""
    rows: dict[str, list[tuple[str, str]]] = {}
    for option in options:
        flags = (f"-{option.short}, " if option.short else "") + f"--{option.name}" + (f" {option.metavar}" if option.metavar else "")
        rows.setdefault(option.section, []).append((flags, option.help))
    for section, lines in rows.items():
        with formatter.section(section):
            formatter.write_dl(lines, col_max=28)


def parameters() -> list[click.Parameter]:
    """Return the option table as click's parameters."""
    return [
        click.Option(
            [f"--{option.name}", *([f"-{option.short}"] if option.short else [])],
            is_flag=option.parse is None and not option.repeats,
            multiple=option.repeats and option.parse is not None,
            count=option.repeats and option.parse is None,
            metavar=option.metavar or None,
            help=option.help,
            envvar=option.variable,
        )
        for option in OPTIONS
    ]


def command() -> click.Command:
    """Return the run as a click command."""
    return Help("pysupervise", params=parameters(), help=SUMMARY, epilog=EPILOG, add_help_option=False)


def group(verb: str) -> click.Group:
    """Return a click group with one verb: the modules of the others, and what they import, are not loaded for it."""
    module = importlib.import_module(f"pysupervise.cli.{verb}")
    return click.Group("pysupervise", commands={verb: module.command}, context_settings={"help_option_names": ["-h", "--help"]})


def help_text() -> str:
    """Return what --help prints."""
    run = command()
    return run.get_help(click.Context(run, info_name="pysupervise", max_content_width=100)) + "\n"


def run(name: str, arguments: list[str]) -> int:
    """Answer a question or run a verb; return the exit status.

    The one place for what goes wrong with any of them: errors of usage (status 2, or the verb's own ``usage_status``), a standard
    output that is full or closed (status 1, or as for usage where 1 is an answer), and one whose reader left (status 1, without a word).
    """
    if sys.stdout is None:
        output.complain("pysupervise: cannot write: standard output is closed")
        return _failed_output(name)
    try:
        return _run(name, arguments)
    except OSError as error:
        if error.errno == errno.EPIPE:
            output.give_up()
            return 1
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        output.complain(f"pysupervise: cannot write: {error.strerror}")
        output.give_up()
        return _failed_output(name)
    except click.Abort:  # Ctrl-C
        return status.SIGNALLED + signal.SIGINT
    except click.UsageError as error:
        reason = one_line(" ".join(error.format_message().split())).rstrip(".")
        purpose = PURPOSES.get(name, f"run {name}")
        output.complain(f"pysupervise: cannot {purpose}: {reason}\npysupervise: hint: see pysupervise {name} --help")
        return _usage_status(name)
    except click.ClickException as error:
        error.show()
        return error.exit_code


def _failed_output(name: str) -> int:
    """Return the status of a verb that could not say what it saw: not 1 where that is an answer."""
    return _usage_status(name) if name in ANSWERING else 1


def _usage_status(name: str) -> int:
    return int(getattr(group(name).commands[name], "usage_status", status.USAGE))


def _run(name: str, arguments: list[str]) -> int:
    if name == "help":
        click.echo(help_text(), nl=False)
        return 0
    if name == "version":
        click.echo(f"pysupervise {__version__}")
        return 0
    try:
        result: object = group(name).main([name, *arguments], prog_name="pysupervise", standalone_mode=False)
    except SystemExit as end:  # PYTHONINSPECT makes the interpreter show it as a traceback
        result = end.code
    sys.stdout.flush()
    return result if isinstance(result, int) else 0
