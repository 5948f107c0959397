"""How check reads an answer: over a real pair of sockets, what came, and then the end of the connection."""

import socket
import ssl
import time
from typing import Any

import pytest

from pysupervise.cli.checking import requests, wire

HEAD = b"HTTP/1.1 200 OK\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"  # the answer is still to come
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"


def answer_to(data: bytes) -> requests.Answer:
    near, far = socket.socketpair()
    with near, far:
        far.sendall(data)
        far.shutdown(socket.SHUT_WR)
        return requests.receive(wire.Wire(near, wire.until(time.monotonic() + 5)))


@pytest.mark.parametrize(
    ("data", "status", "count", "error"),
    [
        (b"", None, 0, "closed without an answer"),
        (b"HTTP/1.1", None, 0, "cut off inside its head"),
        (b"HTTP/1.1 200 O", 200, 0, "cut off inside its head"),
        (HEAD, 200, 0, "cut off inside its head"),
        (HEAD + b"Content-Le", 200, 0, "cut off inside its head"),
        (HEAD + b"Content-Length: 2\r\n", 200, 0, "cut off inside its head"),
        (HEAD + b"Content-Length: 2\r\n\r\no", 200, 1, "cut off: 1 bytes of its body are missing"),
        (HEAD + b"Content-Length: 2\r\n\r\nok", 200, 2, ""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, 0, ""),
        (b"HTTP/1.0 200 OK\r\n\r\nok", 200, 2, ""),
        (b"HTTP/1.1 100 Continue\r\n\r\n", None, 0, "closed without an answer"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD + b"Content-Length: 2\r\n\r\nok", 200, 2, ""),
        (HINTS * 2 + CHUNKED + b"0\r\n\r\n", 200, 5, ""),
        (HINTS, None, 0, "closed without an answer"),
        (HINTS + HEAD, 200, 0, "cut off inside its head"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", 101, 0, ""),
        (CHUNKED, 200, 5, "cut off: its last chunk is missing"),
        (CHUNKED + b"0\r\n", 200, 5, "cut off: its last line is missing"),
        (CHUNKED + b"0\r\n\r\n", 200, 5, ""),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n", 200, 5, "cut off: its last chunk is missing"),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, 5, ""),
        (HEAD + b"Content-Length: 30\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200, 5, ""),
        (HEAD + b"X: " + b"y" * 70000, None, 0, "not HTTP (LineTooLong)"),
        (b"\x00\x01 what\r\n\r\n", None, 0, "not HTTP (BadStatusLine)"),
    ],
)
def test_only_a_whole_answer_is_whole(data: bytes, status: int | None, count: int, error: str) -> None:
    found = answer_to(data)
    assert (found.status, found.body_bytes, found.error) == (status, count, error)


@pytest.mark.parametrize(
    ("data", "unmeasured"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nok", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False),
        (HEAD + b"Content-Length: 2\r\n\r\nok", False),
        (CHUNKED + b"0\r\n\r\n", False),
    ],
)
def test_an_answer_without_a_length_is_known(data: bytes, unmeasured: bool) -> None:
    assert answer_to(data).unmeasured is unmeasured


class BrokenOff:
    """A TLS connection that ends without close_notify."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def settimeout(self, _seconds: float) -> None:
        pass

    def recv_into(self, buffer: memoryview) -> int:
        if not self.data:
            raise ssl.SSLEOFError(8, "EOF occurred in violation of protocol")
        count = min(len(self.data), len(buffer))
        buffer[:count], self.data = self.data[:count], self.data[count:]
        return count


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nok", "cut off: TLS was not closed"),  # its end is all that ends the body
        (HEAD + b"Content-Length: 2\r\n\r\nok", ""),
        (CHUNKED + b"0\r\n\r\n", ""),
        (CHUNKED, "cut off: its last chunk is missing"),
        (HEAD, "cut off inside its head"),
        (b"", "closed without an answer"),
    ],
)
def test_tls_shows_a_cut_where_no_length_does(data: bytes, error: str) -> None:
    connection: Any = BrokenOff(data)
    assert requests.receive(wire.Wire(connection, wire.until(time.monotonic() + 5))).error == error
