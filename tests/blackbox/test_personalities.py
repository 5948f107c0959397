"""Called by another init's name, pysupervise answers as that init does: the same status, words and streams, side by side."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from helpers import in_pid_namespace

CASES = [
    ("tini", ["-v", "--", "sh", "-c", "exit 3"], 3),
    ("tini", ["-v", "--", "sh", "-c", "kill -TERM $$"], 143),
    ("tini", ["-g", "--", "sh", "-c", "kill -TERM 1; sleep 5"], 143),
    ("tini", ["-e", "143", "--", "sh", "-c", "kill -TERM $$"], 0),
    ("tini", ["--", "nosuch-command"], 127),
    ("tini", ["--", "/etc/passwd"], 126),
    ("tini", ["sh", "-s", "-c", "exit 4"], 1),
    ("tini", ["-e", "300", "true"], 1),
    ("tini", ["-p", "TERM", "true"], 1),
    ("tini", ["--version"], 0),
    ("tini", ["--", "sh", "-c", "grep SigIgn /proc/self/status"], 0),
    ("dumb-init", ["sh", "-c", "exit 3"], 3),
    ("dumb-init", ["-r", "10:12", "sh", "-c", "trap 'exit 7' USR2; kill -USR1 1; while :; do :; done"], 7),
    ("dumb-init", ["--rewrite=15:0", "sh", "-c", "kill -TERM 1; exit 5"], 5),
    ("dumb-init", ["-c", "sh", "-c", "exit 6"], 6),
    ("dumb-init", ["nosuch-command"], 2),
    ("dumb-init", ["/etc/passwd"], 2),
    ("dumb-init", ["--yolo", "true"], 1),
    ("dumb-init", ["-r", "99:1", "true"], 1),
    ("dumb-init", ["-V"], 0),
    ("dumb-init", [], 1),
    ("dumb-init", ["sh", "-c", "grep -e SigBlk -e SigIgn /proc/self/status"], 0),
    ("catatonit", ["--", "sh", "-c", "exit 3"], 3),
    ("catatonit", ["--", "sh", "-c", "kill -KILL $$"], 137),
    ("catatonit", ["nosuch-command"], 1),
    ("catatonit", [], 1),
    ("catatonit", ["-V"], 0),
]


def outcome(program: str, arguments: list[str]) -> tuple[int, str, str]:
    """Run an init as PID 1 of a namespace: its status and what it wrote, without numbers of builds and processes."""
    done = subprocess.run(in_pid_namespace([program, *arguments]), capture_output=True, text=True, timeout=30, check=False)
    words = [re.sub(r"pid '\d+'|:\d+\)|\(\d+\)", "N", text).replace(program, Path(program).name) for text in (done.stdout, done.stderr)]
    # The help is each one's own; that it follows is not.
    return done.returncode, words[0], words[1].partition("Usage: tini ")[0]


@pytest.mark.parametrize(
    ("name", "arguments", "status"), CASES, ids=lambda value: " ".join(value) if isinstance(value, list) else str(value)
)
def test_answers_as_the_original(name: str, arguments: list[str], status: int, pysupervise: str, tmp_path: Path) -> None:
    original = shutil.which(name)
    assert original is not None, f"{name} is not installed: apt-get install {name}"
    link = tmp_path / name
    link.symlink_to(pysupervise)
    ours = outcome(str(link), arguments)
    assert ours[0] == status
    assert ours == outcome(original, arguments)


def test_dumb_init_tells_a_run_in_the_same_order(pysupervise: str, tmp_path: Path) -> None:
    link = tmp_path / "dumb-init"
    link.symlink_to(pysupervise)
    _, _, words = outcome(str(link), ["-v", "sh", "-c", "kill -USR1 1; exit 3"])
    lines = [line for line in words.splitlines() if "signal 10" in line or "exit" in line or "Forwarded" in line]
    assert lines[0] == "[dumb-init] Received signal 10."
    assert lines[-1] == "[dumb-init] Child exited with status 3. Goodbye." or lines[-1].startswith(
        "[dumb-init] Child exited with status 138"
    )


def test_docker_init_is_tini(pysupervise: str, tmp_path: Path) -> None:
    link = tmp_path / "docker-init"
    link.symlink_to(pysupervise)
    assert outcome(str(link), ["--", "sh", "-c", "exit 9"]) == (9, "", "")
