"""Which signals a process takes without a handler: in sigwait(3), or from a signalfd(2).

proc_pid_status(5) hides the first: while sigtimedwait sleeps, the kernel takes the awaited signals out of SigBlk (do_sigtimedwait in
kernel/signal.c keeps the real mask in real_blocked, which no file shows). So a process that waits for TERM, as pysupervise and tini do,
shows TERM neither in SigBlk nor in SigCgt, just as one with the default action. /proc/PID/wchan tells them apart; the awaited set
itself lies in the process's memory, where the system call's first argument points.
"""

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from pysupervise.cli import procfs

WAITING = "do_sigtimedwait"
# rt_sigtimedwait (and its variant for 64-bit time), by machine.
CALLS = {
    "x86_64": (128,),
    "aarch64": (137,),
    "riscv64": (137,),
    "loongarch64": (137,),
    "ppc64le": (176,),
    "s390x": (177,),
    "i686": (177, 421),
}
TIMEOUT = 3  # place of the third argument in /proc/PID/syscall
SIGNALFD = "anon_inode:[signalfd]"


@dataclass(frozen=True, slots=True)
class Taken:
    """Signals that a process takes by itself, and where that was read."""

    mask: int | None  # bit N-1 is signal N; None: it waits for some, and which may not be read
    evidence: str

    def has(self, signum: int) -> bool:
        """Whether the signal is taken, as far as could be read."""
        return self.mask is None or bool(self.mask >> (signum - 1) & 1)


@dataclass(frozen=True, slots=True)
class Deadline:
    """Until when a process waits for signals."""

    timeout_s: float  # from when its wait began
    left_s: float | None  # from now; None: the kernel does not tell when the wait began
    evidence: tuple[str, ...]


def is_wait(channel: str | None) -> bool:
    """Whether a wait channel (proc_pid_wchan(5), None where it is not known) is that of sigtimedwait(2); compilers add .isra.0 to it."""
    return channel is not None and channel.startswith(WAITING)


def any_thread_waits(pid: int) -> bool:
    """Whether a thread of a process is in sigwait; False too where it is gone or may not be read."""
    try:
        return any(is_wait(_text(f"/proc/{pid}/task/{thread}/wchan")) for thread in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return False


def awaited(pid: int, thread: int | None = None) -> Taken | None:
    """Return what a thread (the main one) waits for in sigwait; None where it does not, or where nothing may be read of that."""
    place = f"/proc/{pid}/task/{thread}" if thread else f"/proc/{pid}"
    channel = _text(f"{place}/wchan")
    call = _call(place)
    if not is_wait(channel) and not call:
        return None
    evidence = f"{place}/wchan: {channel}" if channel not in ("", "0") else f"{place}/syscall: {' '.join(call)}"
    if call:
        try:
            (mask,) = _memory(pid, int(call[1], 16), "=Q")
        except (OSError, ValueError, struct.error, OverflowError):
            return Taken(None, evidence)
        return Taken(mask, f"{evidence}, set {mask:016x}")
    return Taken(None, evidence)


def taken(pid: int, threads: Iterable[int], living: int) -> tuple[Taken, ...]:
    """Return what threads of a process wait for in sigwait, and what it can read from signalfds. ``living``: a thread that lives."""
    found = [waiting for thread in threads if (waiting := awaited(pid, thread))]
    descriptor = from_descriptors(living)
    return (*found, descriptor) if descriptor else tuple(found)


def taken_where_blocked(stat: procfs.Stat, status: procfs.Status | None, signums: Iterable[int]) -> tuple[Taken, ...]:
    """Return the same of a process that blocks one of these signals in its main thread, () of any other, which need not be read."""
    if status is None or stat.is_dead or not any(status.blocks(signum) and not status.has_handler(signum) for signum in signums):
        return ()
    return taken(stat.pid, procfs.threads(stat.pid), procfs.living_thread(stat))


def deadline(pid: int) -> Deadline | None:
    """Return until when a process waits in sigwait; None where it does not, waits for ever, or what it waits for may not be read.

    The third argument of the system call points to its timeout, a struct timespec, or is NULL. When the wait began is when the process
    last ran: se.exec_start of /proc/PID/sched (a kernel with CONFIG_SCHED_DEBUG), against the same line of ours, who run now.
    """
    call = _call(f"/proc/{pid}")
    if not call or int(call[TIMEOUT], 16) == 0:
        return None
    try:
        seconds, nanoseconds = _memory(pid, int(call[TIMEOUT], 16), "=qq")
    except (OSError, ValueError, struct.error, OverflowError):
        return None
    timeout_s = seconds + nanoseconds / 1e9
    evidence = [f"/proc/{pid}/syscall: {' '.join(call)}: rt_sigtimedwait with a timeout of {timeout_s:.3f} s"]
    began, now = _last_ran_s(str(pid)), _last_ran_s("self")
    if began is None or now is None:
        return Deadline(timeout_s, None, tuple(evidence))
    evidence.append(f"/proc/{pid}/sched: se.exec_start: {began * 1e3:.3f}; ours, now: {now * 1e3:.3f}")
    return Deadline(timeout_s, max(0.0, timeout_s - (now - began)), tuple(evidence))


def sleeps(pid: int) -> bool | None:
    """Return whether a process is in sigwait, None where its system call may not be read."""
    text = _text(f"/proc/{pid}/syscall")
    return bool(_call(f"/proc/{pid}")) if text else None


def _call(place: str) -> list[str]:
    """Return number and arguments of the system call that a thread is in, empty where it is not rt_sigtimedwait."""
    call = _text(f"{place}/syscall").split()
    known = call and call[0].isdigit() and int(call[0]) in CALLS.get(os.uname().machine, ())
    return call if known else []


def _memory(pid: int, address: int, layout: str) -> tuple[int, ...]:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        return struct.unpack(layout, os.pread(memory.fileno(), struct.calcsize(layout), address))


def _last_ran_s(process: str) -> float | None:
    for line in _text(f"/proc/{process}/sched").splitlines():
        if line.startswith("se.exec_start"):
            return float(line.rpartition(":")[2]) / 1e3
    return None


def readable(pid: int) -> bool:
    """Whether it may be read at all if a process is in sigwait: wchan is "0" for those who may not know, and for who does not sleep."""
    return _text(f"/proc/{pid}/wchan") not in ("", "0") or _text(f"/proc/{pid}/syscall") != ""


def from_descriptors(pid: int) -> Taken | None:
    """Return what a process can read from its signalfds, None where it has none or they may not be read (proc_pid_fdinfo(5))."""
    mask = 0
    evidence = []
    try:
        names = os.listdir(f"/proc/{pid}/fd")
    except OSError:
        return None
    for name in names:
        try:
            if os.readlink(f"/proc/{pid}/fd/{name}") != SIGNALFD:
                continue
        except OSError:
            continue
        for line in _text(f"/proc/{pid}/fdinfo/{name}").splitlines():
            if line.startswith("sigmask:"):
                mask |= int(line.split()[1], 16)
                evidence.append(f"/proc/{pid}/fdinfo/{name}: {' '.join(line.split())}")
    return Taken(mask, ", ".join(evidence)) if evidence else None


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
