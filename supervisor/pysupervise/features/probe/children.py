"""Children of the probe: wait for one until the deadline, with every signal taken as in core, and leave none behind."""

import posix

from pysupervise.core.settings import KILL_WAIT_S, Settings
from pysupervise.core.spawn import take_signals
from pysupervise.features.probe.attempt import Deadline, Interrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

# Signals that do not end a process by default (signal(7)): CHLD, CONT, TSTP, TTIN, TTOU, URG, WINCH.
HARMLESS = (17, 18, 20, 21, 22, 23, 28)


class signals_blocked:  # noqa: N801 -- read as a phrase after `with`; contextlib costs an import
    """All signals are blocked within; yields the mask of before. Those that wait at the end then act by themselves."""

    def __init__(self, kernel: "ModuleType") -> None:
        self.kernel = kernel
        self.inherited: set[int] = set()

    def __enter__(self) -> "set[int]":
        """Block."""
        self.inherited = self.kernel.set_mask(self.kernel.SIG_BLOCK, self.kernel.ALL_SIGNALS)
        take_signals(Settings([], {}), self.kernel, self.inherited)
        return self.inherited

    def __exit__(self, *_: object) -> None:
        """Restore."""
        self.kernel.set_mask(self.kernel.SIG_SETMASK, self.inherited)


def wait_for_end(pid: int, deadline: Deadline, inherited_mask: "set[int]") -> None:
    """Return when a child is dead, without reaping it: its number stays its own. Raises TimeoutError, Interrupted."""
    kernel = deadline.kernel
    while not is_dead(pid):
        arrived = kernel.sigtimedwait(kernel.ALL_SIGNALS, deadline.left())
        if arrived is None:
            continue  # the deadline itself says so; who ended while we were suspended has ended in time
        signum: int = arrived.si_signo
        # A blocked signal is queued though it is ignored (nohup): that it is so decides here.
        if signum not in HARMLESS and signum not in inherited_mask and kernel.get_disposition(signum) != kernel.SIG_IGN:
            raise Interrupted(signum)


def is_dead(pid: int) -> bool:
    """Whether a child of ours is dead and not reaped yet: waitid(2) with WNOWAIT."""
    return posix.waitid(posix.P_PID, pid, posix.WEXITED | posix.WNOHANG | posix.WNOWAIT) is not None


def kill_and_reap(pid: int, kernel: "ModuleType") -> "int | None":
    """End a child that is not reaped yet, and return its wait status; one that is dead already keeps its own.

    None: it is still there, in uninterruptible sleep.
    """
    kernel.kill(pid, kernel.SIGKILL)
    patience = Deadline(kernel, KILL_WAIT_S)
    while True:
        dead, wait_status = kernel.waitpid(pid, kernel.WNOHANG)
        if dead:
            return int(wait_status)
        try:
            kernel.sigtimedwait((kernel.SIGCHLD,), patience.left())
        except TimeoutError:
            return None
