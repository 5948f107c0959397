"""tcp: and unix: targets, and the connection that http: targets speak on: names, addresses, one deadline over all of them."""

# 0.2 ms; the module `socket` above it costs 5.5 ms, since it loads selectors, enum and collections.
import _socket
import posix

from pysupervise.features.probe.attempt import Deadline, Unhealthy, seconds
from pysupervise.features.probe.target import Target

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EPROTOTYPE, ECONNREFUSED = 91, 111
S_IFMT, S_IFSOCK = 0o170000, 0o140000
# How long until a full queue of a Unix socket is tried again: connect(2) there says EAGAIN at once instead of waiting.
AGAIN_S = 0.01


def attempt(target: Target, _chosen: "dict[str, Any]", deadline: Deadline, /) -> str:
    """Connect and hang up."""
    connection = connect_unix(target, deadline) if target.kind == "unix" else connect(target, deadline)
    took = deadline.answered()
    answers = connection.type & ~_socket.SOCK_CLOEXEC != _socket.SOCK_DGRAM
    connection.close()
    if not answers:
        return f"{target.name} is open: a datagram socket, which answers nobody"
    return f"{target.name} answered in {seconds(took)}"


def connect(target: Target, deadline: Deadline) -> "_socket.socket":
    """Return a connection to the first address of the target's host that takes one. Raises Unhealthy, Interrupted.

    What is left of the time is shared among the addresses that are left: one that swallows packets leaves some for the next.
    """
    reasons = {}
    try:
        addresses = _addresses(target, deadline)
        for index, (family, address) in enumerate(addresses):
            try:
                return _open(family, address, deadline.left() / (len(addresses) - index))
            except OSError as error:
                reasons[str(address[0])] = error.strerror or f"no answer {deadline.words}"
    except TimeoutError:
        raise Unhealthy(f"cannot connect to {target.name}: no answer {deadline.words}") from None
    different = set(reasons.values())
    reason = different.pop() if len(different) == 1 else "; ".join(f"{address}: {why}" for address, why in reasons.items())
    raise Unhealthy(f"cannot connect to {target.name}: {reason or 'it has no address'}")


def connect_unix(target: Target, deadline: Deadline) -> "_socket.socket":
    """Return a connection to a Unix socket of any type. Raises Unhealthy."""
    address = target.path.encode(errors="surrogateescape")
    if address.startswith(b"@"):
        address = b"\0" + address[1:]
    reason = ""
    for kind in (_socket.SOCK_STREAM, _socket.SOCK_DGRAM, _socket.SOCK_SEQPACKET):
        try:
            return _open_unix(kind, address, deadline)
        except TimeoutError:
            reason = f"its queue is full, and nobody took a connection {deadline.words}"
            break
        except OSError as error:
            reason = error.strerror or "unknown"
            # A socket of another type has the path. Each type has abstract names of its own, so there it looks like nobody at all.
            if error.errno == ECONNREFUSED and address[:1] != b"\0" and not _is_socket(address):
                reason = "it is no socket"
            if error.errno != EPROTOTYPE and not (error.errno == ECONNREFUSED and address[:1] == b"\0"):
                break
    raise Unhealthy(f"cannot connect to {target.name}: {reason}")


def _is_socket(path: bytes) -> bool:
    """Whether a path is that of a socket; connect(2) refuses other files in the same way as one that nobody has."""
    try:
        return posix.stat(path).st_mode & S_IFMT == S_IFSOCK
    except OSError:
        return True  # then it is not for that


def _open(family: int, address: "tuple[Any, ...]", limit_s: float, kind: int = _socket.SOCK_STREAM) -> "_socket.socket":
    connection = _socket.socket(family, kind | _socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(limit_s)
        connection.connect(address)
    except OSError:
        connection.close()
        raise
    return connection


def _open_unix(kind: int, address: bytes, deadline: Deadline) -> "_socket.socket":
    from time import sleep

    while True:
        connection = _socket.socket(_socket.AF_UNIX, kind | _socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(deadline.left())
            connection.connect(address)
        except BlockingIOError:
            connection.close()
            sleep(min(AGAIN_S, deadline.left()))
        except OSError:
            connection.close()
            raise
        else:
            return connection


def _addresses(target: Target, deadline: Deadline) -> "list[tuple[int, tuple[Any, ...]]]":
    """Return (family, address) of each address of a host. Raises Unhealthy, Interrupted, TimeoutError.

    A number is read here. For a name, getaddrinfo(3) waits as long as resolv.conf has it, and no signal handler of Python's runs meanwhile:
    a child calls it, which can be killed.
    """
    host = target.host.encode()  # as bytes: for text Python would load its IDNA codec, with re and unicodedata
    try:
        found = _socket.getaddrinfo(host, target.port, 0, _socket.SOCK_STREAM, 0, _socket.AI_NUMERICHOST)
    except _socket.gaierror:
        from pysupervise.features.probe.resolve import resolve

        return resolve(target, deadline)
    return [(int(family), address) for family, _, _, _, address in found]
