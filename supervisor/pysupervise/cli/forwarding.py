"""Who would get a signal under each of pysupervise's --forward targets: the sets, beside each other."""

import os
from collections import deque
from dataclasses import dataclass
from typing import Any

from pysupervise.cli import inits, output, procfs, sigwait
from pysupervise.cli.diagnosis import launch
from pysupervise.cli.output import CannotError, Column, Screen
from pysupervise.cli.procfs import Stat, Status
from pysupervise.core import earlier, signals
from pysupervise.core.settings import Settings
from pysupervise.core.tree import Tree

TARGETS = ("child", "group", "tree", "handlers")
WITHOUT_END = frozenset(signals.NUMBERS[name] for name in ("CHLD", "CONT", "URG", "WINCH"))
STOPS = frozenset(signals.NUMBERS[name] for name in ("STOP", "TSTP", "TTIN", "TTOU"))
AT_ONCE = frozenset(signals.NUMBERS[name] for name in ("KILL", "CONT"))  # a stopped process gets them all the same
NEVER_HANDLED = frozenset(signals.NUMBERS[name] for name in ("KILL", "STOP"))


@dataclass(frozen=True, slots=True)
class Plan:
    """Who would get a signal."""

    signum: int
    command: int  # the supervised command
    supervisor: int  # a running pysupervise, 0: what would be if there were one
    was_init: bool  # whether the command is PID 1 today, and so would get other signals than it does now
    targets: dict[str, frozenset[int]]
    effects: dict[int, str]  # of everybody alive: what the signal would do to it
    statuses: dict[int, Status | None]  # that it rests on


class Snapshot(Tree):
    """core's own rules of who answers for whom, on what was read instead of on /proc as it is now."""

    def __init__(self, children: dict[int, list[int]], statuses: dict[int, Status | None]) -> None:  # no kernel: nothing is sent
        self.of = children
        self.statuses = statuses

    def children(self, pid: int) -> list[int]:
        """Return the children of a process."""
        return list(self.of.get(pid, ()))

    def catches(self, pid: int, signum: int) -> bool:
        """Whether a process handles a signal."""
        status = self.statuses.get(pid)
        return status is not None and (status.handles(signum) or sigwait.is_wait(procfs.wait_channel(pid)))


def plan(signum: int, pid: int | None, processes: dict[int, Stat]) -> Plan:
    """Return who would get a signal if the command of a process were supervised.

    The command: that of the nearest running pysupervise, from ``pid`` (1 without one) down; where there is none, the process itself.
    Raises CannotError where there is no such process.
    """
    children = procfs.children_of(processes)
    root = 1 if pid is None else pid
    if root not in processes:
        raise CannotError(
            f"cannot look at pid {root}: no such process", "pysupervise tree without a PID shows everybody that can be seen here"
        )
    supervisor = _nearest_pysupervise(root, processes, children)
    below = children.get(supervisor, []) if supervisor else []
    if supervisor and not below:
        raise CannotError(f"cannot tell who would get the signal: pysupervise, pid {supervisor}, has no command", "name another PID")
    command = inits.command_of([processes[number] for number in below]).pid if below else root
    supervising = supervisor or command
    is_init = inits.is_namespace_init(processes[supervising], procfs.read_status(supervising))
    spared = _spared(processes[supervisor], below, command, processes, is_init=is_init) if supervisor else set()
    if spared:
        children[supervisor] = below = [number for number in below if number not in spared]
    everybody = procfs.descendants(supervisor, children) if supervisor else [command, *procfs.descendants(command, children)]
    stop_signals = _stop_signals(supervisor)
    # One kill(-1), where nobody is spared: those too that were put into the namespace (docker exec, nsenter).
    if is_init and not spared and signum in stop_signals:
        known = {*everybody, supervising}
        added = [number for number in _namespace_of(supervising, processes) if number not in known]
        everybody += dict.fromkeys(below_too for number in added for below_too in (number, *procfs.descendants(number, children)))
    alive = [number for number in everybody if not processes[number].is_dead]
    statuses = {number: procfs.read_status(number) for number in alive}
    group = processes[command].group
    # The command leads a group of its own under pysupervise, whoever is in it; before that, it is those who are in one with it.
    grouped = processes.values() if supervisor and group == command else (processes[number] for number in alive)
    rules = Snapshot(children, statuses)
    answering = rules.answering(below or [command], signum)
    return Plan(
        signum=signum,
        command=command,
        supervisor=supervisor,
        was_init=not supervisor and inits.is_namespace_init(processes[command], statuses.get(command)),
        targets={
            "child": frozenset({command} & set(alive)),
            "group": frozenset(stat.pid for stat in grouped if stat.group == group and not stat.is_dead),
            "tree": frozenset(alive),
            "handlers": frozenset(answering) & frozenset(alive),
        },
        effects={
            number: effect(
                statuses[number],
                signum,
                procfs.wait_channel(number),
                sigwait.taken_where_blocked(processes[number], statuses[number], (signum,)),
            )
            # Who stops its command continues whoever is stopped, after the signal.
            + (", once it is continued" if processes[number].state == "T" and signum not in (*AT_ONCE, *stop_signals) else "")
            for number in alive
        },
        statuses=statuses,
    )


def effect(status: Status | None, signum: int, channel: str | None = None, taken: tuple[sigwait.Taken, ...] = ()) -> str:
    """Return what a signal does to a process that is not PID 1 of its namespace (signal(7))."""
    if signum not in NEVER_HANDLED:
        if status is None:
            return "not readable"
        if status.blocks(signum):
            return "is taken in sigwait or from a signalfd" if any(one.has(signum) for one in taken) else "is blocked"
        if status.has_handler(signum):
            return "is caught"
        if status.ignores(signum):
            return "is ignored"
        if sigwait.is_wait(channel):
            return "is not told by /proc: it is in sigwait"
    return "stops it" if signum in STOPS else "does nothing" if signum in WITHOUT_END else "ends it"


def _spared(supervisor: Stat, below: list[int], command: int, processes: dict[int, Stat], *, is_init: bool) -> set[int]:
    """Return who below a running pysupervise is not the command's: core's rule of earlier.py, as far as it can be seen from outside."""
    before = below[: below.index(command)]
    if is_init:
        return set(earlier.readers(os, before, str(supervisor.pid)))
    has_group = processes[command].group == command
    return {*before, *(number for number in below if has_group and processes[number].group == supervisor.group)}


def _stop_signals(supervisor: int) -> frozenset[int]:
    """Return the signals that start a stop of a running pysupervise, those of the default without one."""
    ours = launch.read(procfs.command_line(supervisor) or ()).ours if supervisor else None
    settings = ours.settings if ours is not None else None
    return (settings or Settings([], {})).stop_signals


def _namespace_of(init: int, processes: dict[int, Stat]) -> list[int]:
    """Return who is in the PID namespace of a PID 1, itself among them; without those of namespaces below it."""
    wanted = procfs.pid_namespace(init)
    return [pid for pid in processes if wanted is not None and procfs.pid_namespace(pid) == wanted]


def _nearest_pysupervise(root: int, processes: dict[int, Stat], children: dict[int, list[int]]) -> int:
    waiting = deque([root])
    while waiting:
        pid = waiting.popleft()
        stat = processes[pid]
        if stat.name.startswith(inits.NAMES_OF_PYSUPERVISE) and inits.is_pysupervise(stat, procfs.command_line(pid) or ()):
            return pid
        waiting.extend(children.get(pid, ()))
    return 0


def as_value(made: Plan) -> dict[str, Any]:
    """Return a plan as a value for JSON."""
    return {
        "signal": signals.name(made.signum),
        "command": made.command,
        "supervisor": made.supervisor or None,
        "targets": {name: sorted(members) for name, members in made.targets.items()},
        "effects": {str(pid): words for pid, words in made.effects.items()},
    }


def draw(shown: Screen, made: Plan, drawings: dict[int, str]) -> str:
    """Return a plan as text; ``drawings``: the lines of the tree by pid."""
    name = signals.name(made.signum)
    mark = "✓" if shown.unicode else "x"
    columns = [Column("PID", right=True), *(Column(target.upper()) for target in TARGETS), Column(name), Column("COMMAND")]
    outside = {pid: procfs_title(pid) for members in made.targets.values() for pid in members if pid not in drawings}
    rows = []
    for pid, drawing in {**drawings, **outside}.items():
        gets = [mark if pid in made.targets[target] else "-" for target in TARGETS]
        rows.append([str(pid), *gets, made.effects.get(pid, ""), drawing])
    table = output.table(shown, columns, rows, paint=lambda _, cell: shown.paint(cell, fg="green") if cell.strip() == mark else cell)
    who = f"under pysupervise, pid {made.supervisor}," if made.supervisor else "if it were run by pysupervise"
    counts = ", ".join(f"{target} {len(made.targets[target])}" for target in TARGETS)
    notes = [f"who gets {name} of the command, pid {made.command}, {who} by --forward: {counts}; column {name}: what the signal does"]
    if made.was_init and made.signum in NEVER_HANDLED:
        notes.append(
            f"pid {made.command} is PID 1 of its namespace today: {name} reaches it only from outside, and then always; "
            "under pysupervise it is an ordinary process"
        )
    elif made.was_init:
        notes.append(
            f"pid {made.command} is PID 1 of its namespace today, and gets {name} only if it handles it; "
            "under pysupervise it is an ordinary process"
        )
    return table + "\n\n" + "\n".join(output.fold(shown, note, "  ") for note in notes)


def procfs_title(pid: int) -> str:
    """Return the command line of a process outside of the drawing: in the command's group or namespace, but not below."""
    return " ".join(procfs.command_line(pid) or ()) or f"pid {pid}"
