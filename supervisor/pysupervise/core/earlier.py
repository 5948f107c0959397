"""Children that our process had before it became pysupervise: an entry script started them, and then called exec. Loaded only then."""

from pysupervise.core.tree import GROUP, STARTED

S_IFMT, S_IFIFO = 0o170000, 0o010000
SHORTEST_S = 1.0  # for readers of our output, also where no time is left for anybody else

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.settings import Settings
    from pysupervise.core.tree import Tree


def spare(tree: "Tree", pids: "list[int]", kernel: "ModuleType") -> None:
    """Keep signals and sweeps from children that are not the command's.

    Not as PID 1: all of them, and what they leave to us: it is in the group that the script's shell had, and the command in one of its own.
    As PID 1 a stop is meant for everybody, but for who reads what we and the command write, as
    `exec pysupervise -- service > >(tee log)` has it: it ends by itself once all have closed the pipe, and before that nobody may end it.
    """
    for pid in readers(kernel, pids) if tree.own_pid == 1 else pids:
        fields = tree.stat_fields(f"{pid}")
        if fields:
            tree.spared[pid] = fields[STARTED]
    if tree.own_pid != 1 and tree.command_group:
        tree.spared_group = tree.stat_fields("self")[GROUP]


def readers(kernel: "ModuleType", pids: "list[int]", writer: str = "self") -> "list[int]":
    """Return which of the processes read on standard input what the writer has for its output or errors. ``kernel``: its stat(2)."""
    outputs = {_pipe(kernel, f"/proc/{writer}/fd/{fd}") for fd in (1, 2)} - {None}
    return [pid for pid in pids if _pipe(kernel, f"/proc/{pid}/fd/0") in outputs]


def let_finish(settings: "Settings", kernel: "ModuleType") -> None:
    """Give readers of our output, as PID 1, the time of a sweep to read to its end: our own end would kill them with lines unread.

    Another signal that asks for a stop ends the wait.
    """
    open_pipes = {int(name): _pipe(kernel, f"/proc/self/fd/{name}") for name in kernel.listdir("/proc/self/fd")}
    outputs = {open_pipes.get(1), open_pipes.get(2)} - {None}
    for fd, pipe in open_pipes.items():  # the journal has a second descriptor of its own, and a shell may have left one
        if pipe in outputs:
            kernel.close(fd)
    ends_at = kernel.monotonic() + max(SHORTEST_S, sum(step[2] for step in settings.sweep_plan or ()))
    try:
        while True:
            while kernel.waitpid(-1, kernel.WNOHANG)[0]:
                pass
            left_s = ends_at - kernel.monotonic()
            if left_s <= 0:
                return
            arrived = kernel.sigtimedwait(kernel.ALL_SIGNALS, left_s)
            if arrived is not None and arrived.si_signo in settings.stop_signals:
                return
    except ChildProcessError:
        return


def _pipe(kernel: "ModuleType", path: str) -> "tuple[int, int] | None":
    """Return which pipe or FIFO (pipe(7), fifo(7)) is open behind a path of /proc; None where it is something else, or gone."""
    try:
        found = kernel.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found.st_mode & S_IFMT == S_IFIFO else None
