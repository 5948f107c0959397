"""A run from start to end: the table of contents of PID 1."""

from pysupervise.core.settings import INFO, WARNING
from pysupervise.core.spawn import SpawnError, spawn, take_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.loop import Supervisor
    from pysupervise.core.narrator import Narrator
    from pysupervise.core.settings import Settings
    from pysupervise.core.terminal import Terminal

SIGKILL = 9


def supervise(settings: "Settings", kernel: "ModuleType", mask: "set[int]") -> int:
    """Run the command and everything it leaves to its end; return the exit status for our own caller.

    ``mask``: the blocked signals that we were started with, which the command gets back; by now all are.
    """
    started_at = kernel.monotonic()
    chld_was_ignored = take_signals(settings, kernel, mask)
    terminal = _find_terminal(settings, kernel)
    earlier = _earlier_children(kernel)
    pid, passed_on, refused, parent_died = 0, -1, "", False
    try:
        stage = "ask for the parent-death signal"
        refused, parent_died = _take_place(settings, kernel)
        stage = "fork"
        passed_on = _terminal_to_pass_on(settings, kernel, terminal)
        pid, failure = spawn(settings, mask, kernel, passed_on)
    except OSError as error:
        failure = SpawnError(stage, error.errno or 0)

    from pysupervise.core.loop import Supervisor
    from pysupervise.core.oom import oom_kills

    if settings.reraise:
        import resource  # noqa: F401 -- these two are used at the end, when our files may be gone

        from pysupervise.core import reraise  # noqa: F401

    narrator = _narrator(settings, kernel, started_at)
    supervisor = (settings.supervisor or Supervisor)(settings, kernel, narrator, pid, terminal)
    if earlier:
        from pysupervise.core.earlier import spare

        spare(supervisor.tree, earlier, kernel)
    observer = settings.observer(supervisor) if settings.observer is not None else None
    _tell_circumstances(settings, supervisor, refused, chld_was_ignored=chld_was_ignored)
    if passed_on >= 0 and terminal is not None:
        terminal.lent = True
    if failure is not None:
        from pysupervise.core.failure import cannot_execute

        if pid:
            supervisor.reaper.collect_failed()
        status, supervisor.failure = cannot_execute(settings, narrator, failure)
        supervisor.handle(("failed", status << 8))
    else:
        narrator.tell(INFO, "spawned", command=lambda: _readable(settings), pid=pid)
        oom_kills_before = oom_kills(kernel)
        supervisor.handle(("spawned",))
        if parent_died:
            from pysupervise.core.explain import PARENT_WAS_DEAD

            supervisor.take(settings.parent_death_signal, PARENT_WAS_DEAD, 0, kernel.SI_USER)
        supervisor.run()
        status = _explain_end(settings, supervisor, oom_kills_before)
    if terminal is not None and pid:
        terminal.give_back(pid)
    if observer is not None:
        observer.write(status)
    return _leave(settings, supervisor, status)


def _earlier_children(kernel: "ModuleType") -> "list[int]":
    """Return the children that our process has already, as from an entry script that ends in exec: [] nearly always, for one call."""
    try:
        while True:
            pid, wait_status = kernel.waitpid(-1, kernel.WNOHANG)
            if not pid:
                break
            from pysupervise.core.reap import STOPPED

            if wait_status & 0xFF == STOPPED:
                kernel.let_go(pid, wait_status >> 8 & 0xFF)
    except ChildProcessError:
        return []
    from pysupervise.core.tree import Tree

    tree = Tree(kernel, has_group=False)
    return tree.children(tree.own_pid) if tree.procfs else []


def _find_terminal(settings: "Settings", kernel: "ModuleType") -> "Terminal | None":
    fd = next((fd for fd in (0, 2, 1) if kernel.isatty(fd)), -1)
    if fd < 0:
        try:  # with all three redirected Ctrl-C and Ctrl-Z still come from the controlling terminal
            fd = kernel.open("/dev/tty", kernel.O_RDONLY | kernel.O_NOCTTY | kernel.O_CLOEXEC)
        except OSError:
            return None
    from pysupervise.core import terminal

    return terminal.find(settings, kernel, fd)


def _terminal_to_pass_on(settings: "Settings", kernel: "ModuleType", terminal: "Terminal | None") -> int:
    """Return the descriptor of the terminal that the child is to take, or -1."""
    if terminal is None or terminal.wait_for_need or not terminal.is_ours():
        return -1
    if settings.new_session:
        from pysupervise.core.terminal import detach

        detach(kernel, terminal.fd)
    return terminal.fd


def _take_place(settings: "Settings", kernel: "ModuleType") -> "tuple[str, bool]":
    """Become the one that orphans come to, and hear of the parent's death. Raises OSError.

    Returns (why orphans do not come to us, empty where they do; whether the parent died before we asked).
    """
    refused = ""
    if settings.subreaper and kernel.getpid() != 1:
        try:
            kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        except OSError as error:
            refused = error.strerror or "unknown"
    parent_died = False
    if settings.parent_death_signal:
        from pysupervise.core.parent_death import listen

        parent_died = listen(kernel, settings.parent_death_signal)
    return refused, parent_died


def _narrator(settings: "Settings", kernel: "ModuleType", started_at: float) -> "Narrator":
    from pysupervise.core.narrator import Narrator

    return Narrator(settings, kernel, started_at)


def _tell_circumstances(settings: "Settings", supervisor: "Supervisor", refused: str, *, chld_was_ignored: bool) -> None:
    narrator, kernel = supervisor.narrator, supervisor.kernel
    if chld_was_ignored:
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


def _explain_end(settings: "Settings", supervisor: "Supervisor", oom_kills_before: int) -> int:
    """Return the exit status of a run, and say why where KILL ended it."""
    from pysupervise.core.status import SIGNALLED, exit_code  # loaded with the loop: at the end our files may be gone

    wait_status = supervisor.state.main_status
    if supervisor.fault:
        return SIGNALLED + supervisor.fault
    if wait_status is None:
        return SIGNALLED + SIGKILL
    if wait_status & 0x7F == SIGKILL:
        supervisor.narrator.tell(WARNING, "killed_why", why=lambda: _why(supervisor, oom_kills_before))
    code = exit_code(wait_status)
    return settings.exit_map.get(code, code)


def _why(supervisor: "Supervisor", oom_kills_before: int) -> str:
    from pysupervise.core.explain import killed

    return killed(supervisor, oom_kills_before)


def _leave(settings: "Settings", supervisor: "Supervisor", status: int) -> int:
    narrator, kernel = supervisor.narrator, supervisor.kernel
    if narrator.level >= INFO:
        from pysupervise.core.story import summary  # loaded since the start, as INFO is wanted

        narrator.tell(INFO, "exited", **summary(supervisor, status, kernel.monotonic()))
    if supervisor.tree.spared and kernel.getpid() == 1:
        from pysupervise.core.earlier import let_finish  # loaded since the start, as there is somebody

        let_finish(settings, kernel)
    wait_status = supervisor.state.main_status
    signum = (wait_status or 0) & 0x7F
    if settings.reraise and signum and status == signum + 128 and kernel.getpid() != 1:
        from pysupervise.core.reraise import die_of  # loaded at the start, as --reraise was given

        die_of(signum, kernel)
    return status


def _readable(settings: "Settings") -> str:
    from pysupervise.core.words import command_line

    return command_line(settings.command)
