"""A wait status as a number and as words, and the table of exit statuses that README, --help and the man page read."""

USAGE = 2
CANNOT_EXECUTE = 126
NOT_FOUND = 127
SIGNALLED = 128

TABLE: "tuple[tuple[str, str], ...]" = (
    ("0-255", "the command's own exit status"),
    ("128+N", "the command died of signal N (also of our own KILL: 137)"),
    ("2", "wrong options; nothing was started"),
    ("126", "the command cannot be executed"),
    ("127", "the command was not found"),
)


def exit_code(wait_status: int) -> int:
    """Return the exit status that stands for a wait status: its own, or 128 and the signal's number, as shells have it."""
    signum = wait_status & 0x7F
    return SIGNALLED + signum if signum else wait_status >> 8 & 0xFF


def words(wait_status: int) -> str:
    """Return how a process ended, as the end of a sentence: "exited with status 3", "was killed by TERM"."""
    signum = wait_status & 0x7F
    if not signum:
        return f"exited with status {wait_status >> 8 & 0xFF}"
    from pysupervise.core import signals

    return f"was killed by {signals.name(signum)}" + (" and dumped core" if wait_status & 0x80 else "")
