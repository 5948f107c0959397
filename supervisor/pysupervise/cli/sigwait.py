"""Which signals a process takes without a handler: in sigwait(3), or from a signalfd(2).

proc_pid_status(5) hides the first: while sigtimedwait sleeps, the kernel takes the awaited signals out of SigBlk (do_sigtimedwait in
kernel/signal.c keeps the real mask in real_blocked, which no file shows). So a process that waits for TERM, as pysupervise and tini do,
shows TERM neither in SigBlk nor in SigCgt, just as one with the default action. /proc/PID/wchan tells them apart; the awaited set
itself lies in the process's memory, where the system call's first argument points.
"""

import os
import struct
from dataclasses import dataclass

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
SIGNALFD = "anon_inode:[signalfd]"


@dataclass(frozen=True, slots=True)
class Taken:
    """Signals that a process takes by itself, and where that was read."""

    mask: int | None  # bit N-1 is signal N; None: it waits for some, and which may not be read
    evidence: str

    def has(self, signum: int) -> bool:
        """Whether the signal is taken, as far as could be read."""
        return self.mask is None or bool(self.mask >> (signum - 1) & 1)


def awaited(pid: int, thread: int | None = None) -> Taken | None:
    """Return what a thread (the main one) waits for in sigwait; None where it does not, or where nothing may be read of that."""
    place = f"/proc/{pid}/task/{thread}" if thread else f"/proc/{pid}"
    channel = _text(f"{place}/wchan")
    call = _text(f"{place}/syscall").split()
    in_call = bool(call) and call[0].isdigit() and int(call[0]) in CALLS.get(os.uname().machine, ())
    if not channel.startswith(WAITING) and not in_call:
        return None
    evidence = f"{place}/wchan: {channel}" if channel not in ("", "0") else f"{place}/syscall: {' '.join(call)}"
    if in_call:
        try:
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                (mask,) = struct.unpack("=Q", os.pread(memory.fileno(), 8, int(call[1], 16)))
        except (OSError, ValueError, struct.error, OverflowError):
            return Taken(None, evidence)
        return Taken(mask, f"{evidence}, set {mask:016x}")
    return Taken(None, evidence)


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
