"""A stop ends within its grace period, by the signals that were asked for, and says who held out."""

import os
import re
import shutil
import signal
import sys
import time

import pytest
from helpers import Starter, probe

TERM, INT, USR1, CONT, STOP, KILL = signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCONT, signal.SIGSTOP, signal.SIGKILL
# Ends of what takes no time: generous, since machines are busy; far below the grace periods that it is compared with.
SOON_S = 2.0
PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207


@pytest.mark.parametrize("signum", [TERM, INT])
def test_a_service_that_stops_itself_returns_its_own_status_at_once(start: Starter, place: str, signum: int) -> None:
    service = start("--", *probe("child", f"--exit-on={signum}:5"), place=place)
    service.ready("child")
    service.send(signum)
    status, seconds = service.timed_wait()
    assert status == 5
    assert seconds < SOON_S


def test_the_grace_is_10_seconds_unless_told_otherwise(start: Starter) -> None:
    service = start("--", *probe("child"))
    service.ready("child")
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status == 137
    assert 9.9 < seconds < 10 + SOON_S
    assert "the grace period of 10.0 s is over" in service.stderr


def test_who_ignores_term_is_killed_after_the_grace_and_named(start: Starter, place: str) -> None:
    service = start("--grace", "300ms", "--", *probe("child"), place=place)
    service.ready("child")
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status == 137
    assert 0.28 < seconds < 0.3 + SOON_S
    child = 2 if place == "pid1" else 3
    assert f"warning: the grace period of 0.3 s is over: KILL to {child} python" in service.stderr
    assert "the command was killed by KILL: pysupervise sent it" in service.stderr


@pytest.mark.parametrize("words", [[], ["-v"]], ids=["quiet", "story"])
def test_a_stop_that_reaches_nobody_is_told(start: Starter, words: list[str]) -> None:
    code = (
        "import os, time; pid = os.fork(); pid and (os.setpgid(pid, pid), os.setpgid(0, pid), print('ready', flush=True)); time.sleep(60)"
    )
    service = start(*words, "--forward=group", "--grace=100ms", "--", sys.executable, "-c", code)
    assert service.line() == "ready"
    service.send(TERM)
    assert service.wait() == 137
    assert "warning: TERM reaches nobody: the command has left its process group" in service.stderr


def test_a_supervisor_that_was_suspended_past_the_grace_goes_on_with_the_stop(start: Starter, place: str) -> None:
    """As `docker pause` or a debugger does: the wait is interrupted, and its time is over."""
    service = start("--grace", "500ms", "--", *probe("child"), place=place)
    service.ready("child")
    service.send(TERM)
    assert service.line() == "child 15"
    service.send(STOP)
    time.sleep(0.6)  # the grace period passes
    service.send(CONT)
    status, seconds = service.timed_wait()
    assert status == 137
    assert seconds < SOON_S
    assert "Traceback" not in service.stderr
    assert re.search(r"the grace period of [0-9.]+ s is over: KILL to \d+ python", service.stderr)


def test_who_ended_while_the_supervisor_was_suspended_ended_in_time(start: Starter, place: str) -> None:
    service = start("-v", "--grace", "500ms", "--", *probe("child", "--exit-on=15:3", "--after=0.1"), place=place)
    service.ready("child")
    service.send(TERM)
    assert service.line() == "child 15"
    service.send(STOP)
    time.sleep(0.7)  # the command ends, and the grace period passes
    service.send(CONT)
    assert service.wait() == 3
    assert "the grace period" not in service.stderr
    assert "KILL" not in service.stderr


def test_a_shell_without_exec_does_not_keep_its_child_from_stopping(start: Starter, place: str) -> None:
    service = start("--", "sh", "-c", f"{' '.join(probe('worker', '--exit-on=15'))}; exit 9", place=place)
    service.ready("worker")
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status in (143, 9), "the shell gets the signal too, and may see its child end first"
    assert seconds < SOON_S


def test_stop_signal_is_sent_whatever_asked(start: Starter, place: str) -> None:
    service = start("--stop-signal", "USR1", "--", *probe("child", "--exit-on=10:4"), place=place)
    service.ready("child")
    service.send(TERM)
    assert service.wait() == 4
    assert service.rest() == ["child 10"]


def test_the_stop_signal_itself_asks_for_a_stop(start: Starter) -> None:
    service = start("--stop-signal=USR1", "--grace=100ms", "--", *probe("child"))
    service.ready("child")
    service.send(USR1)
    assert service.wait() == 137


def test_a_stop_sequence_takes_its_steps_in_order(start: Starter, place: str) -> None:
    service = start("--stop", "INT:100ms,TERM@child:100ms,RTMIN+2@tree:100ms,KILL", "--", *probe("child", "--worker=worker"), place=place)
    service.ready("child", "worker")
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status == 137
    assert 0.28 < seconds < 0.3 + SOON_S
    lines = service.rest()
    assert [line for line in lines if line.startswith("child")] == ["child 2", "child 15", "child 36"]
    assert [line for line in lines if line.startswith("worker")] == ["worker 2", "worker 36"]


def test_a_stop_sequence_spares_the_workers_of_a_master(start: Starter) -> None:
    service = start("--stop=QUIT@handlers:8s,TERM@tree:2s,KILL", "--", *probe("master", "--worker=worker", "--exit-on=3:6"))
    service.ready("master", "worker")
    service.send(TERM)
    assert service.line() == "master 3"
    # The master is gone, the worker is left over: it gets the sequence too, as a member of the tree, catching nothing.
    assert service.line() == "worker 3"
    for _ in range(2):
        service.send(TERM)
    assert service.wait() == 6


def test_a_second_term_is_passed_on_and_does_not_restart_the_clock(start: Starter, place: str) -> None:
    service = start("--grace=600ms", "--", *probe("child"), place=place)
    service.ready("child")
    service.send(TERM)
    assert service.line() == "child 15"
    time.sleep(0.4)  # not to wait for anything: most of the grace goes by, which is what is measured
    service.send(TERM)
    assert service.line() == "child 15"
    status, seconds = service.timed_wait()
    assert status == 137
    assert seconds < 0.5


def test_a_third_term_kills_at_once(start: Starter, place: str) -> None:
    service = start("--grace=1m", "--", *probe("child"), place=place)
    service.ready("child")
    for _ in range(2):
        service.send(TERM)
        assert service.line() == "child 15"
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status == 137
    assert seconds < SOON_S
    assert service.rest() == []
    assert "because it was asked again" in service.stderr


def test_a_stopped_member_gets_cont_after_term(start: Starter, place: str) -> None:
    service = start("-v", "--", *probe("child", "--exit-on=18:5"), place=place)
    service.ready("child")
    inner = service.pid
    with open(f"/proc/{inner}/task/{inner}/children", encoding="ascii") as file:
        child = int(file.read())
    os.kill(child, STOP)
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status == 5
    assert seconds < SOON_S
    assert service.rest() in (["child 15", "child 18"], ["child 18"])
    assert "stopped until now" in service.stderr


def test_a_stopped_member_that_term_ends_ends_at_once(start: Starter, place: str) -> None:
    service = start("--", "sh", "-c", "echo ready; kill -STOP $$; exit 9", place=place)
    assert service.line() == "ready"
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status == 143
    assert seconds < SOON_S


SEIZE = f"""
import ctypes, os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {{15}})
ready, write = os.pipe()
traced = os.fork()
if not traced:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {{15}})
    while True:
        signal.pause()
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
for request in ({PTRACE_SEIZE}, {PTRACE_INTERRUPT}):
    assert libc.ptrace(request, traced, 0, 0) == 0, ctypes.get_errno()
os.waitpid(traced, 0x40000000)
print("seized", flush=True)
signal.sigwait({{15}})
print("tracer 15", flush=True)
while True:
    signal.pause()
"""


def test_a_traced_member_does_not_outlive_the_grace(start: Starter, place: str) -> None:
    service = start("--grace=300ms", "--", sys.executable, "-I", "-c", SEIZE, place=place)
    assert service.line() == "seized"
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert service.rest() == ["tracer 15"]
    assert status == 137
    assert seconds < 0.3 + SOON_S
    assert "(being traced)" in service.stderr


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_service_under_strace_stops(start: Starter) -> None:
    service = start("--grace=5s", "--", "strace", "-f", "-o", "/dev/null", *probe("child", "--exit-on=15:4"))
    service.ready("child")
    service.send(TERM)
    assert service.wait() in (4, 143)


GROWING = """
import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # or TERM could come just before the wait for it
os.write(1, b"ready\\n")
signal.sigwait([signal.SIGTERM])
for _ in range(20):  # grows while it is stopped
    if os.fork() == 0:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.write(1, b"born\\n")
        while True:
            signal.pause()
os._exit(3)
"""


def test_a_tree_that_grows_while_it_is_stopped_ends(start: Starter, place: str) -> None:
    service = start("--grace=500ms", "--sweep-grace=300ms", "--", sys.executable, "-I", "-S", "-c", GROWING, place=place)
    assert service.line() == "ready"
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status == 3
    assert seconds < 0.5 + SOON_S
    assert re.search(r"KILL to (\d+ python, ){10}and more", service.stderr)
    if place == "child":
        assert len(service.rest()) == 20


BOMB = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, signal.SIG_IGN)
for _ in range(199):
    if os.fork() == 0:
        break
else:
    os.write(1, b"ready\\n")
while True:  # about 200 alive at any time, none for long: each forks and leaves; the pause keeps the machine usable for others
    time.sleep(0.1)
    try:
        if os.fork():
            os._exit(0)
    except BlockingIOError:
        continue
    os.setsid()
"""


def test_a_fork_bomb_ends_with_the_grace(start: Starter, place: str) -> None:
    script = f"trap '' TERM; {sys.executable} -I -S -c '{BOMB}'; sleep 60"
    service = start("--grace=500ms", "--sweep-grace=500ms", "--", "sh", "-c", script, place=place)
    assert service.line() == "ready"
    service.send(TERM)
    status, seconds = service.timed_wait()
    assert status == 137
    assert seconds < 0.5 + 3 * SOON_S
    service.rest()  # nobody holds the pipe any more
