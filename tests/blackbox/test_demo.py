"""`pysupervise demo`: every demo for real, its facts as they were observed; the terminal, the recording, the words for mistakes."""

import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pexpect
import pytest
from helpers import PATIENCE_S

KILLED = {"status": 137, "killed_by_engine": True}
NOT_KILLED = {"killed_by_engine": False}

# Facts of each demo, without and with, as root in a PID namespace. What is left out is a number or a time that differs from run to run.
FACTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "zombies": (
        {"zombies_while_the_parent_lives": 4, "zombies_after_it_ended": 4, "status": 0},
        {"zombies_while_the_parent_lives": 4, "zombies_after_it_ended": 0, "status": 0},
    ),
    "pid1-ignores-term": ({"service_pid": 1, **KILLED}, {"service_pid": 2, "status": 143, **NOT_KILLED}),
    "shell-swallows-term": ({"service_got_term": False, **KILLED}, {"service_got_term": True, "status": 0, **NOT_KILLED}),
    "sigchld-ignored": (
        {"app_ignores_sigchld": True, "zombies": 0, "status_was_lost": True, "status": 1},
        {"app_ignores_sigchld": False, "zombies": 0, "status_was_lost": False, "status": 3},
    ),
    "blocked-mask": (
        {"term_blocked_and_handled": True, "service_got": [], **KILLED},
        {"term_blocked_and_handled": True, "service_got": ["INT"], "status": 0, **NOT_KILLED},
    ),
    "setsid-escape": (
        {"daemon_got_term": False, "left_after_the_stop": 1, "status": 0},
        {"daemon_got_term": True, "left_after_the_stop": 0, "status": 143},
    ),
    "grace-too-short": (
        {"service_got_term": True, "saved": False, "named_who_was_killed": False, **KILLED},
        {"service_got_term": True, "saved": False, "named_who_was_killed": True, "status": 137, **NOT_KILLED},
    ),
    "exit-status-lost": ({"status": 0}, {"status": 3}),
    "pipe-init": (
        {"service_got_term": False, **KILLED},
        {"service_got_term": True, "status": 143, "status_with_pipefail": 5, **NOT_KILLED},
    ),
    "double-signal": ({"int_signals": 2, "saved": False, "status": 1}, {"int_signals": 1, "saved": True, "status": 0}),
    "wait-race": ({"innocent_got_term": True, "status": 0}, {"innocent_got_term": False, "status": 0}),
    "notify-timeout": (
        {"service_works": True, "ready": False, "stopped": True, "status": 1},
        {"service_works": True, "ready": True, "stopped": False, "status": 0},
    ),
}
# What differs without a namespace: a shell that is not PID 1 dies of TERM.
FACTS_HERE = {
    "zombies": FACTS["zombies"],
    "shell-swallows-term": ({"service_got_term": False, "status": 143, **NOT_KILLED}, FACTS["shell-swallows-term"][1]),
    "setsid-escape": FACTS["setsid-escape"],
}


def demo(pysupervise: str, *arguments: str, **popen: Any) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([pysupervise, "demo", *arguments], capture_output=True, text=True, check=False, timeout=PATIENCE_S, **popen)


def assert_shown(pysupervise: str, name: str, place: str, expected: tuple[dict[str, Any], dict[str, Any]]) -> None:
    done = demo(pysupervise, name, "--json", "--place", place)
    assert done.stderr == ""
    value = json.loads(done.stdout)
    assert value["reasons"] == []
    assert (done.returncode, value["verdict"], value["place"]) == (0, "shown", place)
    for side, facts in zip(("without", "with"), expected, strict=True):
        observed = value[side]["facts"]
        assert {key: observed.get(key) for key in facts} == facts, side
        assert value[side]["events"][0]["kind"] == "command"
    assert value["checks"]
    assert all(check["held"] for check in value["checks"])
    assert value["files"][value["culprit"]]


def left_behind() -> list[str]:
    """Return the processes that still run in a directory of this test's demos, and the directories."""
    ours = os.environ["TMPDIR"] + "/pysupervise-demo-"
    found = [str(path) for path in Path(os.environ["TMPDIR"]).glob("pysupervise-demo-*")]
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                where = os.readlink(entry / "cwd")
            except OSError:
                continue
            if where.startswith(ours):
                found.append(f"pid {entry.name} in {where}")
    return found


@pytest.fixture(autouse=True)
def _own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a directory for its demos: another demo that runs at the same time is not ours."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.mark.parametrize("name", FACTS)
def test_demo_shows_what_it_claims(pysupervise: str, name: str) -> None:
    assert_shown(pysupervise, name, "namespace", FACTS[name])


@pytest.mark.parametrize("name", ["zombies", "exit-status-lost", "wait-race"])
def test_demo_in_a_user_namespace(pysupervise: str, name: str) -> None:
    assert_shown(pysupervise, name, "user", FACTS[name])


@pytest.mark.parametrize("name", FACTS_HERE)
def test_demo_without_a_namespace(pysupervise: str, name: str) -> None:
    assert_shown(pysupervise, name, "here", FACTS_HERE[name])


@pytest.mark.parametrize("name", ["pid1-ignores-term", "wait-race"])
def test_demo_that_needs_a_namespace_says_so_and_runs_nothing(pysupervise: str, name: str) -> None:
    done = demo(pysupervise, name, "--place", "here")
    assert done.returncode == 1
    assert "It was not run." in done.stdout
    assert "namespace" in done.stdout
    value = json.loads(demo(pysupervise, name, "--place", "here", "--json").stdout)
    assert value["verdict"] == "not run"
    assert "did not show" not in done.stdout
    assert value["without"]["events"] == value["with"]["events"] == []


def test_list_names_every_demo(pysupervise: str) -> None:
    done = demo(pysupervise)
    listed = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert (done.returncode, listed) == (0, list(FACTS))
    as_json = json.loads(demo(pysupervise, "--json").stdout)
    assert [row["name"] for row in as_json] == listed
    assert all(row["summary"] for row in as_json)


@pytest.mark.parametrize(
    ("arguments", "reason", "hint"),
    [
        (["PID1"], "cannot show 'PID1': there is no such demo", "did you mean pid1-ignores-term?"),
        (["zombie"], "cannot show 'zombie': there is no such demo", "did you mean zombies?"),
        (["qqq"], "cannot show 'qqq': there is no such demo", "pysupervise demo lists them"),
        (["--all", "zombies"], "cannot run --all and one demo at once", "leave one of them out"),
        (["--record", "x"], "cannot record a list", "name a demo, or give --all"),
        (["zombies", "--json", "--record", "x"], "cannot record with --json, which draws nothing", "leave one of them out"),
        (["zombies", "--record", "-"], "cannot record to standard output: it is what is recorded", "give the name of a file"),
        (["zombies", "--record", "no/x"], "cannot record to no/x: No such file or directory", "give a file in a directory"),
    ],
)
def test_wrong_usage_has_a_reason_and_a_hint(pysupervise: str, tmp_path: Path, arguments: list[str], reason: str, hint: str) -> None:
    done = demo(pysupervise, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []
    first, second = done.stderr.splitlines()
    assert first == f"pysupervise: {reason}"
    assert second.startswith(f"pysupervise: hint: {hint}")


def on_terminal(pysupervise: str, columns: int) -> list[str]:
    environment = {**os.environ, "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    environment.pop("NO_COLOR", None)
    child = pexpect.spawn(
        pysupervise, ["demo", "exit-status-lost"], dimensions=(40, columns), env=environment, encoding="utf-8", timeout=PATIENCE_S
    )
    text = child.read()
    child.close()
    assert child.exitstatus == 0
    assert "\x1b[" in text
    return re.sub(r"\x1b\[[0-9;]*m", "", text).replace("\r", "").splitlines()


def test_wide_terminal_has_the_sides_beside_each_other(pysupervise: str) -> None:
    lines = on_terminal(pysupervise, 120)
    (titles,) = [line for line in lines if line.split("│")[0].strip() == "without pysupervise"]
    assert titles.split("│")[1].strip() == "with pysupervise"
    (lost,) = [line for line in lines if "■ the status is 0" in line]
    assert re.match(r" *\d+\.\d\ds ", lost)
    assert max(map(len, lines)) <= 120


def test_narrow_terminal_has_one_side_under_the_other(pysupervise: str) -> None:
    lines = on_terminal(pysupervise, 60)
    assert not [line for line in lines if "│" in line]
    assert lines.index("without pysupervise") < lines.index("with pysupervise")
    assert max(map(len, lines)) <= 60


def test_pipe_gets_plain_text_and_the_code_that_ran(pysupervise: str) -> None:
    done = demo(pysupervise, "exit-status-lost")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    culprit = json.loads(demo(pysupervise, "exit-status-lost", "--json").stdout)["files"]["entrypoint.sh"]
    assert "".join(f"    {line}" for line in culprit.splitlines(keepends=True)) in done.stdout


def test_recording_is_an_asciicast_of_what_was_printed(pysupervise: str, tmp_path: Path) -> None:
    file = tmp_path / "demo.cast"
    done = demo(pysupervise, "exit-status-lost", "--record", str(file), umask=0o022)
    header, *events = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    assert header["version"] == 2
    assert header["width"] > 0
    assert header["height"] > 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    times = [when for when, _, _ in events]
    assert times == sorted(times)
    assert {kind for _, kind, _ in events} == {"o"}
    assert "".join(text for _, _, text in events).replace("\r\n", "\n") == done.stdout


def test_recording_does_not_overwrite_a_file(pysupervise: str, tmp_path: Path) -> None:
    file = tmp_path / "demo.cast"
    file.write_text("mine")
    done = demo(pysupervise, "exit-status-lost", "--record", str(file))
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith("it exists already")
    assert file.read_text() == "mine"


def test_full_standard_output_is_an_error_in_words_and_leaves_nothing(pysupervise: str) -> None:
    with open("/dev/full", "w", encoding="ascii") as full:
        command = [pysupervise, "demo", "exit-status-lost"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == "pysupervise: cannot write to standard output: No space left on device"
    assert left_behind() == []


def test_ctrl_c_at_the_terminal_ends_both_sides(pysupervise: str) -> None:
    child = pexpect.spawn(pysupervise, ["demo", "grace-too-short"], dimensions=(40, 120), encoding="utf-8", timeout=PATIENCE_S)
    child.expect("TERM to pid")
    child.sendintr()
    child.expect("stopped; nothing was left running")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
    assert left_behind() == []


@pytest.mark.parametrize("place", ["namespace", "here"])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_demo_leaves_nothing_running(pysupervise: str, place: str, signum: int) -> None:
    process = subprocess.Popen(
        [pysupervise, "demo", "grace-too-short", "--place", place], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    while "TERM to pid" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signum)
    process.communicate(timeout=PATIENCE_S)
    if signum == signal.SIGKILL:  # nobody is there who could remove the directory
        give_up_at = time.monotonic() + PATIENCE_S
        while any(found.startswith("pid") for found in left_behind()) and time.monotonic() < give_up_at:
            time.sleep(0.02)
        assert not [found for found in left_behind() if found.startswith("pid")]
    else:
        assert process.returncode == 128 + signum
        assert left_behind() == []


def test_namespaces_are_found_with_hardly_a_program_in_the_path(pysupervise: str, tmp_path: Path) -> None:
    for name in ("sh", "python3"):
        (tmp_path / name).symlink_to(shutil.which(name) or "")
    done = subprocess.run(
        [pysupervise, "demo", "shell-swallows-term", "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
        env={**os.environ, "PATH": str(tmp_path)},
    )
    assert (done.returncode, json.loads(done.stdout)["place"]) == (0, "namespace"), done.stderr


def test_a_command_that_ends_early_is_not_waited_for(pysupervise: str, tmp_path: Path) -> None:
    began = time.monotonic()
    environment = {**os.environ, "PATH": str(tmp_path)}  # no sh
    command = [pysupervise, "demo", "exit-status-lost", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=environment)
    value = json.loads(done.stdout)
    assert (done.returncode, value["verdict"]) == (1, "not shown")
    assert value["reasons"][0] == "without: the command ended before it printed a line 'job:'"
    assert time.monotonic() - began < 10, "less than the demo's patience"


def test_where_no_process_can_be_made_that_is_the_reason() -> None:
    code = (
        "import sys; sys.executable = '/nonexistent'; sys.argv = ['pysupervise', 'demo', 'exit-status-lost'];"
        "from pysupervise.__main__ import main; main()"
    )
    command = [sys.executable, "-I", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (1, "")
    assert "without: [Errno 2] No such file or directory: '/nonexistent'" in done.stdout


def test_a_directory_that_cannot_stand_in_path(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "a:b").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "a:b")}
    command = [pysupervise, "demo", "exit-status-lost"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S, env=environment)
    assert done.returncode == 2
    assert "a:b has a colon" in done.stderr


def test_demo_that_ran_leaves_nothing_behind(pysupervise: str) -> None:
    assert demo(pysupervise, "setsid-escape", "--place", "here", "--json").returncode == 0
    assert left_behind() == []
