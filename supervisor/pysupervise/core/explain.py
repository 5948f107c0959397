"""Answers to "why": loaded when something went wrong or somebody wants the story, never on the way of a signal."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import ModuleType

    from pysupervise.core.spawn import SpawnError
    from pysupervise.core.tree import Tree

ENOENT, E2BIG, ENOEXEC, EACCES, ENOTDIR, EPERM = 2, 7, 8, 13, 20, 1
NAMED = 10  # processes that a sentence names one by one
LOOKED_AT = 200  # to find them
INITS = ("tini", "docker-init", "podman-init", "dumb-init", "catatonit", "pysupervise", "pause", "s6-svscan", "runit")


def failed_start(error: "SpawnError", command: "list[str]") -> "tuple[int, str, str, str]":
    """Return (exit status, what could not be done, why, hint) for a command that did not start."""
    import os

    from pysupervise.core.spawn import EXECUTE
    from pysupervise.core.status import CANNOT_EXECUTE, NOT_FOUND

    reason = os.strerror(error.errno) if error.errno else "internal error"
    if error.stage != EXECUTE:
        hint = "the command was not started"
        if error.errno == EPERM:
            hint = "that takes a privilege which pysupervise was not started with"
        return CANNOT_EXECUTE, error.stage, reason, hint
    program = command[0]
    stage = f"execute {program!r}" if not program.isprintable() or not program or " " in program else f"execute {program}"
    if error.errno in (ENOENT, ENOTDIR):
        if "/" not in program:
            hint = "it is in none of the directories of PATH"
            if " " in program:
                hint = "it is taken as one word: without quotes around the whole command line it is a command and its arguments"
            return NOT_FOUND, stage, "not found", hint
        interpreter = _interpreter(program)
        if interpreter:
            return (
                CANNOT_EXECUTE,
                stage,
                f"its interpreter {interpreter} does not exist",
                "install it, or mend the first line of the script",
            )
        if os.path.exists(program):
            return CANNOT_EXECUTE, stage, "its dynamic loader does not exist", "it was built for another C library or another architecture"
        return NOT_FOUND, stage, "not found", "a path that is not absolute counts from the working directory"
    if error.errno == EACCES:
        if os.path.isdir(program):
            return CANNOT_EXECUTE, stage, "it is a directory", "name the program in it"
        return CANNOT_EXECUTE, stage, reason, "chmod +x, or look for a noexec mount or a directory that this user may not enter"
    if error.errno == ENOEXEC:
        hint = "a script needs a first line such as #!/bin/sh; a program must be built for this machine"
        return CANNOT_EXECUTE, stage, "it has no format that the kernel knows", hint
    if error.errno == E2BIG:
        hint = "one argument or variable may have 128 KiB, all together a quarter of the stack limit"
        return CANNOT_EXECUTE, stage, "the arguments and the environment are too long", hint
    return CANNOT_EXECUTE, stage, reason, "execve(2) has the details"


def _interpreter(program: str) -> str:
    """Return the interpreter that a script names, if it names one."""
    try:
        with open(program, "rb") as file:
            line = file.readline(256)
    except OSError:
        return ""
    if not line.startswith(b"#!"):
        return ""
    words = line[2:].split()
    return words[0].decode(errors="replace") if words else ""


def name(kernel: "ModuleType", pid: int) -> str:
    """Return the name of a process, from proc_pid_comm(5); empty where it is gone."""
    try:
        comm: bytes = kernel.read_file(f"/proc/{pid}/comm")
    except OSError:
        return ""
    return comm.decode(errors="replace").strip()


def names(kernel: "ModuleType", pids: "Iterable[int]") -> str:
    """Return "17 sh, 18 sleep", or how many where it is many."""
    found = list(pids)
    listed = ", ".join(f"{pid} {name(kernel, pid)}".strip() for pid in found[:NAMED])
    if len(found) > NAMED:
        return f"{listed} and {len(found) - NAMED} more"
    return listed or "nobody"


def survivors(kernel: "ModuleType", tree: "Tree") -> str:
    """Return who of the tree is still there, zombies left out, and what holds those that do not react."""
    words: list[str] = []
    # A look at everybody would keep a fork bomb alive: KILL waits for this.
    for pid in tree.members(LOOKED_AT):
        state = tree.state(pid)
        if state in ("", "Z", "X"):
            continue
        if len(words) == NAMED:
            words.append("and more")
            break
        held = {"D": "uninterruptible in " + (wait_channel(kernel, pid) or "the kernel"), "T": "stopped", "t": "being traced"}.get(state)
        words.append(f"{pid} {name(kernel, pid)}" + (f" ({held})" if held else ""))
    return ", ".join(words) or "nobody"


def stuck(kernel: "ModuleType", tree: "Tree") -> str:
    """Return who survives KILL; also the dead that a tracer keeps."""
    living = survivors(kernel, tree)
    dead = [f"{pid} {name(kernel, pid)} (dead, kept by a tracer)" for pid in tree.members(LOOKED_AT) if tree.state(pid) == "Z"]
    return ", ".join([living] * (living != "nobody") + dead[:NAMED]) or "nobody that /proc shows"


def wait_channel(kernel: "ModuleType", pid: int) -> str:
    """Return the kernel function that a process sleeps in, where the kernel tells."""
    try:
        channel: bytes = kernel.read_file(f"/proc/{pid}/wchan")
    except OSError:
        return ""
    return channel.decode(errors="replace").strip("0\n")


def sender(kernel: "ModuleType", pid: int, uid: int, code: int) -> str:
    """Return who sent a signal, from its siginfo (sigaction(2))."""
    if code == kernel.SI_KERNEL:
        return "the terminal or the kernel"
    if code > 0:
        return "the kernel"
    if pid == 0:
        return "outside the PID namespace"
    who = name(kernel, pid)
    return f"pid {pid} ({who + ', ' if who else ''}uid {uid})"


def outer_init(kernel: "ModuleType") -> str:
    """Return the name of an init above us that containers use, else empty."""
    who = name(kernel, 1)
    return who if who in INITS else ""
