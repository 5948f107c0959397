"""How long from the exec of the init to the first instruction of its command.

The launcher reads the clock right before it execs the init, the command (static C)
reads it first of all. The bare interpreter, `python3 -I -c pass`, is started by the
same launcher and timed from the same point to the return of wait. Plain fork, exec and
wait of the command without any init is not subtracted from anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .figures import Figure
from .inits import Init, before
from .setting import PLAIN, WITH_OPTIONS, Setting, take_turns

if TYPE_CHECKING:
    from .namespace import Channel

BARE = "python3 -I -c pass"


def measure(setting: Setting) -> list[Figure]:
    """Measure the plain form, the form with options, the peers and the interpreter."""
    figure = Figure(
        "spawn",
        "spawn to the command's first instruction",
        "ms",
        "from the exec of the init; the interpreter: to its end",
    )
    bare = before(BARE, setting.interpreter.path, "-I", "-c", "pass")
    subjects = [setting.ours(), setting.with_options(), bare, *setting.peers()]
    channel = setting.channel("spawn")

    def sample(init: Init) -> float:
        return _bare(setting, init) if init is bare else _spawn(setting, channel, init)

    samples, notes = take_turns(subjects, setting.count(150, 30), sample, warm_up=2)
    slow, slow_notes = take_turns(setting.managers, setting.count(4, 1), sample)
    channel.close()
    figure.add({**samples, **slow}, setting.scale())
    figure.notes += notes + slow_notes
    figure.compare(PLAIN, BARE, factor=1.15, what="spawn, plain form")
    figure.compare(WITH_OPTIONS, BARE, factor=1.25, what="spawn, with run options")
    return [figure]


def _spawn(setting: Setting, channel: Channel, init: Init) -> float:
    channel.drain()
    with setting.start(init, setting.tools.stamp, channel.path) as running:
        first_ns = int(channel.line(running))
        ended = running.kill() if init.scale else running.finish()
    return (first_ns - ended.started_ns) / 1e6


def _bare(setting: Setting, init: Init) -> float:
    with setting.start(init) as running:
        ended = running.finish()
    return (ended.ended_ns - ended.started_ns) / 1e6
