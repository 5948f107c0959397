"""pysupervise probe: one health check, in words and in a status: 0 healthy, 1 unhealthy, 2 wrong usage with nothing tried.

A container engine starts a health check every few seconds, so this keeps to what PID 1 may import, and loads one module a kind of target:
`import socket` alone costs 5.5 ms on top of an interpreter's 8.4 ms, the C module `_socket` below it 0.2 ms. click shows the help, no more.
"""

import posix
import sys
from time import sleep

from pysupervise.core.cmdline import UsageError, read_arguments
from pysupervise.features.probe.attempt import Deadline, Interrupted, Unhealthy
from pysupervise.features.probe.options import HTTP_ONLY, TABLE
from pysupervise.features.probe.target import Target, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any

HEALTHY, UNHEALTHY = 0, 1
DEFAULT_TIMEOUT_S, DEFAULT_INTERVAL_S = 5.0, 1.0
STDOUT, STDERR = 1, 2


def run(arguments: "list[str]", kernel: "ModuleType") -> int:
    """Probe as the command line says; return the exit status. Raises UsageError, and Question for --help."""
    chosen, target = read(arguments)
    if kernel.get_disposition(kernel.SIGINT) != kernel.SIG_IGN:
        kernel.set_disposition(kernel.SIGINT, kernel.SIG_DFL)  # Ctrl-C ends us without a traceback
    out = _standard_output(chosen, target)
    attempt = _attempt_for(target.kind)
    timeout_s = chosen.get("timeout", DEFAULT_TIMEOUT_S)
    tries = chosen.get("retries", 0) + 1
    for number in range(1, tries + 1):
        deadline = Deadline(kernel, timeout_s)
        try:
            words = attempt(target, chosen, deadline)
        except Unhealthy as error:
            words = str(error)
        except Interrupted as interrupted:
            return _die_of(interrupted.signum, kernel)
        else:
            suffix = f" (try {number})" if number > 1 else ""
            if "quiet" not in chosen:
                _say(chosen, out, target, words + suffix, deadline, tries=number, healthy=True)
            return HEALTHY
        if number < tries:
            sleep(chosen.get("interval", DEFAULT_INTERVAL_S))
    _say(chosen, out, target, words + (f" ({tries} tries)" if tries > 1 else ""), deadline, tries=tries, healthy=False)
    return UNHEALTHY


def read(arguments: "list[str]") -> "tuple[dict[str, Any], Target]":
    """Return (values by option name, the target). Raises UsageError or Question.

    Options may follow a target too, but not the command of exec:, whose options they would be.
    """
    chosen, words, _ = read_arguments(arguments, TABLE)
    if not words:
        raise UsageError("cannot probe: no target given", TABLE.hint)
    try:
        target = parse(words[0])
    except ValueError as error:
        reason, hint = error.args
        raise UsageError(f"cannot probe {words[0] or 'nothing'}: {reason}", hint) from None
    if target.kind == "exec":
        target.command += words[1:]
    else:
        more, rest, _ = read_arguments(words[1:], TABLE)
        if rest:
            raise UsageError(f"cannot read {rest[0]!r}: only exec: takes arguments", "give one target; more of them are more probes")
        for name, value in more.items():
            chosen[name] = chosen.get(name, []) + value if TABLE.by_name[name].repeats else value
    if target.kind != "http":
        for name in HTTP_ONLY:
            if name in chosen:
                raise UsageError(f"cannot use --{name} with {target.kind}: it is for http and https targets", TABLE.hint)
    elif "insecure" in chosen and not target.secure:
        raise UsageError("cannot use --insecure with http: there is no certificate", "leave it out, or write https://")
    return chosen, target


def _attempt_for(kind: str) -> "Callable[[Target, dict[str, Any], Deadline], str]":
    """Return what makes one try: it returns the words of a success, or raises Unhealthy or Interrupted."""
    if kind == "http":
        from pysupervise.features.probe.http import attempt
    elif kind == "pid":
        from pysupervise.features.probe.process import attempt
    elif kind == "exec":
        from pysupervise.features.probe.execute import attempt
    else:
        from pysupervise.features.probe.connect import attempt
    return attempt


def _standard_output(chosen: "dict[str, Any]", target: Target) -> int:
    """Return the descriptor for our own words, or -1 where there is none.

    A command's own output goes where ours goes; with --json it goes to standard error, so that standard output holds one line of JSON.
    """
    if sys.stdout is None:
        return -1  # it was closed at the start, and the number may be a socket's by now
    if target.kind != "exec" or "json" not in chosen or sys.stderr is None:
        return STDOUT
    own = posix.dup(STDOUT)
    posix.set_inheritable(own, False)  # noqa: FBT003 -- takes no keyword
    posix.dup2(STDERR, STDOUT)
    return own


def _say(chosen: "dict[str, Any]", out: int, target: Target, words: str, deadline: Deadline, *, tries: int, healthy: bool) -> None:
    if not words.isprintable():
        from pysupervise.core.journal import one_line  # servers are strangers: nothing of theirs steers a terminal

        words = one_line(words)
    if "json" in chosen:
        import json  # 5.6 ms, only for who asks

        took_s = deadline.took_s if deadline.took_s >= 0 else deadline.answered()
        record = {
            "healthy": healthy,
            "target": " ".join([target.word, *target.command[1:]]),
            "tries": tries,
            "seconds": round(took_s, 6),
            "message": words,
        }
        line, descriptor = json.dumps(record), out
    elif healthy:
        line, descriptor = f"healthy: {words}", out
    else:
        line, descriptor = f"unhealthy: {words}", -1 if sys.stderr is None else STDERR
    if descriptor >= 0:
        try:
            posix.write(descriptor, f"{line}\n".encode(errors="surrogateescape"))
        except OSError:
            pass  # nobody listens: the status says it all


def _die_of(signum: int, kernel: "ModuleType") -> int:
    from pysupervise.core.reraise import die_of
    from pysupervise.core.status import SIGNALLED

    die_of(signum, kernel)
    return SIGNALLED + signum  # as PID 1, which no default action ends
