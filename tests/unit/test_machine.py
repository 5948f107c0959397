"""Histories of a service, replayed as tables of (event, now) -> (phase, actions): each rule of core/machine.py once."""

from typing import Any

import pytest

from pysupervise.core.machine import HARMLESS, SUCCESSORS, TRANSITIONS, State, transition
from pysupervise.core.settings import Settings

HUP, INT, QUIT, KILL, USR1, TERM, CONT, TSTP = 1, 2, 3, 9, 10, 15, 18, 20
Row = tuple[tuple[Any, ...], float, str, list[tuple[Any, ...]]]

SPAWNED: Row = (("spawned",), 0.0, "running", [])
EXIT = ("exit",)


def settings(**changes: Any) -> Settings:
    found = Settings(["command"], {})
    for name, value in changes.items():
        assert hasattr(found, name)
        setattr(found, name, value)
    return found


def term(now: float, phase: str, *actions: tuple[Any, ...]) -> Row:
    return ("signal", TERM, False), now, phase, list(actions)


def typed(now: float, phase: str, *actions: tuple[Any, ...]) -> Row:
    return ("signal", INT, True), now, phase, list(actions)


def timer(now: float, phase: str, *actions: tuple[Any, ...]) -> Row:
    return ("timer",), now, phase, list(actions)


def ended(now: float, phase: str, *actions: tuple[Any, ...], alive: bool = False) -> Row:
    return ("exited", 0, alive), now, phase, list(actions)


def gone(now: float, phase: str, *actions: tuple[Any, ...]) -> Row:
    return ("gone",), now, phase, list(actions)


def tell(signum: int, target: str = "tree") -> tuple[Any, ...]:
    return "deliver", signum, target


STEPS = ((TERM, "handlers", 8.0), (QUIT, "tree", 2.0))

HISTORIES: dict[str, tuple[dict[str, Any], list[Row]]] = {
    "it ends by itself": ({}, [SPAWNED, ended(1, "exited", EXIT)]),
    "it cannot be executed": ({}, [(("failed", 127 << 8), 0, "exited", [EXIT])]),
    "signals before exec are held": (
        {},
        [
            (("signal", USR1, False), 0, "starting", []),
            term(0, "starting"),
            (("spawned",), 1, "stopping", [tell(USR1), tell(TERM)]),
        ],
    ),
    "third request before exec": ({}, [*[term(0, "starting")] * 3, (("spawned",), 1, "killing", [tell(TERM), tell(TERM), ("kill",)])]),
    "an ordinary signal": ({}, [SPAWNED, (("signal", HUP, False), 1, "running", [tell(HUP)])]),
    "forward to the child": ({"forward": "child"}, [SPAWNED, (("signal", HUP, False), 1, "running", [tell(HUP, "child")])]),
    "rewritten": ({"rewrites": {HUP: USR1}}, [SPAWNED, (("signal", HUP, False), 1, "running", [tell(USR1)])]),
    "rewritten to nothing": ({"rewrites": {HUP: 0}}, [SPAWNED, (("signal", HUP, False), 1, "running", [("drop", HUP)])]),
    "a dropped TERM asks for nothing": ({"rewrites": {TERM: 0}}, [SPAWNED, term(1, "running", ("drop", TERM)), ended(2, "exited", EXIT)]),
    "a rewritten TERM stops": ({"rewrites": {TERM: QUIT}}, [SPAWNED, term(1, "stopping", tell(QUIT))]),
    "rewritten into TERM stops": ({"rewrites": {HUP: TERM}}, [SPAWNED, (("signal", HUP, False), 1, "stopping", [tell(TERM)])]),
    "a TSTP suspends us too": ({}, [SPAWNED, (("signal", TSTP, False), 1, "running", [tell(TSTP), ("suspend",)])]),
    "the terminal stopped it": ({}, [SPAWNED, (("stopped", TSTP), 1, "running", [("suspend",)])]),
    "the terminal stopped it during a stop": (
        {},
        [SPAWNED, term(1, "stopping", tell(TERM)), (("stopped", TSTP), 2, "stopping", [("suspend",)])],
    ),
    "it obeys TERM": ({}, [SPAWNED, term(1, "stopping", tell(TERM)), ended(2, "exited", EXIT)]),
    "the stopped are continued": ({}, [SPAWNED, term(1, "stopping", tell(TERM)), timer(1.05, "stopping", ("resume",))]),
    "it ignores TERM": (
        {},
        [
            SPAWNED,
            term(1, "stopping", tell(TERM)),
            timer(1.05, "stopping", ("resume",)),
            timer(11, "killing", ("kill",)),
            ended(11.01, "exited", EXIT),
        ],
    ),
    "it cannot be killed": (
        {},
        [
            SPAWNED,
            term(1, "stopping", tell(TERM)),
            timer(11, "killing", ("resume",), ("kill",)),
            timer(11.1, "killing", ("kill",)),
            timer(13, "exited", ("stuck",), EXIT),
        ],
    ),
    "killed, and others are left": (
        {},
        [
            SPAWNED,
            term(1, "stopping", tell(TERM)),
            timer(11, "killing", ("resume",), ("kill",)),
            ended(11.01, "killing", alive=True),
            gone(11.02, "exited", EXIT),
        ],
    ),
    "a signal while killing": (
        {"stop_plan": ((0, None, 0.0),)},
        [SPAWNED, term(1, "stopping", tell(TERM)), timer(1, "killing", ("kill",)), term(1, "killing", ("drop", TERM))],
    ),
    "stop signal": (
        {"stop_plan": ((QUIT, None, 3.0),)},
        [SPAWNED, term(1, "stopping", tell(QUIT)), timer(4, "killing", ("resume",), ("kill",))],
    ),
    "the second request does not move the deadline": (
        {},
        [
            SPAWNED,
            term(1, "stopping", tell(TERM)),
            timer(1.05, "stopping", ("resume",)),
            term(9, "stopping", tell(TERM)),
            timer(10.9, "stopping"),
            timer(11, "killing", ("kill",)),
        ],
    ),
    "the third request kills": (
        {},
        [SPAWNED, term(1, "stopping", tell(TERM)), term(1.1, "stopping", tell(TERM)), term(1.2, "killing", ("kill",))],
    ),
    "the second request is for whom the step is for": (
        {"stop_plan": STEPS},
        [SPAWNED, term(0, "stopping", tell(TERM, "handlers")), term(1, "stopping", tell(TERM, "handlers"))],
    ),
    "the second typed INT kills": ({}, [SPAWNED, typed(1, "stopping", tell(INT)), typed(2, "killing", ("kill",))]),
    "an INT that nobody typed does not count as typed": (
        {},
        [SPAWNED, typed(1, "stopping", tell(INT)), (("signal", INT, False), 2, "stopping", [tell(INT)])],
    ),
    "ordinary signals are no requests": (
        {},
        [SPAWNED, term(1, "stopping", tell(TERM)), *[(("signal", HUP, False), 2.0, "stopping", [tell(HUP)])] * 4],
    ),
    "a dropped signal is no request": (
        {"rewrites": {INT: 0}},
        [SPAWNED, term(1, "stopping", tell(TERM)), *[typed(2.0, "stopping", ("drop", INT))] * 4],
    ),
    "a sequence": (
        {"stop_plan": STEPS},
        [
            SPAWNED,
            term(0, "stopping", tell(TERM, "handlers")),
            timer(0.05, "stopping", ("resume",)),
            timer(8, "stopping", tell(QUIT)),
            timer(8.05, "stopping", ("resume",)),
            timer(10, "killing", ("kill",)),
        ],
    ),
    "an empty sequence kills at once": ({"stop_plan": ()}, [SPAWNED, term(0, "killing", ("kill",))]),
    "leftovers are swept": (
        {},
        [
            SPAWNED,
            ended(1, "sweeping", tell(TERM), alive=True),
            timer(1.05, "sweeping", ("resume",)),
            timer(6, "killing", ("kill",)),
            gone(6.01, "exited", EXIT),
        ],
    ),
    "leftovers obey": ({}, [SPAWNED, ended(1, "sweeping", tell(TERM), alive=True), gone(2, "exited", EXIT)]),
    "no sweep": ({"sweep_plan": None}, [SPAWNED, ended(1, "exited", EXIT, alive=True)]),
    "told already, leftovers have the rest of the grace": (
        {},
        [
            SPAWNED,
            term(1, "stopping", tell(TERM)),
            timer(1.05, "stopping", ("resume",)),
            ended(2, "sweeping", alive=True),
            timer(10.9, "sweeping"),
            timer(11, "killing", ("kill",)),
        ],
    ),
    "not told yet, leftovers get a sweep": (
        {"forward": "child"},
        [SPAWNED, term(1, "stopping", tell(TERM, "child")), ended(2, "sweeping", tell(TERM), alive=True)],
    ),
    "without the command, child and group mean the tree": (
        {"sweep_plan": ((TERM, "child", 1.0), (QUIT, "group", 1.0))},
        [SPAWNED, ended(1, "sweeping", tell(TERM), alive=True), timer(2, "sweeping", ("resume",), tell(QUIT))],
    ),
    "wait for all": (
        {"wait_all": True},
        [SPAWNED, ended(1, "lingering", alive=True), (("signal", HUP, False), 2, "lingering", [tell(HUP)]), gone(9, "exited", EXIT)],
    ),
    "asked to stop while waiting for all": (
        {"wait_all": True},
        [SPAWNED, ended(1, "lingering", alive=True), term(2, "sweeping", tell(TERM)), timer(12, "killing", ("resume",), ("kill",))],
    ),
    "impatience during a sweep": (
        {},
        [
            SPAWNED,
            ended(1, "sweeping", tell(TERM), alive=True),
            term(2, "sweeping", tell(TERM)),
            term(2, "sweeping", tell(TERM)),
            term(2, "killing", ("kill",)),
        ],
    ),
    "a parting signal": (
        {"sweep_plan": None, "parting_signal": HUP, "forward": "group"},
        [SPAWNED, ended(1, "exited", tell(HUP, "group"), EXIT)],
    ),
    "somebody else took the status": ({}, [SPAWNED, gone(1, "exited", EXIT)]),
    "a KILL as a step": ({"stop_plan": ((KILL, "child", 1.0),)}, [SPAWNED, term(0, "stopping", tell(KILL, "child"))]),
    "an unknown event is said": ({}, [SPAWNED, (("spawned",), 1, "running", [("internal", "running", ("spawned",))])]),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_history(name: str) -> None:
    changes, rows = HISTORIES[name]
    chosen, state = settings(**changes), State()
    for number, (event, now, phase, actions) in enumerate(rows):
        state, done = transition(chosen, state, event, now)
        assert (state.phase, list(done)) == (phase, actions), f"row {number}: {event} at {now}"


@pytest.mark.parametrize("phase", SUCCESSORS)
@pytest.mark.parametrize("event", HARMLESS)
def test_a_late_event_is_never_an_internal_error(phase: str, event: str) -> None:
    state = State().evolve(phase=phase, main_status=0)
    after, actions = transition(settings(), state, (event,), 0.0)
    assert after.phase in (phase, *SUCCESSORS[phase])
    assert not [action for action in actions if action[0] == "internal"]


@pytest.mark.parametrize("event", [("signal", TERM, True), ("exited", 3, True), ("gone",), ("timer",), ("stopped", TSTP), ("spawned",)])
def test_nothing_follows_exited(event: tuple[Any, ...]) -> None:
    state = State().evolve(phase="exited", main_status=0)
    assert transition(settings(), state, event, 5.0) == (state, ())


def test_every_row_of_the_table_is_of_a_known_phase() -> None:
    assert {phase for phase, _ in TRANSITIONS} == set(SUCCESSORS) - {"exited"}


def test_status_is_kept_from_the_end_of_the_command_to_the_exit() -> None:
    chosen, state = settings(), State()
    for event, now in [(("spawned",), 0.0), (("exited", 7 << 8, True), 1.0), (("timer",), 6.0), (("gone",), 6.1)]:
        state, _ = transition(chosen, state, event, now)
    assert (state.phase, state.main_status) == ("exited", 7 << 8)


def test_wake_at_is_the_earlier_of_the_two_deadlines() -> None:
    assert State().wake_at is None
    assert State().evolve(step_ends_at=3.0).wake_at == 3.0
    assert State().evolve(resume_stopped_at=2.0).wake_at == 2.0
    assert State().evolve(step_ends_at=3.0, resume_stopped_at=2.0).wake_at == 2.0
