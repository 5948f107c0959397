"""What a server sends, read without blocking: so one thread can send the rest of a request meanwhile, and TLS is told from an answer.

Readability of a socket says little where TLS 1.3 is spoken: after the handshake the server sends session tickets (RFC 8446, 4.6.1), which
are no application data. Only reading tells.
"""

import io
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")

NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def until(deadline: float) -> Callable[[], float]:
    """Return what waits until a monotonic time: the seconds that are left. It raises TimeoutError after it."""

    def left() -> float:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s

    return left


def patiently(connection: socket.socket, idle: Callable[[], float], step: Callable[[], Result]) -> Result:
    """Return what a step on a connection that does not block comes to, once it can be done; ``idle`` as in Wire."""
    while True:
        timeout_s = idle()
        try:
            return step()
        except NOT_YET as error:
            wait = select.poll()
            wait.register(connection, select.POLLOUT if isinstance(error, ssl.SSLWantWriteError) else select.POLLIN)
            wait.poll(timeout_s * 1000)


class Wire(io.RawIOBase):
    """The incoming half of a connection, as a file."""

    def __init__(self, connection: socket.socket, idle: Callable[[], float]) -> None:
        """``idle`` is called before each wait: it does what there is to do, and returns for how many seconds to wait at most."""
        self._connection = connection
        self._idle = idle
        self.broken_off = False  # TLS: the connection ended without the close_notify that ends a stream
        connection.settimeout(0)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Wait for data, and return how much came; 0 at the end of the connection. Raises OSError, also what ``idle`` raises."""
        try:
            return patiently(self._connection, self._idle, lambda: self._connection.recv_into(buffer))
        except ssl.SSLEOFError:
            self.broken_off = True
            return 0

    def makefile(self, _mode: str) -> "Lines":
        """Return it as http.client wants it."""
        self.lines = Lines(self)
        return self.lines


class Lines(io.BufferedReader):
    """What an answer is read from. http.client takes the end of a connection for that of a line, and of a head: this tells them apart."""

    cut = False  # the last line had no end

    def readline(self, size: int | None = -1, /) -> bytes:
        """Return a line, and note whether it is a whole one."""
        line = super().readline(size)
        self.cut = not line.endswith(b"\n") and len(line) != size  # one that is too long to be read whole is not cut
        return line
