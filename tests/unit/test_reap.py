"""The one reaper: the command's status is never mixed up, whatever dies with it or after it."""

from typing import Any

import pytest

from pysupervise.core.reap import MOST_AT_ONCE, MOST_LET_GO, WNOHANG, Reaper
from pysupervise.core.reap_told import watch

COMMAND = 60
TRAPPED = 10 << 8 | 0x7F  # in a ptrace stop with USR1


class FakeChildren:
    """Children that are dead (pid, wait status), and whether living ones are left. Any other call does not exist."""

    def __init__(self, dead: list[tuple[int, int]], *, alive: bool) -> None:
        self.dead = dead
        self.alive = alive
        self.taken_stops: list[int] = []
        self.continued: set[int] = set()
        self.traced: set[int] = set()
        self.let_go_of: list[tuple[int, int]] = []

    def _nobody(self) -> None:
        if not self.alive:
            raise ChildProcessError(10, "No child processes")

    def waitpid(self, pid: int, options: int) -> tuple[int, int]:
        assert (pid, options) == (-1, WNOHANG)
        if self.dead:
            return self.dead.pop(0)
        self._nobody()
        return 0, 0

    def let_go(self, pid: int, signum: int) -> None:
        self.let_go_of.append((pid, signum))

    def peek_child(self, *, stops: bool) -> "tuple[int, int] | None":
        for pid, status in self.dead:
            if status == TRAPPED:
                return pid, 1 << 16 | status
            if stops or status & 0xFF != 0x7F:
                return pid, status
        self._nobody()
        return None

    def take_stop(self, pid: int) -> bool:
        self.taken_stops.append(pid)
        self.dead.remove(next(row for row in self.dead if row[0] == pid))
        return pid not in self.continued

    def wait4(self, pid: int, options: int) -> tuple[int, int, object]:
        assert options == WNOHANG
        if pid in self.traced:
            return 0, 0, None
        row = next(row for row in self.dead if row[0] == pid)
        self.dead.remove(row)
        return (*row, "usage")

    def read_file(self, path: str) -> bytes:
        pid = int(path.removeprefix("/proc/").removesuffix("/comm"))
        if pid == 404:
            raise FileNotFoundError(2, "No such file or directory")
        return b"name%d\n" % pid


def make(dead: list[tuple[int, int]], *, alive: bool, told: "list[Any] | None" = None) -> Reaper:
    reaper = Reaper(FakeChildren(dead, alive=alive), COMMAND)  # type: ignore[arg-type]
    if told is not None:
        watch(reaper, lambda *fields: told.append(fields))
    return reaper


BOTH = pytest.mark.parametrize("told", [None, []], ids=["silent", "told"])


@BOTH
def test_nobody_died(told: "list[Any] | None") -> None:
    reaper = make([], alive=True, told=told)
    assert (reaper.drain(), reaper.status) == (True, None)
    assert (reaper.reaped, reaper.command_pid, reaper.more) == (0, COMMAND, False)


@BOTH
def test_the_command_and_nobody_else(told: "list[Any] | None") -> None:
    reaper = make([(COMMAND, 3 << 8)], alive=False, told=[] if told is not None else None)
    assert (reaper.drain(), reaper.status) == (False, 3 << 8)
    assert (reaper.reaped, reaper.command_pid) == (1, 0)


@BOTH
@pytest.mark.parametrize("place", range(4))
def test_the_command_among_others(told: "list[Any] | None", place: int) -> None:
    dead = [(71, 1 << 8), (72, 9), (73, 0)]
    dead.insert(place, (COMMAND, 7 << 8))
    reaper = make(dead, alive=True, told=[] if told is not None else None)
    assert (reaper.drain(), reaper.status) == (True, 7 << 8)
    assert reaper.reaped == 4


@BOTH
def test_a_status_of_zero_is_a_status(told: "list[Any] | None") -> None:
    reaper = make([(COMMAND, 0)], alive=True, told=[] if told is not None else None)
    assert (reaper.drain(), reaper.status) == (True, 0)


@BOTH
def test_an_orphan_with_the_number_of_the_command_changes_nothing(told: "list[Any] | None") -> None:
    reaper = make([(COMMAND, 7 << 8), (COMMAND, 9 << 8)], alive=True, told=[] if told is not None else None)
    assert (reaper.drain(), reaper.status) == (True, 7 << 8)
    later = reaper.kernel
    assert isinstance(later, FakeChildren)
    later.dead.append((COMMAND, 11 << 8))
    assert (reaper.drain(), reaper.status) == (True, 7 << 8)
    assert reaper.reaped == 3


@BOTH
def test_everybody_is_gone_without_the_command(told: "list[Any] | None") -> None:
    reaper = make([(71, 0)], alive=False, told=[] if told is not None else None)
    assert (reaper.drain(), reaper.status) == (False, None)
    assert reaper.command_pid == COMMAND, "that is how a lost status is known"


@BOTH
@pytest.mark.parametrize("count", [MOST_AT_ONCE - 1, MOST_AT_ONCE, MOST_AT_ONCE + 1, 3 * MOST_AT_ONCE + 5])
def test_a_burst_of_any_size(told: "list[Any] | None", count: int) -> None:
    dead = [(pid, 0) for pid in range(1000, 1000 + count)]
    dead.append((COMMAND, 5 << 8))
    reaper = make(dead, alive=False, told=[] if told is not None else None)
    turns = 0
    while True:
        alive = reaper.drain()
        turns += 1
        assert reaper.reaped <= turns * MOST_AT_ONCE, "signals and deadlines wait too long"
        if not reaper.more:
            break
        assert alive
    assert not alive
    assert reaper.reaped == count + 1
    assert reaper.status == 5 << 8


@BOTH
def test_one_that_is_traced_again_and_again_does_not_keep_us(told: "list[Any] | None") -> None:
    reaper = make([(71, TRAPPED)] * (MOST_LET_GO + 3) + [(COMMAND, 0)], alive=True, told=[] if told is not None else None)
    kernel: Any = reaper.kernel
    assert (reaper.drain(), reaper.more, reaper.status) == (True, True, None)
    assert kernel.let_go_of == [(71, 10)] * MOST_LET_GO
    assert (reaper.drain(), reaper.more, reaper.status, reaper.reaped) == (True, False, 0, 1)


def test_what_is_told_of_the_dead() -> None:
    told: list[Any] = []
    make([(71, 9), (404, 0), (COMMAND, 1 << 8)], alive=False, told=told).drain()
    assert told == [(71, 9, "name71", "usage"), (404, 0, "", "usage"), (COMMAND, 1 << 8, "name60", "usage")]


def test_the_command_counts_as_reaped_before_it_is_told_of() -> None:
    reaper = make([(COMMAND, 0)], alive=False)
    seen: list[int] = []
    watch(reaper, lambda *_: seen.append(reaper.command_pid))
    reaper.drain()
    assert seen == [0]


def test_stops_of_the_command_are_told_and_those_of_others_taken() -> None:
    kernel = FakeChildren([(71, 20 << 8 | 0x7F), (COMMAND, 20 << 8 | 0x7F), (72, 0)], alive=True)
    reaper = Reaper(kernel, COMMAND)  # type: ignore[arg-type]
    stops: list[int] = []
    watch(reaper, on_stopped=stops.append)
    assert (reaper.drain(), reaper.status) == (True, None)
    assert (stops, kernel.taken_stops, reaper.reaped) == ([20], [71, COMMAND], 1)


def test_a_stop_that_is_over_is_not_told() -> None:
    kernel = FakeChildren([(COMMAND, 20 << 8 | 0x7F)], alive=True)
    kernel.continued = {COMMAND}
    reaper = Reaper(kernel, COMMAND)  # type: ignore[arg-type]
    stops: list[int] = []
    watch(reaper, on_stopped=stops.append)
    assert (reaper.drain(), reaper.status) == (True, None)
    assert stops == []


def test_a_tracer_that_takes_the_dead_away_does_not_make_it_spin() -> None:
    kernel = FakeChildren([(71, 9)], alive=True)
    kernel.traced = {71}
    reaper = Reaper(kernel, COMMAND)  # type: ignore[arg-type]
    watch(reaper, lambda *_: None)
    assert (reaper.drain(), reaper.status) == (True, None)
    assert reaper.reaped == 0
