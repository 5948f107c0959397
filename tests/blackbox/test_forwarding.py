"""Signals reach whom they should, each exactly once: every signal, every target, rewritten or dropped."""

import signal
import subprocess
import sys

import pytest
from helpers import FORWARDABLE, REALTIME_SIGNALS, STANDARD_SIGNALS, Service, Starter, probe

USR1, USR2, HUP, QUIT, TERM, INT = signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGINT
# A marker that ends every probe, sent at the end: what came before it is all that came.
END = 50
MORTAL = f"--exit-on={END}"


def shell(*labels_and_prefixes: str, last: str = "") -> list[str]:
    """Return `sh -c` with a probe in the background for each "LABEL" or "setsid LABEL"; the shell waits, or becomes ``last``."""
    words = []
    for word in labels_and_prefixes:
        prefix, _, label = word.rpartition(" ")
        words.append(f"{prefix} {' '.join(probe(label, MORTAL))} &")
    words.append(f"exec {' '.join(probe(last, MORTAL))}" if last else "wait; wait; wait")
    return ["sh", "-c", " ".join(words)]


def test_there_are_59_forwardable_signals() -> None:
    assert (len(STANDARD_SIGNALS), len(REALTIME_SIGNALS)) == (28, 31)


@pytest.mark.parametrize("target", ["child", "group", "tree", "handlers"])
def test_all_59_signals_reach_the_command_once(start: Starter, place: str, target: str) -> None:
    service = start("--forward", target, "--", *probe("child", "--exit-on=15:7"), place=place)
    service.ready("child")
    order = [number for number in FORWARDABLE if number != TERM] + [TERM]
    for signum in order:
        service.send(signum)
        assert service.line() == f"child {int(signum)}"
    assert service.wait() == 7
    assert service.rest() == []


def test_signals_that_come_before_the_command_runs_are_not_lost(start: Starter) -> None:
    # Before it is pysupervise, the process blocks the signal, which then waits in the kernel's queue through two execs.
    script = (
        "import os, signal, sys; signal.pthread_sigmask(signal.SIG_BLOCK, {10}); print('early', flush=True);"
        "sys.stdin.readline(); os.execv(sys.argv[1], sys.argv[1:])"
    )
    service = Service([sys.executable, "-c", script, start.program, "--", *probe("child", "--exit-on=10:3")], stdin=subprocess.PIPE)
    start.services.append(service)
    assert service.line() == "early"
    service.send(USR1)
    service.write(b"\n")
    service.ready("child")
    assert service.line() == "child 10"
    assert service.wait() == 3


def test_tree_reaches_a_daemon_in_another_session_once(start: Starter, place: str) -> None:
    # A sweep's TERM could overtake the last signal of a member: the lower number is delivered first.
    service = start("--wait-all", "--", *shell("worker", "setsid daemon", last="child"), place=place)
    service.ready("child", "daemon", "worker")
    for signum in (USR1, USR2, HUP):
        service.send(signum)
        assert service.lines(3) == [f"{label} {int(signum)}" for label in ("child", "daemon", "worker")]
    service.send(END)
    assert service.wait() == 0
    assert sorted(service.rest()) == [f"{label} {END}" for label in ("child", "daemon", "worker")]


def test_tree_reaches_an_orphaned_daemon(start: Starter, place: str) -> None:
    # The shell in the middle ends: the daemon is a child of pysupervise from then on.
    middle = f"setsid sh -c '{' '.join(probe('daemon', MORTAL))} & exit'"
    # A sweep's TERM could overtake the daemon's last signal: the lower number is delivered first.
    service = start("--wait-all", "--", "sh", "-c", f"{middle}; exec {' '.join(probe('child', MORTAL))}", place=place)
    service.ready("child", "daemon")
    service.send(USR1)
    assert service.lines(2) == ["child 10", "daemon 10"]
    service.send(END)
    assert service.wait() == 0
    assert sorted(service.rest()) == [f"child {END}", f"daemon {END}"]


def test_group_reaches_the_group_but_not_a_daemon(start: Starter, place: str) -> None:
    service = start("--forward=group", "--no-sweep", "--", *shell("worker", "setsid daemon", last="child"), place=place)
    service.ready("child", "daemon", "worker")
    for signum in (USR1, USR2):
        service.send(signum)
        assert service.lines(2) == [f"{label} {int(signum)}" for label in ("child", "worker")]
    service.send(END)
    assert service.lines(2) == [f"child {END}", f"worker {END}"]
    assert service.wait() == 0


def test_child_reaches_the_command_alone(start: Starter, place: str) -> None:
    service = start("--forward=child", "--no-sweep", "--", *shell("worker", "setsid daemon", last="child"), place=place)
    service.ready("child", "daemon", "worker")
    for signum in (USR1, USR2, END):
        service.send(signum)
        assert service.line() == f"child {int(signum)}"
    assert service.wait() == 0


def test_handlers_reaches_the_master_and_not_its_workers(start: Starter, place: str) -> None:
    service = start("--forward=handlers", "--", *probe("master", "--worker=worker-1", "--worker=worker-2", "--exit-on=10:5"), place=place)
    service.ready("master", "worker-1", "worker-2")
    service.send(USR2)
    assert service.line() == "master 12"
    service.send(USR1)
    assert service.line() == "master 10"
    assert service.lines(2) == ["worker-1 15", "worker-2 15"], "the first that they get is the TERM of the sweep"
    service.send(INT)
    service.send(INT)
    assert service.wait() == 5


def test_handlers_passes_over_a_shell_in_front(start: Starter, place: str) -> None:
    script = f"{' '.join(probe('master', '--worker=worker', '--exit-on=15:6'))}; exit $(($? + 10))"
    service = start("--forward=handlers", "--sweep-grace=50ms", "--", "sh", "-c", script, place=place)
    service.ready("master", "worker")
    service.send(TERM)
    assert service.line() == "master 15"
    assert service.wait() == 16, "the shell lived to add ten to its child's status"


def test_handlers_reaches_a_shell_that_traps(start: Starter) -> None:
    worker = " ".join(probe("worker", "--exit-on=12"))
    service = start("--forward=handlers", "--", "sh", "-c", f"trap 'echo trapped' USR1; {worker} & wait; echo again; wait; exit 3")
    service.ready("worker")
    service.send(USR1)
    assert sorted([service.line(), service.line()]) == ["again", "trapped"]
    service.send(USR2)  # the shell does not catch this one, its child does
    assert service.line() == "worker 12"
    assert service.wait() == 3


def test_without_any_handler_the_leaf_and_its_shell_get_it(start: Starter) -> None:
    service = start("--forward=handlers", "--", "sh", "-c", "echo ready; sleep 30; exit 9")
    assert service.line() == "ready"
    service.send(TERM)
    assert service.wait() == 143


@pytest.mark.parametrize(
    ("rewrite", "sent", "got"),
    [
        ("HUP=QUIT", HUP, 3),
        ("SIGUSR1=SIGUSR2", USR1, 12),
        ("10=1", USR1, 1),
        ("RTMIN+3=TERM", 37, 15),
        ("USR1=RTMAX-2", USR1, 62),
        ("rtmin=rtmax", 34, 64),
        ("TERM=QUIT", TERM, 3),
        ("USR1=HUP,USR2=USR1", USR2, 10),
    ],
)
def test_rewrite_passes_another_signal_on(start: Starter, place: str, rewrite: str, sent: int, got: int) -> None:
    service = start("--rewrite", rewrite, "--", *probe("child", f"--exit-on={got}:4"), place=place)
    service.ready("child")
    service.send(sent)
    assert service.wait() == 4
    assert service.rest() == [f"child {got}"]


def test_rewrite_to_0_drops(start: Starter, place: str) -> None:
    service = start("--rewrite", "HUP=0", "--rewrite", "TERM=0,RTMIN+1=0", "--", *probe("child", f"--exit-on={END}:4"), place=place)
    service.ready("child")
    # Waiting signals are taken lowest number first: END is the last in any case.
    for signum in (HUP, TERM, 35, HUP, END):
        service.send(signum)
    assert service.wait() == 4
    assert service.rest() == [f"child {END}"]


def test_rewrite_of_term_still_stops(start: Starter) -> None:
    service = start("--rewrite=TERM=USR1", "--grace=100ms", "--", *probe("child"))
    service.ready("child")
    service.send(TERM)
    assert service.wait() == 137
    assert service.rest() == ["child 10"]


WATCHER = """
import os, signal, sys
for number in (signal.SIGTSTP, signal.SIGTERM):
    signal.signal(number, lambda *_: None)
member = os.fork()
if not member:
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(member, os.WUNTRACED | os.WCONTINUED)
    words = "stopped" if os.WIFSTOPPED(status) else "continued" if os.WIFCONTINUED(status) else "ended"
    os.write(1, f"watcher: {words}\\n".encode())
    if words == "ended":
        os._exit(os.waitstatus_to_exitcode(status))
"""


def test_a_job_control_stop_stops_an_orphaned_group_and_cont_resumes_it(start: Starter, place: str) -> None:
    # TSTP does nothing by default in an orphaned process group, so a member that does not catch it gets STOP.
    member = probe("member", "--default=20", "--exit-on=15:6")
    service = start("--", sys.executable, "-I", "-S", "-c", WATCHER, *member, place=place)
    service.ready("member")
    service.send(signal.SIGTSTP)
    assert service.line() == "watcher: stopped"
    service.send(signal.SIGCONT)
    assert service.lines(2) == ["member 18", "watcher: continued"]
    service.send(TERM)
    assert service.wait() == 6
    assert service.rest() == ["member 15", "watcher: ended"]


@pytest.mark.parametrize("signum", [4, 5, 6, 7, 8, 11, 31])
def test_a_fault_signal_from_outside_is_forwarded(start: Starter, place: str, signum: int) -> None:
    service = start("--", *probe("child", f"--exit-on={signum}:3"), place=place)
    service.ready("child")
    service.send(signum)
    assert service.wait() == 3


def test_a_member_without_a_parent_in_the_namespace_is_part_of_a_stop(start: Starter) -> None:
    # As `docker exec` has it: in the namespace, but not below PID 1. The KILL of the end reaches it, and the namespace ends.
    service = start("--grace=200ms", "--", *probe("child", "--exit-on=15:4"))
    service.ready("child")
    command = ["nsenter", "--pid", "--target", str(service.pid), "--", *probe("guest", "--exit-on=15")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as guest:
        assert guest.stdout is not None
        assert guest.stdout.readline().startswith("guest ready")
        service.send(TERM)
        assert service.wait() == 4
        assert guest.stdout.read() in {"", "guest 15\n"}
