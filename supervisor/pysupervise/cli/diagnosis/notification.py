"""Whether somebody listens where NOTIFY_SOCKET leads: sd_notify(3) sends datagrams there, to a path or to an abstract name."""

import errno
import os
import socket
import stat as file_types

from pysupervise.cli.diagnosis import surroundings
from pysupervise.cli.diagnosis.subject import Notify

DATAGRAM = 2
TYPES = {1: "SOCK_STREAM", DATAGRAM: "SOCK_DGRAM", 5: "SOCK_SEQPACKET"}
MOST_LINKS = 40  # path_resolution(7)
NOWHERE = "leads nowhere"
NOBODY = "leads to a socket that nobody has open any more"
WRONG_TYPE = "leads to a socket that takes no datagrams"


def read(pid: int, place: str) -> Notify | None:
    """Return NOTIFY_SOCKET of a process, None where it has none or its environment may not be read.

    ``place``: where /proc tells of a living thread of it, such as "/proc/1".
    """
    address = (surroundings.environment(place) or {}).get("NOTIFY_SOCKET", "")
    if not address:
        return None
    line = f"{place}/environ: NOTIFY_SOCKET={address}"
    if address.startswith("@"):
        return _abstract(pid, place, address, line)
    if address.startswith("/"):
        return _path(pid, place, address, line)
    return Notify(pid, address, (line,), reachable=None)  # vsock:CID:PORT is another machine's


def _abstract(pid: int, place: str, address: str, line: str) -> Notify:
    bound = _bound(place, {address})
    if bound is None:
        return Notify(pid, address, (line,), reachable=None)
    if not bound:
        return Notify(pid, address, (line, f"{place}/net/unix has no such name"), reachable=False, problem=NOWHERE)
    return _by_type(pid, address, line, bound)


def _path(pid: int, place: str, address: str, line: str) -> Notify:
    """Judge a file: it stays when its socket is closed, and it may be bound under another name, so the kernel itself is asked.

    connect(2) of a datagram socket looks up who is bound to the file, in whatever network namespace, and sends nothing. The listener
    learns nothing of it; /proc/net/unix shows its socket as connected (St 03) from then on, as after any client that connects
    (unix_dgram_connect in net/unix/af_unix.c). Where we may not ask, the names of the process's network namespace have to do.
    """
    root = f"{place}/root"
    try:
        inside = _resolved(root, address)
        descriptor = os.open(root + inside, os.O_PATH | os.O_CLOEXEC)
    except PermissionError:
        return Notify(pid, address, (line,), reachable=None)
    except OSError as error:
        return Notify(pid, address, (line, f"{root}{address}: {error.strerror}"), reachable=False, problem=NOWHERE)
    try:
        if not file_types.S_ISSOCK(os.fstat(descriptor).st_mode):
            return Notify(pid, address, (line, f"{root}{address} is not a socket"), reachable=False, problem=NOWHERE)
        bound = _bound(place, {address, inside})
        code = _asked(f"/proc/self/fd/{descriptor}")  # short enough for sun_path, whatever the file is called
    finally:
        os.close(descriptor)
    answer = f"connect(2) to {root}{address}, as a datagram socket: {os.strerror(code) if code else 'succeeds'}"
    if code == 0:
        known = [text for kind, text in bound or () if kind == DATAGRAM]
        seen = known[0] if known else "bound under another name, or in another network namespace"
        return Notify(pid, address, (line, answer, seen), reachable=True)
    if code == errno.ECONNREFUSED:
        unbound = () if bound is None or bound else (f"{place}/net/unix has no such name",)
        return Notify(pid, address, (line, answer, *unbound), reachable=False, problem=NOBODY)
    if code == errno.EPROTOTYPE:
        return Notify(pid, address, (line, answer, *(text for _, text in (bound or ())[:1])), reachable=False, problem=WRONG_TYPE)
    if bound:
        return _by_type(pid, address, line, bound)
    return Notify(pid, address, (line, answer), reachable=None)


def _by_type(pid: int, address: str, line: str, bound: list[tuple[int, str]]) -> Notify:
    datagrams = [text for kind, text in bound if kind == DATAGRAM]
    if datagrams:
        return Notify(pid, address, (line, datagrams[0]), reachable=True)
    return Notify(pid, address, (line, bound[0][1]), reachable=False, problem=WRONG_TYPE)


def _asked(path: str) -> int:
    """Return the errno of a connect(2), 0 where it succeeds."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as asking:
        return asking.connect_ex(path)


def _bound(place: str, names: set[str]) -> list[tuple[int, str]] | None:
    """Return type and line of the sockets with one of these names in a process's network namespace (proc_net_unix, proc(5))."""
    try:
        with open(f"{place}/net/unix", encoding="utf-8", errors="replace") as file:
            rows = [(line.rstrip("\n"), line.rstrip("\n").split(maxsplit=7)) for line in file]
    except OSError:
        return None
    found = []
    for text, fields in rows:
        if len(fields) == 8 and fields[7] in names:  # noqa: PLR2004 -- the eighth column is the name
            kind = int(fields[4], 16)
            found.append((kind, f"{place}/net/unix: {text} (type {fields[4]} is {TYPES.get(kind, 'another one')})"))
    return found


def _resolved(root: str, path: str) -> str:
    """Return a path without symbolic links, as whoever has this root sees it: ours would lead absolute ones to our own files."""
    done, waiting, links = "", path.split("/"), 0
    while waiting:
        part = waiting.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            done = done.rpartition("/")[0]
            continue
        try:
            target = os.readlink(f"{root}{done}/{part}")
        except PermissionError:
            raise
        except OSError:  # no link, or nothing there: whoever opens it learns that
            done += f"/{part}"
            continue
        links += 1
        if links > MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        done = "" if target.startswith("/") else done
        waiting = [*target.split("/"), *waiting]
    return done
