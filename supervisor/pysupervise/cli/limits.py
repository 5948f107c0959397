"""How many processes there may be, and how many there are: the kernel's limits and those of the cgroups above a process."""

import contextlib
import os
from dataclasses import dataclass

from pysupervise.cli import procfs
from pysupervise.cli.containers import cgroups_above

PID_MAX_OF_NAMESPACE = (6, 14)  # since this Linux each PID namespace has a pid_max of its own
ROOTS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids")


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit on processes and threads, and how much of it is in use."""

    what: str  # "pid_max", "threads-max", "pids.max of /the/cgroup"
    file: str
    limit: int
    used: int

    @property
    def left(self) -> int:
        """How many more there may be."""
        return max(0, self.limit - self.used)

    @property
    def share(self) -> float:
        """How much is in use, 0.0 to 1.0 and above."""
        return self.used / self.limit if self.limit else 1.0


def limits_of(*pids: int) -> list[Limit]:
    """Return the limits that hold for any of the processes, the nearest to exhaustion first; those that cannot be read are left out."""
    found = []
    tasks = _tasks()
    for name, used in (("pid_max", _tasks_of_namespace() if own_pid_max() else tasks), ("threads-max", tasks)):
        file = f"/proc/sys/kernel/{name}"
        limit = _number(file)
        if limit is not None and used is not None:
            found.append(Limit(name, file, limit, used))
    seen = set()
    for path in (path for pid in pids for path in cgroups_above(pid)):
        for root in ROOTS:
            file = f"{root}{path}/pids.max"
            limit, used = _number(file), _number(f"{root}{path}/pids.current")
            if file not in seen and limit is not None and used is not None:
                seen.add(file)
                found.append(Limit(f"pids.max of {path or '/'}", file, limit, used))
    return sorted(found, key=lambda limit: -limit.share)


def _number(file: str) -> int | None:
    try:
        with open(file, encoding="ascii") as opened:
            return int(opened.read())
    except (OSError, ValueError):
        return None  # no such file, or "max"


def own_pid_max() -> bool:
    """Whether the pid_max that is read is that of a namespace inside of the machine's."""
    release = os.uname().release.split(".")
    try:
        return not procfs.initial_namespace("self") and (int(release[0]), int(release[1])) >= PID_MAX_OF_NAMESPACE
    except (ValueError, IndexError):
        return False


def _tasks_of_namespace() -> int | None:
    """All threads of our PID namespace, None where /proc hides some or shows another one. A task directory has a link for each."""
    if procfs.own_pid() != os.getpid() or procfs.hidden():
        return None
    found = 0
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                found += os.stat(f"/proc/{name}/task").st_nlink - 2
    return found


def _tasks() -> int | None:
    """All threads of the machine, the second number of the fourth field of /proc/loadavg (proc_loadavg(5))."""
    try:
        with open("/proc/loadavg", encoding="ascii") as file:
            return int(file.read().split()[3].split("/")[1])
    except (OSError, ValueError, IndexError):
        return None
