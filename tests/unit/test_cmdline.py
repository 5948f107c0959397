"""The command line and the variables: what settings they make, in every form, and that they agree with the one table."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pysupervise.core.cmdline import CONFLICTS, Question, UsageError, parse, sweep_plan
from pysupervise.core.options import BY_NAME, BY_SHORT, BY_VARIABLE, OPTIONS, QUESTIONS, VARIABLE_PREFIX, VERBS
from pysupervise.core.settings import DEBUG, DEFAULT_GRACE_S, ERROR, INFO, WARNING, Settings

HUP, INT, QUIT, KILL, TERM = 1, 2, 3, 9, 15

# A value for each option, the attribute of the settings that it is for, and what that is then. A row for each, or a test fails.
ROWS: dict[str, tuple[str, str, Any]] = {
    "grace": ("30s", "stop_plan", ((0, None, 30.0),)),
    "stop-signal": ("QUIT", "stop_plan", ((QUIT, None, DEFAULT_GRACE_S),)),
    "stop": ("TERM@handlers:8s,TERM@tree:2s,KILL", "stop_plan", ((TERM, "handlers", 8.0), (TERM, "tree", 2.0))),
    "sweep-grace": ("2s", "sweep_plan", ((TERM, None, 2.0),)),
    "no-sweep": ("", "sweep_plan", None),
    "wait-all": ("", "wait_all", True),
    "forward": ("handlers", "forward", "handlers"),
    "rewrite": ("TERM=QUIT", "rewrites", {TERM: QUIT}),
    "session": ("", "new_session", True),
    "workdir": ("/tmp", "working_directory", "/tmp"),  # noqa: S108
    "umask": ("027", "umask", 0o27),
    "user": ("0:0", "user", None),
    "env": ("A=1", "environment", {b"A": b"1"}),
    "env-file": ("/dev/null", "environment", {}),
    "clear-env": ("", "environment", {}),
    "argv0": ("-sh", "argv0", "-sh"),
    "nice": ("5", "nice", 5),
    "oom-score-adj": ("-500", "oom_score_adj", -500),
    "no-new-privs": ("", "no_new_privileges", True),
    "no-subreaper": ("", "subreaper", False),
    "parent-death": ("HUP", "parent_death_signal", HUP),
    "map-exit": ("143=0", "exit_map", {143: 0}),
    "reraise": ("", "reraise", True),
    "status-file": ("/x", "status_file", "/x"),
    "verbose": ("", "verbosity", INFO),
    "quiet": ("", "verbosity", ERROR),
    "log-format": ("json", "log_format", "json"),
}
COMMAND = ["cmd", "--flag"]


def contents(settings: Settings) -> dict[str, Any]:
    found = {name: getattr(settings, name) for name in dir(settings) if not name.startswith("__")}
    if settings.user is not None:
        found["user"] = (settings.user.uid, settings.user.gid, settings.user.groups)
    return found


def test_every_option_is_tested_here() -> None:
    assert set(ROWS) == {option.name for option in OPTIONS}


@pytest.mark.parametrize("name", ROWS)
def test_option(name: str) -> None:
    value, attribute, expected = ROWS[name]
    forms = [[f"--{name}", value], [f"--{name}={value}"]] if value else [[f"--{name}"]]
    found = [parse([*form, "--", *COMMAND], {}) for form in forms]
    found.append(parse(["--", *COMMAND], {BY_NAME[name].variable.encode(): (value or "1").encode()}))
    for settings in found:
        assert settings.command == COMMAND
        assert contents(settings) == contents(found[0]), "the forms differ"
        if name != "user":
            assert getattr(settings, attribute) == expected
    if name not in ("env-file", "clear-env"):
        assert contents(found[0]) != contents(parse(["--", *COMMAND], {})), "the option changes nothing"


def test_user_brings_its_home() -> None:
    settings = parse(["--user", "root", "--", "cmd"], {b"HOME": b"/elsewhere", b"USER": b"me", b"A": b"1"})
    assert settings.user is not None
    assert settings.user.uid == 0
    assert settings.environment == {b"HOME": b"/root", b"USER": b"root", b"LOGNAME": b"root", b"A": b"1"}


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.parse is None], ids=lambda option: option.name)
@pytest.mark.parametrize(
    ("word", "means"), [("1", True), ("true", True), ("YES", True), ("on", True), ("0", False), ("No", False), ("", False)]
)
def test_a_flag_as_a_variable(option: Any, word: str, means: bool) -> None:
    settings = parse(["cmd"], {option.variable.encode(): word.encode()})
    plain = parse(["cmd"], {})
    if option.name != "clear-env":
        assert (contents(settings) != contents(plain)) is means


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        (["--", "cmd", "-v", "--", "x"], ["cmd", "-v", "--", "x"]),
        (["cmd", "-v", "--", "x"], ["cmd", "-v", "--", "x"]),
        (["-v", "cmd", "--grace", "x"], ["cmd", "--grace", "x"]),
        (["--", "--grace"], ["--grace"]),
        (["--", "completion"], ["completion"]),
        (["--", "--", "x"], ["--", "x"]),
        (["-", "x"], ["-", "x"]),
        (["--grace=5s", "--", ""], [""]),
    ],
)
def test_where_the_command_begins(arguments: list[str], command: list[str]) -> None:
    assert parse(arguments, {}).command == command


@pytest.mark.parametrize(
    ("arguments", "verbosity"),
    [
        ([], WARNING),
        (["-v"], INFO),
        (["-vv"], DEBUG),
        (["-v", "-v"], DEBUG),
        (["-vvvv"], DEBUG),
        (["--verbose", "-v"], DEBUG),
        (["-q"], ERROR),
    ],
)
def test_verbosity(arguments: list[str], verbosity: int) -> None:
    assert parse([*arguments, "cmd"], {}).verbosity == verbosity


def test_every_detail_by_a_variable() -> None:
    assert parse(["cmd"], {b"PYSUPERVISE_VERBOSE": b"2"}).verbosity == DEBUG


def test_the_last_of_an_option_counts_and_the_repeatable_add_up() -> None:
    arguments = [
        "--grace",
        "1s",
        "--grace",
        "2s",
        "--rewrite",
        "TERM=QUIT",
        "--rewrite",
        "HUP=0",
        "--map-exit",
        "1=2",
        "--map-exit",
        "3=4,1=5",
    ]
    settings = parse([*arguments, "cmd"], {})
    assert settings.stop_plan == ((0, None, 2.0),)
    assert settings.rewrites == {TERM: QUIT, HUP: 0}
    assert settings.exit_map == {1: 5, 3: 4}


def test_the_command_line_wins_over_the_variables() -> None:
    variables = {b"PYSUPERVISE_GRACE": b"1s", b"PYSUPERVISE_FORWARD": b"child"}
    settings = parse(["--grace", "2s", "cmd"], variables)
    assert (settings.stop_plan, settings.forward) == (((0, None, 2.0),), "child")


def test_the_command_line_wins_over_a_variable_that_contradicts_it() -> None:
    assert parse(["--stop", "TERM:1s", "cmd"], {b"PYSUPERVISE_GRACE": b"9s"}).stop_plan == ((TERM, None, 1.0),)
    assert parse(["-q", "cmd"], {b"PYSUPERVISE_VERBOSE": b"1"}).verbosity == ERROR


@pytest.mark.parametrize("value", [b"soon", b"\xff", b""])
def test_a_wrong_variable_does_not_count_where_the_command_line_wins(value: bytes) -> None:
    assert parse(["--grace", "2s", "cmd"], {b"PYSUPERVISE_GRACE": value}).stop_plan == ((0, None, 2.0),)
    assert parse(["--stop", "TERM:1s", "cmd"], {b"PYSUPERVISE_GRACE": value}).stop_plan == ((TERM, None, 1.0),)
    assert parse(["-v", "cmd"], {b"PYSUPERVISE_VERBOSE": value, b"PYSUPERVISE_QUIET": value}).verbosity == INFO


def valued(pair: tuple[str, str, str], order: int) -> list[tuple[str, str]]:
    return [(name, ROWS[name][0]) for name in pair[:2]][::order]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("pair", CONFLICTS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def test_two_that_contradict_each_other(pair: tuple[str, str, str], order: int) -> None:
    arguments = [f"--{name}={value}" if value else f"--{name}" for name, value in valued(pair, order)]
    with pytest.raises(UsageError) as caught:
        parse([*arguments, "cmd"], {})
    assert caught.value.hint == pair[2]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("pair", CONFLICTS, ids=lambda pair: f"{pair[0]} {pair[1]}")
def test_two_variables_that_contradict_each_other(pair: tuple[str, str, str], order: int) -> None:
    variables = {BY_NAME[name].variable.encode(): (value or "1").encode() for name, value in valued(pair, order)}
    with pytest.raises(UsageError):
        parse(["cmd"], variables)


def test_the_command_does_not_inherit_the_variables_that_are_options() -> None:
    environment = {b"PYSUPERVISE_GRACE": b"1s", b"PYSUPERVISE_QUIET": b"", b"PYSUPERVISE_OTHER": b"1", b"A": b"\xff", b"\xff": b"1"}
    settings = parse(["cmd"], environment)
    assert settings.environment == {b"PYSUPERVISE_OTHER": b"1", b"A": b"\xff", b"\xff": b"1"}
    assert settings.unknown_variables == ("PYSUPERVISE_OTHER",)


def test_a_repeatable_variable_has_a_value_a_line() -> None:
    assert parse(["cmd"], {b"PYSUPERVISE_REWRITE": b"TERM=QUIT\nHUP=0"}).rewrites == {TERM: QUIT, HUP: 0}
    assert parse(["cmd"], {b"PYSUPERVISE_ENV": b"A=1\nB=2"}).environment == {b"A": b"1", b"B": b"2"}


def test_blank_lines_of_a_repeatable_variable_do_not_count() -> None:
    assert parse(["cmd"], {b"PYSUPERVISE_ENV": b"\nA=1\n  \nB=2 \n\n"}).environment == {b"A": b"1", b"B": b"2 "}
    assert parse(["cmd"], {b"PYSUPERVISE_REWRITE": b"\n"}).rewrites == {}


def test_the_environment_is_made_from_the_file_to_the_option(tmp_path: Any) -> None:
    file = tmp_path / "env"
    file.write_text("A=file\nB=file\n")
    inherited = {b"A": b"inherited", b"C": b"inherited"}
    settings = parse(["--env", "A=option", "--env-file", str(file), "cmd"], inherited)
    assert settings.environment == {b"A": b"option", b"B": b"file", b"C": b"inherited"}
    settings = parse(["--clear-env", "--env", "A=option", "--env-file", str(file), "cmd"], inherited)
    assert settings.environment == {b"A": b"option", b"B": b"file"}
    assert inherited == {b"A": b"inherited", b"C": b"inherited"}


def test_a_value_that_is_no_text_arrives_as_it_is() -> None:
    assert parse(["--env", "A=\udcff", "cmd"], {}).environment == {b"A": b"\xff"}


@pytest.mark.parametrize("word", ["--help", "-h", "--version", "-V", "-vh"])
def test_questions(word: str) -> None:
    with pytest.raises(Question) as caught:
        parse([word, "cmd"], {})
    assert caught.value.name == ("version" if word in ("--version", "-V") else "help")


@pytest.mark.parametrize("verb", VERBS)
def test_verbs(verb: str) -> None:
    with pytest.raises(Question) as caught:
        parse([verb, "a", "--b"], {})
    assert (caught.value.name, caught.value.arguments) == (verb, ["a", "--b"])
    assert parse(["--grace", "1s", "--", verb], {}).command == [verb]


@pytest.mark.parametrize(
    ("stop_signal", "stop_signals"),
    [("QUIT", {INT, TERM, QUIT}), ("TERM", {INT, TERM}), ("KILL", {INT, TERM}), ("RTMIN+3", {INT, TERM, 37})],
)
def test_the_stop_signal_itself_asks_for_a_stop(stop_signal: str, stop_signals: set[int]) -> None:
    assert parse(["--stop-signal", stop_signal, "cmd"], {}).stop_signals == stop_signals


@pytest.mark.parametrize(
    ("plan", "seconds", "expected"),
    [
        (((0, None, 10.0),), 5.0, ((TERM, None, 5.0),)),
        (((QUIT, None, 10.0),), 5.0, ((QUIT, None, 5.0),)),
        (((TERM, "handlers", 8.0), (INT, "tree", 2.0)), 5.0, ((TERM, "handlers", 4.0), (INT, "tree", 1.0))),
        ((), 5.0, ((TERM, "tree", 5.0),)),
        (((QUIT, None, 0.0),), 5.0, ((QUIT, "tree", 5.0),)),
        (((TERM, None, 10.0),), 0.0, ((TERM, None, 0.0),)),
    ],
)
def test_sweep_plan(plan: Any, seconds: float, expected: Any) -> None:
    assert sweep_plan(plan, seconds) == expected


def test_the_table_has_no_two_of_a_name() -> None:
    every = (*OPTIONS, *QUESTIONS)
    assert len(BY_NAME) == len(every)
    assert len(BY_SHORT) == len([option for option in every if option.short])
    assert len(BY_VARIABLE) == len(OPTIONS)
    for option in every:
        assert (option.parse is None) == (option.metavar == ""), option.name
        assert option.help.endswith((".", "]")), option.name
        assert option.variable.startswith(VARIABLE_PREFIX)
    assert {name for left, right, _ in CONFLICTS for name in (left, right)} <= set(BY_NAME)


WORDS = st.sampled_from(
    [*(f"--{name}" for name in BY_NAME), "--", "-", "-v", "-q", "-x", "cmd", "5s", "TERM", "1", "", "=", "--grace=", *VERBS]
)
# Without options that read a file or the user database.
ARGUMENTS = st.lists(WORDS | st.text(max_size=6), max_size=6)


@given(ARGUMENTS)
def test_any_arguments_are_settings_a_question_or_a_refusal(arguments: list[str]) -> None:
    try:
        settings = parse(arguments, {})
    except (UsageError, Question):
        return
    assert settings.command
    assert settings.command == arguments[len(arguments) - len(settings.command) :]


def test_the_short_way_and_the_table_agree() -> None:
    """``--`` alone is not parsed at all: what it leaves out are the defaults."""
    environment = {b"A": b"1"}
    plain, parsed = contents(Settings(COMMAND, environment)), contents(parse(["--", *COMMAND], environment))
    # The target None stands for --forward, whose default is the tree.
    (signum, target, seconds) = parsed.pop("sweep_plan")[0]
    assert plain.pop("sweep_plan") == ((signum, target or plain["forward"], seconds),)
    assert plain == parsed
