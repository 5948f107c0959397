"""What to write where: the words of a fix depend on whether the process is in a container, and on what it handles."""

import json

from pysupervise.cli.diagnosis import programs
from pysupervise.cli.diagnosis.subject import Process, Subject
from pysupervise.core import signals

# Signals that programs stop on, the ones meant for that first: the kernel's default action of each ends a process (signal(7)).
STOPPING = (programs.TERM, programs.QUIT, programs.INT)
ENDING = (*STOPPING, programs.HUP, programs.USR1, signals.NUMBERS["USR2"])


def on_host(subject: Subject) -> bool:
    """Whether the process is in no container, nor in a PID namespace that a container could be."""
    return subject.container is None and subject.initial_namespace


def below_pysupervise(subject: Subject, *options: str) -> str:
    """Say how to run the process below pysupervise."""
    if on_host(subject):
        command = subject.head.command
        return " ".join(["pysupervise", *options, "--", "COMMAND" if command.endswith("...") else command])
    return f"ENTRYPOINT {json.dumps(['pysupervise', *options, '--'])}"


def init_in_front(subject: Subject) -> str:
    """Say how to put an init in front."""
    if on_host(subject):
        return below_pysupervise(subject)
    return f"{below_pysupervise(subject)} in the Dockerfile, or --init when the container is started"


def handled_instead(process: Process, signum: int) -> list[int]:
    """Return signals that would end a process by default, and for which it has a handler that is not blocked; not ``signum``."""
    status = process.status
    if status is None or process.is_shell:  # a shell catches some at a prompt, and stops on none of them
        return []
    return [
        other
        for other in ENDING
        if other != signum and status.has_handler(other) and not process.handles_always(other) and not process.blocked >> (other - 1) & 1
    ]


def send_instead(process: Process, subject: Subject, signum: int) -> str:
    """Say which signal to stop it with instead of one that has no handler there; "" where it handles none."""
    handled = handled_instead(process, signum)
    if not handled:
        return ""
    names = [signals.name(other) for other in handled]
    if handled[0] not in STOPPING:
        return f"make {' or '.join(names)} the stop signal, which it handles, if that is its clean stop"
    name = names[0]
    if on_host(subject):
        how = below_pysupervise(subject, "--stop-signal", name)
    elif any(init.init == programs.OURS for init in subject.inits):
        how = f"pysupervise --stop-signal {name} -- ..."
    else:
        how = f"STOPSIGNAL SIG{name} in the Dockerfile (compose: stop_signal), or {below_pysupervise(subject, '--stop-signal', name)}"
    more = f" ({', '.join(names[1:])} too)" if names[1:] else ""
    return f"send {name}, which it handles{more}, if that is its clean stop: {how}"
