"""pysupervise zombies: every zombie, whose it is, why it is not reaped, and what cures it."""

import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from pysupervise.cli import containers, limits, output, procfs, why
from pysupervise.cli.output import CannotError, Column, Screen
from pysupervise.cli.procfs import Stat
from pysupervise.core import status as statuses

MOMENT_S = 0.1
FRESH_S = 2.0
MOST_NAMED = 20
NEAR = 0.8  # of a limit
COLUMNS = (
    Column("PID", right=True),
    Column("AGE", right=True),
    Column("STATUS"),
    Column("PARENT", right=True),
    Column("USER"),
    Column("NAME"),
)


@dataclass(frozen=True, slots=True)
class Zombie:
    """One zombie, and all that was read of it."""

    stat: Stat
    uid: int | None
    wait_status: int | None  # None: may not be read, or there is none yet
    reasons: list[why.Reason]

    @property
    def ended(self) -> str:
        """How it ended, in words."""
        if not self.stat.is_dead:
            return "its threads live on"
        return "not readable" if self.wait_status is None else statuses.words(self.wait_status)


@dataclass(frozen=True, slots=True)
class Parent:
    """A process with zombies."""

    pid: int
    command: str
    user: str | None
    container: containers.Container | None
    zombies: list[Zombie]


@dataclass(slots=True)
class Look:
    """What one look saw."""

    parents: list[Parent] = field(default_factory=list)  # the one with most zombies first
    bounds: list[limits.Limit] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # sentences: what could not be looked at
    went: int = 0  # zombies of the first look that the second did not see

    @property
    def zombies(self) -> list[Zombie]:
        """All of them, by pid."""
        return sorted((zombie for parent in self.parents for zombie in parent.zombies), key=lambda zombie: zombie.stat.pid)


@click.command(
    help="List the zombies, whose they are, why nobody reaps them and what cures it. A zombie counts when it is seen twice, "
    f"{MOMENT_S:g} s apart. Status: 0 none, 1 some, 2 cannot look."
)
@click.option("--parent", "parent_pid", type=output.pid, metavar="PID", help="Only the children of this process.")
@click.option("--pid-namespace", "member", type=output.pid, metavar="PID", help="Only the PID namespace of this process.")
@output.watch_option
@output.json_option
def command(parent_pid: int | None, member: int | None, watch_s: float | None, *, as_json: bool) -> None:
    """List zombies."""

    def once() -> output.View:
        seen = look(parent_pid, member)
        return output.View(lambda: as_value(seen), lambda shown: draw(shown, seen), 1 if seen.parents else 0)

    raise SystemExit(output.show(once, as_json=as_json, watch_s=watch_s))


def look(parent_pid: int | None = None, member: int | None = None) -> Look:
    """Look twice, and read what counts of the zombies that were there both times.

    ``parent_pid``: only its children; ``member``: only those in its PID namespace. Raises CannotError where one of the two is not there.
    """
    seen = Look()
    processes = procfs.snapshot()
    for pid in (parent_pid, member):
        if pid is not None and pid not in processes:
            _not_there(pid)
    first = [stat for stat in processes.values() if stat.state == "Z" and parent_pid in (None, stat.parent)]
    if first:
        time.sleep(MOMENT_S)
    stale = []
    for stat in first:
        again = procfs.read_stat(stat.pid)
        if again is not None and again.state == "Z" and again.start_ticks == stat.start_ticks:
            stale.append(again)
    seen.went = len(first) - len(stale)
    option = procfs.hidden()
    if option:
        seen.unread.append(f"processes of other users are hidden from this user ({option} of /proc), with any zombies among them")
    if limits.own_pid_max():
        seen.unread.append("the pid_max of the PID namespaces above this one: it holds here too, and may be lower")
    if member is not None:
        stale = _of_namespace(stale, member, processes, seen)
    groups: dict[int, list[Stat]] = {}
    for stat in stale:
        if parent_pid in (None, stat.parent):
            groups.setdefault(stat.parent, []).append(stat)
    seen.parents = sorted((_parent(pid, group) for pid, group in groups.items()), key=lambda parent: (-len(parent.zombies), parent.pid))
    seen.parents = [parent for parent in seen.parents if parent.zombies]
    seen.bounds = limits.limits_of(*(pid or procfs.own_pid() for pid in groups or (0,)))
    return seen


def _not_there(pid: int) -> None:
    status = procfs.read_status(pid)
    if status is not None and status.lines.get("Tgid", str(pid)) != str(pid):
        raise CannotError(f"cannot look at pid {pid}: it is a thread of pid {status.lines['Tgid']}", "give the pid of the process")
    if os.path.exists(f"/proc/{pid}"):
        raise CannotError(f"cannot look at pid {pid}: it may not be read", "look as root, or as the user that it runs as")
    option = procfs.hidden()
    hint = f"{option} of /proc hides other users' processes" if option else "pids are those of this PID namespace: see pysupervise tree"
    raise CannotError(f"cannot look at pid {pid}: no such process", hint)


def _of_namespace(zombies: list[Stat], member: int, processes: dict[int, Stat], seen: Look) -> list[Stat]:
    """Return those in the PID namespace of a process: by its inode, and where that may not be read, by the PID 1 above them."""
    wanted, wanted_init = procfs.pid_namespace(member), _init_above(member, processes)
    found, unknown = [], 0
    for stat in zombies:
        own = procfs.pid_namespace(stat.pid) if wanted else None
        if wanted and own:
            same: bool | None = own == wanted
        else:
            init = _init_above(stat.pid, processes)
            same = None if init is None or wanted_init is None else init == wanted_init
        if same:
            found.append(stat)
        unknown += same is None
    if unknown:
        seen.unread.append(f"the PID namespace of {unknown} of the {len(zombies)} zombies cannot be told from here: look as root")
    return found


def _init_above(pid: int, processes: dict[int, Stat]) -> int | None:
    """Return the PID 1 of a process's PID namespace, found by NSpid; None where it cannot be told: put in from outside, or hidden."""
    status = procfs.read_status(pid)
    depth = len(status.namespace_pids) if status else 0
    while status is not None and len(status.namespace_pids) == depth:
        if status.namespace_pids[-1] == 1:
            return pid
        stat = processes.get(pid)
        pid = stat.parent if stat else 0
        status = procfs.read_status(pid) if pid else None
    return None


def _parent(pid: int, group: Sequence[Stat]) -> Parent:
    stat = procfs.read_stat(pid) if pid else None
    words = " ".join(procfs.command_line(pid) or ()) if pid else ""
    zombies = []
    for zombie in group:
        reasons = why.read(zombie, stat)
        if reasons:
            wait_status = procfs.wait_status(zombie) if zombie.is_dead else None
            zombies.append(Zombie(zombie, procfs.owner(zombie.pid), wait_status, reasons))
    uid = procfs.owner(pid) if pid else None
    return Parent(
        pid=pid,
        command=words if words.strip() else stat.name if stat else "not readable" if pid else "outside of this PID namespace",
        user=None if uid is None else procfs.user_name(uid),
        container=containers.container_of(pid) if pid else None,
        zombies=sorted(zombies, key=lambda zombie: zombie.stat.pid),
    )


def as_value(seen: Look) -> dict[str, Any]:
    """Return a look as a value for JSON."""
    zombies = [
        {
            "pid": zombie.stat.pid,
            "name": zombie.stat.name,
            "age_s": round(zombie.stat.age_s, 2),
            "user": None if zombie.uid is None else procfs.user_name(zombie.uid),
            "parent": zombie.stat.parent,
            "wait_status": zombie.wait_status,
            "exit_code": None if zombie.wait_status is None else statuses.exit_code(zombie.wait_status),
            "ended": zombie.ended,
            "threads": zombie.stat.threads,
            "why": [asdict(reason) for reason in zombie.reasons],
        }
        for zombie in seen.zombies
    ]
    parents = [
        {
            "pid": parent.pid,
            "command": parent.command,
            "user": parent.user,
            "container": None if parent.container is None else {"id": parent.container.id, "engine": parent.container.engine},
            "zombies": len(parent.zombies),
        }
        for parent in seen.parents
    ]
    bounds = [{**asdict(limit), "left": limit.left} for limit in seen.bounds]
    return {"zombies": zombies, "parents": parents, "limits": bounds, "unreadable": seen.unread, "gone_at_second_look": seen.went}


def draw(shown: Screen, seen: Look) -> str:
    """Return a look as text."""
    zombies = seen.zombies
    parts = [_headline(shown, zombies, seen.went)]
    if zombies:
        rows = [_row(zombie) for zombie in zombies]
        parts += [output.table(shown, COLUMNS, rows), *(_draw_parent(shown, parent) for parent in seen.parents)]
    parts.append("\n".join(_draw_limit(shown, limit) for limit in seen.bounds))
    parts += [_fold(shown, f"not seen: {sentence}", "  ") for sentence in seen.unread]
    return "\n\n".join(part for part in parts if part)


def _headline(shown: Screen, zombies: Sequence[Zombie], went: int) -> str:
    count = f"{len(zombies)} zombie{'' if len(zombies) == 1 else 's'}" if zombies else "no zombies"
    words = count
    if zombies:
        words += f", seen twice {MOMENT_S:g} s apart; AGE counts from the start, the kernel does not record the time of death"
    if went:
        words += f" ({went} more went in between, as they should)" if zombies else f" ({went} seen, and reaped within {MOMENT_S:g} s)"
    return _fold(shown, words, "").replace(count, shown.paint(count, fg="red" if zombies else "green", bold=True), 1)


def _row(zombie: Zombie) -> list[str]:
    stat = zombie.stat
    user = "?" if zombie.uid is None else procfs.user_name(zombie.uid)
    return [str(stat.pid), output.duration(stat.age_s), zombie.ended, str(stat.parent), user, stat.name]


def _draw_parent(shown: Screen, parent: Parent) -> str:
    where = ", ".join([f"user {parent.user}"] * bool(parent.user) + [f"container {parent.container}"] * bool(parent.container))
    count = f"{len(parent.zombies)} zombie{'' if len(parent.zombies) == 1 else 's'}"
    head = f"parent {parent.pid}: {count}" + (f", {where}" if where else "")
    lines = [shown.paint(head, bold=True), _cut(shown, "  " + output.printable(parent.command))]
    for reasons, members in _alike(parent.zombies):
        if len(members) < len(parent.zombies):
            lines.append("  " + _named(members))
        for number, reason in enumerate(reasons):
            label = "why" if number == 0 else "and"
            lines.append(_fold(shown, f"  {label}   {output.printable(reason.what)}", "        "))
            lines.append(_fold(shown, f"        {output.printable(reason.evidence)}", "        ", fg="cyan"))
            lines.append(_fold(shown, f"  cure  {output.printable(reason.cure)}", "        "))
        youngest = min(zombie.stat.age_s for zombie in members)
        if youngest < FRESH_S and all(zombie.stat.is_dead for zombie in members):
            note = f"  note  the youngest started {youngest:.1f} s ago: a busy parent may yet come to it"
            lines.append(_fold(shown, note, "        "))
    return "\n".join(lines)


def _alike(zombies: Sequence[Zombie]) -> list[tuple[list[why.Reason], list[Zombie]]]:
    """Return zombies together that have the same reasons; the lines of the zombies themselves differ by their pid only."""
    groups: dict[tuple[str, ...], list[Zombie]] = {}
    for zombie in zombies:
        groups.setdefault(tuple(reason.what for reason in zombie.reasons), []).append(zombie)
    return [(members[0].reasons, members) for members in groups.values()]


def _named(members: Sequence[Zombie]) -> str:
    more = len(members) - MOST_NAMED
    return ", ".join(str(zombie.stat.pid) for zombie in members[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "") + ":"


def _draw_limit(shown: Screen, limit: limits.Limit) -> str:
    words = f"{limit.what}: {limit.used:,} of {limit.limit:,} in use ({limit.share:.1%}), {limit.left:,} left"
    return shown.paint(words, fg="red") if limit.share >= NEAR else words


def _cut(shown: Screen, text: str) -> str:
    return text if shown.width is None else shown.cut(text, shown.width)


def _fold(shown: Screen, text: str, indent: str, **style: Any) -> str:
    lines = output.fold(shown, text, indent).split("\n")
    return "\n".join(shown.paint(line, **style) if style else line for line in lines)
