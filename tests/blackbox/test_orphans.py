"""Orphans of any number are reaped, and the status stays the command's."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import PATIENCE_S, Starter, assert_footprint_stays, probe, run

BURST = 100_000
# Double-forks ORPHANS processes that end at once, in groups; ends when none of them is left to come.
SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    int left = atoi(argv[1]), hold[2];
    char byte;
    if (pipe(hold)) return 98;
    while (left) {
        int group = left < 500 ? left : 500;
        pid_t middle = fork();
        if (middle < 0) return 99;
        if (!middle) {
            for (int i = 0; i < group; i++) {
                pid_t orphan = fork();
                if (orphan < 0) _exit(97);
                if (!orphan) _exit(i % 7);
            }
            _exit(0);
        }
        int status;
        if (waitpid(middle, &status, 0) != middle || status) return 96;
        left -= group;
    }
    close(hold[1]);
    return read(hold[0], &byte, 1) == 0 ? 42 : 95;
}
"""
COUNT_ZOMBIES = 'n=0; for f in /proc/[0-9]*/stat; do read -r _ _ s _ < $f && [ "$s" = Z ] && n=$((n+1)); done 2>/dev/null; echo zombies $n'


@pytest.fixture(scope="module")
def orphan_maker(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Compile a small C program, since Python forks too slowly for a burst."""
    compiler = shutil.which("cc")
    assert compiler, "a C compiler is needed: apt-get install gcc"
    folder = tmp_path_factory.mktemp("orphans")
    source = folder / "orphans.c"
    source.write_text(SOURCE, encoding="ascii")
    subprocess.run([compiler, "-O1", "-o", str(folder / "orphans"), str(source)], check=True)
    return str(folder / "orphans")


def test_100000_orphans_in_a_burst_leave_no_zombie(pysupervise: str, place: str, orphan_maker: str, tmp_path: Path) -> None:
    report = tmp_path / "status.json"
    done = run(
        [pysupervise, "--status-file", str(report), "--", orphan_maker, str(BURST)],
        place,
        timeout=2 * PATIENCE_S,
    )
    assert (done.returncode, done.stderr) == (42, "")
    assert json.loads(report.read_text(encoding="utf-8"))["reaped"] == BURST + 1


def test_no_zombie_is_left_while_the_command_lives_on(start: Starter, orphan_maker: str) -> None:
    # A signal sent after the burst is forwarded after the reaping of what was dead by then: the loop takes CHLD (17) before RTMIN.
    script = f"trap '{COUNT_ZOMBIES}; exit 3' USR2; {orphan_maker} 5000; echo done $?; while :; do sleep 0.1; done"
    service = start("--forward=child", "--", "sh", "-c", script)
    assert service.line() == "done 42"
    service.send(12)
    assert service.line() == "zombies 0"
    assert service.wait() == 3


def test_memory_does_not_grow_with_the_reaped(start: Starter, orphan_maker: str) -> None:
    script = f"echo ready; while read -r n; do {orphan_maker} $n; echo done $?; done; exit 4"
    service = start("--", "sh", "-c", script, stdin=subprocess.PIPE)
    assert service.line() == "ready"
    assert_footprint_stays(service, 2000, 20000, answer="done 42")
    service.close_stdin()
    assert service.wait() == 4


def test_orphans_come_to_a_pysupervise_that_is_not_pid_1(start: Starter) -> None:
    script = f"sh -c '{' '.join(probe('daemon', '--exit-on=10'))} & exit'; exec {' '.join(probe('child', '--exit-on=10'))}"
    service = start("--", "sh", "-c", script, place="child")
    numbers = service.ready("daemon", "child")
    own = service.pid
    assert len(Path(f"/proc/{own}/task/{own}/children").read_text(encoding="ascii").split()) == 2, numbers
    service.send(10)
    assert service.wait() == 0


def test_no_subreaper_warns_and_leaves_orphans_to_others(start: Starter) -> None:
    script = f"sh -c '{' '.join(probe('daemon'))} & exit'; exec {' '.join(probe('child', '--exit-on=10:3'))}"
    service = start("--no-subreaper", "--", "sh", "-c", script, place="child")
    service.ready("daemon", "child")
    service.send(10)
    assert service.line() == "child 10"
    assert service.wait() == 3
    assert "not PID 1 and does not collect orphans" in service.stderr
    assert "neither stopped nor reaped" in service.stderr
    assert "leave --no-subreaper out" in service.stderr


def test_subreaping_is_quiet(pysupervise: str) -> None:
    assert run([pysupervise, "--", "true"], "child").stderr == ""


def test_as_pid_1_no_subreaper_has_nothing_to_warn_of(pysupervise: str) -> None:
    assert run([pysupervise, "--no-subreaper", "--", "true"]).stderr == ""


def test_sigchld_inherited_as_ignored_is_repaired_and_said(pysupervise: str, place: str) -> None:
    ignore = ["python3", "-c", "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"]
    done = run([*ignore, pysupervise, "--", "sh", "-c", "sh -c 'exit 5'; echo $?; grep SigIgn /proc/self/status; exit 6"], place)
    assert done.returncode == 6
    status, ignored = done.stdout.splitlines()
    assert status == "5", "the command's own waits work too"
    assert not int(ignored.split()[1], 16) & 1 << 16
    assert done.stderr.count("\n") == 1
    assert "SIGCHLD was ignored" in done.stderr
