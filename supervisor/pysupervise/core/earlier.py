"""Children that our process had before it became pysupervise: an entry script started them, and then called exec. Loaded only then."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.settings import Settings
    from pysupervise.core.tree import Tree


def spare(tree: "Tree", pids: "list[int]", kernel: "ModuleType") -> None:
    """Keep signals and sweeps from children that are not the command's.

    Not as PID 1: all of them. As PID 1 a stop is meant for everybody, but for who reads what we and the command write, as
    `exec pysupervise -- service > >(tee log)` has it: it ends by itself once all have closed the pipe, and before that nobody may end it.
    """
    outputs = {_link(kernel, f"/proc/self/fd/{fd}") for fd in (1, 2)}
    for pid in pids:
        reads = _link(kernel, f"/proc/{pid}/fd/0")
        if tree.own_pid != 1 or (reads.startswith("pipe:") and reads in outputs):
            fields = tree.stat_fields(f"{pid}")
            if fields:
                tree.spared[pid] = fields[tree.STARTED]


def _link(kernel: "ModuleType", path: str) -> str:
    try:
        return str(kernel.readlink(path))
    except OSError:
        return ""


def let_finish(settings: "Settings", kernel: "ModuleType") -> None:
    """Give readers of our output, as PID 1, the time of a sweep to read to its end: our own end would kill them with lines unread.

    Another signal ends the wait.
    """
    links = {int(name): _link(kernel, f"/proc/self/fd/{name}") for name in kernel.listdir("/proc/self/fd")}
    pipes = {link for link in (links.get(1, ""), links.get(2, "")) if link.startswith("pipe:")}
    for fd, link in links.items():  # the journal has a second descriptor of its own, and a shell may have left one
        if link in pipes:
            kernel.close(fd)
    ends_at = kernel.monotonic() + sum(step[2] for step in settings.sweep_plan or ())
    try:
        while True:
            while kernel.waitpid(-1, kernel.WNOHANG)[0]:
                pass
            left_s = ends_at - kernel.monotonic()
            if left_s <= 0:
                return
            arrived = kernel.sigtimedwait(kernel.ALL_SIGNALS, left_s)
            if arrived is not None and arrived.si_signo != kernel.SIGCHLD:
                return
    except ChildProcessError:
        return
