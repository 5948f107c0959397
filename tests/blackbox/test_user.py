"""--user: the command runs as somebody else and cannot come back; pysupervise itself stays who it is."""

import os
import sys
from pathlib import Path

import pytest
from helpers import Starter, probe, run

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="changing the user takes root")
SHOW = "import os; print(os.getresuid(), os.getresgid(), os.getgroups(), *(os.environ.get(n) for n in ('HOME', 'USER', 'LOGNAME')))"
REGAIN = """
import os
for call in (lambda: os.setuid(0), lambda: os.setresuid(0, 0, 0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.seteuid(0)):
    try:
        call()
    except PermissionError:
        continue
    raise SystemExit(9)
"""


@pytest.mark.parametrize(
    ("user", "uid", "gid", "groups", "home", "name"),
    [
        ("nobody", 65534, 65534, [65534], "/nonexistent", "nobody"),
        ("65534", 65534, 65534, [65534], "/nonexistent", "nobody"),
        ("nobody:daemon", 65534, 1, [1], "/nonexistent", "nobody"),
        ("1234:5678", 1234, 5678, [5678], "/", "1234"),
        ("1234", 1234, 1234, [1234], "/", "1234"),
    ],
)
def test_user_and_groups(pysupervise: str, place: str, user: str, uid: int, gid: int, groups: list[int], home: str, name: str) -> None:
    done = run([pysupervise, "--user", user, "--", "/usr/bin/python3", "-I", "-S", "-c", SHOW], place)
    assert done.stdout.strip() == f"{(uid,) * 3} {(gid,) * 3} {groups} {home} {name} {name}", done.stderr


@pytest.mark.parametrize("user", ["nobody", "1234:5678"])
def test_the_user_cannot_become_root_again(pysupervise: str, user: str) -> None:
    done = run([pysupervise, "--user", user, "--", "/usr/bin/python3", "-I", "-S", "-c", REGAIN])
    assert (done.returncode, done.stderr) == (0, "")


def test_only_the_command_is_somebody_else_and_still_gets_signals(start: Starter) -> None:
    service = start("--user=nobody", "--", *["/usr/bin/python3", *probe("child", "--exit-on=15:5")[1:]])
    service.ready("child")
    assert "Uid:\t0\t0\t0\t0" in Path(f"/proc/{service.pid}/status").read_text(encoding="ascii")
    service.send(15)
    assert service.wait() == 5


def test_a_command_that_the_user_may_not_run_gives_126(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "own").write_text("#!/bin/sh\n", encoding="ascii")
    (tmp_path / "own").chmod(0o700)
    done = run([pysupervise, "--user", "nobody", "--", str(tmp_path / "own")])
    assert done.returncode in (126, 127)
    assert "cannot execute" in done.stderr


def test_whoever_is_that_user_already_needs_no_privilege(pysupervise: str) -> None:
    drop = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", pysupervise]
    show = ["/usr/bin/python3", "-I", "-S", "-c", SHOW]
    done = run([*drop, "--user", "nobody", "--", *show])
    assert (done.stdout.strip(), done.returncode) == (f"{(65534,) * 3} {(65534,) * 3} [] /nonexistent nobody nobody", 0), done.stderr
    done = run([*drop, "--user", "nobody:daemon", "--", *show])
    assert (done.returncode, done.stdout) == (126, "")


def test_without_the_privilege_it_gives_126_and_says_why(pysupervise: str) -> None:
    # The interpreter of a test's venv may be closed to others: as another user, only what everybody may read can run.
    drop = ["setpriv", "--reuid=1234", "--clear-groups", "--", sys.executable, "-c", "pass"]
    if run(drop).returncode:
        pytest.skip("another user may not run this interpreter")
    done = run([*drop[:4], pysupervise, "--user", "nobody", "--", "true"])
    assert done.returncode == 126
    assert "that takes a privilege" in done.stderr
