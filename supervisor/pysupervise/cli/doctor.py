"""pysupervise doctor: examines a process, a container, a Dockerfile or a compose file, and says how to mend what is wrong."""

import os
import stat
from collections.abc import Callable, Iterable, Iterator

import click

from pysupervise.cli import containers, output, procfs
from pysupervise.cli.diagnosis import compose, look, rules_around, rules_compose, rules_dockerfile, rules_init, rules_stop
from pysupervise.cli.diagnosis.dockerfile import MOST_CHARACTERS
from pysupervise.cli.diagnosis.drawing import draw
from pysupervise.cli.diagnosis.finding import UNUSABLE, Remark, Result
from pysupervise.cli.diagnosis.subject import Subject
from pysupervise.cli.output import CannotError, View, json_option, show, watch_option

SUMMARY = "Examine a process, a container, a Dockerfile or a compose file: what keeps it from stopping, reaping, starting well."
TEXT = f"""{SUMMARY}

Without an argument: PID 1, as seen from inside a container. With PID: that process and everybody below it.

Exit status: 0 nothing wrong (things to know may be listed), 1 warnings, 2 errors, {UNUSABLE} nothing was examined (wrong usage, no such
process, container or file).
"""
RULES: tuple[Callable[[Subject], Iterator[Remark]], ...] = (*rules_stop.RULES, *rules_init.RULES, *rules_around.RULES)


class UnusableError(CannotError):
    """Nothing was examined. Not status 2, which stands for errors that were found."""

    exit_code = UNUSABLE


class Doctor(click.Command):
    """A command whose usage errors have a status of their own (cli/main.py)."""

    usage_status = UNUSABLE


@click.command(cls=Doctor, help=TEXT, short_help=SUMMARY)
@click.argument("pid", type=output.pid, required=False)
@click.option(
    "--container",
    metavar="NAME-OR-ID",
    help="Examine a running container: podman, docker, containerd, cri-o. Ids are found without an engine.",
)
@click.option("--dockerfile", metavar="FILE", help="Examine a Dockerfile and the entry script that it copies.")
@click.option("--compose", "compose_file", metavar="FILE", help="Examine a compose file.")
@click.option("--target", metavar="STAGE", default="", help="With --dockerfile: the stage that is built. [default: the last one]")
@click.option(
    "--context",
    metavar="DIR",
    type=click.Path(exists=True, file_okay=False),
    help="With --dockerfile: the build context. [default: the directory of the file]",
)
@json_option
@watch_option
def command(
    pid: int | None,
    container: str | None,
    dockerfile: str | None,
    compose_file: str | None,
    target: str,
    *,
    context: str | None,
    as_json: bool,
    watch_s: float | None,
) -> None:
    """Examine one thing and leave with the status."""
    named = [word for word in (pid, container, dockerfile, compose_file) if word is not None]
    if len(named) > 1:
        raise UnusableError("cannot examine several things at once", "give one of PID, --container, --dockerfile, --compose")
    if (target or context) and dockerfile is None:
        raise UnusableError("cannot use --target or --context here", "they belong to --dockerfile")

    def once() -> Result:
        if dockerfile is not None:
            return examine_dockerfile(dockerfile, target, context)
        if compose_file is not None:
            return examine_compose(compose_file)
        return examine_container(container) if container is not None else examine_process(pid)

    def view() -> View:
        result = once()
        return View(result.as_json, lambda shown: draw(result, shown), result.status)

    raise SystemExit(show(view, as_json=as_json, watch_s=watch_s))


def examine_process(pid: int | None) -> Result:
    """Examine a process and everybody below it; None stands for PID 1 of our own namespace. Raises UnusableError."""
    if pid is None:
        if procfs.initial_namespace("self"):
            first = procfs.read_stat(1)
            name = f"{first.name}, " if first else ""
            raise UnusableError(
                f"cannot examine PID 1: it is {name}the init of the whole machine, not of a container",
                "give a PID, or --container NAME-OR-ID; in a container (`exec` into it) PID 1 is the right one",
            )
        pid = 1
    processes = procfs.snapshot()
    if pid not in processes:
        if hidden := procfs.hidden():
            raise UnusableError(f"cannot examine pid {pid}: /proc does not show the processes of other users ({hidden})", "look as root")
        raise UnusableError(f"cannot examine pid {pid}: no such process is visible here", "see ps -e, or --container NAME-OR-ID")
    if processes[pid].kernel_thread:
        raise UnusableError(f"cannot examine pid {pid}: it is a thread of the kernel", "give the pid of a program")
    return _examined(look.examine(pid, processes, containers.container_of(pid)), pid)


def examine_container(word: str) -> Result:
    """Examine a container by its name, id or the beginning of its id. Raises UnusableError."""
    processes = procfs.snapshot()
    try:
        found, members = containers.resolve(word, processes)
    except containers.NotFoundError as error:
        raise UnusableError(f"cannot examine the container: {error.reason}", error.hint) from None
    inside = set(members)
    # Its PID 1; where it has none of its own (a shared namespace), the first whose parent is outside.
    head = next((pid for pid in members if _is_pid1(pid)), None) or next(
        (pid for pid in members if processes[pid].parent not in inside), members[0]
    )
    return _examined(look.examine(head, processes, found, members), head)


def _is_pid1(pid: int) -> bool:
    status = procfs.read_status(pid)
    return status is not None and status.namespace_pids[-1] == 1


def _examined(subject: Subject | None, pid: int) -> Result:
    if subject is None:
        raise UnusableError(f"cannot examine pid {pid}: it has just ended", "look again")
    head = subject.head
    heading = f"{head.label}: {head.command}"
    if subject.container is not None:
        heading += f"; container {subject.container}"
    if head.is_pid1:
        heading += "; PID 1 of its namespace"
    if subject.service.pid != head.pid:
        heading += f"; the service is {subject.service.label}"
        if subject.service_siblings:
            heading += f" with {subject.service_siblings} beside it"
    result = Result(
        {
            "kind": "process",
            "pid": head.pid,
            "command": list(head.words),
            "container": None if subject.container is None else {"id": subject.container.id, "engine": subject.container.engine},
            "service_pid": subject.service.pid,
            "stop_signal": subject.stop_signal.name,
            "stop_signal_source": subject.stop_signal.source,
            "processes": len(subject.members),
        },
        heading,
    )
    for rule in RULES:
        result.take(rule(subject))
    return result


def examine_dockerfile(path: str, target: str = "", context: str | None = None) -> Result:
    """Examine a Dockerfile. Raises UnusableError."""
    text = _read(path)
    result = Result({"kind": "dockerfile", "file": path}, path)
    directory = context if context is not None else os.path.dirname(path) or "."
    return _filled(result, lambda: rules_dockerfile.examine(text, path, directory, target), path)


def examine_compose(path: str) -> Result:
    """Examine a compose file. Raises UnusableError."""
    text = _read(path)
    result = Result({"kind": "compose", "file": path}, path)
    return _filled(result, lambda: rules_compose.examine(text, path, os.path.dirname(path) or "."), path)


def _filled(result: Result, remarks: Callable[[], Iterable[Remark]], path: str) -> Result:
    try:
        result.take(remarks())
    except rules_dockerfile.NoStageError as error:
        raise UnusableError(f"cannot examine {path}: {error}", "give a Dockerfile, and --target a stage of it") from None
    except compose.UnreadableError as error:
        raise UnusableError(f"cannot examine {path}: {error.reason}", error.hint) from None
    return result


def _read(path: str) -> str:
    try:
        if stat.S_ISFIFO(os.stat(path).st_mode):
            raise UnusableError(f"cannot read {path}: it is a pipe, which may have no end", "give a regular file")
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            text = file.read(MOST_CHARACTERS + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise UnusableError(f"cannot read {path}: {reason}", "give a file that exists and may be read") from None
    if len(text) > MOST_CHARACTERS:
        raise UnusableError(f"cannot examine {path}: it has more than {MOST_CHARACTERS:,} characters", "is it the right file?")
    return text
