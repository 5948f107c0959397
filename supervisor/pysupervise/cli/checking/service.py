"""The command under test while it runs: started in a sandbox, its output read and passed on, its end seen, nothing left of it.

pysupervise in front of it tells as JSON, on the standard error that it shares with the command, who got which signal and how each
process ended. Those lines are taken out of the stream.
"""

import collections
import contextlib
import json
import os
import re
import select
import signal
import sys
import threading
import time
from re import Pattern
from typing import IO, Any, Self

from pysupervise.cli import procfs
from pysupervise.cli.checking.fates import Fates
from pysupervise.cli.checking.watch import Look, Watch
from pysupervise.cli.sandbox import Place, Sandbox, own_command
from pysupervise.core.settings import DEFAULT_GRACE_S
from pysupervise.core.words import EVENTS

TELLING = ("-v", "--log-format", "json")
# What would make pysupervise's own words unreadable for us; everything else that stands in the environment holds as it will in production.
UNSET = ("PYSUPERVISE_VERBOSE", "PYSUPERVISE_QUIET", "PYSUPERVISE_LOG_FORMAT")
TIMED = frozenset(("PYSUPERVISE_GRACE", "PYSUPERVISE_STOP"))
EVENT_BEGINS = '{"time": "'
LINES_KEPT = 200
LONGEST_LINE_BYTES = 65536
END_TIME_S = 5.0
NEXT_LOOK_S = 0.001
NEXT_EVENT_S = 0.005
RECIPIENT = re.compile(r"(?:^|: |, )(\d+) ([^ ,]*)")


class Service:
    """One run of the command. Leaving the context ends everything that is left of it."""

    def __init__(
        self, command: tuple[str, ...], *, bare: bool, place: Place, pattern: Pattern[str] | None = None, within_s: float = 0.0
    ) -> None:
        """Start it. Raises OSError where no process can be made.

        ``within_s``: how long a stop may take; pysupervise's default grace would end a longer one before.
        """
        self.bare = bare
        self.events: list[dict[str, Any]] = []
        self.output: collections.deque[str] = collections.deque(maxlen=LINES_KEPT)
        self.matched = threading.Event()
        self.spawned = threading.Event()
        self.spawned_at = 0.0
        self.ended_at = 0.0
        self._pattern = pattern
        environment = {key: value for key, value in os.environ.items() if key not in UNSET}
        grace = () if within_s <= DEFAULT_GRACE_S or not TIMED.isdisjoint(environment) else ("--grace", f"{within_s * 1000:.0f}ms")
        words = list(command) if bare else [*own_command(), *TELLING, *grace, "--", *command]
        streams = [os.pipe(), os.pipe()]
        try:
            # A session of its own: Ctrl-C is for the check, which then ends the command.
            self.sandbox = Sandbox(words, place, stdout=streams[0][1], stderr=streams[1][1], environment=environment, new_session=True)
        except OSError:
            for read, _ in streams:
                os.close(read)
            raise
        finally:
            for _, write in streams:
                os.close(write)
        self._pidfd = os.pidfd_open(self.sandbox.launcher.pid)
        self._wake_read, self._wake_write = os.pipe()
        self._reader = threading.Thread(target=self._read, args=([read for read, _ in streams],), daemon=True)
        self._reader.start()
        self.watch = Watch(self.sandbox.pid)
        self.fates = Fates()

    @property
    def status(self) -> int:
        """The exit status, once it has ended."""
        return self.sandbox.wait(END_TIME_S)

    def event(self, name: str) -> dict[str, Any] | None:
        """Return the first event of pysupervise with this name."""
        return next((event for event in list(self.events) if event["event"] == name), None)

    def wait_end(self, timeout_s: float) -> bool:
        """Wait for the end of everything; return whether it came in time."""
        if not self.ended_at:
            poll = select.poll()
            poll.register(self._pidfd, select.POLLIN)
            if poll.poll(max(0.0, timeout_s) * 1000):
                self.ended_at = time.monotonic()
        return bool(self.ended_at)

    def wait_command_end(self, timeout_s: float) -> bool:
        """Wait for the end of the command itself, which may leave others behind; return whether it came in time."""
        deadline = time.monotonic() + timeout_s
        while self.event("command_ended") is None:
            left_s = deadline - time.monotonic()
            if self.wait_end(min(NEXT_EVENT_S, left_s)):
                self._reader.join(END_TIME_S if not self.watch.survivors() else 0)
                return True
            if left_s <= 0:
                return False
        # Who is still there is told next; with nobody, it is the end.
        give_up_at = time.monotonic() + END_TIME_S
        while self.left_by_command() is None and not self.wait_end(NEXT_EVENT_S) and time.monotonic() < give_up_at:
            pass
        return True

    @property
    def command_status(self) -> int:
        """The exit status of the command, once ``wait_command_end`` has seen its end."""
        told = self.event("command_ended")
        return int(told["status"]) if told is not None else self.status

    def left_by_command(self) -> list[str] | None:
        """Return who was alive when the command ended, as far as it is told; None where nothing is told."""
        if self.bare:
            return [member.label for member in self.fates.killed()] if self.ended_at else None
        events = list(self.events)
        names = [event["event"] for event in events]
        if "command_ended" in names:
            for event in events[names.index("command_ended") :]:
                if event["event"] == "delivered":
                    return [self._label(pid, name) for pid, name in recipients(event)]
        return None

    def _label(self, pid: int, name: str) -> str:
        """Name a process by its number in its own namespace: with its command line where it was seen."""
        labels = [member.label for member in self.watch.seen.values() if member.inner_pid == pid]
        return labels[-1] if labels else f"pid {pid} `{name}`"

    def wait_spawned(self, timeout_s: float) -> bool:
        """Wait until the command's own program runs (exec has happened); return whether it did before the end."""
        deadline = time.monotonic() + timeout_s
        while not self.spawned.is_set():
            if self.bare and self._has_own_program():
                self.spawned_at = time.monotonic()
                self.spawned.set()
            elif self.wait_end(NEXT_LOOK_S) or time.monotonic() > deadline:
                self._reader.join(END_TIME_S if self.ended_at else 0)
                break
        return self.spawned.is_set()

    def look(self) -> Look:
        """Look at the tree. Those who are there are held on to, to learn later how they ended."""
        if not self.sandbox.pid:
            return {}
        members = self.watch.look(root_counts=self.bare)
        self.fates.hold(members, self.sandbox.pid)
        return members

    def send(self, signum: int) -> bool:
        """Send a signal to pysupervise, or to the command with --bare: to whoever an engine would stop. Return whether it was there."""
        return self.sandbox.send(signum)

    def finish_output(self) -> None:
        """Read what the command wrote until its end. Whoever is left over and holds the pipes is not waited for."""
        self._reader.join(0.2 if self.watch.survivors() else END_TIME_S)

    def _has_own_program(self) -> bool:
        words = procfs.command_line(self.sandbox.pid)
        return bool(words) and not any("pysupervise.cli.enter" in word for word in words or ())

    def _read(self, descriptors: list[int]) -> None:
        rests = dict.fromkeys(descriptors, b"")
        poll = select.poll()
        for descriptor in (*descriptors, self._wake_read):
            poll.register(descriptor, select.POLLIN)
        while rests:
            for descriptor, _ in poll.poll():
                if descriptor == self._wake_read:
                    for left in rests:
                        os.close(left)
                    return
                data = os.read(descriptor, 65536)
                *lines, rest = (rests[descriptor] + data).split(b"\n")
                if not data or len(rest) > LONGEST_LINE_BYTES:
                    lines, rest = [*lines, *([rest] if rest else [])], b""
                for line in lines:
                    self._take(line.decode(errors="replace"))
                rests[descriptor] = rest
                if not data:
                    poll.unregister(descriptor)
                    os.close(descriptor)
                    del rests[descriptor]

    def _take(self, line: str) -> None:
        own, event = split_event(line) if not self.bare else (line, None)
        if event is not None and event["pid"] not in (1, self.sandbox.pid):
            own, event = line, None  # of another pysupervise, below ours
        if event is not None:
            self.events.append(event)
            if event["event"] == "spawned":
                self.spawned_at = time.monotonic()
                self.spawned.set()
            if event["level"] in ("error", "warning"):
                echo(f"pysupervise: {event['message']}")
            if not own:
                return
        self.output.append(own)
        if self._pattern is not None and self._pattern.search(own):
            self.matched.set()
        echo(own)

    def end(self) -> None:
        """End everything that is left of the command."""
        deadline = time.monotonic() + END_TIME_S
        if self.sandbox.place is Place.HERE:
            # No namespace takes the others along. As long as the root lives, orphans come to it, so it goes last.
            self.look()
            while (
                left := [member for member in self.watch.survivors() if member.stat.pid != self.sandbox.pid]
            ) and time.monotonic() < deadline:
                for member in left:
                    kill(member.stat)
                self.look()
        self.sandbox.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.end()
        finally:
            self.sandbox.__exit__(None, None, None)
            self.fates.close()
            self._reader.join(0.2)
            os.write(self._wake_write, b"\n")
            self._reader.join(END_TIME_S)
            for descriptor in (self._pidfd, self._wake_read, self._wake_write):
                os.close(descriptor)


def recipients(event: dict[str, Any]) -> list[tuple[int, str]]:
    """Return who got a signal by pysupervise's own words: numbers in their own namespace, and names."""
    return [(int(number), name) for number, name in RECIPIENT.findall(str(event["recipients"]))]


def split_event(line: str) -> tuple[str, dict[str, Any] | None]:
    """Return what of a line is the command's own, and the event of pysupervise that follows it, if one does."""
    begin = line.find(EVENT_BEGINS)
    if begin < 0:
        return line, None
    try:
        event = json.loads(line[begin:])
    except ValueError:
        return line, None
    if not isinstance(event, dict) or event.get("event") not in EVENTS or not {"elapsed_s", "level", "message", "pid"} <= event.keys():
        return line, None
    return line[:begin], event


def echo(line: str, stream: IO[str] | None = None) -> None:
    """Pass a line of the command's output on, if anybody still reads."""
    with contextlib.suppress(OSError, ValueError):
        print(line, file=stream or sys.stderr, flush=True)


def kill(stat: procfs.Stat) -> None:
    """KILL to a process that was seen, and to no other that has its number by now."""
    with contextlib.suppress(OSError):
        pidfd = os.pidfd_open(stat.pid)
        try:
            now = procfs.read_stat(stat.pid)
            if now is not None and now.start_ticks == stat.start_ticks:
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        finally:
            os.close(pidfd)
