"""How long 20,000 orphans take: made by double fork, and reaped by PID 1.

The command makes them as fast as it can (20,000 zombies still fit under pid_max), on
its own core, and waits until kill(pid, 0) finds none of them: a zombie would still be
found. The time is the command's own, from the first fork to the last orphan gone, and
so does not contain the start of the init. A reaper that falls behind shows as a longer
end.

Most of the time is the forking. What PID 1 itself uses up for each orphan is listed as
a second figure, without a bound.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .figures import Figure
from .setting import PLAIN, Setting, take_turns

if TYPE_CHECKING:
    from .inits import Init
    from .namespace import Channel

COUNT = 20_000
FINISH_S = 60.0


def cpu_ns(pid: int) -> int:
    """Return the time that a process has spent on a core (CONFIG_SCHED_INFO)."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])


def measure(setting: Setting) -> list[Figure]:
    """Measure pysupervise and the peers; when quick, only who sets the bound."""
    rounds = setting.count(6, 2)
    wall = Figure(
        "orphans",
        "20,000 orphans made and reaped",
        "ms",
        f"double forks, until the kernel knows none; {rounds} rounds",
    )
    effort = Figure(
        "orphans-cpu",
        "PID 1's own time for an orphan",
        "us",
        "from schedstat; no bound",
    )
    channel = setting.channel("orphans")

    def sample(init: Init) -> tuple[float, float]:
        return _sample(setting, channel, init)

    peers = setting.peer("tini") if setting.quick else setting.peers()
    subjects = [setting.ours(), *peers]
    samples, wall.notes = take_turns(subjects, rounds, sample)
    channel.close()
    wall.add({name: [one[0] for one in many] for name, many in samples.items()})
    effort.add({name: [one[1] for one in many] for name, many in samples.items()})
    wall.compare(PLAIN, "tini", factor=1.05)
    return [wall, effort]


def _sample(setting: Setting, channel: Channel, init: Init) -> tuple[float, float]:
    channel.drain()
    count = str(COUNT)
    with setting.start(init, setting.tools.orphans, count, count, "fork", "1", channel.path) as running:
        begun_ns = int(channel.line(running).split()[1])
        used_ns = cpu_ns(running.pid)
        ended_ns = int(channel.line(running, FINISH_S).split()[1])
        used_ns = cpu_ns(running.pid) - used_ns
    return (ended_ns - begun_ns) / 1e6, used_ns / 1e3 / COUNT
