"""/proc as values: of this very process and of children made for it; nothing is faked."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pysupervise.cli import procfs

NAME = b"a) R 1 (\nb"  # what a name can hold to fool a reader


@pytest.fixture
def sleeper() -> Iterator[int]:
    with subprocess.Popen(["sleep", "60"]) as process:
        while procfs.command_line(process.pid) != ["sleep", "60"]:
            assert process.poll() is None
        yield process.pid
        process.kill()


def test_this_process() -> None:
    stat, status = procfs.read_stat(os.getpid()), procfs.read_status(os.getpid())
    assert stat is not None
    assert status is not None
    assert (stat.parent, stat.group, stat.session) == (os.getppid(), os.getpgrp(), os.getsid(0))
    assert (stat.state, stat.exit_signal, stat.kernel_thread, stat.is_dead) == ("R", signal.SIGCHLD, False, False)
    assert stat.rss_bytes > 1_000_000
    assert 0 < stat.age_s < 86400
    assert (status.uid, status.tracer, status.namespace_pids[-1]) == (os.geteuid(), 0, os.getpid())
    assert status.lines["Name"] == stat.name
    assert dict(status.lines)["Pid"] == str(os.getpid())
    assert len(status.lines) > 20
    assert status.evidence("Pid", "no such key") == f"Pid: {os.getpid()}"


def test_masks() -> None:
    code = (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, [10]); signal.signal(12, signal.SIG_IGN);"
        "signal.signal(15, print); print('ready', flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        status = procfs.read_status(process.pid)
        assert status is not None
        assert [status.blocks(n) for n in (10, 12, 15)] == [True, False, False]
        assert [status.ignores(n) for n in (10, 12, 15)] == [False, True, False]
        assert [status.has_handler(n) for n in (10, 12, 15)] == [False, False, True]
        assert [status.handles(n) for n in (10, 12, 15)] == [True, False, True]


def test_a_name_with_brackets_and_line_ends(sleeper: int) -> None:
    del sleeper
    code = f"import ctypes; ctypes.CDLL(None).prctl(15, {NAME!r}, 0, 0, 0); print('ready', flush=True); input()"
    with subprocess.Popen([sys.executable, "-I", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        stat, status = procfs.read_stat(process.pid), procfs.read_status(process.pid)
        assert stat is not None
        assert (stat.name, stat.parent) == (NAME.decode(), os.getpid())
        assert status is not None
        assert status.namespace_pids[-1] == process.pid


def test_a_zombie_and_nobody() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    stat = procfs.read_stat(pid)
    assert stat is not None
    assert (stat.state, stat.is_dead, procfs.wait_status(stat)) == ("Z", True, 7 << 8)
    assert procfs.command_line(pid) == []
    assert procfs.wait_channel(pid) is None
    os.waitpid(pid, 0)
    assert procfs.read_stat(pid) is None
    assert procfs.read_status(pid) is None
    assert procfs.command_line(pid) is None
    assert procfs.system_call(pid) is None
    assert procfs.pid_namespace(pid) is None
    assert procfs.owner(pid) is None


def test_a_zombie_that_ended_with_0_is_told_from_one_that_may_not_be_read() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    stat = procfs.read_stat(pid)
    assert stat is not None
    assert procfs.wait_status(stat) == 0
    os.waitpid(pid, 0)
    assert procfs.wait_status(stat) is None


def test_snapshot_children_and_descendants(sleeper: int) -> None:
    processes = procfs.snapshot()
    assert {os.getpid(), sleeper} <= processes.keys()
    children = procfs.children_of(processes)
    assert sleeper in children[os.getpid()]
    assert sleeper in procfs.descendants(os.getppid(), children)
    assert procfs.descendants(sleeper, children) == []


def test_where_a_process_sleeps(sleeper: int) -> None:
    while procfs.system_call(sleeper) in (None, "running"):  # it is about to
        assert procfs.read_stat(sleeper) is not None
    words = (procfs.system_call(sleeper) or "").split()
    assert words[0].isdigit()
    assert procfs.pid_namespace(sleeper) == os.readlink("/proc/self/ns/pid")


def test_users() -> None:
    assert procfs.user_name(0) == "root"
    assert procfs.user_name(3_999_999) == "3999999"
    assert procfs.owner(os.getpid()) == os.geteuid()
