"""The sandbox of the verbs: its places, the status that it passes on, and that it leaves nobody behind."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest
from helpers import PATIENCE_S, children

from pysupervise.cli.procfs import read_stat
from pysupervise.cli.sandbox import Place, Sandbox, best_place, own_command, prefix

NAMESPACES = (Place.NAMESPACE, Place.USER_NAMESPACE)


def until(condition: Callable[[], bool]) -> bool:
    give_up_at = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > give_up_at:
            return False
        time.sleep(0.01)
    return True


def run(place: Place, *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([*prefix(place, 2), *command], capture_output=True, text=True, check=False, timeout=PATIENCE_S)


def gone(pid: int, start_ticks: int) -> bool:
    now = read_stat(pid)
    return now is None or now.start_ticks != start_ticks or now.state in "ZX"


def test_root_gets_a_namespace() -> None:
    assert best_place() is Place.NAMESPACE


@pytest.mark.parametrize("place", NAMESPACES)
def test_command_is_pid_1_with_a_proc_of_its_own(place: Place) -> None:
    done = run(place, "sh", "-c", "echo $$; cd /proc; echo [0-9]*; id -u")
    assert done.stdout.splitlines() == ["1", "1", "0"]


def test_command_without_a_namespace_is_an_ordinary_process() -> None:
    assert int(run(Place.HERE, "sh", "-c", "echo $$").stdout) > 1


@pytest.mark.parametrize("place", Place)
@pytest.mark.parametrize(
    ("script", "status"),
    [("exit 0", 0), ("exit 7", 7), ("sh -c 'kill -TERM $$'", 143), ("sh -c 'kill -KILL $$'; exit $?", 137)],
)
def test_status_is_passed_on(place: Place, script: str, status: int) -> None:
    assert run(place, "sh", "-c", script).returncode == status


@pytest.mark.parametrize("place", Place)
def test_command_that_is_not_there(place: Place) -> None:
    done = run(place, "no-such-command")
    assert done.returncode == 127
    assert "pysupervise: cannot execute no-such-command: No such file or directory" in done.stderr


@pytest.mark.parametrize("place", Place)
def test_command_starts_with_a_clean_signal_state(place: Place) -> None:
    dirty = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, [15]); signal.signal(17, signal.SIG_IGN);"
        "os.execvp(sys.argv[1], sys.argv[1:])"
    )
    show = [*prefix(place, 2), "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]
    done = subprocess.run([sys.executable, "-c", dirty, *show], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert [int(line.split()[1], 16) for line in done.stdout.splitlines()] == [0, 0]


@pytest.mark.parametrize("place", Place)
def test_leaving_the_context_ends_everybody(place: Place) -> None:
    script = "setsid sleep 100 & sleep 100 & (sleep 100 &) ; wait"
    with Sandbox(["sh", "-c", script], place) as sandbox:
        found: dict[int, int] = {}

        def sleeping() -> bool:
            below, found_now = [sandbox.launcher.pid], {}
            for pid in below:
                below += children(pid)
            for pid in below:
                if (stat := read_stat(pid)) is not None and stat.name == "sleep":
                    found_now[pid] = stat.start_ticks
            found.clear()
            found.update(found_now)
            return len(found) == 3

        assert until(sleeping)
    assert sandbox.launcher.returncode == 137
    assert all(gone(pid, ticks) for pid, ticks in found.items())


@pytest.mark.parametrize("place", Place)
def test_command_dies_with_its_launcher(place: Place) -> None:
    with Sandbox(["sleep", "100"], place) as sandbox:
        stat = read_stat(sandbox.pid)
        assert stat is not None
        sandbox.launcher.kill()
        assert until(lambda: gone(stat.pid, stat.start_ticks))


def test_signal_goes_to_the_command_and_not_after_its_end() -> None:
    with Sandbox(["sleep", "100"], Place.HERE) as sandbox:
        assert sandbox.send(signal.SIGTERM)
        assert sandbox.wait(PATIENCE_S) == 143
        assert not sandbox.send(signal.SIGTERM)


@pytest.mark.parametrize("place", Place)
def test_own_command_is_this_pysupervise(place: Place) -> None:
    done = run(place, *own_command(), "--", "sh", "-c", "exit 5")
    assert (done.returncode, done.stderr.splitlines()[1:]) == (5, [])


def test_without_the_capability_it_is_a_user_namespace() -> None:
    unprivileged = ["setpriv", "--bounding-set=-sys_admin", "--"]
    refused = subprocess.run(
        [*unprivileged, *prefix(Place.NAMESPACE, 2), "true"], capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert refused.returncode == 125
    assert refused.stderr == "pysupervise: cannot make a PID namespace: Operation not permitted\n"
    ask = "from pysupervise.cli.sandbox import best_place; print(best_place().value)"
    best = subprocess.run([*unprivileged, sys.executable, "-c", ask], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert best.stdout == "user\n"
