"""The terminal's foreground group: lent to the command, suspended and resumed with it, given back.

A terminal sends Ctrl-C, Ctrl-Z and window changes to its foreground group. With the command's group in the foreground they
reach the command directly and us not at all, hence once.
"""

from pysupervise.core.machine import JOB_CONTROL_STOPS
from pysupervise.core.settings import DEBUG

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.loop import Supervisor
    from pysupervise.core.machine import Event
    from pysupervise.core.settings import Settings

STOP, TTIN, TTOU = 19, 21, 22


class Terminal:
    """The terminal that pysupervise was started on as its foreground job."""

    __slots__ = ("fd", "kernel", "lent", "own_group", "stops", "wait_for_need")

    def __init__(self, kernel: "ModuleType", fd: int, own_group: int, *, wait_for_need: bool) -> None:
        self.kernel = kernel
        self.fd = fd
        self.own_group = own_group
        # Standard input is something else, so most commands never read the terminal: `less` in a pipeline does, and TTIN says so.
        self.wait_for_need = wait_for_need
        self.lent = False
        self.stops: list[int] = []  # signals that stopped the command, as the reaper saw them

    def take_stops(self, own_pid: int) -> "list[int]":
        """Return and forget the stops of the command that are the terminal's, or a shell's.

        As PID 1 nobody could continue us, and a STOP that somebody sent is meant: only what the terminal did is undone.
        """
        meant = JOB_CONTROL_STOPS if own_pid == 1 else (STOP, *JOB_CONTROL_STOPS)
        found = [signum for signum in self.stops if signum in meant]
        self.stops.clear()
        return found

    def suspend_with_command(self, supervisor: "Supervisor", event: "Event") -> None:
        """Stop ourselves after the command was stopped (event "stopped"), or was sent a TSTP (event "signal")."""
        narrator, by_terminal = supervisor.narrator, event[0] == "stopped"
        if supervisor.own_pid == 1:
            if by_terminal:  # nobody could continue us: the kernel does the same for an orphaned group
                self._continue_command(supervisor)
            return
        if by_terminal and event[1] in (TTIN, TTOU) and not self.lent:
            self.lend(supervisor.command_pid)
            if self.lent:
                self._continue_command(supervisor)
                return
        narrator.tell(DEBUG, "suspended")
        if self.suspend(whole_group=by_terminal):
            narrator.tell(DEBUG, "continued")
        elif by_terminal or event[2]:
            # Declined: our group is orphaned, nobody could continue us. A stop that somebody sent, and did not type, is meant.
            self._continue_command(supervisor)

    def _continue_command(self, supervisor: "Supervisor") -> None:
        command_pid = supervisor.reaper.command_pid
        if command_pid:
            self.lend(command_pid)
            supervisor.tree.deliver(self.kernel.SIGCONT, "group", command_pid)

    def is_ours(self) -> bool:
        """Whether our own group is the foreground one."""
        return self._foreground() == self.own_group

    def lend(self, command_group: int) -> None:
        """Make the command's group the foreground one, where we are in the foreground ourselves."""
        if self.is_ours():
            try:
                self.kernel.tcsetpgrp(self.fd, command_group)
            except OSError:
                return  # the terminal or the group is gone
            self.lent = True

    def give_back(self, command_group: int) -> None:
        """Take the foreground back for our own group at the end.

        Not where somebody outside has it by now: a shell that moved us to the background.
        """
        if not self.lent:
            return
        foreground = self._foreground()
        if foreground not in (0, command_group) and self._exists(foreground):
            return
        try:
            self.kernel.tcsetpgrp(self.fd, self.own_group)
        except OSError:
            return

    def suspend(self, *, whole_group: bool) -> bool:
        """Stop ourselves like any member of the job; return True once continued, False where the kernel declined.

        With TSTP and its default action the kernel itself decides: in an orphaned group, where nobody could continue us, it does nothing.
        ``whole_group``: the others of our job have not had the signal yet, since only the command's group was in the foreground.
        """
        kernel = self.kernel
        if kernel.SIGCONT in kernel.sigpending():
            return True  # it came already, and TSTP would take it off the queue
        kernel.kill(0 if whole_group else kernel.getpid(), kernel.SIGTSTP)
        kernel.set_mask(kernel.SIG_UNBLOCK, (kernel.SIGTSTP,))
        kernel.set_mask(kernel.SIG_BLOCK, (kernel.SIGTSTP,))
        self.lent = self.lent and not self.is_ours()  # a shell's `fg` hands it to us, not to the command
        return kernel.SIGCONT in kernel.sigpending()

    def _foreground(self) -> int:
        """Return the terminal's foreground group, 0 for none."""
        try:
            group: int = self.kernel.tcgetpgrp(self.fd)
        except OSError:
            return 0
        return group

    def _exists(self, group: int) -> bool:
        try:
            self.kernel.killpg(group, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def find(settings: "Settings", kernel: "ModuleType", fd: int) -> "Terminal | None":
    """Return the terminal if it is our controlling one, also where we were started in the background: ``fg`` may come.

    Never steal it: the command is lent what we have. ``fd``: a descriptor of it, 0 where standard input is one.
    """
    if not settings.take_terminal:
        return None
    try:
        kernel.tcgetpgrp(fd)
    except OSError:
        return None  # not our controlling terminal
    wait_for_need = fd != 0 or (not kernel.isatty(1) and _shares_group(kernel))
    return Terminal(kernel, fd, kernel.getpgrp(), wait_for_need=wait_for_need)


def _shares_group(kernel: "ModuleType") -> bool:
    """Whether others than our parent are in our process group: in `pysupervise -- command | less` the terminal is theirs as well."""
    own, parent, group = kernel.getpid(), kernel.getppid(), kernel.getpgrp()
    for name in kernel.listdir("/proc"):
        if name.isdigit() and int(name) not in (own, parent):
            try:
                if kernel.getpgid(int(name)) == group:
                    return True
            except OSError:
                continue
    return False


def detach(kernel: "ModuleType", fd: int) -> None:
    """Give the controlling terminal up, so that the command's new session can take it.

    Where we lead the session, the kernel sends HUP and CONT to the foreground group, that is to us: they are ours, not the command's.
    """
    try:
        kernel.terminal_ioctl("TIOCNOTTY", fd)
    except OSError:
        return
    for signum in (kernel.SIGHUP, kernel.SIGCONT):
        if signum in kernel.sigpending():
            kernel.sigtimedwait((signum,), 0)
