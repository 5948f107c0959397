"""A signal to each process of the tree exactly once, on a table of processes that changes meanwhile."""

from typing import Any

import pytest
from fake_kernel import OWN, FakeKernel, mask

from pysupervise.core.tree import STARTED, Tree

HUP, KILL, TERM, CONT, STOP, TSTP = 1, 9, 15, 18, 19, 20
COMMAND = 60


def make(kernel: FakeKernel, *, has_group: bool = True) -> Tree:
    seam: Any = kernel
    return Tree(seam, has_group=has_group)


def family(kernel: FakeKernel) -> None:
    """The command (60) with a daemon (70, in a session of its own, with a child 71) and an orphan of ours (80)."""
    kernel.add(COMMAND, kernel.own_pid)
    kernel.add(61, COMMAND)
    kernel.add(70, 61, session=70)
    kernel.add(71, 70, session=70)
    kernel.add(80, kernel.own_pid, session=80)
    kernel.add(999, 1)  # a stranger


EVERYBODY = [60, 61, 70, 71, 80]


@pytest.fixture
def kernel() -> FakeKernel:
    found = FakeKernel()
    family(found)
    return found


def test_everybody_gets_it_once(kernel: FakeKernel) -> None:
    got = make(kernel).deliver(TERM, "tree", COMMAND)
    assert got is not None
    assert sorted(got) == EVERYBODY
    assert sorted(kernel.sent) == [(pid, TERM) for pid in EVERYBODY]
    assert kernel.sent[0] == (COMMAND, TERM), "the command does not wait for the walk"
    assert not kernel.descriptors, "pidfds are left open"


def test_only_our_own_children_are_signalled_by_number(kernel: FakeKernel) -> None:
    make(kernel).deliver(TERM, "tree", COMMAND)
    assert {pid for pid, _ in kernel.by_number} == {60, 80}


def test_also_without_the_command(kernel: FakeKernel) -> None:
    kernel.die(COMMAND)
    make(kernel).deliver(TERM, "tree", 0)
    assert sorted(kernel.sent) == [(pid, TERM) for pid in (61, 70, 71, 80)]


def test_children_of_every_thread(kernel: FakeKernel) -> None:
    kernel.processes[61].threads = [65, 66]
    kernel.add(90, 61)
    assert sorted(make(kernel).members()) == [*EVERYBODY, 90]


def test_a_kernel_without_children_files(kernel: FakeKernel) -> None:
    kernel.has_children_files = False
    kernel.die(61)  # those are ours then
    assert sorted(make(kernel).children(OWN)) == [60, 70, 80]


def test_a_kernel_without_children_files_still_reaches_grandchildren(kernel: FakeKernel) -> None:
    kernel.has_children_files = False
    make(kernel).deliver(TERM, "tree", COMMAND)
    assert sorted(kernel.sent) == [(pid, TERM) for pid in EVERYBODY]


def test_a_tree_that_grows_meanwhile(kernel: FakeKernel) -> None:
    newcomers = iter(range(200, 210))

    def fork_once(pid: int) -> None:
        # A fork that was under way when its parent got the signal: the child is there before the parent's children are listed.
        child = next(newcomers, 0)
        if child:
            kernel.add(child, pid)

    kernel.after_signal = fork_once
    make(kernel).deliver(TERM, "tree", COMMAND)
    expected = sorted([*EVERYBODY, *range(200, 210)])
    assert sorted(pid for pid, _ in kernel.sent) == expected


def test_an_endless_fork_bomb_does_not_keep_us(kernel: FakeKernel) -> None:
    kernel.tick_s = 0.01
    numbers = iter(range(1000, 100_000))
    before = kernel.clock
    steps = 0

    def count(_pid: int) -> None:
        nonlocal steps
        steps += 1
        assert steps < 20_000, "it would never end"
        kernel.add(next(numbers), kernel.own_pid)

    kernel.after_signal = kernel.after_pin = count
    make(kernel).deliver(TERM, "tree", COMMAND)
    assert kernel.clock - before < 5
    assert not kernel.descriptors


def test_a_walk_ends_with_the_step_that_it_is_for(kernel: FakeKernel) -> None:
    """Starved of the processor by the very bomb that is to be stopped, it would hold the KILL at the end of the grace back."""
    for pid in range(1000, 1200):
        kernel.add(pid, COMMAND)
    kernel.tick_s = 0.01
    tree = make(kernel)
    tree.ends_at = kernel.clock + 0.5
    before = kernel.clock
    assert COMMAND in tree.deliver(TERM, "tree", COMMAND)  # type: ignore[operator]  # never None here
    assert kernel.clock - before < 0.6
    assert not kernel.descriptors
    assert tree.members(1) == [COMMAND], "whether anybody is left is still seen"
    tree.ends_at = None
    assert len(tree.deliver(TERM, "tree", COMMAND)) == 5 + 200  # type: ignore[arg-type]  # the same


@pytest.mark.parametrize("errno", [1, 13, 22, 38])
@pytest.mark.parametrize("call", ["pidfd_open", "pidfd_send_signal"])
def test_where_pidfds_are_refused_everybody_is_signalled_by_number(
    kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch, call: str, errno: int
) -> None:
    """As by the filter of a container engine that does not know them (EPERM), or an old kernel (ENOSYS)."""

    def refuse(*_: object) -> None:
        raise OSError(errno, "refused")

    monkeypatch.setattr(kernel, call, refuse)
    make(kernel).deliver(TERM, "tree", COMMAND)
    assert sorted(kernel.sent) == [(pid, TERM) for pid in (60, 61, 70, 71, 80)]
    assert not kernel.descriptors


def test_a_number_that_came_back_before_the_pin_is_not_hit(kernel: FakeKernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """71 dies after the walk listed it, and its number is a stranger's when the pidfd is opened."""
    stranger: list[Any] = []
    opening = kernel.pidfd_open

    def open_late(pid: int, flags: int) -> int:
        if pid == 71 and not stranger:
            kernel.die(71)
            stranger.append(kernel.add(71, 1))
        return opening(pid, flags)

    monkeypatch.setattr(kernel, "pidfd_open", open_late)
    make(kernel).deliver(TERM, "tree", COMMAND)
    assert stranger
    assert stranger[0] not in [process for process, _ in kernel.hit]
    assert sorted(kernel.sent) == [(pid, TERM) for pid in (60, 61, 70, 80)]
    assert not kernel.descriptors


def test_a_number_that_came_back_after_the_pin_is_not_hit(kernel: FakeKernel) -> None:
    """71 dies once pinned, and its number is a stranger's."""
    stranger: list[Any] = []

    def die(pid: int) -> None:
        if pid == 71 and not stranger:
            kernel.die(71)
            stranger.append(kernel.add(71, 1))

    kernel.after_pin = die
    make(kernel).deliver(TERM, "tree", COMMAND)
    assert stranger
    assert stranger[0] not in [process for process, _ in kernel.hit]
    assert not kernel.descriptors


def test_one_that_dies_meanwhile_is_no_error_and_its_children_are_reached(kernel: FakeKernel) -> None:
    def die(pid: int) -> None:
        if pid == 61 and pid in kernel.processes:
            kernel.die(61)

    kernel.after_pin = die
    got = make(kernel).deliver(TERM, "tree", COMMAND)
    assert got is not None
    assert sorted(got) == [60, 70, 71, 80]
    assert sorted(kernel.sent) == [(pid, TERM) for pid in (60, 70, 71, 80)]


def test_few_descriptors_still_reach_everybody(kernel: FakeKernel) -> None:
    kernel.most_descriptors = 5
    for pid in range(300, 340):
        kernel.add(pid, COMMAND, session=pid)
    make(kernel).deliver(TERM, "tree", COMMAND)
    assert sorted(kernel.sent) == [(pid, TERM) for pid in [*EVERYBODY, *range(300, 340)]]


def test_a_refusal_is_told_and_stops_nothing(kernel: FakeKernel) -> None:
    kernel.refuses = {60, 71, 80}
    tree, refused = make(kernel), []
    tree.on_refused = lambda signum, pid, error: refused.append((signum, pid, error.errno))
    got = tree.deliver(TERM, "tree", COMMAND)
    assert got is not None
    assert sorted(got) == [61, 70]
    assert sorted(refused) == [(TERM, 60, 1), (TERM, 71, 1), (TERM, 80, 1)]


def test_child(kernel: FakeKernel) -> None:
    assert make(kernel).deliver(TERM, "child", COMMAND) == [COMMAND]
    assert kernel.sent == [(COMMAND, TERM)]
    assert make(kernel).deliver(TERM, "child", 0) == []
    assert kernel.sent == [(COMMAND, TERM)]


def test_group(kernel: FakeKernel) -> None:
    assert make(kernel).deliver(TERM, "group", COMMAND) is None
    assert (kernel.groups, kernel.sent) == ([(COMMAND, TERM)], [])
    assert make(kernel).deliver(TERM, "group", 0) == []
    assert kernel.groups == [(COMMAND, TERM)]


def test_group_where_the_command_has_none_of_its_own(kernel: FakeKernel) -> None:
    assert make(kernel, has_group=False).deliver(TERM, "group", COMMAND) == [COMMAND]
    assert (kernel.groups, kernel.sent) == ([], [(COMMAND, TERM)])


def test_group_that_is_gone(kernel: FakeKernel) -> None:
    kernel.die(COMMAND)
    assert make(kernel).deliver(TERM, "group", COMMAND) == []


@pytest.mark.parametrize("proc_self", ["", "7"], ids=["none", "of another namespace"])
@pytest.mark.parametrize("target", ["tree", "handlers", "group"])
def test_without_a_proc_of_our_own_it_is_the_group(proc_self: str, target: str) -> None:
    kernel = FakeKernel(proc_self=proc_self)
    family(kernel)
    tree = make(kernel)
    assert not tree.procfs
    assert tree.deliver(TERM, target, COMMAND) is None
    assert (kernel.groups, kernel.sent) == ([(COMMAND, TERM)], [])
    assert tree.resume() == []


@pytest.mark.parametrize(
    ("caught", "blocked", "expected"),
    [
        ({60: [TERM]}, {}, [60, 80]),
        ({61: [TERM]}, {}, [61, 80]),
        ({61: [HUP]}, {}, EVERYBODY),
        ({71: [TERM]}, {}, [71, 80]),
        ({60: [TERM], 71: [TERM]}, {}, [60, 80]),
        ({80: [TERM]}, {}, EVERYBODY),
        ({}, {61: [TERM]}, [61, 80]),
        ({}, {}, EVERYBODY),
    ],
    ids=["command", "below a shell", "another signal", "deep", "the higher answers", "orphan", "sigwait", "nobody"],
)
def test_handlers(kernel: FakeKernel, caught: dict[int, list[int]], blocked: dict[int, list[int]], expected: list[int]) -> None:
    for pid, signals in caught.items():
        kernel.processes[pid].caught = mask(*signals)
    for pid, signals in blocked.items():
        kernel.processes[pid].blocked = mask(*signals)
    make(kernel).deliver(TERM, "handlers", COMMAND)
    assert sorted(kernel.sent) == [(pid, TERM) for pid in expected]


def test_who_sleeps_in_sigwait_handles(kernel: FakeKernel) -> None:
    # The kernel takes the signals that it waits for out of SigBlk meanwhile.
    kernel.processes[61].waits_in = "do_sigtimedwait"
    assert sorted(make(kernel).deliver(TERM, "handlers", COMMAND) or []) == [61, 80]


@pytest.mark.parametrize("caught", [False, True])
def test_handlers_of_a_tree_deeper_than_the_stack(caught: bool) -> None:
    kernel = FakeKernel()
    first, last = COMMAND, COMMAND + 1500
    for pid in range(first, last + 1):
        kernel.add(pid, OWN if pid == first else pid - 1)
    kernel.processes[last].caught = mask(TERM) if caught else 0
    got = make(kernel).deliver(TERM, "handlers", COMMAND)
    assert got == ([last] if caught else list(range(first, last + 1)))


def test_the_state_of_a_process_whose_first_thread_is_dead(kernel: FakeKernel) -> None:
    process = kernel.processes[61]
    process.state, process.threads, process.thread_states = "Z", [611, 612], {611: "T", 612: "T"}
    tree = make(kernel)
    assert tree.state(61) == "T"
    process.threads = []
    assert tree.state(61) == "Z"


def test_handlers_of_a_real_time_signal(kernel: FakeKernel) -> None:
    kernel.processes[61].caught = mask(64)
    make(kernel).deliver(64, "handlers", COMMAND)
    assert sorted(kernel.sent) == [(61, 64), (80, 64)]


def test_an_orphaned_group_gets_stop_for_tstp(kernel: FakeKernel) -> None:
    kernel.processes[71].caught = mask(TSTP)
    make(kernel).deliver(TSTP, "tree", COMMAND)
    # 60 and 61 are of our session; 70 and 80 are daemons; 71 is one that wants to see its TSTP.
    assert sorted(kernel.sent) == [(60, TSTP), (61, TSTP), (70, STOP), (71, TSTP), (80, STOP)]


@pytest.mark.parametrize("signum", [TSTP, 21, 22])
def test_as_pid_1_everybody_stops(signum: int) -> None:
    kernel = FakeKernel(1)
    family(kernel)
    make(kernel).deliver(signum, "tree", COMMAND)
    kernel.sent = [(pid, sent) for pid, sent in kernel.sent if pid != 999]  # a child of pid 1, which here is us
    assert sorted(kernel.sent) == [(pid, STOP) for pid in EVERYBODY]


def test_the_stopped_are_continued(kernel: FakeKernel) -> None:
    kernel.processes[61].state = "T"
    kernel.processes[80].state = "T"
    kernel.processes[71].state = "t"  # traced: its tracer's business
    assert sorted(make(kernel).resume()) == [61, 80]
    assert sorted(kernel.sent) == [(61, CONT), (80, CONT)]


def test_pid_1_stops_its_namespace_in_one_step() -> None:
    kernel = FakeKernel(1)
    family(kernel)
    assert make(kernel).deliver(TERM, "tree", COMMAND, whole_namespace=True) is None
    assert (kernel.everybody, kernel.sent) == ([TERM], [])


@pytest.mark.parametrize(("target", "command_pid"), [("tree", COMMAND), ("tree", 0), ("group", 0)])
def test_where_somebody_is_spared_pid_1_walks_instead(target: str, command_pid: int) -> None:
    kernel = FakeKernel(1)
    for pid, parent in ((COMMAND, 1), (70, COMMAND), (71, 1), (72, 71)):
        kernel.add(pid, parent)
    tree = make(kernel)
    tree.spared = {71: tree.stat_fields("71")[STARTED]}
    tree.deliver(15, target, command_pid, whole_namespace=True)
    tree.kill(command_pid)
    assert sorted(kernel.sent) == [(COMMAND, 9), (COMMAND, 15), (70, 9), (70, 15)]
    assert not kernel.everybody


def test_pid_1_forwards_an_ordinary_signal_to_the_tree_only() -> None:
    kernel = FakeKernel(1)
    family(kernel)
    kernel.processes[999].parent = 0  # put in by `docker exec`
    make(kernel).deliver(HUP, "tree", COMMAND)
    assert kernel.everybody == []
    assert sorted(kernel.sent) == [(pid, HUP) for pid in EVERYBODY]


@pytest.mark.parametrize("target", ["child", "group", "tree", "handlers"])
@pytest.mark.parametrize("command_pid", [0, COMMAND])
@pytest.mark.parametrize("whole_namespace", [False, True])
@pytest.mark.parametrize("proc_self", [None, "", "7"])
def test_never_everybody_unless_pid_1(target: str, command_pid: int, whole_namespace: bool, proc_self: "str | None") -> None:
    kernel = FakeKernel(OWN, proc_self=proc_self)
    family(kernel)
    tree = make(kernel)
    tree.deliver(TERM, target, command_pid, whole_namespace=whole_namespace)
    tree.kill(command_pid)
    assert kernel.everybody == []
    assert 999 not in {pid for pid, _ in kernel.sent}
    assert OWN not in {pid for pid, _ in kernel.sent}


def test_kill() -> None:
    kernel = FakeKernel(1)
    family(kernel)
    make(kernel).kill(COMMAND)
    assert (kernel.everybody, kernel.sent) == ([KILL], [])


def test_kill_outside_pid_1(kernel: FakeKernel) -> None:
    make(kernel).kill(COMMAND)
    assert sorted(kernel.sent) == [(pid, KILL) for pid in EVERYBODY]


def test_a_wrong_idea_of_being_pid_1_ends_in_an_error_not_in_a_massacre(kernel: FakeKernel) -> None:
    tree = make(kernel)
    tree.own_pid = 1
    with pytest.raises(AssertionError):
        tree.kill(COMMAND)
    assert kernel.everybody == []


def test_members_with_a_limit_are_parents_first(kernel: FakeKernel) -> None:
    tree = make(kernel)
    assert tree.members(3) == tree.members()[:3]
    members = tree.members()
    assert members.index(60) < members.index(61) < members.index(70) < members.index(71)


def test_state_survives_a_strange_name(kernel: FakeKernel) -> None:
    kernel.processes[61].name = ") R 1 (x"
    kernel.processes[61].state = "D"
    assert make(kernel).state(61) == "D"
    assert make(kernel).state(12345) == ""
