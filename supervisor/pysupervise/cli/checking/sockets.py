"""TCP sockets as the kernel lists them (proc_pid_net(5)): who listens, and whether a connection of ours was accepted and read."""

import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass

ESTABLISHED, LISTEN = 1, 10
IPV4_MAPPED = bytes(10) + b"\xff\xff"
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 -- addresses that are read, not bound

Endpoint = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Socket:
    """A line of /proc/net/tcp or tcp6."""

    local: Endpoint
    remote: Endpoint
    state: int
    unread: int  # bytes that came and that nobody has read yet; for a listening socket: connections that wait
    inode: int  # 0: not accepted yet, or nobody's any more

    @property
    def reach(self) -> Endpoint:
        """Where to connect to for this listening socket."""
        return EVERYWHERE.get(self.local[0], self.local[0]), self.local[1]

    def __str__(self) -> str:
        host, port = self.local
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


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


def parse(line: str) -> Socket:
    """Return one line as a value."""
    fields = line.split()
    return Socket(_endpoint(fields[1]), _endpoint(fields[2]), int(fields[3], 16), int(fields[4].split(":")[1], 16), int(fields[9]))


def _endpoint(word: str) -> Endpoint:
    address, port = word.split(":")
    # Words of 32 bits, each in the machine's own byte order.
    data = b"".join(struct.pack("=I", int(address[start : start + 8], 16)) for start in range(0, len(address), 8))
    return plain(socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)), int(port, 16)  # noqa: PLR2004 -- bytes


def plain(address: str) -> str:
    """Return an IPv4 address that is written as IPv6 in its own form."""
    if ":" in address:
        data = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
        if data.startswith(IPV4_MAPPED):
            return socket.inet_ntop(socket.AF_INET, data[12:])
    return address


def holders(pids: Iterable[int]) -> tuple[dict[int, int], list[int]]:
    """Return who has which socket open (inode: pid, the first one), and the processes whose descriptors may not be read."""
    found: dict[int, int] = {}
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
        for name in names:
            try:
                target = os.readlink(name)
            except OSError:
                continue
            if target.startswith("socket:["):
                found.setdefault(int(target[8:-1]), pid)
    return found, unreadable


def listening(pids: Iterable[int]) -> tuple[list[Socket], list[int]]:
    """Return the sockets that processes listen on, and the processes whose descriptors may not be read."""
    pids = list(pids)
    held, unreadable = holders(pids)
    return [found for found in sockets(pids[0] if pids else "self") if found.state == LISTEN and found.inode in held], unreadable


def other_end(near: socket.socket) -> Socket | None:
    """Return the server's end of a connection within this machine, None where the kernel lists none."""
    try:
        own, peer = (_named(near.getsockname()), _named(near.getpeername()))
    except OSError:
        return None  # the connection is gone
    return next((found for found in sockets() if found.local == peer and found.remote == own), None)


def _named(name: tuple[str, int] | tuple[str, int, int, int]) -> Endpoint:
    return plain(name[0]), name[1]


def connect(host: str, port: int, timeout_s: float) -> socket.socket:
    """Return a connection. localhost stands for both of its addresses, also where no file of hosts says so. Raises OSError."""
    if host != "localhost":
        return socket.create_connection((host, port), timeout_s)
    try:
        return socket.create_connection(("127.0.0.1", port), timeout_s)
    except ConnectionRefusedError as refused:
        try:
            return socket.create_connection(("::1", port), timeout_s)
        except OSError:
            raise refused from None  # whatever IPv6 says: a machine without it says EADDRNOTAVAIL
