"""The part of the seam that few runs need: a look at children for the story, and calls that cost an import."""

from posix import (
    CLD_DUMPED,
    CLD_EXITED,
    CLD_STOPPED,
    CLD_TRAPPED,
    P_ALL,
    P_PGID,
    P_PID,
    WEXITED,
    WNOHANG,
    WNOWAIT,
    WSTOPPED,
    strerror,
    waitid,
)

PR_GET_CHILD_SUBREAPER = 37
PTRACE_DETACH = 17
SIGTRAP = 5
LOWER_HALF = 0xFFFFFFFF


def peek_child(*, stops: bool) -> "tuple[int, int] | None":
    """Return (pid, wait status) of a child that is dead, or stopped where ``stops`` says so, and leave it as it is.

    A child that made us its tracer is reported whatever ``stops`` says; then bit 16 is set.

    None: there is none now. Raises ChildProcessError without any child. (waitid(2) with WNOWAIT)
    """
    found = waitid(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT | (WSTOPPED if stops else 0))
    if found is None:
        return None
    if found.si_code == CLD_EXITED:
        return found.si_pid, found.si_status << 8
    if found.si_code == CLD_STOPPED:
        return found.si_pid, found.si_status << 8 | 0x7F
    if found.si_code == CLD_TRAPPED:
        return found.si_pid, 1 << 16 | (found.si_status & 0xFF) << 8 | 0x7F
    return found.si_pid, found.si_status | (0x80 if found.si_code == CLD_DUMPED else 0)


def take_stop(pid: int) -> bool:
    """Take the report that a child stopped; False where it has been continued since."""
    return waitid(P_PID, pid, WSTOPPED | WNOHANG) is not None


def has_child_in_group(group: int) -> bool:
    """Whether a child of ours, dead or alive, is in a process group: while one is, its number stays that group's."""
    try:
        waitid(P_PGID, group, WEXITED | WNOHANG | WNOWAIT)
    except ChildProcessError:
        return False
    return True


def let_go(pid: int, signum: int) -> None:
    """Stop tracing a child that asked for it (PTRACE_TRACEME) and is in a ptrace stop, and let it have the signal that stopped it.

    Nobody else would ever continue it. TRAP is what its exec stops with, and not for it. (ptrace(2), PTRACE_DETACH)
    """
    try:
        _call("ptrace", PTRACE_DETACH, pid, 0, 0 if signum == SIGTRAP else signum)
    except OSError:
        return  # it was killed meanwhile


def prctl(option: int, argument: int) -> None:
    """Change one attribute of this process (prctl(2)). Raises OSError."""
    _call("prctl", option, argument, 0, 0, 0)


def _call(name: str, *arguments: int) -> None:
    """Call a function of the C library that returns -1 and sets errno. Raises OSError.

    The standard library has neither prctl nor ptrace. ``_ctypes`` without the ``ctypes`` package above it costs 0.7 ms instead of 1.8 ms,
    and only those who are not PID 1, ask for --parent-death or --no-new-privs, or have a child that traces itself, pay for it.
    """
    try:
        import _ctypes
    except ImportError as error:
        raise OSError(38, "this Python is built without _ctypes") from error  # 38: ENOSYS

    class Long(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: SLF001 -- there is no other name
        _type_ = "l"

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
        _restype_ = Long

    function = Function(_ctypes.dlsym(_ctypes.dlopen(None, 0), name))  # type: ignore[arg-type]
    # Longs, because both are variadic and read their arguments as long; what they declare as int takes the lower half of it.
    result = function(*map(Long, arguments))
    if result & LOWER_HALF == LOWER_HALF:  # -1
        errno = _ctypes.get_errno()
        raise OSError(errno, strerror(errno))


def get_child_subreaper() -> bool:
    """PR_GET_CHILD_SUBREAPER (Linux 3.4): whether orphans of our descendants come to us. Raises OSError."""
    import ctypes  # needs a pointer; only asked for where a warning hangs on it

    value = ctypes.c_int(0)
    if ctypes.CDLL(None, use_errno=True).prctl(PR_GET_CHILD_SUBREAPER, ctypes.byref(value), 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "PR_GET_CHILD_SUBREAPER")
    return bool(value.value)


def terminal_ioctl(request: str, fd: int, argument: int = 0) -> None:
    """TIOCNOTTY or TIOCSCTTY (ioctl_tty(2)) on a terminal. Raises OSError. Costs an import, so only with a terminal and --session."""
    import fcntl
    import termios

    fcntl.ioctl(fd, getattr(termios, request), argument)
