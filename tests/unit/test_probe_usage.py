"""The probe's targets and options: what they mean, and what is refused with status 2 before anything is tried."""

import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysupervise.cli import probe as face
from pysupervise.core.cmdline import Question, UsageError
from pysupervise.features.probe import read
from pysupervise.features.probe.options import OPTIONS, QUESTIONS, header, interval, limit, retries, statuses
from pysupervise.features.probe.target import parse


@pytest.mark.parametrize(
    ("word", "kind", "host", "port", "path", "name"),
    [
        ("tcp:80", "tcp", "127.0.0.1", 80, "", "tcp 127.0.0.1:80"),
        ("tcp:db:5432", "tcp", "db", 5432, "", "tcp db:5432"),
        ("tcp:[::1]:80", "tcp", "::1", 80, "", "tcp [::1]:80"),
        ("tcp:[fe80::1%eth0]:80", "tcp", "fe80::1%eth0", 80, "", "tcp [fe80::1%eth0]:80"),
        ("tcp:10.0.0.1:65535", "tcp", "10.0.0.1", 65535, "", "tcp 10.0.0.1:65535"),
        ("http://web", "http", "web", 80, "/", "http://web"),
        ("https://web", "http", "web", 443, "/", "https://web"),
        ("http://web:8080/a/b?c=d#e", "http", "web", 8080, "/a/b?c=d", "http://web:8080/a/b?c=d#e"),
        ("HTTP://web/A", "http", "web", 80, "/A", "HTTP://web/A"),
        ("Https://web", "http", "web", 443, "/", "Https://web"),
        ("http://web?c=/d", "http", "web", 80, "/?c=/d", "http://web?c=/d"),
        ("http://[::1]/x", "http", "::1", 80, "/x", "http://[::1]/x"),
        ("http://[::1]:81/", "http", "::1", 81, "/", "http://[::1]:81/"),
        ("http://web/\u00e9%20", "http", "web", 80, "/%C3%A9%20", "http://web/\u00e9%20"),
        ('http://web/"<>', "http", "web", 80, "/%22%3C%3E", 'http://web/"<>'),
        ("unix:/run/x.sock", "unix", "", 0, "/run/x.sock", "unix /run/x.sock"),
        ("unix:@name", "unix", "", 0, "@name", "unix @name"),
        ("pid:/run/x.pid", "pid", "", 0, "/run/x.pid", "/run/x.pid"),
        ("exec:true", "exec", "", 0, "", "exec true"),
    ],
)
def test_target(word: str, kind: str, host: str, port: int, path: str, name: str) -> None:
    target = parse(word)
    assert (target.kind, target.host, target.port, target.path, target.name) == (kind, host, port, path, name)
    assert target.secure == word.lower().startswith("https")


BAD_TARGETS = [
    *["", "80", "localhost:80", "udp:80", "TCP:80", "ftp://web/", "tcp", "http", ":80", "/run/x.sock"],
    *["tcp:", "tcp::", "tcp::80", "tcp:web", "tcp:web:", "tcp:web:http", "tcp:0", "tcp:65536", "tcp:-1", "tcp:+1", "tcp:8 0", "tcp:\u0668"],
    *["tcp:::1:80", "tcp:[::1]", "tcp:[::1]80", "tcp:[::1:80", "tcp:[]:80", "tcp:[web]:80", "tcp:a b:80", "tcp:a@b:80", "tcp:a/b:80"],
    *["tcp:99999999999999999999", "tcp:w\u00e9b:80", "tcp:\udcff:80", "tcp:a\nb:80", "tcp:80/x"],
    *["http:", "http:/web", "http:web", "http://", "http:///x", "http://:80/", "http://web:/", "http://web:x/", "http://me:pw@web/"],
    *[
        "http://web/a b",
        "http://web/\r\nX:y",
        "http://web/\x1b[2J",
        "http://web/\udcff",
        "http://w\u00e9b/",
        "http://::1/",
        "http://web:0/",
    ],
    *["unix:", "unix:@", "unix:/" + "x" * 107, "unix:@" + "x" * 108, "pid:", "exec:"],
]


@pytest.mark.parametrize("word", BAD_TARGETS, ids=ascii)
def test_bad_target(word: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse(word)
    reason, hint = caught.value.args
    assert reason
    assert hint


def test_the_longest_names_of_unix_sockets() -> None:
    assert len(parse("unix:/" + "x" * 106).path) == 107
    assert len(parse("unix:@" + "x" * 107).path) == 108


@pytest.mark.parametrize(
    ("word", "ranges"),
    [
        ("200", ((200, 200),)),
        ("200,204,300-399", ((200, 200), (204, 204), (300, 399))),
        ("100-999", ((100, 999),)),
        ("404-404", ((404, 404),)),
    ],
)
def test_statuses(word: str, ranges: Any) -> None:
    assert statuses(word) == ranges


@pytest.mark.parametrize(
    ("word", "field"),
    [("Host:x", ("Host", "x")), ("X-A: b:c ", ("X-A", "b:c")), ("Empty:", ("Empty", "")), ("A:\u00e9", ("A", "\u00e9"))],
)
def test_header(word: str, field: tuple[str, str]) -> None:
    assert header(word) == field


BAD_VALUES: list[tuple[Any, str]] = [
    *[
        (statuses, word)
        for word in ("", "20", "2000", "099", "ok", "200,", ",200", "200-", "-200", "399-300", "200-300-400", "2xx", "200 ")
    ],
    *[(header, word) for word in ("", "Host", ":x", "A B:c", "A\n:c", "A:b\r\nC:d", "A:\0", "\u00c4:b", " A:b", "A:\udcff", "A:\x1b[1m")],
    *[(limit, word) for word in ("", "5", "0", "0s", "0ms", "-1s", "61m", "2h", "nans", "1e3s", "999999999999h")],
    *[(interval, word) for word in ("", "5", "-1s", "61m", "soon")],
    *[(retries, word) for word in ("", "-1", "+1", "1.5", "x", "10001", "99999999999999999999", "\u0665", " 1")],
]


@pytest.mark.parametrize(("read_value", "word"), BAD_VALUES, ids=lambda value: ascii(value) if isinstance(value, str) else value.__name__)
def test_bad_value(read_value: Any, word: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_value(word)
    reason, hint = caught.value.args
    assert reason
    assert hint


def test_values_at_their_ends() -> None:
    assert (limit("1ms"), limit("60m"), interval("0"), interval("0s"), retries("0"), retries("10000")) == (0.001, 3600, 0, 0, 0, 10000)


def test_options_stand_before_or_after_a_target() -> None:
    for arguments in (["--retries", "2", "-q", "tcp:80"], ["tcp:80", "--retries=2", "-q"], ["--retries", "2", "--", "tcp:80", "-q"]):
        chosen, target = read(arguments)
        assert (chosen, target.port) == ({"retries": 2, "quiet": 1}, 80)
    chosen, _ = read(["--header", "A:1", "http://web/", "--header", "B:2"])
    assert chosen == {"header": [("A", "1"), ("B", "2")]}


def test_what_follows_a_command_is_its_own() -> None:
    chosen, target = read(["-q", "exec:cmd", "-q", "--help", "--", "x", ""])
    assert (chosen, target.command) == ({"quiet": 1}, ["cmd", "-q", "--help", "--", "x", ""])


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["-qh"], ["tcp:80", "--help"], ["--retries", "1", "--help", "nonsense"]])
def test_the_question_for_help(arguments: list[str]) -> None:
    with pytest.raises(Question):
        read(arguments)


BAD_ARGUMENTS = [
    [],
    ["--"],
    ["-q"],
    ["--timeout", "5s"],
    ["--timeout"],
    ["--timeout", "5", "tcp:80"],
    ["--timeout=", "tcp:80"],
    ["--json=yes", "tcp:80"],
    ["--no-such", "tcp:80"],
    ["--grace", "5s", "tcp:80"],
    ["-v", "tcp:80"],
    ["-qx", "tcp:80"],
    ["--version"],
    ["tcp:80", "tcp:81"],
    ["tcp:80", "--", "tcp:81"],
    ["tcp:80", "--bogus"],
    ["--status", "200", "tcp:80"],
    ["tcp:80", "--body", "x"],
    ["--header", "A:b", "unix:/x"],
    ["--insecure", "pid:/x"],
    ["--status", "200", "exec:true"],
    ["--insecure", "http://web/"],
    ["--body", "", "http://web/"],
    ["--header", "A", "http://web/"],
    ["--status", "20", "http://web/"],
    *[[word] for word in BAD_TARGETS],
]


@pytest.mark.parametrize("arguments", BAD_ARGUMENTS, ids=ascii)
def test_bad_arguments(arguments: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        read(arguments)
    assert caught.value.reason.startswith("cannot ")
    assert ": " in caught.value.reason
    assert caught.value.reason.isprintable()
    assert caught.value.hint


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["--retries", "x", "exec:touch", "tried"], ["--body", "x", "exec:touch", "tried"], ["tcp:\udcff\x1b[2J:1"]],
    ids=ascii,
)
def test_wrong_usage_as_a_user_sees_it(pysupervise: str, tmp_path: Path, arguments: list[str]) -> None:
    ended = subprocess.run([pysupervise, "probe", *arguments], cwd=tmp_path, capture_output=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout) == (2, b"")
    reason, hint = ended.stderr.decode().splitlines()
    assert reason.startswith("pysupervise: cannot ")
    assert hint.startswith("pysupervise: hint: ")
    assert (reason + hint).isprintable()
    assert list(tmp_path.iterdir()) == []


def test_a_mistyped_option_is_guessed_among_those_of_the_probe() -> None:
    with pytest.raises(UsageError) as caught:
        read(["--timout", "5s", "tcp:80"])
    assert caught.value.hint == "did you mean --timeout?"


def test_help_names_every_option_target_and_status(pysupervise: str) -> None:
    ended = subprocess.run([pysupervise, "probe", "tcp:80", "--help"], capture_output=True, text=True, timeout=20, check=True)
    assert ended.stdout.startswith("Usage: pysupervise probe [OPTIONS] TARGET\n")
    for option in (*OPTIONS, *QUESTIONS):
        assert f"--{option.name}" in ended.stdout
    for target, _ in face.TARGETS:
        assert f"\n  {target} " in ended.stdout
    assert "\n  2  wrong usage" in ended.stdout
    assert isinstance(face.command, click.Command)


def test_the_variables_of_a_run_are_of_no_matter(pysupervise: str) -> None:
    environment = {"PATH": "/usr/bin:/bin", "PYSUPERVISE_GRACE": "nonsense", "PYSUPERVISE_TIMEOUT": "nonsense"}
    ended = subprocess.run([pysupervise, "probe", "-q", "exec:true"], env=environment, capture_output=True, timeout=20, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")


WORDS = st.sampled_from(
    ["--timeout", "5s", "-q", "--", "tcp:", "tcp:80", "http://", "exec:", "exec:x", "[::1]", "unix:@", "--header", "A:b"]
)


@given(st.lists(WORDS | st.text(max_size=12) | st.builds("{}{}".format, WORDS, st.text(max_size=8)), max_size=5))
def test_any_arguments_are_a_target_a_question_or_a_refusal(arguments: list[str]) -> None:
    try:
        _, target = read(arguments)
    except (UsageError, Question):
        return
    assert target.kind in ("tcp", "http", "unix", "pid", "exec")
    assert target.kind != "http" or (target.path.isascii() and target.path.isprintable() and " " not in target.path)
