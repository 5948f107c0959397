"""Rules about who is the init: who reaps, whether there are two, whether the PID namespace is shared."""

from collections.abc import Iterator

from pysupervise.cli import procfs
from pysupervise.cli.diagnosis import advice, launch, programs
from pysupervise.cli.diagnosis.finding import ERROR, INFO, WARNING, Finding, Passed, Remark, Unread
from pysupervise.cli.diagnosis.subject import CHLD, Subject, counted, joined, of_the_living

MANY_ZOMBIES = 100
# Their names are the engine's own: tini and catatonit may as well be the image's.
PUT_BY_ENGINE = frozenset({"docker-init", "podman-init"})
WITHOUT_INIT = "start the container without --init (compose: remove `init: true`)"


def who_reaps(subject: Subject) -> Iterator[Remark]:
    """Orphans go to the nearest subreaper, else to PID 1 of the namespace."""
    pid1 = subject.pid1
    if pid1 is None or subject.initial_namespace:
        return
    if pid1.init in programs.INITS:
        yield Passed(f"orphans go to PID 1, {pid1.label}, an init that reaps")
    elif pid1.status is not None and pid1.status.ignores(CHLD):
        yield Passed(
            f"orphans leave no zombies: PID 1, {pid1.label}, ignores CHLD, and the kernel reaps ({pid1.mask_evidence('SigIgn')[0]})"
        )
    else:
        yield Finding(
            INFO,
            "no-init",
            f"PID 1, {pid1.label}, is not a known init",
            (pid1.command_evidence,),
            "A process whose parent has died becomes its child. When it ends it stays a zombie, unless PID 1 waits for children "
            "it never started.",
            f"put an init in front: {advice.init_in_front(subject)}; its own children it has to wait for itself even then",
        )


def zombies(subject: Subject) -> Iterator[Remark]:
    """Dead at both looks, by parent."""
    by_parent: dict[int, list[str]] = {}
    for zombie in subject.zombies:
        by_parent.setdefault(zombie.parent, []).append(f"{zombie.pid} ({zombie.name})")
    for parent_pid, dead in by_parent.items():
        parent = subject.parents.get(parent_pid)
        label = parent.label if parent is not None else f"pid {parent_pid}"
        masks = parent.mask_evidence("SigIgn", "SigCgt", "SigBlk") if parent is not None else ()
        collects_orphans = parent is not None and parent.is_pid1 and not advice.on_host(subject) and parent.init not in programs.INITS
        wait = f"wait for children in `{parent.name if parent else parent_pid}`"
        yield Finding(
            ERROR if len(dead) >= MANY_ZOMBIES else WARNING,
            "zombies",
            f"{len(dead)} zombie{'s' if len(dead) > 1 else ''} of {label}",
            (f"/proc/{dead[0].partition(' ')[0]}/stat: state Z, parent {parent_pid}, at two looks; {joined(dead)}", *masks),
            "Each keeps a pid until its parent waits for it or ends. When the pids are used up, nothing can be started any more."
            + (" Which of them it started itself, and which came to PID 1 as orphans, is not recorded." if collects_orphans else ""),
            f"{wait} (on CHLD: waitpid until none is left): those that it started itself nobody else can reap; "
            f"an init in front reaps the orphans: {advice.init_in_front(subject)}"
            if collects_orphans
            else f"{wait}; `pysupervise zombies` says why it does not",
        )
    if not subject.zombies:
        yield Passed(f"no zombie among {counted(len(subject.members))}")


def dead_head(subject: Subject) -> Iterator[Remark]:
    """Judge a zombie that was asked for: all that can be said of it is who has to wait for it, and why it did not."""
    head = subject.head
    if not head.is_dead:
        return
    line = f"/proc/{head.pid}/stat: {head.pid} ({head.stat.name}) {head.stat.state} {head.stat.parent}"
    reason = subject.unreaped.get(head.pid)
    if reason is None:
        yield Unread(f"everything of {head.label}: it was a zombie ({line}), and is gone by now")
        return
    parent = subject.parents.get(head.stat.parent)
    whose = parent.label if parent is not None else f"pid {head.stat.parent}" if head.stat.parent else "outside of this PID namespace"
    yield Finding(
        WARNING,
        "is-zombie",
        f"{head.label} is a zombie: it has ended, and its parent, {whose}, has not waited for it",
        (line, reason.evidence),
        f"Nothing of it runs, and no signal changes that. Why it is still there: {reason.what}.",
        reason.cure,
    )


def dead_leaders(subject: Subject) -> Iterator[Remark]:
    """Name a main thread that ended before the others: its state is Z, and it is no zombie."""
    for stat in subject.dead_leaders:
        reason = subject.unreaped.get(stat.pid)
        if reason is not None:
            yield Finding(
                INFO,
                "dead-leader",
                f"pid {stat.pid} ({stat.name}) is no zombie, though its state is Z: {reason.what}",
                (reason.evidence,),
                "Its parent cannot wait for it yet, and a signal to it reaches the threads that live.",
                "nothing, where the main thread is meant to leave first (pthread_exit); otherwise end the other threads with it",
            )


def init_on_top(subject: Subject) -> Iterator[Remark]:
    """Two inits, one below the other."""
    inits = subject.inits
    if len(inits) < 2:  # noqa: PLR2004 -- two are one too many
        return
    upper, lower = inits[0], inits[-1]
    if upper.name in PUT_BY_ENGINE:
        fix = f"{WITHOUT_INIT}, or take {lower.name} out of the image"
    elif upper.name in programs.ENGINE_INITS and not advice.on_host(subject):
        fix = f"take {upper.name} or {lower.name} out of ENTRYPOINT; if it was the engine that put {upper.name} there: {WITHOUT_INIT}"
    else:
        fix = f"leave one of them out: {upper.name} or {lower.name}"
    yield Finding(
        WARNING,
        "two-inits",
        f"two inits: {upper.label} on top of {lower.label}",
        tuple(process.command_evidence for process in inits),
        f"{lower.name} is not PID 1: it cannot signal the namespace in one step, orphans that it does not collect go to "
        f"{upper.name}, and the "
        "signal takes one more hop.",
        fix,
    )


def shared_namespace(subject: Subject) -> Iterator[Remark]:
    """Judge a pod's or the machine's PID namespace instead of one of its own."""
    pid1, head = subject.pid1, subject.head
    if subject.container is not None and subject.initial_namespace:
        yield Finding(
            INFO,
            "host-pid-namespace",
            f"the container ({subject.container}) shares the machine's PID namespace",
            (f"/proc/{head.pid}/ns/pid is the initial one", *head.mask_evidence("NSpid")),
            "Nothing of it is PID 1. When its command ends, the kernel does not end the rest, and orphans go to the machine's init.",
            'leave --pid=host out, or let pysupervise be its subreaper: ENTRYPOINT ["pysupervise", "--"]',
        )
        return
    if pid1 is None or subject.initial_namespace or pid1.pid == head.pid:
        return
    is_pause = pid1.init == "pause" or ("-P" in pid1.words and pid1.init in ("catatonit", "podman-init"))
    if is_pause or not subject.below_pid1:
        yield Finding(
            INFO,
            "shared-pid-namespace",
            f"the PID namespace is shared: PID 1 is {pid1.label}" + ("" if subject.below_pid1 else f", and {head.label} is not below it"),
            (pid1.command_evidence, *head.mask_evidence("NSpid"), f"/proc/{head.pid}/stat: parent {head.stat.parent}"),
            "Signals act here as on any process, not as on PID 1. Orphans go to that PID 1, and the pids of the other "
            "containers are visible.",
            "nothing, where this is meant (shareProcessNamespace, --pid=container:..., or `exec` into a container)",
        )


def without_subreaper(subject: Subject) -> Iterator[Remark]:
    """Pysupervise that is neither PID 1 nor a subreaper."""
    for process in subject.inits:
        if process.init != programs.OURS or process.is_pid1:
            continue
        ours = launch.read(process.words, subject.environment).ours
        if ours is not None and ours.settings is not None and not ours.settings.subreaper:
            yield Finding(
                WARNING,
                "no-subreaper",
                f"{process.label} is neither PID 1 nor a subreaper",
                (process.command_evidence, *process.mask_evidence("NSpid")),
                "Daemons that the command leaves behind go to another parent: they are not stopped with it.",
                "take --no-subreaper (PYSUPERVISE_NO_SUBREAPER) away",
            )


def ignored_sigchld(subject: Subject) -> Iterator[Remark]:
    """Who ignores SIGCHLD never learns how its children ended."""
    for process in {id(process): process for process in (*subject.chain, *((subject.pid1,) if subject.pid1 else ()))}.values():
        has_children = process.pid in {member.parent for member in subject.members}
        if has_children and process.status is not None and process.status.ignores(CHLD):
            yield Finding(
                WARNING,
                "sigchld-ignored",
                f"{process.label} has children and ignores CHLD",
                (*process.mask_evidence("SigIgn"), procfs.signal_bit(CHLD)),
                "No zombie appears, but the kernel throws the statuses away, and waitpid fails with ECHILD: it cannot learn how "
                "a child ended.",
                "reset it before the program starts (it is inherited through exec); pysupervise does so for its command",
            )


RULES = (
    dead_head,
    *map(of_the_living, (who_reaps, zombies, dead_leaders, init_on_top, shared_namespace, without_subreaper, ignored_sigchld)),
)
