"""The judgement of a zombie, on values: what each line of /proc leads to."""

import dataclasses
import os

import pytest

from pysupervise.cli import why
from pysupervise.cli.procfs import Stat, Status
from pysupervise.cli.why import Around

CHLD = 1 << 16
ZOMBIE = Stat(
    pid=20, name="child", state="Z", parent=10, group=10, session=10, terminal=0, foreground=-1, threads=1, start_ticks=5,
    rss_bytes=0, wait_status=0, kernel_thread=False,
)  # fmt: skip
PARENT = dataclasses.replace(ZOMBIE, pid=10, name="node", state="S", parent=1)
LINES = {"State": "S (sleeping)", "SigCgt": "c", "SigIgn": "i", "SigBlk": "b", "SigPnd": "p", "ShdPnd": "s", "NSpid": "10", "Name": "node"}


def status(**values: object) -> Status:
    plain = Status(uid=0, tracer=0, threads=1, namespace_pids=(10,), pending=0, blocked=0, ignored=0, caught=0, lines=LINES)
    return dataclasses.replace(plain, **values)  # type: ignore[arg-type]


def whats(*arguments: object, **options: object) -> list[str]:
    found = why.why(*arguments, **options)  # type: ignore[arg-type]
    assert all(reason.evidence and reason.cure for reason in found)
    return [reason.what for reason in found]


@pytest.mark.parametrize(
    ("masks", "words"),
    [
        ({}, "does not handle SIGCHLD"),
        ({"caught": CHLD}, "has a handler"),
        ({"ignored": CHLD}, "ignores SIGCHLD now"),
        ({"blocked": CHLD}, "blocked and not pending"),
        ({"blocked": CHLD, "pending": CHLD}, "blocked and pending"),
        ({"blocked": CHLD, "pending": CHLD, "caught": CHLD}, "blocked and pending"),
        ({"blocked": CHLD, "threads": 4}, "blocked in its main thread and not pending"),
    ],
)
def test_what_it_does_with_sigchld(masks: dict[str, int], words: str) -> None:
    (what,) = whats(ZOMBIE, PARENT, status(**masks))
    assert words in what


def test_a_thread_that_does_not_block_decides() -> None:
    for masks, words in (({"caught": CHLD}, "has a handler for SIGCHLD"), ({}, "does not handle SIGCHLD")):
        (reason,) = why.why(ZOMBIE, PARENT, status(blocked=CHLD, threads=2, **masks), around=Around(open_thread=101))
        assert words in reason.what
        assert "/task/101/status: SigBlk is without it" in reason.evidence


def test_sigwait_hides_what_it_waits_for() -> None:
    (what,) = whats(ZOMBIE, PARENT, status(), around=Around(wait_channel="do_sigtimedwait"))
    assert "is in sigwait(), for which signals /proc does not show" in what


def test_a_parent_that_cannot_act_comes_before_its_masks() -> None:
    for state, words in (("T", "stopped"), ("t", "held by its tracer"), ("D", "uninterruptible")):
        found = whats(ZOMBIE, dataclasses.replace(PARENT, state=state), status())
        assert words in found[0]
        assert "SIGCHLD" in found[-1]


def test_a_frozen_cgroup_is_told_by_where_the_parent_sleeps() -> None:
    found = why.why(ZOMBIE, PARENT, status(), around=Around(wait_channel="do_freezer_trap"))
    assert found[0].what == "the parent is frozen with its cgroup"
    assert found[0].evidence == "/proc/10/wchan: do_freezer_trap"


def test_live_threads_and_a_tracer_leave_the_parent_out() -> None:
    (what,) = whats(dataclasses.replace(ZOMBIE, threads=3), PARENT, status())
    assert "2 of them" in what
    around = Around(tracers={7: "strace"}, tracer_process=7)
    (what,) = whats(ZOMBIE, PARENT, status(), zombie_status=status(tracer=7), around=around)
    assert "traced by `strace` (pid 7)" in what


def test_a_parent_that_traces_its_own_child_can_take_it() -> None:
    found = whats(ZOMBIE, PARENT, status(), zombie_status=status(tracer=11), around=Around(tracer_process=10))
    assert found == whats(ZOMBIE, PARENT, status())


def test_what_cannot_be_read_is_said() -> None:
    (what,) = whats(ZOMBIE, None, None)
    assert "cannot be read here" in what
    (what,) = whats(ZOMBIE, PARENT, None)
    assert "what the parent does with SIGCHLD cannot be read" in what
    (what,) = whats(dataclasses.replace(ZOMBIE, parent=0), None, None)
    assert "outside of this PID namespace" in what


def test_pid_1_is_judged_by_its_name() -> None:
    inside = status(namespace_pids=(10, 1))
    assert "`node`, not a known init" in whats(ZOMBIE, PARENT, inside)[0]
    assert "no init" not in whats(ZOMBIE, dataclasses.replace(PARENT, name="tini"), inside)[0]
    around = Around(command=["/usr/bin/python3", "-m", "pysupervise.pyz", "--", "node"])
    assert "no init" not in whats(ZOMBIE, dataclasses.replace(PARENT, name="python3"), inside, around=around)[0]
    assert "no init" not in whats(ZOMBIE, PARENT, status(namespace_pids=(10, 7)))[0]


@pytest.mark.parametrize(
    ("machine", "call", "words"),
    [
        ("x86_64", "61 0x1f 0x0 0x0 0x0 0x0 0x0 0x1 0x2", "waits for pid 31 alone"),
        ("x86_64", "61 0xffffffff 0x0 0x0", "just about to collect"),
        ("x86_64", "61 0xffffffffffffffff 0x0 0x0", "just about to collect"),
        ("x86_64", "61 0x0 0x0 0x0", "waits for its own process group alone"),
        ("x86_64", "61 0xfffffffffffffff9 0x0", "waits for process group 7 alone"),
        ("x86_64", "247 0x1 0x1f 0x0", "waits for pid 31 alone"),
        ("x86_64", "247 0x3 0x5 0x0", "waits for the process of the pidfd 5 alone"),
        ("x86_64", "247 0x0 0x0 0x0", "just about to collect"),
        ("aarch64", "260 0x1f 0x0 0x0", "waits for pid 31 alone"),
        ("x86_64", "260 0x1f 0x0 0x0", "just about to collect"),
        ("s390x", "114 0x1f 0x0 0x0", "just about to collect"),
        ("x86_64", None, "just about to collect"),
        ("x86_64", "running", "just about to collect"),
    ],
)
def test_whom_a_wait_is_for(machine: str, call: str | None, words: str) -> None:
    around = Around(wait_channel="do_wait", system_call=call, machine=machine)
    assert words in whats(ZOMBIE, PARENT, status(), around=around)[0]


def test_a_zombie_that_is_gone_has_no_reason() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    assert why.read(dataclasses.replace(ZOMBIE, pid=pid, parent=os.getpid()), None) == []
