"""doctor's words: wrong usage, lines and columns, colour and width, JSON again and again."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pexpect
import pytest
from helpers import PATIENCE_S

UNUSABLE = 64


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (["0"], "cannot examine: Invalid value"),
        (["٣"], "'٣' is no pid"),
        (["1_0"], "'1_0' is no pid"),
        (["--nope"], "cannot examine: No such option"),
        (["1", "--container", "x"], "several things at once"),
        (["--target", "x"], "cannot use --target"),
        (["--container", "no-such-container"], "no running container 'no-such-container'"),
        (["--dockerfile", "/nonexistent"], "cannot read /nonexistent: No such file"),
        (["--compose", "/dev/null"], "it has no services"),
        (["--dockerfile", "/dev/null"], "it has no FROM"),
        (["4194303"], "no such process"),
    ],
)
def test_wrong_usage_has_a_status_of_its_own(pysupervise: str, args: list[str], reason: str) -> None:
    done = subprocess.run([pysupervise, "doctor", *args], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert (done.returncode, done.stdout) == (UNUSABLE, "")
    first, second = done.stderr.splitlines()
    assert reason in first
    assert first.startswith("pysupervise: cannot ")
    assert second.startswith("pysupervise: hint: ")


def test_files_point_to_line_and_column(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x\nENTRYPOINT a; b\n")
    done = subprocess.run([pysupervise, "doctor", "--dockerfile", "Dockerfile"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "  evidence   Dockerfile:2:12: ENTRYPOINT a; b\n" in done.stdout


def test_terminal_gets_colour_and_lines_of_its_width(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM x\nENTRYPOINT a; b\n")
    words = ["doctor", "--dockerfile", str(tmp_path / "Dockerfile")]

    def lines(**variables: str) -> str:
        environment: Any = {**os.environ, "TERM": "xterm", **variables}
        child = pexpect.spawn(pysupervise, words, env=environment, encoding="utf-8", timeout=PATIENCE_S, dimensions=(24, 60))
        child.expect(pexpect.EOF)
        text: str = child.before or ""
        child.close()
        assert child.exitstatus == 2
        return text

    assert "\x1b[31m" in lines()
    plain = lines(NO_COLOR="1")
    assert "\x1b" not in plain
    assert max(len(line) for line in plain.splitlines()) <= 60


def test_watch_looks_again(pysupervise: str, tmp_path: Path) -> None:
    """One line of JSON a look; the status is that of the last one."""
    path = tmp_path / "Dockerfile"
    path.write_text("FROM x\nENTRYPOINT a; b\n")
    words = [pysupervise, "doctor", "--json", "--watch", "0.1", "--dockerfile", str(path)]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["status"] == 2
        path.write_text('FROM x\nENTRYPOINT ["svc"]\n')
        while json.loads(process.stdout.readline())["status"] != 0:
            pass
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
