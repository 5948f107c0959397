"""A run from start to end: the table of contents of PID 1."""

from pysupervise.core.narrator import Narrator
from pysupervise.core.settings import ERROR, INFO, WARNING
from pysupervise.core.spawn import SpawnError, confirm, spawn, take_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.loop import Supervisor
    from pysupervise.core.settings import Settings
    from pysupervise.core.spawn import Inherited
    from pysupervise.core.terminal import Terminal

SIGKILL = 9


def supervise(settings: "Settings", kernel: "ModuleType") -> int:
    """Run the command and everything it leaves to its end; return the exit status for our own caller."""
    narrator = Narrator(settings, kernel)
    parent = kernel.getppid()
    inherited = take_signals(settings, kernel)
    terminal = _find_terminal(settings, kernel)
    try:
        parent_died = _take_place(settings, kernel, narrator, parent)
    except OSError as error:
        return _cannot_execute(settings, narrator, SpawnError("ask for the parent-death signal", error.errno or 0))
    try:
        pid, report = spawn(settings, inherited, kernel, _terminal_to_pass_on(settings, kernel, terminal))
    except OSError as error:
        return _cannot_fork(settings, narrator, error)

    # While the child executes: what the loop needs, and what there is to say.
    from pysupervise.core.loop import Supervisor

    supervisor = Supervisor(settings, kernel, narrator, pid, terminal)
    observer = settings.observer(supervisor) if settings.observer is not None else None
    _tell_circumstances(settings, supervisor, inherited)
    try:
        confirm(report, kernel)
    except SpawnError as error:
        kernel.waitpid(pid, 0)
        status = _cannot_execute(settings, narrator, error)
    else:
        if terminal is not None and not terminal.wait_for_need:
            terminal.lent = True
        narrator.tell(INFO, "spawned", command=_readable(settings.command), pid=pid)
        oom_kills = _count_oom_kills(kernel)
        supervisor.handle(("spawned",))
        if parent_died:
            supervisor.take(parent_died, parent, 0, kernel.SI_USER)
        supervisor.run()
        status = _explain_end(settings, supervisor, oom_kills)
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


def _take_place(settings: "Settings", kernel: "ModuleType", narrator: "Narrator", parent: int) -> int:
    """Become the one that orphans come to, and hear of the parent's death.

    Returns the signal for it where the parent died before we asked, and nobody will tell. Raises OSError.
    """
    if kernel.getpid() != 1:
        if not settings.subreaper:
            narrator.tell(WARNING, "no_subreaper")
        else:
            try:
                kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
            except OSError as error:
                narrator.tell(WARNING, "cannot_subreap", reason=error.strerror)
    signum = settings.parent_death_signal
    if signum:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signum)
    return signum if signum and kernel.getppid() != parent else 0


def _tell_circumstances(settings: "Settings", supervisor: "Supervisor", inherited: "Inherited") -> None:
    narrator, kernel = supervisor.narrator, supervisor.kernel
    if inherited.chld_was_ignored:
        narrator.tell(WARNING, "chld_was_ignored")
    if not supervisor.tree.procfs and settings.forward in ("tree", "handlers"):
        narrator.tell(WARNING, "procfs")
    for variable in settings.unknown_variables:
        narrator.tell(WARNING, "unknown_variable", variable=variable)
    if narrator.level >= INFO and kernel.getpid() != 1:
        from pysupervise.core.explain import outer_init

        name = outer_init(kernel)
        if name:
            narrator.tell(INFO, "outer_init", name=name)


def _cannot_fork(settings: "Settings", narrator: "Narrator", error: OSError) -> int:
    from pysupervise.core.status import CANNOT_EXECUTE

    narrator.tell(ERROR, "cannot_fork", command=_readable(settings.command[:1]), reason=error.strerror)
    narrator.tell(ERROR, "hint", hint="a limit on processes is reached: pids.max of the cgroup, ulimit -u, or pid_max")
    return CANNOT_EXECUTE


def _cannot_execute(settings: "Settings", narrator: "Narrator", error: SpawnError) -> int:
    from pysupervise.core.explain import failed_start

    status, stage, reason, hint = failed_start(error, settings.command)
    narrator.tell(ERROR, "cannot_execute", stage=stage, reason=reason)
    narrator.tell(ERROR, "hint", hint=hint)
    return status


def _count_oom_kills(kernel: "ModuleType") -> int:
    from pysupervise.core.oom import oom_kills

    return oom_kills(kernel)


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
