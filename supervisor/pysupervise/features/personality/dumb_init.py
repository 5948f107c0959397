"""dumb-init's command line: a session of its own, signals to the group, one TERM to what is left."""

from pysupervise.core import signals
from pysupervise.core.settings import DEBUG, ERROR, Settings
from pysupervise.features.personality.common import Plain, leave, letters, write

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

ERR = 2
CANNOT_START = 2
TERM, STOP, CHLD = 15, 19, 17
LAST_STANDARD = 31
TERMINAL_STOPS = (20, 22, 21)  # TSTP TTOU TTIN: in an orphaned group, which a new session is, they would do nothing

VERSION = "dumb-init v1.2.5"
LONG = {"help": "h", "single-child": "c", "rewrite": "r", "verbose": "v", "version": "V"}
HELP = """\
dumb-init v1.2.5
Usage: {argv0} [option] command [[arg] ...]

pysupervise, with dumb-init's command line.

   -c, --single-child   pass signals on to the child alone, without a session of its own
   -r, --rewrite s:r    pass signal r on when s comes; 0 drops it; can be repeated
   -v, --verbose        say what happens
   -h, --help           show this help
   -V, --version        show the version"""
REWRITE_USAGE = (
    "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
    "This option can be specified multiple times.\n"
    "Use --help for full usage."
)


def settings(argv: "list[str]", environment: "Mapping[bytes, bytes]") -> Settings:
    """Return the settings of a dumb-init command line. Exits on questions and errors."""
    options, command = letters(_short(argv), "hvVc", "r", permute=False)
    single, verbose = False, False
    rewrites: dict[int, int] = {}
    for option, value in options:
        if option == "?":
            leave(1, ERR, f"{argv[0]}: invalid option -- '{value}'")
        elif option == ":":
            leave(1, ERR, f"{argv[0]}: option requires an argument -- '{value}'")
        elif option == "h":
            leave(0, ERR, HELP.format(argv0=argv[0]))
        elif option == "V":
            leave(0, ERR, VERSION)
        elif option == "r":
            rewrites.update([_pair(value)])
        single |= option == "c"
        verbose |= option == "v"
    if not command:
        leave(1, ERR, f"Usage: {argv[0]} [option] program [args]\nTry {argv[0]} --help for full usage.")
    if environment.get(b"DUMB_INIT_DEBUG") == b"1":
        verbose = True
        write(ERR, "[dumb-init] Running in debug mode.")
    if environment.get(b"DUMB_INIT_SETSID") == b"0":
        single = True
        if verbose:
            write(ERR, "[dumb-init] Not running in setsid mode.")
    run = Settings(command, environment)
    run.default_signals = True
    run.new_session, run.new_group = not single, False
    run.forward = "child" if single else "group"
    run.rewrites = rewrites if single else {**dict.fromkeys(TERMINAL_STOPS, STOP), **rewrites}
    run.stop_plan, run.sweep_plan, run.parting_signal = ((0, None, None),), None, TERM
    run.subreaper, run.quiet_subreaper, run.take_terminal = False, True, not single
    run.start_failure = lambda _errno: CANNOT_START
    run.verbosity = DEBUG if verbose else ERROR
    run.voice = _voice(command, run.rewrites, verbose=verbose)
    return run


def _short(argv: "list[str]") -> "list[str]":
    """Spell long options, up to the command, as short ones; unambiguous beginnings are enough, as for getopt_long(3)."""
    words, index = [argv[0]], 1
    while index < len(argv) and argv[index].startswith("-") and argv[index] not in ("-", "--"):
        word = argv[index]
        index += 1
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            found = [long for long in LONG if long.startswith(name)]
            found = [name] if name in LONG else found
            if len(found) > 1:
                leave(1, ERR, f"{argv[0]}: option '{word}' is ambiguous; possibilities: " + " ".join(f"'--{long}'" for long in found))
            if not found:
                leave(1, ERR, f"{argv[0]}: unrecognized option '--{name}'")
            if equals and LONG[found[0]] != "r":
                leave(1, ERR, f"{argv[0]}: option '--{found[0]}' doesn't allow an argument")
            if LONG[found[0]] == "r" and not equals and index == len(argv):
                leave(1, ERR, f"{argv[0]}: option '--rewrite' requires an argument")
            word = "-" + LONG[found[0]] + value
        words.append(word)
        if word.endswith("r") and index < len(argv):
            words.append(argv[index])
            index += 1
    return words + argv[index:]


def _pair(value: str) -> "tuple[int, int]":
    """Return a rewrite as sscanf's %d:%d reads it: blanks before a number and anything behind the pair are allowed."""
    left, _, right = value.partition(":")
    digits = ""
    for letter in right.lstrip():
        if not (letter.isascii() and letter.isdigit()):
            break
        digits += letter
    source = left.lstrip()
    if not (source.isascii() and source.isdigit()) or not digits or not 1 <= int(source) <= LAST_STANDARD or int(digits) > LAST_STANDARD:
        leave(1, ERR, REWRITE_USAGE)
    return int(source), int(digits)


def _voice(command: "list[str]", rewrites: "dict[int, int]", *, verbose: bool) -> Plain:
    def say(text: str) -> "tuple[int, str] | None":
        return (ERR, f"[dumb-init] {text}") if verbose else None

    def received(fields: "dict[str, object]") -> "tuple[int, str] | None":
        signum = signals.parse(str(fields["signal"]))
        if verbose:
            write(ERR, f"[dumb-init] Received signal {signum}.")
        return say(f"Translating signal {signum} to {rewrites[signum]}.") if signum in rewrites else None

    def reaped(fields: "dict[str, object]") -> "tuple[int, str] | None":
        if verbose:
            write(ERR, f"[dumb-init] Received signal {CHLD}.")
        if fields["signum"]:
            return say(f"A child with PID {fields['pid']} was terminated by signal {fields['signum']}.")
        return say(f"A child with PID {fields['pid']} exited with exit status {fields['status']}.")

    return Plain(
        {
            "spawned": lambda fields: say(f"Child spawned with PID {fields['pid']}."),
            "signal": received,
            "delivered": lambda fields: say(f"Forwarded signal {signals.parse(str(fields['signal']))} to children."),
            "dropped": lambda _fields: say("Not forwarding signal 0 to children (ignored)."),
            "reaped": reaped,
            "exited": lambda fields: say(f"Child exited with status {fields['status']}. Goodbye."),
            "cannot_execute": lambda fields: (ERR, f"[dumb-init] {command[0]}: {fields['error']}"),
            "cannot_fork": lambda _fields: (ERR, "[dumb-init] Unable to fork. Exiting."),
        }
    )
