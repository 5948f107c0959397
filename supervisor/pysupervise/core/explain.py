"""Answers to "why": loaded when something went wrong or somebody wants the story, never on the way of a signal."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType

    from pysupervise.core.loop import Supervisor
    from pysupervise.core.tree import Tree

PARENT_WAS_DEAD = -1  # as a sender's pid
NAMED = 10  # processes that a sentence names one by one
LOOKED_AT = 200  # to find them
INITS = ("tini", "docker-init", "podman-init", "dumb-init", "catatonit", "pysupervise", "pause", "s6-svscan", "runit")


def name(kernel: "ModuleType", pid: int) -> str:
    """Return the name of a process, from proc_pid_comm(5); empty where it is gone."""
    try:
        comm: bytes = kernel.read_file(f"/proc/{pid}/comm")
    except OSError:
        return ""
    return comm.decode(errors="replace").strip()


def lives(kernel: "ModuleType", pid: int) -> bool:
    """Whether a process is there and not dead."""
    try:
        stat: bytes = kernel.read_file(f"/proc/{pid}/stat")
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] != b"Z"


def names(kernel: "ModuleType", pids: "Iterable[int]", known: "Mapping[int, str] | None" = None) -> str:
    """Return "17 sh, 18 sleep", or how many where it is many. ``known``: names that were read before."""
    found = list(pids)
    known = known or {}
    listed = ", ".join(f"{pid} {known.get(pid) or name(kernel, pid)}".strip() for pid in found[:NAMED])
    if len(found) > NAMED:
        return f"{listed} and {len(found) - NAMED} more"
    return listed or "nobody"


def survivors(kernel: "ModuleType", tree: "Tree") -> str:
    """Return who of the tree is still there, zombies left out, and what holds those that do not react."""
    words: list[str] = []
    # A look at everybody would keep a fork bomb alive: KILL waits for this.
    for pid in tree.members(LOOKED_AT):
        state = tree.state(pid)
        if state in ("", "Z", "X"):
            continue
        if len(words) == NAMED:
            words.append("and more")
            break
        held = {"D": "uninterruptible in " + (wait_channel(kernel, pid) or "the kernel"), "T": "stopped", "t": "being traced"}.get(state)
        words.append(f"{pid} {name(kernel, pid)}" + (f" ({held})" if held else ""))
    return ", ".join(words) or "nobody"


def stuck(kernel: "ModuleType", tree: "Tree") -> str:
    """Return who survives KILL; also the dead that a tracer keeps, not those whose parent has yet to die."""
    living = survivors(kernel, tree)
    kept = [pid for pid in tree.members(LOOKED_AT) if tree.state(pid) == "Z" and _has_tracer(kernel, pid)]
    dead = [f"{pid} {name(kernel, pid)} (dead, kept by a tracer)" for pid in kept]
    return ", ".join([living] * (living != "nobody") + dead[:NAMED]) or "nobody that /proc shows"


def _has_tracer(kernel: "ModuleType", pid: int) -> bool:
    try:
        return b"\nTracerPid:\t0\n" not in kernel.read_file(f"/proc/{pid}/status")
    except OSError:
        return False


def wait_channel(kernel: "ModuleType", pid: int) -> str:
    """Return the kernel function that a process sleeps in, where the kernel tells."""
    try:
        channel: bytes = kernel.read_file(f"/proc/{pid}/wchan")
    except OSError:
        return ""
    return channel.decode(errors="replace").strip("0\n")


def sender(kernel: "ModuleType", pid: int, uid: int, code: int) -> str:
    """Return who sent a signal, from its siginfo (sigaction(2))."""
    if code == kernel.SI_KERNEL:
        return "the terminal or the kernel"
    if code > 0:
        return "the kernel"
    if pid == 0:
        return "outside the PID namespace"
    who = name(kernel, pid)
    return f"pid {pid} ({who + ', ' if who else ''}uid {uid})"


def teller(supervisor: "Supervisor", signum: int, pid: int, uid: int, code: int) -> str:
    """Return who sent a signal, or what it tells where it is that of --parent-death."""
    if signum == supervisor.settings.parent_death_signal and code <= 0:
        if pid == PARENT_WAS_DEAD:
            return "the death of our parent, before the start"
        if pid == supervisor.parent_pid:
            # It comes at the end of the thread that forked us, too (prctl(2)); then the parent is still the same.
            lives = supervisor.kernel.getppid() == pid
            return f"our parent, pid {pid}, which lives: sent, or the end of its thread" if lives else f"the death of our parent, pid {pid}"
    return sender(supervisor.kernel, pid, uid, code)


def outer_init(kernel: "ModuleType") -> str:
    """Return the name of an init above us that containers use, else empty."""
    who = name(kernel, 1)
    return who if who in INITS else ""


def killed(supervisor: "Supervisor", oom_kills_before: int) -> str:
    """Return who sent the KILL that ended the command, as far as can be known."""
    from pysupervise.core.oom import oom_kills

    if supervisor.killed_command is not None:
        return f"pysupervise sent it, {supervisor.killed_command}"
    count = oom_kills(supervisor.kernel) - oom_kills_before
    if count > 0:
        times = "once" if count == 1 else f"{count} times"
        return f"not by pysupervise; the kernel's OOM killer acted in this cgroup {times} since the start, so its memory limit is too low"
    return "not by pysupervise, and no OOM kill was counted in this cgroup: somebody else sent it"
