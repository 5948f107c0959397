"""pysupervise check -- COMMAND: run a service, stop it, and say whether it stopped gracefully. Made for CI."""

import contextlib
import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import NoReturn, TypeVar

import click
from click.core import ParameterSource

from pysupervise.cli import output
from pysupervise.cli.checking import phases, report, settings, sockets
from pysupervise.cli.checking.ready import SetupError
from pysupervise.cli.checking.round import Round, run_moment, run_round
from pysupervise.cli.checking.watch import tree
from pysupervise.cli.sandbox import Place, best_place
from pysupervise.core import signals, values
from pysupervise.core.status import SIGNALLED

PASSED, FAILED, UNWRITABLE, NOT_CHECKED = 0, 1, 2, 3
ENDING_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)

Value = TypeVar("Value")

HELP = """Run COMMAND, stop it, and verify that it stops gracefully.

COMMAND runs under pysupervise, in a PID namespace of its own where the system permits one. Once it is ready, the signal is sent,
and three phases are judged: draining (the request in flight gets its whole answer, and with --http no later one is lost), listener
(new connections are refused, and when), clean-up (every process is gone in time, no zombie, no listening socket left, exit status as
expected). COMMAND's output goes to standard error, the verdicts to standard output.
"""
STATUSES = """Exit status: 0 every phase passed, 1 some phase failed, 2 wrong usage, or the result cannot be written, 3 not checked
(COMMAND was not started, ended too early, was never ready, no request could be brought into flight, or --bare has no PID namespace)."""


def _read(option: str, parse: Callable[[str], Value]) -> Callable[..., Value | None]:
    """Return a click callback that reads a value as the rest of pysupervise does."""

    def callback(_ctx: click.Context, _param: click.Parameter, word: str | None) -> Value | None:
        try:
            return None if word is None else parse(word)
        except ValueError as error:
            raise output.CannotError(f"cannot use --{option} {word}: {error.args[0]}", error.args[1]) from None

    return callback


def _read_signals(_ctx: click.Context, _param: click.Parameter, words: tuple[str, ...]) -> tuple[int, ...]:
    return tuple(filter(None, (_read("signal", _signal)(_ctx, _param, word) for word in words)))


def _signal(word: str) -> int:
    number = values.stop_signal(word)
    if number == values.KILL:
        raise ValueError("KILL leaves nothing to check", "TERM, INT, QUIT, HUP and the real-time signals are usual")
    return number


def _limit(word: str) -> float:
    seconds = values.duration(word)
    if not seconds:
        raise ValueError("it is nothing", "write a number with its unit: 500ms, 10s")
    return seconds


@click.command(help=HELP, epilog=STATUSES, context_settings={"allow_interspersed_args": False, "max_content_width": 100})
@click.option("--ready", metavar="SIGN", callback=_read("ready", settings.ready), help="When COMMAND is ready: tcp:[HOST:]PORT lets "
    "connections in, http:URL answers with 2xx or 3xx, log:REGEX is found in a line of its output, delay:2s have passed. [default: the "
    "port of --slow-http or --http lets connections in; without them, its first TCP port listens, or 1 s has passed]")  # fmt: skip
@click.option("--ready-within", metavar="DURATION", default="30s", callback=_read("ready-within", _limit), help="Give up when it is not "
    "ready by then. [default: 30s]")  # fmt: skip
@click.option("--slow-http", metavar="URL", callback=_read("slow-http", settings.url), help="Keep a request for URL in flight while the "
    "signal is sent: one that takes a second or more.")  # fmt: skip
@click.option("--http", metavar="URL", callback=_read("http", settings.url), help="Ask for URL before the signal, and on new connections "
    "after it; without --slow-http also keep a request in flight whose head is still being sent. Draining fails when requests on new "
    "connections are reset, closed or cut off, but for those let in within 50 ms of the first refusal, and when one is "
    "answered with a status from 500 on.")  # fmt: skip
@click.option("--signal", "signals_", metavar="SIGNAL", multiple=True, default=("TERM",), callback=_read_signals, help="Stop it with this; "
    "repeated: with each in turn. [default: TERM]")  # fmt: skip
@click.option("--within", metavar="DURATION", default="10s", callback=_read("within", _limit), help="Everything has to be gone by then. "
    "Above 10s it is also pysupervise's grace period, unless PYSUPERVISE_GRACE says another. [default: 10s]")  # fmt: skip
@click.option("--refused-within", metavar="DURATION", default="1s", callback=_read("refused-within", _limit), help="New connections have "
    "to be refused by then. [default: 1s]")  # fmt: skip
@click.option("--expect", metavar="STATUS,...", callback=_read("expect", settings.statuses), help="Exit statuses that count as graceful. "
    "[default: 0, and 128 + the signal]")  # fmt: skip
@click.option("--repeat", metavar="N", type=click.IntRange(1, 10000), default=1, help="Do it so often with each signal. [default: 1]")
@click.option("--during-start", is_flag=True, help="Also send the signal at moments between exec and readiness: the command has to end "
    "then too.")  # fmt: skip
@click.option(
    "--moments", metavar="N", type=click.IntRange(1, 1000), default=settings.DEFAULT_MOMENTS, help="So many of them. [default: 5]"
)
@click.option("--bare", is_flag=True, help="Run COMMAND itself as PID 1: what the image does without an init, or with the init that "
    "COMMAND begins with.")  # fmt: skip
@click.option("--junit", metavar="FILE", help="Write JUnit XML.")
@output.json_option
@click.argument("command_", metavar="-- COMMAND [ARG]...", nargs=-1, type=click.UNPROCESSED)
def command(
    *,
    command_: tuple[str, ...],
    ready: settings.Ready | None,
    slow_http: settings.Url | None,
    http: settings.Url | None,
    signals_: tuple[int, ...],
    expect: frozenset[int] | None,
    junit: str | None,
    ready_within: float,
    within: float,
    refused_within: float,
    repeat: int,
    moments: int,
    during_start: bool,
    bare: bool,
    as_json: bool,
) -> None:
    """Check."""
    if not command_:
        raise output.CannotError("cannot check: no command is given", "pysupervise check [OPTIONS] -- COMMAND [ARG...]")
    if junit is not None:
        _refuse_unwritable(junit)
    if _was_given("moments") and not during_start:
        raise output.CannotError("cannot use --moments without --during-start", "--during-start sends the signal at moments of the start")
    if _was_given("refused_within") and refused_within > within:
        raise output.CannotError(
            f"cannot use --refused-within {refused_within:g}s: it is longer than --within {within:g}s", "nobody is looked at after --within"
        )
    place = best_place()
    plan = settings.Plan(
        command=command_,
        ready=ready or settings.default_ready(slow_http, http),
        signals=signals_,
        bare=bare,
        http=http,
        slow_http=slow_http,
        within_s=within,
        refused_within_s=refused_within,
        ready_within_s=ready_within,
        expected=expect,
        repeat=repeat,
        moments=moments if during_start else 0,
    )
    _refuse_unknown(plan)
    made = report.Report(plan, place)
    said = Said()
    interrupted = 0
    try:
        with _ended_by_signals():
            if bare and place is Place.HERE:
                _not_checked(
                    made,
                    "cannot check with --bare: this system permits no PID namespace here, so COMMAND would not be PID 1",
                    "run it as root, or permit user namespaces; in a container: --privileged or --cap-add SYS_ADMIN",
                )
            else:
                _check(made, (lambda _: None) if as_json else said)
    except Interrupted as error:
        interrupted = error.signum
        _end_children()
        made.error, made.error_phase = f"interrupted by {signals.name(interrupted)}", "interrupted"
        output.complain(f"pysupervise: {made.error}: the command is ended, and what was seen until now is written")
    if as_json:
        said(json.dumps(report.as_json(made), indent=2))
    if junit is not None:
        _write(junit, report.junit(made))
    if interrupted:
        raise SystemExit(SIGNALLED + interrupted)
    if made.error:
        raise SystemExit(NOT_CHECKED)
    raise SystemExit(FAILED if not made.passed else PASSED if said.whole else UNWRITABLE)


class Interrupted(BaseException):
    """A signal came that ends the check."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Said:
    """Standard output. A reader that leaves (head, a pager) ends no check: its verdict is still wanted, and a report of JUnit."""

    whole = True

    def __call__(self, text: str) -> None:
        """Write a line. Raises OSError for whatever else is wrong with standard output."""
        try:
            click.echo(text)
        except BrokenPipeError:
            self.whole = False
            output.complain("pysupervise: cannot write: nobody reads standard output any more")
            output.give_up()


def _was_given(name: str) -> bool:
    return click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT


def _not_checked(made: report.Report, error: str, hint: str) -> None:
    made.error = error
    output.complain(f"pysupervise: {error}\npysupervise: hint: {hint}")


def _check(made: report.Report, say: Callable[[str], None]) -> None:
    """Run every round; tell each verdict as soon as it is there."""
    shown = output.screen()
    say(f"checking {'COMMAND as PID 1' if made.plan.bare else 'under pysupervise'}, {made.place.words}")
    for signum in made.plan.signals:
        made.error_signum = signum
        try:
            for number in range(1, made.plan.repeat + 1):
                ready_s = _one(made, signum, number, shown, say)
            _moments(made, signum, ready_s, shown, say)
        except SetupError as error:
            _not_checked(made, f"cannot check: {error.reason}", error.hint)
            return


def _one(made: report.Report, signum: int, number: int, shown: output.Screen, say: Callable[[str], None]) -> float:
    plan = made.plan

    def is_ready(so_far: Round) -> None:
        say(f"ready {phases.moment(so_far.ready_s)} after its start: {output.printable(so_far.ready_words)}")

    found = run_round(plan, signum, made.place, is_ready)
    if found.facts is None:
        raise AssertionError
    told = report.Told(signum, number, found.ready_words, found.ready_s, phases.judge(plan, found.facts), found.facts, found.output)
    made.rounds.append(told)
    for verdict in told.verdicts:
        say(report.line(shown, made.label(told), verdict))
    return found.ready_s


def _moments(made: report.Report, signum: int, ready_s: float, shown: output.Screen, say: Callable[[str], None]) -> None:
    """Send the signal at moments from exec on, evenly spread up to the time that the command took to be ready."""
    for index in range(made.plan.moments):
        after_s = ready_s * index / made.plan.moments
        sent_s, end = run_moment(made.plan, signum, made.place, after_s)
        verdict = phases.start_up(made.plan, signum, sent_s, end)
        made.rounds[-1].verdicts.append(verdict)
        say(report.line(shown, made.label(made.rounds[-1]), verdict))


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Turn a signal that ends us into an exception, so that the command is ended first."""

    def leave(signum: int, _frame: object) -> NoReturn:
        for other in ENDING_SIGNALS:
            signal.signal(other, signal.SIG_IGN)  # once is enough: what follows is bounded
        raise Interrupted(signum)

    # What was ignored when we came stays ignored: nohup, a background job of a script.
    before = {signum: signal.signal(signum, leave) for signum in ENDING_SIGNALS if signal.getsignal(signum) is not signal.SIG_IGN}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _end_children() -> None:
    """End what an interruption in the middle of a start has left: the launcher of a sandbox takes the command along."""
    for stat in tree(os.getpid()):
        if stat.parent == os.getpid():  # not waited for: nobody else has its number
            with contextlib.suppress(ProcessLookupError):
                os.kill(stat.pid, signal.SIGTERM)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(stat.pid, 0)


def _refuse_unknown(plan: settings.Plan) -> None:
    """Say before anything is started that a host is not known."""
    for host, port in plan.addresses():
        try:
            sockets.addresses(host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: no name at all, such as a..b
            why = (isinstance(error, OSError) and error.strerror) or "not a host name"
            raise output.CannotError(f"cannot find the host {host}: {why}", "name one that this machine knows, such as 127.0.0.1") from None


def _refuse_unwritable(path: str) -> None:
    """Say before a long run that its report cannot be written."""
    directory = os.path.dirname(path) or "."
    if path in ("", "-"):
        raise output.CannotError(f"cannot use --junit {path}: that names no file", "give a file in a directory that exists")
    if os.path.isdir(path) or not os.access(path if os.path.exists(path) else directory, os.W_OK):
        raise output.CannotError(
            f"cannot write {path}: no such directory, or no right to write there", "give a file in a directory that exists"
        )


def _write(path: str, data: bytes) -> None:
    try:
        with open(path, "wb") as file:
            file.write(data)
    except OSError as error:
        raise output.CannotError(f"cannot write {path}: {error.strerror}", "give a file that can be written") from None
