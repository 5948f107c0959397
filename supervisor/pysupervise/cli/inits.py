"""Who is an init, and who is a running pysupervise: told by name and command line, the only signs that /proc has of it."""

from collections.abc import Sequence

from pysupervise.cli import procfs
from pysupervise.core.options import QUESTIONS, VERBS

# Names (comm) of programs that wait for every child that comes to them, whoever started it.
INITS = frozenset(
    {
        "pysupervise",
        "tini",
        "tini-static",
        "docker-init",
        "podman-init",
        "dumb-init",
        "catatonit",
        "systemd",
        "init",
        "openrc-init",
        "s6-svscan",
        "s6-linux-init",
        "runit",
        "runsvdir",
        "supervisord",
        "my_init",
    }
)
FILES = ("pysupervise", "pysupervise.pyz")
ENTRY = "from pysupervise.__main__ import main"  # sandbox.own_command
NAMES_OF_PYSUPERVISE = ("pysupervise", "python", "pypy")  # comm of a script is its file's name, after -m or -c the interpreter's
INTERPRETER_WORDS = 4  # such as python3 -I -m pysupervise


def is_pysupervise(stat: procfs.Stat, words: Sequence[str]) -> bool:
    """Whether a process supervises: a running pysupervise that is not just answering a question, as this one is."""
    after: Sequence[str] | None = None
    for index, word in enumerate(words[:INTERPRETER_WORDS]):
        if word.rpartition("/")[2] in FILES or ENTRY in word:
            after = words[index + 1 :]
            break
    if after is None:
        return stat.name == "pysupervise" and not words  # its command line may not be read
    questions = {*VERBS, *(f"--{question.name}" for question in QUESTIONS)}
    return not after or after[0] not in questions


def is_init(stat: procfs.Stat, words: Sequence[str]) -> bool:
    """Whether a process is known to collect orphans."""
    return stat.name in INITS or is_pysupervise(stat, words)


def command_of(children: Sequence[procfs.Stat]) -> procfs.Stat:
    """Return which child of an init is its command: the first that leads a process group, or else the first.

    Others before it were there when its process was still an entry script, which then called exec. Orphans came later.
    """
    return next((stat for stat in children if stat.group == stat.pid), children[0])


def is_namespace_init(stat: procfs.Stat, status: procfs.Status | None) -> bool:
    """Whether a process is PID 1 of its PID namespace (pid_namespaces(7)); read from NSpid."""
    return stat.pid == 1 or (status is not None and status.namespace_pids[-1] == 1)
