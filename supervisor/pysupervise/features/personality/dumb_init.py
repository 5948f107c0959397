"""dumb-init 1.2.5."""

import posix

from pysupervise.core.machine import JOB_CONTROL_STOPS
from pysupervise.core.reap_told import watch
from pysupervise.features.personality import STDERR, Relay, Words, basis, getopt, leading_number, leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pysupervise.core.machine import Action, Event
    from pysupervise.core.settings import Settings

VERSION = "dumb-init v1.2.5"
HELP = """{version}
Usage: {name} [option] command [[arg] ...]

Runs the command under pysupervise, which reads {name}'s options here.

  -c, --single-child  send signals to the command alone instead of to its session's process group
  -r, --rewrite s:r   send signal number r where s comes in; 0 sends nothing; can be repeated
  -v, --verbose       say what happens, on standard error
  -h, --help          print this help
  -V, --version       print the version of dumb-init that this stands for"""
NO_COMMAND = "Usage: {name} [option] program [args]\nTry {name} --help for full usage."
WRONG_REWRITE = """Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.
This option can be specified multiple times.
Use --help for full usage."""
LETTERS = "hvVcr:"
LONGS = {"help": "h", "single-child": "c", "rewrite": "r", "verbose": "v", "version": "V"}
TERM, CHLD, STOP = 15, 17, 19
LAST_SIGNAL = 31  # of those that can be rewritten
NOT_EXECUTED = 2


class DumbInitWords(Words):
    """Lines to standard error; those of -v only with it."""

    __slots__ = ("verbose",)

    def __init__(self) -> None:
        super().__init__()
        self.verbose = False

    def error(self, text: str) -> None:
        """Write a line."""
        self.line(STDERR, f"[dumb-init] {text}")

    def say(self, text: str) -> None:
        """Write a line of -v."""
        if self.verbose:
            self.error(text)

    def cannot_fork(self, _reason: str) -> None:
        """Say that fork failed."""
        self.error("Unable to fork. Exiting.")

    def cannot_prepare(self, stage: str, reason: str) -> None:
        """Nothing that dumb-init can do fails there."""
        self.error(f"Unable to {stage}: {reason}. Exiting.")


class DumbInit(Relay):
    """The loop with dumb-init's words in between."""

    words: DumbInitWords

    def begin(self) -> None:
        """Say that the command was started, and in which session."""
        words = self.words
        self.reaper.on_stopped = None  # a session of its own: its Ctrl-Z is not ours
        if words.verbose:
            watch(self.reaper, self._note_reaped)
        words.say(f"Child spawned with PID {self.command_pid}.")
        if self.settings.new_session:
            if self.terminal is None or self.terminal.wait_for_need:
                words.say(f"Unable to attach to controlling tty ({_why_no_terminal()}).")
            words.say("setsid complete.")

    def take(self, signum: int, pid: int, uid: int, code: int) -> None:
        """Pass a signal on."""
        self.words.say(f"Received signal {signum}.")
        self._note_rewriting(signum)
        super().take(signum, pid, uid, code)

    def reap(self) -> None:
        """SIGCHLD."""
        self.words.say(f"Received signal {CHLD}.")
        super().reap()

    def handle(self, event: "Event") -> None:
        """Say what an event is to dumb-init."""
        if event[0] == "spawned":
            try:
                self.kernel.chdir("/")  # not to keep a file system busy; after the command's start, which is where we were
            except OSError as error:
                self.words.say(f'Unable to chdir("/") (errno={error.errno} {error.strerror})')
        elif event[0] == "exited":
            self._note_rewriting(TERM)
        super().handle(event)

    def cannot_execute(self, errno: int) -> int:
        """Say what dumb-init's child and dumb-init say."""
        self.words.error(f"{self.program}: {posix.strerror(errno)}")
        self.words.say(f"Received signal {CHLD}.")
        if self.words.verbose:
            self._note_reaped(self.command_pid, NOT_EXECUTED << 8)
        self._note_rewriting(TERM)
        self._note_forwarded(self.settings.rewrites.get(TERM, TERM))
        self._note_end(NOT_EXECUTED)
        return NOT_EXECUTED

    def _carry_out(self, action: "Action", event: "Event") -> None:
        super()._carry_out(action, event)
        if action[0] == "drop":
            self._note_forwarded(0)
            if event[0] == "signal" and event[1] in JOB_CONTROL_STOPS:
                self._suspend(event)
        elif action[0] == "exit" and event[0] == "exited":
            self._note_end(event[1] >> 8 or 128 + (event[1] & 0x7F) if event[1] else 0)

    def _deliver(self, signum: int, target: str) -> None:
        self.send(signum, target)
        self._note_forwarded(signum)

    def _suspend(self, _event: "Event") -> None:
        self.words.say("Suspending self due to TTY signal.")
        self.kernel.kill(self.own_pid, STOP)  # does nothing to PID 1

    def _note_rewriting(self, signum: int) -> None:
        if signum in self.settings.rewrites:
            self.words.say(f"Translating signal {signum} to {self.settings.rewrites[signum]}.")

    def _note_forwarded(self, signum: int) -> None:
        self.words.say(f"Forwarded signal {signum} to children." if signum else "Not forwarding signal 0 to children (ignored).")

    def _note_end(self, status: int) -> None:
        self.words.say(f"Child exited with status {status}. Goodbye.")

    def _note_reaped(self, pid: int, wait_status: int, _name: str = "", _usage: object = None) -> None:
        signum = wait_status & 0x7F
        end = f"was terminated by signal {signum}" if signum else f"exited with exit status {wait_status >> 8}"
        self.words.say(f"A child with PID {pid} {end}.")


def translate(name: str, arguments: "list[str]", environment: "Mapping[bytes, bytes]") -> "Settings":
    """Read dumb-init's command line."""
    words = DumbInitWords()
    settings = basis(words, environment)
    settings.new_group = False
    settings.new_session = True
    settings.default_signals = True
    settings.parting_signal = TERM
    settings.subreaper = False
    for letter, value in getopt(arguments, settings.command, LETTERS, LONGS, permute=False):
        if letter == "h":
            leave(0, STDERR, HELP.format(name=name, version=VERSION))
        elif letter == "V":
            leave(0, STDERR, VERSION)
        elif letter == "?":
            leave(1, STDERR, f"{name}: {value}")
        elif letter == "v":
            words.verbose = True
        elif letter == "c":
            settings.new_session = False
        else:
            signum, sent = _rewrite(value)
            settings.rewrites[signum] = sent
    if not settings.command:
        leave(1, STDERR, NO_COMMAND.format(name=name))
    if environment.get(b"DUMB_INIT_DEBUG") == b"1":
        words.verbose = True
        words.say("Running in debug mode.")
    if environment.get(b"DUMB_INIT_SETSID") == b"0":
        settings.new_session = False
        words.say("Not running in setsid mode.")
    if settings.new_session:
        settings.forward = "group"
        for signum in JOB_CONTROL_STOPS:
            # Their default action is not taken in the group of a new session, which is orphaned.
            settings.rewrites.setdefault(signum, STOP)
        if words.verbose:
            words.say(_detaching())
    else:
        settings.forward = "child"
        settings.take_terminal = False
    settings.supervisor = lambda *run: DumbInit(words, *run)
    return settings


def _rewrite(value: str) -> "tuple[int, int]":
    signum, rest = leading_number(value)
    sent = leading_number(rest[1:])[0] if rest[:1] == ":" else None
    if signum is None or sent is None or not 1 <= signum <= LAST_SIGNAL or not 0 <= sent <= LAST_SIGNAL:
        leave(1, STDERR, WRONG_REWRITE)
    return signum, sent


def _detaching() -> str:
    """Say what will become of the terminal; core gives it up later, and only as its foreground job."""
    reason = _why_no_terminal()
    if reason:
        return f"Unable to detach from controlling tty ({reason})."
    if posix.getsid(0) == posix.getpid():
        return "Detached from controlling tty, ignoring the first SIGHUP and SIGCONT we receive."
    return "Detached from controlling tty, but was not session leader."


def _why_no_terminal() -> str:
    """Return why standard input is not our terminal, empty where it is: tcgetpgrp(3) fails as the ioctl of dumb-init does."""
    try:
        posix.tcgetpgrp(0)
    except OSError as error:
        return f"errno={error.errno} {error.strerror}"
    return ""
