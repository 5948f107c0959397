"""What it says: nothing when all is well, a story with -v, one line an event in each format."""

import json
import os
import pty
import re
import signal
import sys
import tempfile

import pytest
from helpers import PATIENCE_S, Starter, full_pipe, in_pid_namespace, probe, run

LINE = re.compile(r"pysupervise\[\d+\] \+\d+\.\d{3}s \S.*")


def stopped(start: Starter, *options: str, place: str = "pid1") -> str:
    """Return what is said of a run that TERM stops."""
    service = start(*options, "--", *probe("child", "--exit-on=15:4"), place=place)
    service.ready("child")
    service.send(signal.SIGTERM)
    assert service.wait() == 4
    return service.stderr


def test_a_run_without_trouble_says_nothing(start: Starter, place: str) -> None:
    assert stopped(start, place=place) == ""


def test_v_tells_the_story_of_a_stop(start: Starter) -> None:
    words = stopped(start, "-v")
    assert all(LINE.fullmatch(line) for line in words.splitlines()), words
    in_order = ["started ", "TERM from outside the PID namespace", "sent TERM to ", "exited with status 4", "exiting with 4 after"]
    places = [words.index(part) for part in in_order]
    assert places == sorted(places)
    assert "asked for the stop" in words


@pytest.mark.parametrize(
    ("options", "end"),
    [
        (["--rewrite", "USR1=KILL"], "KILL, which a signal was rewritten to, ended the command"),
        (["--stop-signal", "USR1", "--grace", "0s"], "asked for the stop, and KILL"),
    ],
)
def test_the_last_line_says_what_ended_the_command(start: Starter, options: list[str], end: str) -> None:
    service = start("-v", *options, "--", *probe("child"))
    service.ready("child")
    service.send(signal.SIGUSR1)
    assert service.wait() == 137
    assert end in service.stderr.splitlines()[-1]


def test_the_sender_is_named_by_pid_and_uid(start: Starter) -> None:
    service = start("-v", "--", "sh", "-c", "kill -TERM 1; wait; sleep 30")
    assert service.wait() == 143
    assert re.search(r"TERM from pid 2 \(sh, uid 0\)", service.stderr)


def test_vv_tells_of_every_reaped_process_and_phase(pysupervise: str) -> None:
    done = run([pysupervise, "-vv", "--", "sh", "-c", "(sh -c 'exit 7' &); exit 3"])
    assert "which exited with status 7" in done.stderr or "sweeping" in done.stderr
    assert "running: the command executes" in done.stderr


@pytest.mark.parametrize("level", ["-v", "-vv"])
def test_each_line_of_json_is_an_object(start: Starter, level: str) -> None:
    records = [json.loads(line) for line in stopped(start, level, "--log-format", "json").splitlines()]
    assert {"time", "elapsed_s", "level", "pid", "event", "message"} <= set.intersection(*(set(record) for record in records))
    events = [record["event"] for record in records]
    assert events[0] == "spawned"
    assert events[-1] == "exited"
    assert "signal" in events
    assert records[-1]["status"] == 4
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", records[0]["time"])


def test_each_line_of_logfmt_is_pairs(start: Starter) -> None:
    lines = stopped(start, "-v", "--log-format=logfmt").splitlines()
    pair = r'[a-z_]+=(?:[^\s"=\\]+|"(?:[^"\\]|\\.)*")'
    assert all(re.fullmatch(f"{pair}( {pair})*", line) for line in lines), lines
    assert "event=exited" in lines[-1]
    assert "status=4" in lines[-1]


def test_a_name_with_line_breaks_stays_on_its_line(pysupervise: str) -> None:
    for log_format in ("text", "json", "logfmt"):
        done = run([pysupervise, "-v", "--log-format", log_format, "--", "sh", "-c", "exit 3", 'a\nb"c\033[31m'])
        assert done.returncode == 3
        assert "\033" not in done.stderr
        begin = {"text": "pysupervise[", "json": "{", "logfmt": "time="}[log_format]
        assert all(line.startswith(begin) for line in done.stderr.splitlines())


def test_q_says_errors_only(start: Starter, pysupervise: str) -> None:
    service = start("-q", "--grace=50ms", "--", *probe("child"))
    service.ready("child")
    service.send(signal.SIGTERM)
    assert service.wait() == 137
    assert service.stderr == ""
    assert "cannot execute" in run([pysupervise, "-q", "--", "/nonexistent"]).stderr


@pytest.mark.parametrize(
    ("variables", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)]
)
def test_colour_only_on_a_terminal_and_without_no_color(pysupervise: str, variables: dict[str, str], coloured: bool) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"} | {"TERM": "xterm"} | variables
    master, slave = pty.openpty()
    try:
        done = run([pysupervise, "-vv", "--", "sh", "-c", "kill -KILL $$"], env=environment, stderr=slave, stdout=slave)
        assert done.returncode == 137
        words = os.read(master, 65536)
    finally:
        os.close(master)
        os.close(slave)
    assert b"not by pysupervise" in words
    assert (b"\033[" in words) is coloured


def test_no_colour_in_a_pipe(start: Starter) -> None:
    assert "\033" not in stopped(start, "-vv")


def test_version_and_help_go_to_standard_output(pysupervise: str) -> None:
    for option in ("--version", "-V", "--help", "-h"):
        done = run([pysupervise, option], "bare")
        assert (done.returncode, done.stderr) == (0, "")
        assert "pysupervise" in done.stdout


def test_without_a_command_there_is_a_reason_a_hint_and_2(pysupervise: str) -> None:
    done = run(in_pid_namespace([pysupervise]), "bare", timeout=PATIENCE_S)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "pysupervise: cannot run: no command given"
    assert done.stderr.splitlines()[1].startswith("pysupervise: hint: ")


WHO_KILLED = {
    "a step of the sequence": (
        ["--stop=TERM@child:50ms,KILL@child:5s,KILL"],
        "trap '' TERM; echo ready; while :; do sleep 1; done",
        "kill -TERM $1",
        "pysupervise sent it, as a step of the stop or a rewritten signal",
    ),
    "a rewritten signal": (
        ["--rewrite=USR1=KILL"],
        "echo ready; exec sleep 60",
        "kill -USR1 $1",
        "pysupervise sent it, as a step of the stop or a rewritten signal",
    ),
    "itself, and leftovers are killed afterwards": (
        ["--sweep-grace=50ms"],
        "trap '' TERM; sleep 60 & echo ready; read -r _; kill -9 $$",
        "echo >&3",
        "somebody else sent it",
    ),
}


@pytest.mark.parametrize("name", WHO_KILLED)
def test_who_sent_kill(pysupervise: str, name: str) -> None:
    options, command, act, words = WHO_KILLED[name]
    script = 'mkfifo in out; "$@" <in >out & exec 3>in 4<out; read -r _ <&4; ' + act.replace("$1", "$!") + "; wait $!; echo $?"
    with tempfile.TemporaryDirectory() as directory:
        done = run(["sh", "-c", script, "sh", pysupervise, *options, "--", "sh", "-c", command], cwd=directory)
    assert done.stdout == "137\n"
    assert words in done.stderr


def test_the_grace_that_is_over_is_that_of_the_sweep(pysupervise: str) -> None:
    script = "(trap '' TERM; exec sleep 60) & trap 'sleep 0.4; exit 3' TERM; echo; while :; do sleep 0.05; done"
    outer = '"$@" >out & while ! [ -s out ]; do sleep 0.01; done; kill $!; wait $!; echo $?'
    command = [pysupervise, "--forward=child", "--grace=10s", "--sweep-grace=200ms", "--", "sh", "-c", script]
    with tempfile.TemporaryDirectory() as directory:
        done = run(["sh", "-c", outer, "sh", *command], cwd=directory)
    assert done.stdout == "3\n"
    assert "the grace period of 0.2 s is over" in done.stderr


def test_the_dead_get_no_signal_in_the_story(pysupervise: str) -> None:
    zombie = "import os, time\nif os.fork() == 0: os._exit(0)\n"
    zombie += "os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)\nopen('out', 'w').write('x')\ntime.sleep(60)"
    outer = '"$@" & while ! [ -s out ]; do sleep 0.01; done; kill -USR1 $!; wait $!; echo $?'
    command = [pysupervise, "-v", "--", sys.executable, "-I", "-S", "-c", zombie]
    with tempfile.TemporaryDirectory() as directory:
        done = run(["sh", "-c", outer, "sh", *command], cwd=directory)
    told = [line for line in done.stderr.splitlines() if "sent USR1 to" in line]
    assert len(told) == 1
    assert "," not in told[0].partition("sent USR1 to")[2], told


@pytest.mark.parametrize("log_format", ["json", "logfmt", "text"])
def test_a_command_of_any_length_is_one_whole_line(pysupervise: str, log_format: str) -> None:
    words = ["z\udcff%" * 30] * 500
    done = run([pysupervise, "-v", "--log-format", log_format, "--", "true", *words])
    lines = done.stderr.splitlines()
    assert all(len(line) <= 4096 for line in lines)
    if log_format == "json":
        assert [json.loads(line)["event"] for line in lines] == ["spawned", "command_ended", "exited"]
    assert done.returncode == 0


@pytest.mark.parametrize("stream", ["full pipe", "/dev/full", "no reader"])
def test_wrong_options_have_their_status_whatever_standard_error_is(pysupervise: str, stream: str) -> None:
    read, write = full_pipe() if stream == "full pipe" else os.pipe()
    if stream == "no reader":
        os.close(read)
    elif stream == "/dev/full":
        os.dup2(os.open(stream, os.O_WRONLY | os.O_CLOEXEC), write)
    assert run([pysupervise, "--bad"], stdout=None, stderr=write).returncode == 2
    os.close(write)
