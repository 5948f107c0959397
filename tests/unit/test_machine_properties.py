"""Properties of the machine, for any settings, from every state, in any order of events (hypothesis)."""

from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as profile
from hypothesis import strategies as st

from pysupervise.core.machine import SUCCESSORS, State, transition
from pysupervise.core.settings import Settings

INT, KILL, TERM = 2, 9, 15
TARGETS = ("child", "group", "tree", "handlers")
# Kind of each documented action, and the kinds of its arguments.
ACTIONS: dict[str, tuple[type, ...]] = {
    "deliver": (int, str),
    "drop": (int,),
    "resume": (),
    "suspend": (),
    "kill": (),
    "stuck": (),
    "internal": (str, tuple),
    "exit": (),
}
SLACK_S = 1e-6
SIGNALS = st.sampled_from([1, 2, 3, 10, 15, 18, 20, 34])
SECONDS = st.floats(0, 30, allow_nan=False)
STEP = st.tuples(st.sampled_from([0, 3, 9, 15]), st.sampled_from([None, *TARGETS]), SECONDS)
PLAN = st.lists(STEP, max_size=4).map(tuple)
# Nobody asked for a sweep, so that its steps name their signals (cmdline.sweep_plan).
SWEEP = st.lists(STEP.map(lambda step: (step[0] or TERM, *step[1:])), max_size=4).map(tuple)


@st.composite
def all_settings(draw: st.DrawFn) -> Settings:
    chosen = Settings(["command"], {})
    chosen.forward = draw(st.sampled_from(TARGETS))
    chosen.stop_plan = draw(PLAN)
    chosen.sweep_plan = draw(st.none() | SWEEP)
    chosen.wait_all = draw(st.booleans())
    chosen.rewrites = draw(st.dictionaries(SIGNALS, st.sampled_from([0, 1, 3, 15]), max_size=2))
    chosen.kill_wait_s = draw(st.floats(0, 5, allow_nan=False))
    chosen.parting_signal = draw(st.sampled_from([0, 0, 0, 1, 15]))
    return chosen


SIGNAL = st.tuples(st.just("signal"), SIGNALS, st.booleans())
END = st.tuples(st.just("exited"), st.integers(0, 0xFFFF), st.booleans())
# What the loop can say in any order once exec happened; the command ends at most once (see `possible`).
EVENT = st.one_of(SIGNAL, END, st.sampled_from([("gone",), ("timer",), ("stopped", 20)]))
TIMED = st.tuples(EVENT, st.floats(0, 3, allow_nan=False))


class Run:
    """A machine that is driven as the loop does it: the timer fires when wake_at is reached, before any later event."""

    def __init__(self, chosen: Settings) -> None:
        self.chosen = chosen
        self.state = State()
        self.now = 100.0
        self.log: list[tuple[float, tuple[Any, ...], State, State, tuple[Any, ...]]] = []

    def take(self, event: tuple[Any, ...]) -> None:
        before = self.state
        self.state, actions = transition(self.chosen, before, event, self.now)
        self.log.append((self.now, event, before, self.state, actions))

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        turns = 0
        while self.state.wake_at is not None and self.state.wake_at <= end:
            self.now = max(self.now, self.state.wake_at)
            self.take(("timer",))
            turns += 1
            assert turns < 1000, "the timer spins"
        self.now = end

    def possible(self, event: tuple[Any, ...]) -> bool:
        return event[0] != "exited" or self.state.main_status is None

    def start(self, early: list[tuple[Any, ...]]) -> None:
        for event in early:
            self.take(event)
        self.take(("spawned",))

    def play(self, timed: list[tuple[tuple[Any, ...], float]]) -> None:
        for event, pause in timed:
            self.pass_time(pause)
            if self.possible(event) and self.state.phase != "exited":
                self.take(event)


def total(plan: "tuple[Any, ...] | None") -> float:
    return sum(seconds or 0.0 for _, _, seconds in plan or ())


RUN = profile(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def played(chosen: Settings, early: list[Any], timed: list[Any]) -> Run:
    run = Run(chosen)
    run.start(early)
    run.play(timed)
    return run


ANY_RUN = given(all_settings(), st.lists(SIGNAL, max_size=3), st.lists(TIMED, max_size=12))


@RUN
@ANY_RUN
def test_after_a_request_to_stop_it_ends_within_its_deadlines(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    chosen.rewrites.pop(TERM, None)
    run = played(chosen, early, timed)
    asked_at = run.now
    if run.state.phase != "exited":
        run.take(("signal", TERM, False))
        run.pass_time(total(chosen.stop_plan) + total(chosen.sweep_plan) + chosen.kill_wait_s + SLACK_S)
    assert run.state.phase == "exited"
    assert all(at <= asked_at + 200 for at, *_ in run.log)


@RUN
@ANY_RUN
def test_after_the_end_of_the_command_it_ends_within_its_deadlines(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    chosen.wait_all = False
    run = played(chosen, early, timed)
    if run.state.phase != "exited" and run.state.main_status is None:
        run.take(("exited", 0, True))
    run.pass_time(total(chosen.stop_plan) + total(chosen.sweep_plan) + chosen.kill_wait_s + SLACK_S)
    assert run.state.phase == "exited"


@RUN
@ANY_RUN
def test_when_everybody_is_gone_it_ends_at_once(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    run = played(chosen, early, timed)
    if run.state.phase != "exited":
        run.take(("gone",))
    assert run.state.phase == "exited"


@RUN
@ANY_RUN
def test_a_kill_never_comes_before_the_grace_is_over(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    run = played(chosen, early, timed)
    run.pass_time(300)
    requests = typed = 0
    deadline: float | None = None
    for now, event, before, after, actions in run.log:
        if before.phase == "starting" and event[0] == "signal":
            continue  # held; `spawned` plays them all at one time, below
        events = before.held if event[0] == "spawned" else (event,)
        for played_event in events:
            if played_event[0] == "signal":
                sent = chosen.rewrites.get(played_event[1], played_event[1])
                if sent and {played_event[1], sent} & chosen.stop_signals:
                    requests += 1
                    typed += played_event[1] == INT and played_event[2]
        if before.phase in ("starting", "running", "lingering") and after.phase in ("stopping", "killing"):
            deadline = now + grace(chosen.stop_plan)
        elif after.phase == "sweeping" and before.phase != "sweeping" and after.plan is not before.plan:
            deadline = now + grace(after.plan)
        elif before.phase != "killing" and after.phase == "killing" and before.phase not in ("stopping", "sweeping"):
            deadline = now + grace(chosen.sweep_plan or ())
        if ("kill",) in actions and before.phase != "killing":
            if event[0] == "exited":  # an empty sweep plan: no grace at all
                assert grace(chosen.sweep_plan or ()) == 0.0
                continue
            assert requests > 2 or typed > 1 or (deadline is not None and now >= deadline - SLACK_S), (now, deadline, requests, typed)


def grace(plan: tuple[Any, ...]) -> float:
    """The time until KILL: a KILL to the default target is the end of the plan."""
    seconds = 0.0
    for signum, target, wait in plan:
        if (signum, target) == (KILL, None):
            break
        seconds += wait
    return seconds


@RUN
@ANY_RUN
def test_the_status_is_never_lost(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    run = played(chosen, early, timed)
    run.pass_time(300)
    status = None
    for _, event, _, after, _ in run.log:
        if event[0] == "exited":
            status = event[1]
        assert after.main_status == status


@RUN
@ANY_RUN
def test_phases_follow_the_table(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    run = played(chosen, early, timed)
    run.pass_time(300)
    for _, event, before, after, _ in run.log:
        assert after.phase == before.phase or after.phase in reachable(before.phase, passes_running=event[0] == "spawned")


def reachable(phase: str, *, passes_running: bool) -> set[str]:
    """What one event may lead to. With `spawned` the held signals follow in the same breath."""
    found = set(SUCCESSORS[phase])
    if passes_running:
        found |= {second for first in SUCCESSORS[phase] for second in SUCCESSORS[first]}
    return found


@RUN
@ANY_RUN
def test_actions_are_the_documented_ones(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    run = played(chosen, early, timed)
    run.pass_time(300)
    exits = 0
    for _, _, _, after, actions in run.log:
        for verb, *arguments in actions:
            assert verb in ACTIONS
            assert tuple(map(type, arguments)) == ACTIONS[verb]
            assert verb != "internal", (verb, arguments)
            if verb == "deliver":
                assert 0 < arguments[0] <= 64
                assert arguments[1] in TARGETS
        exits += actions.count(("exit",))
        assert (after.phase == "exited") == (exits == 1)
    assert exits <= 1


@RUN
@ANY_RUN
def test_once_the_command_is_gone_its_number_is_not_used(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    chosen.parting_signal = 0  # a word to the group at the very end: dumb-init's
    run = played(chosen, early, timed)
    run.pass_time(300)
    for _, _, before, _, actions in run.log:
        if before.main_status is not None:
            assert not [action for action in actions if action[0] == "deliver" and action[2] in ("child", "group")]


def contents(state: State) -> tuple[Any, ...]:
    return tuple(getattr(state, name) for name in State.__slots__)


@RUN
@ANY_RUN
def test_it_is_pure(chosen: Settings, early: list[Any], timed: list[Any]) -> None:
    run = played(chosen, early, timed)
    for now, event, before, after, actions in run.log:
        kept = contents(before)
        again, same_actions = transition(chosen, before, event, now)
        assert contents(before) == kept
        assert contents(again) == contents(after)
        assert same_actions == actions


@RUN
@given(all_settings(), st.lists(SIGNAL, max_size=3), st.lists(TIMED, max_size=12), st.floats(0, 1, allow_nan=False))
def test_a_timer_too_early_or_too_late_is_harmless(chosen: Settings, early: list[Any], timed: list[Any], part: float) -> None:
    run = played(chosen, early, timed)
    wake_at = run.state.wake_at
    now = run.now if wake_at is None else run.now + (wake_at - run.now) * part
    if wake_at is None or now < wake_at:
        after, actions = transition(chosen, run.state, ("timer",), now)
        assert actions == ()
        assert contents(after) == contents(run.state)
    late = run.now + 1000
    after, actions = transition(chosen, run.state, ("timer",), late)
    assert not [action for action in actions if action[0] == "internal"]
    assert after.wake_at is None or after.wake_at >= late - SLACK_S


@RUN
@given(all_settings(), st.integers(0, 0xFFFF), st.lists(TIMED, max_size=12))
def test_exited_is_the_end(chosen: Settings, status: int, timed: list[Any]) -> None:
    run = Run(chosen)
    run.take(("failed", status))
    assert (run.state.phase, run.state.main_status) == ("exited", status)
    for event, _ in timed:
        assert transition(chosen, run.state, event, run.now) == (run.state, ())
