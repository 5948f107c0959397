"""The one reaper. Nobody else waits for a child."""

# SIGCHLD is not queued: one delivery can stand for a thousand exits. So each one empties the kernel's list until waitpid says 0
# (children live) or ECHILD (no child is left, hence nobody of the tree either: whoever loses its parent comes to us).

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

WNOHANG = 1
STOPPED = 0x7F
# A fork bomb dies as fast as it is reaped: look at signals and deadlines after so many (about 5 ms).
MOST_AT_ONCE = 1000
MOST_LET_GO = 50  # who is traced again and again must not keep us either


class Reaper:
    """Collects the dead and keeps the command's own status apart from everybody else's."""

    __slots__ = ("command_pid", "kernel", "more", "on_reaped", "on_stopped", "reaped", "status", "thorough")

    def __init__(self, kernel: "ModuleType", command_pid: int) -> None:
        self.kernel = kernel
        # 0 once the command is reaped: its number may then come back as an orphan's.
        self.command_pid = command_pid
        self.status: int | None = None  # the command's wait status, once it is reaped
        self.reaped = 0
        # The last drain stopped short: there is more, and no SIGCHLD need come for it.
        self.more = False
        # How to reap with a look at each of the dead, where one of the two below is set (see reap_told.py).
        self.thorough: Callable[[Reaper], bool] | None = None
        # Called with (pid, wait status, name, rusage) of each of the dead.
        self.on_reaped: Callable[[int, int, str, object], None] | None = None
        # Set where the terminal is ours to hand on: called when the command was stopped, with the signal.
        self.on_stopped: Callable[[int], None] | None = None

    def collect_failed(self) -> None:
        """Wait for the child that could not execute the command: it has said so, and is about to leave."""
        self.kernel.waitpid(self.command_pid, 0)
        self.command_pid = 0

    def drain(self) -> bool:
        """Reap all that can be reaped. Returns whether children are left."""
        if self.thorough is not None:
            return self.thorough(self)
        waitpid, command = self.kernel.waitpid, self.command_pid
        count = let_go = 0
        alive = True
        self.more = False
        try:
            while True:
                pid, wait_status = waitpid(-1, WNOHANG)
                if pid == 0:
                    break
                if wait_status & 0xFF == STOPPED:  # without WUNTRACED only who made us its tracer (PTRACE_TRACEME) is reported so
                    self.kernel.let_go(pid, wait_status >> 8 & 0xFF)
                    let_go += 1
                    if let_go == MOST_LET_GO:
                        self.more = True
                        break
                    continue
                count += 1
                if pid == command:
                    self.status, self.command_pid, command = wait_status, 0, 0
                if count == MOST_AT_ONCE:
                    self.more = True
                    break
        except ChildProcessError:
            alive = False
        self.reaped += count
        return alive
