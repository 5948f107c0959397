"""pysupervise manpage: the manual page, made from the option table."""

import click

from pysupervise import __version__
from pysupervise.cli.main import EPILOG, SUMMARY
from pysupervise.core import status
from pysupervise.core.options import OPTIONS, QUESTIONS, VERBS


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
    section = ""
    for option in (*OPTIONS, *QUESTIONS):
        if option.section != section:
            section = option.section
            lines.append(f'.SH "{section.upper()}"')
        flags = (f"\\fB\\-{option.short}\\fR, " if option.short else "") + f"\\fB\\-\\-{_escape(option.name)}\\fR"
        lines += [".TP", flags + (f" \\fI{_escape(option.metavar)}\\fR" if option.metavar else ""), _escape(option.help)]
    lines += [".SH ENVIRONMENT", _escape(EPILOG), ".SH EXIT STATUS"]
    for code, meaning in status.TABLE:
        lines += [".TP", f".B {_escape(code)}", _escape(meaning)]
    return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return escaped if not escaped.startswith(".") else "\\&" + escaped
