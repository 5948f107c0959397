"""pysupervise check, with services that stop well and badly in each way that it can tell."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pexpect
import pytest
from helpers import PATIENCE_S

from .checks import TELLS_EXITS, Check, checker, free_port, passed, service, verdicts


@pytest.fixture
def check(pysupervise: str) -> Check:
    """Run check to its end."""
    return checker(pysupervise)


def suite_of(file: Path) -> ET.Element:
    return ET.parse(file).getroot()[0]  # noqa: S314 -- our own file


def test_a_service_that_drains_passes_each_phase(check: Check) -> None:
    port = free_port()
    done = check("--slow-http", f"http://127.0.0.1:{port}/slow", "--http", f"http://127.0.0.1:{port}/", *service("drains", port))
    assert (verdicts(done), done.returncode) == (passed(), 0), done
    assert "was answered with 200, whole (6 bytes)" in done.stdout
    assert done.stderr == "listening\n"


def test_a_request_whose_head_was_sent_in_part_is_answered(check: Check) -> None:
    port = free_port()
    done = check("--http", f"http://127.0.0.1:{port}/", *service("drains", port))
    assert (verdicts(done), done.returncode) == (passed(), 0), done
    assert "the request whose head was still being sent was answered with 200" in done.stdout


@pytest.mark.parametrize(
    ("how", "failed", "words"),
    [
        ("resets", "draining", "the request in flight was reset"),
        ("cuts-off", "draining", "594 bytes of its body are missing (status 200, 6 bytes)"),
        ("cuts-off-head", "draining", "cut off inside its head (status 200, 0 bytes)"),
        ("refuses-late", "draining", "was answered with 503"),
        ("keeps-listening", "listener", "the limit is 0.4 s"),
        ("leaves-child", "clean-up", "`sleep 100` got TERM and ignores it (SigIgn: 0000000000004000)"),
        ("wrong-status", "clean-up", "exit status 3, expected 0 or 143"),
        ("zombie", "clean-up", "has ended and is a zombie: pid 2"),
    ],
)
def test_a_service_that_fails_in_one_way_fails_that_phase(check: Check, how: str, failed: str, words: str) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/slow"
    done = check("--slow-http", url, "--refused-within", "400ms", "--within", "2500ms", *service(how, port))
    assert (verdicts(done), done.returncode) == (passed(failed), 1), done
    assert words in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("hangs", "got TERM and has a handler for it, but did not end (SigCgt: "),
        ("blocks", "blocks TERM, which is pending and changes nothing (SigBlk: 0000000000004000, ShdPnd: 0000000000004000)"),
    ],
)
def test_the_culprit_is_named_with_what_was_read(check: Check, how: str, words: str) -> None:
    port = free_port()
    done = check("--within", "500ms", *service(how, port))
    assert done.returncode == 1, done
    assert f"pid 2 `{sys.executable} -I" in done.stdout
    assert words in done.stdout, done.stdout
    assert "the container would have been killed after 0.5 s" in done.stdout


def test_a_stopped_process_is_no_culprit_behind_pysupervise_and_is_one_without(check: Check) -> None:
    stopped = ("--", "sh", "-c", 'sh -c "kill -STOP \\$\\$" & trap "wait; exit" TERM; wait; wait')
    words = ("--ready", "delay:300ms", "--within", "1s", "--expect", "0,143")
    behind, bare = check(*words, *stopped), check("--bare", *words, *stopped)
    assert behind.returncode == 0, behind
    assert (bare.returncode, "is stopped, so TERM waits until somebody sends CONT (State: T (stopped)" in bare.stdout) == (1, True), bare


def test_a_shell_in_front_is_named_with_who_never_got_the_signal(check: Check) -> None:
    done = check("--bare", "--ready", "delay:200ms", "--within", "500ms", "--", "sh", "-c", "sleep 100; true")
    assert (verdicts(done)["clean-up"], done.returncode) == ("FAIL", 1), done
    assert "pid 1 `sh -c sleep 100; true` is PID 1 and does not handle TERM" in done.stdout
    assert "the shell passes nothing on to pid 2 `sleep 100`" in done.stdout
    assert "pid 2 `sleep 100` never got TERM" in done.stdout
    assert check("--ready", "delay:200ms", "--within", "5s", "--", "sh", "-c", "sleep 100; true").returncode == 0


def test_a_script_in_front_is_a_shell_too(check: Check, tmp_path: Path) -> None:
    script = tmp_path / "start.sh"
    script.write_text("#!/bin/sh\nsleep 100\ntrue\n", encoding="ascii")
    script.chmod(0o755)
    done = check("--bare", "--ready", "delay:200ms", "--within", "300ms", "--", str(script))
    assert "the shell passes nothing on to pid 2 `sleep 100`" in done.stdout, done


def test_the_culprit_behind_another_init_is_named(check: Check, pysupervise: str) -> None:
    inner = ("--", pysupervise, "--grace", "300ms", "--", "sh", "-c", 'trap "" TERM; sleep 100')
    done = check("--bare", "--ready", "delay:300ms", *inner)
    assert "exit status 137, expected 0 or 143" in done.stdout, done
    assert "`sleep 100` if TERM reached it: ignores it (SigIgn: 0000000000004000)" in done.stdout, done


LEAVES = 'setsid sh -c "{} sleep 100 & wait" & trap "exit 0" TERM; while :; do sleep 0.05; done'


@pytest.mark.parametrize("left", ["", "trap '' TERM;"])
def test_who_is_killed_when_a_bare_pid_1_ends_fails_the_clean_up(check: Check, left: str) -> None:
    done = check("--bare", "--ready", "delay:200ms", "--within", "2s", "--", "sh", "-c", LEAVES.format(left))
    assert (verdicts(done)["clean-up"], done.returncode) == (("FAIL", 1) if TELLS_EXITS else ("PASS", 0)), done
    said = "was killed as PID 1 ended: the kernel kills whoever PID 1 does not wait for (PIDFD_INFO_EXIT: signal 9)"
    assert (f"`sleep 100` {said}" if TELLS_EXITS else "Linux 6.15") in done.stdout, done
    assert not TELLS_EXITS or "FAIL  TERM  clean-up  2 processes killed as PID 1 ended" in done.stdout, done
    assert "sleep 0.05" not in done.stdout or not TELLS_EXITS, done


def test_the_resource_tracker_of_python_is_meant_to_be_the_last(check: Check) -> None:
    code = (
        "import signal, time; from multiprocessing import resource_tracker; resource_tracker.ensure_running(); "
        "signal.signal(15, lambda *_: exit(0)); print('up', flush=True); time.sleep(60)"
    )
    done = check("--bare", "--ready", "log:up", "--within", "2s", "--", sys.executable, "-Ic", code)
    assert (verdicts(done)["clean-up"], done.returncode) == ("PASS", 0), done


@pytest.mark.parametrize(
    "script", ['trap "sleep 0.3; exit 0" TERM; while :; do sleep 0.02; done', "trap 'kill $!; wait; exit 0' TERM; sleep 100 & wait"]
)
def test_who_ends_just_before_a_bare_init_was_not_killed(check: Check, pysupervise: str, script: str) -> None:
    for front in ([pysupervise, "--"], []):
        done = check("--bare", "--ready", "delay:100ms", "--repeat", "3", "--", *front, "sh", "-c", script)
        assert done.returncode == 0, done
        assert ("PID 1 ended" in done.stdout) <= (not TELLS_EXITS), done


def test_who_has_ended_is_not_said_not_to_have_ended(check: Check, pysupervise: str) -> None:
    inner = (pysupervise, "--grace", "300ms", "--", "sh", "-c", 'trap "" TERM; sleep 100')
    for options in ((), ("--bare",)):
        done = check(*options, "--ready", "delay:300ms", "--", *inner)
        assert "ignores it (SigIgn: 0000000000004000)" in done.stdout, done
        assert not re.search("sigtimedwait", done.stdout) or ("--bare" not in options and not TELLS_EXITS), done


def test_zombies_and_newcomers_beside_a_process_that_stays(check: Check) -> None:
    script = (
        'import os, signal, subprocess, time\nif os.fork() == 0: os._exit(0)\nsignal.signal(15, signal.SIG_IGN)\nprint("up", flush=True)\n'
    )
    script += 'while True: subprocess.run(["sleep", "0.2"])'
    done = check("--ready", "log:up", "--within", "700ms", "--", sys.executable, "-Ic", script)
    blamed = [line.strip() for line in done.stdout.splitlines() if line.startswith("      ")]
    assert [re.sub(r"`.*`", "X", line) for line in blamed if "zombie" in line] == ["pid 3 X has not waited for it (State: Z (zombie))"], (
        done
    )
    assert all("was started after TERM" in line for line in blamed if "sleep 0.2" in line), done


def test_a_shell_with_a_trap_waits_for_its_child(check: Check) -> None:
    script = 'trap "exit 0" TERM; sh -c "trap : TERM; while :; do sleep 0.05; done"'
    done = check("--bare", "--ready", "delay:200ms", "--within", "500ms", "--", "sh", "-c", script)
    assert "is a shell with a trap, which runs only when pid 2" in done.stdout, done


def test_pysupervise_own_kill_is_told_with_the_culprit(check: Check) -> None:
    environment = {**os.environ, "PYSUPERVISE_GRACE": "400ms"}
    done = check("--ready", "delay:200ms", "--", "sh", "-c", 'trap "" TERM; sleep 100', env=environment)
    assert (verdicts(done)["clean-up"], done.returncode) == ("FAIL", 1), done
    assert "when pysupervise sent KILL; the container would have been killed after 0.4 s" in done.stdout
    assert "`sleep 100` got TERM and ignores it" in done.stdout


def test_a_signal_during_the_start_is_sent_at_each_moment(check: Check) -> None:
    port = free_port()
    words = ("--during-start", "--moments", "3", "--within", "700ms")
    done = check(*words, *service("ignores-during-start", port))
    lines = [line.split()[0] for line in done.stdout.splitlines() if "start-up" in line]
    assert (lines[0], lines[2], done.returncode) == ("PASS", "FAIL", 1), done
    assert "handles TERM now, but ignored it when TERM came (then SigIgn: " in done.stdout
    done = check(*words, *service("drains", port))
    assert done.stdout.count("PASS  TERM  start-up") == 3, done


def test_each_signal_and_repetition_is_a_round(check: Check) -> None:
    done = check("--ready", "delay:50ms", "--signal", "TERM", "--signal", "INT", "--repeat", "2", "--json", "--", "sleep", "100")
    report = json.loads(done.stdout)
    assert [(told["signal"], told["round"], told["observed"]["end"]["status"]) for told in report["rounds"]] == [
        ("TERM", 1, 143),
        ("TERM", 2, 143),
        ("INT", 1, 130),
        ("INT", 2, 130),
    ]
    assert (report["passed"], report["place"], report["error"], done.returncode) == (True, "namespace", None, 0)


UNIX_SERVICE = """
import os, signal, socket, sys, threading
name, keeps = sys.argv[1], len(sys.argv) > 2
server = socket.socket(socket.AF_UNIX)
server.bind("\\0" + name[1:] if name.startswith("@") else name)
server.listen()
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
signal.siginterrupt(signal.SIGTERM, True)
threading.Thread(target=lambda: [server.accept() for _ in iter(int, 1)], daemon=True).start()
over.wait()
if keeps:
    threading.Event().wait(1)
if not name.startswith("@"):
    os.unlink(name)
os._exit(0)
"""


@pytest.mark.parametrize("name", ["s.sock", "DIR/s.sock", "@pysupervise-check-test"])
def test_a_unix_socket_has_to_refuse_too(check: Check, tmp_path: Path, name: str) -> None:
    name = name.replace("DIR", str(tmp_path))
    shown = name if name.startswith(("@", "/")) else f"{tmp_path}/{name}"
    words = ["--", sys.executable, "-I", "-c", UNIX_SERVICE, name]
    done = check("--refused-within", "300ms", *words, cwd=tmp_path)
    assert f"start: it listens on unix:{shown}" in done.stdout
    assert f"unix:{shown} refused new connections" in done.stdout
    assert (verdicts(done), done.returncode) == (passed() | {"draining": "SKIP"}, 0), done
    done = check("--refused-within", "300ms", *words, "keeps", cwd=tmp_path)
    assert (verdicts(done), done.returncode) == (passed("listener") | {"draining": "SKIP"}, 1), done


def test_junit_holds_failures_and_output_whatever_they_contain(check: Check, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    script = "printf 'a<b>&\\033\\n'; trap 'exit 9' TERM; while :; do sleep 0.02; done"
    done = check("--ready", "log:a<b", "--junit", str(file), "--", "sh", "-c", script)
    assert done.returncode == 1, done
    suite = suite_of(file)
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["3", "1", "0", "2"]
    (failure,) = suite.iter("failure")
    assert re.fullmatch(r"exit status 9, expected 0 or 143; it ended \d+ ms after TERM", str(failure.get("message")))
    times = [float(str(element.get("time"))) for element in (suite, *suite) if element.get("name") in (suite.get("name"), "clean-up")]
    assert times[0] == times[1] > 0, times
    assert str(suite.findtext("testcase/system-out")).startswith("a<b>&?")
    assert [case.get("name") for case in suite] == ["draining", "listener", "clean-up"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--", "/nonexistent"), "the command was not started: cannot execute /nonexistent: not found"),
        (("--bare", "--", "/nonexistent"), "the command was not started: status 127"),
        (("--ready", "delay:5s", "--", "sh", "-c", "exit 4"), "the command ended with status 4 before it was ready (delay:5s)"),
        (("--ready", "log:never", "--ready-within", "200ms", "--", "sleep", "100"), "the command was not ready within 0.2 s (log:never)"),
    ],
)
def test_what_cannot_be_checked_has_a_status_of_its_own(check: Check, tmp_path: Path, words: tuple[str, ...], reason: str) -> None:
    file = tmp_path / "junit.xml"
    done = check("--junit", str(file), *words)
    assert (done.returncode, f"pysupervise: cannot check: {reason}" in done.stderr) == (3, True), done
    assert suite_of(file).get("errors") == "1"


def test_a_request_that_is_not_in_flight_is_no_pass(check: Check) -> None:
    port = free_port()
    done = check("--slow-http", f"http://127.0.0.1:{port}/quick", *service("drains", port))
    assert (done.returncode, verdicts(done)) == (3, {}), done
    assert "is not in flight: the server has answered already" in done.stderr or "came before the signal was sent" in done.stderr


def test_a_port_that_is_taken_is_not_taken_for_the_command(check: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = check("--ready", f"tcp:127.0.0.1:{taken.getsockname()[1]}", "--", "sleep", "100")
    assert (done.returncode, "lets connections in before the command was started" in done.stderr) == (3, True), done


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ((), "cannot check: no command is given"),
        (("--ready", "soon", "--", "true"), "cannot use --ready soon: no such sign of readiness"),
        (("--ready", "tcp:99999", "--", "true"), "cannot use --ready tcp:99999: not a port"),
        (("--ready", "log:(", "--", "true"), "cannot use --ready log:(: not a regular expression"),
        (("--http", "ftp://x/", "--", "true"), "cannot use --http ftp://x/: not an http or https URL"),
        (("--within", "10", "--", "true"), "cannot use --within 10: a duration needs a unit"),
        (("--signal", "KILL", "--", "true"), "cannot use --signal KILL: KILL leaves nothing to check"),
        (("--signal", "NONE", "--", "true"), "cannot use --signal NONE: no such signal"),
        (("--expect", "256", "--", "true"), "cannot use --expect 256: '256' is not an exit status"),
        (("--junit", "/nonexistent/file", "--", "true"), "cannot write /nonexistent/file"),
        (("--junit", "", "--", "true"), "cannot use --junit : that names no file"),
        (("--junit", "-", "--", "true"), "cannot use --junit -: that names no file"),
        (("--http", "http://no.such.host.invalid:1/", "--", "true"), "cannot find the host no.such.host.invalid: "),
        (("--ready", "tcp:a..b:1", "--", "true"), "cannot find the host a..b: not a host name"),
        (("--moments", "3", "--", "true"), "cannot use --moments without --during-start"),
        (("--refused-within", "3s", "--within", "2s", "--", "true"), "cannot use --refused-within 3s: it is longer than --within 2s"),
    ],
)
def test_wrong_usage_is_refused_before_anything_runs(check: Check, words: tuple[str, ...], reason: str) -> None:
    done = check(*words)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert f"pysupervise: {reason}" in done.stderr, done.stderr
    assert "pysupervise: hint: " in done.stderr


NO_NAMESPACE = ("unshare", "--user", "--map-root-user", "sh", "-c", 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"', "sh")
NO_RIGHT = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")


def test_bare_without_a_namespace_is_not_checked(pysupervise: str, tmp_path: Path) -> None:
    file = tmp_path / "junit.xml"
    words = (*NO_NAMESPACE, *NO_RIGHT, pysupervise, "check", "--bare", "--junit", str(file), "--", "sleep", "9")
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (done.returncode, done.stdout) == (3, ""), done
    assert "cannot check with --bare: this system permits no PID namespace here" in done.stderr, done
    assert suite_of(file).get("errors") == "1"


@pytest.mark.parametrize(("options", "status"), [((), 2), (("--json",), 2), (("--expect", "7"), 1)])
def test_a_reader_that_leaves_makes_no_failure_of_a_pass(pysupervise: str, tmp_path: Path, options: tuple[str, ...], status: int) -> None:
    read, write = os.pipe()
    os.close(read)
    file = tmp_path / "junit.xml"
    words = [pysupervise, "check", "--ready", "delay:50ms", "--junit", str(file), *options, "--", "sleep", "9"]
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (status, "pysupervise: cannot write: nobody reads standard output any more\n")
    assert suite_of(file).get("failures") == str(int(status == 1))


@pytest.mark.parametrize(("words", "hint"), [("echo up; sleep 0.3", "its last output stands above"), ("sleep 0.3", "it wrote nothing")])
def test_a_service_that_ends_before_the_request_is_said_to(check: Check, words: str, hint: str) -> None:
    port = free_port()
    code = f"import os, socket; server = socket.create_server(('127.0.0.1', {port})); os.system({words!r}); os._exit(5)"
    done = check("--slow-http", f"http://127.0.0.1:{port}/", "--", sys.executable, "-Ic", code)
    assert (done.returncode, verdicts(done)) == (3, {}), done
    assert f"cannot check: the command ended by itself with status 5 before the signal\npysupervise: hint: {hint}" in done.stderr, done


def test_ctrl_c_ends_the_command_too_and_verdicts_have_colour(pysupervise: str) -> None:
    with pexpect.spawn(
        pysupervise, ["check", "--ready", "delay:100s", "--", "sh", "-c", "echo pid $$; sleep 4711"], encoding="utf-8"
    ) as child:
        child.expect("pid 2", timeout=PATIENCE_S)
        child.sendintr()
        child.expect(pexpect.EOF, timeout=PATIENCE_S)
    assert child.exitstatus == 128 + signal.SIGINT
    assert not running("sleep", "4711")
    with pexpect.spawn(pysupervise, ["check", "--ready", "delay:10ms", "--", "sleep", "9"], encoding="utf-8") as child:
        child.expect(pexpect.EOF, timeout=PATIENCE_S)
    assert "\x1b[32m\x1b[1mPASS\x1b[0m  TERM  clean-up" in (child.before or "")


def test_nothing_stays_when_check_itself_is_killed(pysupervise: str) -> None:
    with subprocess.Popen(
        [pysupervise, "check", "--ready", "delay:100s", "--", "sh", "-c", "echo up >&2; exec sleep 4712"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"up\n"
        process.kill()
    deadline = time.monotonic() + PATIENCE_S
    while left := running("sleep", "4712"):
        assert time.monotonic() < deadline, left


def running(*command: str) -> list[str]:
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                words = Path(entry.path, "cmdline").read_bytes().decode(errors="replace").rstrip("\0").split("\0")
            except OSError:
                continue
            if words == list(command):
                found.append(entry.name)
    return found
