"""Sockets as the kernel lists them (proc_pid_net(5)): who listens, and whether a connection of ours was accepted and read."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

ESTABLISHED, LISTEN = 1, 10
IPV4_MAPPED = bytes(10) + b"\xff\xff"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- addresses that are read, not bound

# Flags and type of a listening stream socket in /proc/net/unix.
ACCEPTS, STREAM = 0x10000, "0001"


Address = tuple[int, Any]  # family, and what socket.connect takes in it


class Endpoint(NamedTuple):
    """Where to connect to: host and port, or the path of a Unix socket (an abstract one begins with @) and no port."""

    host: str
    port: int | None = None

    def reaches(self, local: "Endpoint") -> bool:
        """Whether connections to it come to a socket that is bound to ``local``. A name is taken to stand for all of its addresses."""
        return self.port == local.port and (local.host in (*EVERYWHERE, self.host) or not _is_numeric(self.host))

    def __str__(self) -> str:
        if self.port is None:
            return f"unix:{self.host}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _is_numeric(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, host)
            return True
    return False


@dataclass(frozen=True, slots=True)
class Socket:
    """A line of /proc/net/tcp, tcp6 or unix."""

    local: Endpoint
    remote: Endpoint
    state: int
    unread: int  # bytes that came and that nobody has read yet; for a listening socket: connections that wait
    inode: int  # 0: not accepted yet, or nobody's any more

    @property
    def reach(self) -> Endpoint:
        """Where to connect to for this listening socket."""
        return self.local._replace(host=EVERYWHERE.get(self.local.host, self.local.host))

    def __str__(self) -> str:
        return str(self.local)


def sockets(pid: int | str = "self") -> list[Socket]:
    """Return the TCP sockets of the network namespace that a process is in; none where it is gone or may not be read."""
    found = []
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as file:
                lines = file.read().splitlines()[1:]
        except OSError:
            continue
        found += [parse(line) for line in lines]
    return found


def unix_listeners(pid: int | str = "self") -> list[Socket]:
    """Return the Unix stream sockets with a name that are listened on, in the network namespace that a process is in."""
    found = []
    try:
        with open(f"/proc/{pid}/net/unix", encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return []
    for line in lines:
        fields = line.split(maxsplit=7)
        if len(fields) > 7 and int(fields[3], 16) & ACCEPTS and fields[4] == STREAM:  # noqa: PLR2004 -- the eighth is the name
            found.append(Socket(Endpoint(fields[7]), Endpoint(""), LISTEN, 0, int(fields[6])))
    return found


def parse(line: str) -> Socket:
    """Return one line as a value."""
    fields = line.split()
    return Socket(_endpoint(fields[1]), _endpoint(fields[2]), int(fields[3], 16), int(fields[4].split(":")[1], 16), int(fields[9]))


def _endpoint(word: str) -> Endpoint:
    address, port = word.split(":")
    # Words of 32 bits, each in the machine's own byte order.
    data = b"".join(struct.pack("=I", int(address[start : start + 8], 16)) for start in range(0, len(address), 8))
    family = socket.AF_INET if len(data) == 4 else socket.AF_INET6  # noqa: PLR2004 -- bytes
    return Endpoint(plain(socket.inet_ntop(family, data)), int(port, 16))


def plain(address: str) -> str:
    """Return an IPv4 address that is written as IPv6 in its own form."""
    if ":" in address:
        data = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
        if data.startswith(IPV4_MAPPED):
            return socket.inet_ntop(socket.AF_INET, data[12:])
    return address


def holders(pids: Iterable[int]) -> tuple[dict[int, list[int]], list[int]]:
    """Return who has which socket open (inode: pids), and the processes whose descriptors may not be read."""
    found: dict[int, list[int]] = {}
    unreadable = []
    for pid in pids:
        try:
            with os.scandir(f"/proc/{pid}/fd") as entries:
                names = [entry.path for entry in entries]
        except PermissionError:
            unreadable.append(pid)
            continue
        except OSError:
            continue  # it is gone
        inodes = set()
        for name in names:
            try:
                target = os.readlink(name)
            except OSError:
                continue
            if target.startswith("socket:["):
                inodes.add(int(target[8:-1]))
        for inode in inodes:
            found.setdefault(inode, []).append(pid)
    return found, unreadable


def listening(pids: Iterable[int]) -> tuple[list[Socket], list[int]]:
    """Return the sockets that processes listen on, and the processes whose descriptors may not be read."""
    pids = list(pids)
    held, unreadable = holders(pids)
    return [_rooted(found, held[found.inode][0]) for found in listeners(pids[0] if pids else "self") if found.inode in held], unreadable


def _rooted(found: Socket, holder: int) -> Socket:
    """Put the holder's working directory before the path of a Unix socket that was bound to a relative one."""
    path = found.local.host
    if found.local.port is not None or path.startswith(("/", "@")):
        return found
    with contextlib.suppress(OSError):  # it is gone
        path = os.path.normpath(os.path.join(os.readlink(f"/proc/{holder}/cwd"), path))
    return replace(found, local=Endpoint(path))


def listeners(pid: int | str = "self") -> list[Socket]:
    """Return all sockets that somebody listens on in the network namespace that a process is in, Unix sockets last."""
    return [found for found in sockets(pid) if found.state == LISTEN] + unix_listeners(pid)


def other_end(near: socket.socket) -> Socket | None:
    """Return the server's end of a connection within this machine, None where the kernel lists none."""
    try:
        own, peer = (_named(near.getsockname()), _named(near.getpeername()))
    except OSError:
        return None  # the connection is gone
    return next((found for found in sockets() if found.local == peer and found.remote == own), None)


def _named(name: tuple[str, int] | tuple[str, int, int, int]) -> Endpoint:
    return Endpoint(plain(name[0]), name[1])


def addresses(host: str, port: int | None) -> list[Address]:
    """Return the addresses that stand for an endpoint, as socket.connect takes them, in the order in which they are to be tried.

    localhost stands for both of its addresses, also where no file of hosts says so. Raises OSError for a name that nobody knows.
    """
    if port is None:
        return [(socket.AF_UNIX, "\0" + host[1:] if host.startswith("@") else host)]
    if host == "localhost":
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    return [(family, name) for family, _, _, _, name in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def connect(host: str, port: int | None, timeout_s: float) -> socket.socket:
    """Return a connection; to a Unix socket without a port. Raises OSError.

    localhost stands for both of its addresses, also where no file of hosts says so.
    """
    if port is None:
        return _connect_unix(host, timeout_s)
    if host != "localhost":
        return socket.create_connection((host, port), timeout_s)
    try:
        return socket.create_connection(("127.0.0.1", port), timeout_s)
    except ConnectionRefusedError as refused:
        try:
            return socket.create_connection(("::1", port), timeout_s)
        except OSError:
            raise refused from None  # whatever IPv6 says: a machine without it says EADDRNOTAVAIL


def _connect_unix(path: str, timeout_s: float) -> socket.socket:
    """Return a connection. A path that is gone refuses as a socket does that nobody listens on."""
    near = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        near.settimeout(timeout_s)
        near.connect(addresses(path, None)[0][1])
    except FileNotFoundError as error:
        near.close()
        raise ConnectionRefusedError(error.errno, error.strerror) from error
    except OSError:
        near.close()
        raise
    return near
