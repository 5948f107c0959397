"""The exit status is the command's own, whatever it is and whatever killed it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import FATAL, PATIENCE_S, Starter, in_pid_namespace, probe, run

LOOP = 'ulimit -c 0; program=$1; shift; for n in "$@"; do "$program" -q -- sh -c "%s"; echo $n $?; done'


def statuses(program: str, script: str, numbers: "list[int]") -> "dict[int, int]":
    """Run a script once for each number; return the statuses that a shell sees."""
    done = run(["sh", "-c", LOOP % script, "sh", program, *map(str, numbers)], timeout=2 * PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return {int(left): int(right) for left, right in (line.split() for line in done.stdout.splitlines())}


def test_each_status_from_0_to_255_is_returned(pysupervise: str) -> None:
    assert statuses(pysupervise, "exit $n", list(range(256))) == {number: number for number in range(256)}


def test_each_fatal_signal_gives_128_and_its_number(pysupervise: str) -> None:
    assert statuses(pysupervise, r"kill -$n \$\$", list(FATAL)) == {number: 128 + number for number in FATAL}


@pytest.mark.parametrize("status", [0, 1, 2, 3, 100, 126, 127, 128, 143, 254, 255])
def test_as_pid_1_the_status_is_returned(pysupervise: str, status: int) -> None:
    done = run([pysupervise, "--", "sh", "-c", f"exit {status}"])
    assert (done.returncode, done.stderr) == (status, "")


@pytest.mark.parametrize("signum", [1, 2, 3, 6, 9, 11, 13, 15, 25, 34, 64])
def test_as_pid_1_a_fatal_signal_gives_128_and_its_number(pysupervise: str, signum: int) -> None:
    done = run([pysupervise, "--", "sh", "-c", f"ulimit -c 0; kill -{signum} $$"])
    assert done.returncode == 128 + signum


@pytest.mark.parametrize(("mapping", "status"), [("143=0", 0), ("130=1,143=7", 7), ("142=0", 143)])
def test_map_exit_returns_another_status(pysupervise: str, place: str, mapping: str, status: int) -> None:
    assert run([pysupervise, "--map-exit", mapping, "--", "sh", "-c", "kill -TERM $$"], place).returncode == status


def test_map_exit_maps_a_plain_status_and_can_be_repeated(pysupervise: str) -> None:
    options = ["--map-exit", "3=4", "--map-exit=5=6"]
    assert [run([pysupervise, *options, "--", "sh", "-c", f"exit {n}"]).returncode for n in (3, 5, 7)] == [4, 6, 7]


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGSEGV, signal.SIGKILL, signal.SIGPIPE, 33, 40])
def test_reraise_dies_of_the_same_signal_without_a_core(pysupervise: str, tmp_path: Path, signum: int) -> None:
    command = [pysupervise, "-q", "--reraise", "--", "sh", "-c", f"kill -{int(signum)} $$"]
    child = subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.DEVNULL, start_new_session=True)
    _, wait_status = os.waitpid(child.pid, 0)
    child.returncode = 0
    assert os.WIFSIGNALED(wait_status)
    assert os.WTERMSIG(wait_status) == signum
    assert not os.WCOREDUMP(wait_status)


def test_reraise_as_pid_1_returns_128_and_the_number(pysupervise: str) -> None:
    assert run([pysupervise, "--reraise", "--", "sh", "-c", "kill -TERM $$"]).returncode == 143


def test_reraise_of_an_ordinary_end_is_the_status(pysupervise: str) -> None:
    assert run([pysupervise, "--reraise", "--", "sh", "-c", "exit 9"], "bare").returncode == 9


def test_a_kill_by_somebody_else_is_explained(pysupervise: str) -> None:
    done = run([pysupervise, "--", "sh", "-c", "kill -KILL $$"])
    assert done.returncode == 137
    assert "not by pysupervise" in done.stderr


def test_the_status_of_the_command_is_not_mixed_up_with_an_orphans(pysupervise: str, place: str) -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9; do (sh -c 'exit 77' &); done; exit 5"
    assert run([pysupervise, "--", "sh", "-c", script], place).returncode == 5


def test_status_file_tells_how_it_ended(pysupervise: str, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    done = run([pysupervise, "--status-file", str(path), "--", "sh", "-c", "exit 3"])
    record = json.loads(path.read_text(encoding="utf-8"))
    assert done.returncode == 3
    assert (record["exit_status"], record["command_status"], record["command_signal"]) == (3, 3, None)
    assert record["command"] == ["sh", "-c", "exit 3"]
    assert (record["stop"], record["killed_by_us"]) == (None, False)
    assert [phase["phase"] for phase in record["phases"]][:2] == ["starting", "running"]
    assert record["total_seconds"] == pytest.approx(sum(phase["seconds"] for phase in record["phases"]), abs=0.01)
    assert record["usage"]["command"]["max_rss_kib"] > 0
    assert record["reaped"] == 1
    assert os.listdir(tmp_path) == ["status.json"], "the temporary file is gone"


def test_status_file_names_who_stopped_it(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    service = start("--status-file", str(path), "--", *probe("child", "--exit-on=15:4"))
    service.ready("child")
    service.send(signal.SIGTERM)
    assert service.wait() == 4
    record = json.loads(path.read_text(encoding="utf-8"))
    assert record["stop"] == {"signal": "TERM", "sender": "outside the PID namespace", "sender_pid": 0, "sender_uid": 0}
    assert [phase["phase"] for phase in record["phases"]] == ["starting", "running", "stopping"]


def test_status_file_tells_of_our_kill_and_the_mapped_status(start: Starter, tmp_path: Path) -> None:
    path = tmp_path / "status.json"
    service = start("--status-file", str(path), "--map-exit=137=1", "--grace=50ms", "--", *probe("child"))
    service.ready("child")
    service.send(signal.SIGTERM)
    assert service.wait() == 1
    record = json.loads(path.read_text(encoding="utf-8"))
    assert (record["exit_status"], record["command_signal"], record["killed_by_us"]) == (1, "KILL", True)


def test_a_status_file_that_cannot_be_written_is_a_warning(pysupervise: str) -> None:
    done = run([pysupervise, "--status-file", "/nonexistent/status.json", "--", "sh", "-c", "exit 6"])
    assert done.returncode == 6
    assert "cannot write /nonexistent/status.json" in done.stderr


def test_python_m_is_the_same_program(pysupervise: str) -> None:
    done = run(in_pid_namespace([sys.executable, "-m", "pysupervise", "--", "sh", "-c", "exit 8"]), "bare")
    assert (done.returncode, done.stderr) == (8, ""), pysupervise
