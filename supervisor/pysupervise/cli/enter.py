"""The first process of a sandbox: enters new namespaces, then becomes the command. Run by sandbox.py in a process of its own.

A new PID namespace holds for children only (pid_namespaces(7)), hence the fork: the parent waits and passes the status on, the child is
PID 1, gets a /proc of its own, and dies with the parent.
"""

import ctypes
import os
import signal
import sys
from typing import NoReturn

from pysupervise.cli.sandbox import Place
from pysupervise.core import kernel_rare
from pysupervise.core.kernel import PR_SET_PDEATHSIG
from pysupervise.core.status import CANNOT_EXECUTE, NOT_FOUND, exit_code

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
REFUSED = 125  # no namespace: nothing was run


def main() -> NoReturn:
    """Read PLACE REPORT_FD COMMAND..., and run the command there. The report: the command's pid, seen from outside."""
    place, report_fd, command = Place(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    kernel_rare.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # whoever asked for the sandbox may be killed: nothing of it stays behind
    try:
        if place is not Place.HERE:
            _enter(place)
    except OSError as error:
        _leave(f"cannot make a PID namespace: {error.strerror}", REFUSED)
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        kernel_rare.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # From inside a new namespace the parent's number is 0 as long as it lives.
        if place is Place.HERE and os.getppid() != parent:
            os._exit(REFUSED)
        _become(place, command)
    os.write(report_fd, b"%d\n" % pid)
    os.close(report_fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the command's
    _, wait_status = os.waitpid(pid, 0)
    os._exit(exit_code(wait_status))


def _enter(place: Place) -> None:
    uid, gid = os.geteuid(), os.getegid()
    _call("unshare", CLONE_NEWPID | CLONE_NEWNS | (CLONE_NEWUSER if place is Place.USER_NAMESPACE else 0))
    if place is Place.USER_NAMESPACE:
        # user_namespaces(7): who may not set groups outside has to give the right up before mapping its group.
        for file, line in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
            with open(f"/proc/self/{file}", "w", encoding="ascii") as opened:
                opened.write(line)


def _become(place: Place, command: list[str]) -> NoReturn:
    try:
        if place is not Place.HERE:
            _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)  # nothing of this is seen outside
            _call("mount", b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
    except OSError as error:
        _leave(f"cannot mount /proc: {error.strerror}", REFUSED)
    # What Python changed is not the command's (see core/spawn.py).
    for signum in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(signum, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)  # noqa: S606 -- a shell is what this avoids
    except OSError as error:
        _leave(f"cannot execute {command[0]}: {error.strerror}", NOT_FOUND if isinstance(error, FileNotFoundError) else CANNOT_EXECUTE)


def _leave(words: str, status: int) -> NoReturn:
    os.write(2, f"pysupervise: {words}\n".encode(errors="surrogateescape"))
    os._exit(status)


def _call(function: str, *arguments: object) -> None:
    if getattr(ctypes.CDLL(None, use_errno=True), function)(*arguments) != 0:
        errno = ctypes.get_errno()
        raise OSError(errno, os.strerror(errno))
