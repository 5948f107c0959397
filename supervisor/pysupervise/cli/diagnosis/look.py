"""Reads a Subject: one pass over /proc, a close look at the few processes that matter, a second one at what may be passing."""

import functools
import operator
import os
import time
from collections.abc import Mapping, Sequence

from pysupervise.cli import containers, inits, limits, procfs, sigwait, why
from pysupervise.cli.diagnosis import engine, notification, programs, surroundings
from pysupervise.cli.diagnosis.subject import Notify, Process, Subject, Terminal, Traced

SECOND_LOOK_S = 0.2  # a zombie that is just being reaped, a read that is just being done: gone by then
DEEPEST = 20
MOST_LOOKS = 20_000  # members whose pending signals and tracers are read
PASSING = frozenset("ZD")


def examine(
    head_pid: int, processes: Mapping[int, procfs.Stat], container: containers.Container | None, members: Sequence[int] = ()
) -> Subject | None:
    """Read everything about a process, None where it is gone. ``members``: those of its container, besides everybody below it."""
    children = procfs.children_of(dict(processes))
    stat = procfs.read_stat(head_pid)
    if stat is None:
        return None
    scope = sorted({head_pid, *members, *procfs.descendants(head_pid, children)})
    head = close_look(stat)
    chain, siblings = _chain(head, children, processes)
    outermost = _pid1(head, processes)
    pid1, below = outermost
    signal = engine.stop_signal(container, processes) if container is not None else engine.ASSUMED
    member_stats = [processes[pid] for pid in scope if pid in processes]
    lasting = _second_look(member_stats)
    pending, traced = _pending_and_traced(member_stats, signal.number, chain)
    zombies = [member for member in lasting if member.is_dead]
    dead_leaders = [member for member in lasting if member.state == "Z" and not member.is_dead]
    judged = [member for member in lasting if member.pid == head_pid and member.is_dead] + dead_leaders
    parents = {pid: close_look(stat) for pid in {zombie.parent for zombie in zombies} if (stat := procfs.read_stat(pid)) is not None}
    unread = []
    if head.status is None:
        unread.append(f"/proc/{head_pid}/status")
    environment = surroundings.environment(head.place)
    if environment is None and not head.is_dead:
        unread.append(f"{head.place}/environ: PYSUPERVISE_ variables and NOTIFY_SOCKET")
    if head.links is None and not head.is_dead:
        unread.append(f"{head.place}/fd: standard input, open files and signalfds")
    if hidden := procfs.hidden():
        unread.append(f"/proc is mounted with {hidden}: other users' processes are not shown")
    if len(member_stats) > MOST_LOOKS:
        unread.append(f"pending signals and tracers of {len(member_stats) - MOST_LOOKS} processes: only {MOST_LOOKS} are looked at")
    if container is not None and not signal.certain:
        unread.append("the engine's stop signal: its files may not be read here, TERM is assumed")
    return Subject(
        head=head,
        chain=chain,
        service_siblings=siblings,
        pid1=pid1,
        initial_namespace=procfs.initial_namespace(head_pid),
        below_pid1=below,
        container=container,
        stop_signal=signal,
        members=tuple(member_stats),
        zombies=tuple(zombies),
        dead_leaders=tuple(dead_leaders),
        unreaped={stat.pid: reasons[0] for stat in judged if (reasons := why.read(stat, processes.get(stat.parent)))},
        parents=parents,
        blocked_pending=pending,
        traced=traced,
        uninterruptible=tuple(member for member in lasting if member.state == "D"),
        member_names={member.pid: member.name for member in member_stats},
        notify=_notify(chain),
        terminal=_terminal(head.stat, processes),
        task_limits=tuple(limits.limits_of(head_pid)),
        tasks_of_user=_tasks_of_user(chain[-1], processes),
        environment=environment,
        unread=tuple(unread),
        frozen=containers.frozen(head_pid),
    )


def close_look(stat: procfs.Stat) -> Process:
    """Read what the rules ask of a single process."""
    pid, speaker = stat.pid, procfs.living_thread(stat)
    place = f"/proc/{pid}" if speaker == pid else f"/proc/{pid}/task/{speaker}"
    status = procfs.read_status(pid)
    threads = [thread for thread in procfs.threads(pid) if thread != pid or speaker == pid]  # one that has ended takes nothing any more
    blocked = _blocked(pid, threads, status)
    if status is not None and blocked & status.caught:
        time.sleep(SECOND_LOOK_S)  # a handler blocks its own signal while it runs, most for a few microseconds
        blocked &= _blocked(pid, threads, status)
    numbers = surroundings.open_files(place)
    return Process(
        stat=stat,
        status=status,
        words=tuple(procfs.command_line(speaker) or ()),
        executable=_executable(place),
        blocked=blocked,
        thread=0 if speaker == pid else speaker,
        taken=sigwait.taken(pid, threads, speaker),
        taken_readable=sigwait.readable(speaker),
        deadline=sigwait.deadline(speaker),
        waits=sigwait.sleeps(speaker),
        links=surroundings.standard_descriptors(place),
        open_files=None if numbers is None else frozenset(numbers),
        limits=surroundings.soft_limits(place),
    )


def _executable(place: str) -> str:
    try:
        return os.path.basename(os.readlink(f"{place}/exe")).removesuffix(" (deleted)")
    except OSError:
        return ""


def _blocked(pid: int, threads: Sequence[int], status: procfs.Status | None) -> int:
    """Return the signals that every thread blocks."""
    masks = [mask for thread in threads if (mask := _thread_blocked(pid, thread)) is not None]
    return functools.reduce(operator.and_, masks) if masks else status.blocked if status is not None else 0


def _thread_blocked(pid: int, thread: int) -> int | None:
    try:
        with open(f"/proc/{pid}/task/{thread}/status", "rb", buffering=0) as file:
            for line in file.read(16384).splitlines():
                if line.startswith(b"SigBlk:"):
                    return int(line.split()[1], 16)
    except OSError:
        return None
    return None


def _chain(head: Process, children: Mapping[int, list[int]], processes: Mapping[int, procfs.Stat]) -> tuple[tuple[Process, ...], int]:
    """Go down through inits and shells to the first that is neither; with it, how many living siblings it has."""
    chain = [head]
    siblings = 0
    while len(chain) < DEEPEST and (chain[-1].init in programs.SMALL_INITS or chain[-1].is_shell):
        alive = [processes[pid] for pid in children.get(chain[-1].pid, ()) if pid in processes and not processes[pid].is_dead]
        # `podman exec` enters a namespace from outside and is nobody's child there, so these are the command's own.
        # We ourselves, and our own job (`pysupervise doctor | less`), are no service.
        own = os.getpgrp() if head.stat.group != os.getpgrp() else -1
        alive = [stat for stat in alive if stat.pid != os.getpid() and stat.group != own]
        if not alive:
            break
        chain.append(close_look(alive[0] if chain[-1].is_shell else inits.command_of(alive)))
        siblings = len(alive) - 1
    return tuple(chain), siblings


def _pid1(head: Process, processes: Mapping[int, procfs.Stat]) -> tuple[Process | None, bool]:
    """Return PID 1 of the head's namespace, and whether the head is it or below it."""
    if head.is_pid1:
        return head, True
    status = head.status
    if status is None:
        return None, False
    depth = len(status.namespace_pids)
    pid = head.stat.parent
    while pid in processes:
        above = procfs.read_status(pid)
        if above is not None and len(above.namespace_pids) == depth and above.namespace_pids[-1] == 1:
            return close_look(processes[pid]), True
        pid = processes[pid].parent
    try:
        namespace = os.stat(f"/proc/{head.pid}/ns/pid").st_ino
    except OSError:
        return None, False
    for stat in processes.values():
        if stat.kernel_thread:
            continue
        other = procfs.read_status(stat.pid)
        if other is not None and len(other.namespace_pids) == depth and other.namespace_pids[-1] == 1:
            try:
                if os.stat(f"/proc/{stat.pid}/ns/pid").st_ino == namespace:
                    return close_look(stat), False
            except OSError:
                continue
    return None, False


def _second_look(members: Sequence[procfs.Stat]) -> list[procfs.Stat]:
    """Return those who are dead or in uninterruptible sleep, and still are after a moment; nobody waits where there are none."""
    first = [member for member in members if member.state in PASSING]
    if not first:
        return []
    time.sleep(SECOND_LOOK_S)
    lasting = []
    for member in first:
        again = procfs.read_stat(member.pid)
        if again is not None and again.start_ticks == member.start_ticks and again.state == member.state:
            lasting.append(again)
    return lasting


def _pending_and_traced(
    members: Sequence[procfs.Stat], signum: int, chain: Sequence[Process]
) -> tuple[tuple[Process, ...], tuple[Traced, ...]]:
    """Return living members that have the signal pending (it was sent, and has not been taken), and those with a tracer."""
    found, traced = [], []
    close = {process.pid: process for process in chain}
    for member in members[:MOST_LOOKS]:
        if member.is_dead:
            continue
        status = procfs.read_status(member.pid)
        if status is not None and status.pending >> (signum - 1) & 1:
            found.append(close.get(member.pid) or close_look(member))
        if status is not None and (status.tracer or member.state == "t"):
            tracer = procfs.read_stat(status.tracer) if status.tracer else None
            line = f"/proc/{member.pid}/status: {status.evidence('State', 'TracerPid')}"
            traced.append(Traced(member, status.tracer, "" if tracer is None else tracer.name, line))
    return tuple(found), tuple(traced)


def _notify(chain: Sequence[Process]) -> tuple[Notify, ...]:
    """Of the first and the last one: an init may have taken it away from its command."""
    first_and_last = {process.pid: process for process in (chain[0], chain[-1])}
    return tuple(found for pid, process in first_and_last.items() if (found := notification.read(pid, process.place)) is not None)


def _terminal(stat: procfs.Stat, processes: Mapping[int, procfs.Stat]) -> Terminal | None:
    if stat.terminal == 0:
        return None
    exists = any(other.group == stat.foreground for other in processes.values())
    return Terminal(stat.terminal, stat.foreground, exists)


def _tasks_of_user(service: Process, processes: Mapping[int, procfs.Stat]) -> int | None:
    """Count the threads of the service's user; None for root, whom RLIMIT_NPROC does not bind (getrlimit(2)), and without a limit."""
    if service.status is None or service.status.uid == 0 or not service.limits.get("Max processes", "unlimited").isdigit():
        return None
    return sum(stat.threads for stat in processes.values() if procfs.owner(stat.pid) == service.status.uid)
