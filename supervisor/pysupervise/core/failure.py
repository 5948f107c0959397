"""The command did not start: why, what to do about it, and the status that says so. Loaded only then."""

from posix import strerror

from pysupervise.core.settings import ERROR
from pysupervise.core.spawn import EXECUTE, SpawnError
from pysupervise.core.status import CANNOT_EXECUTE, NOT_FOUND
from pysupervise.core.words import command_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pysupervise.core.narrator import Narrator
    from pysupervise.core.settings import Settings

FORK = "fork"
EMFILE, ENFILE = 24, 23
ENOENT, E2BIG, ENOEXEC, EACCES, ENOTDIR, EPERM, ENOSYS = 2, 7, 8, 13, 20, 1, 38


def cannot_execute(settings: "Settings", narrator: "Narrator", error: SpawnError) -> "tuple[int, str]":
    """Say why the command did not start; return (the exit status, what was said)."""
    if error.stage == FORK:
        narrator.tell(ERROR, "cannot_fork", command=command_line(settings.command[:1]), reason=strerror(error.errno))
        hint = "a limit on processes is reached: pids.max of the cgroup, ulimit -u, or pid_max"
        if error.errno in (EMFILE, ENFILE):
            hint = "a limit on open files is reached: ulimit -n, or fs.file-max"
        narrator.tell(ERROR, "hint", hint=hint)
        return CANNOT_EXECUTE, f"cannot start a process: {strerror(error.errno)}"
    status, stage, reason, hint = failed_start(error, settings.command)
    narrator.tell(ERROR, "cannot_execute", stage=stage, reason=reason)
    narrator.tell(ERROR, "hint", hint=hint)
    return status if settings.start_failure is None else settings.start_failure(error.errno), f"cannot {stage}: {reason}"


def failed_start(error: "SpawnError", command: "list[str]") -> "tuple[int, str, str, str]":
    """Return (exit status, what could not be done, why, hint) for a command that did not start."""
    import os

    reason = strerror(error.errno) if error.errno else "internal error"
    if error.stage != EXECUTE:
        hint = "the command was not started"
        if error.errno == EPERM:
            hint = "that takes a privilege which pysupervise was not started with"
        elif error.errno == ENOSYS and _lacks_ctypes():
            hint = "this Python lacks the module _ctypes, which that needs: a package of its own in some distributions"
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
        blamed = _refused_interpreter(program)
        if blamed:
            return CANNOT_EXECUTE, stage, blamed, "mend the first line of the script, or chmod +x that interpreter"
        return CANNOT_EXECUTE, stage, reason, "chmod +x, or look for a noexec mount or a directory that this user may not enter"
    if error.errno == ENOEXEC:
        hint = "a script needs a first line such as #!/bin/sh; a program must be built for this machine"
        if _interpreter(program):
            hint = "the kernel reads 256 bytes of a script's first line, and the name of the interpreter has to end in them (execve(2))"
        return CANNOT_EXECUTE, stage, "it has no format that the kernel knows", hint
    if error.errno == E2BIG:
        hint = "one argument or variable may have 128 KiB, all together a quarter of the stack limit"
        return CANNOT_EXECUTE, stage, "the arguments and the environment are too long", hint
    return CANNOT_EXECUTE, stage, reason, "execve(2) has the details"


def _lacks_ctypes() -> bool:
    try:
        import _ctypes  # noqa: F401 -- the question is whether it is there
    except ImportError:
        return True
    return False


def _refused_interpreter(program: str) -> str:
    """Return what is wrong with the interpreter of a script that is executable itself: then EACCES is about that one."""
    import os

    interpreter = _interpreter(program) if os.access(program, os.X_OK) else ""
    if not interpreter or "/" not in program:
        return ""
    if os.path.isdir(interpreter):
        return f"its interpreter {interpreter} is a directory"
    if os.path.exists(interpreter) and not os.access(interpreter, os.X_OK):
        return f"its interpreter {interpreter} is not executable"
    return ""


def _interpreter(program: str) -> str:
    """Return the interpreter that a script names, if it names one."""
    import os

    try:
        # A pipe in its place must not hold us: every signal is blocked.
        with open(os.open(program, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
            line = file.readline(256) if os.path.isfile(program) else b""
    except OSError:
        return ""
    if not line.startswith(b"#!"):
        return ""
    words = line[2:].split()
    return words[0].decode(errors="replace") if words else ""
