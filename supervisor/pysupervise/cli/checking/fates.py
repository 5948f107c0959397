"""How processes ended that are nobody's children of ours: with --bare, who was killed when PID 1 ended.

When the PID 1 of a namespace exits, the kernel sends KILL to everybody else in it (pid_namespaces(7), zap_pid_ns_processes). From outside,
that looks like an end of one's own: between two looks everybody is gone. Rejected: to judge by the time between the last look and the end,
since an init ends within 0.1 ms of the child that it waited for. What tells them apart is the exit status, which belongs to the parent.
But a pidfd of any process gives it, also after it has been waited for: PIDFD_GET_INFO (ioctl_pidfd(2)), with PIDFD_INFO_EXIT since Linux
6.15. An older kernel does not tell, and then nobody is accused.
"""

import contextlib
import fcntl
import os
import select
import signal
import struct

from pysupervise.cli import procfs
from pysupervise.cli.checking.watch import Key, Look, Member

# struct pidfd_info of 64 bytes: mask and cgroup id, 64 bits each, then twelve words of 32 bits, the last one the exit status.
INFO = struct.Struct("=QQ12I")
INFO_EXIT = 1 << 3
GET_INFO = (3 << 30) | (INFO.size << 16) | (0xFF << 8) | 11  # _IOWR(PIDFS_IOCTL_MAGIC, 11, struct pidfd_info)
MOST_PINS = 256  # a descriptor each; 1024 are permitted as a rule


class Fates:
    """Processes that are held on to by a pidfd, which costs them nothing, until it is asked how they ended."""

    def __init__(self) -> None:
        """Hold nobody yet."""
        self._pins: dict[Key, tuple[int, Member]] = {}
        self._before: dict[Key, int | None] = {}  # exit statuses of those who ended while the root went on

    def hold(self, members: Look, root: int) -> None:
        """Hold on to everybody of a look but the root, and let go of those who ended while the root went on (it is asked now)."""
        ended = [key for key, (descriptor, _) in self._pins.items() if _has_ended(descriptor)]
        # Asked after that: the root had not begun to leave, so their end had nothing to do with its own.
        if ended and not _is_leaving(root):
            for key in ended:
                descriptor = self._pins.pop(key)[0]
                self._before[key] = exit_status(descriptor)
                os.close(descriptor)
        for member in members.values():
            if member.stat.pid != root and not member.is_zombie and member.key not in self._pins and len(self._pins) < MOST_PINS:
                self._hold(member)

    def status(self, key: Key) -> int | None:
        """Return how somebody ended, as waitpid(2) has it; None where that is not known."""
        return exit_status(self._pins[key][0]) if key in self._pins else self._before.get(key)

    def killed(self) -> list[Member]:
        """Return those that KILL ended, and not before the root began to leave."""
        return [member for descriptor, member in self._pins.values() if exit_status(descriptor) == signal.SIGKILL]

    def untold(self) -> list[Member]:
        """Return those who did not end before the root began to leave, and whose end this kernel does not tell."""
        return [member for descriptor, member in self._pins.values() if exit_status(descriptor) is None]

    def close(self) -> None:
        """Let go of everybody."""
        while self._pins:
            os.close(self._pins.popitem()[1][0])

    def _hold(self, member: Member) -> None:
        with contextlib.suppress(OSError):  # it is gone, or there are no descriptors left
            descriptor = os.pidfd_open(member.stat.pid)
            now = procfs.read_stat(member.stat.pid)
            if now is not None and now.start_ticks == member.stat.start_ticks:
                self._pins[member.key] = descriptor, member
            else:
                os.close(descriptor)


def exit_status(descriptor: int) -> int | None:
    """Return how the process of a pidfd ended, as waitpid(2) has it without the bit for a core; None: it has not, or nobody tells."""
    data = bytearray(INFO.size)
    INFO.pack_into(data, 0, INFO_EXIT, *(0,) * 13)
    try:
        fcntl.ioctl(descriptor, GET_INFO, data)
    except OSError:
        return None  # Linux before 6.13 knows no such question
    mask, _, *words = INFO.unpack(data)
    return words[-1] & ~0x80 if mask & INFO_EXIT else None


def _has_ended(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def _is_leaving(pid: int) -> bool:
    """Whether a process is inside of its exit: PF_EXITING among the flags of proc_pid_stat(5), or a zombie, or gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
    except OSError:
        return True
    return fields[0] in "ZX" or bool(int(fields[6]) & 0x4)
