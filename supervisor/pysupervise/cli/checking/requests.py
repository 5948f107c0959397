"""HTTP requests of a check: one that is in flight while the signal is sent, and simple ones before and after.

A request is in flight when the kernel says so, not when we have sent it: a connection is established before anybody accepts it. The
server's end of the connection is found in /proc/net/tcp. It has an inode once it is accepted, the inode is among the descriptors of
a process of the tree, and its receive queue is empty once the server has read what we sent.
"""

import contextlib
import errno
import functools
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from pysupervise import __version__
from pysupervise.cli.checking import sockets
from pysupervise.cli.checking.settings import Url
from pysupervise.cli.checking.wire import Wire, patiently, until

CONNECT_TIME_S = 5.0
ACCEPT_TIME_S = 5.0
SIMPLE_TIME_S = 5.0
NEXT_LOOK_S = 0.002
# With --http alone, this many lines of the head follow the signal, so far apart.
LATE_LINES = 3
LATE_LINE_EVERY_S = 0.1
NEXT_IDLE_S = 0.02
GOOD = range(200, 400)
INTERIM = range(102, 200)  # the answer is still to come (RFC 9110, 15.2); 101 is one
CLOSED = "closed without an answer"
CUT_HEAD = "cut off inside its head"


@dataclass(frozen=True, slots=True)
class Answer:
    """How a request ended. ``error``: reset, closed, cut off, timeout, not HTTP; "" for a whole answer."""

    at: float  # monotonic
    status: int | None = None
    body_bytes: int = 0
    error: str = ""
    unmeasured: bool = False  # neither a length nor chunks: the end of the connection is the end of the body, whoever brought it about

    @property
    def good(self) -> bool:
        """Whether a whole answer with a status below 400 came."""
        return not self.error and self.status in GOOD


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was read about the server's end of a request in flight."""

    pid: int | None  # who has it, None where descriptors may not be read
    evidence: str


class NotInFlightError(Exception):
    """The request could not be brought into flight: a reason and a hint."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason, hint)
        self.reason = reason
        self.hint = hint


def get(url: Url, timeout_s: float = SIMPLE_TIME_S) -> Answer:
    """Send a request and return its answer; whatever goes wrong is part of it."""
    try:
        with sockets.connect(url.host, url.port, timeout_s) as connection:
            return ask(connection, url, until(time.monotonic() + timeout_s))
    except OSError as error:
        return Answer(time.monotonic(), error=_words(error))


class InFlight:
    """A request whose answer is awaited while the signal is sent."""

    def __init__(self, url: Url, *, in_part: bool, answer_within_s: float) -> None:
        """Connect and send it: all of it, or with ``in_part`` the beginning of its head. Raises NotInFlightError."""
        self.url = url
        self.in_part = in_part
        self.answer: Answer | None = None
        self._answer_within_s = answer_within_s
        self._deadline = 0.0  # for the answer, monotonic; 0: the signal has not been sent
        self._late = [b"X-Late-%d: pysupervise\r\n" % number for number in range(LATE_LINES)] if in_part else []
        self._late[-1:] = [line + b"\r\n" for line in self._late[-1:]]
        self._late_at = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        try:
            self._connection = _connect(url, CONNECT_TIME_S)
        except OSError as error:
            raise NotInFlightError(
                f"cannot connect to {url.text}: {_words(error)}", "is it the port that the command listens on?"
            ) from None
        try:
            self._connection.sendall(_head(url) + (b"" if in_part else b"\r\n"))
            self._wire = Wire(self._connection, self._idle)
        except OSError as error:
            self.close()
            raise NotInFlightError(f"cannot send the request to {url.text}: {_words(error)}", "try the URL by hand") from None
        # From now on: who only looks whether anything has come takes the beginning of an answer, or TLS's own messages, for the whole.
        self._thread.start()

    def wait_accepted(self, members: Callable[[], list[int]]) -> Accepted:
        """Return once a process of the tree has accepted the connection and read what was sent. Raises NotInFlightError."""
        deadline = time.monotonic() + ACCEPT_TIME_S
        reason = "the kernel lists no server's end of the connection: it does not end on this machine"
        while time.monotonic() < deadline:
            self.refuse_if_answered()
            end = sockets.other_end(self._connection)
            if end is not None and not end.inode:
                reason = "nobody accepted the connection"
            elif end is not None and end.unread:
                reason = f"the connection was accepted, but {end.unread} bytes of the request were not read"
            elif end is not None:
                held, unreadable = sockets.holders(members())
                if end.inode in held:
                    pid = held[end.inode][0]
                    return Accepted(pid, f"accepted by pid {pid} (socket:[{end.inode}]), request read")
                if unreadable:
                    return Accepted(None, f"accepted (socket:[{end.inode}]), request read; by whom may not be read (/proc/PID/fd)")
                reason = f"a process that does not belong to the command accepted it (socket:[{end.inode}])"
            time.sleep(NEXT_LOOK_S)
        raise NotInFlightError(f"the request to {self.url.text} is not in flight: {reason}", "it has to reach the command within 5 s")

    def signalled(self) -> None:
        """Go on: the signal was sent."""
        self._late_at = time.monotonic() + LATE_LINE_EVERY_S
        self._deadline = time.monotonic() + self._answer_within_s

    def result(self, timeout_s: float) -> Answer:
        """Return how it ended; what takes longer ends as a timeout."""
        self._thread.join(timeout_s)
        answer = self.answer or Answer(time.monotonic(), error="no answer")
        self.close()
        return answer

    def close(self) -> None:
        """Close the connection, which also ends the thread."""
        with contextlib.suppress(OSError):  # the other end was quicker
            self._connection.shutdown(socket.SHUT_RDWR)
        if self._thread.ident is not None:
            self._thread.join(SIMPLE_TIME_S)
        self._connection.close()

    def refuse_if_answered(self) -> None:
        """Raise NotInFlightError where the answer has ended already. One that has begun and has not ended is what a stop cuts off."""
        if self.answer is None:
            return
        how = "has answered already"
        if self.answer.error == CLOSED:
            how = f"has {CLOSED.replace('closed', 'closed the connection')}"
        elif self.answer.error:
            how = f"has ended the connection: {self.answer.error}"
        raise NotInFlightError(
            f"the request to {self.url.text} is not in flight: the server {how}",
            "--slow-http takes a URL whose answer is still awaited when the signal is sent: one that takes a second or more",
        )

    def _run(self) -> None:
        self.answer = receive(self._wire)
        # As a client does. Some servers (gunicorn's sync worker) wait for it before they end.
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def _idle(self) -> float:
        """Send what is due of the rest of the head; return for how long there is nothing else to do. Raises TimeoutError."""
        if not self._deadline:
            return NEXT_IDLE_S
        left_s = until(self._deadline)()
        if not self._late:
            return left_s
        if time.monotonic() >= self._late_at:
            self._late_at += LATE_LINE_EVERY_S
            try:
                self._connection.sendall(self._late.pop(0))
            except OSError:
                self._late = []  # reading says whether that is the end
        return min(left_s, max(0.0, self._late_at - time.monotonic()))


def receive(wire: Wire) -> Answer:
    """Read a whole answer."""
    status, count = None, 0
    try:
        response = http.client.HTTPResponse(cast("socket.socket", wire), method="GET")  # of a socket it takes makefile only
        response.begin()
        while response.status in INTERIM:  # http.client passes over 100 alone
            response.headers = None  # type: ignore[assignment]  # or it takes the head for read
            response.begin()
        status = response.status
        if not response.chunked and response.getheader("Transfer-Encoding", "").lower().endswith("chunked"):
            # http.client does not see it behind another coding, as in "gzip, chunked".
            response.chunked, response.chunk_left, response.length = True, None, None
        if wire.lines.cut:
            return Answer(time.monotonic(), status, error=CUT_HEAD)
        unmeasured = response.length is None and not response.chunked
        while part := response.read(65536):
            count += len(part)
        if missing := response.length or 0:
            return Answer(time.monotonic(), status, count, f"cut off: {missing} bytes of its body are missing")
        # http.client takes the end of the connection for that of the lines that follow the last chunk.
        error = "cut off: its last line is missing" if response.chunked and wire.lines.cut else ""
        if unmeasured and wire.broken_off:
            error = "cut off: TLS was not closed"
        return Answer(time.monotonic(), status, count, error, unmeasured)
    except http.client.RemoteDisconnected:
        return Answer(time.monotonic(), error=CLOSED)
    except http.client.IncompleteRead as error:
        rest = f"{error.expected} bytes of its body are" if error.expected else "its last chunk is"
        return Answer(time.monotonic(), status, count + len(error.partial), f"cut off: {rest} missing")
    except http.client.HTTPException as error:
        if wire.lines.cut:
            return Answer(time.monotonic(), error=CUT_HEAD)
        return Answer(time.monotonic(), status, count, f"not HTTP ({type(error).__name__})")
    except (OSError, ValueError) as error:  # ValueError: closed by `close`
        return Answer(time.monotonic(), status, count, _words(error) if isinstance(error, OSError) else "no answer")


def ask(connection: socket.socket, url: Url, idle: Callable[[], float]) -> Answer:
    """Send a request on a connection, over TLS where the URL says so, and return its answer. ``idle`` as in Wire."""
    try:
        connection.settimeout(0)
        if url.secure:
            with _secured(connection, url, do_handshake_on_connect=False) as secured:
                patiently(secured, idle, secured.do_handshake)
                return _ask(secured, url, idle)
        return _ask(connection, url, idle)
    except OSError as error:
        return Answer(time.monotonic(), error=_words(error))


def _ask(connection: socket.socket, url: Url, idle: Callable[[], float]) -> Answer:
    with contextlib.suppress(OSError):  # a reset: reading the answer will say so
        connection.sendall(_head(url) + b"\r\n")
    return receive(Wire(connection, idle))


def _connect(url: Url, timeout_s: float) -> socket.socket:
    connection = sockets.connect(url.host, url.port, timeout_s)
    return _secured(connection, url) if url.secure else connection


def _secured(connection: socket.socket, url: Url, *, do_handshake_on_connect: bool = True) -> ssl.SSLSocket:
    return _context().wrap_socket(
        connection, server_hostname=url.host, do_handshake_on_connect=do_handshake_on_connect, suppress_ragged_eofs=False
    )


@functools.cache
def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # whether a service stops well does not depend on its certificate, often a test's own
    context.verify_mode = ssl.CERT_NONE
    return context


def _head(url: Url) -> bytes:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return f"GET {url.target} HTTP/1.1\r\nHost: {host}:{url.port}\r\nUser-Agent: pysupervise/{__version__}\r\nConnection: close\r\n".encode(
        "ascii"
    )


def _words(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, ConnectionResetError | BrokenPipeError) or error.errno == errno.ENOTCONN:
        return "reset"
    if isinstance(error, ssl.SSLEOFError):
        return CLOSED
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return error.strerror or str(error)
