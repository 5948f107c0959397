"""The seam: every kernel call that PID 1 makes goes through this module, and unit tests replace it whole.

Most names are the C functions themselves, because a Python wrapper around waitpid or kill would cost more than the call.
``_signal`` is the C module under ``signal``; see the package's docstring for why it is taken directly.
"""

import _signal
import sys
from posix import (
    CLD_DUMPED,
    CLD_EXITED,
    CLD_STOPPED,
    O_CLOEXEC,
    O_NOCTTY,
    O_NONBLOCK,
    O_RDONLY,
    O_WRONLY,
    P_ALL,
    P_PID,
    WEXITED,
    WNOHANG,
    WNOWAIT,
    WSTOPPED,
    _exit,
    chdir,
    close,
    execve,
    fork,
    getpgrp,
    getpid,
    getppid,
    getsid,
    isatty,
    kill,
    killpg,
    listdir,
    open,  # noqa: A004 -- the file descriptor call; nothing here uses the built-in
    pidfd_open,
    pipe2,
    read,
    readlink,
    setpgid,
    setsid,
    stat,
    tcgetpgrp,
    tcsetpgrp,
    wait4,
    waitid,
    waitpid,
    write,
)
from time import monotonic, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ALL_SIGNALS",
    "O_CLOEXEC",
    "O_NOCTTY",
    "O_NONBLOCK",
    "O_RDONLY",
    "O_WRONLY",
    "WNOHANG",
    "_exit",
    "chdir",
    "close",
    "execve",
    "fork",
    "getpgrp",
    "getpid",
    "getppid",
    "getsid",
    "isatty",
    "kill",
    "killpg",
    "listdir",
    "monotonic",
    "open",
    "peek_child",
    "pidfd_open",
    "pidfd_send_signal",
    "pipe2",
    "prctl",
    "read",
    "read_file",
    "readlink",
    "set_disposition",
    "set_mask",
    "setpgid",
    "setsid",
    "sigpending",
    "sigtimedwait",
    "sigwaitinfo",
    "stat",
    "take_stop",
    "tcgetpgrp",
    "tcsetpgrp",
    "terminal_ioctl",
    "time",
    "wait4",
    "waitpid",
    "write",
]

# Without 32 and 33, which glibc keeps for its threads and sigaddset(3) refuses.
ALL_SIGNALS: "tuple[int, ...]" = tuple(sorted(_signal.valid_signals()))

SIG_BLOCK: int = _signal.SIG_BLOCK
SIG_UNBLOCK: int = _signal.SIG_UNBLOCK
SIG_SETMASK: int = _signal.SIG_SETMASK
SIG_DFL: int = _signal.SIG_DFL
SIG_IGN: int = _signal.SIG_IGN

SIGCHLD: int = _signal.SIGCHLD
SIGCONT: int = _signal.SIGCONT
SIGHUP: int = _signal.SIGHUP
SIGINT: int = _signal.SIGINT
SIGKILL: int = _signal.SIGKILL
SIGPIPE: int = _signal.SIGPIPE
SIGSTOP: int = _signal.SIGSTOP
SIGTERM: int = _signal.SIGTERM
SIGTSTP: int = _signal.SIGTSTP
SIGTTIN: int = _signal.SIGTTIN
SIGTTOU: int = _signal.SIGTTOU
SIGXFSZ: int = _signal.SIGXFSZ

READ_SIZE = 16384
# seq_file hands out a page at most however much is asked for: below half of one, the file is at its end.
READ_WHOLE = 2048

# siginfo_t.si_code (sigaction(2)): who may have sent it.
SI_USER = 0
SI_KERNEL = 0x80

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
PR_GET_CHILD_SUBREAPER = 37
PR_SET_NO_NEW_PRIVS = 38

sigwaitinfo = _signal.sigwaitinfo
sigtimedwait = _signal.sigtimedwait
sigpending = _signal.sigpending
pidfd_send_signal = _signal.pidfd_send_signal
get_disposition = _signal.getsignal
set_disposition = _signal.signal


def set_mask(how: int, signals: "Iterable[int]") -> "set[int]":
    """Change the mask of blocked signals (sigprocmask(2)) and return the one before.

    The name of the Python call says pthread; PID 1 has a single thread.
    """
    old: set[int] = _signal.pthread_sigmask(how, signals)
    return old


def read_file(path: str) -> bytes:
    """Read a small file of /proc or /sys whole. Raises OSError."""
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    try:
        data = read(descriptor, READ_SIZE)
        if len(data) > READ_WHOLE:
            while more := read(descriptor, READ_SIZE):
                data += more
        return data
    finally:
        close(descriptor)


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
        raise OSError(errno, sys.modules["os"].strerror(errno))


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
