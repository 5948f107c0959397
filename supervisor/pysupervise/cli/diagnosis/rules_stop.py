"""Rules about the stop of a running process: does the signal reach PID 1, the shell, the service, and what hangs in between."""

from collections.abc import Iterator

from pysupervise.cli import procfs
from pysupervise.cli.diagnosis import advice, launch, programs, rules_masks, runners
from pysupervise.cli.diagnosis.finding import ERROR, INFO, WARNING, Finding, Passed, Remark, Unread
from pysupervise.cli.diagnosis.subject import Process, Reaction, Subject, counted, of_the_living
from pysupervise.core import signals


def pid1_gets_the_stop_signal(subject: Subject) -> Iterator[Remark]:
    """PID 1 gets only signals that it handles (pid_namespaces(7)); a shell in front is another rule's."""
    head, signum = subject.head, subject.stop_signal.number
    name = signals.name(signum)
    if not head.is_pid1 or (head.is_shell and len(subject.chain) > 1 and not head.is_prompt):
        return
    reaction = head.reaction(signum)
    evidence = (*head.mask_evidence("SigCgt", "SigIgn", "SigBlk"), f"{_bits(head, signum)}; stop signal: {subject.stop_signal.source}")
    instead = advice.send_instead(head, subject, signum)
    if reaction is Reaction.UNKNOWN:
        yield Unread(f"whether {name} reaches {head.label}: it may be in sigwait, and /proc/{head.pid}/wchan and syscall do not say")
    elif reaction is Reaction.HANDLER and head.handles_always(signum):
        yield Finding(
            WARNING,
            "pid1-handler-is-the-runtime's",
            f"whether {name} stops PID 1, {head.label}, cannot be seen: node handles it whatever the program does",
            evidence,
            f"Where the program has no handler of its own, node raises {name} again with its default action, which the kernel drops for "
            "PID 1: a stop waits its full time, then the engine kills everything.",
            f"put an init in front: {advice.init_in_front(subject)}; or nothing, where process.on('SIG{name}', ...) in the program ends it",
        )
    elif reaction in (Reaction.HANDLER, Reaction.TAKEN):
        yield Passed(f"{name} reaches PID 1, {head.label}: {_how(head, signum)}")
    elif reaction is Reaction.DROPPED:
        yield Finding(
            INFO if head.is_prompt else ERROR,
            "pid1-drops-stop-signal",
            f"{name} does nothing to PID 1, {head.label}",
            evidence,
            f"PID 1 gets only the signals that it handles, and {name} has no handler there. A stop waits its full time, then "
            f"the engine kills "
            "everything: status 137, nothing is cleaned up.",
            f"handle {name} in the program, or {instead or f'put an init in front: {advice.init_in_front(subject)}'}",
        )
    elif reaction in (Reaction.IGNORED, Reaction.NOTHING):
        yield Finding(
            INFO if head.is_prompt else ERROR,
            "pid1-ignores-stop-signal",
            f"PID 1, {head.label}, ignores {name}",
            evidence,
            "A stop waits its full time, then the engine kills everything: status 137, nothing is cleaned up.",
            f"do not ignore {name} there (an ignored signal is inherited through exec)" + (f"; or {instead}" if instead else ""),
        )
    elif reaction is Reaction.HELD and head not in subject.blocked_pending:
        yield rules_masks.held(head, subject, signum, evidence, f"PID 1, {head.label},")
    elif reaction is Reaction.BLOCKED and head not in subject.blocked_pending:
        yield Finding(
            WARNING,
            "pid1-blocks-stop-signal",
            f"PID 1, {head.label}, blocks {name}, and nothing is seen that takes it",
            evidence,
            f"{name} waits in the kernel until a thread unblocks it or calls sigwait.",
            "start it with an empty signal mask (a blocked mask is inherited through fork and exec), or unblock the signal in the program",
        )


def shell_in_front(subject: Subject) -> Iterator[Remark]:
    """Judge a shell between the engine (or an init) and the service does not pass signals on."""
    shell, signum = subject.shell, subject.stop_signal.number
    if shell is None or subject.service.is_shell:
        if shell is None and len(subject.chain) > 1:
            yield Passed("no shell between the top and the service")
        return
    if shell.is_prompt:
        yield Passed(f"{shell.label} is a shell at a terminal: somebody types")
        return
    name = signals.name(signum)
    above = [process for process in subject.chain[: subject.chain.index(shell)] if process.init]
    evidence = (
        shell.command_evidence,
        subject.service.command_evidence,
        *shell.mask_evidence("SigCgt", "SigIgn"),
        procfs.signal_bit(signum),
    )
    exec_fix = f"write the exec form, or exec in front of the last command: exec {subject.service.command}"
    if above and (init := launch.read(above[-1].words, subject.environment).inits):
        yield from _shell_below_init(init[-1], shell, subject, evidence, exec_fix)
        return
    if shell.reacts(signum):
        yield Finding(
            INFO,
            "shell-traps",
            f"a shell with a trap for {name}, {shell.label}, stands in front of {subject.service.label}",
            evidence,
            "A shell runs a trap only after the command in the foreground has ended. With `service & wait` it runs at once; "
            "whether it does is "
            "not visible from here.",
            exec_fix,
        )
        return
    dropped = shell.is_pid1 or shell.reaction(signum) in (Reaction.IGNORED, Reaction.BLOCKED)
    consequence = (
        f"{name} goes to the shell, which does nothing and passes nothing on. A stop waits its full time, then everything is "
        f"killed: status 137."
        if dropped
        else f"{name} ends the shell at once, and it passes nothing on: the service lives on without it, as an orphan."
    )
    yield Finding(
        ERROR if dropped else WARNING,
        "shell-in-front",
        f"a shell, {shell.label}, stands in front of the service {subject.service.label}, and {name} ends there",
        evidence,
        consequence,
        f"{exec_fix}; or keep the shell and start it below pysupervise: {advice.below_pysupervise(subject, '--forward', 'handlers')}",
    )


def _shell_below_init(init: launch.Init, shell: Process, subject: Subject, evidence: tuple[str, ...], exec_fix: str) -> Iterator[Remark]:
    name, title = subject.stop_signal.name, f"a shell, {shell.label}, stands between {init.name} and the service {subject.service.label}"
    if init.is_ours and init.signals_group():
        forward = init.settings.forward if init.settings is not None else "tree"
        if forward == "handlers":
            yield Passed("a shell in front of the service is passed over: pysupervise --forward handlers")
            return
        yield Finding(
            INFO,
            "shell-below-pysupervise",
            title,
            evidence,
            f"pysupervise sends {name} to the service and to the shell; the status is the shell's (128+n), not the service's.",
            "for the service's own status: "
            + (
                "one command below the shell (a pipeline has the status of its last), and exec in front of it"
                if subject.service_siblings
                else "pysupervise --forward handlers -- ...; or exec in the shell"
            ),
        )
        return
    if init.is_ours and init.settings is not None and init.settings.sweep_plan is not None:
        yield Finding(
            INFO,
            "shell-below-pysupervise",
            title,
            evidence,
            f"pysupervise passes {name} to the shell only, which dies of it: the status is the shell's (128+n), not the service's. What "
            f"the shell leaves gets {name} then, and has --sweep-grace for its stop.",
            f"{exec_fix}; or let pysupervise signal the whole tree: {_instead_of(init, subject)}",
        )
        return
    if init.signals_group():
        yield Finding(
            WARNING,
            "shell-below-init",
            title,
            evidence,
            f"{init.name} sends {name} to the group, the shell dies at once, {init.name} leaves, and the kernel kills the "
            f"service: its clean-up is "
            "cut off.",
            f"{exec_fix}; or take pysupervise instead, which waits for the service: {_instead_of(init, subject)}",
        )
        return
    yield Finding(
        ERROR,
        "shell-below-init",
        f"{title}, which never gets {name}",
        evidence,
        f"{init.name} passes {name} to the shell only. The shell dies, {init.name} leaves, and the kernel kills the service: it "
        f"never learns of the "
        "stop.",
        f"{exec_fix}; or let pysupervise signal the whole tree: {_instead_of(init, subject)}",
    )


def service_and_stop_signal(subject: Subject) -> Iterator[Remark]:
    """Judge what arrives at the service, and what that does there."""
    service = subject.service
    if service.init in programs.SMALL_INITS or (service.is_pid1 and service.pid == subject.head.pid and service.is_shell):
        return
    sent, arriving = subject.stop_signal.number, _arriving(subject)
    name = signals.name(arriving) if arriving else ""
    yield from _ours_and_stop_signal(subject, sent)
    yield from _expected(subject, arriving)
    if not arriving:
        yield Finding(
            ERROR,
            "stop-signal-dropped",
            f"the init drops {signals.name(sent)}: nothing reaches {service.label}",
            tuple(process.command_evidence for process in subject.inits),
            "The service is killed at the end of the grace period.",
            "take the rewrite to 0 away",
        )
        return
    if service.pid == subject.head.pid and service.is_pid1:
        return  # pid1_gets_the_stop_signal has said it
    reaction = service.reaction(arriving)
    evidence = (service.command_evidence, *service.mask_evidence("SigCgt", "SigIgn", "SigBlk"), _bits(service, arriving))
    instead = advice.send_instead(service, subject, arriving)
    if reaction is Reaction.UNKNOWN:
        yield Unread(f"what {name} does to {service.label}: it may be in sigwait, and /proc/{service.pid}/wchan and syscall do not say")
    elif reaction is Reaction.HANDLER and service.handles_always(arriving):
        yield Passed(f"{name} reaches the service, {service.label}; whether the program handles it or node ends it at once cannot be seen")
    elif reaction in (Reaction.HANDLER, Reaction.TAKEN):
        yield Passed(f"the service, {service.label}, handles {name}: {_how(service, arriving)}")
    elif reaction in (Reaction.IGNORED, Reaction.NOTHING):
        yield Finding(
            ERROR,
            "service-ignores-stop-signal",
            f"the service, {service.label}, ignores {name}",
            evidence,
            "A stop waits for the whole grace period, then the service is killed: status 137.",
            f"do not ignore {name} there" + (f"; or {instead}" if instead else ""),
        )
    elif reaction is Reaction.HELD and service not in subject.blocked_pending:
        yield rules_masks.held(service, subject, arriving, evidence, f"the service, {service.label},")
    elif reaction is Reaction.BLOCKED and service not in subject.blocked_pending:
        yield Finding(
            WARNING,
            "service-blocks-stop-signal",
            f"the service, {service.label}, blocks {name}, and nothing is seen that takes it",
            evidence,
            f"{name} will wait in the kernel, and the service is killed at the end of the grace period, unless it unblocks the "
            f"signal by then.",
            "start it with an empty signal mask: a blocked mask is inherited through fork and exec from whoever started it",
        )
    elif reaction is Reaction.DIES:
        yield Finding(
            INFO,
            "service-has-no-handler",
            f"the service, {service.label}, has no handler for {name}",
            evidence,
            f"{name} ends it at once: requests in work and unwritten data are lost.",
            f"handle {name} in the program, if it has something to finish" + (f"; or {instead}" if instead else ""),
        )


def _ours_and_stop_signal(subject: Subject, sent: int) -> Iterator[Remark]:
    for process in subject.inits:
        ours = launch.read(process.words, subject.environment).ours if process.init == programs.OURS else None
        if ours is not None and ours.settings is not None and sent not in ours.settings.stop_signals and subject.stop_signal.certain:
            name = signals.name(sent)
            yield Finding(
                WARNING,
                "stop-signal-unknown-to-pysupervise",
                f"the engine stops with {name}, which starts no stop in pysupervise",
                (process.command_evidence, f"stop signal: {subject.stop_signal.source}"),
                f"{name} is passed on to the service, but no grace period runs, and nobody is killed or named if the service stays.",
                f"pysupervise --stop-signal {name} -- ...",
            )


def _expected(subject: Subject, arriving: int) -> Iterator[Remark]:
    service = subject.service
    name = programs.service_name(service.program) or service.name
    expected = programs.EXPECTED.get(name)
    if expected is None or not arriving or not subject.stop_signal.certain or arriving in expected.graceful:
        return
    wanted = signals.name(expected.graceful[0])
    yield Finding(
        expected.severity,
        "stop-signal-against-service",
        f"{name} gets {signals.name(arriving)}, and stops gracefully on {wanted}",
        (service.command_evidence, f"stop signal: {subject.stop_signal.source}"),
        f"{expected.otherwise}.",
        f"STOPSIGNAL {wanted} in the Dockerfile" + (f", and pysupervise --stop-signal {wanted}" if subject.inits else ""),
    )


def pending_stop(subject: Subject) -> Iterator[Remark]:
    """Judge a stop signal that was sent and not taken: the clock of the stop runs."""
    name = subject.stop_signal.name
    for process in subject.blocked_pending:
        evidence = (
            *process.mask_evidence("SigPnd", "ShdPnd", "SigBlk"),
            f"/proc/{process.pid}/stat: state {process.stat.state}; {procfs.signal_bit(subject.stop_signal.number)}",
        )
        if process.stat.state in "Tt":
            yield Finding(
                ERROR,
                "stop-pending-in-stopped",
                f"{name} is pending in {process.label}, which is stopped: a stop is under way and does not get on",
                evidence,
                f"A stopped process does not see {name} before CONT. It is killed when the engine's time is over.",
                f"kill -CONT {process.pid}",
            )
        elif process.stat.state == "D":
            yield Finding(
                ERROR,
                "stop-pending-in-uninterruptible",
                f"{name} is pending in {process.label}, which is in uninterruptible sleep",
                evidence,
                "No signal is looked at before the kernel's call returns, not even KILL.",
                f"see what it waits for: cat /proc/{process.pid}/wchan",
            )
        elif process.reaction(subject.stop_signal.number) is Reaction.HELD:
            yield rules_masks.held_and_pending(process, subject, subject.stop_signal.number, evidence)
        elif process.reaction(subject.stop_signal.number) is Reaction.BLOCKED:
            yield Finding(
                ERROR,
                "stop-pending-and-blocked",
                f"{name} is pending and blocked in {process.label}: a stop is under way and does not get on",
                evidence,
                f"{name} was sent and nobody takes it. The process is killed when the grace period is over.",
                "unblock it in the program, or start it with an empty signal mask: a blocked mask is inherited through fork and exec",
            )
    if not subject.blocked_pending:
        yield Passed(f"no {name} waits to be taken in {counted(len(subject.members))} (SigPnd, ShdPnd)")


def script_runner(subject: Subject) -> Iterator[Remark]:
    """Judge npm, su and others with somebody below them. Where no shell is between, yarn is yarn 4, which waits."""
    service = subject.service
    below = next((member for member in subject.members if member.parent == service.pid and not member.is_dead), None)
    if below is None:
        return
    ours = next((process for process in subject.inits if process.init == programs.OURS), None)
    init = next(iter(launch.read(ours.words, subject.environment).inits), None) if ours is not None else None
    whole_tree = init is not None and init.signals_group()
    evidence = (service.command_evidence, f"/proc/{below.pid}/stat: {below.name}, parent {below.parent}")
    runner = runners.runner_of(service.words, service.stat.name)
    if runner and (runner == "npm" or programs.is_shell([below.name])):
        yield runners.in_front(runner, " ".join(service.words[:4]), evidence, whole_tree=whole_tree)
    if wrapped := runners.wrapper_in_front(service.words, evidence, whole_tree=whole_tree):
        yield wrapped


def stop_clock(subject: Subject) -> Iterator[Remark]:
    """Judge the sleep of a pysupervise: it has a timeout only while it stops its command, or clears up after it."""
    for process in subject.chain:
        if process.init != programs.OURS:
            continue
        clock = process.deadline
        if clock is not None:
            left = f", and {subject.service.label} is still there" if subject.service is not process else ""
            when = f"at most {clock.timeout_s:.1f} s after its last signal" if clock.left_s is None else f"in {clock.left_s:.1f} s"
            yield Finding(
                WARNING,
                "stop-in-progress",
                f"{process.label} is in the middle of a stop: its next step is due {when}{left}",
                clock.evidence,
                "Whoever is left after the last step gets KILL. `pysupervise --stop` or `--grace` says how long; an engine that asked for "
                "the stop has a clock of its own, which nothing here shows.",
                f"look who is left, and why: pysupervise tree {process.pid} --signal {subject.stop_signal.name}",
            )
        elif process.waits:
            yield Passed(f"{process.label} waits for signals without a deadline: it is not in the middle of a stop")
        elif process.waits is None:
            yield Unread(f"/proc/{process.pid}/syscall: whether {process.label} is in the middle of a stop")


def _arriving(subject: Subject) -> int:
    """Return the signal that the service gets after all rewriting; 0: none."""
    signum = subject.stop_signal.number
    for process in subject.inits:
        for init in launch.read(process.words, subject.environment).inits[:1]:
            signum = init.passes_on(signum) if signum else 0
    return signum


def _bits(process: Process, signum: int) -> str:
    """Say which bit the signal is, and which those are that are handled in its place."""
    known = process.reaction(signum) in (Reaction.DROPPED, Reaction.IGNORED, Reaction.DIES)
    return "; ".join(procfs.signal_bit(one) for one in (signum, *(advice.handled_instead(process, signum) if known else ())))


def _instead_of(init: launch.Init, subject: Subject) -> str:
    """Say how to have pysupervise there: an option less where it is that already, otherwise it and not the other init."""
    if init.is_ours:
        return "take --forward away"
    return f"{'pysupervise -- ...' if advice.on_host(subject) else advice.below_pysupervise(subject)} in the place of {init.name}"


def _how(process: Process, signum: int) -> str:
    taken = next((taken for taken in process.taken if taken.has(signum)), None)
    if taken is None:
        return process.mask_evidence("SigCgt")[0]
    return taken.evidence if taken.mask is not None else f"{taken.evidence}, it waits for signals (which ones may not be read)"


RULES = tuple(
    map(of_the_living, (pid1_gets_the_stop_signal, shell_in_front, service_and_stop_signal, script_runner, pending_stop, stop_clock))
)
