"""The life of the service: ``(settings, state, event, now) -> (state, actions)``. No I/O, no clock, no globals."""

# Events, made by the loop:
#     ("spawned",)                       exec happened
#     ("failed", wait_status)            exec did not; the status stands for the command's
#     ("signal", signum, typed)          a signal came; typed: from the terminal's keyboard (si_code SI_KERNEL)
#     ("stopped",)                       the terminal stopped the command (Ctrl-Z)
#     ("exited", wait_status, alive)     the command ended; alive: other processes of the tree are left
#     ("gone",)                          no process is left
#     ("timer",)                         ``State.wake_at`` is reached
#
# Actions, carried out by the loop:
#     ("deliver", signum, target)        target: child, group, tree or handlers
#     ("drop", signum)                   say that the signal goes nowhere
#     ("resume",)                        CONT to the members that are stopped, or they never see their TERM
#     ("suspend",)                       stop ourselves too, until somebody continues us
#     ("kill",)                          KILL to the whole tree
#     ("stuck",)                         say who survives KILL
#     ("internal", phase, event)         a bug: an event that the phase does not know
#     ("exit",)                          leave with the command's status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pysupervise.core.settings import Settings

    Action = tuple[Any, ...]
    Actions = tuple[Action, ...]
    Event = tuple[Any, ...]
    Step = tuple[int, str | None, float]

# Each phase and what can follow it. The diagram in docs/design.md is made from this table, a property test holds the code to it.
SUCCESSORS: "dict[str, tuple[str, ...]]" = {
    "starting": ("running", "stopping", "killing", "exited"),
    "running": ("stopping", "lingering", "sweeping", "killing", "exited"),
    "lingering": ("sweeping", "killing", "exited"),
    "stopping": ("killing", "sweeping", "exited"),
    "sweeping": ("killing", "exited"),
    "killing": ("exited",),
    "exited": (),
}

KILL = 9
INT = 2
JOB_CONTROL_STOPS = (20, 21, 22)  # TSTP, TTIN, TTOU

# A process that is stopped acts on TERM only after CONT. Looking for one costs a walk, so the many that just die come first.
RESUME_AFTER_S = 0.05
# Outside PID 1 a process can fork between walk and KILL, hence again.
KILL_AGAIN_S = 0.1


class State:
    """Where the life of the service stands. Never changed, only replaced (``evolve``)."""

    __slots__ = (
        "asked_signal",  # the signal that asked for the stop, after rewriting
        "give_up_at",  # killing: leave then, whoever is still there
        "held",  # signals that came before exec
        "main_status",  # wait status of the command, once reaped
        "phase",
        "plan",  # steps of the stop or sweep in progress
        "requests",  # how many terminating signals came
        "resume_stopped_at",
        "step",  # index into plan
        "step_ends_at",
        "told_tree",  # the whole tree has had a stop signal
        "typed",  # how many INTs were typed
    )

    def __init__(self) -> None:
        self.phase = "starting"
        self.plan: tuple[Step, ...] = ()
        self.step = 0
        self.asked_signal = 0
        self.step_ends_at: float | None = None
        self.resume_stopped_at: float | None = None
        self.give_up_at: float | None = None
        self.requests = 0
        self.typed = 0
        self.main_status: int | None = None
        self.told_tree = False
        self.held: tuple[Event, ...] = ()

    def evolve(self, **changes: object) -> "State":
        """Return a copy with changes."""
        new = State.__new__(State)
        for name in State.__slots__:
            setattr(new, name, changes[name] if name in changes else getattr(self, name))
        return new

    @property
    def wake_at(self) -> "float | None":
        """The monotonic time at which a timer event is due, or None."""
        step, resume = self.step_ends_at, self.resume_stopped_at
        if step is None or resume is None:
            return resume if step is None else step
        return min(step, resume)


def transition(settings: "Settings", state: State, event: "Event", now: float) -> "tuple[State, Actions]":
    """Return the next state and what is to be done. ``now`` is monotonic, in seconds."""
    handler = TRANSITIONS.get((state.phase, event[0]))
    if handler is None:
        if event[0] in HARMLESS or state.phase == "exited":
            return state, ()
        return state, (("internal", state.phase, event),)
    return handler(settings, state, event, now)


def _hold(_settings: "Settings", state: State, event: "Event", _now: float) -> "tuple[State, Actions]":
    return state.evolve(held=(*state.held, event)), ()


def _spawned(settings: "Settings", state: State, _event: "Event", now: float) -> "tuple[State, Actions]":
    held, state = state.held, state.evolve(phase="running", held=())
    actions: Actions = ()
    for event in held:
        state, more = transition(settings, state, event, now)
        actions += more
    return state, actions


def _failed(_settings: "Settings", state: State, event: "Event", _now: float) -> "tuple[State, Actions]":
    return _exit(state.evolve(main_status=event[1]))


def _signal_while_running(settings: "Settings", state: State, event: "Event", now: float) -> "tuple[State, Actions]":
    signum: int = event[1]
    sent = settings.rewrites.get(signum, signum)
    if not sent:
        return state, (("drop", signum),)
    if signum in settings.stop_signals or sent in settings.stop_signals:
        state = state.evolve(
            phase="stopping" if state.main_status is None else "sweeping",
            plan=settings.stop_plan,
            asked_signal=sent,
            requests=1,
            typed=int(signum == INT and bool(event[2])),
        )
        return _enter_step(settings, state, 0, now)
    target = settings.forward if state.main_status is None else "tree"
    if signum in JOB_CONTROL_STOPS:
        return state, (("deliver", sent, target), ("suspend",))
    return state, (("deliver", sent, target),)


def _signal_while_stopping(settings: "Settings", state: State, event: "Event", now: float) -> "tuple[State, Actions]":
    signum: int = event[1]
    sent = settings.rewrites.get(signum, signum)
    if not sent:
        return state, (("drop", signum),)
    if signum in settings.stop_signals or sent in settings.stop_signals:
        state = state.evolve(
            requests=state.requests + 1,
            typed=state.typed + int(signum == INT and bool(event[2])),
        )
        impatient = state.requests > 2 or state.typed > 1  # noqa: PLR2004 -- a third of any kind, or a second typed INT
        if impatient:
            return _enter_killing(settings, state, now)
        # The second counts as one more word to whom the step is for; the clock runs on.
        step_signal, step_target, _ = state.plan[state.step]
        return state, (("deliver", step_signal or sent, _target(settings, state, step_target)),)
    return state, (("deliver", sent, _target(settings, state, None)),)


def _signal_while_killing(_settings: "Settings", state: State, event: "Event", _now: float) -> "tuple[State, Actions]":
    return state, (("drop", event[1]),)


def _suspend(_settings: "Settings", state: State, _event: "Event", _now: float) -> "tuple[State, Actions]":
    return state, (("suspend",),)


def _exited(settings: "Settings", state: State, event: "Event", now: float) -> "tuple[State, Actions]":
    state = state.evolve(main_status=event[1])
    if not event[2] and not settings.parting_signal:
        return _exit(state)
    if state.phase == "killing":
        return state, ()
    if settings.wait_all and state.phase == "running":
        return state.evolve(phase="lingering"), ()
    if settings.sweep_plan is None:
        state, actions = _exit(state)
        if settings.parting_signal:
            sent = settings.rewrites.get(settings.parting_signal, settings.parting_signal)
            actions = (("deliver", sent, settings.forward) if sent else ("drop", settings.parting_signal), *actions)
        return state, actions
    if state.phase == "stopping" and state.told_tree:
        # Everybody has had the signal and has the rest of the grace: a second TERM makes many servers drop their work.
        return state.evolve(phase="sweeping"), ()
    state = state.evolve(phase="sweeping", plan=settings.sweep_plan)
    return _enter_step(settings, state, 0, now)


def _gone(_settings: "Settings", state: State, _event: "Event", _now: float) -> "tuple[State, Actions]":
    return _exit(state)


def _timer_while_stopping(settings: "Settings", state: State, _event: "Event", now: float) -> "tuple[State, Actions]":
    actions: Actions = ()
    if state.resume_stopped_at is not None and state.resume_stopped_at <= now:
        state, actions = state.evolve(resume_stopped_at=None), (("resume",),)
    if state.step_ends_at is not None and state.step_ends_at <= now:
        state, more = _enter_step(settings, state, state.step + 1, now)
        actions += more
    return state, actions


def _timer_while_killing(_settings: "Settings", state: State, _event: "Event", now: float) -> "tuple[State, Actions]":
    if state.give_up_at is not None and state.give_up_at <= now:
        state, actions = _exit(state)
        return state, (("stuck",), *actions)
    if state.step_ends_at is not None and state.step_ends_at <= now:
        return _kill(state, now)
    return state, ()


def _enter_step(settings: "Settings", state: State, index: int, now: float) -> "tuple[State, Actions]":
    """Take the next step of the plan, or kill where there is none."""
    if index >= len(state.plan) or state.plan[index][:2] == (KILL, None):
        return _enter_killing(settings, state, now)
    signum, target, seconds = state.plan[index]
    signum = signum or state.asked_signal
    target = _target(settings, state, target)
    state = state.evolve(
        step=index,
        step_ends_at=now + seconds,
        resume_stopped_at=now + RESUME_AFTER_S,
        told_tree=state.told_tree or target == "tree",
    )
    return state, (("deliver", signum, target),)


def _target(settings: "Settings", state: State, target: "str | None") -> str:
    target = target or settings.forward
    # Without the command its number may soon be somebody else's.
    return "tree" if state.main_status is not None and target in ("child", "group") else target


def _enter_killing(settings: "Settings", state: State, now: float) -> "tuple[State, Actions]":
    return _kill(state.evolve(phase="killing", resume_stopped_at=None, give_up_at=now + settings.kill_wait_s), now)


def _kill(state: State, now: float) -> "tuple[State, Actions]":
    again_at = now + KILL_AGAIN_S
    give_up_at = state.give_up_at
    return state.evolve(step_ends_at=again_at if give_up_at is None else min(again_at, give_up_at)), (("kill",),)


def _exit(state: State) -> "tuple[State, Actions]":
    return state.evolve(phase="exited", step_ends_at=None, resume_stopped_at=None, give_up_at=None), (("exit",),)


# Events that a phase need not know: they were on their way when the phase changed.
HARMLESS = ("timer", "gone", "stopped")

TRANSITIONS: "dict[tuple[str, object], Callable[[Settings, State, Event, float], tuple[State, Actions]]]" = {
    ("starting", "signal"): _hold,
    ("starting", "spawned"): _spawned,
    ("starting", "failed"): _failed,
    ("running", "signal"): _signal_while_running,
    ("running", "stopped"): _suspend,
    ("running", "exited"): _exited,
    ("running", "gone"): _gone,
    ("lingering", "signal"): _signal_while_running,
    ("lingering", "gone"): _gone,
    ("stopping", "signal"): _signal_while_stopping,
    ("stopping", "stopped"): _suspend,
    ("stopping", "exited"): _exited,
    ("stopping", "gone"): _gone,
    ("stopping", "timer"): _timer_while_stopping,
    ("sweeping", "signal"): _signal_while_stopping,
    ("sweeping", "gone"): _gone,
    ("sweeping", "timer"): _timer_while_stopping,
    ("killing", "signal"): _signal_while_killing,
    ("killing", "exited"): _exited,
    ("killing", "gone"): _gone,
    ("killing", "timer"): _timer_while_killing,
}
