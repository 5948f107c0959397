"""--reraise: die of the signal that killed the command, so that our own parent sees the truth."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def die_of(signum: int, kernel: "ModuleType") -> None:
    """Raise the signal with its default action, without a core dump: the command has left its own. Does not return if it is fatal."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if signum in kernel.ALL_SIGNALS and signum != kernel.SIGKILL:  # glibc keeps 32 and 33 to itself: never blocked, their default is death
        kernel.set_disposition(signum, kernel.SIG_DFL)
        kernel.set_mask(kernel.SIG_UNBLOCK, (signum,))
    kernel.kill(kernel.getpid(), signum)
