"""Rules about what is around a running process: members that hang, the notification socket, standard input, limits."""

from collections.abc import Iterator

from pysupervise.cli.diagnosis import notification
from pysupervise.cli.diagnosis.finding import ERROR, WARNING, Finding, Passed, Remark, Unread
from pysupervise.cli.diagnosis.subject import Process, Subject, counted, joined, of_the_living

NEAR, FULL = 0.80, 0.95
NOTIFY_FIXES = {
    notification.NOWHERE: "have somebody listen there (in a container: mount the socket, --volume), or unset NOTIFY_SOCKET for the service",
    notification.NOBODY: "start who listens there again, or unset NOTIFY_SOCKET for the service: the file is what an ended one has left",
    notification.WRONG_TYPE: "bind a SOCK_DGRAM socket there: sd_notify(3) sends datagrams",
}
STREAMS = {0: "standard input", 1: "standard output", 2: "standard error"}


def hanging_members(subject: Subject) -> Iterator[Remark]:
    """Judge who is stopped or in uninterruptible sleep."""
    pending = {process.pid for process in subject.blocked_pending}
    if subject.frozen:
        yield Finding(
            WARNING,
            "frozen",
            f"{subject.head.label} is frozen, as podman pause and docker pause do it",
            (subject.frozen,),
            "Nothing of it runs, and no signal is looked at before it is thawed: a stop waits its full time.",
            "podman unpause, docker unpause; or thaw the cgroup",
        )
        return
    stopped = [member for member in subject.members if member.state == "T" and member.pid not in pending]
    for kind, members, consequence, fix in (
        (
            "stopped",
            stopped,
            "A stopped process sees no TERM before CONT. pysupervise sends CONT in a stop, others do not.",
            "kill -CONT {pid}",
        ),
        (
            "uninterruptible",
            list(subject.uninterruptible),
            "No signal is looked at before the kernel's call returns, not even KILL: a stop cannot end it.",
            "see what it waits for: cat /proc/{pid}/wchan",
        ),
    ):
        if members:
            first = members[0]
            names = joined([f"{member.pid} ({member.name})" for member in members])
            yield Finding(
                WARNING,
                f"{kind}-member",
                f"{counted(len(members))} {kind}: {names}",
                (f"/proc/{first.pid}/stat: {first.pid} ({first.name}) {first.state} {first.parent}",),
                consequence,
                fix.format(pid=first.pid),
            )
    if not (stopped or subject.traced or subject.uninterruptible or pending):
        yield Passed("nobody is stopped, traced or in uninterruptible sleep")


def traced_members(subject: Subject) -> Iterator[Remark]:
    """Judge who has a tracer: TracerPid says it also where the process sleeps as ever, and is not held just now."""
    if not subject.traced:
        return
    held = [traced for traced in subject.traced if traced.stat.state == "t"]
    first = (held or subject.traced)[0]
    names = joined([f"{traced.stat.pid} ({traced.stat.name}) by {traced.by}" for traced in subject.traced])
    yield Finding(
        WARNING,
        "traced-member",
        f"{counted(len(subject.traced))} traced: {names}",
        (first.line,),
        "A signal other than KILL stops it for the tracer first, which passes the signal on, changes it or drops it (ptrace(2))."
        + (" The tracer holds it just now: no signal gets on before it lets it run." if held else ""),
        f"let {first.by} detach (strace: Ctrl-C, gdb: detach), or end it",
    )


def notify_socket(subject: Subject) -> Iterator[Remark]:
    """Judge a NOTIFY_SOCKET that leads nowhere."""
    for notify in subject.notify:
        if notify.reachable:
            yield Passed(f"NOTIFY_SOCKET can be reached ({'; '.join(notify.evidence)})")
        elif notify.reachable is None:
            yield Unread(f"whether NOTIFY_SOCKET of pid {notify.pid} can be reached ({'; '.join(notify.evidence)})")
        else:
            yield Finding(
                ERROR,
                "notify-socket-unreachable",
                f"NOTIFY_SOCKET of pid {notify.pid} {notify.problem}",
                notify.evidence,
                "READY=1 never arrives: who waits for it holds the service for not started, and ends it when its time is over.",
                NOTIFY_FIXES[notify.problem],
            )


def standard_streams(subject: Subject) -> Iterator[Remark]:
    """Judge closed descriptors, and a terminal that the head cannot read from."""
    head = subject.head
    if head.links is None:
        return
    closed = [number for number in STREAMS if number not in head.links]
    if closed:
        yield Finding(
            WARNING,
            "closed-stream",
            f"{joined([STREAMS[number] for number in closed])} of {head.label} is closed",
            (f"{head.place}/fd: no {', '.join(map(str, closed))}",),
            "The next file or socket that is opened takes the number, and what is written to it by habit ends up in there.",
            "start it with </dev/null, or with the stream open",
        )
    terminal, stdin = subject.terminal, head.links.get(0, "")
    on_terminal = stdin.startswith(("/dev/pts/", "/dev/tty", "/dev/console"))
    if terminal is not None and on_terminal and terminal.foreground > 0 and not terminal.foreground_exists:
        yield Finding(
            WARNING,
            "terminal-without-foreground",
            f"the terminal of {head.label} has no foreground process group any more",
            (
                (
                    f"/proc/{head.pid}/stat: tty_nr {terminal.device}, tpgid {terminal.foreground}; no process is in group "
                    f"{terminal.foreground}"
                ),
            ),
            "Ctrl-C reaches nobody, and reading from the terminal stops the reader with TTIN.",
            "put pysupervise in front: it lends the terminal to the command and takes it back",
        )
    elif on_terminal:
        yield Passed(f"standard input of {head.label} is a terminal, {stdin}")
    elif stdin:
        yield Passed(f"standard input of {head.label} is {stdin}")
    if hidden := [number for number in STREAMS if head.links.get(number) == ""]:
        names, lead = joined([STREAMS[number] for number in hidden]), "leads" if len(hidden) == 1 else "lead"
        yield Unread(f"where {names} of {head.label} {lead}: {head.place}/fd has them, and where to may not be read")


def limits(subject: Subject) -> Iterator[Remark]:
    """Pids, processes of the user, open files: how near to exhaustion."""
    quiet = True
    for limit in subject.task_limits:
        if limit.share > NEAR:
            quiet = False
            yield _near(
                limit.what,
                limit.used,
                limit.limit,
                f"{limit.file}: {limit.limit}, in use {limit.used}",
                "no process and no thread can be started",
            )
    processes: dict[int, Process] = {process.pid: process for process in (subject.head, subject.service)}
    for process in processes.values():
        limit_of_files = process.limits.get("Max open files", "")
        if process.open_files is None or not limit_of_files.isdigit():
            continue
        # The limit is one on numbers, not on how many are open (getrlimit(2)): those that were open above a limit set later take nothing.
        below = sum(number < int(limit_of_files) for number in process.open_files)
        above = len(process.open_files) - below
        if below > NEAR * int(limit_of_files):
            quiet = False
            yield _near(
                f"open files of {process.label}",
                below,
                int(limit_of_files),
                f"/proc/{process.pid}/limits: Max open files {limit_of_files}; {process.place}/fd has {below} numbers below that"
                + (f", and {above} above, opened before the limit was set" if above else ""),
                "no file and no connection can be opened (EMFILE)",
                f"see what is open: ls -l {process.place}/fd",
            )
    allowed = subject.service.limits.get("Max processes", "")
    if subject.tasks_of_user is not None and allowed.isdigit() and subject.tasks_of_user > NEAR * int(allowed):
        quiet = False
        yield _near(
            f"processes of the user of {subject.service.label}",
            subject.tasks_of_user,
            int(allowed),
            f"/proc/{subject.service.pid}/limits: Max processes {allowed}; threads of that user seen here: {subject.tasks_of_user}",
            "the user can start no process and no thread (EAGAIN)",
        )
    if quiet:
        nearest = subject.task_limits[0] if subject.task_limits else None
        yield Passed("no limit is near" + (f": {nearest.what} is the nearest, {nearest.used} of {nearest.limit}" if nearest else ""))


def _near(  # noqa: PLR0917 -- a line each
    what: str,
    used: int,
    limit: int,
    evidence: str,
    consequence: str,
    search: str = "find who uses them up: pysupervise tree, pysupervise zombies",
) -> Finding:
    share = used / limit if limit else 1.0
    return Finding(
        ERROR if share > FULL else WARNING,
        "limit-near",
        f"{what}: {used} of {limit} in use ({share:.0%})",
        (evidence,),
        f"When it is reached, {consequence}.",
        f"{search}; or raise the limit",
    )


def unread(subject: Subject) -> Iterator[Remark]:
    """Name what could not be read at all."""
    yield from (Unread(text) for text in subject.unread)


RULES = (*map(of_the_living, (hanging_members, traced_members, notify_socket, standard_streams, limits)), unread)
