"""A host's name to addresses, in a child that can be killed: the only way to bound getaddrinfo(3)."""

import _signal
import _socket

from pysupervise.features.probe.attempt import Deadline, Unhealthy
from pysupervise.features.probe.children import kill_and_reap, signals_blocked, wait_for_end
from pysupervise.features.probe.target import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What a pipe takes without a reader is 64 KiB; a name with more addresses than this is not probed one by one anyway.
MOST_ADDRESSES = 16
READ_SIZE = 65536


def resolve(target: Target, deadline: Deadline) -> "list[tuple[int, tuple[Any, ...]]]":
    """Return (family, address) of each address. Raises Unhealthy, Interrupted, TimeoutError."""
    kernel = deadline.kernel
    limit_s = deadline.left()
    with signals_blocked(kernel) as inherited_mask:
        receive, send = kernel.pipe2(kernel.O_CLOEXEC)
        try:
            pid = kernel.fork()
        except OSError as error:
            raise Unhealthy(f"cannot look up {target.host}: cannot fork: {error.strerror}") from None
        if pid == 0:
            _look_up(target, send, limit_s, kernel)
        kernel.close(send)
        try:
            wait_for_end(pid, deadline, inherited_mask)
            report = kernel.read(receive, READ_SIZE).decode()
        except TimeoutError:
            raise Unhealthy(f"cannot look up {target.host}: no answer {deadline.words}") from None
        finally:
            kill_and_reap(pid, kernel)
            kernel.close(receive)
    if not report.startswith("="):
        raise Unhealthy(f"cannot look up {target.host}: {report or 'the look-up died'}")
    found: list[tuple[int, tuple[Any, ...]]] = []
    for line in report[1:].splitlines():
        family, address, *scope = line.split()
        found.append((int(family), (address, target.port, *map(int, scope))))
    return found


def _look_up(target: Target, send: int, limit_s: float, kernel: "Any") -> None:
    """In the child: write the addresses, or the reason. Never returns."""
    try:
        # Should we be killed by KILL, nobody ends this child: its own alarm does, whose default action nothing of Python's delays.
        _signal.signal(_signal.SIGALRM, _signal.SIG_DFL)
        kernel.set_mask(kernel.SIG_UNBLOCK, (_signal.SIGALRM,))
        _signal.setitimer(_signal.ITIMER_REAL, limit_s + 0.1)
        try:
            found = _socket.getaddrinfo(target.host.encode(), target.port, 0, _socket.SOCK_STREAM)
            lines = [f"{int(family)} {address[0]} {' '.join(map(str, address[2:]))}" for family, _, _, _, address in found]
            report = "=" + "\n".join(lines[:MOST_ADDRESSES])
        except OSError as error:
            report = str(error.args[-1])
        kernel.write(send, report.encode(errors="replace"))
    finally:
        kernel._exit(0)  # noqa: SLF001 -- that is the name
