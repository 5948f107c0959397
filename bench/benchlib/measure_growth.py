"""Whether anything grows: a million orphans through one PID 1.

In ten parts; after each, all the orphans so far have been reaped, and the memory of PID
1 is read. At most 1,024 orphans are in flight, so that each part does the same work.
They are made the fast way (see orphans.c), so that PID 1 is the busier side. Time: the
median of the last five parts against that of the first five. Memory: after the last
part against after the first, which warms up.
"""

from __future__ import annotations

from .figures import Figure
from .measure_memory import read
from .namespace import MeasureError
from .setting import PLAIN, Setting

PARTS = 10
IN_FLIGHT = 1024
TIME_FACTOR = 1.10
MEMORY_FACTOR = 1.01
PART_S = 120.0
BEFORE, FIRST, LAST = "before", "after a tenth", "at the end"
EARLY, LATE = "first half", "second half"


def measure(setting: Setting) -> list[Figure]:
    """Measure pysupervise alone: it is compared with itself."""
    count = setting.count(1_000_000, 100_000)
    pace = Figure("growth-time", "time for an orphan", "us", f"{count:,} orphans")
    memory = Figure("growth-memory", "resident memory", "kB", f"{count:,} orphans")
    times_us: list[float] = []
    rss_kb: list[float] = []
    try:
        _run(setting, count, times_us, rss_kb, memory.notes)
    except MeasureError as error:
        memory.notes.append(f"{PLAIN} left out: {error}")
    if rss_kb:
        memory.add({BEFORE: rss_kb[:1]})
    if len(times_us) > 1:
        middle = len(times_us) // 2
        pace.add({EARLY: times_us[:middle], LATE: times_us[middle:]})
        memory.add({FIRST: rss_kb[1:2], LAST: rss_kb[-1:]})
    reaped = f"{count // PARTS * len(times_us):,} orphans"
    pace.compare(LATE, EARLY, factor=TIME_FACTOR, what=f"time each over {reaped}")
    memory.compare(LAST, FIRST, factor=MEMORY_FACTOR, what=f"RSS over {reaped}")
    return [pace, memory]


def _run(
    setting: Setting,
    count: int,
    times_us: list[float],
    rss_kb: list[float],
    notes: list[str],
) -> None:
    """Fill in the time for an orphan of each part, and the RSS at each border."""
    part = count // PARTS
    channel = setting.channel("growth")
    arguments = map(str, (count, IN_FLIGHT, "vfork", PARTS, channel.path))
    with setting.start(setting.ours(), setting.tools.orphans, *arguments) as running:
        last_ns = int(channel.line(running).split()[1])
        rss_kb.append(read(running.pid)["Rss"])
        for number in range(PARTS):
            if setting.late():
                notes.append(f"stopped after {number} of {PARTS} parts: time is up")
                break
            now_ns = int(channel.line(running, PART_S).split()[1])
            times_us.append((now_ns - last_ns) / 1e3 / part)
            last_ns = now_ns
            rss_kb.append(read(running.pid)["Rss"])
    channel.close()
