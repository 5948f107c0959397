"""catatonit 0.1.7, as seen from outside."""

import posix

from pysupervise.core import kernel, kernel_rare
from pysupervise.core.loop import FAULTS
from pysupervise.core.machine import JOB_CONTROL_STOPS
from pysupervise.core.reap_told import watch
from pysupervise.features.personality import STDERR, STDOUT, Relay, Words, basis, getopt, leave

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

    from pysupervise.core.machine import Event
    from pysupervise.core.settings import Settings

VERSION = "tini version 0.1.7_catatonit"  # Docker looks for tini's name
USAGE = "usage: {name} [-ghLPV] [--] <progname> [<arguments>...]"
HELP = """
Runs the program under pysupervise, which reads {name}'s options here.

  -g             send signals to the program's process group
  -h             print this help
  -L             print the license
  -P             run no program: reap orphans until INT or TERM
  -V, --version  print the version of catatonit that this stands for"""
LICENSE = "This is pysupervise, under the MIT License; catatonit is a program of its own, of which nothing is contained here."
UNTAKEN = FAULTS  # sent from outside, they hit catatonit itself
INT, TERM, CHLD = 2, 15, 17
WNOHANG = 1


class CatatonitWords(Words):
    """Lines to standard error, below an error only with CATATONIT_DEBUG."""

    __slots__ = ("debugging",)

    def __init__(self, *, debugging: bool) -> None:
        super().__init__()
        self.debugging = debugging

    def error(self, text: str, pid: int = 0) -> None:
        """Write an error of this process, or of a child that had said it itself."""
        self.line(STDERR, f"ERROR (catatonit:{pid or posix.getpid()}): {text}")

    def say(self, text: str, pid: int = 0, level: str = "DEBUG") -> None:
        """Write what only CATATONIT_DEBUG asks for."""
        if self.debugging:
            self.line(STDERR, f"{level} (catatonit:{pid or posix.getpid()}): {text}")

    def cannot_fork(self, reason: str) -> None:
        """Say that fork failed."""
        self.error(f"failed to spawn pid1: {reason}")

    def cannot_prepare(self, _stage: str, reason: str) -> None:
        """Say that nothing was started."""
        self.cannot_fork(reason)


class Catatonit(Relay):
    """The loop with catatonit's words in between."""

    words: CatatonitWords

    def begin(self) -> None:
        """Say that the program was started."""
        if self.words.debugging:
            watch(self.reaper, self._note_reaped)
            self.words.say(f"pid1 ({self.command_pid}) spawned: {self.program}")
            self._note_terminal()

    def take(self, signum: int, pid: int, uid: int, code: int) -> None:
        """Pass a signal on."""
        if signum in JOB_CONTROL_STOPS:
            self.words.say("ignoring kernel attempting to stop us: tty has TOSTOP set")
        super().take(signum, pid, uid, code)

    def handle(self, event: "Event") -> None:
        """Say what an event is to catatonit."""
        if event[0] == "exited" and not event[2]:
            self.words.say("got ECHILD: no children left to monitor")
        super().handle(event)

    def cannot_execute(self, errno: int) -> int:
        """Say what catatonit's child and catatonit say."""
        self.words.error(f"failed to exec pid1: {posix.strerror(errno)}", self.command_pid)
        self.words.say("got ECHILD: no children left to monitor")
        return 1

    def _deliver(self, signum: int, target: str) -> None:
        errno = self.send(signum, target)
        if errno:
            self.words.say(f"forwarding of signal {signum} to pid1 ({self.command_pid}) failed: {posix.strerror(errno)}")

    def _note_terminal(self) -> None:
        """Say what the child finds where there is no terminal to take."""
        try:
            posix.close(posix.open("/dev/tty", posix.O_RDWR | posix.O_NOCTTY | posix.O_CLOEXEC))
        except OSError as error:
            self.words.say(f"using stdin as tty fd: could not open /dev/tty: {error.strerror}", self.command_pid, "INFO")
            try:
                posix.tcgetpgrp(0)
            except OSError as refusal:
                self.words.say(f"setting foreground process failed: no tty present: {refusal.strerror}", self.command_pid)

    def _note_reaped(self, pid: int, wait_status: int, _name: str = "", _usage: object = None) -> None:
        if self.is_main(pid):
            return
        signum = wait_status & 0x7F
        self.words.say(f"child process {pid} exited " + (f"due to signal {signum}" if signum else f"with code {wait_status >> 8}"))


def translate(name: str, arguments: "list[str]", environment: "Mapping[bytes, bytes]") -> "Settings":
    """Read catatonit's command line."""
    words = CatatonitWords(debugging=b"CATATONIT_DEBUG" in environment)
    if b"CATATONIT_LOG" in environment:
        words.error("CATATONIT_LOG is reserved for future use")
        posix._exit(1)  # noqa: SLF001 -- that is the name
    settings = basis(words, environment)
    settings.forward = "child"
    settings.untaken_signals = UNTAKEN
    settings.rewrites = dict.fromkeys(JOB_CONTROL_STOPS, 0)
    pause = False
    usage = USAGE.format(name=name)
    for letter, value in getopt(arguments, settings.command, "ghLPV", {"version": "V"}, permute=b"POSIXLY_CORRECT" not in environment):
        if letter == "h":
            leave(0, STDERR, usage + "\n" + HELP.format(name=name))
        elif letter == "L":
            leave(0, STDOUT, LICENSE)
        elif letter == "V":
            leave(0, STDOUT, VERSION)
        elif letter == "g":
            settings.forward = "group"
        elif letter == "P":
            pause = True
        else:
            leave(1, STDERR, f"{name}: {value}\n{usage}")
    if pause:
        _pause(words)
    if not settings.command:
        words.error("missing program name")
        leave(1, STDERR, usage)
    settings.supervisor = lambda *run: Catatonit(words, *run)
    return settings


def _pause(words: CatatonitWords) -> "NoReturn":
    """Be the init of a pod that runs nothing itself: reap what comes, until INT or TERM."""
    taken = [signum for signum in kernel.ALL_SIGNALS if signum not in UNTAKEN]
    kernel.set_mask(kernel.SIG_BLOCK, taken)
    kernel.set_disposition(kernel.SIGCHLD, kernel.SIG_DFL)
    if posix.getpid() != 1:
        try:
            kernel_rare.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
        except OSError as error:
            words.error(f"failed to set child-reaper as non-pid1: {error.strerror}")
            posix._exit(1)  # noqa: SLF001 -- that is the name
    while True:
        signum = kernel.sigwaitinfo(taken).si_signo
        if signum in (INT, TERM):
            posix._exit(0)  # noqa: SLF001 -- that is the name
        elif signum in JOB_CONTROL_STOPS:
            words.say("ignoring kernel attempting to stop us: tty has TOSTOP set")
        elif signum == CHLD:
            try:
                while kernel.waitpid(-1, WNOHANG)[0]:
                    pass
            except ChildProcessError:
                continue
