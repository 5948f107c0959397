"""Why nobody reaps a zombie: a pure judgement of what /proc says of it and of its parent, each with the line that it rests on.

A zombie goes when its parent waits for it, or when the parent ends and whoever gets it then waits (wait(2), Notes). So the question is
always what keeps the parent from it. `judge` is given what was read; `read` reads it.
"""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pysupervise.cli import inits, procfs, sigwait
from pysupervise.cli.procfs import Stat, Status

SIGCHLD = 17
# Numbers of wait4 and waitid (kernel/exit.c): the other architectures of Linux are not told apart from each other here.
WAIT_CALLS = {"x86_64": (61, 247), "aarch64": (260, 95), "riscv64": (260, 95)}
WAITID_WORDS = {1: "pid {}", 2: "its process group {}", 3: "the process of the pidfd {}"}
FREEZERS = ("do_freezer_trap", "__refrigerator")
ONLY_THE_PARENT = "only the parent can collect it, or its end, which hands the zombie on to the next subreaper or PID 1"


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason why a zombie is not reaped."""

    what: str  # a sentence without its full stop
    evidence: str  # the very line, and the file that it stands in
    cure: str


@dataclass(frozen=True, slots=True)
class Around:
    """What was read besides stat and status; what could not be read is None or absent."""

    command: Sequence[str] | None = None  # of the parent
    tracers: Mapping[int, str] | None = None  # pid or thread id to name
    tracer_process: int = 0  # the process that the zombie's tracer is a thread of
    wait_channel: str | None = None  # of the parent
    system_call: str | None = None  # of the parent
    machine: str = ""  # for the numbers of system calls
    open_thread: int = 0  # a thread of the parent that does not block SIGCHLD, where its main thread does


def read(zombie: Stat, parent: Stat | None) -> list[Reason]:
    """Read what counts and judge it: the reasons why a zombie is not reaped, the most likely first.

    Empty where the zombie is gone meanwhile. Nothing is raised: what may not be read is a reason that says so.
    """
    status = procfs.read_status(zombie.pid)
    if status is None and procfs.read_stat(zombie.pid) is None:
        return []
    parent_status = procfs.read_status(zombie.parent) if zombie.parent else None
    tracers, tracer_process = {}, 0
    for traced in (status, parent_status):
        if traced is not None and traced.tracer:
            tracer = procfs.read_stat(traced.tracer)
            tracers[traced.tracer] = "" if tracer is None else tracer.name
    if status is not None and status.tracer:
        tracer_status = procfs.read_status(status.tracer)
        tracer_process = int(tracer_status.lines["Tgid"]) if tracer_status is not None else status.tracer
    around = Around(
        command=procfs.command_line(zombie.parent),
        tracers=tracers,
        tracer_process=tracer_process,
        wait_channel=procfs.wait_channel(zombie.parent),
        system_call=procfs.system_call(zombie.parent),
        machine=platform.machine(),
        open_thread=_open_thread(parent_status, zombie.parent),
    )
    return why(zombie, parent, parent_status, zombie_status=status, around=around)


def _open_thread(parent: Status | None, pid: int) -> int:
    """Return a thread that can take SIGCHLD although the main thread blocks it, 0 where there is none: any thread may (signal(7))."""
    if parent is None or parent.threads < 2 or not parent.blocks(SIGCHLD):  # noqa: PLR2004 -- another one
        return 0
    for thread in procfs.threads(pid):
        status = procfs.read_status(thread)
        if status is not None and not status.blocks(SIGCHLD):
            return thread
    return 0


def why(
    zombie: Stat,
    parent: Stat | None,
    parent_status: Status | None,
    *,
    zombie_status: Status | None = None,
    around: Around | None = None,
) -> list[Reason]:
    """Return the reasons why a zombie is not reaped, the most likely first; never empty.

    ``parent`` and ``parent_status`` are None where they could not be read.
    """
    around = around or Around()
    of_zombie = _of_the_zombie(zombie, zombie_status, around)
    if of_zombie:  # whatever the parent does, it cannot have it
        return of_zombie
    if zombie.parent == 0:
        return [
            Reason(
                "its parent is outside of this PID namespace",
                f"/proc/{zombie.pid}/stat: field 4 (ppid) is 0",
                "look from the host, or from wherever the process was put in (docker exec, nsenter): " + ONLY_THE_PARENT,
            )
        ]
    if parent is None:
        return [
            Reason(
                f"its parent, pid {zombie.parent}, cannot be read here, so why is not known",
                f"/proc/{zombie.parent}/stat cannot be read: it is gone, or hidden by the mount option hidepid",
                "look as root",
            )
        ]
    found = [*_state(parent, parent_status, around), *_clone(zombie)]
    if parent_status is None:
        unreadable = f"/proc/{parent.pid}/status cannot be read"
        return [*found, Reason("what the parent does with SIGCHLD cannot be read here", unreadable, "look as root")]
    if inits.is_namespace_init(parent, parent_status) and not inits.is_init(parent, around.command or ()):
        found.append(_no_init(parent, parent_status))
    return [*found, *_waiting(parent, parent_status, around), _sigchld(parent, parent_status, around)]


def _of_the_zombie(zombie: Stat, status: Status | None, around: Around) -> list[Reason]:
    if not zombie.is_dead:
        return [
            Reason(
                f"it is a dead thread-group leader with live threads, {zombie.threads - 1} of them: the process lives on without it",
                f"/proc/{zombie.pid}/status: State: {zombie.state} (zombie), Threads: {zombie.threads}",
                "nobody can collect it before its threads end; a signal to the process still reaches them",
            )
        ]
    if status is not None and status.tracer and around.tracer_process != zombie.parent:
        return [
            Reason(
                f"it is traced by {_who(status.tracer, around)}, which has to take it before its parent can",
                f"/proc/{zombie.pid}/status: {status.evidence('TracerPid')}",
                "let the tracer go on, detach it or end it",
            )
        ]
    return []


def _state(parent: Stat, status: Status | None, around: Around) -> list[Reason]:
    line = f"/proc/{parent.pid}/status: " + (status.evidence("State") if status else f"State: {parent.state}")
    if around.wait_channel in FREEZERS:
        line = f"/proc/{parent.pid}/wchan: {around.wait_channel}"
        return [Reason("the parent is frozen with its cgroup", line, "thaw it: docker unpause, podman unpause, or cgroup.freeze")]
    if parent.state == "T":
        return [Reason("the parent is stopped, and does nothing until somebody continues it", line, f"kill -CONT {parent.pid}")]
    if parent.state == "t":
        tracer = _who(status.tracer, around) if status else "a debugger"
        evidence = line + (f", {status.evidence('TracerPid')}" if status else "")
        return [Reason(f"the parent is held by its tracer, {tracer}", evidence, "continue it in the tracer, or detach or end the tracer")]
    if parent.state == "D":
        where = f"; /proc/{parent.pid}/wchan: {around.wait_channel}" if around.wait_channel else ""
        cure = "see what it waits for in the kernel: a disk, a network file system, or a vfork(2) child that has yet to exec"
        return [Reason("the parent is in uninterruptible sleep, and does nothing until that ends", line + where, cure)]
    return []


def _clone(zombie: Stat) -> list[Reason]:
    if zombie.exit_signal == SIGCHLD:
        return []
    return [
        Reason(
            "it was made by clone() with another end signal than SIGCHLD, and a plain wait() passes over it",
            f"/proc/{zombie.pid}/stat: field 38 (exit_signal) is {zombie.exit_signal}",
            "the parent has to wait with __WALL or __WCLONE (wait(2))",
        )
    ]


def _no_init(parent: Stat, status: Status) -> Reason:
    return Reason(
        f"the parent is PID 1 of its PID namespace and is `{parent.name}`, not a known init: "
        "every orphan becomes its child, and most programs do not wait for children that they did not start",
        f"/proc/{parent.pid}/status: {status.evidence('Name', 'NSpid', 'SigCgt')}",
        'put an init in front, for example ENTRYPOINT ["pysupervise", "--"], or run the container with the engine\'s --init',
    )


def _waiting(parent: Stat, status: Status, around: Around) -> list[Reason]:
    if parent.state != "S" or around.wait_channel != "do_wait":
        return []
    evidence = f"/proc/{parent.pid}/wchan: do_wait"
    whom = _waits_for(around)
    if whom is None:
        return [Reason("the parent is in wait() now: if it waits for any child, it is just about to collect it", evidence, "look again")]
    evidence += f"; /proc/{parent.pid}/syscall: {around.system_call}"
    inner = ", as numbered in its own PID namespace" if len(status.namespace_pids) > 1 else ""
    cure = "the parent has to wait for any child, waitpid(-1), or for each that it started"
    return [Reason(f"the parent waits for {whom} alone{inner}, and passes over all others", evidence, cure)]


def _waits_for(around: Around) -> str | None:
    """Return whom a wait is for, from the number and first arguments of the system call; None: anybody, or not known."""
    numbers = WAIT_CALLS.get(around.machine)
    words = (around.system_call or "").split()
    if numbers is None or len(words) < 3 or not words[0].isdigit() or int(words[0]) not in numbers:  # noqa: PLR2004 -- two arguments
        return None
    first, second = (int(word, 16) & 0xFFFFFFFF for word in words[1:3])
    if int(words[0]) == numbers[1]:
        return WAITID_WORDS[first].format(second) if first in WAITID_WORDS else None
    number = first - (1 << 32) if first >> 31 else first  # pid_t is signed, and -1 means any child
    if number == 0:
        return "its own process group"
    return f"pid {number}" if number > 0 else f"process group {-number}" if number < -1 else None


def _sigchld(parent: Stat, status: Status, around: Around) -> Reason:
    """Return what it does with SIGCHLD: one of these always holds. Masks are those of the main thread, unless another one takes it."""
    file = f"/proc/{parent.pid}/status: "
    threads = " in its main thread" if status.threads > 1 else ""
    if status.ignores(SIGCHLD):
        return Reason(
            "the parent ignores SIGCHLD now: a child that dies meanwhile leaves no zombie, so this one died before that, "
            "and nothing will call for it any more",
            file + status.evidence("SigIgn"),
            ONLY_THE_PARENT,
        )
    if around.open_thread:
        file = f"/proc/{parent.pid}/task/{around.open_thread}/status: SigBlk is without it, and {file}"
    blocked = status.blocks(SIGCHLD) and not around.open_thread
    if blocked and status.pending >> (SIGCHLD - 1) & 1:
        return Reason(
            f"SIGCHLD is blocked{threads} and pending: nobody has taken it",
            file + status.evidence("SigBlk", "SigPnd", "ShdPnd"),
            "the parent has to unblock it, or to take it with sigwait or a signalfd; a blocked mask is inherited through exec, so look "
            "also at who started it",
        )
    if blocked:
        return Reason(
            f"SIGCHLD is blocked{threads} and not pending: the parent took it with sigwait or a signalfd without waiting for all who died, "
            "or blocked it after this death",
            file + status.evidence("SigBlk", "SigPnd", "ShdPnd", "SigCgt"),
            "one SIGCHLD can stand for many deaths: wait with WNOHANG until there is nobody left, each time",
        )
    if status.has_handler(SIGCHLD):
        return Reason(
            "the parent has a handler for SIGCHLD, and the handler did not collect it: one SIGCHLD can stand for many deaths, "
            "or the handler waits for children that it knows",
            file + status.evidence("SigCgt"),
            f"wait in the handler with WNOHANG until there is nobody left; kill -CHLD {parent.pid} makes it run once more",
        )
    if sigwait.is_wait(around.wait_channel):
        return Reason(
            "the parent has no handler for SIGCHLD and is in sigwait(), for which signals /proc does not show; if for SIGCHLD, "
            "it did not wait for all who died",
            f"/proc/{parent.pid}/wchan: {around.wait_channel}; {file}{status.evidence('SigCgt', 'ShdPnd')}",
            "one SIGCHLD can stand for many deaths: wait with WNOHANG until there is nobody left, each time",
        )
    return Reason(
        "the parent does not handle SIGCHLD (no handler, not blocked): it learns of a death only when it waits",
        file + status.evidence("SigCgt", "SigBlk"),
        "the program has to wait for its children: " + ONLY_THE_PARENT,
    )


def _who(tracer: int, around: Around) -> str:
    if not tracer:  # as seen from a PID namespace that the tracer is not in
        return "somebody outside of this PID namespace"
    name = (around.tracers or {}).get(tracer, "")
    return f"`{name}` (pid {tracer})" if name else f"pid {tracer}"
