"""--status-file: how a run ended, for machines. Written beside its place and renamed into it, so that no reader sees half of it."""

import json
import os
import resource

from pysupervise.core import explain, signals, status
from pysupervise.core.loop import Supervisor
from pysupervise.core.settings import WARNING


class StatusFile:
    """Watches a run for its file."""

    def __init__(self, path: str, supervisor: Supervisor) -> None:
        self.path = os.path.abspath(path)
        self.supervisor = supervisor
        self.command_usage: dict[str, float] | None = None
        self._story = supervisor.reaper.on_reaped
        supervisor.reaper.on_reaped = self._reaped

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
            if os.path.exists(self.path) and not os.path.isfile(self.path):
                # /dev/stderr, /dev/null, a pipe: renamed over, the device itself would be gone.
                _write(self.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY, text)
                return
            temporary = f"{self.path}.{os.getpid()}.tmp"
            _write(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, text)
            os.replace(temporary, self.path)
        except OSError as error:
            self.supervisor.narrator.tell(WARNING, "cannot_write_status", path=self.path, reason=error.strerror)

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
                "sender": explain.sender(run.kernel, pid, uid, code),
                "sender_pid": pid,
                "sender_uid": uid,
            }
        return {
            "command": run.settings.command,
            "command_pid": run.command_pid,
            "exit_status": exit_status,
            "command_end": None if wait_status is None else status.words(wait_status),
            "command_status": None if wait_status is None or signum else wait_status >> 8 & 0xFF,
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


def _write(path: str, flags: int, text: str) -> None:
    with os.fdopen(os.open(path, flags | os.O_CLOEXEC, 0o644), "w", encoding="ascii") as file:
        file.write(text)


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
