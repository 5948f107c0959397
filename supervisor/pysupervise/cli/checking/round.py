"""One round of a check: start, wait until ready, bring requests into flight, send the signal, watch what happens until the end."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pysupervise.cli.checking import requests, sockets
from pysupervise.cli.checking.culprit import Culprit, culprits, explain, killed
from pysupervise.cli.checking.facts import EndFacts, Facts, LateFacts, PortFacts, RequestFacts
from pysupervise.cli.checking.listener import Openness, Prober
from pysupervise.cli.checking.phases import SERVER_ERROR
from pysupervise.cli.checking.ready import LOOK_SHARE, SetupError, ended_early, refuse_taken, wait_ready, wait_spawned
from pysupervise.cli.checking.service import Service, recipients
from pysupervise.cli.checking.settings import Plan
from pysupervise.cli.checking.watch import ZOMBIE_AFTER_S, Look, Member
from pysupervise.cli.sandbox import Place
from pysupervise.core import signals
from pysupervise.core.status import SIGNALLED

LOOK_EVERY_S = 0.05
MOST_PORTS = 8
UNANSWERED = "without an answer"
ANSWER_TIME_S = 1.0
KILL_STATUS = SIGNALLED + signals.NUMBERS["KILL"]  # an init in front of the command killed it
AFTER_END_S = 1.0
DYING_TIME_S = 0.3
# Python's multiprocessing leaves it to clean up after everybody: it ends with the last of them, and is not waited for.
RESOURCE_TRACKER = "from multiprocessing.resource_tracker import main"
BY_ITSELF = "ended by itself", "before the signal"


@dataclass(slots=True)
class Round:
    """What came of one signal."""

    signum: int
    facts: Facts | None = None
    ready_words: str = ""
    ready_s: float = 0.0  # from exec
    output: list[str] = field(default_factory=list)


def run_round(plan: Plan, signum: int, place: Place, note: Callable[[Round], None] = lambda _: None) -> Round:
    """Run the command once and stop it with a signal. ``note`` is called when it is ready. Raises SetupError."""
    refuse_taken(plan)
    found = Round(signum)
    with _start(plan, place) as service:
        try:
            found.ready_words = wait_ready(service, plan)
            found.ready_s = time.monotonic() - service.spawned_at
            note(found)
            found.facts = _stop(plan, signum, service)
        finally:
            found.output = list(service.output)
    return found


def run_moment(plan: Plan, signum: int, place: Place, after_s: float) -> tuple[float, EndFacts]:
    """Run the command and send the signal so long after exec, ready or not. Return when it was sent, and the end. Raises SetupError."""
    with _start(plan, place) as service:
        wait_spawned(service, plan)
        if service.wait_command_end(service.spawned_at + after_s - time.monotonic()):
            raise ended_early(service, "ended", f"within {after_s:.3f} s of its start")
        before = service.look()
        sent_at = time.monotonic()
        service.send(signum)
        _watch_until_end(service, sent_at + plan.within_s)
        return sent_at - service.spawned_at, _end_facts(plan, signum, service, before, sent_at=sent_at, listening=[])


def _start(plan: Plan, place: Place) -> Service:
    try:
        return Service(plan.command, bare=plan.bare, place=place, pattern=plan.ready.pattern, within_s=plan.within_s)
    except OSError as error:
        where = f" of {error.filename}" if error.filename else ""
        hint = "look at ulimit -u, the cgroup's pids.max, and whether this user may execute Python"
        raise SetupError(f"no process can be started: {error.strerror}{where}", hint) from None


def _stop(plan: Plan, signum: int, service: Service) -> Facts:
    try:
        usual = _usual_status(plan)
        _settle(service)
        flights, accepted = _take_off(plan, service)
    except SetupError:
        # Who asks a dying service meets a reset or a refusal; its end follows.
        if service.wait_command_end(DYING_TIME_S):
            raise ended_early(service, *BY_ITSELF) from None
        raise
    probers: list[Prober] = []
    try:
        before = service.look()
        listening, unreadable = sockets.listening(before)
        every = _addresses(plan, listening, unreadable=bool(unreadable))
        addresses = every[:MOST_PORTS]
        try:
            for flight in flights:
                flight.refuse_if_answered()
        except requests.NotInFlightError as error:
            if service.wait_command_end(DYING_TIME_S):
                raise ended_early(service, *BY_ITSELF) from None
            raise SetupError(error.reason, error.hint) from None
        if service.wait_command_end(0):
            raise ended_early(service, *BY_ITSELF)
        sent_at = time.monotonic()
        service.send(signum)
        for flight in flights:
            flight.signalled()
        asked = plan.http and sockets.Endpoint(plan.http.host, plan.http.port)
        probers = [Prober(address, plan.http if address == asked else None) for address in addresses]
        holders: dict[sockets.Endpoint, list[str]] = {}
        ended = _watch_until_end(service, sent_at + plan.within_s, sent_at + plan.refused_within_s, holders)
        # The requests have as long as everybody else. Those of a tree that is gone have ended with it.
        answers = [flight.result(AFTER_END_S if ended else 0) for flight in flights]
        if ended:
            _wait_refused(probers)
        gone_at = service.ended_at if ended and not service.watch.survivors() else None
        ports = tuple(
            _port_facts(
                prober.stop(),
                sent_at,
                gone_at,
                [label for local, labels in holders.items() if address == local or address.reaches(local) for label in labels],
            )
            for prober, address in zip(probers, addresses, strict=True)
        )
        end = _end_facts(plan, signum, service, before, sent_at=sent_at, listening=listening)
    finally:
        for prober in probers:
            prober.stop()
        for flight in flights:
            flight.close()
    for flight, answer in zip(flights, answers, strict=True):
        if answer.at < sent_at:
            raise SetupError(
                f"the answer to {flight.url.text} came before the signal was sent, so nothing was in flight",
                "--slow-http takes a URL whose answer takes a second or more",
            )
    facts = tuple(
        RequestFacts(
            flight.url.text,
            flight.in_part,
            max(0.0, answer.at - sent_at),
            answer.status,
            answer.error,
            answer.body_bytes,
            usual if flight.in_part else None,
            evidence,
            answer.unmeasured,
        )
        for flight, answer, evidence in zip(flights, answers, accepted, strict=True)
    )
    return Facts(signum, facts, ports, end, usual, tuple(map(str, every[MOST_PORTS:])))


def _usual_status(plan: Plan) -> int | None:
    """Return what --http is answered with while all is well."""
    if plan.http is None:
        return None
    answer = requests.get(plan.http)
    if answer.error or answer.status is None:
        raise SetupError(
            f"{plan.http.text} gives no answer before the signal: {answer.error}", "--http takes a URL that the command answers at once"
        )
    return answer.status


def _take_off(plan: Plan, service: Service) -> tuple[list[requests.InFlight], list[str]]:
    """Bring the requests into flight; with --http alone, one whose head is sent in part. Raises SetupError."""
    url, in_part = (plan.slow_http, False) if plan.slow_http is not None else (plan.http, True)
    if url is None:
        return [], []
    flight = None
    try:
        flight = requests.InFlight(url, in_part=in_part, answer_within_s=plan.within_s)
        accepted = flight.wait_accepted(lambda: list(service.watch.look(root_counts=service.bare)))
    except requests.NotInFlightError as error:
        if flight is not None:
            flight.close()
        raise SetupError(error.reason, error.hint) from None
    return [flight], [accepted.evidence]


def _settle(service: Service) -> None:
    """Look at the tree before anything is asked of it. A zombie that is seen gets the time in which its parent may still wait for it."""
    members = service.watch.look(root_counts=service.bare)
    deadline = time.monotonic() + ZOMBIE_AFTER_S
    while any(member.is_zombie for member in members.values()) and time.monotonic() <= deadline:
        service.wait_end(LOOK_EVERY_S)
        members = service.watch.look(root_counts=service.bare)


def _addresses(plan: Plan, listening: list[sockets.Socket], *, unreadable: bool) -> list[sockets.Endpoint]:
    """Return what has to refuse connections: what the options name, and whatever else the tree listens on."""
    ports = {found.local.port for found in listening} - {None}
    named = [address for address in plan.addresses() if address.port in ports or unreadable or not ports]
    others = [found.reach for found in listening if not any(address.reaches(found.local) for address in named)]
    return list(dict.fromkeys([*named, *others]))


def _watch_until_end(
    service: Service, deadline: float, closed_by: float | None = None, holders: dict[sockets.Endpoint, list[str]] | None = None
) -> bool:
    """Look at the tree until its end or a monotonic time; return whether it ended.

    Who still has a listening socket open at ``closed_by`` is put into ``holders``.
    """
    while True:
        members = service.look()
        left_s = deadline - time.monotonic()
        if holders is not None and closed_by is not None and (time.monotonic() >= closed_by or left_s <= 0):
            closed_by = None
            holders.update(_holders(members))
        if service.wait_end(min(left_s, max(LOOK_EVERY_S, LOOK_SHARE * service.watch.cost_s))):
            return True
        if left_s <= 0:
            return False


def _holders(members: Look) -> dict[sockets.Endpoint, list[str]]:
    held, _ = sockets.holders(members)
    listening, _ = sockets.listening(members)
    found: dict[sockets.Endpoint, list[str]] = {}
    for one in listening:
        labels = found.setdefault(one.local, [])
        labels += [members[pid].label for pid in held.get(one.inode, []) if members[pid].label not in labels]
    return found


def _wait_refused(probers: list[Prober]) -> None:
    """Give the probers the time for one more attempt each, now that nobody of the tree is there."""
    deadline = time.monotonic() + AFTER_END_S
    while any(prober.openness.refused_at is None for prober in probers) and time.monotonic() < deadline:
        time.sleep(0.002)  # between two questions


def _port_facts(seen: Openness, sent_at: float, gone_at: float | None, holders: list[str]) -> PortFacts:
    """``gone_at``: since when nobody of the tree is there, who could let anybody in."""
    if gone_at is not None and seen.refused_at is not None and (seen.last_accepted_at or 0.0) <= gone_at:
        seen.refused_at = min(seen.refused_at, gone_at)
    stopped_at = time.monotonic()
    last, refused = (None if at is None else max(0.0, at - sent_at) for at in (seen.last_accepted_at, seen.refused_at))
    late: dict[str, int] = {}
    lost = []
    for request in seen.late:
        how, status = _how(request.answer), request.answer.status if request.answer is not None and not request.answer.error else None
        late[how] = late.get(how, 0) + 1
        # Who has asked just now may still be answered.
        if (status is None and (how != UNANSWERED or request.let_in_at < stopped_at - ANSWER_TIME_S)) or (status or 0) >= SERVER_ERROR:
            lost.append(LateFacts(max(0.0, request.let_in_at - sent_at), how, status))
    return PortFacts(seen.address, seen.accepted, last, refused, seen.hung, late, tuple(lost), tuple(holders))


def _how(answer: requests.Answer | None) -> str:
    if answer is None or (answer.error == "timeout" and answer.status is None):
        return UNANSWERED
    return answer.error or f"answered {answer.status}"


def _end_facts(plan: Plan, signum: int, service: Service, before: Look, *, sent_at: float, listening: list[sockets.Socket]) -> EndFacts:
    """Say how the tree ended; where it did not, this is where it is looked at for the last time."""
    if service.ended_at:
        service.finish_output()
    over = service.event("grace_over") or service.event("killing")
    killed_s = None if over is None else over["elapsed_s"] - _elapsed_at_signal(service, over["elapsed_s"])
    late = not service.ended_at or service.ended_at - sent_at > plan.within_s
    to_blame: list[Culprit] = []
    if killed_s is not None or late or service.status == KILL_STATUS:
        seen = service.watch.last if late else _before_kill(service)
        to_blame = culprits(seen, before, signum, service.sandbox.pid, bare=plan.bare, got=_got(service, signum))
        if not late:
            to_blame = _killed_ones(service, to_blame, seen)
    leftovers: tuple[str, ...] = ()
    if service.ended_at:
        leftovers = tuple(member.label for member in service.watch.survivors())
        inodes = {found.inode for found in listening}
        still = [found for found in sockets.listeners() if found.inode in inodes]
    else:
        still, _ = sockets.listening(service.look())
    zombies = tuple(
        explain(member, None, service.watch.last.get(member.stat.parent) or _seen(service, member.stat.parent), [], signum, received=None)
        for member in service.watch.lasting_zombies()
        if not service.ended_at or _is_unwaited(service, member, before)
    )
    return EndFacts(
        ended_s=service.ended_at - sent_at if service.ended_at else None,
        status=service.status if service.ended_at else None,
        told=None if (got := _got(service, signum)) is None else len(got),
        killed_s=killed_s,
        culprits=tuple(to_blame),
        zombies=zombies,
        killed=_killed(service),
        leftovers=leftovers,
        open_sockets=tuple(dict.fromkeys(map(str, still))),
        note=_note(service),
    )


def _before_kill(service: Service) -> Look:
    """Return the last look, and those that KILL ended just before it: the last one may show an init alone, about to leave."""
    watch, fates = service.watch, service.fates
    killed_ones = {pid: member for pid, member in watch.before_last.items() if fates.status(member.key) == signals.NUMBERS["KILL"]}
    return {**killed_ones, **watch.last}


def _killed_ones(service: Service, found: list[Culprit], seen: Look) -> list[Culprit]:
    """Leave out who ended without KILL, at a time at which everybody has ended: they did what they had to."""
    others = [culprit for culprit in found if culprit.outer_pid != service.sandbox.pid]
    statuses = {culprit.outer_pid: service.fates.status(seen[culprit.outer_pid].key) for culprit in others}
    return [culprit for culprit in others if statuses[culprit.outer_pid] in (None, signals.NUMBERS["KILL"])]


def _is_unwaited(service: Service, zombie: Member, before: Look) -> bool:
    """Whether its parent had not waited for a zombie by its own end. Waiting for one worker after the other leaves some for a while."""
    was = before.get(zombie.stat.pid)
    if was is not None and was.key == zombie.key and was.is_zombie:
        return True
    # One that became a zombie during the stop: pysupervise tells whom it reaped, and of the PID 1 of --bare nobody knows.
    return any(event["event"] == "reaped" and event["about_pid"] == zombie.inner_pid for event in list(service.events))


def _seen(service: Service, pid: int) -> Member | None:
    return next((member for member in service.watch.seen.values() if member.stat.pid == pid), None)


def _elapsed_at_signal(service: Service, default: float) -> float:
    asked = service.event("signal")
    return float(asked["elapsed_s"]) if asked is not None else default


def _got(service: Service, signum: int) -> frozenset[int] | None:
    """Return who got the signal, by pysupervise's own words; None where it said nothing."""
    name = signals.name(signum)
    told = [event for event in list(service.events) if event["event"] == "delivered" and event["signal"] == name]
    if not told:
        return None
    return frozenset(pid for event in told for pid, _ in recipients(event))


def _killed(service: Service) -> tuple[Culprit, ...]:
    """Return who did not outlive the PID 1 of --bare. An init that says by its status that it had to kill is judged by that."""
    if not service.bare or not service.ended_at or service.status == KILL_STATUS:
        return ()
    found = (member for member in service.fates.killed() if RESOURCE_TRACKER not in member.command)
    return tuple(killed(member) for member in sorted(found, key=lambda member: member.stat.pid))


def _note(service: Service) -> str:
    """Say who may have been killed by the kernel when a bare PID 1 ended, where the kernel does not tell."""
    if not service.bare or not service.ended_at:
        return ""
    unknown = {member.key for member in service.fates.untold()}
    left = [member.label for member in service.watch.last.values() if member.key in unknown]
    if not left:
        return ""
    ago_s = service.ended_at - service.watch.last_at
    return (
        f"{', '.join(left)} still there {ago_s * 1000:.0f} ms before PID 1 ended: whether the kernel killed them as PID 1 ended, "
        "or they ended by themselves, may be read on Linux 6.15 and later only"
    )
