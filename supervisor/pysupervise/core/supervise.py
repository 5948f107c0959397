"""A run from start to end: the table of contents of PID 1."""

from pysupervise.core.settings import ERROR, INFO, WARNING
from pysupervise.core.spawn import SpawnError, confirm, spawn, take_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.loop import Supervisor
    from pysupervise.core.narrator import Narrator
    from pysupervise.core.settings import Settings
    from pysupervise.core.spawn import Inherited
    from pysupervise.core.terminal import Terminal

SIGKILL = 9


def supervise(settings: "Settings", kernel: "ModuleType") -> int:
    """Run the command and everything it leaves to its end; return the exit status for our own caller."""
    started_at = kernel.monotonic()
    inherited = take_signals(settings, kernel)
    terminal = _find_terminal(settings, kernel)
    try:
        stage = "ask for the parent-death signal"
        place = _take_place(settings, kernel)
        stage = "fork"
        pid, report = spawn(settings, inherited, kernel, _terminal_to_pass_on(settings, kernel, terminal))
    except OSError as error:
        return _cannot_start(settings, _narrator(settings, kernel, started_at), stage, error)

    # While the child executes: what the loop needs, and what there is to say.
    from pysupervise.core.loop import Supervisor
    from pysupervise.core.oom import oom_kills

    narrator = _narrator(settings, kernel, started_at)
    supervisor = (settings.supervisor or Supervisor)(settings, kernel, narrator, pid, terminal)
    observer = settings.observer(supervisor) if settings.observer is not None else None
    _tell_circumstances(settings, supervisor, inherited, place.refused)
    if terminal is not None and not terminal.wait_for_need:
        terminal.lent = True
    try:
        confirm(report, kernel)
    except SpawnError as error:
        supervisor.reaper.collect_failed()
        status = _cannot_execute(settings, narrator, error)
        supervisor.handle(("failed", status << 8))
    else:
        narrator.tell(INFO, "spawned", command=_readable(settings.command), pid=pid)
        oom_kills_before = oom_kills(kernel)
        supervisor.handle(("spawned",))
        if place.parent_died:
            supervisor.take(settings.parent_death_signal, 0, 0, kernel.SI_USER)
        supervisor.run()
        status = _explain_end(settings, supervisor, oom_kills_before)
    if terminal is not None:
        terminal.give_back(pid)
    if observer is not None:
        observer.write(status)
    return _leave(settings, supervisor, status)


def _find_terminal(settings: "Settings", kernel: "ModuleType") -> "Terminal | None":
    if not (kernel.isatty(0) or kernel.isatty(2)):
        return None
    from pysupervise.core import terminal

    return terminal.find(settings, kernel)


def _terminal_to_pass_on(settings: "Settings", kernel: "ModuleType", terminal: "Terminal | None") -> int:
    """Return the descriptor of the terminal that the child is to take, or -1."""
    if terminal is None or terminal.wait_for_need:
        return -1
    if settings.new_session:
        from pysupervise.core.terminal import detach

        detach(kernel, terminal.fd)
    return terminal.fd


class Place:
    """Our place among the processes: why orphans do not come to us ("": they do), and whether the parent died before we asked."""

    __slots__ = ("parent_died", "refused")

    def __init__(self, refused: str, *, parent_died: bool) -> None:
        self.refused = refused
        self.parent_died = parent_died


def _take_place(settings: "Settings", kernel: "ModuleType") -> Place:
    """Become the one that orphans come to, and hear of the parent's death. Raises OSError."""
    refused = ""
    if settings.subreaper and kernel.getpid() != 1:
        try:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        except OSError as error:
            refused = error.strerror or "unknown"
    parent_died = False
    if settings.parent_death_signal:
        parent = kernel.getppid()
        kernel.prctl(kernel.PR_SET_PDEATHSIG, settings.parent_death_signal)
        parent_died = kernel.getppid() != parent  # before the call: nobody will tell
    return Place(refused, parent_died=parent_died)


def _narrator(settings: "Settings", kernel: "ModuleType", started_at: float) -> "Narrator":
    from pysupervise.core.narrator import Narrator

    return Narrator(settings, kernel, started_at)


def _tell_circumstances(settings: "Settings", supervisor: "Supervisor", inherited: "Inherited", refused: str) -> None:
    narrator, kernel = supervisor.narrator, supervisor.kernel
    if inherited.chld_was_ignored:
        narrator.tell(WARNING, "chld_was_ignored")
    if refused:
        narrator.tell(WARNING, "cannot_subreap", reason=refused)
    elif not settings.subreaper and kernel.getpid() != 1:
        narrator.tell(WARNING, "no_subreaper")
    if not supervisor.tree.procfs and settings.forward in ("tree", "handlers"):
        narrator.tell(WARNING, "procfs")
    for variable in settings.unknown_variables:
        narrator.tell(WARNING, "unknown_variable", variable=variable)
    if narrator.level >= INFO and kernel.getpid() != 1:
        from pysupervise.core.explain import outer_init

        name = outer_init(kernel)
        if name:
            narrator.tell(INFO, "outer_init", name=name)


def _cannot_start(settings: "Settings", narrator: "Narrator", stage: str, error: OSError) -> int:
    if stage != "fork":
        return _cannot_execute(settings, narrator, SpawnError(stage, error.errno or 0))
    from pysupervise.core.status import CANNOT_EXECUTE

    narrator.tell(ERROR, "cannot_fork", command=_readable(settings.command[:1]), reason=error.strerror)
    narrator.tell(ERROR, "hint", hint="a limit on processes is reached: pids.max of the cgroup, ulimit -u, or pid_max")
    return CANNOT_EXECUTE


def _cannot_execute(settings: "Settings", narrator: "Narrator", error: SpawnError) -> int:
    from pysupervise.core.explain import failed_start

    status, stage, reason, hint = failed_start(error, settings.command)
    narrator.tell(ERROR, "cannot_execute", stage=stage, reason=reason)
    narrator.tell(ERROR, "hint", hint=hint)
    return status if settings.start_failure is None else settings.start_failure(error.errno)


def _explain_end(settings: "Settings", supervisor: "Supervisor", oom_kills_before: int) -> int:
    """Return the exit status of a run, and say why where KILL ended it."""
    from pysupervise.core import status

    wait_status = supervisor.state.main_status
    if supervisor.fault:
        return status.SIGNALLED + supervisor.fault
    if wait_status is None:
        return status.SIGNALLED + SIGKILL
    if wait_status & 0x7F == SIGKILL and supervisor.narrator.level >= WARNING:
        from pysupervise.core.oom import oom_kills

        if supervisor.killed:
            why = "pysupervise sent it, at the end of the grace period or because it was asked again"
        elif oom_kills(supervisor.kernel) > oom_kills_before:
            why = "the kernel's OOM killer acted in this cgroup, whose memory limit is too low for it"
        else:
            why = "not by pysupervise, and no OOM kill was counted in this cgroup: somebody else sent it"
        supervisor.narrator.tell(WARNING, "killed_why", why=why)
    code = status.exit_code(wait_status)
    return settings.exit_map.get(code, code)


def _leave(settings: "Settings", supervisor: "Supervisor", status: int) -> int:
    narrator, kernel = supervisor.narrator, supervisor.kernel
    if narrator.level >= INFO:
        from pysupervise.core.story import summary

        narrator.tell(INFO, "exited", **summary(supervisor, status, kernel.monotonic()))
    wait_status = supervisor.state.main_status
    signum = (wait_status or 0) & 0x7F
    if settings.reraise and signum and status == signum + 128 and kernel.getpid() != 1:
        from pysupervise.core.reraise import die_of

        die_of(signum, kernel)
    return status


def _readable(command: "list[str]") -> str:
    return " ".join(word if word and word.isprintable() and " " not in word else repr(word) for word in command)
