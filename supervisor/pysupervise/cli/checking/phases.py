"""The verdicts: what was observed against what was asked for. Pure."""

from pysupervise.cli.checking.culprit import Culprit
from pysupervise.cli.checking.facts import EndFacts, Facts, LateFacts, PortFacts, RequestFacts, Verdict
from pysupervise.cli.checking.requests import CLOSED
from pysupervise.cli.checking.settings import Plan
from pysupervise.core import signals
from pysupervise.core.status import SIGNALLED

DRAINING, LISTENER, CLEAN_UP, START_UP = "draining", "listener", "clean-up", "start-up"
GOOD = range(200, 400)
SERVER_ERROR = 500
# A connection that the kernel has completed and nobody has accepted yet is reset when its listener closes, and no server can help that.
# So what was let in so shortly before the first refusal may be lost. uvicorn lost none and node at most what came 5 ms before, on two
# busy cores; gunicorn leaves its listener open and accepts nobody while its workers finish, and loses all of that time.
CLOSING_S = 0.05
MOST_NAMED = 5


def judge(plan: Plan, facts: Facts) -> list[Verdict]:
    """Return one verdict a phase."""
    name = signals.name(facts.signum)
    return [_draining(plan, facts, name), _listener(plan, facts, name), _clean_up(plan, facts, name)]


def moment(seconds: float) -> str:
    """Return a time as people read it: "4 ms", "2.35 s"."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"


def limit(seconds: float) -> str:
    """Return a limit as it was written: "10 s", "0.5 s"."""
    return f"{seconds:g} s"


def _draining(plan: Plan, facts: Facts, name: str) -> Verdict:
    if not facts.requests:
        return Verdict(DRAINING, None, "no request was in flight: --slow-http URL or --http URL keeps one")
    judged = [(_request_failure(plan, request, name), request) for request in facts.requests]
    failed = [words for words, _ in judged if words] + [words for port in facts.ports if (words := _lost(port, facts, name))]
    seconds = max(request.ended_s for request in facts.requests)
    if failed:
        if (facts.end.told or 0) > 1 and any(request.error for request in facts.requests):
            failed.append(
                f"pysupervise sent {name} to {facts.end.told} processes: where one of them stops the others by itself, "
                "try PYSUPERVISE_FORWARD=handlers"
            )
        return Verdict(DRAINING, passed=False, words="; ".join(failed), seconds=seconds)
    words = "; ".join(
        f"{_called(request)} was answered with {request.status}, {_extent(request)}, {moment(request.ended_s)} after {name}"
        for request in facts.requests
    )
    return Verdict(DRAINING, passed=True, words=words, seconds=seconds)


def _lost(port: PortFacts, facts: Facts, name: str) -> str:
    """Say how many requests were lost that came after the signal, and not in the moment of closing."""
    lost = [request for request in port.lost if _is_lost(request, port, facts.usual_status)]
    if not lost:
        return ""
    counts: dict[str, int] = {}
    for request in lost:
        counts[request.how] = counts.get(request.how, 0) + 1
    hows = ", ".join(f"{count} {how}" for how, count in sorted(counts.items()))
    times = dict.fromkeys((moment(lost[0].let_in_s), moment(lost[-1].let_in_s)))
    refused = "never refused any" if port.refused_s is None else f"refused others {moment(port.refused_s)} after it"
    return (
        f"{len(lost)} of {_count(sum(port.late.values()), 'request')} on new connections failed: {hows} "
        f"(let in {' to '.join(times)} after {name}; {port.address} {refused})"
    )


def _is_lost(request: LateFacts, port: PortFacts, usual_status: int | None) -> bool:
    if request.status is not None:
        return request.status >= SERVER_ERROR and request.status != usual_status
    return port.refused_s is None or request.let_in_s < port.refused_s - CLOSING_S


def _called(request: RequestFacts) -> str:
    return "the request whose head was still being sent" if request.in_part else "the request in flight"


def _extent(request: RequestFacts) -> str:
    if request.unmeasured:
        return f"{request.body_bytes} bytes until its connection ended (it says no length, so a cut would not show)"
    return f"whole ({request.body_bytes} bytes)"


def _request_failure(plan: Plan, request: RequestFacts, name: str) -> str:
    called, after = _called(request), f"{moment(request.ended_s)} after {name}"
    if request.ended_s >= plan.within_s and request.error:
        return f"{called} had no whole answer {limit(plan.within_s)} after {name}"
    # uvicorn closes those that have not come whole, and finishes the others.
    hint = " (for a request that has come whole: --slow-http)" if request.in_part and request.error in ("reset", CLOSED) else ""
    if request.error == "reset":
        return f"{called} was reset {after}{hint}"
    if request.error:
        status = f" (status {request.status}, {request.body_bytes} bytes)" if request.status is not None else ""
        return f"{called} ended {after}: {request.error}{status}{hint}"
    if request.usual_status is not None and request.status != request.usual_status:
        return f"{called} was answered with {request.status} {after}, and with {request.usual_status} before the signal"
    if request.usual_status is None and request.status not in GOOD:
        return f"{called} was answered with {request.status} {after}"
    return ""


def _listener(plan: Plan, facts: Facts, name: str) -> Verdict:
    ports = facts.ports
    if not ports:
        return Verdict(LISTENER, None, "the command listened on no TCP port and no Unix socket")
    failed = [port for port in ports if port.refused_s is None or port.refused_s > plan.refused_within_s]
    shown = [_port(port, name) for port in failed or ports]
    if failed:
        shown[0] += f"; the limit is {limit(plan.refused_within_s)} (--refused-within)"
        shown = [words + _held(port) for words, port in zip(shown, failed, strict=True)]
    if facts.untried:
        shown.append(
            f"{len(facts.untried)} more not tried: {', '.join(facts.untried[:MOST_NAMED])}{', ...' * (len(facts.untried) > MOST_NAMED)}"
        )
    # Who never refused was open until the end of the limit.
    seconds = max(plan.within_s if port.refused_s is None else port.refused_s for port in ports)
    return Verdict(LISTENER, not failed, "; ".join(shown), seconds)


def _held(port: PortFacts) -> str:
    return f"; {', '.join(port.holders)} held it open" if port.holders else ""


def _port(port: PortFacts, name: str) -> str:
    if port.refused_s is not None:
        words = f"{port.address} refused new connections {moment(port.refused_s)} after {name}"
    elif port.accepted:
        words = f"{port.address} never refused new connections: the last was let in {moment(port.last_accepted_s or 0.0)} after {name}"
    else:
        words = f"{port.address} neither let new connections in nor refused them"
    if port.accepted:
        words += f", and let {port.accepted} in until then" if port.refused_s is not None else f", {port.accepted} in all"
    if port.late:
        words += f" (requests on them: {', '.join(f'{count} {how}' for how, count in sorted(port.late.items()))})"
    if port.hung:
        words += f"; {_count(port.hung, 'attempt')} {'was' if port.hung == 1 else 'were'} left hanging"
    return words


def expected(plan: Plan, signum: int) -> frozenset[int]:
    """Return the exit statuses that count as graceful: 0, or death of the very signal, unless the user said others."""
    return plan.expected if plan.expected is not None else frozenset({0, SIGNALLED + signum})


def _clean_up(plan: Plan, facts: Facts, name: str) -> Verdict:
    end = facts.end
    failures, shown = ending_failures(plan, end, name)
    timed = bool(failures or end.killed)
    statuses = expected(plan, facts.signum)
    if end.ended_s is not None and end.status not in statuses and not failures:
        failures.append(f"exit status {end.status}, expected {' or '.join(map(str, sorted(statuses)))}")
        shown = end.culprits
    if end.killed:
        failures.append(_killed(end, name))
        shown += end.killed
    if end.zombies:
        failures.append(f"{_count(len(end.zombies), 'zombie')} for which nobody waited")
        named = {culprit.outer_pid for culprit in shown}
        shown += tuple(zombie for zombie in end.zombies if zombie.outer_pid not in named)
    if end.leftovers:
        failures.append(f"left behind: {', '.join(end.leftovers)}")
    if end.open_sockets:
        failures.append(f"still listening: {', '.join(end.open_sockets)}")
    if failures:
        if end.ended_s is not None and not timed:
            failures.append(f"it ended {moment(end.ended_s)} after {name}")
        return Verdict(CLEAN_UP, passed=False, words="; ".join(failures), seconds=_seconds(plan, end), culprits=shown)
    words = f"everything was gone {moment(end.ended_s or 0.0)} after {name}, exit status {end.status}"
    return Verdict(CLEAN_UP, passed=True, words=words + (f"; {end.note}" if end.note else ""), seconds=end.ended_s)


def ending_failures(plan: Plan, end: EndFacts, name: str) -> tuple[list[str], tuple[Culprit, ...]]:
    """Return what is wrong about the time of the end, and who is to blame."""
    if end.killed_s is not None:
        return [
            f"not everybody had ended {moment(end.killed_s)} after {name}, when pysupervise sent KILL{_fate(end.killed_s)}"
        ], end.culprits
    if end.ended_s is None or end.ended_s > plan.within_s:
        return [f"not everybody had ended {limit(plan.within_s)} after {name}{_fate(plan.within_s)}"], end.culprits
    return [], ()


def start_up(plan: Plan, signum: int, after_s: float, end: EndFacts) -> Verdict:
    """Return the verdict on a signal that came so long after exec, while the command was starting. Any exit status will do."""
    name = signals.name(signum)
    failures, shown = ending_failures(plan, end, name)
    if end.killed:
        failures.append(_killed(end, name))
        shown += end.killed
    came = f"{name} came {moment(after_s)} after exec: "
    if failures:
        return Verdict(START_UP, passed=False, words=came + "; ".join(failures), seconds=_seconds(plan, end), culprits=shown)
    words = f"{came}everything was gone {moment(end.ended_s or 0.0)} later, exit status {end.status}"
    return Verdict(START_UP, passed=True, words=words + (f"; {end.note}" if end.note else ""), seconds=end.ended_s)


def _killed(end: EndFacts, name: str) -> str:
    return f"{_count(len(end.killed), 'process', 'processes')} killed as PID 1 ended {moment(end.ended_s or 0.0)} after {name}"


def _seconds(plan: Plan, end: EndFacts) -> float:
    """Return how long the end took, or how long it was waited for."""
    return plan.within_s if end.ended_s is None else end.ended_s


def _fate(seconds: float) -> str:
    return f"; the container would have been killed after {round(seconds, 1):g} s"


def _count(number: int, noun: str, plural: str = "") -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"
