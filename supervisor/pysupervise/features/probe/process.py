"""pid: targets: a file holds the number of a process, and that process lives. Read from /proc, nothing is signalled."""

from pysupervise.features.probe.attempt import Deadline, Unhealthy
from pysupervise.features.probe.target import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

LONGEST_FILE_BYTES = 256
# PID_MAX_LIMIT of the kernel on 64 bits: 4,194,304.
MOST_DIGITS = 7
THREADS_FIELD = 17  # num_threads of proc_pid_stat(5), counted from the state


def attempt(target: Target, _chosen: "dict[str, Any]", deadline: Deadline, /) -> str:
    """Look. Raises Unhealthy."""
    kernel = deadline.kernel
    pid = _read_pid(target.path, kernel)
    process = f"pid {pid} of {target.name}"
    try:
        shown = int(kernel.readlink("/proc/self"))
    except (OSError, ValueError):
        raise Unhealthy(f"cannot look at {process}: /proc is not there") from None
    if shown != kernel.getpid():
        raise Unhealthy(f"cannot look at {process}: /proc shows another PID namespace")
    try:
        stat: bytes = kernel.read_file(f"/proc/{pid}/stat")
    except OSError as error:
        raise Unhealthy(_why_not_shown(process, pid, kernel, error)) from None
    name = stat.partition(b"(")[2].rpartition(b")")[0].decode(errors="replace")
    fields = stat.rpartition(b")")[2].split()
    state, threads = fields[0], int(fields[THREADS_FIELD])
    process = f"pid {pid} ({name}) of {target.name}"
    leader = _leader(pid, kernel)
    if leader != pid:
        raise Unhealthy(f"{process} is no process: it is a thread of pid {leader}")
    if state in (b"Z", b"X"):
        # A main thread that is over shows as a zombie, while others of its process live (pthread_exit(3)).
        if state == b"Z" and threads > 1:
            return f"{process} lives in {threads - 1} threads, its main thread is over"
        raise Unhealthy(f"{process} is a zombie: it is dead, and its parent has not waited for it")
    return f"{process} lives"


def _leader(pid: int, kernel: "ModuleType") -> int:
    """Return the process that a task belongs to: /proc shows threads too, where somebody asks for them by number."""
    try:
        status: bytes = kernel.read_file(f"/proc/{pid}/status")
        return int(status.partition(b"\nTgid:")[2].split(None, 1)[0])
    except (OSError, ValueError, IndexError):
        return pid


def _read_pid(path: str, kernel: "ModuleType") -> int:
    try:
        # A pipe in its place must not hold us.
        descriptor = kernel.open(path, kernel.O_RDONLY | kernel.O_CLOEXEC | kernel.O_NONBLOCK | kernel.O_NOCTTY)
    except OSError as error:
        raise Unhealthy(f"cannot read {path}: {error.strerror}") from None
    try:
        content: bytes = kernel.read(descriptor, LONGEST_FILE_BYTES)
    except OSError as error:
        raise Unhealthy(f"cannot read {path}: {error.strerror}") from None
    finally:
        kernel.close(descriptor)
    word = content.partition(b"\n")[0].strip()  # PostgreSQL writes more lines after it
    if not word.isdigit() or len(word) > MOST_DIGITS or not int(word):
        raise Unhealthy(f"cannot read {path}: {'it is empty' if not word else 'its first line is no process number'}")
    return int(word)


def _why_not_shown(process: str, pid: int, kernel: "ModuleType", error: OSError) -> str:
    """Tell a process that is gone from one that this user may not see (hidepid of proc(5)). Signal 0 sends nothing (kill(2))."""
    try:
        kernel.kill(pid, 0)
    except ProcessLookupError:
        return f"{process} is not there: no such process"
    except OSError:
        pass
    unread = f"whether it is a zombie cannot be read: {error.strerror}"
    return f"cannot look at {process}: it exists, but {unread}; /proc may be mounted with hidepid"
