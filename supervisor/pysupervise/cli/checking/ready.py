"""Waiting until the command is ready, by the sign that the user named."""

import contextlib
import time

from pysupervise.cli.checking import requests, sockets
from pysupervise.cli.checking.service import Service
from pysupervise.cli.checking.settings import Plan, Ready

NEXT_LOOK_S = 0.01
LOOK_SHARE = 4  # a look may take a quarter of the time, on machines with very many processes
CONNECT_TIME_S = 1.0
# Who listens on nothing so long after its start has no sign of readiness.
LISTEN_TIME_S = 1.0
HINT = "--ready says by what to tell, --ready-within waits longer"
FOREGROUND_HINT = "a service that puts itself into the background ends its container: run it in the foreground"
LOG_HINT = (
    "whole lines count, and a program may hold them back while its output is a pipe (python -u, stdbuf -oL); --ready-within waits longer"
)


class SetupError(Exception):
    """The check cannot be made: the command did not start, or was never ready. A reason and a hint."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason, hint)
        self.reason = reason
        self.hint = hint


def ended_early(service: Service, how: str, when: str) -> SetupError:
    """Return the error for a command that is gone before it was told to go, with those that it left behind."""
    service.finish_output()
    left = ", ".join(service.left_by_command() or ())
    reason = f"the command {how} with status {service.command_status} {when}" + (f", and {left} lived on" if left else "")
    if left or not (service.output or service.command_status):
        return SetupError(reason, FOREGROUND_HINT)
    return SetupError(reason, "its last output stands above" if service.output else "it wrote nothing: try it by hand")


def refuse_taken(plan: Plan) -> None:
    """Raise SetupError where somebody else listens already at an address that the options name: it would be taken for the command."""
    for address in plan.addresses():
        with contextlib.suppress(OSError):
            sockets.connect(*address, CONNECT_TIME_S).close()
            reason = f"{address} lets connections in before the command was started"
            raise SetupError(reason, "stop what listens there, or use another port")


def wait_spawned(service: Service, plan: Plan) -> None:
    """Return once the command's program runs. Raises SetupError."""
    if not service.wait_spawned(plan.ready_within_s):
        failed = service.event("cannot_execute") or service.event("cannot_fork")
        if failed is not None:
            raise SetupError(f"the command was not started: {failed['message']}", "try it by hand")
        if not service.ended_at:
            raise SetupError(f"the command was not started within {plan.ready_within_s:g} s", "the machine may be overloaded")
        raise SetupError(f"the command was not started: status {service.status}", "what went wrong stands above")


def wait_ready(service: Service, plan: Plan) -> str:
    """Return once the command is ready, with the words for it. Raises SetupError where it ends before, or takes too long."""
    wait_spawned(service, plan)
    ready, deadline = plan.ready, service.spawned_at + plan.ready_within_s
    while True:
        words = _sign(service, ready)
        service.look()
        if service.wait_command_end(0):
            was_ready = ready.kind == "log" and service.matched.is_set()
            raise ended_early(service, "ended", "right after it was ready" if was_ready else f"before it was ready ({ready.text})")
        if words:
            return words
        if time.monotonic() >= deadline:
            reason = f"the command was not ready within {plan.ready_within_s:g} s ({ready.text}{_last_answer(ready)})"
            raise SetupError(reason, LOG_HINT if ready.kind == "log" else HINT)
        service.wait_command_end(max(NEXT_LOOK_S, LOOK_SHARE * service.watch.cost_s))


def _last_answer(ready: Ready) -> str:
    if ready.url is None:
        return ""
    answer = requests.get(ready.url, CONNECT_TIME_S)
    return f": {answer.error or f'answered {answer.status}'}"


def _sign(service: Service, ready: Ready) -> str:
    """Return the words for the sign of readiness, "" where it is not there yet."""
    age_s = time.monotonic() - service.spawned_at
    if ready.kind == "delay":
        return f"{ready.delay_s:g} s have passed" if age_s >= ready.delay_s else ""
    if ready.kind == "log":
        return f"a line of its output matches {ready.text.partition(':')[2]}" if service.matched.is_set() else ""
    if ready.kind == "tcp":
        with contextlib.suppress(OSError):
            sockets.connect(ready.host, ready.port, CONNECT_TIME_S).close()
            return f"{ready.host}:{ready.port} lets connections in"
        return ""
    if ready.kind == "http" and ready.url is not None:
        answer = requests.get(ready.url, CONNECT_TIME_S)
        return f"{ready.url.text} answers with {answer.status}" if answer.good else ""
    listening, _ = sockets.listening(service.watch.look(root_counts=service.bare))
    if listening:
        return f"it listens on {listening[0]}"
    return f"it listens on nothing {LISTEN_TIME_S:g} s after its start" if age_s >= LISTEN_TIME_S else ""
