"""exec: targets: a command of their own process group, healthy if it ends with 0 in time; nothing of it stays, whatever it started.

How it is cleaned up, in this order:
    1. The command is dead or late, and not reaped: its number, hence its group's, is still its own. The whole group gets KILL.
    2. It is reaped.
    3. Who left the group (setsid) lost its parents and came to us, the subreaper: KILL walk by walk, until no child is left.
When the probe itself is killed by KILL, the kernel sends the command KILL (PR_SET_PDEATHSIG); what the command started stays then.
"""

import posix

from pysupervise.core import status
from pysupervise.core.settings import KILL_WAIT_S, Settings
from pysupervise.core.spawn import spawn
from pysupervise.features.probe.attempt import Deadline, Unhealthy, seconds
from pysupervise.features.probe.children import kill_and_reap, signals_blocked, wait_for_end
from pysupervise.features.probe.target import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

SIGKILL = 9


def attempt(target: Target, _chosen: "dict[str, Any]", deadline: Deadline, /) -> str:
    """Run the command. Raises Unhealthy, Interrupted."""
    kernel = deadline.kernel
    settings = Settings(target.command, posix.environ)
    # Children that were ours before us (`service & exec pysupervise probe ...`) are nobody's leftovers: then only the group is ended.
    alone = not _has_children()
    if alone and _become_subreaper(kernel):
        settings.parent_death_signal = SIGKILL
    _take_null_as_input()
    with signals_blocked(kernel) as inherited_mask:
        try:
            pid, failure = spawn(settings, inherited_mask, kernel)
        except OSError as error:
            raise Unhealthy(f"cannot fork for {target.name}: {error.strerror}") from None
        late = False
        try:
            wait_for_end(pid, deadline, inherited_mask)
        except TimeoutError:
            late = True
        finally:
            took = deadline.answered()
            wait_status, killed, stuck = _clean_up(pid, kernel, alone=alone)
    if failure is not None:
        from pysupervise.core.failure import failed_start

        _, stage, reason, hint = failed_start(failure, target.command)
        raise Unhealthy(f"cannot {stage}: {reason}; {hint}")
    left = f"; it left {killed} process{'es' if killed > 1 else ''} running, killed now" if killed and not late else ""
    if stuck:
        raise Unhealthy(f"{target.name} left processes that survive KILL")
    if late:
        raise Unhealthy(f"{target.name} did not end {deadline.words} and was killed")
    if wait_status:
        raise Unhealthy(f"{target.name} {status.words(wait_status)}{left}")
    return f"{target.name} {status.words(0)} after {seconds(took)}{left}"


def _has_children() -> bool:
    try:
        posix.waitid(posix.P_ALL, 0, posix.WEXITED | posix.WNOHANG | posix.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def _become_subreaper(kernel: "ModuleType") -> bool:
    """Whether prctl(2) works here. Without it (a Python that has no _ctypes) the group is ended all the same."""
    if kernel.getpid() == 1:
        return False  # orphans come to us anyway, and everybody dies with us
    try:
        kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    except OSError:
        return False
    return True


def _take_null_as_input() -> None:
    """Give the command /dev/null to read: in a group of its own, a read from the terminal would stop it."""
    try:
        null = posix.open("/dev/null", posix.O_RDONLY)
    except OSError:
        return
    if null:
        posix.dup2(null, 0)
        posix.close(null)
    else:
        posix.set_inheritable(0, True)  # noqa: FBT003 -- takes no keyword; standard input was closed, and this took its place


def _clean_up(pid: int, kernel: "ModuleType", *, alone: bool) -> "tuple[int | None, int, bool]":
    """End and reap everybody. Returns (the command's wait status, how many others died of our KILL, whether some are left)."""
    try:
        kernel.killpg(pid, SIGKILL)
    except OSError:
        pass  # it died before it had a group, or others of the group belong to another user
    wait_status = kill_and_reap(pid, kernel)
    if not alone:
        return wait_status, 0, wait_status is None
    patience = Deadline(kernel, KILL_WAIT_S)
    killed, tree = 0, None
    while True:
        try:
            dead, other = kernel.waitpid(-1, kernel.WNOHANG)
            if dead:
                killed += other == SIGKILL
                patience.left()  # a fork bomb dies as fast as it is reaped
                continue
            if tree is None:
                from pysupervise.core.tree import Tree  # few commands leave somebody

                tree = Tree(kernel, has_group=False)
            tree.deliver(SIGKILL, "tree", 0)
            kernel.sigtimedwait((kernel.SIGCHLD,), patience.left())
        except ChildProcessError:
            return wait_status, killed, False
        except TimeoutError:
            return wait_status, killed, True
