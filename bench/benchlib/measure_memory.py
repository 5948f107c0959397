"""How much memory PID 1 holds while its command sleeps.

From smaps_rollup of PID 1. RSS counts shared pages in full; private dirty is what each
further copy costs; PSS (shared pages divided by their users) is for scale, and depends
on who else runs the same files, this benchmark included. The baseline is the same
interpreter that sleeps in sigwait, once by way of `_signal` alone and once by way of
`signal`, which pulls in enum and friends.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from .figures import Figure
from .inits import Init, before
from .setting import PLAIN, Setting, take_turns

if TYPE_CHECKING:
    from .namespace import Channel

BARE = "python3 in sigwait"
BARE_SIGNAL = "python3 in sigwait (signal)"
SLEEP = "import {0}; {0}.pthread_sigmask(0, [10]); {0}.sigwait([10])"
SETTLE_S = 0.25
TITLES = {
    "Rss": "resident memory while idle",
    "Private_Dirty": "private dirty memory while idle",
    "Pss": "proportional memory while idle",
}


def read(pid: int) -> dict[str, float]:
    """Return the kB of each title for a process."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    fields = (line.split() for line in text.splitlines()[1:])
    kilobytes = {words[0].rstrip(":"): float(words[1]) for words in fields}
    return {title: kilobytes[title] for title in TITLES}


def measure(setting: Setting) -> list[Figure]:
    """Measure one at a time, so that nobody shares pages with another sample."""
    python = setting.interpreter.path
    bare = [
        before(BARE, python, "-I", "-c", SLEEP.format("_signal")),
        before(BARE_SIGNAL, python, "-I", "-c", SLEEP.format("signal")),
    ]
    subjects = [setting.ours(), setting.with_options(), *bare, *setting.peers()]
    channel = setting.channel("memory")

    def sample(init: Init) -> dict[str, float]:
        return _sample(setting, channel, init, answers=init not in bare)

    samples, notes = take_turns(subjects, setting.count(5, 2), sample)
    slow, slow_notes = take_turns(setting.managers, 1, sample)
    channel.close()
    figures = []
    for field, title in TITLES.items():
        how = f"{field} of PID 1, {SETTLE_S:g} s after its command runs"
        figure = Figure(f"memory-{field.lower()}", title, "kB", how)
        everyone = {**samples, **slow}
        figure.add(
            {name: [one[field] for one in many] for name, many in everyone.items()},
            setting.scale(),
        )
        if field != "Pss":
            figure.compare(PLAIN, BARE, factor=1.10)
        figures.append(figure)
    figures[0].notes += notes + slow_notes
    return figures


def _sample(setting: Setting, channel: Channel, init: Init, *, answers: bool) -> dict[str, float]:
    channel.drain()
    command = [setting.tools.stamp, channel.path, "stay"] if answers else []
    with setting.start(init, *command) as running:
        if answers:
            channel.line(running)
        time.sleep(SETTLE_S)
        return read(running.pid)
