"""What was read of a running process, its PID 1 and everybody below: values, which the rules judge."""

import enum
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pysupervise.cli.containers import Container
from pysupervise.cli.diagnosis import programs
from pysupervise.cli.diagnosis.engine import StopSignal
from pysupervise.cli.diagnosis.finding import Remark
from pysupervise.cli.limits import Limit
from pysupervise.cli.procfs import Stat, Status
from pysupervise.cli.sigwait import Deadline, Taken
from pysupervise.cli.why import Reason

CHLD, CONT = 17, 18
# Their default action does not end a process (signal(7)).
IGNORED_BY_DEFAULT = frozenset({CHLD, CONT, 23, 28})
STOPPING_BY_DEFAULT = frozenset({19, 20, 21, 22})
LONGEST_COMMAND = 100


class Reaction(enum.Enum):
    """What a signal does to a process."""

    HANDLER = "handler"
    TAKEN = "taken"  # sigwait, signalfd
    IGNORED = "ignored"
    BLOCKED = "blocked"  # and nothing is seen that takes it
    HELD = "held"  # blocked, with a handler: in there just now, or it never began
    DROPPED = "dropped"  # PID 1 of a namespace, with the default action
    DIES = "dies"
    STOPS = "stops"
    NOTHING = "nothing"  # the default action is to do nothing
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Process:
    """A process that rules look at closely."""

    stat: Stat
    status: Status | None  # None: it may not be read
    words: tuple[str, ...]  # its command line; () where it has none or may not be read
    executable: str = ""  # the name of its file, which no title hides; "" where that may not be read
    blocked: int = 0  # signals that every thread blocks; those with a handler at two looks
    thread: int = 0  # one that lives where the main one has ended, 0: the main one
    taken: tuple[Taken, ...] = ()
    taken_readable: bool = True  # whether more of them would have been seen
    links: Mapping[int, str] | None = None  # where descriptors 0 to 2 lead, "": that may not be read; None: not even which are open
    deadline: Deadline | None = None  # until when it waits for signals
    waits: bool | None = None  # whether it waits for signals; None: that may not be read
    open_files: frozenset[int] | None = None  # numbers of the open descriptors
    limits: Mapping[str, str] = field(default_factory=dict)  # soft limits of /proc/PID/limits, by name

    @property
    def pid(self) -> int:
        """Its number, as we see it."""
        return self.stat.pid

    @property
    def is_dead(self) -> bool:
        """Whether nothing of it runs any more."""
        return self.stat.is_dead

    @property
    def place(self) -> str:
        """Where /proc has what its threads share."""
        return f"/proc/{self.pid}/task/{self.thread}" if self.thread else f"/proc/{self.pid}"

    @property
    def is_pid1(self) -> bool:
        """Whether it is PID 1 of its PID namespace."""
        return self.status is not None and self.status.namespace_pids[-1] == 1

    @property
    def init(self) -> str:
        """The init that it is, "" where it is none."""
        return programs.init_of(self.words, self.stat.name)

    @property
    def is_shell(self) -> bool:
        """Whether it is a shell."""
        return programs.is_shell(self.words)

    @property
    def is_prompt(self) -> bool:
        """Whether it is a shell at a terminal that was given nothing to run: somebody types."""
        options_only = all(word.startswith("--") or (word.startswith("-") and "c" not in word) for word in self.words[1:])
        return self.is_shell and options_only and (self.links or {}).get(0, "").startswith(("/dev/pts/", "/dev/tty", "/dev/console"))

    @property
    def name(self) -> str:
        """What to call it."""
        return self.init or (programs.base_name(self.program[0]) if self.program else self.stat.name)

    @property
    def program(self) -> tuple[str, ...]:
        """Its words, of a title that it wrote over them only the name: nginx of "nginx: master process nginx -c /etc/x.conf"."""
        name, colon, _ = self.words[0].partition(": ") if self.words else ("", "", "")
        return (name,) if colon and name and " " not in name else self.words

    @property
    def label(self) -> str:
        """Pid and name, and its number in its own namespace where that is another one."""
        own = self.status.namespace_pids[-1] if self.status is not None else self.pid
        return f"pid {self.pid} `{self.name}`" + (f" ({own} in its namespace)" if own != self.pid else "")

    @property
    def command(self) -> str:
        """The command line for users, cut."""
        text = shlex.join(self.words) or f"[{self.stat.name}]"
        return text if len(text) <= LONGEST_COMMAND else text[: LONGEST_COMMAND - 3] + "..."

    def reaction(self, signum: int) -> Reaction:
        """Return what the signal does to it."""
        status = self.status
        if status is None:
            return Reaction.UNKNOWN
        if any(taken.has(signum) for taken in self.taken):
            return Reaction.TAKEN
        blocked = bool(self.blocked >> (signum - 1) & 1)
        if status.has_handler(signum) and not blocked:
            return Reaction.HANDLER
        if not self.taken_readable:
            return Reaction.UNKNOWN
        if blocked:
            return Reaction.HELD if status.has_handler(signum) else Reaction.BLOCKED
        if status.ignores(signum):
            return Reaction.IGNORED
        if signum in IGNORED_BY_DEFAULT:
            return Reaction.NOTHING
        if self.is_pid1 and signum != programs.KILL:
            return Reaction.DROPPED
        return Reaction.STOPS if signum in STOPPING_BY_DEFAULT else Reaction.DIES

    def handles_always(self, signum: int) -> bool:
        """Whether a handler is its runtime's own, so that nobody sees whether the program has one."""
        return signum in programs.ALWAYS_HANDLED.get(self.executable or self.name, ())

    def reacts(self, signum: int) -> bool:
        """Whether the signal reaches code of it."""
        return self.reaction(signum) in (Reaction.HANDLER, Reaction.TAKEN, Reaction.HELD)

    def mask_evidence(self, *keys: str) -> tuple[str, ...]:
        """Return lines of /proc/PID/status word for word."""
        if self.status is None:
            return ()
        return tuple(f"/proc/{self.pid}/status: {key}: {self.status.lines[key]}" for key in keys if key in self.status.lines)

    @property
    def command_evidence(self) -> str:
        """The command line with its place."""
        return f"{self.place}/cmdline: {self.command}"


@dataclass(frozen=True, slots=True)
class Notify:
    """NOTIFY_SOCKET of a process, and whether somebody listens there."""

    pid: int
    address: str
    evidence: tuple[str, ...]
    reachable: bool | None  # None: could not be read
    problem: str = ""  # what is wrong with it


@dataclass(frozen=True, slots=True)
class Traced:
    """A process with a tracer (ptrace(2))."""

    stat: Stat
    tracer: int  # the thread that traces, 0: one outside of our PID namespace
    tracer_name: str  # "" where it is not visible
    line: str  # TracerPid of its status

    @property
    def by(self) -> str:
        """The tracer in words."""
        if not self.tracer:
            return "a process outside of this PID namespace"
        return f"pid {self.tracer}" + (f" `{self.tracer_name}`" if self.tracer_name else ", which is not visible here")


@dataclass(frozen=True, slots=True)
class Terminal:
    """The controlling terminal of the head."""

    device: int
    foreground: int
    foreground_exists: bool


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything that the rules of a running process may ask."""

    head: Process  # what is examined: PID 1, or the process that was named
    chain: tuple[Process, ...]  # from the head down to the service: inits, shells, the service last
    service_siblings: int  # how many others the service's parent has beside it
    pid1: Process | None  # PID 1 of the head's namespace, where it is visible
    initial_namespace: bool  # the machine's own PID namespace
    below_pid1: bool  # whether the head is PID 1 or a descendant of it
    container: Container | None
    stop_signal: StopSignal
    members: tuple[Stat, ...]  # the head and everybody below it, or in its container
    zombies: tuple[Stat, ...]  # those of them that were dead at both looks
    dead_leaders: tuple[Stat, ...]  # and those whose main thread was, while others live
    unreaped: Mapping[int, Reason]  # why the head, a zombie, and dead leaders are there
    parents: Mapping[int, Process]  # of zombies
    blocked_pending: tuple[Process, ...]  # members with the stop signal pending
    uninterruptible: tuple[Stat, ...]  # at both looks
    traced: tuple[Traced, ...]
    member_names: Mapping[int, str]
    notify: tuple[Notify, ...] = ()
    terminal: Terminal | None = None
    task_limits: tuple[Limit, ...] = ()
    tasks_of_user: int | None = None
    environment: Mapping[str, str] | None = None  # of the head, None where it may not be read
    unread: tuple[str, ...] = ()
    frozen: str = ""  # the line that says that the head's cgroup is

    @property
    def service(self) -> Process:
        """The first that is neither init nor shell, or the last of the chain."""
        return self.chain[-1]

    @property
    def inits(self) -> tuple[Process, ...]:
        """The inits of the chain."""
        return tuple(process for process in self.chain if process.init in programs.SMALL_INITS)

    @property
    def shell(self) -> Process | None:
        """The first shell above the service."""
        return next((process for process in self.chain[:-1] if process.is_shell), None)


def counted(number: int) -> str:
    """Return "1 process", "2 processes"."""
    return f"{number} process{'' if number == 1 else 'es'}"


def joined(names: Sequence[str], most: int = 5) -> str:
    """Return "a, b and 3 more"."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


Rule = Callable[[Subject], Iterator[Remark]]


def of_the_living(rule: Rule) -> Rule:
    """Return a rule that has nothing to say where the head is a zombie, of which /proc keeps no descriptors, handlers or memory."""

    def judged(subject: Subject) -> Iterator[Remark]:
        return iter(()) if subject.head.is_dead else rule(subject)

    return judged
