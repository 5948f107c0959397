"""Start the command: fork, undo what pysupervise and Python changed, exec with the search of execvp(3), report how it went."""

# The races between fork and exec, and how they end:
#     1. A signal for the command arrives before exec. All signals are blocked in the parent until a close-on-exec pipe
#        reports that exec happened or why it did not, so it waits in the kernel's queue and is forwarded to the right code.
#     2. The command's process group is needed before the child ran. Parent and child both set it; whoever comes second is harmless.
#     3. The child reads the terminal before it is in the foreground. The child takes the terminal itself, before exec.

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.settings import Settings

ENOENT, ENOEXEC, EACCES, ENOTDIR = 2, 8, 13, 20
# Where execvp would use confstr(_CS_PATH), /bin:/usr/bin, images keep their interpreters in /usr/local/bin.
DEFAULT_PATH = b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
EXECUTE = "execute"


class SpawnError(Exception):
    """The command could not be started: ``stage`` is what could not be done, ``errno`` why."""

    def __init__(self, stage: str, errno: int) -> None:
        super().__init__(stage, errno)
        self.stage = stage
        self.errno = errno


def take_signals(settings: "Settings", kernel: "ModuleType", mask: "set[int]") -> bool:
    """Take the signals, which are all blocked, so that nothing of ours is ever interrupted.

    ``mask``: the one that pysupervise was started with. Returns whether CHLD was ignored: that is repaired for the command too, whose
    own waits would fail as well. Python ignores PIPE and XFSZ before any of our code runs, so whether they were ignored at the
    start cannot be known: the command gets the default.
    """
    if settings.untaken_signals:
        kernel.set_mask(kernel.SIG_UNBLOCK, settings.untaken_signals - mask)
    if kernel.get_disposition(kernel.SIGINT) != kernel.SIG_IGN:
        kernel.set_disposition(kernel.SIGINT, kernel.SIG_DFL)
    chld_was_ignored: bool = kernel.get_disposition(kernel.SIGCHLD) == kernel.SIG_IGN
    if chld_was_ignored:
        # Ignored, the kernel reaps by itself and every status is lost (wait(2), NOTES).
        kernel.set_disposition(kernel.SIGCHLD, kernel.SIG_DFL)
    return chld_was_ignored


def spawn(settings: "Settings", inherited_mask: "set[int]", kernel: "ModuleType", terminal_fd: int = -1) -> "tuple[int, SpawnError | None]":
    """Fork, and wait until the child has executed the command. Raises OSError where fork fails.

    Returns the child's pid, and why it could not execute the command, where it could not: it is then to be reaped.
    ``terminal_fd``: the terminal whose foreground group the child's is to become, or -1.
    """
    if settings.needs_preparation:
        from pysupervise.core.prepare import preparation  # before fork: the child imports nothing

        steps = preparation(settings, kernel)
    else:
        steps = []
    report_read, report_write = kernel.pipe2(kernel.O_CLOEXEC)
    pid: int = kernel.fork()
    if pid:
        kernel.close(report_write)
        if settings.new_group and not settings.new_session:
            try:
                kernel.setpgid(pid, pid)
            except OSError:
                pass  # EACCES: it has executed already, having done the same; ESRCH: it is dead already
        return pid, _wait_for_exec(report_read, kernel)
    stage = "prepare the command"
    errno = 0
    try:
        stage = "start a new session"
        if settings.new_session:
            kernel.setsid()
            if terminal_fd >= 0:
                _take_controlling_terminal(kernel, terminal_fd)
        elif settings.new_group:
            stage = "start a new process group"
            kernel.setpgid(0, 0)
            if terminal_fd >= 0:
                _take_foreground(kernel, terminal_fd)
        for stage, step in steps:  # noqa: B007 -- the report below reads it
            step()
        stage = "restore the signals"
        for signum in kernel.ALL_SIGNALS if settings.default_signals else (kernel.SIGPIPE, kernel.SIGXFSZ):
            if signum not in (kernel.SIGKILL, kernel.SIGSTOP):
                kernel.set_disposition(signum, kernel.SIG_DFL)
        kernel.set_mask(kernel.SIG_SETMASK, () if settings.default_signals else inherited_mask)
        stage = EXECUTE
        _exec(settings, kernel)
    except OSError as error:
        errno = error.errno or 0
    finally:
        # Also after any other exception: a second pysupervise must never run on from here.
        kernel.write(report_write, b"%d %s" % (errno, stage.encode(errors="surrogateescape")))
        kernel._exit(127)  # noqa: SLF001 -- that is the name
    raise AssertionError


def _wait_for_exec(report_read: int, kernel: "ModuleType") -> "SpawnError | None":
    # Nothing else is done meanwhile: as long as the two share their pages, whatever either of them writes to is copied first.
    report = b""
    while part := kernel.read(report_read, 4096):
        report += part
    kernel.close(report_read)
    if not report:
        return None
    errno, _, stage = report.partition(b" ")
    return SpawnError(stage.decode(errors="surrogateescape"), int(errno))


def _exec(settings: "Settings", kernel: "ModuleType") -> None:
    """execvp(3); its shell for scripts that have no interpreter line only where asked for: elsewhere those are reported."""
    command, environment = settings.command, settings.environment
    program = command[0]
    if not program:
        raise OSError(ENOENT, "")  # Python would complain of an empty argument 0 instead
    if "/" in program:
        _exec_file(settings, kernel, program.encode(errors="surrogateescape"))
    name = program.encode(errors="surrogateescape")
    refused: OSError | None = None
    missing: OSError | None = None
    for directory in environment.get(b"PATH", DEFAULT_PATH).split(b":"):
        try:
            _exec_file(settings, kernel, (directory or b".") + b"/" + name)
        except OSError as error:
            if error.errno == EACCES:
                refused = error  # somebody further along PATH may do
            elif error.errno in (ENOENT, ENOTDIR):
                missing = error
            else:
                raise
    raise refused or missing or OSError(ENOENT, "")


def _exec_file(settings: "Settings", kernel: "ModuleType", path: bytes) -> None:
    command = settings.command
    try:
        arguments = command if settings.argv0 is None else [settings.argv0, *command[1:]]
        if settings.environment is kernel.environ:
            kernel.execv(path, arguments)  # as it stands, entries too that Python would refuse
        else:
            kernel.execve(path, arguments, settings.environment)
    except OSError as error:
        if error.errno != ENOEXEC or not settings.shell_scripts:
            raise
        kernel.execve(b"/bin/sh", [b"/bin/sh", path, *command[1:]], settings.environment)


def _take_foreground(kernel: "ModuleType", terminal_fd: int) -> None:
    try:
        kernel.tcsetpgrp(terminal_fd, kernel.getpid())  # TTOU is blocked here, so it does not stop us
    except OSError:
        pass  # the terminal went away in between: the command will see so itself


def _take_controlling_terminal(kernel: "ModuleType", terminal_fd: int) -> None:
    try:
        kernel.terminal_ioctl("TIOCSCTTY", terminal_fd)
    except OSError:
        pass  # EPERM: it is another session's; the command runs without a controlling terminal, as setsid(1) has it
