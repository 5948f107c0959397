"""The command is found, started as execvp does it, and gets what pysupervise was started with."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PATIENCE_S, in_pid_namespace, run


def script(path: Path, content: str, mode: int = 0o755) -> str:
    """Write a script."""
    path.write_text(content, encoding="ascii")
    path.chmod(mode)
    return str(path)


def failure(pysupervise: str, place: str, *command: str, **popen: object) -> "tuple[int, str]":
    """Return the status and the message of a command that cannot be started: an error and a hint, one line each."""
    done = run([pysupervise, "--", *command], place, **popen)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert len(lines) == 2, done.stderr
    assert "error: cannot execute" in lines[0]
    assert "hint: " in lines[1]
    return done.returncode, done.stderr


def test_a_command_that_is_not_in_path_gives_127(pysupervise: str, place: str) -> None:
    status, message = failure(pysupervise, place, "no-such-command", "-x")
    assert status == 127
    assert "no-such-command: not found" in message
    assert "none of the directories of PATH" in message


def test_a_path_that_does_not_exist_gives_127(pysupervise: str) -> None:
    status, message = failure(pysupervise, "pid1", "./no/such/command")
    assert (status, "./no/such/command: not found" in message) == (127, True)


def test_a_quoted_command_line_gives_127_and_says_so(pysupervise: str) -> None:
    status, message = failure(pysupervise, "pid1", "echo hello")
    assert (status, "without quotes around the whole" in message) == (127, True)


def test_a_directory_gives_126(pysupervise: str, place: str) -> None:
    status, message = failure(pysupervise, place, "/usr")
    assert (status, "it is a directory" in message) == (126, True)


def test_a_file_that_is_not_executable_gives_126(pysupervise: str, tmp_path: Path) -> None:
    status, message = failure(pysupervise, "pid1", script(tmp_path / "plain", "#!/bin/sh\n", 0o644))
    assert (status, "Permission denied" in message, "chmod +x" in message) == (126, True, True)


def test_a_named_pipe_gives_126_at_once(pysupervise: str, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo, 0o755)
    done = run([pysupervise, "--", str(fifo)])
    assert done.returncode == 126
    assert "Permission denied" in done.stderr


def test_a_script_without_an_interpreter_line_gives_126(pysupervise: str, tmp_path: Path) -> None:
    status, message = failure(pysupervise, "pid1", script(tmp_path / "bare", "echo hello\n"))
    assert (status, "#!/bin/sh" in message) == (126, True)


def test_a_first_line_that_is_too_long_is_said_to_be(pysupervise: str, tmp_path: Path) -> None:
    script_file = tmp_path / "long"
    script_file.write_text(f"#!/{'a' * 4000}\n")
    script_file.chmod(0o755)
    done = run([pysupervise, "--", str(script_file)])
    assert done.returncode == 126
    assert "the kernel reads 256 bytes" in done.stderr


def test_a_binary_of_no_known_format_gives_126(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(bytes(range(1, 250)))
    (tmp_path / "noise").chmod(0o755)
    status, message = failure(pysupervise, "pid1", str(tmp_path / "noise"))
    assert (status, "no format that the kernel knows" in message) == (126, True)


def test_a_missing_interpreter_gives_126_and_is_named(pysupervise: str, tmp_path: Path) -> None:
    status, message = failure(pysupervise, "pid1", script(tmp_path / "lost", "#!/no/such/interpreter -x\n"))
    assert (status, "its interpreter /no/such/interpreter does not exist" in message) == (126, True)


def test_an_interpreter_that_is_a_directory_or_not_executable_is_blamed(pysupervise: str, tmp_path: Path) -> None:
    status, message = failure(pysupervise, "pid1", script(tmp_path / "directory", f"#!{tmp_path}\n"))
    assert (status, f"its interpreter {tmp_path} is a directory" in message) == (126, True)
    plain = script(tmp_path / "plain", "#!/bin/sh\n", 0o644)
    status, message = failure(pysupervise, "pid1", script(tmp_path / "closed", f"#!{plain}\n"))
    assert (status, f"its interpreter {plain} is not executable" in message) == (126, True)


@pytest.mark.parametrize("option", [["--no-new-privs"], ["--parent-death", "TERM"]])
def test_a_python_without_ctypes_is_blamed(option: list[str]) -> None:
    # The module is hidden: no Python that was built without it is at hand.
    code = "import sys; sys.modules['_ctypes'] = None; from pysupervise.__main__ import main; main()"
    done = run([sys.executable, "-c", code, *option, "--", "true"])
    assert done.returncode == 126
    assert "this Python lacks the module _ctypes" in done.stderr


def test_arguments_that_are_too_long_give_126(pysupervise: str, tmp_path: Path) -> None:
    # Longer than one argument may be cannot reach pysupervise either: the environment file makes it so only for the command.
    (tmp_path / "env").write_text("BIG=" + "x" * 200_000, encoding="ascii")
    done = run([pysupervise, "--env-file", str(tmp_path / "env"), "--", "true"])
    assert done.returncode == 126
    assert "the arguments and the environment are too long" in done.stderr


def test_a_directory_in_path_that_refuses_does_not_hide_a_later_one(pysupervise: str, tmp_path: Path) -> None:
    for name, mode, word in (("a", 0o644, "first"), ("b", 0o755, "second")):
        (tmp_path / name).mkdir()
        script(tmp_path / name / "tool", f"#!/bin/sh\necho {word}\n", mode)
    path = f"{tmp_path}/a:/nonexistent:{tmp_path}/b:{os.environ['PATH']}"
    done = run([pysupervise, "--", "tool"], env={**os.environ, "PATH": path})
    assert (done.returncode, done.stdout) == (0, "second\n")


def test_without_path_a_default_is_searched(pysupervise: str) -> None:
    done = run([pysupervise, "--clear-env", "--", "true"])
    assert (done.returncode, done.stderr) == (0, "")


SHOW = "grep -E '^(SigBlk|SigIgn|ShdPnd|SigPnd)' /proc/self/status"
BEFORE = (
    "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); signal.pthread_sigmask(signal.SIG_BLOCK, {10, 12, 40});"
    "[signal.signal(n, signal.SIG_DFL) for n in (13, 25)]; os.execv(sys.argv[1], sys.argv[1:])"
)


def bits(word: str) -> set[int]:
    """Return the signals of a mask in /proc/PID/status, without 32 and 33: glibc's posix_spawn, which make uses, ignores its own two."""
    return {number for number in (*range(1, 32), *range(34, 65)) if int(word, 16) >> (number - 1) & 1}


def test_the_command_gets_the_signal_mask_and_the_ignored_signals_back(pysupervise: str, place: str) -> None:
    done = run([sys.executable, "-c", BEFORE, pysupervise, "--", "sh", "-c", f"exec {SHOW}"], place)
    masks = {line.split(":")[0]: bits(line.split()[1]) for line in done.stdout.splitlines()}
    assert masks == {"SigBlk": {10, 12, 40}, "SigIgn": {1}, "ShdPnd": set(), "SigPnd": set()}


def test_the_command_starts_with_clean_signals_otherwise(pysupervise: str, place: str) -> None:
    reset = "import os, signal, sys; [signal.signal(n, signal.SIG_DFL) for n in (2, 13, 25)]; os.execv(sys.argv[1], sys.argv[1:])"
    plain = [sys.executable, "-c", reset]
    done = run([*plain, pysupervise, "--grace", "9s", "--", "sh", "-c", f"exec {SHOW}"], place)
    assert [bits(line.split()[1]) for line in done.stdout.splitlines()] == [set()] * 4


GROUP = f"{sys.executable} -I -S -c 'import os; print(os.getpid(), os.getpgrp(), os.getsid(0), os.getppid())'"


def test_the_command_leads_its_own_group_in_our_session(pysupervise: str) -> None:
    done = run([pysupervise, "--", "sh", "-c", f"exec {GROUP}"], "child")
    pid, group, session, parent = map(int, done.stdout.split())
    assert group == pid != parent
    assert session != pid


def test_session_makes_it_lead_a_session(pysupervise: str, place: str) -> None:
    done = run([pysupervise, "--session", "--", "sh", "-c", f"exec {GROUP}"], place)
    pid, group, session, _ = map(int, done.stdout.split())
    assert pid == group == session


@pytest.mark.parametrize("options", [[], ["-vv"], ["--oom-score-adj=5", "--nice=1", "--umask=022"], ["--log-format=json", "-v"]])
def test_no_stray_descriptor_reaches_the_command_and_ours_do(pysupervise: str, place: str, options: list[str]) -> None:
    list_them = "import os; print(*sorted(int(n) for n in os.listdir('/proc/self/fd')))"
    command = [pysupervise, *options, "--", sys.executable, "-I", "-S", "-c", list_them]
    plain = run(command, place)
    # One more is the descriptor that lists the directory.
    assert plain.stdout == "0 1 2 3\n"
    with open("/dev/null", "rb") as file:
        passed = file.fileno()
        # bash, since dash knows descriptors of one digit only.
        done = run(["bash", "-c", f'exec 7<&{passed} {passed}<&-; exec "$@"', "bash", *command], place, pass_fds=(passed,))
    assert done.stdout == "0 1 2 3 7\n"


@pytest.mark.parametrize(
    ("options", "script_", "output"),
    [
        (["--workdir", "/usr"], "pwd", "/usr"),
        (["--umask", "027"], "umask", "0027"),
        (["--argv0", "other-name"], "tr '\\0' ' ' < /proc/$$/cmdline | cut -d' ' -f1", "other-name"),
        (["--nice", "7"], "nice", "7"),
        (["--oom-score-adj", "300"], "cat /proc/self/oom_score_adj", "300"),
        (["--no-new-privs"], "grep NoNewPrivs /proc/self/status | cut -f2", "1"),
        ([], "grep NoNewPrivs /proc/self/status | cut -f2", "0"),
        (["--env", "A=1", "--env", "B=x=y z"], 'echo "$A $B"', "1 x=y z"),
        (["--clear-env", "--env=A=1"], "/usr/bin/env | grep -v -e ^PWD -e ^_ -e ^SHLVL -e ^OLDPWD", "A=1"),
    ],
)
def test_options_that_shape_the_command(pysupervise: str, place: str, options: list[str], script_: str, output: str) -> None:
    done = run([pysupervise, *options, "--", "/bin/sh", "-c", script_], place)
    assert (done.stdout.strip(), done.stderr, done.returncode) == (output, "", 0)


def test_env_file_sets_variables_and_env_wins(pysupervise: str, tmp_path: Path) -> None:
    path = tmp_path / "env"
    path.write_text('# comment\n\nA=from file\nB="quoted"\nC=\n', encoding="utf-8")
    done = run([pysupervise, "--env-file", str(path), "--env", "A=from option", "--", "sh", "-c", 'echo "$A|$B|${C-unset}"'])
    assert (done.stdout, done.stderr) == ('from option|"quoted"|\n', "")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--workdir", "/nonexistent"], "cannot change to the directory /nonexistent: No such file or directory"),
        (["--workdir", "/etc/passwd"], "cannot change to the directory /etc/passwd: Not a directory"),
    ],
)
def test_what_cannot_be_prepared_gives_126_and_says_what(pysupervise: str, options: list[str], words: str) -> None:
    done = run([pysupervise, *options, "--", "echo", "started"])
    assert (done.returncode, done.stdout) == (126, "")
    assert words in done.stderr


def test_variables_are_options_and_the_command_does_not_inherit_them(pysupervise: str, place: str) -> None:
    variables = {"PYSUPERVISE_MAP_EXIT": "3=4\n5=6", "PYSUPERVISE_WORKDIR": "/usr", "PYSUPERVISE_QUIET": "", "PYSUPERVISE_SESSION": "1"}
    done = run([pysupervise, "--", "sh", "-c", "pwd; env | grep -c ^PYSUPERVISE_; exit 3"], place, env={**os.environ, **variables})
    assert (done.returncode, done.stdout, done.stderr) == (4, "/usr\n0\n", "")


def test_the_command_line_wins_over_a_variable(pysupervise: str) -> None:
    env = {**os.environ, "PYSUPERVISE_WORKDIR": "/usr"}
    assert run([pysupervise, "--workdir", "/etc", "--", "pwd"], env=env).stdout == "/etc\n"


def test_a_variable_that_stands_for_no_option_is_a_warning(pysupervise: str) -> None:
    done = run([pysupervise, "--", "true"], env={**os.environ, "PYSUPERVISE_GRASE": "3s"})
    assert done.returncode == 0
    assert "ignoring the variable PYSUPERVISE_GRASE" in done.stderr


def test_a_wrong_variable_gives_2_and_starts_nothing(pysupervise: str) -> None:
    done = run([pysupervise, "--", "echo", "started"], env={**os.environ, "PYSUPERVISE_GRACE": "soon"})
    assert (done.returncode, done.stdout) == (2, "")
    assert "PYSUPERVISE_GRACE=soon" in done.stderr


def test_parent_death_is_acted_on(pysupervise: str) -> None:
    # The shell in the middle is the parent: it dies once the command is there, and the stop ends the command.
    wait = (
        "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, {15}); print('ready', flush=True); print(signal.sigwait({15}), flush=True)"
    )
    inner = f'"{pysupervise}" -v --parent-death TERM -- {sys.executable} -I -S -c "{wait}"'
    with subprocess.Popen(
        in_pid_namespace(["sh", "-c", 'sh -c "$1; :" & read -r _; kill -KILL $!; wait; exec sleep 30', "sh", inner]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == f"{int(signal.SIGTERM)}\n"
        process.kill()


def test_a_parent_that_died_before_the_start_is_noticed(pysupervise: str, tmp_path: Path) -> None:
    orphan = (
        "import os, sys, time\n"
        "os.setsid()\n"
        "parent = os.getpid()\n"
        "if os.fork(): os._exit(0)\n"
        "while os.getppid() == parent: time.sleep(0.001)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    command = [pysupervise, "-v", "--parent-death", "TERM", "--grace", "30s", "--", "sleep", "60"]
    script = '"$@"; while [ ! -e status ]; do sleep 0.05; done'
    line = ["sh", "-c", script, "sh", sys.executable, "-I", "-S", "-c", orphan, *command[:1], "--status-file=status", *command[1:]]
    done = subprocess.run(in_pid_namespace(line), cwd=tmp_path, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    record = json.loads((tmp_path / "status").read_text())
    assert (record["command_signal"], record["stop"]["signal"], record["stop"]["sender_pid"]) == ("TERM", "TERM", None)
    assert "TERM from the death of our parent, before the start asked for the stop" in done.stderr


def test_the_end_of_the_thread_that_forked_us_is_not_called_a_death(pysupervise: str) -> None:
    """The kernel sends the signal then too (prctl(2)); that the parent lives is seen, and said."""
    code = (
        "import subprocess, sys, threading;"
        "made = [];"
        "thread = threading.Thread(target=lambda: made.append(subprocess.Popen(sys.argv[1:], stderr=subprocess.PIPE, text=True))"
        " or made[0].stderr.readline());"
        "thread.start(); thread.join(); print(made[0].stderr.read()); sys.exit(made[0].wait())"
    )
    command = [pysupervise, "-v", "--parent-death", "TERM", "--", "sleep", "60"]
    done = run([sys.executable, "-I", "-c", code, *command], "child")
    assert done.returncode == 143
    assert "which lives: sent, or the end of its thread" in done.stdout
    assert "the death of" not in done.stdout


def test_a_parent_that_lives_is_not_taken_for_dead(pysupervise: str) -> None:
    done = run([pysupervise, "--parent-death", "TERM", "--", "sh", "-c", "sleep 0.2; exit 3"])
    assert done.returncode == 3
    assert run(["setsid", "--wait", pysupervise, "--parent-death", "TERM", "--", "sh", "-c", "sleep 0.2; exit 3"]).returncode == 3


def test_the_environment_is_passed_on_as_it_stands(pysupervise: str) -> None:
    # A name that is empty, one that comes twice, and no locale: Python would refuse, drop and add.
    code = "import os,sys; os.execve(sys.argv[1], sys.argv[1:], {b'PATH': b'/usr/bin:/bin', b'X': b'1'})"
    shown = run([sys.executable, "-I", "-S", "-c", code, pysupervise, "--", "env"]).stdout
    assert sorted(shown.splitlines()) == ["PATH=/usr/bin:/bin", "X=1"]
    for options in ([], ["--grace=1s"]):
        done = run(["env", "-i", "PATH=/usr/bin:/bin", "=nameless", "LC_CTYPE=POSIX", pysupervise, *options, "--", "env"])
        assert sorted(done.stdout.splitlines()) == ["=nameless", "LC_CTYPE=POSIX", "PATH=/usr/bin:/bin"], options
    done = run(["env", "-i", "PATH=/usr/bin:/bin", "=nameless", pysupervise, "--env=A=1", "--", "env"])
    assert sorted(done.stdout.splitlines()) == ["A=1", "PATH=/usr/bin:/bin"]


@pytest.mark.parametrize("module", ["json", "resource", "click", "fcntl"])
def test_modules_of_the_command_are_not_ours(pysupervise: str, tmp_path: Path, module: str) -> None:
    (tmp_path / f"{module}.py").write_text("print('intruder'); raise SystemExit(9)")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for options in (["-v", "--log-format=json", "--"], ["--reraise", "--status-file=s", "--"], ["completion", "bash"]):
        done = run([pysupervise, *options, *([] if options[0] == "completion" else ["true"])], env=environment, cwd=str(tmp_path))
        assert (done.returncode, "intruder" in done.stdout) == (0, False), options
    assert run([pysupervise, "--", "printenv", "PYTHONPATH"], env=environment).stdout == f"{tmp_path}\n"
