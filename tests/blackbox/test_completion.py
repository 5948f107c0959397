"""The completion script of bash, in a real bash: what is offered where, with the bash-completion package and without."""

import subprocess
from pathlib import Path

import pytest
from helpers import PATIENCE_S

# The script and the words are arguments; the last word is the one that is completed. What a keyboard would cut at = and : is cut.
ASK = r"""
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_pysupervise
printf '%s\n' "${COMPREPLY[@]}"
"""
PACKAGE = '_command_offset() { COMPREPLY=("offset $1 of ${#COMP_WORDS[@]}"); }\n'


@pytest.fixture(scope="module")
def script(pysupervise: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("completion") / "pysupervise.bash"
    with path.open("wb") as file:
        subprocess.run([pysupervise, "completion", "bash"], stdout=file, check=True, timeout=PATIENCE_S)
    return str(path)


def offered(script: str, *words: str, cwd: Path | None = None, before: str = "") -> list[str]:
    """Return what is offered for the last word, sorted. Nothing may be written to standard error."""
    command = ["bash", "--norc", "--noprofile", "-c", before + ASK, "bash", script, "pysupervise", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=True, cwd=cwd)
    assert done.stderr == ""
    return sorted(filter(None, done.stdout.splitlines()))


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--forward", "c"], ["child"]),
        (["--forward", "=", "c"], ["child"]),
        (["--forward=c"], ["--forward=child"]),
        (["--forward", "="], ["child", "group", "handlers", "tree"]),
        (["--forward", ""], ["child", "group", "handlers", "tree"]),
        (["--grac"], ["--grace"]),
        (["--grace", "5s", "--forw"], ["--forward"]),
        (["--grace", "l"], []),
        (["--env", "A", "=", "b", "--forw"], ["--forward"]),
        (["--stop", "TERM", "@", "child", ":", "8s", "--forw"], ["--forward"]),
        (["--stop-signal", "TE"], ["TERM"]),
        (["--stop-signal", "=", "QU"], ["QUIT"]),
        (["--stop-signal", "STO"], []),
        (["--parent-death", "HU"], ["HUP"]),
        (["--user", "nobod"], ["nobody"]),
        (["completion", ""], ["bash", "fish", "zsh"]),
        (["completion", "--h"], ["--help"]),
        (["manpage", ""], []),
        (["demo", "zom"], ["zombies"]),
        (["demo", "--pl"], []),
        (["demo", "--json", "se"], ["setsid-escape"]),
        (["check", "--rep"], ["--repeat"]),
        (["check", "--grac"], []),
        (["check", "--signal", "TER"], ["TERM"]),
        (["doctor", "--docker"], ["--dockerfile"]),
        (["tree", "--sig"], ["--signal"]),
        (["zombies", "--par"], ["--parent"]),
        (["probe", "--ret"], ["--retries"]),
        (["probe", "--retries", "3", "ht"], ["http://", "https://"]),
        (["probe", "http", ":"], ["//"]),
        (["ls", "--grac"], []),
        (["--grace", "5s", "ls", "--grac"], []),
        (["--", "ls", "--grac"], []),
        (["--", "check", "--rep"], []),
        (["--grace", "5s", "chec"], []),
    ],
    ids=ascii,
)
def test_offered(script: str, tmp_path: Path, words: list[str], expected: list[str]) -> None:
    assert [word for word in offered(script, *words, cwd=tmp_path) if not word.endswith("check")] == expected


def test_verbs_and_commands_are_offered_for_the_first_word(script: str) -> None:
    assert {"check", "zombies", "cat", "ls"} <= set(offered(script, ""))
    assert "zombies" not in offered(script, "--grace", "5s", "zombi")


@pytest.mark.parametrize("before", [["--"], ["--grace", "5s", "--"], ["--env", "A", "=", "b", "--"], ["check", "--"], ["check", "--bare"]])
def test_the_command_is_completed_without_the_package(script: str, tmp_path: Path, before: list[str]) -> None:
    (tmp_path / "a-file").touch()
    assert "setpriv" in offered(script, *before, "setpri")
    assert offered(script, *before, "cat", "a-f", cwd=tmp_path) == ["a-file"]


@pytest.mark.parametrize(
    ("words", "offset"),
    [(["--", "l"], 2), (["--env", "A", "=", "b", "--", "git", "st"], 6), (["ls", "--grac"], 1), (["check", "--repeat", "2", "ls", ""], 4)],
)
def test_the_command_is_completed_by_the_package(script: str, words: list[str], offset: int) -> None:
    assert offered(script, *words, before=PACKAGE) == [f"offset {offset} of {len(words) + 1}"]
    later = PACKAGE.replace("_command", "_comp_command")
    assert offered(script, *words, before=later) == [f"offset {offset} of {len(words) + 1}"]


def test_files_and_directories(script: str, tmp_path: Path) -> None:
    (tmp_path / "name-file").touch()
    (tmp_path / "name-directory").mkdir()
    assert offered(script, "--env-file", "name", cwd=tmp_path) == ["name-directory", "name-file"]
    assert offered(script, "--workdir", "=", "name", cwd=tmp_path) == ["name-directory"]
    assert offered(script, "doctor", "--dockerfile", "name-f", cwd=tmp_path) == ["name-file"]
