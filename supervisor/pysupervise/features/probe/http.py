"""http: and https: targets: one GET, its status, and text in its body. Small on purpose: http.client costs 20 ms more than this.

What comes from a server is bounded in size and time, and is only ever compared or shown escaped. HTTP/1.1 rather than 1.0, which some
proxies refuse; so an answer may come in chunks (RFC 9112).
"""

from pysupervise import __version__
from pysupervise.features.probe.attempt import Deadline, Unhealthy, seconds
from pysupervise.features.probe.connect import connect
from pysupervise.features.probe.target import Target, bracketed

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Iterator
    from typing import Any

LONGEST_HEADER_BYTES = 65_536
LONGEST_BODY_BYTES = 1_048_576
LONGEST_CHUNK_LINE_BYTES = 1024
READ_SIZE = 65_536
# Without --body the rest of the answer is of no interest. It is taken as far as it is on its way, since a server whose client hangs up
# in the middle writes an error into its log at every health check.
COURTESY_S, COURTESY_BYTES = 0.1, 262_144
HEALTHY = ((200, 399),)
SHOWN_CHARACTERS = 60
WITHOUT_BODY = (101, 204, 304)
SWITCHING_PROTOCOLS, FINAL = 101, 200
DEFAULT_PORTS = (80, 443)
BLANK_LINES = (b"\r\n\r\n", b"\n\n")
HEX_DIGITS = b"0123456789abcdefABCDEF"


class Stream:
    """The bytes of an answer, each read within the deadline."""

    __slots__ = ("connection", "deadline", "received")

    def __init__(self, connection: "_socket.socket", deadline: Deadline) -> None:
        self.connection = connection
        self.deadline = deadline
        self.received = 0

    def more(self) -> bytes:
        """Return what comes next, b"" at the end. Raises OSError, TimeoutError among them."""
        self.connection.settimeout(self.deadline.left())
        data = self.connection.recv(READ_SIZE)
        self.received += len(data)
        return data


def attempt(target: Target, chosen: "dict[str, Any]", deadline: Deadline, /) -> str:
    """Ask, and judge the answer. Raises Unhealthy, Interrupted."""
    connection = connect(target, deadline)
    try:
        if target.secure:
            from pysupervise.features.probe.secure import secure  # ssl costs 13 ms

            connection = secure(connection, target, deadline, verify="insecure" not in chosen)
        connection.settimeout(deadline.left())
        connection.sendall(_request(target, chosen.get("header", ())))
        return _judge(target, chosen, Stream(connection, deadline))
    except TimeoutError:
        raise Unhealthy(f"{target.name} gave no whole answer {deadline.words}") from None
    except OSError as error:
        raise Unhealthy(f"cannot talk to {target.name}: {error.strerror or error}") from None
    finally:
        connection.close()


def _request(target: Target, headers: "list[tuple[str, str]]") -> bytes:
    host = bracketed(target.host)
    if target.port != DEFAULT_PORTS[target.secure]:
        host += f":{target.port}"
    fields = {
        "host": ("Host", host),
        "user-agent": ("User-Agent", f"pysupervise-probe/{__version__}"),
        "accept": ("Accept", "*/*"),
        "accept-encoding": ("Accept-Encoding", "identity"),
        "connection": ("Connection", "close"),
    }
    for name, _ in headers:
        fields.pop(name.lower(), None)
    lines = [f"GET {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in (*fields.values(), *headers))]
    return ("\r\n".join(lines) + "\r\n\r\n").encode(errors="surrogateescape")


def _judge(target: Target, chosen: "dict[str, Any]", stream: Stream) -> str:
    status, reason, fields, rest = _read_header(target, stream)
    took = stream.deadline.answered()
    answer = f"{status} {reason}" if reason else str(status)
    ranges = chosen.get("status", HEALTHY)
    body = _body(target, stream, fields, rest) if status not in WITHOUT_BODY else iter(())
    if not any(first <= status <= last for first, last in ranges):
        _be_polite(body, stream)
        expected = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
        raise Unhealthy(f"{target.name} answered {answer}, healthy would be {expected}")
    if "body" in chosen:
        _search(target, chosen["body"], body, answer)
    else:
        _be_polite(body, stream)
    return f"{target.name} answered {answer} in {seconds(took)}"


def _read_header(target: Target, stream: Stream) -> "tuple[int, str, dict[bytes, bytes], bytes]":
    """Return (status, its words, fields by name in small letters, what came of the body already)."""
    buffer = b""
    while True:
        head, buffer = _until_blank_line(target, stream, buffer)
        lines = head.split(b"\n")
        version, _, answer = lines[0].rstrip(b"\r").partition(b" ")
        code, _, reason = answer.strip().partition(b" ")
        if not version.startswith(b"HTTP/1.") or len(code) != 3 or not code.isdigit():  # noqa: PLR2004 -- digits of a status
            raise Unhealthy(f"{target.name} does not speak HTTP: it sent {_shown(lines[0])!r}")
        status = int(code)
        if status >= FINAL or status == SWITCHING_PROTOCOLS:
            break
    fields: dict[bytes, bytes] = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip().lower()
    return status, _shown(reason), fields, buffer


def _until_blank_line(target: Target, stream: Stream, received: bytes) -> "tuple[bytes, bytes]":
    buffer = bytearray(received)
    searched = 0
    while True:
        found = [(end, mark) for mark in BLANK_LINES if (end := buffer.find(mark, max(0, searched - len(mark)))) >= 0]
        if found:
            end, mark = min(found)
            return bytes(buffer[:end]), bytes(buffer[end + len(mark) :])
        searched = len(buffer)
        if buffer[:5] != b"HTTP/"[:searched]:
            raise Unhealthy(f"{target.name} does not speak HTTP: it sent {_shown(bytes(buffer).partition(bytes([10]))[0])!r}")
        if stream.received > LONGEST_HEADER_BYTES:
            raise Unhealthy(f"{target.name} sent more than {LONGEST_HEADER_BYTES} bytes of header")
        data = stream.more()
        if not data:
            raise Unhealthy(f"{target.name} hung up {'in the middle of its header' if buffer else 'without an answer'}")
        buffer += data


def _search(target: Target, text: str, body: "Iterator[bytes]", answer: str) -> None:
    """Return if the text is in the body. Raises Unhealthy."""
    wanted = text.encode(errors="surrogateescape")
    seen = bytearray()
    for part in body:
        start = max(0, len(seen) - len(wanted) + 1)
        seen += part
        if seen.find(wanted, start, LONGEST_BODY_BYTES) >= 0:
            return
        if len(seen) >= LONGEST_BODY_BYTES:
            raise Unhealthy(f"{target.name} answered {answer}, but {text!r} is not in the first {LONGEST_BODY_BYTES} bytes of its body")
    raise Unhealthy(f"{target.name} answered {answer}, but {text!r} is not in its body")


def _be_polite(body: "Iterator[bytes]", stream: Stream) -> None:
    try:
        stream.deadline = Deadline(stream.deadline.kernel, min(COURTESY_S, stream.deadline.left()))
        for _ in body:
            if stream.received > COURTESY_BYTES:
                return
    except (OSError, Unhealthy):
        return  # the verdict stands


def _body(target: Target, stream: Stream, fields: "dict[bytes, bytes]", rest: bytes) -> "Iterator[bytes]":
    """Yield the parts of the body as they come, out of their chunks."""
    if fields.get(b"transfer-encoding", b"").endswith(b"chunked"):
        yield from _chunks(target, stream, rest)
        return
    length = fields.get(b"content-length", b"")
    left = int(length) if length.isdigit() and len(length) < 20 else -1  # noqa: PLR2004 -- more than 64 bits; -1: until it hangs up
    data = rest
    while True:
        if left >= 0:
            data = data[:left]
            left -= len(data)
        yield data
        if not left:
            return
        data = stream.more()
        if not data:
            return


def _chunks(target: Target, stream: Stream, rest: bytes) -> "Iterator[bytes]":
    buffer = rest
    while True:
        while b"\n" not in buffer:
            more = stream.more()
            if not more:
                return
            buffer += more
            if len(buffer) > LONGEST_CHUNK_LINE_BYTES and b"\n" not in buffer:
                raise Unhealthy(f"{target.name} sent a broken chunk")
        line, _, buffer = buffer.partition(b"\n")
        digits = line.partition(b";")[0].strip()
        if not digits or digits.strip(HEX_DIGITS):
            raise Unhealthy(f"{target.name} sent a broken chunk: {_shown(line)!r}")
        left = int(digits, 16)
        if not left:
            return
        while left:
            data = buffer or stream.more()
            if not data:
                return
            yield data[:left]
            buffer = data[left:]
            left = max(0, left - len(data))
        while len(buffer) < 2 and not buffer.startswith(b"\n"):  # noqa: PLR2004 -- the chunk's own end of line
            more = stream.more()
            if not more:
                return
            buffer += more
        buffer = buffer.removeprefix(b"\r").removeprefix(b"\n")


def _shown(data: bytes) -> str:
    text = data[: SHOWN_CHARACTERS + 1].decode(errors="replace").rstrip("\r")
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
