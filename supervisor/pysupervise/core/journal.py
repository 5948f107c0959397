"""The one writer to stderr: an event as a line of text, JSON or logfmt, that never blocks and never fails.

Standard error is shared with the command and may be a pipe that nobody reads, a terminal that is paused, or closed. O_NONBLOCK on
it would be seen by the command, since the flag belongs to the open file and not to the descriptor. So a pipe or terminal is opened a
second time through /proc/self/fd, without blocking; where that is not possible (a socket, a file of another user), poll(2) is asked
first.
"""

import sys

from pysupervise.core.settings import DEBUG, ERROR, WARNING
from pysupervise.core.words import EVENTS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

STDERR = 2
LONGEST = 1000  # characters of a value
LONE = 0xDC00  # what surrogateescape adds to a byte that is no text
LEVEL_NAMES = ("error", "warning", "info", "debug")
COLOURS = ("\033[31m", "\033[33m", "", "\033[2m")
RESET = "\033[0m"
S_IFMT, S_IFREG, S_IFIFO, S_IFCHR = 0o170000, 0o100000, 0o010000, 0o020000


class Voice:
    """Whoever says events: the journal, or a personality with the words of another init."""

    __slots__ = ()

    def tell(self, level: int, event: str, fields: "dict[str, object]") -> None:
        """Say one event."""
        raise NotImplementedError


class Writer:
    """Whole lines to a descriptor, without blocking; lines that find no room are counted."""

    __slots__ = ("_broken", "_fd", "_kernel", "_poll_first", "lost")

    def __init__(self, kernel: "ModuleType", fd: int = STDERR) -> None:
        self._kernel = kernel
        self.lost = 0
        self._broken = False  # the last line ended before its end
        self._fd = fd
        self._poll_first = True
        if fd == STDERR and sys.stderr is None:
            self._fd = -1  # it was closed at the start, and the number may be anything of ours by now
            return
        kind = kernel.stat(f"/proc/self/fd/{fd}").st_mode & S_IFMT if self._proc_shows(fd) else 0
        if kind == S_IFREG:
            self._poll_first = False  # a file never blocks, and a second opening would have an offset of its own
        elif kind in (S_IFIFO, S_IFCHR):
            try:
                self._fd = kernel.open(f"/proc/self/fd/{fd}", kernel.O_WRONLY | kernel.O_NONBLOCK | kernel.O_CLOEXEC | kernel.O_NOCTTY)
                self._poll_first = False
            except OSError:
                return

    def write(self, line: bytes) -> None:
        """Write a line, or count it as lost."""
        if self._fd < 0:
            return
        try:
            if self._poll_first and not self._has_room():
                self.lost += 1
                return
            if self._broken:
                line = b"\n" + line
            written = self._kernel.write(self._fd, line)
        except OSError:
            self.lost += 1
            return
        self._broken = written < len(line)
        if self._broken:
            self.lost += 1

    def _proc_shows(self, fd: int) -> bool:
        try:
            self._kernel.stat(f"/proc/self/fd/{fd}")
        except OSError:
            return False
        return True

    def _has_room(self) -> bool:
        import select

        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return any(mask & select.POLLOUT for _, mask in poll.poll(0))


class Journal(Voice):
    """The product's own words."""

    __slots__ = ("_colour", "_format", "_kernel", "_prefix", "_started_at", "_writer")

    def __init__(self, log_format: str, started_at: float, kernel: "ModuleType", writer: "Writer | None" = None) -> None:
        self._kernel = kernel
        self._writer = writer or Writer(kernel)
        self._started_at = started_at
        self._format = {"json": self._json, "logfmt": self._logfmt}.get(log_format, self._text)
        self._prefix = f"pysupervise[{kernel.getpid()}]"
        self._colour = log_format == "text" and sys.stderr is not None and _wants_colour(kernel)

    def tell(self, level: int, event: str, fields: "dict[str, object]") -> None:
        """Write one event as one line."""
        elapsed_s = self._kernel.monotonic() - self._started_at
        fields = {key: _short(value) for key, value in fields.items()}
        if self._writer.lost:
            count, self._writer.lost = self._writer.lost, 0
            self._write(self._format(WARNING, "lost_words", {"count": count}, elapsed_s))
            if self._writer.lost:
                self._writer.lost += count
                return
        self._write(self._format(level, event, fields, elapsed_s))

    def _write(self, line: str) -> None:
        self._writer.write((line + "\n").encode(errors="surrogateescape"))

    def _text(self, level: int, event: str, fields: "dict[str, object]", elapsed_s: float) -> str:
        sentence = one_line(EVENTS[event].format(**fields))
        word = f"{LEVEL_NAMES[level]}: " if level in (ERROR, WARNING) and event != "hint" else ""
        # An error at the start has no story that a time would help with.
        stamp = "" if event in ("cannot_execute", "cannot_fork", "hint") else f" +{elapsed_s:.3f}s"
        colour = COLOURS[min(level, DEBUG)] if self._colour else ""
        return f"{colour}{self._prefix}{stamp} {word}{sentence}{RESET if colour else ''}"

    def _json(self, level: int, event: str, fields: "dict[str, object]", elapsed_s: float) -> str:
        import json

        return json.dumps(self._record(level, event, fields, elapsed_s), ensure_ascii=True)

    def _logfmt(self, level: int, event: str, fields: "dict[str, object]", elapsed_s: float) -> str:
        return " ".join(f"{key}={_quoted(value)}" for key, value in self._record(level, event, fields, elapsed_s).items())

    def _record(self, level: int, event: str, fields: "dict[str, object]", elapsed_s: float) -> "dict[str, object]":
        now = self._kernel.time()
        whole = int(now)
        year, month, day, hour, minute, second = _utc(whole)
        return {
            "time": f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{int((now - whole) * 1000):03}Z",
            "elapsed_s": round(elapsed_s, 6),
            "level": LEVEL_NAMES[level],
            "pid": self._kernel.getpid(),
            "event": event,
            # The supervisor's own number is `pid`; the one that an event is about gets another name.
            **{"about_pid" if key == "pid" else key: value for key, value in fields.items()},
            "message": one_line(EVENTS[event].format(**fields)),
        }


def _short(value: object) -> object:
    """Return a value as it fits into a line: a pipe takes 4,096 bytes at once and no more for sure (PIPE_BUF of pipe(7))."""
    if isinstance(value, float):
        return round(value, 6)
    if not isinstance(value, str):
        return value
    text = value.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return text if len(text) <= LONGEST else text[:LONGEST] + "..."


def _utc(seconds: int) -> "tuple[int, ...]":
    from time import gmtime

    return gmtime(seconds)[:6]


def one_line(sentence: str) -> str:
    """Escape what no line of text can hold: names of processes are chosen by strangers. A byte that is no text is shown in hexadecimal."""
    sentence = sentence.replace(r"\udc", r"\x")  # repr's words for such a byte
    return sentence if sentence.isprintable() else "".join(c if c.isprintable() else _escape(ord(c)) for c in sentence)


def _escape(code: int) -> str:
    code -= LONE if LONE < code <= LONE + 0xFF else 0
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004 -- a byte


def _quoted(value: object) -> str:
    word = str(value)
    if word and word.isprintable() and not any(c in ' "=\\' for c in word):
        return word
    return '"' + one_line(word).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _wants_colour(kernel: "ModuleType") -> bool:
    import os

    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and kernel.isatty(STDERR)
