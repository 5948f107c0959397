"""The reaper with a look at each of the dead before it goes, at twice the cost: for -v, the status file and a terminal."""

from pysupervise.core.explain import name as process_name
from pysupervise.core.reap import MOST_AT_ONCE, MOST_LET_GO, STOPPED, WNOHANG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pysupervise.core.reap import Reaper


def watch(
    reaper: "Reaper",
    on_reaped: "Callable[[int, int, str, object], None] | None" = None,
    on_stopped: "Callable[[int], None] | None" = None,
) -> None:
    """Have a reaper tell of the dead, or of stops of the command."""
    reaper.kernel.peek_child  # noqa: B018 -- loads it now: later our files may be gone
    reaper.thorough = drain
    reaper.on_reaped = on_reaped or reaper.on_reaped
    reaper.on_stopped = on_stopped or reaper.on_stopped


def drain(reaper: "Reaper") -> bool:
    """Reap all that can be reaped, as Reaper.drain does it, and look at each of the dead before it goes."""
    kernel = reaper.kernel
    reaper.more = False
    end, let_go = reaper.reaped + MOST_AT_ONCE, 0
    try:
        while True:
            if reaper.reaped >= end or let_go == MOST_LET_GO:
                reaper.more = True
                return True
            found = kernel.peek_child(stops=reaper.on_stopped is not None)
            if found is None:
                return True
            pid, wait_status = found
            if wait_status & 0xFF == STOPPED:
                taken = kernel.take_stop(pid)
                if wait_status >> 16:
                    kernel.let_go(pid, wait_status >> 8 & 0xFF)
                    let_go += 1
                elif taken and pid == reaper.command_pid and reaper.on_stopped is not None:
                    reaper.on_stopped(wait_status >> 8)
                continue
            name = process_name(kernel, pid) if reaper.on_reaped is not None else ""
            pid, wait_status, usage = kernel.wait4(pid, WNOHANG)
            if pid == 0:
                return True  # a tracer took it between the two calls, and hands it back with another SIGCHLD
            reaper.reaped += 1
            if pid == reaper.command_pid:
                reaper.status, reaper.command_pid = wait_status, 0
            if reaper.on_reaped is not None:
                reaper.on_reaped(pid, wait_status, name, usage)
    except ChildProcessError:
        return False
