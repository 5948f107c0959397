"""pysupervise probe: its help. The verb itself is features/probe, which starts without click."""

import click

from pysupervise.cli.main import write_options
from pysupervise.features.probe.options import OPTIONS, QUESTIONS

SUMMARY = "Check the health of TARGET, for HEALTHCHECK and exec probes: starts in the time of a bare Python, and leaves no process behind."
TARGETS = (
    ("tcp:[HOST:]PORT", "a connection is taken; HOST is 127.0.0.1 if left out, IPv6 stands in brackets"),
    ("http://HOST[:PORT]/PATH", "GET is answered with a healthy status; https:// verifies the certificate"),
    ("unix:PATH", "a connection is taken; @NAME is one of the abstract namespace"),
    ("pid:FILE", "the file holds the number of a process that lives and is no zombie"),
    ("exec:COMMAND [ARG...]", "the command, run without a shell, ends with status 0; what it leaves running is killed"),
)
# Docker reserves 2 for itself and takes it for unhealthy; to Kubernetes whatever is not 0 is a failure.
STATUSES = (
    ("0", "healthy"),
    ("1", "unhealthy"),
    ("2", "wrong usage; nothing was tried (Docker reserves 2, and counts it as unhealthy)"),
)
EPILOG = (
    "Everything after exec:COMMAND is the command's own; elsewhere options may follow the target. No variable stands for an option here."
)


class Help(click.Command):
    """The verb as a click command: only its help is used."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the form of the command line."""
        formatter.write_usage(ctx.command_path, "[OPTIONS] TARGET")

    def format_options(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write targets, options by section, and statuses."""
        with formatter.section("Targets"):
            formatter.write_dl(TARGETS, col_max=28)
        write_options(formatter, (*OPTIONS, *QUESTIONS))
        with formatter.section("Exit statuses"):
            formatter.write_dl(STATUSES)


command = Help("probe", help=SUMMARY, epilog=EPILOG, context_settings={"max_content_width": 100})
