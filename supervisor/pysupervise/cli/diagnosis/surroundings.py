"""What is around a process: its environment, descriptors and limits. What may not be read is None.

``place`` is where /proc tells of it: /proc/PID, or /proc/PID/task/TID of a thread that lives where the main one has ended.
"""

import os


def environment(place: str) -> dict[str, str] | None:
    """Return the environment that the process was started with (proc_pid_environ(5))."""
    try:
        with open(f"{place}/environ", "rb", buffering=0) as file:
            data = file.read(1 << 21)
    except OSError:
        return None
    pairs = (line.decode(errors="replace").partition("=") for line in data.split(b"\0") if b"=" in line)
    return {key: value for key, _, value in pairs}


def standard_descriptors(place: str) -> dict[int, str] | None:
    """Return where descriptors 0 to 2 lead: "" where that may not be read, one that is closed is missing.

    The list of the open ones and where they lead are two rights: the second one is that to trace the process (proc_pid_fd(5)).
    """
    numbers = open_files(place)
    if numbers is None:
        return None
    found = {}
    for number in numbers & {0, 1, 2}:
        try:
            found[number] = os.readlink(f"{place}/fd/{number}")
        except FileNotFoundError:  # closed just now, or the process is gone
            continue
        except OSError:
            found[number] = ""
    return found


def open_files(place: str) -> set[int] | None:
    """Return the numbers of the open descriptors."""
    try:
        return {int(name) for name in os.listdir(f"{place}/fd")}
    except OSError:
        return None


def soft_limits(place: str) -> dict[str, str]:
    """Return the soft limits by their name in proc_pid_limits(5)."""
    try:
        with open(f"{place}/limits", encoding="ascii", errors="replace") as file:
            lines = file.read().splitlines()[1:]
    except OSError:
        return {}
    return {line[:26].strip(): line[26:47].strip() for line in lines}
