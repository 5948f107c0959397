"""How check learns the way in which processes ended that are not its children: with real ones."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from pysupervise.cli import procfs
from pysupervise.cli.checking import fates
from pysupervise.cli.checking.watch import Member

TELLS_EXITS = tuple(map(int, os.uname().release.split("-")[0].split(".")[:2])) >= (6, 15)


def member(pid: int) -> Member:
    stat = procfs.read_stat(pid)
    assert stat is not None
    return Member(stat, None, 0, stat.name)


@pytest.fixture
def held() -> Iterator[fates.Fates]:
    found = fates.Fates()
    yield found
    found.close()


def end(held: fates.Fates, root: int, signum: int) -> None:
    with subprocess.Popen(["sleep", "100"]) as process:
        held.hold({process.pid: member(process.pid)}, root)
        process.send_signal(signum)


def gone() -> int:
    with subprocess.Popen(["true"]) as process:
        return process.pid


def test_only_who_was_killed_is_named(held: fates.Fates) -> None:
    root = gone()
    end(held, root, signal.SIGTERM)
    end(held, root, signal.SIGKILL)
    assert [len(held.killed()), len(held.untold())] == ([1, 0] if TELLS_EXITS else [0, 2])


def test_who_ends_while_the_root_goes_on_is_let_go(held: fates.Fates) -> None:
    end(held, os.getpid(), signal.SIGKILL)
    held.hold({}, os.getpid())
    assert (held.killed(), held.untold()) == ([], [])


def test_an_old_kernel_tells_nothing(held: fates.Fates, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fates, "GET_INFO", fates.GET_INFO & ~0xFF)  # number 0, which no kernel knows
    end(held, gone(), signal.SIGKILL)
    assert (held.killed(), [found.command for found in held.untold()]) == ([], ["sleep"])


def test_a_start_that_was_interrupted_leaves_no_child() -> None:
    code = "import subprocess; from pysupervise.cli import check; child = subprocess.Popen(['sleep', '100']); check._end_children()"
    done = subprocess.run([sys.executable, "-c", code + "; print(child.wait(0))"], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout) == (0, "0\n"), done
