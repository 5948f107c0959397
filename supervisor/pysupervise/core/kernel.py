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
    putenv,
    read,
    readlink,
    setpgid,
    setsid,
    stat,
    tcgetpgrp,
    tcsetpgrp,
    unsetenv,
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
    "peek_child",
    "pidfd_open",
    "pidfd_send_signal",
    "pipe2",
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


def undo_python() -> None:
    """Take back what Python's start did to the environment, and keep the command's own modules out of ours.

    In the C locale Python sets LC_CTYPE to a UTF-8 one (PEP 538), for its children too. The environment that we were started with
    is still in /proc/self/environ. What PYTHONPATH names is the command's: it comes last, so that no json.py of its hides ours.
    """
    if environ.get(b"LC_CTYPE") in (b"C.UTF-8", b"C.utf8", b"UTF-8") and b"LC_ALL" not in environ:
        try:
            start = b"\0" + read_file("/proc/self/environ")
        except OSError:
            start = b"\0LC_CTYPE=" + environ[b"LC_CTYPE"]
        _, found, rest = start.partition(b"\0LC_CTYPE=")
        if not found:
            del environ[b"LC_CTYPE"]
            unsetenv(b"LC_CTYPE")
        elif (value := rest.partition(b"\0")[0]) != environ[b"LC_CTYPE"]:
            environ[b"LC_CTYPE"] = value
            putenv(b"LC_CTYPE", value)
    if b"PYTHONPATH" in environ:
        import os

        named = [os.path.abspath(name) for name in environ[b"PYTHONPATH"].decode(errors="surrogateescape").split(":")]
        sys.path.sort(key=named.__contains__)


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


def __getattr__(name: str) -> object:
    """The calls of ``kernel_rare``, loaded by whoever needs one."""  # noqa: D401
    if name.startswith("_"):
        raise AttributeError(name)
    from pysupervise.core import kernel_rare

    return getattr(kernel_rare, name)
