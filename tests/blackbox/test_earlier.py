"""Children that an entry script had started before it called exec pysupervise."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PATIENCE_S, in_pid_namespace

SERVICE = "trap 'echo shutting down; echo saved; exit 7' TERM; echo up; while :; do sleep 0.05; done"


def as_place(place: str, script: str) -> list[str]:
    command = ["bash", "-c", script]
    return in_pid_namespace(command) if place == "pid1" else in_pid_namespace(["sh", "-c", '"$@"; exit $?', "sh", *command])


@pytest.mark.parametrize("place", ["pid1", "child"])
def test_who_reads_the_output_reads_it_to_its_end(pysupervise: str, place: str, tmp_path: Path) -> None:
    """As in `exec pysupervise -- service > >(tee log)`: the reader gets no signal, and the service no PIPE."""
    log = tmp_path / "log"
    script = f'exec {pysupervise} -v -- sh -c "$1" > >(exec tee {log} >&2) 2>&1'
    script = script.replace('"$1"', f'"{SERVICE}"')
    with subprocess.Popen(as_place(place, script), stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line == "up\n":
                subprocess.run(["pkill", "-TERM", "--ns", str(first_child(process.pid)), "-x", "pysupervise"], check=True)
        assert process.wait(PATIENCE_S) == 7
    told = [line for line in lines if line != "Terminated\n" and not line.startswith("pysupervise")]
    assert told == ["up\n", "shutting down\n", "saved\n"], "the shell may tell that its sleep was terminated"
    assert log.read_text() == "".join(lines)
    assert any(" exiting with 7 after " in line for line in lines)
    assert not any("tee" in line for line in lines)


def test_a_reader_of_a_fifo_is_a_reader_too(pysupervise: str, tmp_path: Path) -> None:
    script = f'mkfifo {tmp_path}/f; exec 3>&1; cat <{tmp_path}/f >&3 & exec {pysupervise} -- sh -c "{SERVICE}" >{tmp_path}/f 3>&-'
    with subprocess.Popen(as_place("pid1", script), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        subprocess.run(["kill", f"-{signal.SIGTERM}", str(first_child(process.pid))], check=True)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert (out, process.returncode) == ("shutting down\nsaved\n", 7)


def first_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()[0])


def test_a_helper_of_the_script_is_not_swept(pysupervise: str) -> None:
    """Outside of a container it is not the command's, and neither waited for nor ended."""
    script = f"sleep 60 & exec {pysupervise} -v --wait-all -- sh -c 'exit 3'"
    done = subprocess.run(
        as_place("child", f"({script}); echo $?; pgrep -x sleep | wc -l"), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.stdout.split() == ["3", "1"]
    assert "sent TERM" not in done.stderr


def test_as_pid_1_a_stop_is_for_a_helper_too(pysupervise: str) -> None:
    script = f"sh -c 'trap \"echo helper over; exit 0\" TERM; while :; do sleep 0.05; done' & exec {pysupervise} -- sh -c '{SERVICE}'"
    script = script.replace(f"'{SERVICE}'", f'"{SERVICE}"')
    with subprocess.Popen(as_place("pid1", script), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        subprocess.run(["kill", f"-{signal.SIGTERM}", str(first_child(process.pid))], check=True)
        out, _ = process.communicate(timeout=PATIENCE_S)
    assert "helper over\n" in out
    assert process.returncode == 7


def test_what_a_helper_of_the_script_leaves_is_not_swept_either(pysupervise: str, tmp_path: Path) -> None:
    """The helper ends under pysupervise, and its own child comes to us."""
    script = (
        f"mkfifo {tmp_path}/go; sh -c 'sleep 61 & read line <{tmp_path}/go' & helper=$!; export helper; "
        f"exec {pysupervise} -v -- sh -c 'echo >{tmp_path}/go; while kill -0 $helper; do sleep 0.02; done; sleep 62 & exit 3'"
    )
    done = subprocess.run(
        as_place("child", f"({script}); echo $?; pgrep -x sleep -a"), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    status, *left = done.stdout.splitlines()
    assert (status, [line.split()[-1] for line in left]) == ("3", ["61"]), done.stderr


STOPS_ITSELF = """
import ctypes, os, signal
if os.fork() == 0:
    ctypes.CDLL(None).ptrace(0, 0, 0, 0)
    os.kill(os.getpid(), signal.SIGUSR1)
    os._exit(1)
os.waitid(os.P_ALL, 0, os.WSTOPPED | os.WNOWAIT)
"""


def test_a_helper_that_traces_itself_goes_on(pysupervise: str) -> None:
    """It is in a ptrace stop when pysupervise becomes its parent, and nobody else would continue it."""
    command = "['pysupervise', '--', 'sh', '-c', 'grep -h ^State: /proc/[0-9]*/status; exit 4']"
    program = f"{STOPS_ITSELF}os.execv({pysupervise!r}, {command})"
    done = subprocess.run(
        as_place("child", f'{sys.executable} -c "{program}"'), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 4
    assert "State:\tS (sleeping)\n" in done.stdout
    assert "tracing stop" not in done.stdout


@pytest.mark.parametrize("option", ["--no-sweep", "--sweep-grace=0"])
def test_readers_have_time_where_leftovers_have_none(pysupervise: str, option: str) -> None:
    script = f"exec 3>&1; exec {pysupervise} {option} -- sh -c 'echo last' > >(exec 1>&3 3>&-; sleep 0.3; cat)"
    done = subprocess.run(as_place("pid1", script), capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.stdout, done.returncode) == ("last\n", 0)


def test_where_proc_is_of_another_namespace_a_helper_is_left_alone(pysupervise: str) -> None:
    """The numbers that such a /proc shows are those of strangers."""
    script = f"sleep 60 & exec {pysupervise} -- sh -c 'exit 3'"
    words = ["unshare", "--pid", "--fork", "--kill-child", "--", "bash", "-c", script]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 3
    assert [line.partition("warning: ")[2] for line in done.stderr.splitlines()] == [
        "/proc does not show this PID namespace: signals reach the command's process group, not the tree"
    ]


@pytest.mark.parametrize("place", ["pid1", "child"])
def test_a_reader_that_leaves_early_changes_no_status(pysupervise: str, place: str) -> None:
    script = f"exec 3>&1; exec {pysupervise} -vv -- sh -c 'kill -WINCH $PPID; sleep 0.1; exit 3' > >(exec true) 2>&1"
    done = subprocess.run(as_place(place, script), capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (3, "")
