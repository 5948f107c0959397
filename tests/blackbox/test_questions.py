"""--help, --version and the verbs: wrong usage in two lines, and a standard output that takes nothing."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pexpect
import pytest
from helpers import PATIENCE_S, full_pipe

QUESTIONS = [["--help"], ["--version"], ["completion", "bash"], ["manpage"], ["tree"], ["tree", "--json"]]
WRONG = [
    (["completion", "foo"], 2, "cannot print a completion script: "),
    (["completion"], 2, "cannot print a completion script: Missing argument"),
    (["manpage", "xx"], 2, "cannot print the manual page: Got unexpected extra argument (xx)"),
    (["check", "--repeat", "x"], 2, "cannot check: Invalid value for '--repeat'"),
    (["check", "--no-such"], 2, "cannot check: No such option"),
    (["tree", "--sig"], 2, "cannot show the tree: "),
    (["tree", "\u0663"], 2, "cannot show the tree: Invalid value for '[PID]': '\u0663' is no pid"),
    (["tree", "1_0"], 2, "cannot show the tree: Invalid value for '[PID]': '1_0' is no pid"),
    (["tree", "x\ny"], 2, "cannot show the tree: Invalid value"),
    (["zombies", "--parent", "0"], 2, "cannot look for zombies: Invalid value for '--parent'"),
    (["zombies", "--watch", "nan"], 2, "cannot look for zombies: Invalid value for '--watch'"),
    (["tree", "--watch", "inf"], 2, "cannot show the tree: Invalid value for '--watch'"),
    (["doctor", "--watch", "soon"], 64, "cannot examine: Invalid value for '--watch'"),
]


@pytest.mark.parametrize("arguments", QUESTIONS, ids=" ".join)
def test_a_full_device_is_one_line(pysupervise: str, arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run([pysupervise, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
    assert (done.stderr, done.returncode) == ("pysupervise: cannot write: No space left on device\n", 1)


@pytest.mark.parametrize("arguments", QUESTIONS, ids=" ".join)
def test_a_reader_that_left_is_no_word_worth(pysupervise: str, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as pipe:
        done = subprocess.run([pysupervise, *arguments], stdout=pipe, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
    assert (done.stderr, done.returncode) == ("", 1)


@pytest.mark.parametrize("arguments", [*QUESTIONS, ["zombies"], ["demo"], ["doctor", "--help"]], ids=" ".join)
def test_python_s_own_switches_change_nothing(pysupervise: str, arguments: list[str]) -> None:
    done = subprocess.run(
        [pysupervise, *arguments],
        env={**os.environ, "PYTHONINSPECT": "1", "PYTHONSTARTUP": "/nonexistent"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout
    assert done.returncode in (0, 1)


@pytest.mark.parametrize("columns", [52, 80, 300])
@pytest.mark.parametrize("verb", ["", "probe", "tree"])
def test_help_fits_the_terminal(pysupervise: str, verb: str, columns: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    child = pexpect.spawn(pysupervise, [*verb.split(), "--help"], encoding="utf-8", env=environment, dimensions=(50, columns))
    widest = max(map(len, child.read().splitlines()))
    child.close()
    assert widest <= min(columns, 100)


@pytest.mark.parametrize("arguments", [*QUESTIONS, ["zombies"], ["demo"], ["zombies", "--json"]], ids=" ".join)
def test_ctrl_c_in_the_midst_is_no_answer(pysupervise: str, arguments: list[str]) -> None:
    reader, writer = full_pipe()
    with open(writer, "wb") as pipe:
        process = subprocess.Popen([pysupervise, *arguments], stdout=pipe, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE_S
    while "pipe_write" not in Path(f"/proc/{process.pid}/wchan").read_text(encoding="ascii"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, words = process.communicate(timeout=PATIENCE_S)
    os.close(reader)
    assert (process.returncode, words.strip()) == (130, "")


@pytest.mark.parametrize(("arguments", "status", "words"), WRONG, ids=ascii)
def test_wrong_usage_is_a_reason_and_a_hint(pysupervise: str, arguments: list[str], status: int, words: str) -> None:
    done = subprocess.run([pysupervise, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    reason, hint = done.stderr.splitlines()
    assert reason.startswith(f"pysupervise: {words}")
    assert hint == f"pysupervise: hint: see pysupervise {arguments[0]} --help"


@pytest.mark.parametrize(("verb", "status"), [("zombies", 2), ("doctor", 64), ("tree", 1)])
@pytest.mark.parametrize("stream", [">/dev/full", ">&-"])
def test_a_verb_whose_status_1_is_an_answer_has_another_if_it_cannot_write(pysupervise: str, verb: str, status: int, stream: str) -> None:
    command = ["sh", "-c", f'"$1" {verb} {"$$" * (verb == "doctor")} {stream}', "sh", pysupervise]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == status
    assert done.stderr.startswith("pysupervise: cannot write: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "status"),
    [("tree 4194305", 2), ("zombies --parent x", 2), ("doctor 4194305", 64), ("demo nope", 2), ("zombies >/dev/full", 2), ("tree >&-", 1)],
)
@pytest.mark.parametrize("stream", ["2>/dev/full", "2>&-"])
def test_a_standard_error_that_takes_nothing_changes_no_status(pysupervise: str, words: str, status: int, stream: str) -> None:
    command = ["sh", "-c", f'"$1" {words} {stream}', "sh", pysupervise]
    assert subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False).returncode == status


@pytest.mark.parametrize("kind", ["--dockerfile", "--compose"])
def test_a_pipe_is_no_file_to_examine(pysupervise: str, tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    command = [pysupervise, "doctor", kind, str(tmp_path / "pipe")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 64
    assert "it is a pipe" in done.stderr
