"""How often PID 1 runs while nothing happens: its context switches.

All the inits idle at the same time, each in its namespace with a command that sleeps
without a timer. Both kinds of switches count: a voluntary one is a sleep that ended.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from .figures import Check, Figure
from .namespace import MeasureError
from .setting import PLAIN, WITH_OPTIONS, Setting

SETTLE_S = 2.0


def switches(pid: int) -> int:
    """Return the context switches of all threads of a process."""
    total = 0
    for status in Path(f"/proc/{pid}/task").glob("*/status"):
        for line in status.read_text().splitlines():
            if "voluntary_ctxt_switches" in line:
                total += int(line.split()[1])
    return total


def measure(setting: Setting) -> list[Figure]:
    """Let everybody idle for ten seconds (five when quick)."""
    seconds = setting.count(10, 5)
    figure = Figure(
        "idle",
        f"wake-ups while idle, in {seconds} s",
        "switches",
        f"voluntary and other context switches of PID 1 in {seconds} s",
    )
    subjects = [setting.ours(), setting.with_options(), *setting.peers()]
    running = {}
    with ExitStack() as stack:
        for init in [*subjects, *setting.managers]:
            channel = setting.channel("idle")
            try:
                one = stack.enter_context(setting.start(init, setting.tools.stamp, channel.path, "stay"))
                channel.line(one)
                running[init.name] = one.pid
            except MeasureError as error:
                figure.notes.append(f"{init.name} left out: {error}")
            finally:
                channel.close()
        time.sleep(SETTLE_S)
        before = {name: switches(pid) for name, pid in running.items()}
        time.sleep(seconds)
        counted = {name: switches(pid) - before[name] for name, pid in running.items()}
    figure.add({name: [float(n)] for name, n in counted.items()}, setting.scale())
    for name in (PLAIN, WITH_OPTIONS):
        figure.checks.append(
            Check(
                what=f"wake-ups while idle, {name}",
                subject=name,
                unit=figure.unit,
                measured=counted.get(name),
                reference_name="none",
                reference=0.0,
                bound="0",
                limit=0.0,
            )
        )
    return [figure]
