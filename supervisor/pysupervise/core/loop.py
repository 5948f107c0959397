"""The one loop of PID 1: sleep until a signal or a deadline, make an event of it, carry the machine's actions out."""

# All signals are blocked and taken with sigwaitinfo(2), so there is no handler, no race and no tick: idle, it does not wake up.

from pysupervise.core.machine import State, transition
from pysupervise.core.reap import Reaper
from pysupervise.core.settings import DEBUG, ERROR, INFO, WARNING
from pysupervise.core.status import exit_code, words
from pysupervise.core.tree import Tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from pysupervise.core.machine import Action, Actions, Event
    from pysupervise.core.narrator import Narrator
    from pysupervise.core.settings import Settings
    from pysupervise.core.terminal import Terminal

SIGKILL, SIGCHLD, SIGCONT = 9, 17, 18
FAULTS = frozenset((4, 5, 6, 7, 8, 11, 31))  # ILL TRAP ABRT BUS FPE SEGV SYS
MOST_DRAINS = 50
MOST_MISTAKES = 16  # of our own within a second, then it ends all the same: this one comes again and again


class Supervisor:
    """A run: its state, and what happened so far."""

    def __init__(
        self, settings: "Settings", kernel: "ModuleType", narrator: "Narrator", command_pid: int, terminal: "Terminal | None" = None
    ) -> None:
        self.settings = settings
        self.kernel = kernel
        self.narrator = narrator
        self.command_pid = command_pid
        self.terminal = terminal
        self.own_pid: int = kernel.getpid()
        self.tree = Tree(kernel, has_group=settings.new_group or settings.new_session)
        self.tree.on_refused = self._tell_refused
        self.tree.group = command_pid if self.tree.command_group else 0
        self.reaper = Reaper(kernel, command_pid)
        self.state = State()
        self.taken = tuple(signum for signum in kernel.ALL_SIGNALS if signum not in settings.untaken_signals)
        # For the story and the status file.
        self.phases: list[tuple[str, float]] = [("starting", narrator.started_at)]
        self.stop_asked: tuple[int, int, int, int] | None = None  # signal, and its sender's si_pid, si_uid, si_code
        self.killed = False  # the tree, at the end of a plan
        self.killed_command: str | None = None  # why KILL went from here to the command while it lived
        self.fault = 0
        self.failure = ""  # why the command did not start
        # The machine's answer to a signal that changes nothing, ready to be carried out again: (kernel call, its pid, signal, others too).
        self.short_ways: dict[int, tuple[Callable[[int, int], None], int, int, bool]] = {}
        # Whose death the parent-death signal tells; later the parent is somebody else.
        self.parent_pid: int = kernel.getppid() if settings.parent_death_signal else -1
        self.plan_began_at = 0.0
        self.last_signal: tuple[int, int, int, int] = (0, 0, 0, 0)
        if terminal is not None:
            from pysupervise.core.reap_told import watch

            watch(self.reaper, on_stopped=terminal.stops.append)
        if narrator.level >= INFO:
            from pysupervise.core.story import attach

            attach(self)

    def run(self) -> None:
        """Supervise until the machine says exited. A mistake of ours is told and survived: the death of PID 1 would kill the container."""
        mistakes, counted_since = 0, 0.0
        while self.state.phase != "exited":
            try:
                self._serve()
            except Exception as error:  # whatever it is, the plan of a stop goes on with its next step
                now = self.kernel.monotonic()
                if now - counted_since > 1:
                    mistakes, counted_since = 0, now
                mistakes += 1
                if mistakes > MOST_MISTAKES:
                    raise
                self.narrator.tell(ERROR, "internal", what=repr(error), phase=self.state.phase)
                self.reaper.more = True  # the SIGCHLD that it may have come with is taken

    def _serve(self) -> None:
        """Take one signal or deadline after the other."""
        kernel, taken, own_pid, short_ways = self.kernel, self.taken, self.own_pid, self.short_ways
        while self.state.phase != "exited":
            wake_at = self.state.wake_at
            left_s = None if wake_at is None else wake_at - kernel.monotonic()
            if left_s is not None and left_s <= 0:
                self._pass_deadline()
                continue
            if self.reaper.more:
                info = kernel.sigtimedwait(taken, 0)
            else:
                info = kernel.sigwaitinfo(taken) if left_s is None else kernel.sigtimedwait(taken, left_s)
            if info is None:
                if self.reaper.more:
                    self.reap()
            elif info.si_signo == SIGCHLD:
                self.reap()
            elif info.si_signo in short_ways and info.si_pid != own_pid:
                send, pid, signum, others = short_ways[info.si_signo]
                try:
                    send(pid, signum)
                except OSError:  # the long way says why
                    others = False
                    self.take(info.si_signo, info.si_pid, info.si_uid, info.si_code)
                if others:
                    kernel.sched_yield()  # on a single core the command's handler would wait for our walk
                    self.tree.deliver_to_others(signum, pid)
            else:
                self.take(info.si_signo, info.si_pid, info.si_uid, info.si_code)

    def _pass_deadline(self) -> None:
        """Act on a deadline, but not against who ended before it: while we were suspended, nobody was reaped."""
        before = self.state
        self.reap()
        if self.state is before:
            self.handle(("timer",))

    def handle(self, event: "Event") -> None:
        """Let the machine decide on an event, and do what it says."""
        before = self.state
        now = self.kernel.monotonic()
        self.state, actions = transition(self.settings, before, event, now)
        if self.state is not before:
            self.short_ways.clear()
            self.tree.ends_at = self.state.step_ends_at if self.state.phase in ("stopping", "sweeping") else None
        elif event[0] == "signal" and before.phase == "running" and self.narrator.level < INFO:
            self.remember(event[1], actions)
        if self.state.plan is not before.plan:
            self.plan_began_at = now
        if self.state.phase != before.phase:
            self._change_phase(before.phase, event, now)
        for action in actions:
            self._carry_out(action, event)

    def remember(self, signum: int, actions: "Actions") -> None:
        """Keep a delivery that changed nothing for the next time: the caches are cold when a signal comes, and each page touched costs."""
        if len(actions) == 1 and actions[0][0] == "deliver" and signum != SIGCONT:
            sent, target = actions[0][1:]
            call = self.tree.first_call(sent, target)
            if call is not None:
                self.short_ways[signum] = (call, self.command_pid, sent, target == "tree")

    def reap(self) -> None:
        """SIGCHLD: collect the dead, and tell the machine of what matters to it."""
        alive = self.reaper.drain()
        status = self.reaper.status if self.state.main_status is None else None
        if status is not None:  # whether anybody is left decides what comes next: do not take the dead for the living
            for _ in range(MOST_DRAINS):
                if not self.reaper.more:
                    break
                alive = self.reaper.drain()
        if alive and self.tree.spared:  # they are not the command's
            alive = bool(self.tree.members(1))
        if self.terminal is not None:
            for signum in self.terminal.take_stops(self.own_pid):
                self.handle(("stopped", signum))
        if status is not None:
            if self.narrator.level >= INFO:
                self.narrator.tell(INFO, "command_ended", end=words(status), status=exit_code(status), signum=status & 0x7F)
            self.handle(("exited", status, alive))
        elif not alive:
            if self.reaper.command_pid:
                self.narrator.tell(ERROR, "status_lost")
            self.handle(("gone",))

    def take(self, signum: int, pid: int, uid: int, code: int) -> None:
        """Take a signal from its siginfo: number, and si_pid, si_uid, si_code of sigaction(2)."""
        if pid == self.own_pid and code <= 0:
            if signum in FAULTS:
                self.fault = signum
                self.narrator.tell(ERROR, "fault", signal=lambda: self._name(signum))
                self.state = self.state.evolve(phase="exited")
            return  # PIPE of our own writing
        self.last_signal = (signum, pid, uid, code)
        if self.narrator.level >= INFO:
            from pysupervise.core.explain import PARENT_WAS_DEAD, teller

            who, known = teller(self, signum, pid, uid, code), pid if pid != PARENT_WAS_DEAD else None
            self.narrator.tell(INFO, "signal", signal=self._name(signum), sender=who, sender_pid=known, sender_uid=uid)
        if signum == SIGCONT and self.terminal is not None and not self.terminal.wait_for_need and self.reaper.command_pid:
            self.terminal.lend(self.command_pid)
        self.handle(("signal", signum, code == self.kernel.SI_KERNEL))

    def _carry_out(self, action: "Action", event: "Event") -> None:
        verb = action[0]
        if verb == "deliver":
            self._deliver(action[1], action[2])
        elif verb == "kill":
            self._kill()
        elif verb == "suspend":
            self._suspend(event)
        elif verb == "resume":
            resumed = self.tree.resume()
            if resumed:
                self.narrator.tell(INFO, "resumed", recipients=lambda: self._names(resumed))
        elif verb == "drop":
            reason = "rewritten to 0" if self.state.phase != "killing" else "everybody is being killed already"
            self.narrator.tell(INFO, "dropped", signal=self._name(action[1]), reason=reason)
        elif verb == "stuck":
            self.narrator.tell(ERROR, "stuck", survivors=self._stuck)
        elif verb == "internal":
            self.narrator.tell(ERROR, "internal", phase=action[1], what=str(action[2]))

    def _deliver(self, signum: int, target: str) -> None:
        whole_namespace = self.state.phase in ("stopping", "sweeping")
        if self.state.phase == "sweeping" and self.tree.told:  # the first step of the sweep after a stop that told only a part
            self._deliver_to_rest(signum)
            return
        if signum == SIGKILL and self.reaper.command_pid:
            self.killed_command = "as a step of the stop or a rewritten signal"
        if self.narrator.level >= INFO:
            from pysupervise.core.story import deliver

            got = deliver(self, signum, target, whole_namespace=whole_namespace)
        else:
            got = self.tree.deliver(signum, target, self.reaper.command_pid, whole_namespace=whole_namespace)
        if self.state.phase == "stopping" and signum == (self.state.plan[self.state.step][0] or self.state.asked_signal):
            self.tree.note_told(target, got)
        if got == [] and target == "group" and self.tree.command_group and self.state.phase == "stopping":
            self.narrator.tell(WARNING, "group_left", signal=lambda: self._name(signum))

    def _deliver_to_rest(self, signum: int) -> None:
        got = self.tree.deliver_to_untold(signum)
        self.tree.told.clear()
        if got:
            self.narrator.tell(INFO, "delivered", signal=lambda: self._name(signum), recipients=lambda: self._names(got), target="tree")

    def _tell_refused(self, signum: int, pid: int, error: OSError) -> None:
        self.narrator.tell(WARNING, "refused", signal=lambda: self._name(signum), pid=pid, reason=error.strerror)

    def _kill(self) -> None:
        self.killed = True
        if self.reaper.command_pid:
            self.killed_command = "at the end of the grace period or because it was asked again"
        self.tree.kill(self.reaper.command_pid)

    def _suspend(self, event: "Event") -> None:
        # Without a terminal no shell waits for it, and a CONT that comes first would be lost: TSTP takes it off the queue.
        if self.terminal is not None:
            self.terminal.suspend_with_command(self, event)

    def _change_phase(self, before: str, event: "Event", now: float) -> None:
        phase = self.state.phase
        self.phases.append((phase, now))
        if phase in ("stopping", "sweeping") and event[0] == "signal":
            self.stop_asked = self.last_signal
        if phase == "killing":
            self._announce_kill(event, now)
        elif phase != "exited" and self.narrator.level >= DEBUG:
            from pysupervise.core.story import reason

            self.narrator.tell(DEBUG, "phase", phase=phase, why=reason(before, event))

    def _announce_kill(self, event: "Event", now: float) -> None:
        if event[0] == "timer":
            self.narrator.tell(WARNING, "grace_over", seconds=now - self.plan_began_at, survivors=self._survivors)
        else:
            self.narrator.tell(WARNING, "killing", survivors=self._survivors)

    def _survivors(self) -> str:
        from pysupervise.core.explain import survivors

        return survivors(self.kernel, self.tree)

    def _stuck(self) -> str:
        from pysupervise.core.explain import stuck

        return stuck(self.kernel, self.tree)

    def _names(self, pids: "list[int]") -> str:
        from pysupervise.core.explain import names

        return names(self.kernel, pids)

    def _name(self, signum: int) -> str:
        from pysupervise.core import signals

        return signals.name(signum)
