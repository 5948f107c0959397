"""doctor on real processes: each situation is made in a PID namespace, and the finding and its evidence are read."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pytest
from doctoring import STAY, found, python, rules, state, wait_until
from helpers import PATIENCE_S, Service, children, in_pid_namespace, probe

from pysupervise.cli import procfs


def test_pid1_without_a_handler(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    service = run(*python(STAY))
    result = doctor(service.pid)
    finding = found(result, "pid1-drops-stop-signal")
    assert finding["severity"] == "error"
    assert f"/proc/{service.pid}/status: SigCgt: " in finding["evidence"][0]
    assert int(finding["evidence"][0].split()[-1], 16) >> 14 & 1 == 0
    assert result["status"] == 2
    assert found(result, "no-init")["severity"] == "info"


def test_pid1_with_a_handler(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    service = run(*python("import signal; signal.signal(15, lambda *_: None); " + STAY))
    result = doctor(service.pid)
    assert result["status"] == 0
    assert any("TERM reaches PID 1" in line and "SigCgt" in line for line in result["checked"])


@pytest.mark.parametrize("forget", ["pass", "signal.signal(15, signal.SIG_IGN)"], ids=["default", "ignored"])
def test_pid1_that_waits_in_sigwait_is_not_taken_for_one_that_drops(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], forget: str
) -> None:
    code = f"import signal; {forget}; signal.pthread_sigmask(0, [15, 10]); print('ready', flush=True); signal.sigwait([15])"
    service = run(*python(code))
    pid = service.pid
    wait_until(lambda: "sigtimedwait" in Path(f"/proc/{pid}/wchan").read_text(encoding="ascii"))
    assert int(next(x for x in Path(f"/proc/{pid}/status").read_text().splitlines() if x.startswith("SigBlk")).split()[1], 16) == 1 << 9
    result = doctor(pid)
    assert rules(result, "error", "warning") == set()
    assert any("sigtimedwait" in line and line.endswith("set 0000000000004000") for line in result["checked"])


def test_pid1_that_ignores_or_blocks_term(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    ignoring = run(*python("import signal; signal.signal(15, signal.SIG_IGN); " + STAY))
    assert "SigIgn" in found(doctor(ignoring.pid), "pid1-ignores-stop-signal")["evidence"][1]
    blocking = run(*python("import signal; signal.pthread_sigmask(0, [15]); " + STAY))
    assert found(doctor(blocking.pid), "pid1-blocks-stop-signal")["severity"] == "warning"
    blocking.send(signal.SIGTERM)
    finding = found(doctor(blocking.pid), "stop-pending-and-blocked")
    assert finding["severity"] == "error"
    assert [line for line in finding["evidence"] if line.endswith("ShdPnd: 0000000000004000")]
    assert [line for line in finding["evidence"] if line.endswith("SigBlk: 0000000000004000")]


def test_signal_that_one_thread_blocks_and_another_takes(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    code = (
        "import signal, threading, time; signal.pthread_sigmask(0, [15]); "
        "threading.Thread(target=lambda: (print('ready', flush=True), signal.sigwait([15]))).start(); time.sleep(60)"
    )
    service = run(*python(code))
    pid = service.pid
    tasks = Path(f"/proc/{pid}/task")
    wait_until(lambda: any("sigtimedwait" in (task / "wchan").read_text(encoding="ascii") for task in tasks.iterdir()))
    result = doctor(pid)
    assert rules(result, "error", "warning") == set()


def test_shell_in_front(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    service = run("sh", "-c", f'{sys.executable} -I -c "{STAY}"; true')
    finding = found(doctor(service.pid), "shell-in-front")
    (child,) = children(service.pid)
    assert finding["severity"] == "error"
    assert finding["evidence"][0].startswith(f"/proc/{service.pid}/cmdline: sh -c")
    assert finding["evidence"][1].startswith(f"/proc/{child}/cmdline: {sys.executable}")
    assert f"pid {child} " in finding["title"]


def test_shell_with_a_trap_is_something_to_know(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    service = run("sh", "-c", f"trap 'exit 0' TERM; {' '.join(probe('p', '--exit-on=15:0'))}; true")
    result = doctor(service.pid)
    assert found(result, "shell-traps")["severity"] == "info"
    assert result["status"] == 0


@pytest.mark.parametrize(
    ("init", "rule", "severity"),
    [
        (["tini", "--"], "shell-below-init", "error"),
        (["tini", "-g", "--"], "shell-below-init", "warning"),
        (["dumb-init"], "shell-below-init", "warning"),
        (["PYSUPERVISE", "--"], "shell-below-pysupervise", "info"),
        (["PYSUPERVISE", "--forward", "child", "--"], "shell-below-pysupervise", "info"),
        (["PYSUPERVISE", "--forward", "child", "--no-sweep", "--"], "shell-below-init", "error"),
    ],
)
def test_shell_below_an_init(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str, init: list[str], rule: str, severity: str
) -> None:
    words = [pysupervise if word == "PYSUPERVISE" else word for word in init]
    service = run(*words, "sh", "-c", f"{' '.join(probe('p'))}; true")
    result = doctor(service.pid)
    assert found(result, rule)["severity"] == severity
    assert any("an init that reaps" in line for line in result["checked"])


def test_what_the_shell_leaves_gets_the_stop_signal_as_it_is_said(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str
) -> None:
    service = run(pysupervise, "--forward", "child", "--", "sh", "-c", f"{' '.join(probe('p', '--exit-on=15:0'))}; true")
    consequence = found(doctor(service.pid), "shell-below-pysupervise")["consequence"]
    service.send(signal.SIGTERM)
    assert (service.line(), service.wait()) == ("p 15", 143)
    assert "which dies of it: the status is the shell's (128+n)" in consequence
    assert consequence.endswith("What the shell leaves gets TERM then, and has --sweep-grace for its stop.")


@pytest.mark.parametrize("init", [[], ["PYSUPERVISE", "--"]])
def test_su_in_front_kills_after_two_seconds(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str, init: list[str]
) -> None:
    words = [pysupervise if word == "PYSUPERVISE" else word for word in init]
    finding = found(doctor(run(*words, "su", "-s", "/bin/sh", "root", "-c", "echo ready; sleep 60; true").pid), "wrapper-in-front")
    assert (finding["severity"], finding["title"]) == ("warning", "`su` stands in front of the service")
    assert "waits 2 s, and kills the command with KILL" in finding["consequence"]
    assert "cmdline: su -s /bin/sh root -c " in finding["evidence"][0]


HANDLES = "process.on('SIGTERM', () => process.exit(3)); "


@pytest.mark.parametrize(("code", "ends"), [("", False), (HANDLES, True)])
def test_the_handler_of_node_itself_proves_nothing(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str, code: str, ends: bool
) -> None:
    """Without a handler of the program's own it raises TERM again, which does nothing to PID 1."""
    command = ["node", "-e", code + "console.log('ready'); setInterval(() => {}, 1e6)"]
    service = run(*command)
    finding = found(doctor(service.pid), "pid1-handler-is-the-runtime's")
    assert finding["severity"] == "warning"
    assert finding["title"].startswith("whether TERM stops PID 1, ")
    pid = service.pid
    service.send(signal.SIGTERM)
    if ends:
        assert service.wait() == 3
    else:
        # It takes its handler away, raises TERM again, and lives.
        wait_until(lambda: (status := procfs.read_status(pid)) is not None and not status.has_handler(signal.SIGTERM))
        assert found(doctor(pid), "pid1-drops-stop-signal")["severity"] == "error"
    below = doctor(run(pysupervise, "--", *command).pid)
    assert rules(below, "warning", "error") == set()
    assert any(line.startswith("TERM reaches the service, pid ") for line in below["checked"])


def test_healthy_pysupervise(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str) -> None:
    service = run(pysupervise, "--", *probe("p"))
    result = doctor(service.pid)
    assert (result["findings"], result["unreadable"], result["status"]) == ([], [], 0)
    assert any("TERM reaches PID 1" in line for line in result["checked"])


def test_two_inits(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str) -> None:
    service = run("tini", "--", pysupervise, "--no-subreaper", "--", *probe("p"))
    result = doctor(service.pid)
    finding = found(result, "two-inits")
    assert finding["severity"] == "warning"
    assert "/cmdline: tini -- " in finding["evidence"][0]
    assert finding["fix"].endswith("start the container without --init (compose: remove `init: true`)")
    assert found(result, "no-subreaper")["severity"] == "warning"


def test_service_that_ignores_term(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str) -> None:
    service = run(pysupervise, "--", *python("import signal; signal.signal(15, signal.SIG_IGN); " + STAY))
    finding = found(doctor(service.pid), "service-ignores-stop-signal")
    assert finding["severity"] == "error"
    assert [line for line in finding["evidence"] if "SigIgn" in line and int(line.split()[-1], 16) >> 14 & 1]


def test_service_gets_what_pysupervise_rewrites(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str
) -> None:
    code = "import signal; signal.signal(15, signal.SIG_IGN); signal.signal(3, lambda *_: None); " + STAY
    service = run(pysupervise, "--stop-signal", "QUIT", "--", *python(code))
    result = doctor(service.pid)
    assert result["findings"] == []
    assert any("handles QUIT" in line for line in result["checked"])


def test_zombies_and_ignored_sigchld(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    spawn = "import os\nfor _ in range(3):\n    if os.fork() == 0: os._exit(3)\n"
    service = run(*python(f"{spawn}{STAY}"))
    pid = service.pid
    wait_until(lambda: [state(child) for child in children(pid)] == ["Z"] * 3)
    finding = found(doctor(pid), "zombies")
    assert finding["title"].startswith(f"3 zombies of pid {pid} ")
    assert f"state Z, parent {pid}" in finding["evidence"][0]
    assert re.search("^wait for children in `python.*those that it started itself nobody else can reap; an init in front", finding["fix"])
    below = found(doctor(run("tini", "--", *python(f"{spawn}{STAY}")).pid), "zombies")
    assert "init in front" not in below["fix"]  # there is one, and it cannot help
    ignoring = run(*python(f"import os, signal; signal.signal(17, signal.SIG_IGN); os.fork() or os.pause() if 0 else None; {STAY}"))
    assert "sigchld-ignored" not in rules(doctor(ignoring.pid), "warning")  # nobody below it: nothing is lost
    parent = run(*python(f"import os, signal, time; signal.signal(17, signal.SIG_IGN)\nif os.fork() == 0: time.sleep(60)\n{STAY}"))
    finding = found(doctor(parent.pid), "sigchld-ignored")
    assert int(finding["evidence"][0].split()[-1], 16) >> 16 & 1
    assert finding["evidence"][1] == "0x10000 is CHLD"


def test_stopped_with_a_pending_stop(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    service = run("tini", "--", *python("import signal; signal.signal(15, lambda *_: None); " + STAY))
    (child,) = children(service.pid)
    os.kill(child, signal.SIGSTOP)
    wait_until(lambda: state(child) == "T")
    assert found(doctor(service.pid), "stopped-member")["fix"] == f"kill -CONT {child}"
    os.kill(child, signal.SIGTERM)
    finding = found(doctor(service.pid), "stop-pending-in-stopped")
    assert (finding["severity"], finding["fix"]) == ("error", f"kill -CONT {child}")


def test_clock_of_a_stop(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str) -> None:
    deaf = python("import signal; signal.signal(15, signal.SIG_IGN); " + STAY)
    service = run(pysupervise, "--grace", "50s", "--", *deaf)
    before = doctor(service.pid)
    assert any("not in the middle of a stop" in line for line in before["checked"])
    assert "stop-in-progress" not in rules(before, "warning")
    asked_at = time.monotonic()
    service.send(signal.SIGTERM)
    # It looks for stopped members a moment after the signal: until then the next step is that one.
    wait_until(lambda: any("next step is due in 4" in finding["title"] for finding in doctor(service.pid)["findings"]))
    finding = found(doctor(service.pid), "stop-in-progress")
    due = re.search(r"is due in ([0-9.]+) s, and pid \d+ `python[0-9.]*`.* is still there$", finding["title"])
    assert due is not None
    left_s = float(due[1])
    passed_s = time.monotonic() - asked_at
    assert 50 - passed_s - 0.2 < left_s < 50
    assert "rt_sigtimedwait with a timeout of 49.9" in finding["evidence"][0]
    assert "se.exec_start" in finding["evidence"][1]


@pytest.mark.parametrize("name", ["npm run start", "pnpm"])
def test_script_runner_in_front(
    name: str, run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str, tmp_path: Path
) -> None:
    """Npm names itself after what it runs, and so does the file here; pnpm is a script of node with its words behind it."""
    node = tmp_path / "node"
    node.symlink_to(sys.executable)
    runner = tmp_path / name
    runner.write_text(
        f"#!{node} -I\nimport signal, subprocess; subprocess.Popen(['sh', '-c', 'sleep 60; :']); signal.signal(15, print)\n{STAY}"
    )
    runner.chmod(0o755)
    command = [str(runner)] if name != "pnpm" else [str(node), str(runner), "start"]
    finding = found(doctor(run(*command).pid), "script-runner-in-front")
    assert finding["severity"] == "warning"
    assert re.search(r"stat: sh, parent \d+$", finding["evidence"][1])
    assert found(doctor(run("tini", "--", *command).pid), "script-runner-in-front")
    assert found(doctor(run(pysupervise, "--", *command).pid), "script-runner-below-pysupervise")["severity"] == "info"


def test_open_files_and_closed_streams(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    code = (
        "import os, resource, signal; signal.signal(15, lambda *_: None); resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)); "
        "files = [os.dup(1) for _ in range(33)]; os.close(0); "
    )
    service = run(*python(code + STAY))
    result = doctor(service.pid)
    finding = found(result, "limit-near")
    assert finding["severity"] == "warning"
    assert "Max open files 40" in finding["evidence"][0]
    assert found(result, "closed-stream")["title"].startswith("standard input of")


def test_processes_of_a_user(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    user = 40_000 + os.getpid() % 20_000
    code = (
        "import os, resource, signal, time; signal.signal(15, lambda *_: None); resource.setrlimit(resource.RLIMIT_NPROC, (10, 10)); "
        f"os.setgid({user}); os.setuid({user})\nfor _ in range(9):\n    if os.fork() == 0: time.sleep(60)\n"
    )
    service = run(*python(code + STAY))
    finding = found(doctor(service.pid), "limit-near")
    os.kill(service.pid, signal.SIGKILL)  # setuid(2) took away the signal that it gets when unshare ends
    assert finding["severity"] == "error"
    assert "Max processes 10; threads of that user seen here: 10" in finding["evidence"][0]


def test_a_title_that_a_program_wrote_over_its_words_names_it(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    code = python(f"import signal; signal.signal(15, lambda *_: None); {STAY}")
    service = run("bash", "-c", 'exec -a "nginx: master process nginx -c /etc/x.conf" "$@"', "bash", *code)
    assert any(f"pid {service.pid} `nginx` (1 in its namespace)" in line for line in doctor(service.pid)["checked"])


def test_inside_of_the_namespace_pid1_is_examined(run: Callable[..., Service], pysupervise: str) -> None:
    service = run(pysupervise, "--", *probe("p"))
    inside = ["nsenter", "--target", str(service.pid), "--pid", "--mount", "--", pysupervise, "doctor"]
    done = subprocess.run(inside, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("pid 1 `pysupervise`: ")
    assert done.stdout.endswith("0 errors, 0 warnings\n")


def test_entered_process_is_not_below_pid1(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str) -> None:
    service = run(pysupervise, "--", *probe("p"))
    words = ["nsenter", "--target", str(service.pid), "--pid", "--mount", "--", *python(STAY)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as entered:
        assert entered.stdout is not None
        assert entered.stdout.readline() == b"ready\n"
        (pid,) = children(entered.pid)
        finding = found(doctor(pid), "shared-pid-namespace")
        os.kill(pid, signal.SIGKILL)
    assert finding["severity"] == "info"
    assert f"PID 1 is pid {service.pid} " in finding["title"]


def test_as_nobody_what_may_not_be_read_is_said(run: Callable[..., Service], pysupervise: str) -> None:
    """A guess would be wrong: pysupervise in sigwait looks as if it had no handler."""
    service = run(pysupervise, "--", *probe("p", "--default=15"))
    pid = service.pid
    # A first look as root loads everything: nobody may not read the place that the tests run from.
    code = (
        f"import json, os; from pysupervise.cli import doctor; doctor.examine_process({pid}); "
        f"os.setgroups([]); os.setgid(65534); os.setuid(65534); print(json.dumps(doctor.examine_process({pid}).as_json()))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stderr) == (0, "")
    result = json.loads(done.stdout)
    assert result["findings"] == []
    assert {line.split(":")[0] for line in result["unreadable"]} >= {f"/proc/{pid}/environ", f"/proc/{pid}/fd", f"/proc/{pid}/syscall"}
    assert any(line.startswith("whether TERM reaches pid") and "wchan" in line for line in result["unreadable"])
    assert any(line.startswith("what TERM does to pid") for line in result["unreadable"])


@pytest.mark.parametrize("how", [1, 2, 4])  # noaccess, invisible, ptraceable: proc(5)
def test_hidepid_is_said(pysupervise: str, how: int) -> None:
    hide = f'mount -o remount,hidepid={how} /proc; setpriv --reuid=65534 --regid=65534 --clear-groups "$0" doctor; exit $?'
    command = in_pid_namespace(["sh", "-c", hide, pysupervise])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (64, "")
    assert "cannot examine pid 1: /proc does not show the processes of other users (hidepid=" in done.stderr


def test_interactive_shell_is_no_error(pysupervise: str) -> None:
    """Bash at a prompt ignores TERM by design."""
    words = ["--pid", "--fork", "--kill-child", "--mount-proc", "--", "bash", "--norc", "-i"]
    child = pexpect.spawn("unshare", words, encoding="utf-8", timeout=PATIENCE_S, dimensions=(24, 200))
    child.sendline(f"{pysupervise} doctor --json | cat; echo left with ${{PIPESTATUS[0]}}!")
    child.expect(r"left with (\d+)!")
    text = child.before or ""
    child.close(force=True)
    assert child.match.group(1) == "0"
    assert '"rule": "pid1-ignores-stop-signal"' in text


def test_terminal_without_foreground_group(doctor: Callable[..., dict[str, Any]]) -> None:
    """The foreground group has ended, and nobody took the terminal back."""
    code = (
        "import os, signal\n"
        "signal.signal(15, lambda *_: None); signal.signal(22, signal.SIG_IGN)\n"
        "pid = os.fork()\n"
        "if pid == 0: signal.pause()\n"
        "os.setpgid(pid, pid); os.tcsetpgrp(0, pid); os.kill(pid, 9); os.waitpid(pid, 0)\n"
    )
    child = pexpect.spawn(sys.executable, ["-I", "-c", code + STAY], encoding="utf-8", timeout=PATIENCE_S)
    child.expect("ready")
    assert child.pid is not None
    finding = found(doctor(child.pid), "terminal-without-foreground")
    child.close(force=True)
    assert finding["severity"] == "warning"
    assert "no process is in group" in finding["evidence"][0]
