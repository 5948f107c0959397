"""A signal with a handler that is blocked as well: /proc shows the same while the handler runs and where it never began."""

from pysupervise.cli.diagnosis import programs
from pysupervise.cli.diagnosis.finding import INFO, WARNING, Finding
from pysupervise.cli.diagnosis.subject import Process, Subject
from pysupervise.core import signals

TWO_WAYS = (
    "Either {name} came and its handler runs just now, for a handler blocks its own signal (sigaction(2)); or the mask was there before, "
    "by the program's own will or inherited, and {name} waits until it is unblocked."
)
LOOK = "look again: if nobody asked for a stop and it stays so, find in the program who blocks {name} and does not unblock it"


def held(process: Process, subject: Subject, signum: int, evidence: tuple[str, ...], what: str) -> Finding:
    """Judge a signal that has a handler and was blocked at two looks. ``what``: what to call the process in a title."""
    name = signals.name(signum)
    stopping = clock_above(process, subject)
    if stopping is not None:
        return Finding(
            INFO,
            "in-handler",
            f"{what} is probably cleaning up: its handler for {name} runs, as it seems, and {stopping.label} is in the middle of a stop",
            (*evidence, *(stopping.deadline.evidence if stopping.deadline is not None else ())),
            TWO_WAYS.format(name=name),
            "wait for the end of its grace period, or give more of it: pysupervise --grace",
        )
    return Finding(
        WARNING,
        "handler-and-blocked",
        f"{what} has a handler for {name}, and {name} is blocked at two looks",
        evidence,
        TWO_WAYS.format(name=name),
        LOOK.format(name=name),
    )


def held_and_pending(process: Process, subject: Subject, signum: int, evidence: tuple[str, ...]) -> Finding:
    """Judge the same with another signal waiting behind it."""
    name = signals.name(signum)
    stopping = clock_above(process, subject)
    return Finding(
        WARNING,
        "stop-pending-behind-handler",
        f"{name} is pending in {process.label}, which has a handler for it and blocks it: a stop is under way",
        (*evidence, *(stopping.deadline.evidence if stopping is not None and stopping.deadline is not None else ())),
        f"Either {name} came more than once, and the handler of the first one runs just now (it blocks its own signal, sigaction(2)); or "
        f"the mask was there before, and the handler has not begun.",
        LOOK.format(name=name),
    )


def clock_above(process: Process, subject: Subject) -> Process | None:
    """Return the pysupervise above a process that waits with a deadline: it is stopping its command."""
    above = subject.chain[: subject.chain.index(process)] if process in subject.chain else subject.chain
    return next((one for one in above if one.init == programs.OURS and one.deadline is not None), None)
