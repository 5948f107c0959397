"""The part of the seam that few runs need: a look at children for the story, and calls that cost an import."""

from posix import (
    CLD_DUMPED,
    CLD_EXITED,
    CLD_STOPPED,
    P_ALL,
    P_PID,
    WEXITED,
    WNOHANG,
    WNOWAIT,
    WSTOPPED,
    strerror,
    waitid,
)

PR_GET_CHILD_SUBREAPER = 37


def peek_child(*, stops: bool) -> "tuple[int, int] | None":
    """Return (pid, wait status) of a child that is dead, or stopped where ``stops`` says so, and leave it as it is.

    None: there is none now. Raises ChildProcessError without any child. (waitid(2) with WNOWAIT)
    """
    found = waitid(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT | (WSTOPPED if stops else 0))
    if found is None:
        return None
    if found.si_code == CLD_EXITED:
        return found.si_pid, found.si_status << 8
    if found.si_code == CLD_STOPPED:
        return found.si_pid, found.si_status << 8 | 0x7F
    return found.si_pid, found.si_status | (0x80 if found.si_code == CLD_DUMPED else 0)


def take_stop(pid: int) -> bool:
    """Take the report that a child stopped; False where it has been continued since."""
    return waitid(P_PID, pid, WSTOPPED | WNOHANG) is not None


def prctl(option: int, argument: int) -> None:
    """Change one attribute of this process (prctl(2)). Raises OSError.

    The standard library has no prctl. ``_ctypes`` without the ``ctypes`` package above it costs 0.7 ms instead of 1.8 ms, and
    only those who are not PID 1, or ask for --parent-death or --no-new-privs, pay for it.
    """
    try:
        import _ctypes
    except ImportError as error:
        raise OSError(38, "this Python is built without _ctypes") from error  # 38: ENOSYS

    class Long(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: SLF001 -- there is no other name
        _type_ = "l"

    class Int(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: SLF001 -- there is no other name
        _type_ = "i"

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
        _restype_ = Int

    function = Function(_ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl"))  # type: ignore[arg-type]
    # Longs, because prctl is variadic and reads its arguments as unsigned long.
    if function(Int(option), Long(argument), Long(0), Long(0), Long(0)) < 0:
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
