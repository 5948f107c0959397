"""The one writer: it never blocks, never fails, counts what is lost, and lets nobody's control characters out."""

import json
import os
import pty
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pysupervise.core import kernel as real_kernel
from pysupervise.core.journal import Journal, Writer, one_line
from pysupervise.core.settings import DEBUG, ERROR, INFO, WARNING

LINE = b"x" * 99 + b"\n"


class Lines:
    """A writer that keeps lines, and can lose them."""

    def __init__(self) -> None:
        self.lost = 0
        self.lines: list[bytes] = []
        self.full = False

    def write(self, line: bytes) -> None:
        if self.full:
            self.lost += 1
        else:
            self.lines.append(line)

    @property
    def text(self) -> str:
        assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in self.lines)
        return b"".join(self.lines).decode(errors="surrogateescape")


def make(log_format: str, *, terminal: bool = False) -> tuple[Journal, Lines]:
    clock = SimpleNamespace(
        monotonic=lambda: 12.5, time=lambda: 1_000_000_000.25, getpid=lambda: 42, isatty=lambda fd: terminal and fd == 2
    )
    lines = Lines()
    return Journal(log_format, 10.0, clock, lines), lines  # type: ignore[arg-type]


def fill(writer: Writer) -> float:
    """Write more than any pipe holds; return the longest time that a line took. One that blocks fails, and does not hang."""
    longest = [0.0]

    def write() -> None:
        for _ in range(12_000):
            since = time.monotonic()
            writer.write(LINE)
            longest[0] = max(longest[0], time.monotonic() - since)

    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "it blocks"
    return longest[0]


def test_a_full_pipe_does_not_block_and_is_counted() -> None:
    reader, fd = os.pipe()
    writer = Writer(real_kernel, fd)
    assert fill(writer) < 1
    assert 0 < writer.lost < 12_000
    assert os.get_blocking(fd), "the command shares this open file, and must not see O_NONBLOCK"
    os.set_blocking(reader, False)
    found = b""
    while True:
        try:
            found += os.read(reader, 1 << 20)
        except BlockingIOError:
            break
    assert len(found) == (12_000 - writer.lost) * len(LINE)
    assert found == LINE * (12_000 - writer.lost)
    os.close(reader)
    os.close(fd)


def test_a_pipe_that_nobody_reads_any_more_is_no_error() -> None:
    reader, fd = os.pipe()
    writer = Writer(real_kernel, fd)
    os.close(reader)
    writer.write(LINE)
    assert writer.lost == 1
    os.close(fd)


def test_half_a_line_counts_as_lost() -> None:
    reader, fd = os.pipe()
    writer = Writer(real_kernel, fd)
    writer.write(b"x" * (1 << 20) + b"\n")
    assert writer.lost == 1
    os.close(reader)
    os.close(fd)


def test_a_full_socket_does_not_block() -> None:
    left, right = socket.socketpair()
    with left, right:
        writer = Writer(real_kernel, left.fileno())
        assert fill(writer) < 1
        assert writer.lost > 0
        assert left.getblocking()


def test_a_paused_terminal_does_not_block() -> None:
    control, fd = pty.openpty()
    writer = Writer(real_kernel, fd)
    assert fill(writer) < 1
    assert writer.lost > 0
    assert os.get_blocking(fd)
    os.close(control)
    os.close(fd)


def test_a_file_is_appended_to_where_the_command_is(tmp_path: Path) -> None:
    with open(tmp_path / "log", "wb", buffering=0) as file:
        file.write(b"command\n")
        Writer(real_kernel, file.fileno()).write(b"line\n")
        file.write(b"command\n")
    assert (tmp_path / "log").read_bytes() == b"command\nline\ncommand\n"


def test_a_closed_descriptor_is_no_error() -> None:
    reader, fd = os.pipe()
    os.close(reader)
    os.close(fd)
    writer = Writer(real_kernel, fd)
    writer.write(LINE)
    assert writer.lost == 1


def test_lost_lines_are_told_of_once_there_is_room() -> None:
    journal, lines = make("text")
    lines.full = True
    for _ in range(3):
        journal.tell(INFO, "suspended", {})
    assert lines.lines == []
    lines.full = False
    journal.tell(INFO, "continued", {})
    assert lines.text.splitlines() == [
        "pysupervise[42] +2.500s warning: 3 lines were lost: nobody read them",
        "pysupervise[42] +2.500s continued",
    ]
    journal.tell(INFO, "continued", {})
    assert len(lines.lines) == 3


@pytest.mark.parametrize(
    ("level", "event", "fields", "expected"),
    [
        (INFO, "spawned", {"command": "sleep 9", "pid": 7}, "pysupervise[42] +2.500s started sleep 9 as pid 7\n"),
        (WARNING, "killing", {"survivors": "7 sh"}, "pysupervise[42] +2.500s warning: KILL to 7 sh\n"),
        (ERROR, "status_lost", {}, "pysupervise[42] +2.500s error: the command is gone and somebody else took its status\n"),
        (ERROR, "cannot_execute", {"stage": "execute x", "reason": "not found"}, "pysupervise[42] error: cannot execute x: not found\n"),
        (ERROR, "hint", {"hint": "look"}, "pysupervise[42] hint: look\n"),
    ],
)
def test_text(level: int, event: str, fields: dict[str, Any], expected: str) -> None:
    journal, lines = make("text")
    journal.tell(level, event, fields)
    assert lines.text == expected


NASTY = 'a"b\\c\nd\x1b[31me\x00f\u2028g\udcffh ä='


@pytest.mark.parametrize("log_format", ["text", "json", "logfmt"])
def test_a_strangers_name_stays_in_its_line(log_format: str) -> None:
    journal, lines = make(log_format)
    journal.tell(INFO, "spawned", {"command": NASTY, "pid": 7})
    assert len(lines.text.splitlines()) == 1
    assert lines.text.removesuffix("\n").isprintable()


@pytest.mark.parametrize(
    ("words", "shown"), [("\udcff", r"\xff"), (repr("a\udcff"), r"'a\xff'"), ("a\nb", r"a\x0ab"), ("\u2028", r"\u2028"), ("ä b", "ä b")]
)
def test_what_is_no_text_is_shown_as_the_byte_that_it_is(words: str, shown: str) -> None:
    assert one_line(words) == shown


def test_json() -> None:
    journal, lines = make("json")
    journal.tell(WARNING, "spawned", {"command": NASTY, "pid": 7})
    record = json.loads(lines.text)
    message = record.pop("message")
    assert message.startswith('started a"b')
    assert message.endswith(" as pid 7")
    assert record == {
        "time": "2001-09-09T01:46:40.250Z",
        "elapsed_s": 2.5,
        "level": "warning",
        "pid": 42,
        "event": "spawned",
        "command": NASTY.replace("\udcff", "\\xff"),
        "about_pid": 7,
    }


def test_logfmt() -> None:
    journal, lines = make("logfmt")
    journal.tell(DEBUG, "reaped", {"pid": 7, "name": "", "end": 'said "no"\n'})
    assert lines.text == (
        "time=2001-09-09T01:46:40.250Z elapsed_s=2.5 level=debug pid=42 event=reaped about_pid=7 "
        'name="" end="said \\"no\\"\\\\x0a" message="reaped pid 7 (), which said \\"no\\"\\\\x0a"\n'
    )


@pytest.mark.parametrize(
    ("log_format", "terminal", "variables", "expected"),
    [
        ("text", True, {"TERM": "xterm"}, True),
        ("text", True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        ("text", True, {"TERM": "dumb"}, False),
        ("text", False, {"TERM": "xterm"}, False),
        ("json", True, {"TERM": "xterm"}, False),
        ("logfmt", True, {"TERM": "xterm"}, False),
    ],
)
def test_colour(monkeypatch: pytest.MonkeyPatch, log_format: str, terminal: bool, variables: dict[str, str], expected: bool) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    journal, lines = make(log_format, terminal=terminal)
    journal.tell(WARNING, "continued", {})
    assert ("\x1b[" in lines.text) is expected
    assert not expected or lines.text.endswith("\x1b[0m\n")
