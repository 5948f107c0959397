"""What Python's own start changed, taken back; loaded where a variable shows that there is something."""

import posix
import sys

from pysupervise.core.kernel import environ, read_file

COERCED = (b"C.UTF-8", b"C.utf8", b"UTF-8")


def undo_locale() -> None:
    """Give LC_CTYPE back to the command.

    In the C locale Python sets it to a UTF-8 one (PEP 538), for its children too. The environment that we were started with is still
    in /proc/self/environ.
    """
    coerced = environ[b"LC_CTYPE"]
    if coerced not in COERCED or b"LC_ALL" in environ:
        return
    try:
        start = b"\0" + read_file("/proc/self/environ")
    except OSError:
        return
    _, found, rest = start.partition(b"\0LC_CTYPE=")
    value = rest.partition(b"\0")[0]
    if not found:
        del environ[b"LC_CTYPE"]
        posix.unsetenv(b"LC_CTYPE")
    elif value != coerced:
        environ[b"LC_CTYPE"] = value
        posix.putenv(b"LC_CTYPE", value)


def put_last(path: bytes) -> None:
    """Have modules of PYTHONPATH, which are the command's, looked up last: no json.py of its hides ours."""
    import os

    named = [os.path.abspath(name) for name in path.decode(errors="surrogateescape").split(":")]
    sys.path.sort(key=named.__contains__)
