"""What a run is to do: one value, filled by the command line or by a personality, read by everybody else."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Protocol

    from pysupervise.core.identity import User
    from pysupervise.core.journal import Voice
    from pysupervise.core.loop import Supervisor
    from pysupervise.core.machine import Step
    from pysupervise.core.narrator import Narrator
    from pysupervise.core.terminal import Terminal

    class Observer(Protocol):
        """A feature that wants to know how a run ended."""

        def write(self, exit_status: int) -> None:
            """Leave the record."""


# Levels of words. -q is ERROR, the default is WARNING, -v INFO, -vv DEBUG.
SILENT, ERROR, WARNING, INFO, DEBUG = -1, 0, 1, 2, 3

DEFAULT_GRACE_S = 10.0
DEFAULT_SWEEP_GRACE_S = 5.0
# After KILL only a process in uninterruptible sleep, or one that a tracer holds, is still there: wait no longer than this.
KILL_WAIT_S = 2.0


class Settings:
    """All settings of a run. Defaults stand in the class, so that a run which changes none pays for none.

    A plan of a stop is a tuple of steps ``(signum, target, seconds)``: send the signal to the target, then wait so long. Signal 0
    stands for the one that asked for the stop, target None for ``forward``. KILL to the whole tree follows the last step.
    """

    # What runs, and as what.
    argv0: str | None = None
    working_directory: str | None = None
    umask: int | None = None
    user: "User | None" = None
    nice: int | None = None
    oom_score_adj: int | None = None
    no_new_privileges = False
    default_signals = False
    shell_scripts = False  # whether a script without an interpreter line is given to sh, as execvp(3) does
    new_session = False
    new_group = True
    take_terminal = True
    # Where signals go.
    forward = "tree"
    untaken_signals: frozenset[int] = frozenset()
    # How it stops.
    stop_signals: frozenset[int] = frozenset((2, 15))  # INT and TERM; QUIT makes a JVM print its threads and live on
    stop_plan: "tuple[Step, ...]" = ((0, None, DEFAULT_GRACE_S),)
    sweep_plan: "tuple[Step, ...] | None" = ((15, "tree", DEFAULT_SWEEP_GRACE_S),)
    wait_all = False
    kill_wait_s = KILL_WAIT_S
    parting_signal = 0
    # Our own place among the processes.
    subreaper = True
    parent_death_signal = 0
    # What is left behind and said.
    # For a command that does not start: errno to status, where another init's statuses count.
    start_failure: "Callable[[int], int] | None" = None
    reraise = False
    status_file: str | None = None
    observer: "Callable[[Supervisor], Observer] | None" = None
    verbosity = WARNING
    log_format = "text"
    voice: "Voice | None" = None
    # The loop of another init, where it has words that no event of ours stands for.
    supervisor: "Callable[[Settings, ModuleType, Narrator, int, Terminal | None], Supervisor] | None" = None
    unknown_variables: tuple[str, ...] = ()

    def __init__(self, command: "list[str]", environment: "Mapping[bytes, bytes]") -> None:
        self.command = command
        self.environment = environment
        self.rewrites: dict[int, int] = {}
        self.exit_map: dict[int, int] = {}

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
