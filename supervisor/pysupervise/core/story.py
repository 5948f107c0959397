"""What -v adds: who got a signal, who left when, why a phase began. Loaded only for it."""

from pysupervise.core import explain, signals, status
from pysupervise.core.reap_told import watch
from pysupervise.core.settings import DEBUG, INFO

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.loop import Supervisor
    from pysupervise.core.machine import Event
    from pysupervise.core.tree import Tree

SIGKILL = 9
FEWEST_PHASES = 3  # starting, running, exited


def attach(supervisor: "Supervisor") -> None:
    """Have the reaper tell of each of the dead."""
    narrator, command = supervisor.narrator, supervisor.command_pid
    before = supervisor.reaper.on_reaped

    def reaped(pid: int, wait_status: int, name: str, usage: object) -> None:
        if before is not None:
            before(pid, wait_status, name, usage)
        if pid != command or supervisor.reaper.command_pid == 0:
            # During a stop each of them is part of the story; before, a busy service has thousands.
            level = INFO if supervisor.state.phase in ("stopping", "sweeping", "killing") else DEBUG
            narrator.tell(
                level,
                "reaped",
                pid=pid,
                name=name,
                end=status.words(wait_status),
                status=status.exit_code(wait_status),
                signum=wait_status & 0x7F,
            )

    watch(supervisor.reaper, reaped)


def living(kernel: "ModuleType", tree: "Tree") -> "dict[int, str]":
    """Return the names of those of the tree that are alive, by pid."""
    return {pid: explain.name(kernel, pid) for pid in tree.members() if tree.state(pid) != "Z"}


def deliver(supervisor: "Supervisor", signum: int, target: str, *, whole_namespace: bool) -> "list[int] | None":
    """Send a signal, tell who got it, and return what Tree.deliver says."""
    tree, kernel = supervisor.tree, supervisor.kernel
    # A kill(-1) does not say whom it reached, the dead take a signal without a word, and who dies of it has no name any more.
    before = living(kernel, tree) if target in ("tree", "handlers") else {}
    got = tree.deliver(signum, target, supervisor.reaper.command_pid, whole_namespace=whole_namespace)
    who = recipients(kernel, got, before, target, supervisor.command_pid)
    supervisor.narrator.tell(INFO, "delivered", signal=signals.name(signum), recipients=who, target=target)
    return got


def recipients(kernel: "ModuleType", got: "list[int] | None", before: "dict[int, str]", target: str, command_pid: int) -> str:
    """Return who got a signal; ``before``: the living of the tree just before, whom kill(-1) reached, and the names that they had."""
    if got is None:
        return f"the process group {command_pid}" if target == "group" else "everybody: " + explain.names(kernel, before, before)
    if target in ("tree", "handlers"):
        got = [pid for pid in got if pid in before or explain.lives(kernel, pid)]
    return explain.names(kernel, got, before)


def reason(before: str, event: "Event") -> str:
    """Return why a phase began."""
    if event[0] == "signal":
        return f"{signals.name(event[1])} came while {before}"
    if event[0] == "exited":
        return "the command ended, others are left" if event[2] else "the command ended"
    return {"timer": "a deadline passed", "spawned": "the command executes", "gone": "nobody is left"}.get(event[0], str(event[0]))


def summary(supervisor: "Supervisor", exit_status: int, now: float) -> "dict[str, object]":
    """Return the fields of the last word: what ended the service, and how long each phase took."""
    phases = supervisor.phases
    ends = [at for _, at in phases[1:]] + [now]
    parts = [f"{phase} {end - at:.3f} s" for (phase, at), end in zip(phases, ends, strict=True) if phase != "exited"]
    if supervisor.stop_asked is not None:
        signum, pid, uid, code = supervisor.stop_asked
        ended_by = f"{signals.name(signum)} from {explain.teller(supervisor, signum, pid, uid, code)} asked for the stop"
        if supervisor.killed:
            killed = (supervisor.state.main_status or SIGKILL) & 0x7F == SIGKILL
            ended_by += ", and KILL ended it" if killed else ", and KILL came for what was left"
    elif len(phases) < FEWEST_PHASES:
        ended_by = "the command never ran"
    elif supervisor.killed:
        ended_by = "the command ended by itself, and KILL came for what it left"
    elif supervisor.killed_command is not None and (supervisor.state.main_status or 0) & 0x7F == SIGKILL:
        ended_by = "KILL, which a signal was rewritten to, ended the command"
    else:
        ended_by = "the command ended by itself"
    return {
        "status": exit_status,
        "total": now - phases[0][1],
        "phases": ", ".join(parts),
        "ended_by": ended_by,
        "reaped": supervisor.reaper.reaped,
    }
