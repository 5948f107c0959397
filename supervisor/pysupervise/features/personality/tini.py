"""tini 0.19.0, called tini or docker-init."""

import _signal
import posix

from pysupervise.core import kernel_rare
from pysupervise.core.loop import FAULTS
from pysupervise.core.reap_told import watch
from pysupervise.features.personality import STDERR, STDOUT, Relay, Words, basis, getopt, leading_number, leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pysupervise.core.machine import Event
    from pysupervise.core.settings import Settings

VERSION = "tini version 0.19.0"
USAGE = """{name} ({version})
Usage: {name} [OPTIONS] PROGRAM -- [ARGS] | --version

Runs PROGRAM under pysupervise, which reads {name}'s options here.

  --version     print the version of tini that this stands for
  -h            print this help
  -l            print the license
  -s            collect the orphans below also where this is not PID 1
  -p SIGNAL     have SIGNAL sent to this process when its parent dies, such as SIGTERM
  -v            say more; up to three times
  -w            warn of each orphan that is reaped
  -g            send signals to the process group of PROGRAM
  -e EXIT_CODE  exit with 0 where PROGRAM exits with EXIT_CODE (0 to 255); can be repeated

Environment:

  TINI_SUBREAPER           the same as -s
  TINI_VERBOSITY           a level from 0 to 4 instead of -v (default: 1)
  TINI_KILL_PROCESS_GROUP  the same as -g
"""
LICENSE = "This is pysupervise, under the MIT License; tini is a program of its own, of which nothing is contained here."
NOT_A_REAPER = """Tini is not running as PID 1 and isn't registered as a child subreaper.
Zombie processes will not be re-parented to Tini, so zombie reaping won't work.
To fix the problem, use the -s option or set the environment variable TINI_SUBREAPER to register Tini as a child subreaper, \
or run Tini as PID 1."""
FATAL, WARN, INFO, DEBUG, TRACE = range(5)
# What -p takes: neither numbers nor real-time signals nor the signals that not every system has.
DEATH_SIGNALS = (
    " HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM "
    "TERM CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH SYS "
)
UNTAKEN = FAULTS  # sent from outside, they hit tini itself
TTIN, TTOU = 21, 22
ENOENT, ESRCH, EACCES = 2, 3, 13
LARGEST_STATUS = 255


class TiniWords(Words):
    """Lines with a level: warnings to standard error, the rest to standard output, as tini has it."""

    __slots__ = ("level", "warn_of_orphans")

    def __init__(self) -> None:
        super().__init__()
        self.level = WARN
        self.warn_of_orphans = False

    def say(self, level: int, text: str, pid: int = 0) -> None:
        """Write a line of this process, or of a child that had said it itself."""
        if level <= self.level:
            name = ("FATAL", "WARN ", "INFO ", "DEBUG", "TRACE")[level]
            self.line(STDERR if level <= WARN else STDOUT, f"[{name} tini ({pid or posix.getpid()})] {text}")

    def cannot_fork(self, reason: str) -> None:
        """Say that fork failed."""
        self.say(FATAL, f"fork failed: {reason}")

    def cannot_prepare(self, _stage: str, _reason: str) -> None:
        """Only -p can fail there."""
        self.say(FATAL, "Failed to set up parent death signal")


class Tini(Relay):
    """The loop with tini's words in between."""

    words: TiniWords

    def begin(self) -> None:
        """Have the dead noted where they are spoken of."""
        if self.words.warn_of_orphans or self.words.level >= INFO:
            watch(self.reaper, self._note_reaped)

    def take(self, signum: int, pid: int, uid: int, code: int) -> None:
        """Pass a signal on, then look for the dead, as after everything."""
        super().take(signum, pid, uid, code)
        if self.state.phase == "running":
            self._collect()

    def reap(self) -> None:
        """SIGCHLD."""
        self.words.say(DEBUG, "Received SIGCHLD")
        self._collect()

    def handle(self, event: "Event") -> None:
        """Say what an event is to tini."""
        if event[0] == "spawned":
            self.words.say(INFO, f"Spawned child process '{self.program}' with pid '{self.command_pid}'")
        elif event[0] == "exited":
            self.words.say(TRACE, "No child to reap" if event[2] else "No child to wait")
            self.words.say(TRACE, "Exiting: child has exited")
        super().handle(event)

    def cannot_execute(self, errno: int) -> int:
        """Say what tini's child and tini say; the status is the child's, so that -e applies."""
        say, pid = self.words.say, self.command_pid
        if not self.kernel.isatty(0):
            # The child's own line: where exec succeeds, it is lost in the buffer of its standard output.
            say(DEBUG, "tcsetpgrp failed: no tty (ok to proceed)", pid)
        say(FATAL, f"exec {self.program} failed: {posix.strerror(errno)}", pid)
        status = {ENOENT: 127, EACCES: 126}.get(errno, 1)
        say(INFO, f"Spawned child process '{self.program}' with pid '{pid}'")
        say(DEBUG, "Received SIGCHLD")
        self._note_reaped(pid, status << 8)
        say(TRACE, "No child to wait")
        say(TRACE, "Exiting: child has exited")
        return self.settings.exit_map.get(status, status)

    def _collect(self) -> None:
        super().reap()
        if self.state.phase != "exited":
            self.words.say(TRACE, "No child to reap")

    def _deliver(self, signum: int, target: str) -> None:
        self.words.say(DEBUG, f"Passing signal: '{_signal.strsignal(signum)}'")
        errno = self.send(signum, target)
        if errno == ESRCH:
            self.words.say(WARN, "Child was dead when forwarding signal")
        elif errno:
            self.words.say(FATAL, f"Unexpected error when forwarding signal: '{posix.strerror(errno)}'")
            self.kernel._exit(1)  # noqa: SLF001 -- that is the name

    def _suspend(self, event: "Event") -> None:
        if event[0] == "stopped":  # Ctrl-Z; a TSTP that somebody sent is for the command alone
            super()._suspend(event)

    def _note_reaped(self, pid: int, wait_status: int, _name: str = "", _usage: object = None) -> None:
        self.words.say(DEBUG, f"Reaped child with pid: '{pid}'")
        if not self.is_main(pid):
            if self.words.warn_of_orphans:
                self.words.say(WARN, f"Reaped zombie process with pid={pid}")
            return
        signum = wait_status & 0x7F
        if signum:
            self.words.say(INFO, f"Main child exited with signal (with signal '{_signal.strsignal(signum)}')")
        else:
            self.words.say(INFO, f"Main child exited normally (with status '{wait_status >> 8}')")


def translate(name: str, arguments: "list[str]", environment: "Mapping[bytes, bytes]") -> "Settings":
    """Read tini's command line."""
    if arguments == ["--version"]:
        leave(0, STDOUT, VERSION)
    words = TiniWords()
    settings = basis(words, environment)
    settings.subreaper = b"TINI_SUBREAPER" in environment
    settings.forward = "group" if b"TINI_KILL_PROCESS_GROUP" in environment else "child"
    settings.untaken_signals = UNTAKEN
    settings.rewrites = {TTIN: 0, TTOU: 0}  # tini ignores them
    usage = USAGE.format(name=name, version=VERSION)
    for letter, value in getopt(arguments, settings.command, "p:hvwgle:s", permute=b"POSIXLY_CORRECT" not in environment):
        if letter == "h":
            leave(0, STDOUT, usage)
        elif letter == "l":
            leave(0, STDOUT, LICENSE)
        elif letter == "?":
            leave(1, STDERR, f"{name}: {value}\n{usage}")
        elif letter == "s":
            settings.subreaper = True
        elif letter == "g":
            settings.forward = "group"
        elif letter == "w":
            words.warn_of_orphans = True
        elif letter == "v":
            words.level += 1
        elif letter == "p":
            settings.parent_death_signal = _death_signal(words, value)
        elif letter == "e":
            settings.exit_map[_exit_code(words, value)] = 0
    if not settings.command:
        leave(1, STDERR, usage)
    if b"TINI_VERBOSITY" in environment:
        level = leading_number(environment[b"TINI_VERBOSITY"].decode(errors="replace"))[0] or 0
        words.level = level if level >= 0 else TRACE  # tini's is unsigned
    if settings.subreaper:
        words.say(TRACE, "Registered as child subreaper")
    elif posix.getpid() != 1 and words.level >= WARN and not _is_subreaper():
        words.say(WARN, NOT_A_REAPER)
    settings.supervisor = lambda *run: Tini(words, *run)
    return settings


def _death_signal(words: TiniWords, value: str) -> int:
    if value[:3] != "SIG" or not value[3:].isalnum() or f" {value[3:]} " not in DEATH_SIGNALS:
        words.say(FATAL, f"Not a valid option for -p: {value}")
        posix._exit(1)  # noqa: SLF001 -- that is the name
    return int(getattr(_signal, value))


def _exit_code(words: TiniWords, value: str) -> int:
    number, rest = leading_number(value)
    if rest or not 0 <= (number or 0) <= LARGEST_STATUS:
        words.say(FATAL, f"Not a valid option for -e: {value}")
        posix._exit(1)  # noqa: SLF001 -- that is the name
    return number or 0  # nothing at all is 0, as for strtol(3)


def _is_subreaper() -> bool:
    """Whether somebody made this process one and then executed us: the bit survives exec."""
    try:
        return kernel_rare.get_child_subreaper()
    except (ImportError, OSError):
        return False
