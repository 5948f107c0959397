"""The one table of options.

The PID 1 parser, the environment variables, click's help, shell completion, the man page and the
README's table are all made from it; a new option is one row here and one line in cmdline.settings_from.
"""

from pysupervise.core import identity, values
from pysupervise.core.settings import DEFAULT_GRACE_S, DEFAULT_SWEEP_GRACE_S

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# First words that are verbs, where no -- stands before them. One file each in pysupervise/cli.
VERBS = ("check", "completion", "demo", "doctor", "manpage", "probe", "tree", "zombies")

VARIABLE_PREFIX = "PYSUPERVISE_"

STOPPING, SIGNALS, COMMAND, PLACE, STATUS, WORDS = (
    "Stopping",
    "Signals",
    "The command",
    "Among the processes",
    "Exit status",
    "Words",
)


class Option:
    """A row: how an option is written, what reads its value (None: a flag), what it is for."""

    __slots__ = ("choices", "help", "metavar", "name", "parse", "repeats", "section", "short")

    def __init__(
        self,
        section: str,
        name: str,
        metavar: str,
        parse: "Callable[[str], object] | None",
        text: str,
        *,
        short: str = "",
        repeats: bool = False,
        choices: "tuple[str, ...]" = (),
    ) -> None:
        self.section = section
        self.name = name
        self.short = short
        self.metavar = metavar
        self.parse = parse
        self.repeats = repeats
        self.choices = choices
        self.help = text

    @property
    def variable(self) -> str:
        """The environment variable that stands for the option."""
        return VARIABLE_PREFIX + self.name.upper().replace("-", "_")


class Table:
    """Options that stand on one command line: a run's, or a verb's that starts as fast as a run.

    ``hint`` says how that command line goes, ``border`` where its options end.
    """

    __slots__ = ("border", "by_name", "by_short", "hint")

    def __init__(self, options: "tuple[Option, ...]", hint: str, border: str) -> None:
        self.by_name: dict[str, Option] = {option.name: option for option in options}
        self.by_short: dict[str, Option] = {option.short: option for option in options if option.short}
        self.hint = hint
        self.border = border


OPTIONS: "tuple[Option, ...]" = (
    Option(
        STOPPING, "grace", "DURATION", values.duration, f"Wait so long between the stop signal and KILL. [default: {DEFAULT_GRACE_S:.0f}s]"
    ),
    Option(
        STOPPING,
        "stop-signal",
        "SIGNAL",
        values.stop_signal,
        "Send this to stop the command, whatever signal asked for it; the signal itself also asks for a stop. [default: the one that came]",
    ),
    Option(
        STOPPING,
        "stop",
        "SEQUENCE",
        values.stop_sequence,
        "Stop in steps, each a signal, a target and a wait: TERM@handlers:8s,TERM@tree:2s,KILL.",
    ),
    Option(
        STOPPING,
        "sweep-grace",
        "DURATION",
        values.duration,
        f"When the command ended by itself, give what it left running so long before KILL. [default: {DEFAULT_SWEEP_GRACE_S:.0f}s]",
    ),
    Option(STOPPING, "no-sweep", "", None, "Leave when the command ends, whatever it left running."),
    Option(STOPPING, "wait-all", "", None, "When the command ended, wait until everything it left running ends too."),
    Option(
        SIGNALS,
        "forward",
        "TARGET",
        values.target,
        "Who gets a signal: the child, its process group, the whole tree, or the processes that handle it. [default: tree]",
        choices=values.TARGETS,
    ),
    Option(
        SIGNALS,
        "rewrite",
        "FROM=TO",
        values.rewrites,
        "Pass another signal on than the one that came; TO 0 drops it. Can be repeated.",
        repeats=True,
    ),
    Option(COMMAND, "session", "", None, "Start the command in a session of its own (setsid), not just a process group."),
    Option(COMMAND, "workdir", "DIR", values.directory, "Start the command in this directory."),
    Option(COMMAND, "umask", "OCTAL", values.octal, "Start the command with this umask."),
    Option(
        COMMAND,
        "user",
        "USER[:GROUP]",
        identity.parse,
        "Start the command as this user, by name or number. HOME, USER and LOGNAME follow.",
    ),
    Option(COMMAND, "env", "KEY=VALUE", values.assignment, "Set a variable for the command. Can be repeated.", repeats=True),
    Option(
        COMMAND,
        "env-file",
        "FILE",
        values.environment_file,
        "Set the variables of a file of KEY=VALUE lines. Can be repeated.",
        repeats=True,
    ),
    Option(COMMAND, "clear-env", "", None, "Start from an empty environment."),
    Option(COMMAND, "argv0", "NAME", values.text, "Call the command this in its own argument list."),
    Option(COMMAND, "nice", "N", values.nice, "Start the command with this niceness, -20 to 19."),
    Option(
        COMMAND, "oom-score-adj", "N", values.oom_score_adj, "How readily the kernel kills the command when memory runs out, -1000 to 1000."
    ),
    Option(COMMAND, "no-new-privs", "", None, "The command and its children can never gain privileges (set-user-ID has no effect)."),
    Option(PLACE, "no-subreaper", "", None, "Do not collect orphans where pysupervise is not PID 1."),
    Option(
        PLACE,
        "parent-death",
        "SIGNAL",
        values.stop_signal,
        "Act as if this signal came when pysupervise's parent dies; the command gets it if pysupervise dies.",
    ),
    Option(
        STATUS,
        "map-exit",
        "STATUS=STATUS",
        values.exit_map,
        "Return another exit status than the command's: 143=0. Can be repeated.",
        repeats=True,
    ),
    Option(STATUS, "reraise", "", None, "Die of the signal that killed the command, so that a shell sees the truth. Not as PID 1."),
    Option(STATUS, "status-file", "FILE", values.text, "Write how it ended, by whom, and how long each phase took, as JSON."),
    Option(WORDS, "verbose", "", None, "Tell what happens; twice for every detail.", short="v", repeats=True),
    Option(WORDS, "quiet", "", None, "Say errors only, no warnings.", short="q"),
    Option(
        WORDS,
        "log-format",
        "FORMAT",
        values.log_format,
        "How to write: text, json or logfmt. [default: text]",
        choices=values.LOG_FORMATS,
    ),
)
# Not from the environment: they are questions, not settings.
QUESTIONS: "tuple[Option, ...]" = (
    Option(WORDS, "help", "", None, "Show this help and exit.", short="h"),
    Option(WORDS, "version", "", None, "Show the version and exit.", short="V"),
)

RUN = Table(
    (*OPTIONS, *QUESTIONS), "pysupervise [OPTIONS] -- COMMAND [ARG...]; pysupervise --help lists the options", "the command begins after --"
)
BY_NAME, BY_SHORT = RUN.by_name, RUN.by_short
BY_VARIABLE: "dict[str, Option]" = {option.variable: option for option in OPTIONS}
