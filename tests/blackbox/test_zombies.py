"""`pysupervise zombies`: each kind of zombie is made for real, and told apart."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from helpers import PATIENCE_S, in_pid_namespace
from looking import Scene, maker, run, state, value

NO_ONE = ("--reuid=65534", "--regid=65534", "--clear-groups")
# Kind, words of the first reason, words of its evidence, words of its cure.
KINDS = [
    ("unhandled", "does not handle SIGCHLD", "SigCgt: ", "wait for its children"),
    ("blocked", "SIGCHLD is blocked and pending", "ShdPnd: 0000000000010000", "unblock"),
    ("taken", "SIGCHLD is blocked and not pending", "SigBlk: 0000000000010000", "WNOHANG"),
    ("open_thread", "has a handler for SIGCHLD", "status: SigBlk is without it, and /proc/", "kill -CHLD"),
    ("ignored", "ignores SIGCHLD now", "SigIgn: 0000000001011000", "only the parent"),
    ("caught", "has a handler for SIGCHLD", "SigCgt: 0000000000010002", "kill -CHLD"),
    ("stopped", "the parent is stopped", "State: T (stopped)", "kill -CONT"),
    ("waits_for_one", "the parent waits for pid {1} alone, as numbered in its own PID namespace", "wchan: do_wait", "any child"),
    ("traced_parent", "held by its tracer, `python", "State: t (tracing stop)", "detach"),
    ("traced_zombie", "it is traced by `python", "TracerPid: ", "detach"),
    ("dead_leader", "dead thread-group leader with live threads, 1 of them", "State: Z (zombie), Threads: 2", "threads end"),
    ("other_signal", "another end signal than SIGCHLD", "field 38 (exit_signal) is 0", "__WALL"),
]


def test_a_thread_is_not_a_parent(pysupervise: str) -> None:
    with Scene(maker("open_thread")) as scene:
        parent = scene.pids()[1]
        (thread,) = {int(name) for name in os.listdir(f"/proc/{parent}/task")} - {parent}
        done = run(pysupervise, "zombies", "--parent", str(thread))
        assert done.returncode == 2
        assert f"cannot look at pid {thread}: it is a thread of pid {parent}" in done.stderr


def parent_of(scene: Scene, pysupervise: str, zombie: int) -> dict[str, Any]:
    found = value(pysupervise, "zombies", "--pid-namespace", str(scene.init))
    assert [one["pid"] for one in found["zombies"]] == [zombie], found
    return dict(found["zombies"][0])


def settled(scene: Scene, kind: str) -> None:
    """The line comes before what only the process itself can do last: wait for its state."""
    wanted = {"stopped": "T", "uninterruptible": "D"}.get(kind)
    parent = scene.pids()[1]
    deadline = os.times().elapsed + PATIENCE_S
    while wanted and state(parent) != wanted:
        assert os.times().elapsed < deadline, state(parent)
    if kind.startswith("waits"):
        while Path(f"/proc/{parent}/wchan").read_text(encoding="ascii") != "do_wait":
            assert os.times().elapsed < deadline


@pytest.mark.parametrize(("kind", "what", "evidence", "cure"), KINDS, ids=[kind[0] for kind in KINDS])
def test_the_reason_is_told(pysupervise: str, kind: str, what: str, evidence: str, cure: str) -> None:
    with Scene(maker(kind)) as scene:
        settled(scene, kind)
        found = parent_of(scene, pysupervise, scene.outer(scene.inner[0]))
        first = found["why"][0]
        assert what.format(*scene.inner) in first["what"]
        assert evidence in first["evidence"]
        assert "/proc/" in first["evidence"]
        assert cure in first["cure"]
        if kind != "dead_leader":
            assert found["exit_code"] == 3
        else:
            assert found["wait_status"] is None


def test_a_parent_in_uninterruptible_sleep(pysupervise: str, tmp_path: Path) -> None:
    program = tmp_path / "vfork_sleeps"
    subprocess.run(["cc", "-o", program, Path(__file__).parent / "vfork_sleeps.c"], check=True)
    with Scene(maker("uninterruptible", str(program))) as scene:
        settled(scene, "uninterruptible")
        found = parent_of(scene, pysupervise, scene.outer(scene.inner[0]))
        assert "uninterruptible sleep" in found["why"][0]["what"]
        assert "State: D (disk sleep)" in found["why"][0]["evidence"]


def test_a_tracer_is_named(pysupervise: str) -> None:
    with Scene(maker("traced_parent")) as scene:
        found = parent_of(scene, pysupervise, scene.outer(scene.inner[0]))
        tracer = scene.pids()[1]
        assert f"(pid {tracer})" in found["why"][0]["what"]
        assert f"TracerPid: {tracer}" in found["why"][0]["evidence"].replace("\t", " ")


def test_pid_1_that_is_no_init(pysupervise: str) -> None:
    with Scene(maker("orphan"), child=False) as scene:
        found = parent_of(scene, pysupervise, scene.outer(scene.inner[0]))
        first, second = found["why"]
        assert "PID 1 of its PID namespace and is `python" in first["what"]
        assert "NSpid: " in first["evidence"]
        assert "pysupervise" in first["cure"]
        assert "does not handle SIGCHLD" in second["what"]


def test_pysupervise_as_pid_1_leaves_none(pysupervise: str) -> None:
    orphans = "for i in 1 2 3; do (true &); done; echo ready; exec sleep 60"
    with Scene([pysupervise, "--", "sh", "-c", orphans], child=False) as scene:
        done = run(pysupervise, "zombies", "--pid-namespace", str(scene.init))
        assert done.returncode == 0, done.stdout
        assert done.stdout.startswith("no zombies")


def test_a_zombie_that_goes_between_two_looks_does_not_count(pysupervise: str) -> None:
    # bash forks and reaps without a pause: there is always a fresh zombie, and never a stale one.
    with Scene(["bash", "-c", "echo ready; while :; do /bin/true; done"]) as scene:
        done = run(pysupervise, "zombies", "--pid-namespace", str(scene.init))
        assert done.returncode == 0, done.stdout


def test_how_it_ended(pysupervise: str) -> None:
    with Scene(maker("killed")) as scene:
        found = parent_of(scene, pysupervise, scene.outer(scene.inner[0]))
        assert (found["wait_status"], found["exit_code"], found["ended"]) == (9, 137, "was killed by KILL")


def test_text_has_zombie_parent_reason_and_limits(pysupervise: str) -> None:
    with Scene(maker("unhandled")) as scene:
        zombie = scene.outer(scene.inner[0])
        parent = scene.pids()[1]
        done = run(pysupervise, "zombies", "--parent", str(parent))
        assert done.returncode == 1
        lines = done.stdout.splitlines()
        assert lines[0].startswith("1 zombie, seen twice 0.1 s apart")
        assert lines[3].split()[0] == str(zombie)
        assert "exited with status 3" in lines[3]
        assert any(line.startswith(f"parent {parent}: 1 zombie, user root") for line in lines)
        assert "zombie_makers.py unhandled" in done.stdout
        assert "  why   the parent does not handle SIGCHLD" in done.stdout
        assert f"        /proc/{parent}/status: SigCgt: 0000000000000002, SigBlk: 0000000000000000" in lines
        assert "a busy parent may yet come to it" in done.stdout or "  cure  the program has to wait" in done.stdout
        assert any(line.startswith("pid_max: ") and line.endswith(" left") for line in lines)
        assert "\x1b" not in done.stdout


def test_parent_and_namespace_select(pysupervise: str) -> None:
    with Scene(maker("unhandled")) as one, Scene(maker("caught")) as other:
        zombie = one.outer(one.inner[0])
        assert [found["pid"] for found in value(pysupervise, "zombies", "--pid-namespace", str(one.pids()[1]))["zombies"]] == [zombie]
        found = value(pysupervise, "zombies", "--parent", str(one.pids()[1]))
        assert [found["parents"][0]["pid"], found["parents"][0]["zombies"], len(found["parents"])] == [one.pids()[1], 1, 1]
        assert value(pysupervise, "zombies", "--parent", str(other.init))["zombies"] == []
        everybody = {found["pid"] for found in value(pysupervise, "zombies")["zombies"]}
        assert everybody >= {zombie, other.outer(other.inner[0])}


def test_another_user_sees_what_it_may(pysupervise: str) -> None:
    setpriv = shutil.which("setpriv")
    assert setpriv is not None
    with Scene(maker("unhandled")) as scene:
        done = subprocess.run(
            [setpriv, *NO_ONE, pysupervise, "zombies", "--pid-namespace", str(scene.init)],
            capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert "not readable" in done.stdout.splitlines()[3], "the exit status is root's to know"
        assert "does not handle SIGCHLD" in done.stdout, "the masks are everybody's"


def test_own_zombies_are_readable_without_root(pysupervise: str) -> None:
    with Scene(["setpriv", *NO_ONE, *maker("unhandled")]) as scene:
        done = subprocess.run(
            ["setpriv", *NO_ONE, pysupervise, "zombies", "--pid-namespace", str(scene.pids()[1])],
            capture_output=True, text=True, check=False, timeout=PATIENCE_S,
        )  # fmt: skip
        assert "exited with status 3" in done.stdout


@pytest.mark.parametrize("how", [1, 2, 4])  # noaccess, invisible, ptraceable: proc(5)
def test_hidepid_is_said(pysupervise: str, how: int) -> None:
    hide = f'mount -o remount,hidepid={how} /proc; shift; exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"'
    done = subprocess.run(
        in_pid_namespace(["sh", "-c", hide, "sh", "x", pysupervise, "zombies"]),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert "not seen: processes of other users are hidden from this user (hidepid=" in done.stdout


def test_seen_from_inside_of_the_namespace(pysupervise: str) -> None:
    command = ["bash", "-c", 'exec 3< <("$@"); read -ru 3 line; "$0" zombies; echo "status $?"', pysupervise, *maker("unhandled")]
    done = subprocess.run(in_pid_namespace(command), capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert "status 1" in done.stdout, done.stderr
    assert "does not handle SIGCHLD" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--parent", "4194305"], "cannot look at pid 4194305: no such process"),
        (["--pid-namespace", "4194305"], "cannot look at pid 4194305: no such process"),
        (["--parent", "0"], "Invalid value for '--parent'"),
        (["--parent", "x"], "Invalid value for '--parent'"),
        (["--parent", "\u0663"], "Invalid value for '--parent': '\u0663' is no pid"),
        (["--pid-namespace", "+1"], "Invalid value for '--pid-namespace': '+1' is no pid"),
        (["--watch", "0"], "Invalid value for '--watch'"),
        (["extra"], "unexpected extra argument"),
    ],
)
def test_wrong_usage(pysupervise: str, arguments: list[str], reason: str) -> None:
    done = run(pysupervise, "zombies", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert reason in done.stderr


def test_watch_looks_again_until_ctrl_c(pysupervise: str) -> None:
    with Scene(maker("unhandled")) as scene:
        command = [pysupervise, "zombies", "--parent", str(scene.pids()[1]), "--json", "--watch", "0.1"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            for _ in range(2):
                assert watching.stdout.readline().startswith('{"zombies": [{"pid": ')
            watching.send_signal(signal.SIGINT)
            assert watching.wait(PATIENCE_S) == 1, "the status of the last look"
