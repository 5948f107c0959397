"""The command line and the PYSUPERVISE_ variables, read without click: what the table in options.py says, and nothing else."""

from pysupervise.core.options import BY_VARIABLE, RUN, VARIABLE_PREFIX, VERBS, Option, Table
from pysupervise.core.settings import DEBUG, DEFAULT_GRACE_S, DEFAULT_SWEEP_GRACE_S, ERROR, INFO, Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pysupervise.core.machine import Step

TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
TERM, KILL = 15, 9

ENVIRONMENT_OPTIONS = frozenset(("clear-env", "user", "env-file", "env"))

# Pairs that contradict each other.
CONFLICTS = (
    ("stop", "grace", "the sequence has the times: --stop TERM:30s"),
    ("stop", "stop-signal", "the sequence has the signals: --stop QUIT:10s"),
    ("no-sweep", "sweep-grace", "either leave what still runs, or give it time"),
    ("no-sweep", "wait-all", "either leave what still runs, or wait for it"),
    ("quiet", "verbose", "ask for fewer words or for more"),
)


class UsageError(Exception):
    """Wrong options: a reason in one line, and a hint what to do."""

    def __init__(self, reason: str, hint: str = RUN.hint) -> None:
        from pysupervise.core.journal import one_line  # 15 us, and only for an error

        super().__init__(reason, hint)
        self.reason = one_line(reason)
        self.hint = hint


class Question(Exception):  # noqa: N818 -- not an error
    """Something to show instead of a run: ``name`` is help, version or a verb, ``arguments`` what follows it."""

    def __init__(self, name: str, arguments: "list[str]") -> None:
        super().__init__(name)
        self.name = name
        self.arguments = arguments


def parse(arguments: "list[str]", environment: "Mapping[bytes, bytes]") -> Settings:
    """Return the settings of a run. Raises UsageError or Question."""
    chosen, command, had_separator = read_arguments(arguments)
    if command and not had_separator and command[0] in VERBS:
        if chosen:
            raise UsageError(f"cannot use --{next(iter(chosen))} with `{command[0]}`: it is an option of a run")
        raise Question(command[0], command[1:])
    if not command:
        raise UsageError("cannot run: no command given")
    from_environment, unknown = read_environment(environment, tuple(chosen))
    chosen.update(from_environment)
    for left, right, hint in CONFLICTS:
        if left in chosen and right in chosen:
            raise UsageError(f"cannot use --{left} together with --{right}: they contradict each other", hint)
    settings = settings_from(chosen, command, environment)
    settings.unknown_variables = tuple(unknown)
    return settings


def read_arguments(arguments: "list[str]", table: Table = RUN) -> "tuple[dict[str, Any], list[str], bool]":
    """Return (values by option name, the command, whether -- stood before it). Raises UsageError or Question.

    The command is what follows the options: for the table of a verb, whatever that verb is about.
    """
    chosen: dict[str, Any] = {}
    index = 0
    while index < len(arguments):
        word = arguments[index]
        index += 1
        if word == "--":
            return chosen, arguments[index:], True
        if not word.startswith("-") or word == "-":
            return chosen, arguments[index - 1 :], False
        if not word.startswith("--"):
            for letter in word[1:]:
                option = table.by_short.get(letter)
                if option is None:
                    raise UsageError(f"cannot read {word!r}: no option -{letter}", _letters_hint(table))
                _choose(chosen, option, None, word, arguments)
            continue
        name, equals, attached = word[2:].partition("=")
        option = table.by_name.get(name)
        if option is None:
            raise UsageError(f"cannot read {word!r}: no such option", _suggestion(name, table))
        if option.parse is None:
            if equals:
                raise UsageError(f"cannot read {word!r}: --{name} takes no value", f"write --{name} alone")
            value = None
        elif equals:
            value = attached
        elif index < len(arguments) and arguments[index] != "--":
            value = arguments[index]
            index += 1
        else:
            raise UsageError(f"cannot read --{name}: it needs a value", f"write --{name} {option.metavar}")
        _choose(chosen, option, value, f"--{name} {value}", arguments)
    return chosen, [], False


def read_environment(environment: "Mapping[bytes, bytes]", typed: "tuple[str, ...]" = ()) -> "tuple[dict[str, Any], list[str]]":
    """Return (values by option name, names of PYSUPERVISE_ variables that stand for no option). Raises UsageError.

    The command line wins: a variable whose option is among the ``typed`` ones, or contradicts one of them, is not even read.
    An empty variable counts as unset: manifests often have FOO=${FOO:-}. A repeatable option takes one value a line, and blank
    lines do not count: a block of YAML ends with a newline.
    """
    chosen: dict[str, Any] = {}
    unknown = []
    prefix = VARIABLE_PREFIX.encode()
    for key, raw in environment.items():
        if not key.startswith(prefix):
            continue
        variable, word = key.decode(errors="replace"), raw.decode(errors="surrogateescape")
        option = BY_VARIABLE.get(variable)
        if option is None:
            unknown.append(variable)
        elif not word or option.name in typed or any(_contradict(option.name, other) for other in typed):
            continue
        elif option.parse is None:
            count = _flag(option, variable, word)
            if count:
                chosen[option.name] = count
        else:
            for line in filter(str.strip, word.split("\n")) if option.repeats else [word]:
                _choose(chosen, option, line, f"{variable}={line}", [])
    return chosen, unknown


def settings_from(chosen: "Mapping[str, Any]", command: "list[str]", inherited: "Mapping[bytes, bytes]") -> Settings:
    """Turn chosen values, by option name, into the settings of a run."""
    settings = Settings(command, _environment(chosen, inherited))
    get = chosen.get
    stop_signal: int = get("stop-signal", 0)
    if "stop" in chosen:
        settings.stop_plan = chosen["stop"]
    else:
        settings.stop_plan = ((stop_signal, None, get("grace", DEFAULT_GRACE_S)),)
    if stop_signal != KILL:
        settings.stop_signals |= {stop_signal} - {0}
    settings.sweep_plan = None if "no-sweep" in chosen else sweep_plan(settings.stop_plan, get("sweep-grace", DEFAULT_SWEEP_GRACE_S))
    settings.wait_all = "wait-all" in chosen
    settings.forward = get("forward", settings.forward)
    settings.rewrites = {source: sent for pairs in get("rewrite", ()) for source, sent in pairs.items()}
    settings.new_session = "session" in chosen
    settings.working_directory = get("workdir")
    settings.umask = get("umask")
    settings.user = get("user")
    settings.argv0 = get("argv0")
    settings.nice = get("nice")
    settings.oom_score_adj = get("oom-score-adj")
    settings.no_new_privileges = "no-new-privs" in chosen
    settings.subreaper = "no-subreaper" not in chosen
    settings.parent_death_signal = get("parent-death", 0)
    settings.exit_map = {status: other for pairs in get("map-exit", ()) for status, other in pairs.items()}
    settings.reraise = "reraise" in chosen
    settings.status_file = get("status-file")
    settings.log_format = get("log-format", "text")
    if "quiet" in chosen:
        settings.verbosity = ERROR
    elif "verbose" in chosen:
        settings.verbosity = INFO if chosen["verbose"] == 1 else DEBUG
    return settings


def sweep_plan(stop_plan: "tuple[Step, ...]", sweep_grace_s: float) -> "tuple[Step, ...]":
    """Return the same sequence for leftovers, its waits stretched or shrunk to the sweep's grace period."""
    total = sum(seconds for _, _, seconds in stop_plan)
    if not stop_plan or not total:
        first = stop_plan[0][0] if stop_plan else 0
        return ((first or TERM, "tree", sweep_grace_s),)
    return tuple((signum or TERM, target, seconds * sweep_grace_s / total) for signum, target, seconds in stop_plan)


def _choose(chosen: "dict[str, Any]", option: Option, word: "str | None", written: str, arguments: "list[str]") -> None:
    if option.name in ("help", "version"):
        raise Question(option.name, arguments)
    if option.parse is None:
        chosen[option.name] = chosen.get(option.name, 0) + 1
        return
    try:
        value = option.parse(word or "")
    except ValueError as error:
        reason, hint = error.args
        raise UsageError(f"cannot use {written}: {reason}", hint) from None
    if option.repeats:
        chosen.setdefault(option.name, []).append(value)
    else:
        chosen[option.name] = value


def _flag(option: Option, variable: str, word: str) -> int:
    if word.lower() in TRUE:
        return 1
    if word.lower() in FALSE:
        return 0
    if option.name == "verbose" and word == "2":
        return 2
    raise UsageError(
        f"cannot use {variable}={word}: it is yes or no", "write 1 or 0" + (", or 2 for every detail" if option.name == "verbose" else "")
    )


def _environment(chosen: "Mapping[str, Any]", inherited: "Mapping[bytes, bytes]") -> "Mapping[bytes, bytes]":
    """Return the command's environment; the very object that we have where nothing of it changes."""
    own = [key for key in inherited if key.startswith(b"PYSUPERVISE_") and key.decode(errors="replace") in BY_VARIABLE]
    if not own and not chosen.keys() & ENVIRONMENT_OPTIONS:
        return inherited
    # A key without a name can be inherited, and not be passed on one by one.
    environment = {} if "clear-env" in chosen else {key: value for key, value in inherited.items() if key and key not in own}
    user = chosen.get("user")
    if user is not None:
        _set(environment, "HOME", user.home)
        _set(environment, "USER", user.name)
        _set(environment, "LOGNAME", user.name)
    for pairs in chosen.get("env-file", ()):
        for key, value in pairs:
            _set(environment, key, value)
    for key, value in chosen.get("env", ()):
        _set(environment, key, value)
    return environment


def _set(environment: "dict[bytes, bytes]", key: str, value: str) -> None:
    environment[key.encode(errors="surrogateescape")] = value.encode(errors="surrogateescape")


def _contradict(name: str, other: str) -> bool:
    return any({name, other} == {left, right} for left, right, _ in CONFLICTS)


def _suggestion(name: str, table: Table) -> str:
    import difflib  # 10 ms, and only for somebody who mistyped

    near = difflib.get_close_matches(name, table.by_name, 1)
    return f"did you mean --{near[0]}?" if near else table.hint


def _letters_hint(table: Table) -> str:
    letters = ", ".join(f"-{letter}" for letter in table.by_short)
    return f"the short options are {letters}; {table.border}"
