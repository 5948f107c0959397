"""pysupervise manpage: the manual page, made from the option tables."""

import importlib
import inspect

import click

from pysupervise import __version__
from pysupervise.cli import probe
from pysupervise.cli.main import EPILOG, SUMMARY
from pysupervise.core import status
from pysupervise.core.options import OPTIONS, QUESTIONS, VERBS, Option
from pysupervise.features.probe.options import OPTIONS as PROBE_OPTIONS
from pysupervise.features.probe.options import QUESTIONS as PROBE_QUESTIONS


@click.command(help="Print the manual page (man 7 man): pysupervise manpage | man -l -")
def command() -> None:
    """Print the manual page."""
    click.echo(page(), nl=False)


def page() -> str:
    """Return the page."""
    lines = [
        f'.TH PYSUPERVISE 1 "" "pysupervise {__version__}" "User Commands"',
        ".SH NAME",
        "pysupervise \\- supervise a command, as PID 1 of a container or around a script",
        ".SH SYNOPSIS",
        ".B pysupervise",
        "[\\fIOPTIONS\\fR] [\\fB\\-\\-\\fR] \\fICOMMAND\\fR [\\fIARG\\fR...]",
    ]
    for verb in VERBS:
        lines += [".br", ".B pysupervise", f"\\fB{verb}\\fR ..."]
    lines += [
        ".SH DESCRIPTION",
        _escape(SUMMARY),
        f"A first word that is a verb ({', '.join(VERBS)}) is one only without \\-\\- before it.",
    ]
    for section, rows in _sections((*OPTIONS, *QUESTIONS)).items():
        lines += [f'.SH "{section.upper()}"', *rows]
    # Not "EXIT STATUS" alone: that is what a section of the options is called.
    lines += [".SH ENVIRONMENT", _escape(EPILOG), '.SH "EXIT STATUSES"']
    for code, meaning in status.TABLE:
        lines += [".TP", f".B {_escape(code)}", _escape(meaning)]
    lines += [".SH VERBS", *(line for verb in VERBS if verb != "probe" for line in _verb(verb))]
    lines += ['.SH "PROBE TARGET"', _escape(probe.SUMMARY), _escape(probe.EPILOG)]
    for target, meaning in probe.TARGETS:
        lines += [".TP", f".B {_escape(target)}", _escape(meaning)]
    for section, rows in _sections((*PROBE_OPTIONS, *PROBE_QUESTIONS)).items():
        lines += [f'.SS "{section}"', *rows]
    lines.append(".SS Exit statuses of a probe")
    for code, meaning in probe.STATUSES:
        lines += [".TP", f".B {_escape(code)}", _escape(meaning)]
    return "\n".join(lines) + "\n"


def _verb(name: str) -> list[str]:
    """Return the lines of a verb: how it is called, what it does, its options."""
    made: click.Command = importlib.import_module(f"pysupervise.cli.{name}").command
    context = click.Context(made)
    usage = " ".join([name, *made.collect_usage_pieces(context)])
    lines = [f'.SS "{_escape(usage)}"', *_paragraphs(made.help or "")]
    for parameter in made.params:
        record = parameter.get_help_record(context)
        if isinstance(parameter, click.Option) and record is not None:
            lines += [".TP", f".B {_escape(record[0])}", _escape(" ".join((parameter.help or "").split()))]
    return lines + ([".PP", *_paragraphs(made.epilog)] if made.epilog else [])


def _paragraphs(text: str) -> list[str]:
    found = (_escape(" ".join(part.split())) for part in inspect.cleandoc(text).split("\n\n"))
    return "\n.PP\n".join(found).split("\n")


def _sections(options: tuple[Option, ...]) -> dict[str, list[str]]:
    """Return the lines of an option table by section."""
    sections: dict[str, list[str]] = {}
    for option in options:
        flags = (f"\\fB\\-{option.short}\\fR, " if option.short else "") + f"\\fB\\-\\-{_escape(option.name)}\\fR"
        flags += f" \\fI{_escape(option.metavar)}\\fR" if option.metavar else ""
        sections.setdefault(option.section, []).extend([".TP", flags, _escape(option.help)])
    return sections


def _escape(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return escaped if not escaped.startswith(".") else "\\&" + escaped
