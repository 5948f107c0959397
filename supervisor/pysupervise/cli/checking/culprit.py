"""Why a process is still there after the stop signal: read from its state and its signal masks (proc_pid_status(5)), nothing guessed."""

import os
from dataclasses import dataclass

from pysupervise.cli.checking.watch import Look, Member
from pysupervise.cli.forwarding import WITHOUT_END
from pysupervise.core import signals

SHELLS = ("sh", "bash", "dash", "ash", "busybox", "zsh", "ksh", "mksh")
# Who explains more comes first.
ORDER = (
    "ignores", "blocks", "stopped", "traced", "uninterruptible", "init-without-handler", "shell", "too-early", "handles", "takes",
    "newcomer", "unreached", "killed", "unreadable", "zombie",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Culprit:
    """A process that keeps the stop from ending."""

    kind: str  # one of ORDER
    pid: int  # in its own PID namespace
    outer_pid: int  # in ours
    command: str
    words: str  # a sentence without its subject
    evidence: str  # the lines of /proc/PID/status

    def __str__(self) -> str:
        return f"pid {self.pid} `{self.command}` {self.words}" + (f" ({self.evidence})" if self.evidence else "")


def culprits(now: Look, before: Look, signum: int, root: int, *, bare: bool, got: frozenset[int] | None) -> list[Culprit]:
    """Return who is there and why, the best explanation first.

    ``before``: the look just before the signal. ``root``: the pid of pysupervise, which waits for the others and is no culprit, or of the
    command with ``bare``. ``got``: numbers (in their own namespace) of those that got the signal, None where that is not known.
    """
    found = []
    first = now.get(root)
    dropped = (
        first is not None and bare and explain(first, before.get(root), None, [], signum, received=True).kind == "init-without-handler"
    )
    for member in now.values():
        if member.stat.pid == root and not bare:
            continue
        was = before.get(member.stat.pid)
        if was is not None and was.key != member.key:
            was = None
        children = [other for other in now.values() if other.stat.parent == member.stat.pid and not other.is_zombie]
        received = None if got is None else member.inner_pid in got
        if bare and got is None:
            # We sent it to nobody else. An init may have passed it on; one that never got it has not.
            received = True if member.stat.pid == root else False if dropped else None
        found.append(explain(member, was, now.get(member.stat.parent), children, signum, received=received))
    return sorted(found, key=lambda culprit: (ORDER.index(culprit.kind), culprit.outer_pid))


def killed(member: Member) -> Culprit:
    """Return the words for a process that KILL ended as the PID 1 of --bare did."""
    words = "was killed as PID 1 ended: the kernel kills whoever PID 1 does not wait for"
    return Culprit("killed", member.inner_pid, member.stat.pid, member.shown, words, "PIDFD_INFO_EXIT: signal 9")


def explain(
    now: Member, was: Member | None, parent: Member | None, children: list[Member], signum: int, *, received: bool | None
) -> Culprit:
    """Return why a process did not end. ``was``: the same process just before the signal, None where it was not there yet."""
    kind, words, keys = _explain(now, was, parent, children, signum, received=received)
    evidence = now.status.evidence(*keys) if now.status is not None else ""
    return Culprit(kind, now.inner_pid, now.stat.pid, now.shown, words, evidence)


def _explain(
    now: Member, was: Member | None, parent: Member | None, children: list[Member], signum: int, *, received: bool | None
) -> tuple[str, str, tuple[str, ...]]:
    name, status, state = signals.name(signum), now.status, now.stat.state
    if now.is_zombie:
        who = f"{parent.label} has" if parent is not None else "its parent has"
        # PPid as we read it is a number of our own namespace, which is nobody's in the sentence.
        return "zombie", f"has ended and is a zombie: {who} not waited for it", ("State",) if parent is not None else ("State", "PPid")
    if state == "t":
        return "traced", f"is stopped by a tracer, so {name} waits", ("State", "TracerPid")
    if state == "T":
        return "stopped", f"is stopped, so {name} waits until somebody sends CONT", ("State", "ShdPnd")
    if state == "D":
        return "uninterruptible", "waits inside of the kernel and acts on no signal until that ends", ("State", "ShdPnd")
    if status is None:
        return "unreadable", "is still there; why may not be read (/proc/PID/status)", ()
    if was is None and not received:
        return "newcomer", f"was started after {name}", ()
    bit = 1 << (signum - 1)
    sent = f"got {name} and" if received else f"if {name} reached it:" if received is None else f"was not sent {name}, and"
    if now.blocked & bit and status.pending & bit:
        return "blocks", f"blocks {name}, which is pending and changes nothing", ("SigBlk", "ShdPnd")
    handled = bool((status.caught | now.blocked) & bit)
    if now.awaits and not handled and not status.ignored & bit:
        return "takes", f"waits for signals in sigtimedwait (wchan), {name} perhaps among them, and did not end", ("SigCgt",)
    if now.is_init and not handled and not status.ignored & bit:
        words = f"is PID 1 and does not handle {name}: the kernel drops a signal that PID 1 has no handler for"
        if _is_shell(now) and children:
            words += f"; the shell passes nothing on to {_names(children)}"
        return "init-without-handler", words, ("SigCgt",)
    if status.ignored & bit:
        return "ignores", f"{sent} ignores it", ("SigIgn",)
    if received is not False and (lost := _lost(was, bit)):
        has = "handles" if handled else "has the default action for"
        return "too-early", f"{has} {name} now, but {lost[0]} when {name} came (then {lost[1]})", ("SigCgt",)
    if now.blocked & bit and received is not False:
        return (
            "takes",
            f"{sent} takes {name} by itself (sigwait or a signalfd: blocked, not pending), but did not end",
            ("SigBlk", "ShdPnd"),
        )
    if handled and received is False:
        in_front = f": {parent.label} in front of it did not pass it on" if parent is not None else ""
        has = "which it blocks" if now.blocked & bit else "for which it has a handler"
        return "unreached", f"was never sent {name}, {has}{in_front}", ("SigBlk" if now.blocked & bit else "SigCgt",)
    if handled and _is_shell(now) and children:
        return "shell", f"{sent} is a shell with a trap, which runs only when {_names(children)} ends", ("SigCgt",)
    if handled:
        return "handles", f"{sent} has a handler for it, but did not end", ("SigCgt",)
    if received and was is not None and was.status is not None and was.status.caught & bit:
        return "handles", f"had a handler for {name} when it came (then {was.status.evidence('SigCgt')}), and did not end", ("SigCgt",)
    if signum in WITHOUT_END:
        return "handles", f"has no handler for {name}, whose default action ends nobody", ("SigCgt",)
    if received:
        return "newcomer", f"got {name}, whose default action ends a process, and is not gone yet", ("State", "SigCgt", "ShdPnd")
    in_front = f": {parent.label} in front of it did not pass it on" if parent is not None else ""
    return "unreached", f"never got {name}, which would have ended it{in_front}", ("SigCgt", "SigIgn")


def _lost(was: Member | None, bit: int) -> tuple[str, str] | None:
    """Return why a signal that came then was lost, with the line that says so; None where it was not, or nobody knows."""
    # In sigwait the masks of before showed nothing of what it waited for.
    if was is None or was.status is None or was.awaits or (was.status.caught | was.blocked) & bit:
        return None
    if was.status.ignored & bit:
        return "ignored it", was.status.evidence("SigIgn")
    return ("was PID 1 without a handler for it", was.status.evidence("SigCgt")) if was.is_init else None


def _is_shell(member: Member) -> bool:
    """Say whether it is a shell: by its name, or, where it runs a script that it is named after, by its first word."""
    return member.stat.name in SHELLS or os.path.basename(member.command.split(" ", 1)[0]) in SHELLS


def _names(members: list[Member]) -> str:
    return ", ".join(member.label for member in members)
