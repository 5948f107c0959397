"""`pysupervise tree`: processes of each kind are made for real; the drawing, the marks, and who would get a signal."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from helpers import PATIENCE_S, children, in_pid_namespace
from looking import Scene, maker, run, state, value, wait_for_state

SLEEPER = "exec sleep 60"
NO_ONE = ("--reuid=65534", "--regid=65534", "--clear-groups")


def found_in(pysupervise: str, pid: int) -> dict[int, dict[str, Any]]:
    return {one["pid"]: one for one in value(pysupervise, "tree", str(pid))["processes"]}


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def test_the_tree_below_a_process(pysupervise: str) -> None:
    with Scene(["sh", "-c", "sleep 60 & sleep 61 & echo ready; wait"]) as scene:
        init, shell = scene.pids()[:2]
        one, two = children(shell)
        done = run(pysupervise, "tree", str(init))
        assert done.returncode == 0
        assert "\x1b" not in done.stdout
        lines = [line for line in done.stdout.splitlines() if re.match(r" *\d+ ", line)]
        drawn = {int(line.split()[0]): line for line in lines}
        assert list(drawn) == [init, shell, one, two]
        assert drawn[shell].endswith("└─ sh -c sleep 60 & sleep 61 & echo ready; wait")
        assert drawn[one].endswith("   ├─ sleep 60")
        assert drawn[two].endswith("   └─ sleep 61")
        assert done.stdout.splitlines()[0].split() == ["PID", "USER", "STATE", "GROUP", "SESSION", "TIHC", "AGE", "MEM", "COMMAND"]


def test_values_of_a_process(pysupervise: str) -> None:
    code = (
        "import os, signal, time; signal.signal(15, lambda *_: None); signal.signal(1, signal.SIG_IGN);"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [17]); signal.signal(2, signal.SIG_DFL); os.setsid();"
        "print('ready', flush=True); time.sleep(60)"
    )
    with Scene(python(code)) as scene:
        pid = scene.pids()[1]
        one = found_in(pysupervise, scene.init)[pid]
        assert one["signals"] == {"TERM": "caught", "INT": "default action", "HUP": "ignored", "CHLD": "blocked"}
        assert (one["group"], one["session"], one["parent"], one["depth"]) == (pid, pid, scene.init, 1)
        assert (one["state"], one["user"], one["marks"]) == ("sleeping", "root", ["daemon"])
        assert 0 <= one["age_s"] < PATIENCE_S
        assert one["rss_bytes"] > 1_000_000
        text = run(pysupervise, "tree", str(pid)).stdout
        assert " c-ib " in text.splitlines()[1]
        assert "Ss" in text.splitlines()[1].split()
        assert "TIHC: TERM INT HUP CHLD; c caught, i ignored, b blocked, - default action" in text


def test_who_is_in_sigwait_is_not_said_to_have_the_default_action(pysupervise: str) -> None:
    with Scene([pysupervise, "--", "sh", "-c", f"echo ready; {SLEEPER}"]) as scene:
        supervisor = scene.pids()[1]
        deadline = os.times().elapsed + PATIENCE_S
        while not Path(f"/proc/{supervisor}/wchan").read_text(encoding="ascii").startswith("do_sigtimedwait"):
            assert os.times().elapsed < deadline
        assert "taken by the sigwait" in found_in(pysupervise, scene.init)[supervisor]["signals"]["TERM"]
        assert " wwww " in run(pysupervise, "tree", str(supervisor)).stdout.splitlines()[1]
        other = subprocess.run(["setpriv", *NO_ONE, pysupervise, "tree", str(supervisor)], capture_output=True, text=True, check=True)
        assert "not seen: whether processes of other users are in sigwait" in other.stdout


def test_pid_1_of_a_namespace(pysupervise: str) -> None:
    with Scene(["sh", "-c", "echo ready; sleep 60; true"], child=False) as scene:
        init = found_in(pysupervise, scene.init)[scene.init]
        assert init["marks"] == ["PID 1"]
        assert init["signals"]["TERM"] == "default action, which PID 1 of a namespace never gets"


@pytest.mark.parametrize(
    ("kind", "index", "mark"),
    [("unhandled", 0, "zombie"), ("traced_parent", 1, "traced"), ("dead_leader", 0, "zombie with live threads")],
)
def test_marks(pysupervise: str, kind: str, index: int, mark: str) -> None:
    with Scene(maker(kind)) as scene:
        pid = scene.outer(scene.inner[index])
        assert mark in found_in(pysupervise, scene.init)[pid]["marks"]
        assert "{" + mark + "} " in run(pysupervise, "tree", str(scene.init)).stdout


def test_a_stopped_process_is_marked(pysupervise: str) -> None:
    with Scene(["sh", "-c", "echo ready; kill -STOP $$"]) as scene:
        pid = scene.pids()[1]
        deadline = os.times().elapsed + PATIENCE_S
        while state(pid) != "T":
            assert os.times().elapsed < deadline
        assert found_in(pysupervise, scene.init)[pid]["marks"] == ["stopped"]


def test_an_uninterruptible_process_is_marked(pysupervise: str, tmp_path: Path) -> None:
    program = tmp_path / "vfork_sleeps"
    subprocess.run(["cc", "-o", program, Path(__file__).parent / "vfork_sleeps.c"], check=True)
    with Scene(maker("uninterruptible", str(program))) as scene:
        pid = scene.pids()[1]
        deadline = os.times().elapsed + PATIENCE_S
        while state(pid) != "D":
            assert os.times().elapsed < deadline
        assert "uninterruptible" in found_in(pysupervise, scene.init)[pid]["marks"]


def injected(scene: Scene) -> "subprocess.Popen[bytes]":
    command = ["nsenter", f"--target={scene.init}", "--pid", "--mount", "--", "sh", "-c", "echo ready; exec sleep 62"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    return process


def test_what_was_put_in_from_outside_is_marked_on_both_sides(pysupervise: str) -> None:
    with Scene(["sh", "-c", "echo ready; sleep 60; true"], child=False) as scene, injected(scene) as process:
        assert process.stdout is not None
        try:
            (pid,) = children(process.pid)
            outside = found_in(pysupervise, process.pid)
            assert "injected" in outside[pid]["marks"]
            assert "injected" not in outside[process.pid]["marks"]
            enter = ["nsenter", f"--target={scene.init}", "--pid", "--mount", "--"]
            seen = subprocess.run([*enter, pysupervise, "tree"], capture_output=True, text=True, check=True, timeout=PATIENCE_S).stdout
            assert re.search(r"\n +\d+ .* \{injected\} sleep 62\n", seen)
            assert re.search(r"\n +1 .* sh -c echo ready", seen)
        finally:
            os.kill(children(process.pid)[0], signal.SIGKILL)


def test_a_subreaper_is_marked_once_it_has_adopted_somebody(pysupervise: str) -> None:
    # An orphan in a session that it did not begin, and pysupervise neither: the middle did, and is gone.
    double = (
        "import os, time\nmiddle = os.getpid()\nif os.fork() == 0:\n    os.setsid(); middle = os.getpid()\n    if os.fork(): os._exit(0)\n"
        "    while os.getppid() == middle: pass\n    print('ready', flush=True)\ntime.sleep(60)"
    )
    with Scene([pysupervise, "--", *python(double)]) as scene:
        supervisor, command = scene.pids()[1:3]
        found = found_in(pysupervise, scene.init)
        assert found[supervisor]["marks"] == ["subreaper"]
        assert found[command]["marks"] == []
        (orphan,) = set(children(supervisor)) - {command}
        assert found[orphan]["parent"] == supervisor
    with Scene([pysupervise, "--", "sh", "-c", f"echo ready; {SLEEPER}"]) as scene:
        assert found_in(pysupervise, scene.init)[scene.pids()[1]]["marks"] == [], "nothing is said where nothing is proved"


FAMILY = """
import os, signal, time
def below(work):
    if os.fork() == 0:
        work()
        os.write(told, b'.'); time.sleep(60); os._exit(0)
read, told = os.pipe()
signal.signal(2, signal.SIG_DFL)
below(lambda: signal.signal(15, lambda *_: None))
below(lambda: (signal.signal(15, signal.SIG_IGN), os.setpgid(0, 0)))
below(os.setsid)
for _ in range(3): os.read(read, 1)
print('ready', flush=True)
time.sleep(60)
"""


def targets(pysupervise: str, *arguments: str) -> dict[str, Any]:
    return dict(value(pysupervise, "tree", *arguments))


@pytest.mark.parametrize("supervised", [True, False])
def test_who_would_get_a_signal(pysupervise: str, supervised: bool) -> None:
    with Scene([*([pysupervise, "--"] if supervised else []), *python(FAMILY)]) as scene:
        command = scene.pids()[2 if supervised else 1]
        catches, ignores, daemon = children(command)
        top = scene.init if supervised else command
        found = targets(pysupervise, "--signal", "TERM", str(top))
        assert found["command"] == command
        assert found["supervisor"] == (scene.pids()[1] if supervised else None)
        assert found["targets"]["child"] == [command]
        # Without a group of its own the command is still in its parent's, as its first child is.
        assert found["targets"]["group"] == sorted([command, catches])
        assert found["targets"]["tree"] == sorted([command, catches, ignores, daemon])
        assert found["targets"]["handlers"] == sorted([catches, ignores, daemon])
        effects = {int(pid): words for pid, words in found["effects"].items()}
        assert effects == {command: "ends it", catches: "is caught", ignores: "is ignored", daemon: "ends it"}
        assert set(targets(pysupervise, "--signal", "KILL", str(top))["effects"].values()) == {"ends it"}
        assert set(targets(pysupervise, "--signal", "WINCH", str(top))["effects"].values()) == {"does nothing"}


def test_a_stop_by_pid_1_reaches_who_was_put_into_its_namespace(pysupervise: str) -> None:
    """It is one kill(-1); other signals go down the tree."""
    with Scene([pysupervise, "--", "sh", "-c", "echo ready; sleep 60; true"], child=False) as scene, injected(scene) as process:
        assert process.stdout is not None
        (added,) = children(process.pid)
        command, sleep = scene.pids()[1:3]
        for name, reached in (("TERM", [command, sleep, added]), ("HUP", [command, sleep])):
            found = targets(pysupervise, "--signal", name, str(scene.init))
            assert (found["command"], found["targets"]["tree"]) == (command, sorted(reached))
        text = run(pysupervise, "tree", str(scene.init), "--signal", "TERM").stdout
        assert re.search(rf"\n *{added} .* sleep 62\n", text)
        process.kill()
        process.stdout.close()


@pytest.mark.parametrize(
    "takes",
    [
        "threading.Thread(target=lambda: signal.sigwait([15])).start()",
        "libc = ctypes.CDLL(None); os.set_blocking(libc.signalfd(-1, struct.pack('Q', 1 << 14), 0), True)",
        "pass",
    ],
    ids=["sigwait", "signalfd", "nothing"],
)
def test_what_is_blocked_and_taken_all_the_same_is_said_to_be_taken(pysupervise: str, takes: str) -> None:
    begin = "import ctypes, os, signal, struct, threading, time; signal.pthread_sigmask(0, [15])"
    code = f"{begin}; {takes}; print('ready', flush=True); time.sleep(60)"
    with Scene([pysupervise, "--", *python(code)]) as scene:
        supervisor, command = scene.pids()[1:3]
        while takes.startswith("threading") and not any(
            "sigtimedwait" in wchan.read_text() for wchan in Path("/proc").glob(f"{command}/task/*/wchan")
        ):
            assert state(command) in "SR"
        said = "blocked" if takes == "pass" else "taken in sigwait or from a signalfd"
        assert found_in(pysupervise, supervisor)[command]["signals"]["TERM"] == said
        assert targets(pysupervise, "--signal", "TERM", str(supervisor))["effects"][str(command)] == f"is {said}"


@pytest.mark.parametrize("child", [True, False])
def test_children_from_before_exec_are_not_taken_for_the_command(pysupervise: str, child: bool) -> None:
    """An entry script has them; as PID 1 a stop is for them too, but for who reads the output."""
    service = "sleep 62 & echo ready $helper $$ $!; wait"
    script = f"exec 3>&1; sleep 61 & export helper=$!; exec {pysupervise} -- sh -c '{service}' > >(exec cat >&3)"
    with Scene(["bash", "-c", script], child=child) as scene:
        supervisor = scene.pids()[int(child)]
        helper, command, sleep = map(scene.outer, scene.inner)
        found = targets(pysupervise, "--signal", "TERM", str(supervisor))
        assert found["command"] == command
        assert found["targets"]["tree"] == sorted([command, sleep, *([] if child else [helper])])
        examined = run(pysupervise, "doctor", str(supervisor)).stdout
        assert f"the service is pid {sleep} " in examined.splitlines()[0]


def test_a_stopped_process_gets_most_signals_later(pysupervise: str) -> None:
    with Scene(["sh", "-c", "sleep 60 & kill -STOP $!; echo ready; wait"]) as scene:
        shell, stopped = scene.pids()[1:3]
        wait_for_state(stopped, "T")
        effects = {name: targets(pysupervise, "--signal", name, str(shell))["effects"][str(stopped)] for name in ("HUP", "TERM", "KILL")}
        # A stop continues whoever is stopped.
        assert effects == {"HUP": "ends it, once it is continued", "TERM": "ends it", "KILL": "ends it"}


def test_what_is_said_of_handlers_is_what_the_core_does(pysupervise: str) -> None:
    with Scene([pysupervise, "--forward", "handlers", "--rewrite", "HUP=TERM", "--", *python(FAMILY)]) as scene:
        supervisor, command = scene.pids()[1:3]
        catches, ignores, daemon = children(command)
        assert targets(pysupervise, "--signal", "TERM", str(supervisor))["targets"]["handlers"] == sorted([catches, ignores, daemon])
        os.kill(supervisor, signal.SIGHUP)
        deadline = os.times().elapsed + PATIENCE_S
        while daemon in children(command) and state(daemon) != "Z":
            assert os.times().elapsed < deadline, "the daemon has the default action and ends"
        assert {state(pid) for pid in (command, catches, ignores)} <= {"S", "R"}, "the command was passed over"


def test_the_table_of_targets(pysupervise: str) -> None:
    with Scene(["sh", "-c", "echo ready; sleep 60; true"], child=False) as scene:
        done = run(pysupervise, "tree", str(scene.init), "--signal", "sigterm")
        lines = done.stdout.splitlines()
        assert lines[0].split() == ["PID", "CHILD", "GROUP", "TREE", "HANDLERS", "TERM", "COMMAND"]
        assert lines[1].split()[:7] == [str(scene.init), "✓", "✓", "✓", "✓", "ends", "it"]
        assert lines[2].split()[1:5] == ["-", "✓", "✓", "✓"]
        assert f"pid {scene.init} is PID 1 of its namespace today, and gets TERM only if it handles it" in done.stdout


def test_the_whole_machine_without_threads_of_the_kernel(pysupervise: str) -> None:
    found = value(pysupervise, "tree")
    pids = [one["pid"] for one in found["processes"]]
    assert os.getpid() in pids
    assert len(set(pids)) == len(pids)
    assert "kthreadd" not in {one["name"] for one in found["processes"]}
    known = set(pids)
    order = {pid: place for place, pid in enumerate(pids)}
    assert all(order[one["parent"]] < order[one["pid"]] for one in found["processes"] if one["parent"] in known), "parents come first"


def test_a_long_chain_is_drawn(pysupervise: str) -> None:
    code = "import os, time\nfor _ in range(150):\n    if os.fork(): time.sleep(60)\nprint('ready', flush=True); time.sleep(60)"
    with Scene(python(code)) as scene:
        found = value(pysupervise, "tree", str(scene.init))["processes"]
        assert max(one["depth"] for one in found) == 151
        assert "(level 151) " in run(pysupervise, "tree", str(scene.init)).stdout


def test_another_user_sees_the_masks(pysupervise: str) -> None:
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    with Scene(["sh", "-c", f"trap : HUP; echo ready; sleep 60; {SLEEPER}"]) as scene:
        command = [setpriv, *NO_ONE, pysupervise, "tree", str(scene.pids()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
        assert re.search(r" -.c. ", done.stdout.splitlines()[1])


def test_hidepid_is_said(pysupervise: str) -> None:
    hide = f'mount -o remount,hidepid=2 /proc; shift; exec setpriv {" ".join(NO_ONE)} "$@"'
    command = in_pid_namespace(["sh", "-c", hide, "sh", "x", pysupervise, "tree"])
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    assert "not seen: processes of other users, which hidepid=" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["4194305"], "cannot look at pid 4194305: no such process"),
        (["--signal", "TERM", "4194305"], "cannot look at pid 4194305: no such process"),
        (["0"], "Invalid value for '[PID]'"),
        (["--signal", "TREM"], "cannot read the signal 'TREM': no such signal"),
        (["1", "2"], "unexpected extra argument"),
    ],
)
def test_wrong_usage(pysupervise: str, arguments: list[str], reason: str) -> None:
    done = run(pysupervise, "tree", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def on_a_terminal(pysupervise: str, columns: int, *arguments: str, **variables: str) -> str:
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8", "COLUMNS": "", **variables}
    child = pexpect.spawn(
        pysupervise, list(arguments), timeout=PATIENCE_S, encoding="utf-8", env=environment, dimensions=(50, columns), echo=False
    )
    text = str(child.read())
    child.close()
    return text


@pytest.mark.parametrize("columns", [60, 120])
@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("verb", ["tree", "zombies"])
def test_on_a_terminal_it_fits_the_width(pysupervise: str, columns: int, colour: bool, verb: str) -> None:
    with Scene(maker("unhandled", "x" * 300)) as scene:
        pid = str(scene.pids()[1])
        arguments = {"tree": ["tree", pid], "zombies": ["zombies", "--parent", pid]}[verb]
        text = on_a_terminal(pysupervise, columns, *arguments, **({} if colour else {"NO_COLOR": "1"}))
        assert ("\x1b[" in text) == colour
        plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
        widths = [len(line) for line in plain.splitlines()]
        assert max(widths) <= columns
        assert "…" in plain, "the command is cut, and it shows"
        if verb == "tree":
            assert ("left out for want of width" in plain) == (columns == 60)
            assert ("{zombie}" in plain) and ("\x1b[31m{zombie}" in text) == colour


@pytest.mark.parametrize(
    ("name", "argument", "begin", "end"),
    [("find", "{}", "find -Sc", "{}"), ("{ }", "x", "'{ } -Sc", "x'"), ("{zombie}", "{zombie}", "'{zombie} -Sc", "{zombie}'")],
)
def test_words_of_a_process_are_no_marks(pysupervise: str, name: str, argument: str, begin: str, end: str) -> None:
    script = "import time; print('ready', flush=True); time.sleep(60)"
    words = ["bash", "-c", 'exec -a "$@"', "bash", name, sys.executable, "-Sc", script, argument]
    with Scene(words) as scene:
        text = on_a_terminal(pysupervise, 200, "tree", str(scene.pids()[1]), NO_COLOR="")
    (line,) = [line for line in text.splitlines() if script in line]
    assert line.endswith(f"  {begin} {script} {end}")
    assert "\x1b" not in line


def test_a_name_cannot_move_the_cursor(pysupervise: str) -> None:
    with Scene(["bash", "-c", "echo ready; exec -a $'evil\\e[2J\\nline' sleep 60"]) as scene:
        pid = scene.pids()[1]
        deadline = os.times().elapsed + PATIENCE_S
        while not Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"evil"):
            assert os.times().elapsed < deadline
        assert "evil?[2J?line 60" in run(pysupervise, "tree", str(pid)).stdout
        assert "\x1b[2J" not in on_a_terminal(pysupervise, 100, "tree", str(pid))


def test_plain_letters_where_there_is_no_unicode(pysupervise: str) -> None:
    with Scene(["bash", "-c", "sleep 60 & exec -a nämë bash -c 'echo ready; sleep 61; true'"]) as scene:
        done = run(pysupervise, "tree", str(scene.init), env={**os.environ, "PYTHONIOENCODING": "ascii"})
        assert done.returncode == 0, done.stderr
        assert "`- n?m? -c" in done.stdout
        assert done.stdout.isascii()
