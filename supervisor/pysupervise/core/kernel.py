"""The seam: every kernel call that PID 1 makes goes through this module, and unit tests replace it whole."""

# Most names are the C functions themselves, because a Python wrapper around waitpid or kill would cost more than the call.
# ``_signal`` is the C module under ``signal``; see the package's docstring for why it is taken directly.

import _signal
from posix import (
    O_CLOEXEC,
    O_NOCTTY,
    O_NONBLOCK,
    O_RDONLY,
    O_WRONLY,
    WNOHANG,
    _exit,
    chdir,
    close,
    environ,
    execv,
    execve,
    fork,
    getpgid,
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
    sched_yield,
    setpgid,
    setsid,
    stat,
    tcgetpgrp,
    tcsetpgrp,
    wait4,
    waitpid,
    write,
)
from time import monotonic, time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

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
    "environ",
    "execv",
    "execve",
    "fork",
    "getpgid",
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
    "pidfd_open",
    "pidfd_send_signal",
    "pipe2",
    "read",
    "read_file",
    "readlink",
    "sched_yield",
    "set_disposition",
    "set_mask",
    "setpgid",
    "setsid",
    "sigpending",
    "sigtimedwait",
    "sigwaitinfo",
    "stat",
    "tcgetpgrp",
    "tcsetpgrp",
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
PR_SET_NO_NEW_PRIVS = 38

sigwaitinfo = _signal.sigwaitinfo
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


def sigtimedwait(signals: "Iterable[int]", timeout_s: float) -> "Any | None":
    """Wait for a signal for some time (sigtimedwait(2)); None says that the time is over.

    A stop and continue of ourselves, or a debugger, interrupts the wait (EINTR, signal(7)). When the time is over by then, CPython
    (seen in 3.8 to 3.13) returns a siginfo that nobody has filled in: its number is none, or si_errno not the 0 of kill(2).
    """
    info = _signal.sigtimedwait(signals, timeout_s)
    return info if info is not None and info.si_signo in ALL_SIGNALS and info.si_errno == 0 else None


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


def __getattr__(name: str) -> object:
    """The calls of ``kernel_rare``, loaded by whoever needs one."""  # noqa: D401
    if name.startswith("_"):
        raise AttributeError(name)
    from pysupervise.core import kernel_rare

    found = globals()[name] = getattr(kernel_rare, name)
    return found
