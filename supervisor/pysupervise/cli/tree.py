"""pysupervise tree: the process tree as signals see it."""

import re
from dataclasses import dataclass
from typing import Any

import click

from pysupervise.cli import forwarding, inits, output, procfs, sigwait
from pysupervise.cli.output import CannotError, Column, Screen
from pysupervise.cli.procfs import Stat, Status
from pysupervise.core import signals

SHOWN_SIGNALS = ("TERM", "INT", "HUP", "CHLD")
NUMBERS = tuple(signals.NUMBERS[name] for name in SHOWN_SIGNALS)
CHLD = signals.NUMBERS["CHLD"]
LEGEND = {
    "c": "caught",
    "i": "ignored",
    "b": "blocked",
    "B": "blocked, with a handler",
    "t": "taken in sigwait or from a signalfd",
    "-": "default action",
    "x": "default action, which PID 1 of a namespace never gets",
    "w": "default action, or taken by the sigwait that it is in: /proc does not tell",
    "?": "not readable",
}
DEEPEST_DRAWN = 40
FEWEST_FOR_COMMAND = 30
KTHREADD = 2
# The lines of the tree, then the marks and the first word of them.
MARKED = re.compile(r"((?:[│|]  |   )*(?:├─ |└─ |\|- |`- )?(?:\(level \d+\) )?)(\{(\w+)[\w ,]*\})")
COLOURS = {"zombie": "red", "stopped": "yellow", "traced": "yellow", "uninterruptible": "red"}


@dataclass(frozen=True, slots=True)
class Member:
    """A process and its place in the tree."""

    stat: Stat
    status: Status | None
    depth: int
    lines: str  # the drawing in front of it: one letter a level, "|" and " " for its ancestors, "+" or "`" for itself
    marks: tuple[str, ...]
    channel: str | None  # where it sleeps; None also where nothing hangs on it
    taken: tuple[sigwait.Taken, ...] = ()  # where it blocks a signal, whether it takes it

    @property
    def signals(self) -> str:
        """A letter of LEGEND for each of SHOWN_SIGNALS."""
        return "".join(disposition(self.stat, self.status, signum, self.channel, self.taken) for signum in NUMBERS)


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw, in the order of drawing."""

    members: list[Member]
    processes: dict[int, Stat]
    kernel_threads: int  # not among the members
    hidden: str | None


@click.command(
    help="Draw the process tree, of everybody or from PID down, as signals see it: groups, sessions, what is caught, ignored and blocked. "
    "With --signal: who would get it under each of pysupervise's --forward targets, of the first pysupervise from PID (without one: from "
    "PID 1) down, or of that process itself."
)
@click.argument("pid", type=output.pid, required=False)
@click.option("--signal", "signal_name", metavar="SIGNAL", help="Show who would get this signal, and what it would do to them.")
@output.watch_option
@output.json_option
def command(pid: int | None, signal_name: str | None, watch_s: float | None, *, as_json: bool) -> None:
    """Draw the tree."""
    signum = None
    if signal_name is not None:
        try:
            signum = signals.parse(signal_name)
        except ValueError as error:
            raise CannotError(f"cannot read the signal {signal_name!r}: {error}", "a name or a number, such as TERM, HUP or 15") from error

    def once() -> output.View:
        if signum is not None:
            processes = procfs.snapshot()
            plan = forwarding.plan(signum, pid, processes)
            below = look(plan.supervisor or plan.command, processes, plan.statuses)
            return output.View(lambda: forwarding.as_value(plan), lambda shown: forwarding.draw(shown, plan, _drawings(shown, below)), 0)
        seen = look(pid)
        return output.View(lambda: as_value(seen), lambda shown: draw(shown, seen), 0)

    raise SystemExit(output.show(once, as_json=as_json, watch_s=watch_s))


def look(pid: int | None = None, processes: dict[int, Stat] | None = None, statuses: dict[int, Status | None] | None = None) -> Look:
    """Read the tree from a process down, or all of it. Raises CannotError where there is no such process.

    ``processes`` and ``statuses``: what the caller has read already.
    """
    processes = procfs.snapshot() if processes is None else processes
    statuses = {} if statuses is None else dict(statuses)
    if pid is not None and pid not in processes:
        option = procfs.hidden()
        hint = f"{option} of /proc hides other users' processes" if option else "pysupervise tree without a PID shows everybody"
        raise CannotError(f"cannot look at pid {pid}: no such process", hint)
    shown = {number: stat for number, stat in processes.items() if not stat.kernel_thread} if pid is None else processes
    children = procfs.children_of(shown)
    roots = [pid] if pid is not None else [stat.pid for stat in _by_start(shown) if stat.parent not in shown]
    placed: list[tuple[int, int, str]] = []
    waiting = [(root, 0, "") for root in reversed(roots)]
    while waiting:  # no recursion: a chain of processes can be longer than Python's stack
        number, depth, lines = waiting.pop()
        placed.append((number, depth, lines))
        if number not in statuses:
            statuses[number] = procfs.read_status(number)
        below = children.get(number, ())
        inner = lines[:-1] + (" " if lines[-1:] == "`" else "|" if lines else "")
        for index, child in enumerate(reversed(below)):
            waiting.append((child, depth + 1, (inner if depth < DEEPEST_DRAWN else lines[:-1]) + ("+" if index else "`")))
    members = []
    for number, depth, lines in placed:
        stat, status = processes[number], statuses[number]
        marks = _marks(stat, statuses, processes, children)
        channel = procfs.wait_channel(number) if _may_be_in_sigwait(stat, status) else None
        taken = sigwait.taken_where_blocked(stat, status, NUMBERS)
        members.append(Member(stat, status, depth, lines, marks, channel, taken))
    return Look(members, processes, len(processes) - len(shown), procfs.hidden())


def _may_be_in_sigwait(stat: Stat, status: Status | None) -> bool:
    """Whether a process sleeps, and has a signal at its default action as far as the masks tell."""
    return stat.state == "S" and status is not None and any(disposition(stat, status, signum) in "-x" for signum in NUMBERS)


def _by_start(processes: dict[int, Stat]) -> list[Stat]:
    return sorted(processes.values(), key=lambda stat: (stat.start_ticks, stat.pid))


def disposition(stat: Stat, status: Status | None, signum: int, channel: str | None = None, taken: tuple[sigwait.Taken, ...] = ()) -> str:
    """Return what a process does with a signal, as a letter of LEGEND."""
    if status is None:
        return "?"
    if status.blocks(signum):
        return "B" if status.has_handler(signum) else "t" if any(one.has(signum) for one in taken) else "b"
    if status.ignores(signum):
        return "i"
    if status.has_handler(signum):
        return "c"
    if sigwait.is_wait(channel):
        return "w"
    return "x" if signum != CHLD and inits.is_namespace_init(stat, status) else "-"


def _marks(stat: Stat, statuses: dict[int, Status | None], processes: dict[int, Stat], children: dict[int, list[int]]) -> tuple[str, ...]:
    marks = []
    if stat.state == "Z":
        marks.append("zombie" if stat.is_dead else "zombie with live threads")
    elif stat.state in "TtD":
        marks.append(procfs.STATES[stat.state])
    status = statuses[stat.pid]
    if is_injected(stat, status, statuses.get(stat.parent)):
        marks.append("injected")
    if inits.is_namespace_init(stat, status):
        marks += ["PID 1"] * (stat.pid != 1)
        return tuple(marks)
    if stat.leads_session_without_terminal and stat.state != "Z":
        marks.append("daemon")
    if any(is_adopted(processes[child], stat, processes) for child in children.get(stat.pid, ())):
        marks.append("subreaper")
    return tuple(marks)


def is_injected(stat: Stat, status: Status | None, parent_status: Status | None) -> bool:
    """Whether a process was put into its PID namespace from outside (setns(2): docker exec, nsenter).

    Seen from inside: its parent is 0, though it is not PID 1. Seen from outside: it is in a deeper namespace than its parent, though it is
    not PID 1 there.
    """
    if stat.parent == 0:
        return stat.pid != 1 and not stat.kernel_thread
    if status is None or parent_status is None:
        return False
    return len(status.namespace_pids) > len(parent_status.namespace_pids) and status.namespace_pids[-1] != 1


def is_adopted(child: Stat, parent: Stat, processes: dict[int, Stat]) -> bool:
    """Whether a process came to its parent as an orphan, as far as that can be proved: PR_SET_CHILD_SUBREAPER is not in /proc.

    A session passes on by fork, and a process leaves it only to begin its own. So a child in a session that neither it nor its parent has
    or began was not forked by this parent, unless the parent was in that session before it began its own, which is out of the
    question where the session is younger than the parent. (Whoever uses CLONE_PARENT of clone(2) within a session is taken for an orphan.)
    """
    if child.session in (0, child.pid, parent.session) or parent.session == 0:
        return False
    if parent.session != parent.pid:
        return True
    leader = processes.get(child.session)
    return leader is not None and leader.session == leader.pid and leader.start_ticks > parent.start_ticks


def is_foreground(stat: Stat) -> bool:
    """Whether a process is in the foreground group of its terminal: the keys Ctrl-C and Ctrl-Z reach it."""
    return stat.terminal != 0 and stat.foreground == stat.group


def title(stat: Stat) -> str:
    """Return the command line, or the name in brackets where there is none to read."""
    words = "" if stat.state == "Z" else " ".join(procfs.command_line(stat.pid) or ())
    return words if words.strip() else f"[{stat.name}]"


def as_value(seen: Look) -> dict[str, Any]:
    """Return a look as a value for JSON: a flat list in the order of drawing, since chains may be long."""
    processes = []
    for member in seen.members:
        stat, status = member.stat, member.status
        dispositions = {name: LEGEND[letter] for name, letter in zip(SHOWN_SIGNALS, member.signals, strict=True)}
        processes.append(
            {
                "pid": stat.pid,
                "parent": stat.parent,
                "depth": member.depth,
                "name": stat.name,
                "command": procfs.command_line(stat.pid),
                "user": None if status is None else procfs.user_name(status.uid),
                "state": procfs.STATES.get(stat.state, stat.state),
                "group": stat.group,
                "session": stat.session,
                "foreground": is_foreground(stat),
                "signals": dispositions,
                "age_s": round(stat.age_s, 2),
                "rss_bytes": stat.rss_bytes,
                "marks": list(member.marks),
            }
        )
    return {"processes": processes, "kernel_threads_not_shown": seen.kernel_threads, "hidden": seen.hidden}


# Columns in front of the command, and the order in which a narrow terminal loses them.
FIXED = ("PID", "USER", "STATE", "GROUP", "SESSION", "TIHC", "AGE", "MEM")
DISPENSABLE = ("MEM", "SESSION", "GROUP", "AGE", "USER")
RIGHT = ("PID", "GROUP", "SESSION", "AGE", "MEM")


def draw(shown: Screen, seen: Look) -> str:
    """Return a look as text."""
    rows = []
    drawings = _drawings(shown, seen)
    for member in seen.members:
        stat, status = member.stat, member.status
        state = stat.state + ("s" if stat.session == stat.pid else "") + ("+" if is_foreground(stat) else "")
        user = "?" if status is None else procfs.user_name(status.uid)
        numbers = (str(stat.group), str(stat.session))
        age, memory = output.duration(stat.age_s), output.size(stat.rss_bytes)
        rows.append([str(stat.pid), user, state, *numbers, member.signals, age, memory, drawings[stat.pid]])
    titles = [*FIXED, "COMMAND"]
    left_out = _narrow(shown, titles, rows)
    columns = [Column(title, right=title in RIGHT) for title in titles]
    text = output.table(shown, columns, rows, paint=lambda index, cell: _paint(shown, titles[index], cell))
    letters = sorted({letter for member in seen.members for letter in member.signals}, key=list(LEGEND).index)
    notes = [f"TIHC: {' '.join(SHOWN_SIGNALS)}; " + ", ".join(f"{letter} {LEGEND[letter]}" for letter in letters)]
    if any(member.channel is None and _may_be_in_sigwait(member.stat, member.status) for member in seen.members):
        notes.append("not seen: whether processes of other users are in sigwait; a default action may be taken there")
    notes.append("STATE: as in ps, s leads its session, + in the foreground group of its terminal")
    if left_out:
        notes.append(f"left out for want of width: {', '.join(left_out)}")
    if seen.kernel_threads:
        notes.append(f"not shown: {seen.kernel_threads} threads of the kernel")
    if seen.hidden:
        notes.append(f"not seen: processes of other users, which {seen.hidden} of /proc hides")
    return text + "\n\n" + "\n".join(output.fold(shown, note, "  ") for note in notes)


def _narrow(shown: Screen, titles: list[str], rows: list[list[str]]) -> list[str]:
    """Take columns away until the command has room; return their titles."""
    left_out: list[str] = []
    if shown.width is None:
        return left_out
    for name in DISPENSABLE:
        fixed = range(len(titles) - 1)
        used = sum(2 + max(len(row[index]) for row in [titles, *rows]) for index in fixed)
        if shown.width - used >= FEWEST_FOR_COMMAND:
            break
        index = titles.index(name)
        del titles[index]
        for row in rows:
            del row[index]
        left_out.append(name)
    return left_out


def _paint(shown: Screen, title_of_column: str, cell: str) -> str:
    if not shown.colour:
        return cell
    if title_of_column == "STATE" and cell[:1] in "ZDTt":
        return shown.paint(cell, fg="yellow" if cell[:1] in "Tt" else "red")
    if title_of_column == "COMMAND" and (marked := MARKED.match(cell)):
        before, marks, first = marked.groups()
        return before + shown.paint(marks, fg=COLOURS.get(first, "cyan")) + cell[marked.end() :]
    return cell


def _drawings(shown: Screen, seen: Look) -> dict[int, str]:
    """Return the last column: the lines of the tree, the marks in braces, the command."""
    letters = {"|": "│  ", " ": "   ", "+": "├─ ", "`": "└─ "} if shown.unicode else {"|": "|  ", " ": "   ", "+": "|- ", "`": "`- "}
    found = {}
    for member in seen.members:
        deeper = f"(level {member.depth}) " if member.depth > DEEPEST_DRAWN else ""
        marks = "{" + ", ".join(member.marks) + "} " if member.marks else ""
        words = title(member.stat)
        words = f"'{words}'" if words.startswith("{") else words  # processes choose their words themselves: no mark of theirs
        found[member.stat.pid] = "".join(letters[letter] for letter in member.lines) + deeper + marks + words
    return found
