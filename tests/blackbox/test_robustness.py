"""Nothing around it stops it from ending: full or closed pipes, end of input, itself below itself, thousands of starts."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PATIENCE_S, Service, Starter, assert_footprint_stays, full_pipe, in_pid_namespace, probe, run

import pysupervise

CLOSE = 'exec <&- >&- 2>&-; exec "$@"'


def test_end_of_input_reaches_the_command(pysupervise: str, place: str) -> None:
    assert run([pysupervise, "--", "sh", "-c", "cat; exit 6"], place, stdin=subprocess.DEVNULL).returncode == 6


def test_input_passes_through(pysupervise: str, place: str) -> None:
    wrap = {"pid1": in_pid_namespace([pysupervise, "--", "cat"]), "child": [pysupervise, "--", "cat"]}[place]
    done = subprocess.run(wrap, input=b"words\0\n" * 100_000, capture_output=True, check=True, timeout=PATIENCE_S)
    assert done.stdout == b"words\0\n" * 100_000


@pytest.mark.parametrize("options", [[], ["-vv"], ["-vv", "--log-format=json"], ["--status-file=/dev/full"]])
def test_closed_standard_streams_change_nothing(pysupervise: str, place: str, options: list[str]) -> None:
    done = run(["sh", "-c", CLOSE, "sh", pysupervise, *options, "--", "sh", "-c", "exit 6"], place)
    assert (done.returncode, done.stdout, done.stderr) == (6, "", "")


def test_closed_standard_streams_stay_closed_for_the_command(pysupervise: str) -> None:
    # What it finds open would be ours. The one descriptor is the listing's own.
    listing = "import os; os._exit(len(os.listdir('/proc/self/fd')))"
    bare = run(["sh", "-c", CLOSE, "sh", sys.executable, "-I", "-S", "-c", listing])
    done = run(["sh", "-c", CLOSE, "sh", pysupervise, "--", sys.executable, "-I", "-S", "-c", listing])
    assert done.returncode == bare.returncode


def test_a_failure_to_start_with_closed_streams_has_its_status(pysupervise: str) -> None:
    assert run(["sh", "-c", CLOSE, "sh", pysupervise, "--", "/nonexistent"]).returncode == 127
    assert run(["sh", "-c", CLOSE, "sh", pysupervise, "--no-such-option"]).returncode == 2


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_full_pipe_on_stderr_never_blocks(start: Starter, place: str, log_format: str) -> None:
    read, write = full_pipe()
    service = start("-vv", "--log-format", log_format, "--", *probe("child", "--exit-on=15:4"), place=place, stderr=write)
    service.ready("child")
    for _ in range(20):
        service.send(signal.SIGUSR1)
        assert service.line() == "child 10"
    service.send(signal.SIGTERM)
    assert service.wait() == 4
    assert os.get_blocking(write), "the flag is shared with the command, and left alone"
    os.close(read)
    os.close(write)


def test_a_pipe_on_stderr_that_nobody_reads_any_more_does_not_end_it(start: Starter, place: str) -> None:
    read, write = os.pipe()
    service = start("-vv", "--", *probe("child", "--exit-on=15:4"), place=place, stderr=write)
    os.close(write)
    service.ready("child")
    os.close(read)
    service.send(signal.SIGUSR1)
    assert service.line() == "child 10"
    service.send(signal.SIGTERM)
    assert service.wait() == 4


@pytest.mark.parametrize("options", ["", "-v", "-vv --log-format=json", "-q --reraise", "--status-file=status.json"])
@pytest.mark.parametrize(("end", "status"), [("exit 3", 3), ("kill -9 $$", 137), ("trap '' TERM; kill -TERM $PPID; sleep 60", 137)])
def test_its_own_files_may_go_away_meanwhile(tmp_path: Path, options: str, end: str, status: int) -> None:
    # An upgrade, an unmount, a command that empties the disk.
    shutil.copytree(Path(pysupervise.__file__).parent, tmp_path / "pysupervise")
    script = f"sleep 0.3; rm -rf {tmp_path}/pysupervise; {end}"
    line = [sys.executable, "-m", "pysupervise", "--grace=300ms", *options.split(), "--", "sh", "-c", script]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert not (tmp_path / "pysupervise").exists()
    assert done.returncode == (128 - status if "--reraise" in options and status > 128 else status)
    assert "Traceback" not in done.stderr


def test_under_itself_signals_and_statuses_pass_through(start: Starter, place: str) -> None:
    service = start("--", start.program, "--", start.program, "--forward=child", "--", *probe("child", "--exit-on=15:4"), place=place)
    service.ready("child")
    service.send(signal.SIGTERM)
    assert service.wait() == 4
    assert set(service.rest()) == {"child 15"}


def test_under_itself_each_inner_one_returns_its_status(pysupervise: str, place: str) -> None:
    done = run([pysupervise, "--", pysupervise, "--", pysupervise, "--", "sh", "-c", "(sleep 0 &); kill -HUP $$"], place)
    assert (done.returncode, done.stderr) == (129, "")


def test_1000_commands_in_a_row_below_one_leak_nothing(start: Starter) -> None:
    script = "echo ready; while read -r n; do i=0; while [ $i -lt $n ]; do (true &); i=$((i+1)); done; echo done; done; exit 4"
    service = start("--", "sh", "-c", script, stdin=subprocess.PIPE)
    assert service.line() == "ready"
    assert_footprint_stays(service, 200, 1000, answer="done")


def test_1000_starts_in_a_row_leave_nothing_behind(pysupervise: str) -> None:
    # A shell as PID 1: what pysupervise left would be its child, and be seen in /proc at the end.
    script = (
        'i=0; while [ $i -lt 1000 ]; do "$1" -- sh -c "exit 3"; [ $? = 3 ] || exit 9; i=$((i+1)); done; '
        "ls -d /proc/[0-9]* | wc -l; ls /proc/self/fd | wc -l"
    )
    since = time.monotonic()
    done = run(["sh", "-c", script, "sh", pysupervise], timeout=3 * PATIENCE_S)
    assert done.returncode == 0, done.stderr
    # The shell and ls (wc may have started or not); 0, 1, 2 and the directory.
    processes, descriptors = map(int, done.stdout.split())
    assert processes <= 3
    assert descriptors == 4
    assert done.stderr == ""
    assert time.monotonic() - since < 3 * PATIENCE_S


def test_a_low_limit_of_descriptors_still_stops_the_tree(start: Starter, place: str) -> None:
    daemons = " ".join(f"setsid {' '.join(probe(f'daemon-{n}', '--exit-on=15'))} &" for n in range(12))
    service = start(
        "--",
        "sh",
        "-c",
        f"{daemons} exec {' '.join(probe('child', '--exit-on=15:4'))}",
        place=place,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (12, 12)),
    )
    service.ready("child", *(f"daemon-{n}" for n in range(12)))
    service.send(signal.SIGTERM)
    assert service.wait() == 4
    assert sorted(service.rest()) == sorted(["child 15", *(f"daemon-{n} 15" for n in range(12))])


def test_a_working_directory_that_is_gone_is_no_obstacle(pysupervise: str, place: str) -> None:
    done = run(["sh", "-c", 'd=$(mktemp -d); cd "$d"; rmdir "$d"; exec "$@"', "sh", pysupervise, "-v", "--", "sh", "-c", "exit 6"], place)
    assert done.returncode == 6


def test_without_proc_the_status_and_signals_still_work(start: Starter) -> None:
    hide = ["sh", "-c", 'mount --bind "$(mktemp -d)" /proc && exec "$@"', "sh"]
    service = Service([*hide, start.program, "--", *probe("child", "--exit-on=15:4")])
    start.services.append(service)
    service.ready("child")
    service.send(signal.SIGTERM)
    assert service.wait() == 4


def test_without_proc_what_the_command_leaves_in_its_group_is_swept(start: Starter) -> None:
    """A child of ours in the group keeps the group's number: it can be signalled without a look."""
    hide = ["sh", "-c", 'mount --bind "$(mktemp -d)" /proc && exec "$@"', "sh"]
    script = f"{' '.join(probe('left', '--exit-on=15:0'))} & read line; exit 4"
    service = Service([*hide, start.program, "--", "sh", "-c", script], place="child", stdin=subprocess.PIPE)
    start.services.append(service)
    service.ready("left")
    service.write(b"go\n")
    status, seconds = service.timed_wait()
    assert status == 4
    assert seconds < 3
    assert service.rest() == ["left 15"]


TRACED = """
import ctypes, os, signal, sys
ctypes.CDLL(None).ptrace(0, 0, 0, 0)
for number in (signal.SIGUSR1, signal.SIGTERM):
    signal.signal(number, lambda number, _: (os.write(1, b"got %d\\n" % number), number == signal.SIGTERM and sys.exit(5)))
os.write(1, b"ready\\n")  # print is not reentrant
while True:
    signal.pause()
"""


@pytest.mark.parametrize("option", ["-q", "-v"])
def test_a_command_that_has_itself_traced_is_let_go(start: Starter, place: str, option: str) -> None:
    """As programs do that do not want a debugger: a ptrace stop is no death, and nobody else would continue it."""
    service = start(option, "--", sys.executable, "-I", "-c", TRACED, place=place)
    assert service.line() == "ready"
    service.send(signal.SIGUSR1)
    assert service.line() == "got 10"
    service.send(signal.SIGTERM)
    assert service.line() == "got 15"
    assert service.wait() == 5


def test_a_command_that_executes_while_traced_is_let_go(pysupervise: str, place: str) -> None:
    code = "import ctypes, os; ctypes.CDLL(None).ptrace(0, 0, 0, 0); os.execvp('sh', ['sh', '-c', 'exit 6'])"
    assert run([pysupervise, "--", sys.executable, "-I", "-c", code], place).returncode == 6
