"""What a run is to do: one value, filled by the command line or by a personality, read by everybody else."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Protocol

    from pysupervise.core.identity import User
    from pysupervise.core.journal import Voice
    from pysupervise.core.loop import Supervisor
    from pysupervise.core.narrator import Narrator
    from pysupervise.core.terminal import Terminal

    class Observer(Protocol):
        """A feature that wants to know how a run ended."""

        def write(self, exit_status: int) -> None:
            """Leave the record."""


# Levels of words. -q is ERROR, the default is WARNING, -v INFO, -vv DEBUG.
ERROR, WARNING, INFO, DEBUG = 0, 1, 2, 3

DEFAULT_GRACE_S = 10.0
DEFAULT_SWEEP_GRACE_S = 5.0
# After KILL only a process in uninterruptible sleep, or one that a tracer holds, is still there: wait no longer than this.
KILL_WAIT_S = 2.0


class Settings:
    """All settings of a run, with their defaults.

    A plan of a stop is a tuple of steps ``(signum, target, seconds)``: send the signal to the target, then wait so long. Signal 0
    stands for the one that asked for the stop, target None for ``forward``, seconds None for no limit. KILL to the whole tree
    follows the last step.
    """

    __slots__ = (
        "argv0",
        "command",
        "default_signals",
        "environment",
        "exit_map",
        "forward",
        "kill_wait_s",
        "log_format",
        "new_group",
        "new_session",
        "nice",
        "no_new_privileges",
        "observer",
        "oom_score_adj",
        "parent_death_signal",
        "parting_signal",
        "reraise",
        "rewrites",
        "shell_scripts",
        "start_failure",
        "status_file",
        "stop_plan",
        "stop_signals",
        "subreaper",
        "supervisor",
        "sweep_plan",
        "take_terminal",
        "umask",
        "unknown_variables",
        "untaken_signals",
        "user",
        "verbosity",
        "voice",
        "wait_all",
        "working_directory",
    )

    def __init__(self, command: "list[str]", environment: "Mapping[bytes, bytes]") -> None:
        # What runs, and as what.
        self.command = command
        self.environment = environment
        self.argv0: str | None = None
        self.working_directory: str | None = None
        self.umask: int | None = None
        self.user: User | None = None
        self.nice: int | None = None
        self.oom_score_adj: int | None = None
        self.no_new_privileges = False
        self.default_signals = False
        self.shell_scripts = False  # whether a script without an interpreter line is given to sh, as execvp(3) does
        self.new_session = False
        self.new_group = True
        self.take_terminal = True
        # Where signals go.
        self.forward = "tree"
        self.rewrites: dict[int, int] = {}
        self.untaken_signals: frozenset[int] = frozenset()
        # How it stops.
        self.stop_signals: frozenset[int] = frozenset((2, 15))  # INT and TERM; QUIT makes a JVM print its threads and live on
        self.stop_plan: tuple[tuple[int, str | None, float | None], ...] = ((0, None, DEFAULT_GRACE_S),)
        self.sweep_plan: tuple[tuple[int, str | None, float | None], ...] | None = ((15, "tree", DEFAULT_SWEEP_GRACE_S),)
        self.wait_all = False
        self.kill_wait_s = KILL_WAIT_S
        self.parting_signal = 0
        # Our own place among the processes.
        self.subreaper = True
        self.parent_death_signal = 0
        # What is left behind and said.
        # For a command that does not start: errno to status, where another init's statuses count.
        self.start_failure: Callable[[int], int] | None = None
        self.exit_map: dict[int, int] = {}
        self.reraise = False
        self.status_file: str | None = None
        self.observer: Callable[[Supervisor], Observer] | None = None
        self.verbosity = WARNING
        self.log_format = "text"
        self.voice: Voice | None = None
        # The loop of another init, where it has words that no event of ours stands for.
        self.supervisor: Callable[[Settings, ModuleType, Narrator, int, Terminal | None], Supervisor] | None = None
        self.unknown_variables: list[str] = []

    @property
    def needs_preparation(self) -> bool:
        """Whether the child has more to do before exec than every child."""
        return (
            self.umask is not None
            or self.user is not None
            or self.nice is not None
            or self.oom_score_adj is not None
            or self.working_directory is not None
            or self.no_new_privileges
            or self.parent_death_signal != 0
        )
