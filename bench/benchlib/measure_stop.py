"""How long TERM takes to end a tree of 1,000 processes in 1,000 sessions.

TERM goes to PID 1 from outside; the end is the return of wait for PID 1, when the
kernel has taken the whole namespace down. Each member has called setsid and has the
default action for TERM. An init that signals its child alone leaves the rest to the
kernel, which kills it with PID 1: catatonit's time is what that costs. pysupervise
gives each member its TERM and collects it. The process managers take part in the full
run only: who has not ended after five seconds is left out with a note.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from .figures import Figure
from .setting import PLAIN, Setting, take_turns

if TYPE_CHECKING:
    from .inits import Init
    from .namespace import Channel

MEMBERS = 1000
SETTLE_S = 0.05
END_S = 5.0


def measure(setting: Setting) -> list[Figure]:
    """Measure pysupervise, the peers, and the process managers for scale."""
    rounds = setting.count(20, 5)
    figure = Figure(
        "stop",
        "TERM to the end of 1,000 sessions",
        "ms",
        f"kill(TERM) on PID 1 from outside to its end; {rounds} rounds",
    )
    channel = setting.channel("stop")

    def sample(init: Init) -> float:
        return _sample(setting, channel, init)

    subjects = [setting.ours(), *setting.peers()]
    samples, notes = take_turns(subjects, rounds, sample)
    slow, slow_notes = take_turns(setting.managers, setting.count(2, 0), sample)
    channel.close()
    figure.add({**samples, **slow}, setting.scale())
    figure.notes += notes + slow_notes
    figure.compare(PLAIN, "catatonit", factor=1.2)
    return [figure]


def _sample(setting: Setting, channel: Channel, init: Init) -> float:
    channel.drain()
    with setting.start(init, setting.tools.sessions, str(MEMBERS), channel.path) as running:
        channel.line(running)
        time.sleep(SETTLE_S)
        sent_ns = time.monotonic_ns()
        os.kill(running.pid, signal.SIGTERM)
        ended = running.finish(END_S)
    return (ended.ended_ns - sent_ns) / 1e6
