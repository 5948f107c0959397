"""On a terminal: job control, Ctrl-C, Ctrl-Z and resizing work as without it, and the foreground is given back."""

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pexpect
import pytest
from helpers import PATIENCE_S, children, in_pid_namespace, probe

Terminal: TypeAlias = Any  # pexpect.spawn, which has no types
FOREGROUND = "import os; print('fg', os.tcgetpgrp(0) == os.getpgrp(), flush=True)"


class Terminals:
    """Starts commands on a terminal of their own, and ends them."""

    def __init__(self) -> None:
        self.all: list[Terminal] = []

    def __call__(self, *command: str) -> Terminal:
        """Start a command."""
        environment = {**os.environ, "TERM": "dumb", "PS1": "$ ", "HISTFILE": "/dev/null"}
        child = pexpect.spawn(command[0], list(command[1:]), timeout=PATIENCE_S, encoding="utf-8", env=environment, echo=False)
        self.all.append(child)
        return child

    def bash(self) -> Terminal:
        """Start an interactive shell with job control, as the first process of a namespace."""
        shell = self(*in_pid_namespace(["bash", "--norc", "--noprofile", "--noediting", "-i"]))
        shell.sendline("PS1='PROM''PT> '; stty -echo; bind 'set enable-bracketed-paste off' 2>/dev/null")
        shell.expect_exact("PROMPT> ")
        return shell


@pytest.fixture
def terminal() -> Iterator[Terminals]:
    """Start commands on a terminal: ``terminal("bash")``."""
    terminals = Terminals()
    yield terminals
    for child in terminals.all:
        child.close(force=True)


def words(*command: str) -> str:
    """Return a command as a line for a shell, of words that need no quotes."""
    return " ".join(command)


def under(place: str, *command: str) -> list[str]:
    """Return the command line for a place: PID 1 of a namespace, or a child of a shell without job control."""
    return in_pid_namespace(command if place == "pid1" else ["sh", "-c", '"$@"; exit $?', "sh", *command])


def end(child: Terminal) -> int:
    """Wait for its end, and return the status."""
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus is not None
    return int(child.exitstatus)


@pytest.mark.parametrize("options", [[], ["--status-file=/dev/null"], ["-q", "--forward=child"]])
def test_the_command_is_the_foreground_group(terminal: Terminals, pysupervise: str, place: str, options: list[str]) -> None:
    child = terminal(*under(place, pysupervise, *options, "--", sys.executable, "-I", "-S", "-c", FOREGROUND))
    child.expect_exact("fg True")
    assert end(child) == 0


def test_a_new_session_takes_the_terminal_where_we_lead_ours(terminal: Terminals, pysupervise: str) -> None:
    # As `docker run -it` starts PID 1: the leader of the terminal's session.
    child = terminal(pysupervise, "--session", "--", sys.executable, "-I", "-S", "-c", FOREGROUND)
    child.expect_exact("fg True")
    assert end(child) == 0


@pytest.mark.parametrize("forward", ["child", "group", "tree", "handlers"])
def test_ctrl_c_reaches_the_command_exactly_once(terminal: Terminals, pysupervise: str, place: str, forward: str) -> None:
    child = terminal(*under(place, pysupervise, "--forward", forward, "--", *probe("child", "--exit-on=10:4")))
    child.expect(r"child ready \(pid (\d+)\)")
    for _ in range(3):  # three sent by a program would be a stop that kills
        child.sendintr()
        child.expect(r"child (\d+)\r\n")
        assert child.match.group(1) == "2"
    child.send("\x1c")  # Ctrl-\
    child.expect(r"child (\d+)\r\n")
    assert child.match.group(1) == "3", "no second 2 came before it"


def test_ctrl_c_ends_a_command_with_130(terminal: Terminals, pysupervise: str, place: str) -> None:
    child = terminal(*under(place, pysupervise, "--", "sh", "-c", "echo ready; exec sleep 30"))
    child.expect_exact("ready")
    child.sendintr()
    assert end(child) == 130


def test_a_window_resize_arrives(terminal: Terminals, pysupervise: str, place: str) -> None:
    child = terminal(*under(place, pysupervise, "--", *probe("child")))
    child.expect_exact("child ready")
    child.setwinsize(33, 77)
    child.expect(r"child (\d+)\r\n")
    assert int(child.match.group(1)) == signal.SIGWINCH


def test_bash_has_job_control_under_it(terminal: Terminals, pysupervise: str, place: str) -> None:
    child = terminal(*under(place, pysupervise, "--", "bash", "--norc", "--noprofile", "--noediting", "-i"))
    child.sendline("PS1='PROM''PT> '; stty -echo")
    child.expect_exact("PROMPT> ")
    assert "no job control" not in child.before
    child.sendline("sh -c 'echo sub''job; exec sleep 31'")
    child.expect_exact("subjob")
    child.send("\x1a")
    child.expect_exact("Stopped")
    child.expect_exact("PROMPT> ")
    child.sendline("jobs")
    child.expect_exact("sleep 31")
    child.expect_exact("PROMPT> ")
    child.sendline("fg")
    child.expect_exact("sleep 31")
    child.sendintr()
    child.expect_exact("PROMPT> ")
    child.sendline("exit 5")
    assert end(child) == 5


def test_ctrl_z_suspends_and_fg_resumes_the_whole(terminal: Terminals, pysupervise: str) -> None:
    shell = terminal.bash()
    shell.sendline(words(pysupervise, "--", *probe("child", "--default=20", "--exit-on=15:4")) + "; echo status $?")
    shell.expect(r"child ready \(pid (\d+)\)")
    for _ in range(2):
        shell.send("\x1a")
        shell.expect_exact("Stopped")
        shell.expect_exact("PROMPT> ")
        shell.sendline("ps -o stat= -o comm= --ppid $$ | grep -c ^T; ps -o stat= -C python,python3 | grep -c ^T")
        shell.expect(r"(\d+)\r\n(\d+)\r\n")
        assert shell.match.group(1) == "1", "pysupervise is stopped too"
        assert int(shell.match.group(2)) >= 1, "and so is its command"
        shell.expect_exact("PROMPT> ")
        shell.sendline("fg")
        shell.expect_exact("child 18")
    shell.sendintr()
    shell.expect_exact("child 2")


def test_a_background_job_does_not_steal_the_terminal(terminal: Terminals, pysupervise: str) -> None:
    shell = terminal.bash()
    shell.sendline(words(pysupervise, "--", *probe("child", "--exit-on=15:4")) + " &")
    shell.expect(r"child ready \(pid (\d+)\)")
    shell.sendline("echo still he''re")
    shell.expect_exact("still here")
    shell.sendline(f'{sys.executable} -I -S -c "{FOREGROUND}"')
    shell.expect_exact("fg True")
    shell.sendline("kill %1; wait %1; echo status $?")
    shell.expect_exact("child 15")
    shell.expect_exact("status 4")


def test_a_background_job_that_is_brought_to_the_front_gets_the_terminal(terminal: Terminals, pysupervise: str) -> None:
    shell = terminal.bash()
    shell.sendline(words(pysupervise, "--", *probe("child")) + " &")
    shell.expect_exact("child ready")
    shell.sendline("fg; echo status $?")
    shell.expect_exact("pysupervise")
    shell.sendintr()
    shell.expect_exact("child 2")


@pytest.mark.parametrize("command", ["true", "sh -c 'kill -KILL $$'", "/no/such/command", "--umask=022 /no/such/command", "-v bash -ic :"])
def test_the_foreground_is_given_back_at_the_end(terminal: Terminals, pysupervise: str, command: str) -> None:
    # A shell without job control does not take it back by itself: what it starts next must find itself in the foreground.
    script = f'"$1" {command}; exec "$3" -I -S -c "$2"'
    # No namespace: in one, the group of the first process has no number that could be given back.
    child = terminal("sh", "-c", script, "sh", pysupervise, FOREGROUND, sys.executable)
    child.expect(r"fg (\w+)")
    assert child.match.group(1) == "True"
    assert end(child) == 0


def test_a_pager_at_the_end_of_a_pipe_reads_the_terminal(terminal: Terminals, pysupervise: str) -> None:
    # Standard input is the pipe: the terminal is wanted only when the command reads it, which TTIN tells.
    shell = terminal.bash()
    shell.sendline(f"echo piped | {pysupervise} -- sh -c 'cat; read -r x < /dev/tty; echo \"got $x\"'; echo status $?")
    shell.expect_exact("piped")
    shell.sendline("typed")
    shell.expect_exact("got typed")
    shell.expect_exact("status 0")


def test_hanging_up_reaches_the_command(terminal: Terminals, pysupervise: str, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    os.mkfifo(seen)
    script = f"trap 'trap \"\" HUP; echo hup > {seen}; exit 3' HUP; echo ready; while :; do sleep 0.1; done"
    child = terminal(pysupervise, "--", "sh", "-c", script)
    child.expect_exact("ready")
    child.ptyproc.fileobj.close()
    child.closed = True
    assert seen.read_text(encoding="ascii") == "hup\n"
    assert child.ptyproc.wait() == 3


@pytest.mark.parametrize("redirected", ["2>/dev/null", ""], ids=["stderr redirected", "stderr on it"])
def test_a_pager_at_the_end_of_a_pipe_is_suspended_and_resumed(terminal: Terminals, pysupervise: str, redirected: str) -> None:
    shell = terminal.bash()
    reader = "exec 3</dev/tty; cat >/dev/null; echo reading; read -r line <&3; echo got $line"
    shell.sendline(f"seq 10 | {pysupervise} -- sh -c '{reader}' {redirected}")
    shell.expect_exact("reading")
    for _ in range(2):
        shell.send("\x1a")
        shell.expect_exact("Stopped")
        shell.expect_exact("PROMPT> ")
        shell.sendline("fg")
        shell.expect_exact("pysupervise")
    shell.sendline("words")
    shell.expect_exact("got words")
    shell.expect_exact("PROMPT> ")
    shell.sendline("echo status $?")
    shell.expect_exact("status 0")


@pytest.mark.parametrize("redirected", ["</dev/null 2>/dev/null", "</dev/null >/dev/null 2>&1"])
def test_ctrl_z_works_with_redirected_streams(terminal: Terminals, pysupervise: str, redirected: str) -> None:
    shell = terminal.bash()
    shell.sendline(f"{pysupervise} -- sleep 30 {redirected}")
    for _ in range(2):
        wait_until_asleep(shell, "sleep")
        shell.send("\x1a")
        shell.expect_exact("Stopped")
        shell.expect_exact("PROMPT> ")
        shell.sendline("fg")
        shell.expect_exact("pysupervise")
    wait_until_asleep(shell, "sleep")
    shell.sendintr()
    shell.expect_exact("PROMPT> ")
    shell.sendline("echo status $?")
    shell.expect_exact("status 130")


def test_a_background_job_brought_to_the_front_reads_the_terminal(terminal: Terminals, pysupervise: str) -> None:
    shell = terminal.bash()
    shell.sendline(f"{pysupervise} -- sh -c 'echo started; read -r line; echo got $line' &")
    shell.expect_exact("started")
    shell.sendline("fg; echo status $?")
    shell.expect_exact("pysupervise")
    shell.sendline("words")
    shell.expect_exact("got words")
    shell.expect_exact("status 0")


def test_a_pipeline_keeps_its_terminal(terminal: Terminals, pysupervise: str) -> None:
    # The pager is of our process group: taking the foreground would stop it.
    shell = terminal.bash()
    pager = "cat >/dev/null; echo reading; read -r line </dev/tty; echo got $line"
    shell.sendline(f"{pysupervise} -- seq 100000 | sh -c '{pager}'; echo status $?")
    shell.expect_exact("reading")
    shell.sendline("words")
    shell.expect_exact("got words")
    shell.expect_exact("status 0")


def wait_until_asleep(shell: Terminal, name: str) -> None:
    """Wait until a process of that name below the shell's pysupervise sleeps: the command runs, and is not stopped."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        for group in children(shell.pid):
            for middle in children(group):
                for leaf in children(middle):
                    stat = Path(f"/proc/{leaf}/stat").read_text(encoding="ascii", errors="replace")
                    if f"({name}) S" in stat:
                        return
        time.sleep(0.01)
    raise AssertionError(name)
