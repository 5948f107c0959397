"""What the child does to itself before exec, where options ask for it. Loaded only then, and before fork."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from pysupervise.core.identity import User
    from pysupervise.core.settings import Settings


def preparation(settings: "Settings", kernel: "ModuleType") -> "list[tuple[str, Callable[[], object]]]":
    """Return the steps in their order, each as (what it does, for the error's sentence; the call, which raises OSError).

    Called in the parent, before fork.
    """
    import posix

    steps: list[tuple[str, Callable[[], object]]] = []
    if settings.umask is not None:
        umask = settings.umask
        steps.append(("set the umask", lambda: posix.umask(umask)))
    if settings.nice is not None:
        nice = settings.nice
        steps.append((f"set the niceness to {nice}", lambda: posix.setpriority(posix.PRIO_PROCESS, 0, nice)))
    if settings.oom_score_adj is not None:
        adjustment = settings.oom_score_adj
        steps.append((f"set oom_score_adj to {adjustment}", lambda: _write_oom_score_adj(kernel, adjustment)))
    user = settings.user
    if user is not None:
        # Groups first: without root the process may not change them any more.
        steps.append((f"take the groups of {user.name}", lambda: _set_groups(posix, user)))
        steps.append((f"take the group {user.gid}", lambda: posix.setresgid(user.gid, user.gid, user.gid)))
        steps.append((f"become the user {user.name}", lambda: posix.setresuid(user.uid, user.uid, user.uid)))
    if settings.no_new_privileges:
        steps.append(("set no_new_privs", lambda: kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)))
    if settings.parent_death_signal:
        # After the change of user, which clears it (prctl(2)).
        parent, signum = kernel.getpid(), settings.parent_death_signal
        steps.append(("set the parent-death signal", lambda: _set_parent_death(kernel, parent, signum)))
    if settings.working_directory is not None:
        directory = settings.working_directory
        steps.append((f"change to the directory {directory}", lambda: kernel.chdir(directory)))
    return steps


def _set_groups(posix: "ModuleType", user: "User") -> None:
    """Set the supplementary groups (setgroups(2)). Raises OSError.

    Only a privileged process may. Whoever is that user and group already stays as he is: an image with USER often has --user too.
    """
    try:
        posix.setgroups(user.groups)
    except PermissionError:
        if posix.getresuid() != (user.uid,) * 3 or posix.getresgid() != (user.gid,) * 3:
            raise


def _write_oom_score_adj(kernel: "ModuleType", adjustment: int) -> None:
    descriptor = kernel.open("/proc/self/oom_score_adj", kernel.O_WRONLY | kernel.O_CLOEXEC)
    kernel.write(descriptor, b"%d" % adjustment)
    kernel.close(descriptor)


def _set_parent_death(kernel: "ModuleType", parent: int, signum: int) -> None:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signum)
    if kernel.getppid() != parent:  # it died before the call: nobody will tell
        kernel.kill(kernel.getpid(), signum)
