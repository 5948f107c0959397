"""The loop's short way: a signal that comes again goes where it went before, and never to a number that is somebody else's by now."""

from typing import Any

import pytest
from fake_kernel import FakeKernel

from pysupervise.core.loop import Supervisor
from pysupervise.core.narrator import Narrator
from pysupervise.core.settings import Settings

COMMAND, OUTSIDE, EVERYBODY = 60, 0, -1
BROKEN = -1
HUP, INT, USR1, TERM, CHLD, CONT, TSTP = 1, 2, 10, 15, 17, 18, 20


class OverError(BaseException):
    """The script is at its end."""


class Broken:
    """What no kernel says: a siginfo without its fields."""


class Info:
    """What sigwaitinfo(2) tells of a signal that somebody outside sent."""

    si_pid, si_uid, si_code = OUTSIDE, 0, 0

    def __init__(self, signum: int) -> None:
        self.si_signo = signum


class Script(FakeKernel):
    """A kernel in which one signal after the other comes. None: the command ends, and its number goes to a stranger."""

    SI_KERNEL = 0x80

    def __init__(self, signals: "list[int | None]", own_pid: int) -> None:
        super().__init__(own_pid)
        self.add(COMMAND, own_pid)
        self.add(70, COMMAND, session=70)
        self.waiting = signals[::-1]
        self.dead: list[tuple[int, int]] = []
        self.each: list[list[tuple[int, int]]] = []  # who got each signal, in the order of the script

    def getppid(self) -> int:
        return 1

    def sched_yield(self) -> None:
        assert self.sent, "the command has its signal by then"

    def time(self) -> float:
        return 0.0

    def sigwaitinfo(self, _taken: "tuple[int, ...]") -> Info:
        self.each.append([*self.sent, *self.groups, *((EVERYBODY, signum) for signum in self.everybody)])
        self.sent.clear()
        self.groups.clear()
        self.everybody.clear()
        if not self.waiting:
            raise OverError
        signum = self.waiting.pop()
        if signum == BROKEN:
            return Broken()  # type: ignore[return-value]
        if signum is None:
            self.die(COMMAND)
            self.add(COMMAND, 1)
            self.dead.append((COMMAND, 0))
            return Info(CHLD)
        return Info(signum)

    def sigtimedwait(self, taken: "tuple[int, ...]", _seconds: float) -> Info:
        return self.sigwaitinfo(taken)

    def waitpid(self, pid: int, options: int) -> "tuple[int, int]":
        assert (pid, options) == (-1, 1)
        return self.dead.pop() if self.dead else (0, 0)


def play(kernel: Script, chosen: Settings) -> Supervisor:
    """Let the signals come; return the loop where the script ended."""
    seam: Any = kernel
    supervisor = Supervisor(chosen, seam, Narrator(chosen, seam, 0.0), COMMAND)
    supervisor.handle(("spawned",))
    with pytest.raises(OverError):
        supervisor.run()
    return supervisor


def settings(**changes: object) -> Settings:
    chosen = Settings(["command"], {})
    chosen.verbosity = 0
    for name, value in changes.items():
        setattr(chosen, name, value)
    return chosen


TARGETS = ("child", "group", "tree", "handlers")


def test_a_mistake_of_ours_is_survived() -> None:
    kernel = Script([BROKEN, USR1], 1)
    play(kernel, settings(forward="child"))
    assert kernel.each[-1] == [(COMMAND, USR1)]


def test_a_mistake_that_comes_again_and_again_is_not() -> None:
    kernel = Script([BROKEN] * 20, 1)
    seam: Any = kernel
    supervisor = Supervisor(settings(), seam, Narrator(settings(), seam, 0.0), COMMAND)
    supervisor.handle(("spawned",))
    with pytest.raises(AttributeError):
        supervisor.run()
    assert len(kernel.each) == 17


class Mistaken(Script):
    """A kernel under a supervisor that makes a mistake after so many of the dead, with no SIGCHLD to come after it."""

    def __init__(self, dead: "list[tuple[int, int]]", good: int) -> None:
        super().__init__([CHLD], 1)
        self.dead = dead
        self.good = good

    def waitpid(self, pid: int, options: int) -> "tuple[int, int]":
        self.good -= 1
        if self.good == -1:
            raise ValueError
        if not self.dead:
            raise ChildProcessError
        return super().waitpid(pid, options)

    def sigtimedwait(self, taken: "tuple[int, ...]", seconds: float) -> "Info | None":  # type: ignore[override]
        assert seconds == 0
        return None if not self.waiting else super().sigtimedwait(taken, seconds)


@pytest.mark.parametrize("good", range(4))
def test_a_mistake_while_reaping_loses_neither_the_dead_nor_the_status(good: int) -> None:
    kernel: Any = Mistaken([(71, 0), (COMMAND, 5 << 8), (70, 0)], good)
    supervisor = Supervisor(settings(), kernel, Narrator(settings(), kernel, 0.0), COMMAND)
    supervisor.handle(("spawned",))
    supervisor.run()
    assert (supervisor.state.phase, supervisor.state.main_status) == ("exited", 5 << 8)


def test_mistakes_now_and_then_do_not_add_up() -> None:
    kernel = Script([BROKEN] * 40, 1)
    kernel.tick_s = 0.1
    play(kernel, settings())
    assert len(kernel.each) == 41


@pytest.mark.parametrize("own_pid", [1, 50])
@pytest.mark.parametrize("target", TARGETS)
def test_the_second_goes_where_the_first_went(target: str, own_pid: int) -> None:
    kernel = Script([USR1, USR1, USR1], own_pid)
    supervisor = play(kernel, settings(forward=target))
    first = kernel.each[1]
    assert first == [(COMMAND, USR1), (70, USR1)][: 1 if target in {"child", "group"} else 2]
    assert kernel.each[1:] == [first] * 3
    assert bool(kernel.groups or kernel.by_number) == (target != "group")
    assert bool(supervisor.short_ways) == (target != "handlers")


@pytest.mark.parametrize("target", TARGETS)
def test_a_rewritten_signal(target: str) -> None:
    kernel = Script([HUP, HUP], 50)
    supervisor = play(kernel, settings(forward=target, rewrites={HUP: USR1}))
    assert kernel.each[1] == kernel.each[2]
    assert {signum for _, signum in kernel.each[2]} == {USR1}
    assert set(supervisor.short_ways) <= {HUP}


def test_who_came_to_the_tree_since_then_gets_the_signal_too() -> None:
    kernel = Script([USR1, USR1], 50)

    def fork_late(pid: int) -> None:
        if pid == COMMAND and len(kernel.each) == 2:
            kernel.add(99, COMMAND)

    kernel.after_signal = fork_late
    play(kernel, settings())
    assert sorted(kernel.each[2]) == [(COMMAND, USR1), (70, USR1), (99, USR1)]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("changes", [{}, {"wait_all": True}])
def test_a_stranger_with_the_number_of_the_command_gets_nothing(target: str, changes: "dict[str, object]") -> None:
    kernel = Script([USR1, USR1, None, USR1, USR1], 50)
    supervisor = play(kernel, settings(forward=target, **changes))
    assert not supervisor.short_ways
    after = [who for one in kernel.each[3:] for who, _ in one]
    assert 70 in after, "the orphan is still in the tree"
    assert COMMAND not in after


@pytest.mark.parametrize("signum", [TSTP, CONT])
def test_job_control_is_looked_at_each_time(signum: int) -> None:
    assert not play(Script([signum, signum], 50), settings()).short_ways


def test_a_stop_takes_the_short_ways_away() -> None:
    kernel = Script([USR1, TERM, USR1, USR1], 1)
    supervisor = play(kernel, settings())
    assert supervisor.state.phase == "stopping"
    assert not supervisor.short_ways
    assert kernel.each[2] == [(EVERYBODY, TERM)]


def test_what_the_kernel_refuses_is_said_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = Script([USR1, USR1, USR1], 50)
    kernel.after_signal = kernel.refuses.add
    told: list[str] = []
    monkeypatch.setattr(Narrator, "tell", lambda _self, _level, event, **_fields: told.append(event))
    supervisor = play(kernel, settings(forward="child"))
    assert USR1 in supervisor.short_ways
    assert told == ["refused", "refused"]
