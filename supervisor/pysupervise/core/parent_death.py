"""--parent-death: hear of the parent's death, also of one that came before we could ask."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def listen(kernel: "ModuleType", signum: int) -> bool:
    """Ask the kernel for a signal at the parent's death (PR_SET_PDEATHSIG, Linux 2.1.57); return whether it is dead already.

    Raises OSError. The kernel tells of no death before the call. Who is still in the session of the process that forked it, and
    has a parent in another one, has been handed on: its own parent died. A session leader, and a child of another PID namespace
    (parent 0), cannot know.
    """
    parent = kernel.getppid()
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signum)
    if kernel.getppid() != parent:
        return True
    session = kernel.getsid(0)
    if parent == 0 or session in (0, kernel.getpid()):
        return False
    try:
        return bool(kernel.getsid(parent) != session)
    except OSError:
        return False  # ESRCH: it died just now, and the signal comes
