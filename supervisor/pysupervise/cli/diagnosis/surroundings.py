"""What is around a process: its environment, descriptors, limits, and the notification socket. What may not be read is None."""

import os
import stat as file_types

from pysupervise.cli.diagnosis.subject import Notify


def environment(pid: int) -> dict[str, str] | None:
    """Return the environment that the process was started with (proc_pid_environ(5))."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            data = file.read(1 << 21)
    except OSError:
        return None
    pairs = (line.decode(errors="replace").partition("=") for line in data.split(b"\0") if b"=" in line)
    return {key: value for key, _, value in pairs}


def standard_descriptors(pid: int) -> dict[int, str] | None:
    """Return where descriptors 0 to 2 lead: "" where that may not be read, one that is closed is missing.

    The list of the open ones and where they lead are two rights: the second one is that to trace the process (proc_pid_fd(5)).
    """
    numbers = open_files(pid)
    if numbers is None:
        return None
    found = {}
    for number in numbers & {0, 1, 2}:
        try:
            found[number] = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:  # closed just now, or the process is gone
            continue
        except OSError:
            found[number] = ""
    return found


def open_files(pid: int) -> set[int] | None:
    """Return the numbers of the open descriptors."""
    try:
        return {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    except OSError:
        return None


def soft_limits(pid: int) -> dict[str, str]:
    """Return the soft limits by their name in proc_pid_limits(5)."""
    try:
        with open(f"/proc/{pid}/limits", encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return {}
    return {line[:26].strip(): line[26:47].strip() for line in lines}


def notify(pid: int) -> Notify | None:
    """Return NOTIFY_SOCKET of a process (sd_notify(3)), None where it has none or its environment may not be read."""
    address = (environment(pid) or {}).get("NOTIFY_SOCKET", "")
    if not address:
        return None
    line = f"/proc/{pid}/environ: NOTIFY_SOCKET={address}"
    if address.startswith("@"):
        names = _unix_sockets(pid)
        if names is None:
            return Notify(pid, address, line, reachable=None)
        return Notify(
            pid, address, f"{line}; /proc/{pid}/net/unix has {'it' if address in names else 'no such name'}", reachable=address in names
        )
    if not address.startswith("/"):
        return Notify(pid, address, line, reachable=None)
    path = f"/proc/{pid}/root{address}"
    try:
        is_socket = file_types.S_ISSOCK(os.stat(path).st_mode)
    except PermissionError:
        return Notify(pid, address, line, reachable=None)
    except OSError as error:
        return Notify(pid, address, f"{line}; {path}: {error.strerror}", reachable=False)
    if not is_socket:
        return Notify(pid, address, f"{line}; {path} is not a socket", reachable=False)
    return Notify(pid, address, f"{line}; {path} is a socket", reachable=True)


def _unix_sockets(pid: int) -> set[str] | None:
    try:
        with open(f"/proc/{pid}/net/unix", encoding="utf-8", errors="replace") as file:
            return {line.split()[7] for line in file if len(line.split()) > 7}  # noqa: PLR2004 -- the eighth column is the name
    except OSError:
        return None
