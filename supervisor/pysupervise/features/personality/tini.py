"""tini's command line (also as docker-init): signals to the child, no escalation, gone when the child is."""

from pysupervise.core import kernel, signals
from pysupervise.core.settings import DEBUG, WARNING, Settings
from pysupervise.features.personality.common import Plain, leave, letters, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

OUT, ERR = 1, 2
ENOENT, EACCES = 2, 13
BYTE = 255
TTIN, TTOU = 21, 22
# The names that -p takes, upper case and with SIG only.
DEATH_SIGNALS = frozenset(signals.NAMES.values()) - {"IO", "PWR", "STKFLT", "RTMIN", "RTMAX"}

USAGE = """\
{name} (tini version 0.19.0)
Usage: {name} [OPTIONS] PROGRAM -- [ARGS] | --version

pysupervise, with tini's command line.

  --version       show the version, alone
  -h              show this help
  -s              collect orphans where this is not PID 1
  -p SIGNAL       act on SIGNAL (SIGKILL, ...) when the parent dies
  -v              say more, up to three times
  -w              warn of every orphan that is reaped
  -g              pass signals on to the child's process group
  -e EXIT_CODE    return 0 instead of EXIT_CODE (0 to 255)
  -l              show the licence

Variables: TINI_SUBREAPER and TINI_KILL_PROCESS_GROUP (set: on), TINI_VERBOSITY (a number)."""

NO_SUBREAPER = (
    "Tini is not running as PID 1 and isn't registered as a child subreaper.\n"
    "Zombie processes will not be re-parented to Tini, so zombie reaping won't work.\n"
    "To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, "
    "or run Tini as PID 1."
)


def settings(argv: "list[str]", environment: "Mapping[bytes, bytes]") -> Settings:
    """Return the settings of a tini command line. Exits on questions and errors."""
    name = argv[0].rpartition("/")[2]
    if argv[1:] == ["--version"]:
        leave(0, OUT, "tini version 0.19.0")
    usage = USAGE.format(name=name)
    options, command = letters(argv, "hvwgls", "pe", permute=b"POSIXLY_CORRECT" not in environment)
    verbosity, warn, exit_map = 1, False, {}
    run = Settings(command, environment)
    run.subreaper, run.forward = False, "child"
    for option, value in options:
        if option == "?":
            _refuse(f"{name}: invalid option -- '{value}'", usage)
        elif option == ":":
            _refuse(f"{name}: option requires an argument -- '{value}'", usage)
        elif option == "h":
            leave(0, OUT, usage)
        elif option == "l":
            leave(0, OUT, "pysupervise is under the MIT licence.")
        elif option == "p":
            if not value.startswith("SIG") or value[3:] not in DEATH_SIGNALS:
                leave(1, ERR, f"[FATAL tini ({kernel.getpid()})] Not a valid option for -p: {value}")
            run.parent_death_signal = signals.NUMBERS[value[3:]]
        elif option == "e":
            if value and not (value.strip().isascii() and value.strip().isdigit() and int(value) <= BYTE):
                leave(1, ERR, f"[FATAL tini ({kernel.getpid()})] Not a valid option for -e: {value}")
            exit_map[int(value or 0)] = 0
        run.subreaper |= option == "s"
        run.forward = "group" if option == "g" else run.forward
        warn |= option == "w"
        verbosity += option == "v"
    if not command:
        leave(1, ERR, usage)
    run.subreaper |= b"TINI_SUBREAPER" in environment
    run.forward = "group" if b"TINI_KILL_PROCESS_GROUP" in environment else run.forward
    if b"TINI_VERBOSITY" in environment:
        verbosity = _atoi(environment[b"TINI_VERBOSITY"])
    run.exit_map = exit_map
    run.untaken_signals = signals.FAULTS
    run.rewrites = {TTIN: 0, TTOU: 0}
    run.stop_plan, run.sweep_plan = ((0, None, None),), None
    run.start_failure = _start_failure
    run.verbosity = DEBUG if verbosity > 1 or warn else WARNING
    run.voice = _voice(command, verbosity, warn=warn)
    return run


def _refuse(line: str, usage: str) -> "NoReturn":
    write(ERR, line)
    leave(1, ERR, usage)


def _start_failure(errno: int) -> int:
    return {ENOENT: 127, EACCES: 126}.get(errno, 1)


def _atoi(word: bytes) -> int:
    digits = word.strip().removeprefix(b"-").removeprefix(b"+")
    number = int(digits) if digits.isdigit() else 0
    return BYTE if word.strip().startswith(b"-") and number else number


def _voice(command: "list[str]", verbosity: int, *, warn: bool) -> Plain:
    """Return tini's words: FATAL and WARN to standard error, the rest to standard output."""
    own = kernel.getpid()
    main = [0]

    def line(level: int, word: str, text: str) -> "tuple[int, str] | None":
        return (ERR if level <= 1 else OUT, f"[{word} tini ({own})] {text}") if verbosity >= level else None

    def spawned(fields: "dict[str, object]") -> "tuple[int, str] | None":
        main[0] = int(str(fields["pid"]))
        return line(2, "INFO ", f"Spawned child process '{command[0]}' with pid '{fields['pid']}'")

    def reaped(fields: "dict[str, object]") -> "tuple[int, str] | None":
        if warn and fields["pid"] != main[0] and verbosity >= 1:
            write(ERR, f"[WARN  tini ({own})] Reaped zombie process with pid={fields['pid']}")
        return line(3, "DEBUG", f"Reaped child with pid: '{fields['pid']}'")

    def ended(fields: "dict[str, object]") -> "tuple[int, str] | None":
        signum = int(str(fields["signum"]))
        if signum:
            return line(2, "INFO ", f"Main child exited with signal (with signal '{kernel.strsignal(signum)}')")
        return line(2, "INFO ", f"Main child exited normally (with status '{fields['status']}')")

    def unreaped(_fields: "dict[str, object]") -> "tuple[int, str] | None":
        return None if kernel.get_child_subreaper() else line(1, "WARN ", NO_SUBREAPER)

    return Plain(
        {
            "spawned": spawned,
            "reaped": reaped,
            "command_ended": ended,
            "no_subreaper": unreaped,
            "delivered": lambda fields: line(3, "DEBUG", f"Passing signal: '{kernel.strsignal(signals.parse(str(fields['signal'])))}'"),
            "cannot_execute": lambda fields: (ERR, f"[FATAL tini ({fields['pid']})] exec {command[0]} failed: {fields['error']}"),
            "cannot_fork": lambda fields: (ERR, f"[FATAL tini ({own})] fork failed: {fields['reason']}"),
        }
    )
