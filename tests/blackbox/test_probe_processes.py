"""pysupervise probe of commands and pid files: what it says, and that neither a process nor a zombie stays behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from helpers import PATIENCE_S, in_pid_namespace
from helpers import probe as signal_probe
from servers import Probe

# PID 1 of a namespace that reaps nobody: whatever the probe leaves, dead or alive, is seen. Its own child is the probe; it sends the
# signal once the lines that it waits for have come, then counts.
DRIVER = """
import json, os, subprocess, sys
signum, lines, *command = sys.argv[1:]
probe = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
ready = [probe.stdout.readline().decode() for _ in range(int(lines))]
if int(signum):
    probe.send_signal(int(signum))
status = probe.wait()
def name(pid):
    with open(f"/proc/{pid}/stat") as file:
        stat = file.read()
    return stat[stat.index("(") + 1 : stat.rindex(")")] + " " + stat[stat.rindex(")") + 2]
left = [name(pid) for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
def text(stream):
    os.set_blocking(stream.fileno(), False)  # what is left may hold it open
    return (stream.read() or b"").decode()
print(json.dumps({"status": status, "left": left, "out": text(probe.stdout), "err": text(probe.stderr)}))
"""


def drive(*command: str, signum: int = 0, lines: int = 0) -> dict[str, Any]:
    """Run a command below a PID 1 that counts what is left."""
    args = in_pid_namespace([sys.executable, "-I", "-S", "-c", DRIVER, str(signum), str(lines), *command])
    ended = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE_S, check=True, stdin=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


@pytest.mark.parametrize(
    ("command", "status", "words"),
    [
        (["true"], 0, "healthy: exec true exited with status 0 after "),
        (["false"], 1, "unhealthy: exec false exited with status 1"),
        (["sh", "-c", "exit 77"], 1, "unhealthy: exec sh exited with status 77"),
        (["sh", "-c", "kill -SEGV $$"], 1, "unhealthy: exec sh was killed by SEGV"),
        (["no-such-command"], 1, "unhealthy: cannot execute no-such-command: not found; it is in none of the directories of PATH"),
        (["curl -f x"], 1, "unhealthy: cannot execute 'curl -f x': not found; it is taken as one word"),
        (["/"], 1, "unhealthy: cannot execute /: it is a directory"),
        (["/etc/passwd"], 1, "unhealthy: cannot execute /etc/passwd: Permission denied"),
    ],
    ids=range(8),
)
def test_commands(probe: Probe, command: list[str], status: int, words: str) -> None:
    code, line = probe(f"exec:{command[0]}", *command[1:])
    assert code == status
    assert line.startswith(words)


def test_arguments_arrive_as_they_are(pysupervise: str) -> None:
    words = ["--help", "--", "-q", "", "a b", "$HOME", "*"]
    script = "import sys; print(sys.argv[1:], sys.stdin.read() == '')"
    args = [pysupervise, "probe", "-q", f"exec:{sys.executable}", "-c", script, *words]
    ended = subprocess.run(args, input="not for the command", capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{words} True\n", "")


def test_with_json_the_command_writes_to_standard_error(pysupervise: str) -> None:
    args = [pysupervise, "probe", "--json", "--retries", "1", "--interval", "0", "exec:sh", "-c", "echo words; exit 3"]
    ended = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 1
    assert ended.stderr == "words\nwords\n"
    record = json.loads(ended.stdout)
    assert record["target"] == "exec:sh -c echo words; exit 3"
    assert record["message"] == "exec sh exited with status 3 (2 tries)"


LEFTOVERS = {
    "background": ("sleep 100 & exit 0", 1),
    "session": ("setsid sleep 100 & sleep 0.05; exit 0", 1),
    "daemon": ("(setsid sh -c 'sleep 100 & sleep 100 & wait' &) ; sleep 0.05; exit 0", None),
    "deaf": ("(trap '' TERM HUP INT; sleep 100 & sleep 100) & exit 0", None),
    "stopped": ("sleep 100 & kill -STOP $!; exit 0", 1),
    "zombies": ("for i in 1 2 3 4 5; do (true &) & done; exit 0", None),
}


@pytest.mark.parametrize("kind", LEFTOVERS)
def test_what_a_command_leaves_behind_is_killed_and_reaped(pysupervise: str, kind: str) -> None:
    script, count = LEFTOVERS[kind]
    found = drive(pysupervise, "probe", "exec:sh", "-c", script)
    assert (found["status"], found["left"], found["err"]) == (0, [], "")
    if count is not None:
        assert f"; it left {count} process{'es' if count > 1 else ''} running, killed now\n" in found["out"]


@pytest.mark.parametrize(
    "script",
    ["sleep 100", "trap '' TERM; sleep 100 & setsid sleep 100 & wait", "kill -STOP $$", "while :; do setsid true & done"],
    ids=["plain", "tree", "stopped", "spawning"],
)
def test_at_the_limit_everything_of_a_command_is_killed(pysupervise: str, script: str) -> None:
    found = drive(pysupervise, "probe", "--timeout", "300ms", "exec:sh", "-c", script)
    assert (found["status"], found["left"], found["out"]) == (1, [], "")
    assert found["err"] == "unhealthy: exec sh did not end within 300 ms and was killed\n"


def test_a_command_that_ended_while_the_probe_was_suspended_has_ended_in_time(pysupervise: str) -> None:
    script = "kill -STOP $PPID; exit 0"
    with subprocess.Popen(
        [pysupervise, "probe", "--timeout", "300ms", "exec:sh", "-c", script], stdout=subprocess.PIPE, text=True
    ) as suspended:
        assert os.WIFSTOPPED(os.waitpid(suspended.pid, os.WUNTRACED)[1])
        time.sleep(0.4)  # the limit passes
        suspended.send_signal(signal.SIGCONT)
        out, _ = suspended.communicate(timeout=PATIENCE_S)
    assert suspended.returncode == 0
    assert out.startswith("healthy: exec sh exited with status 0 after ")


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, 40])
def test_a_signal_to_the_probe_ends_the_command_first(pysupervise: str, signum: int) -> None:
    command = signal_probe("child", "--exit-on=99:0")
    found = drive(pysupervise, "probe", "--timeout", "60s", f"exec:{command[0]}", *command[1:], signum=signum, lines=1)
    assert (found["status"], found["left"]) == (-signum, [])
    assert (found["out"], found["err"]) == ("", "")


def test_a_signal_to_the_probe_ends_whoever_left_the_group(pysupervise: str) -> None:
    script = "(setsid sh -c 'echo ready; exec sleep 100' &); echo ready; exec sleep 100"
    found = drive(pysupervise, "probe", "--timeout", "60s", "exec:sh", "-c", script, signum=signal.SIGTERM, lines=2)
    assert (found["status"], found["left"]) == (-signal.SIGTERM, [])


def test_nohup_holds(pysupervise: str) -> None:
    script = "echo ready; kill -HUP $PPID; exit 0"
    found = drive("nohup", pysupervise, "probe", "--timeout", "15s", "exec:sh", "-c", script, lines=1)
    assert (found["status"], found["left"]) == (0, [])


def test_kill_of_the_probe_kills_the_command(pysupervise: str) -> None:
    wait = "import os, subprocess, sys\nprobe = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\nprobe.stdout.readline()\n"
    wait += "probe.kill()\nprobe.wait()\nprint(os.waitstatus_to_exitcode(os.waitpid(-1, 0)[1]))"
    command = [pysupervise, "probe", "--timeout", "60s", "exec:sh", "-c", "echo ready; exec sleep 100"]
    args = in_pid_namespace([sys.executable, "-I", "-S", "-c", wait, *command])
    ended = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    assert ended.stdout == "-9\n"  # the command came to PID 1, dead


def test_children_that_the_probe_was_born_with_are_spared(pysupervise: str) -> None:
    script = 'sleep 100 & exec "$@"'
    leftover = "tail -f /dev/null & until grep -qz 'tail.*State:.S' /proc/$!/status; do :; done"
    found = drive("sh", "-c", script, "sh", pysupervise, "probe", "exec:sh", "-c", leftover)
    assert found["status"] == 0
    assert "sleep S" in found["left"]
    # Its own leftover got KILL with the group: it went to PID 1 dead, or about to be, but not asleep any more.
    assert "tail S" not in found["left"]


def test_it_works_as_pid_1(pysupervise: str) -> None:
    args = in_pid_namespace([pysupervise, "probe", "exec:sh", "-c", "setsid sleep 100 & sleep 0.05; exit 0"])
    ended = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "it left 1 process running, killed now" in ended.stdout


def test_as_another_user(pysupervise: str) -> None:
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    found = drive(*user, pysupervise, "probe", "exec:sh", "-c", "setsid sleep 100 & sleep 0.05; exit 0")
    assert (found["status"], found["left"], found["err"]) == (0, [], "")


def test_a_process_that_lives(probe: Probe, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    name = Path("/proc/self/comm").read_text(encoding="utf-8").strip()
    for content in (f"{os.getpid()}\n", f" {os.getpid()} ", f"{os.getpid()}\n/var/lib/x\n5432\n"):
        file.write_text(content)
        assert probe(f"pid:{file}") == (0, f"healthy: pid {os.getpid()} ({name}) of {file} lives")


def test_a_zombie_is_not_healthy_and_then_it_is_gone(probe: Probe, tmp_path: Path) -> None:
    file = tmp_path / "pid"
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    file.write_text(str(child.pid))
    expected = f"unhealthy: pid {child.pid} (true) of {file} is a zombie: it is dead, and its parent has not waited for it"
    assert probe(f"pid:{file}") == (1, expected)
    child.wait()
    assert probe(f"pid:{file}") == (1, f"unhealthy: pid {child.pid} of {file} is not there: no such process")


def test_the_number_of_a_thread_is_no_process(probe: Probe, tmp_path: Path) -> None:
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    file = tmp_path / "pid"
    file.write_text(f"{thread.native_id}\n")
    try:
        status, words = probe(f"pid:{file}")
    finally:
        over.set()
    assert status == 1
    assert words.endswith(f"is no process: it is a thread of pid {os.getpid()}")


def test_a_process_whose_main_thread_is_over_lives(probe: Probe, tmp_path: Path) -> None:
    script = (
        "import ctypes, threading\nthreading.Thread(target=lambda: input()).start()\nprint(flush=True)\nctypes.CDLL(None).pthread_exit(0)"
    )
    with subprocess.Popen([sys.executable, "-I", "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        # The state is that of the main thread: wait until the kernel shows it as over.
        state, patience = "", threading.Event()
        give_up_at = time.monotonic() + PATIENCE_S
        while "Z" not in state and time.monotonic() < give_up_at:
            state = next(line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("State"))
            patience.wait(0.002)
        (tmp_path / "pid").write_text(str(process.pid))
        status, words = probe(f"pid:{tmp_path / 'pid'}")
        process.kill()
    assert (status, "lives in 1 threads" in words) == (0, True), words


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "it is empty"),
        ("\n", "it is empty"),
        ("\n12\n", "it is empty"),
        ("0", "its first line is no process number"),
        ("-1", "its first line is no process number"),
        ("1.5", "its first line is no process number"),
        ("12 13", "its first line is no process number"),
        ("99999999", "its first line is no process number"),
        ("\x1b[2J", "its first line is no process number"),
        ("x" * 100_000, "its first line is no process number"),
        ("\u0661", "its first line is no process number"),
    ],
    ids=range(11),
)
def test_bad_pid_files(probe: Probe, tmp_path: Path, content: str, reason: str) -> None:
    file = tmp_path / "pid"
    file.write_text(content)
    assert probe(f"pid:{file}") == (1, f"unhealthy: cannot read {file}: {reason}")


def test_pid_files_that_are_none(probe: Probe, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert probe(f"pid:{tmp_path / 'pipe'}") == (1, f"unhealthy: cannot read {tmp_path / 'pipe'}: it is empty")
    assert probe(f"pid:{tmp_path}") == (1, f"unhealthy: cannot read {tmp_path}: Is a directory")
    assert probe(f"pid:{tmp_path / 'no'}") == (1, f"unhealthy: cannot read {tmp_path / 'no'}: No such file or directory")


def test_a_process_that_this_user_may_not_see_is_not_guessed_about(pysupervise: str, tmp_path: Path) -> None:
    """With hidepid=2 a process of another user looks as if it were not there; kill(2) tells that it is."""
    tmp_path.chmod(0o755)
    (tmp_path / "pid").write_text("1")
    probing = f'setpriv --reuid=65534 --regid=65534 --clear-groups "$0" probe --retries 0 pid:/dev/fd/3 3<{tmp_path / "pid"}'
    args = in_pid_namespace(["sh", "-c", f"mount -o remount,hidepid=2 /proc && {probing}", pysupervise])
    ended = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert (ended.returncode, ended.stdout) == (1, "")
    expected = (
        "unhealthy: cannot look at pid 1 of /dev/fd/3: it exists, but whether it is a zombie cannot be read: No such file or directory"
    )
    assert ended.stderr == f"{expected}; /proc may be mounted with hidepid\n"


def test_a_proc_of_another_namespace_is_not_read(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "pid").write_text("1")
    args = ["unshare", "--pid", "--fork", "--kill-child", "--", pysupervise, "probe", f"pid:{tmp_path / 'pid'}"]
    ended = subprocess.run(args, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert ended.returncode == 1
    assert ended.stderr == f"unhealthy: cannot look at pid 1 of {tmp_path / 'pid'}: /proc shows another PID namespace\n"
