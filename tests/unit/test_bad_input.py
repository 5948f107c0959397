"""Wrong options and variables: status 2, a reason in one line, a hint, and nothing is started."""

import subprocess
from pathlib import Path

import pytest

NO_TEXT = "\udcff"

# Options as they stand before `-- touch FILE`.
ARGUMENTS: list[list[str]] = [
    ["--no-such-option"],
    ["--gracee", "5s"],
    ["--Grace", "5s"],
    ["--grac", "5s"],
    ["--=5s"],
    ["-x"],
    ["-vx"],
    ["-g", "5s"],
    ["--session=yes"],
    ["--verbose=2"],
    ["--no-sweep="],
    ["--grace"],
    ["--grace="],
    ["--grace", "5"],
    ["--grace", "s"],
    ["--grace", "ms"],
    ["--grace", "-5s"],
    ["--grace", "+5s"],
    ["--grace", "5 s"],
    ["--grace", "5sec"],
    ["--grace", "5S"],
    ["--grace", "5d"],
    ["--grace", "1m30s"],
    ["--grace", "1e3s"],
    ["--grace", ".5s"],
    ["--grace", "5.s"],
    ["--grace", "1.2.3s"],
    ["--grace", "infs"],
    ["--grace", "nans"],
    ["--grace", "\u0665s"],
    ["--grace", "99999999999h"],
    ["--grace", "soon\nnow"],
    ["--grace", NO_TEXT],
    ["--sweep-grace", "five"],
    ["--stop-signal", "TREM"],
    ["--stop-signal", "0"],
    ["--stop-signal", "32"],
    ["--stop-signal", "65"],
    ["--stop-signal", "-15"],
    ["--stop-signal", ""],
    ["--stop-signal", "STOP"],
    ["--stop-signal", "CHLD"],
    ["--stop-signal", "RTMIN+31"],
    ["--stop-signal", "RTMAX-31"],
    ["--stop-signal", "RTMIN+"],
    ["--stop-signal", "15s"],
    ["--stop-signal", "TERM,INT"],
    ["--stop", ""],
    ["--stop", "TERM"],
    ["--stop", "TERM:"],
    ["--stop", "TERM:8"],
    ["--stop", ":8s"],
    ["--stop", "TERM@:8s"],
    ["--stop", "TERM@everybody:8s"],
    ["--stop", "TERM:8s,"],
    ["--stop", "TERM:8s,,KILL"],
    ["--stop", "KILL,TERM:8s"],
    ["--stop", "STOP:1s,KILL"],
    ["--stop", "TERM:8s:9s"],
    ["--stop", "TERM:8s;KILL"],
    ["--forward", "everybody"],
    ["--forward", "TREE"],
    ["--forward", ""],
    ["--rewrite", "TERM"],
    ["--rewrite", "=TERM"],
    ["--rewrite", "TERM="],
    ["--rewrite", "KILL=TERM"],
    ["--rewrite", "STOP=TERM"],
    ["--rewrite", "CHLD=TERM"],
    ["--rewrite", "TERM=QUIT,"],
    ["--rewrite", "TERM=99"],
    ["--rewrite", "TERM=QUIT=HUP"],
    ["--umask", "999"],
    ["--umask", "1000"],
    ["--umask", "-1"],
    ["--umask", "0o22"],
    ["--umask", ""],
    ["--user", ""],
    ["--user", "no-such-user-here"],
    ["--user", "root:"],
    ["--user", ":root"],
    ["--user", "root:no-such-group-here"],
    ["--user", "4294967295"],
    ["--user", "99999999999999999999"],
    ["--user", "-1"],
    ["--env", "NAME"],
    ["--env", "=value"],
    ["--env", ""],
    ["--env-file", "/no/such/file"],
    ["--env-file", "/"],
    ["--env-file", ""],
    ["--workdir", ""],
    ["--argv0", ""],
    ["--nice", "20"],
    ["--nice", "-21"],
    ["--nice", "low"],
    ["--nice", "1.5"],
    ["--nice", "--5"],
    ["--oom-score-adj", "1001"],
    ["--oom-score-adj", "-1001"],
    ["--oom-score-adj", "max"],
    ["--parent-death", "NONE"],
    ["--parent-death", "0"],
    ["--parent-death", "CHLD"],
    ["--parent-death", "STOP"],
    ["--map-exit", "143"],
    ["--map-exit", "256=0"],
    ["--map-exit", "0=256"],
    ["--map-exit", "-1=0"],
    ["--map-exit", "143=0,"],
    ["--map-exit", "TERM=0"],
    ["--map-exit", "9999999999999999999999=0"],
    ["--status-file", ""],
    ["--log-format", "xml"],
    ["--log-format", "JSON"],
    ["--stop", "TERM:5s", "--grace", "5s"],
    ["--stop", "TERM:5s", "--stop-signal", "QUIT"],
    ["--no-sweep", "--sweep-grace", "5s"],
    ["--no-sweep", "--wait-all"],
    ["-q", "-v"],
    ["-qv"],
]

VARIABLES: list[tuple[str, str]] = [
    ("GRACE", "5"),
    ("GRACE", " 5s"),
    ("STOP_SIGNAL", "TREM"),
    ("STOP", "TERM"),
    ("FORWARD", "all"),
    ("REWRITE", "TERM"),
    ("REWRITE", "TERM=QUIT\nHUP"),
    ("SESSION", "maybe"),
    ("QUIET", "2"),
    ("VERBOSE", "3"),
    ("NO_SWEEP", "-1"),
    ("UMASK", "abc"),
    ("USER", "no-such-user-here"),
    ("ENV", "NAME"),
    ("ENV_FILE", "/no/such/file"),
    ("NICE", "x"),
    ("OOM_SCORE_ADJ", "1e3"),
    ("MAP_EXIT", "x=y"),
    ("LOG_FORMAT", "yaml"),
    ("PARENT_DEATH", "yes"),
    ("GRACE", "\udcfe\udcff"),
]

NOTHING_TO_RUN: list[list[str]] = [[], ["--"], ["--grace", "5s"], ["--grace", "5s", "--"], ["-v"], ["--grace", "--"]]


def refused(program: str, arguments: list[str], variables: dict[str, str], tmp_path: Path) -> list[str]:
    """Return the two lines, after a look at what every refusal has in common."""
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8", **variables}
    ended = subprocess.run([program, *arguments], env=environment, cwd=tmp_path, capture_output=True, timeout=20, check=False)
    stderr = ended.stderr.decode()
    assert ended.returncode == 2, stderr
    assert ended.stdout == b""
    lines = stderr.splitlines()
    assert len(lines) == 2, stderr
    assert stderr.endswith("\n")
    reason, hint = lines
    assert reason.startswith("pysupervise: cannot ")
    assert ": " in reason.removeprefix("pysupervise: cannot ")
    assert hint.startswith("pysupervise: hint: ")
    assert len(hint) > len("pysupervise: hint: ")
    assert all(line.isprintable() for line in lines), stderr
    assert list(tmp_path.iterdir()) == [], "something was started"
    return lines


def readable(value: object) -> str:
    return ascii(value)


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=readable)
def test_wrong_arguments(pysupervise: str, tmp_path: Path, arguments: list[str]) -> None:
    refused(pysupervise, [*arguments, "--", "touch", "started"], {}, tmp_path)


@pytest.mark.parametrize(("name", "value"), VARIABLES, ids=readable)
@pytest.mark.parametrize("before", [[], ["--no-subreaper"]], ids=["plain form", "with options"])
def test_wrong_variables(pysupervise: str, tmp_path: Path, name: str, value: str, before: list[str]) -> None:
    reason, _ = refused(pysupervise, [*before, "--", "touch", "started"], {f"PYSUPERVISE_{name}": value}, tmp_path)
    assert f"PYSUPERVISE_{name}" in reason


@pytest.mark.parametrize("arguments", NOTHING_TO_RUN, ids=readable)
def test_no_command(pysupervise: str, tmp_path: Path, arguments: list[str]) -> None:
    refused(pysupervise, arguments, {}, tmp_path)


@pytest.mark.parametrize("verb", ["completion", "manpage", "probe"])
def test_an_option_of_a_run_before_a_verb(pysupervise: str, tmp_path: Path, verb: str) -> None:
    refused(pysupervise, ["--grace", "5s", verb], {}, tmp_path)


def test_contradicting_variables(pysupervise: str, tmp_path: Path) -> None:
    refused(pysupervise, ["--", "touch", "started"], {"PYSUPERVISE_STOP": "TERM:5s", "PYSUPERVISE_GRACE": "5s"}, tmp_path)


@pytest.mark.parametrize("content", ["NAME\n", "=x\n", "A=1\nexport\n", "A=\0\n"], ids=readable)
def test_wrong_environment_file(pysupervise: str, tmp_path: Path, content: str) -> None:
    file = tmp_path / "env"
    file.write_text(content)
    place = tmp_path / "place"
    place.mkdir()
    refused(pysupervise, ["--env-file", str(file), "--", "touch", "started"], {}, place)


def test_a_mistyped_option_is_guessed(pysupervise: str, tmp_path: Path) -> None:
    _, hint = refused(pysupervise, ["--gracee", "5s", "--", "touch", "started"], {}, tmp_path)
    assert hint == "pysupervise: hint: did you mean --grace?"


def test_the_list_is_long_enough() -> None:
    assert len(ARGUMENTS) + len(VARIABLES) >= 60
