"""--status-file: how a run ended, for machines. Written beside its place and renamed into it, so that no reader sees half of it."""

import errno
import json
import os
import resource
import time

from pysupervise.core import explain, signals, status
from pysupervise.core.journal import Writer
from pysupervise.core.loop import Supervisor
from pysupervise.core.reap_told import watch
from pysupervise.core.settings import WARNING

MOST_LINKS = 40  # as path_resolution(7)


class StatusFile:
    """Watches a run for its file."""

    def __init__(self, path: str, supervisor: Supervisor) -> None:
        try:
            self.path = os.path.abspath(path)  # the working directory is still ours
        except OSError:
            self.path = path  # it was deleted: writing will say so, and the run goes on
        self.supervisor = supervisor
        self.command_usage: dict[str, float] | None = None
        self._story = supervisor.reaper.on_reaped
        watch(supervisor.reaper, self._reaped)

    def _reaped(self, pid: int, wait_status: int, name: str, usage: object) -> None:
        if self._story is not None:
            self._story(pid, wait_status, name, usage)
        if self.command_usage is None and pid == self.supervisor.command_pid and isinstance(usage, resource.struct_rusage):
            self.command_usage = _usage(usage)

    def write(self, exit_status: int) -> None:
        """Write the file; a failure is a warning, since the status counts more."""
        record = self.record(exit_status)
        text = json.dumps(record, indent=2) + "\n"
        try:
            descriptor = _own_descriptor(self.path)
            if descriptor is not None:
                self._say(descriptor, text)
            elif os.path.exists(self.path) and not os.path.isfile(self.path):
                # A device or a pipe: renamed over, the device itself would be gone.
                _write(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY, text)
            else:
                _replace(os.path.realpath(self.path), text)  # a link stays a link
        except OSError as error:
            self.supervisor.narrator.tell(WARNING, "cannot_write_status", path=self.path, reason=error.strerror)

    def _say(self, descriptor: int, text: str) -> None:
        writer = Writer(self.supervisor.kernel, descriptor)  # which a pipe that nobody reads does not block
        writer.write(text.encode("ascii"))
        if writer.lost:
            raise OSError(errno.EAGAIN, "nobody reads it")

    def record(self, exit_status: int) -> dict[str, object]:
        """Return the content."""
        run = self.supervisor
        wait_status = run.state.main_status
        signum = (wait_status or 0) & 0x7F
        now = run.kernel.monotonic()
        ends = [at for _, at in run.phases[1:]] + [now]
        stop = None
        if run.stop_asked is not None:
            asked, pid, uid, code = run.stop_asked
            stop = {
                "signal": signals.name(asked),
                "sender": explain.teller(run, asked, pid, uid, code),
                "sender_pid": pid if pid != explain.PARENT_WAS_DEAD else None,
                "sender_uid": uid,
            }
        return {
            "command": [word.encode(errors="surrogateescape").decode(errors="backslashreplace") for word in run.settings.command],
            "command_pid": run.command_pid or None,
            "exit_status": exit_status,
            "failed_to_start": run.failure or None,
            "command_end": None if wait_status is None or run.failure else status.words(wait_status),
            "command_status": None if wait_status is None or signum or run.failure else wait_status >> 8 & 0xFF,
            "command_signal": signals.name(signum) if signum else None,
            "stop": stop,
            "killed_by_us": run.killed,
            "phases": [
                {"phase": phase, "seconds": round(end - at, 6)}
                for (phase, at), end in zip(run.phases, ends, strict=True)
                if phase != "exited"
            ],
            "total_seconds": round(now - run.phases[0][1], 6),
            "reaped": run.reaper.reaped,
            "usage": {"command": self.command_usage, "all_reaped": _usage(resource.getrusage(resource.RUSAGE_CHILDREN))},
        }


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


def _replace(path: str, text: str) -> None:
    """Write beside the place and rename into it; in place where that is refused, as for a file that is mounted by itself."""
    temporary = os.path.join(os.path.dirname(path), f".pysupervise-{os.getpid()}-{time.monotonic_ns()}.tmp")
    try:
        _write(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, text)
        os.replace(temporary, path)
    except OSError as error:
        try:
            os.unlink(temporary)
        except OSError:
            pass  # it was never made
        if error.errno in FULL or not os.path.isfile(path):  # better the old content than half of the new one
            raise
        _write(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW, text)


def _own_descriptor(path: str) -> int | None:
    """Return N where the path leads to /proc/self/fd/N, as /dev/stdout and /dev/stderr do: what is open there is meant, not the link."""
    own = f"/proc/{os.getpid()}/fd"
    for _ in range(MOST_LINKS):
        directory, name = os.path.split(path)
        if os.path.realpath(directory) == own and name.isdigit():
            return int(name)
        if not os.path.islink(path):
            return None
        path = os.path.join(directory, os.readlink(path))
    return None


def _write(path: str, flags: int, text: str) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        _write_all(descriptor, text)
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, text: str) -> None:
    data = text.encode("ascii")
    while data:
        data = data[os.write(descriptor, data) :]


def _usage(usage: resource.struct_rusage) -> dict[str, float]:
    return {
        "user_seconds": usage.ru_utime,
        "system_seconds": usage.ru_stime,
        "max_rss_kib": usage.ru_maxrss,
        "minor_faults": usage.ru_minflt,
        "major_faults": usage.ru_majflt,
        "voluntary_switches": usage.ru_nvcsw,
        "involuntary_switches": usage.ru_nivcsw,
    }
