"""What the command leaves running when it ends by itself is stopped too, or left, or waited for."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PATIENCE_S, Service, Starter, children, probe

SOON_S = 2.0


def leave(start: Starter, place: str, options: list[str], *probe_options: str) -> Service:
    """Run a command that ends with status 4 when its standard input does, and leaves a daemon that is ready by then."""
    script = f"setsid {' '.join(probe('daemon', *probe_options))} & read -r _; exit 4"
    service = start(*options, "--", "sh", "-c", script, place=place, stdin=subprocess.PIPE)
    service.ready("daemon")
    service.close_stdin()
    return service


def let_the_command_end(service: Service) -> None:
    """Wait until nothing but the daemon is left: a signal before that would reach the command too."""
    (command, *_) = [pid for pid in children(service.pid) if name(pid) == "sh"] or [0]
    deadline = time.monotonic() + PATIENCE_S
    while command and name(command) == "sh":
        assert time.monotonic() < deadline


def name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


@pytest.mark.parametrize("option", [[], ["--sweep-grace=9s"], ["--grace=1s"]])
def test_leftovers_get_term_and_the_status_stays(start: Starter, place: str, option: list[str]) -> None:
    service = leave(start, place, option, "--exit-on=15:9")
    assert service.line() == "daemon 15"
    status, seconds = service.timed_wait()
    assert status == 4
    assert seconds < SOON_S


def test_leftovers_that_ignore_term_are_killed_after_the_sweep_grace(start: Starter, place: str) -> None:
    service = leave(start, place, ["--sweep-grace=300ms"])
    assert service.line() == "daemon 15"
    status, seconds = service.timed_wait()
    assert status == 4
    assert seconds < 0.3 + SOON_S
    assert "the grace period of 0.3 s is over: KILL to" in service.stderr
    assert "the command was killed" not in service.stderr


def test_leftovers_get_the_stop_sequence(start: Starter) -> None:
    service = leave(start, "pid1", ["--stop=QUIT:1s,USR1:1s", "--sweep-grace=200ms"])
    assert service.wait() == 4
    assert service.rest() == ["daemon 3", "daemon 10"]


def test_no_sweep_leaves_what_still_runs(start: Starter) -> None:
    service = leave(start, "child", ["--no-sweep"])
    assert service.wait() == 4
    assert service.rest() == [], "no signal came before the namespace ended"


def test_wait_all_waits_for_what_still_runs_and_passes_signals_on(start: Starter, place: str) -> None:
    service = leave(start, place, ["--wait-all", "-v"], "--exit-on=10:9")
    let_the_command_end(service)
    service.send(signal.SIGUSR2)
    assert service.line() == "daemon 12"
    assert service.process.poll() is None
    service.send(signal.SIGUSR1)
    assert service.line() == "daemon 10"
    assert service.wait() == 4


def test_wait_all_still_stops_on_term(start: Starter, place: str) -> None:
    service = leave(start, place, ["--wait-all", "--grace=200ms"])
    let_the_command_end(service)
    service.send(signal.SIGTERM)
    assert service.line() == "daemon 15"
    assert service.wait() == 4


def test_after_a_stop_leftovers_get_no_second_term(start: Starter, place: str) -> None:
    daemon = " ".join(probe("daemon", "--exit-on=15:9", "--after=0.2"))
    service = start("--", "sh", "-c", f"setsid {daemon} & exec {' '.join(probe('child', '--exit-on=15:4'))}", place=place)
    service.ready("daemon", "child")
    service.send(signal.SIGTERM)
    assert service.wait() == 4
    assert sorted(service.rest()) == ["child 15", "daemon 15"]


def test_a_leftover_that_holds_the_pipe_does_not_delay_the_end(start: Starter) -> None:
    # The daemon has our standard output too: only waitpid counts.
    service = leave(start, "child", ["--no-sweep"])
    status, seconds = service.timed_wait()
    assert status == 4
    assert seconds < SOON_S


SLOW = (
    "import os, signal, time; "
    "signal.signal(15, lambda *_: (os.write(1, b'slow 15\\n'), time.sleep(0.4), os.write(1, b'slow done\\n'), os._exit(0))); "
    "os.write(1, b'slow ready\\n'); time.sleep(60)"
)


@pytest.mark.parametrize("words", [[], ["-v"]], ids=["quiet", "story"])
@pytest.mark.parametrize(("target", "last"), [("handlers", "{}; exit $?"), ("group", "exec {}"), ("tree", "exec {}")])
def test_who_had_the_signal_of_the_stop_does_not_get_it_again(start: Starter, place: str, target: str, last: str, words: list[str]) -> None:
    """The command ends at once and the sweep begins, while one member is in the middle of its clean-up; a daemon has yet to be told."""
    members = f'{sys.executable} -I -S -c "{SLOW}" & setsid {" ".join(probe("daemon", "--exit-on=15:0"))} & read -r _'
    script = f"{members}; {last.format(' '.join(probe('command', '--exit-on=15:6')))}"
    service = start(*words, f"--forward={target}", "--", "sh", "-c", script, place=place, stdin=subprocess.PIPE)
    assert sorted(service.line().partition(" (")[0] for _ in range(2)) == ["daemon ready", "slow ready"]
    service.close_stdin()
    service.ready("command")
    service.send(signal.SIGTERM)
    status, seconds = service.timed_wait()
    assert status == 6
    assert 0.3 < seconds < SOON_S
    assert sorted(service.rest()) == ["command 15", "daemon 15", "slow 15", "slow done"]
