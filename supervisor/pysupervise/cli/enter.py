"""The first process of a sandbox: enters new namespaces, then becomes the command. Run by sandbox.py in a process of its own.

A new PID namespace holds for children only (pid_namespaces(7)), hence the fork: the parent (the launcher) waits and passes the status on,
the child is PID 1, gets a /proc of its own, and dies with the parent. Without a namespace the launcher stands in for what the kernel does
in one: it is the subreaper that orphans come to, it reaps none of them, and when the command ends it kills them all.
"""

import ctypes
import os
import select
import signal
import sys
import time
from typing import NoReturn

from pysupervise.cli import procfs
from pysupervise.cli.sandbox import Place
from pysupervise.core import kernel_rare
from pysupervise.core.kernel import PR_SET_CHILD_SUBREAPER, PR_SET_PDEATHSIG
from pysupervise.core.status import CANNOT_EXECUTE, NOT_FOUND, exit_code

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 16384, 1 << 18
REFUSED = 125  # no namespace: nothing was run
CLEAN_UP_TIME_S = 5.0  # uninterruptible sleep outlives KILL
CLEAN_UP_STEP_S = 0.005


def main() -> NoReturn:
    """Read PLACE REPORT_FD COMMAND..., and run the command there. The report: the command's pid, seen from outside."""
    place, report_fd, command = Place(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    # Whoever started us may have ignored SIGCHLD, and then nobody could be waited for.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        if place is Place.HERE:
            kernel_rare.prctl(PR_SET_CHILD_SUBREAPER, 1)
        else:
            _enter(place)
    except OSError as error:
        _leave(f"cannot make a PID namespace: {error.strerror}", REFUSED)
    # After the change of user namespace, which might clear it. It also comes when only the thread ends that started us (prctl(2)).
    kernel_rare.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    parent_lives, held_by_parent = os.pipe()
    pid = os.fork()
    if pid == 0:
        kernel_rare.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # A parent that died before that call sends nothing, and its number tells nothing inside a new namespace, where it is always 0.
        os.close(held_by_parent)
        if _has_hung_up(parent_lives):
            os._exit(REFUSED)
        _become(place, command)
    try:
        os.write(report_fd, b"%d\n" % pid)
    except BrokenPipeError:
        os._exit(REFUSED)  # nobody is interested any more: the command dies with us
    os.close(report_fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is the command's
    try:
        signal.signal(signal.SIGTERM, _stop)
        _, wait_status = os.waitpid(pid, 0)
    except InterruptedError:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.kill(pid, signal.SIGKILL)  # our child, and not reaped: nobody else has its number
        _, wait_status = os.waitpid(pid, 0)
    if place is Place.HERE:
        _kill_orphans()
    os._exit(exit_code(wait_status))


def _has_hung_up(read_end: int) -> bool:
    poll = select.poll()
    poll.register(read_end, 0)  # POLLHUP comes unasked
    return bool(poll.poll(0))


def _stop(_signum: int, _frame: object) -> NoReturn:
    raise InterruptedError


def _kill_orphans() -> None:
    """Kill and reap everybody below us: as the kernel does when the PID 1 of a namespace ends."""
    give_up_at = time.monotonic() + CLEAN_UP_TIME_S
    while time.monotonic() < give_up_at:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        processes = procfs.snapshot()
        for pid in procfs.descendants(os.getpid(), procfs.children_of(processes)):
            _kill(processes[pid])
        time.sleep(CLEAN_UP_STEP_S)


def _kill(listed: procfs.Stat) -> None:
    try:
        descriptor = os.pidfd_open(listed.pid)
    except OSError:
        return  # it has ended since
    try:
        now = procfs.read_stat(listed.pid)
        if now is not None and now.start_ticks == listed.start_ticks:  # the one that was listed, which the descriptor pins
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except OSError:
        pass  # gone, or of another user (a set-user-ID program)
    finally:
        os.close(descriptor)


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
    # As an engine starts PID 1: nothing ignored and nothing blocked, whatever Python or whoever started us had changed.
    for signum in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(signum, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
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
