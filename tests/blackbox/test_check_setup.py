"""pysupervise check: commands that cannot be checked, and checks that are broken off."""

import json
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from helpers import PATIENCE_S

from .checks import TELLS_EXITS, Check, checker, free_port


@pytest.fixture
def check(pysupervise: str) -> Check:
    """Run check to its end."""
    return checker(pysupervise)


DAEMON = """
import os, signal, sys, time
if os.fork():
    time.sleep(0.2)
    os._exit(int(sys.argv[1]))
os.setsid()
signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(100)
"""


@pytest.mark.parametrize(("options", "pid"), [((), 3), *([(("--bare",), 2)] if TELLS_EXITS else [])])
def test_a_command_that_goes_into_the_background_is_told_from_one_that_ends(check: Check, options: tuple[str, ...], pid: int) -> None:
    for status in (0, 7):
        words = (*options, "--ready", "log:never", "--ready-within", "5s")
        done = check(*words, "--", sys.executable, "-Ic", DAEMON, str(status))
        said = f"the command ended with status {status} before it was ready (log:never), and pid {pid} `{sys.executable} -Ic  import os"
        assert f"cannot check: {said}" in done.stderr, done
        assert "lived on\npysupervise: hint: a service that puts itself into the background ends its container" in done.stderr
        assert done.returncode == 3


def test_a_command_that_wrote_nothing_has_no_last_output(check: Check) -> None:
    for script, hint in (("sleep 0.1; exit 4", "it wrote nothing"), ("echo up; exit 4", "its last output stands above")):
        done = check("--ready", "delay:5s", "--", "sh", "-c", script)
        assert f"before it was ready (delay:5s)\npysupervise: hint: {hint}" in done.stderr, done


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_check_that_is_broken_off_tells_what_it_knows(pysupervise: str, tmp_path: Path, signum: int) -> None:
    file = tmp_path / "junit.xml"
    # Each round's command says so; the second round is broken off.
    words = ["--ready", "log:up", "--repeat", "2", "--junit", str(file), "--json"]
    script = 'echo up; if [ -e "$0" ]; then echo again; trap "" TERM; else : >"$0"; fi; sleep 4713'
    command = ["sh", "-c", script, str(tmp_path / "once")]
    with subprocess.Popen(
        [pysupervise, "check", *words, "--", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line == "again\n":
                process.send_signal(signum)
        told = json.loads(process.stdout.read() if process.stdout is not None else "")
        assert process.wait(PATIENCE_S) == 128 + signum
    assert (len(told["rounds"]), told["passed"], told["error"]) == (1, False, f"interrupted by {signal.Signals(signum).name[3:]}")
    suite = ET.parse(file).getroot()[0]  # noqa: S314 -- our own file
    assert (suite.get("errors"), suite.get("tests"), [case.get("name") for case in suite][-1]) == ("1", "4", "interrupted")
    found = subprocess.run(["pgrep", "-f", "sleep 4713"], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert not found.stdout


KILLS_CHILD = 'setsid sh -c "trap : TERM; while :; do sleep 1; done" & trap "exit 0" TERM; sleep 0.2; echo up; while :; do sleep 0.05; done'


@pytest.mark.skipif(not TELLS_EXITS, reason="the kernel tells how somebody ended from Linux 6.15 on only")
def test_who_is_killed_with_pid_1_during_the_start_fails_it(check: Check) -> None:
    done = check("--bare", "--during-start", "--moments", "2", "--ready", "log:up", "--", "sh", "-c", KILLS_CHILD)
    last = [line for line in done.stdout.splitlines() if "start-up" in line][-1]
    assert last.startswith("FAIL  TERM  start-up  TERM came 1"), done
    assert "killed as PID 1 ended" in last, done


def test_what_was_ignored_stays_ignored(pysupervise: str) -> None:
    words = [
        "sh",
        "-c",
        'trap "" HUP; exec "$@"',
        "sh",
        pysupervise,
        "check",
        "--ready",
        "delay:1s",
        "--",
        "sh",
        "-c",
        "echo up; exec sleep 9",
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "up\n"
        process.send_signal(signal.SIGHUP)
        said, _ = process.communicate(timeout=PATIENCE_S)
    assert ("PASS  TERM  clean-up" in said, process.returncode) == (True, 0), said


def test_a_readiness_that_does_not_come_is_told_with_the_last_answer(check: Check) -> None:
    port = free_port()
    for path, said in ((f"{port}/", "answered 404"), (f"{free_port()}/", "refused")):
        url = f"http://127.0.0.1:{path}"
        words = [
            "--ready",
            url,
            "--ready-within",
            "2s",
            "--",
            sys.executable,
            "-Im",
            "http.server",
            "-b",
            "127.0.0.1",
            "-d",
            "/nonexistent",
        ]
        done = check(*words, str(port))
        assert f"the command was not ready within 2 s ({url}: {said})" in done.stderr, done
