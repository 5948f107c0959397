"""What a check is asked to do, and how users write it. Each parser raises ValueError(reason, hint)."""

import re
import urllib.parse
from dataclasses import dataclass

from pysupervise.cli.checking.sockets import Endpoint
from pysupervise.core import values

DEFAULT_WITHIN_S = 10.0
DEFAULT_REFUSED_WITHIN_S = 1.0
DEFAULT_READY_WITHIN_S = 30.0
DEFAULT_MOMENTS = 5
HIGHEST_PORT = 65535
PORTS = {"http": 80, "https": 443}

READY_HINT = "write tcp:8000, tcp:HOST:PORT, http://127.0.0.1:8000/health, log:REGEX or delay:2s"
URL_HINT = "write it as http://127.0.0.1:8000/path"


@dataclass(frozen=True, slots=True)
class Url:
    """Where a request goes."""

    text: str
    secure: bool
    host: str
    port: int
    target: str  # path and query


@dataclass(frozen=True, slots=True)
class Ready:
    """What says that the command is ready. ``listen``: its first listening socket."""

    kind: str  # tcp, http, log, delay, listen
    text: str
    host: str = ""
    port: int = 0
    url: Url | None = None
    pattern: "re.Pattern[str] | None" = None
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole check."""

    command: tuple[str, ...]
    ready: Ready
    signals: tuple[int, ...]
    bare: bool = False
    http: Url | None = None
    slow_http: Url | None = None
    within_s: float = DEFAULT_WITHIN_S
    refused_within_s: float = DEFAULT_REFUSED_WITHIN_S
    ready_within_s: float = DEFAULT_READY_WITHIN_S
    expected: frozenset[int] | None = None  # None: 0, or death of the very signal
    repeat: int = 1
    moments: int = 0  # of the start-up that get a signal; 0: none

    def addresses(self) -> list[Endpoint]:
        """Return where the options say that the command listens, each once."""
        found = [Endpoint(url.host, url.port) for url in (self.http, self.slow_http, self.ready.url) if url is not None]
        if self.ready.kind == "tcp":
            found.append(Endpoint(self.ready.host, self.ready.port))
        return list(dict.fromkeys(found))


def url(word: str) -> Url:
    """Return an http or https URL in parts."""
    try:
        parts = urllib.parse.urlsplit(word)
        port = parts.port
    except ValueError:
        raise ValueError("not a URL", URL_HINT) from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("not an http or https URL", URL_HINT)
    target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
    if not word.isascii() or not word.isprintable() or " " in word:
        raise ValueError("a URL is printable ASCII without blanks", "write other characters as %XX")
    return Url(word, parts.scheme == "https", parts.hostname, port or PORTS[parts.scheme], target)


def ready(word: str) -> Ready:
    """Return what ``tcp:PORT``, ``http:URL``, ``log:REGEX`` or ``delay:2s`` stands for."""
    kind, colon, rest = word.partition(":")
    if not colon or not rest or kind not in ("tcp", "http", "https", "log", "delay"):
        raise ValueError("no such sign of readiness", READY_HINT)
    if kind in PORTS:
        # Both http:URL and the URL itself.
        return Ready("http", word, url=url(word if rest.startswith("//") else rest))
    if kind == "log":
        try:
            return Ready(kind, word, pattern=re.compile(rest))
        except re.error as error:
            raise ValueError(
                f"not a regular expression: {error}", "Python's re module reads it; a line of the output has to contain a match"
            ) from None
    if kind == "delay":
        return Ready(kind, word, delay_s=values.duration(rest))
    host, _, port = rest.rpartition(":")
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) <= HIGHEST_PORT:
        raise ValueError("not a port", READY_HINT)
    return Ready(kind, word, host=host.strip("[]") or "localhost", port=int(port))


def default_ready(*urls: Url | None) -> Ready:
    """Return the sign that holds without --ready: the port of a URL that is given, else the first socket that listens."""
    for given in urls:
        if given is not None:
            return Ready("tcp", f"tcp:{given.host}:{given.port}", host=given.host, port=given.port)
    return Ready("listen", "the first listening socket")


def statuses(word: str) -> frozenset[int]:
    """Return exit statuses from ``0,143``."""
    found = set()
    for part in word.split(","):
        if not (part.strip().isascii() and part.strip().isdigit()) or int(part) > values.BYTE:
            raise ValueError(f"{part or 'nothing'!r} is not an exit status", "write numbers from 0 to 255: 0,143")
        found.add(int(part))
    return frozenset(found)
