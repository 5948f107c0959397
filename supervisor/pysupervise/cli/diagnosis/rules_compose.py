"""Rules of a compose file, service by service."""

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from pysupervise.cli.diagnosis import compose, launch, rules_dockerfile, rules_launch
from pysupervise.cli.diagnosis.compose import Value
from pysupervise.cli.diagnosis.dockerfile import MOST_CHARACTERS, Instruction, Stage, shortened
from pysupervise.cli.diagnosis.finding import ERROR, INFO, WARNING, Finding, Passed, Remark, Unread
from pysupervise.cli.diagnosis.rules_launch import Place
from pysupervise.core.settings import Settings

DEFAULT_STOP_S = 10.0  # of compose
MARGIN_S = 5.0
DOCKERFILE = "Dockerfile"
COMPOSE_WORDS = {"STOPSIGNAL ": "stop_signal: ", "ENTRYPOINT [": "entrypoint: ["}  # of a fix
# Kinds of values that compose takes, of the keys that rules look at; null stands for the default.
WORDS, BOOLEAN, STRING = ("string", "list", "true or false"), ("true or false",), ("string", "true or false")
KINDS = {
    "entrypoint": WORDS,
    "command": WORDS,
    "init": BOOLEAN,
    "tty": BOOLEAN,
    "stdin_open": BOOLEAN,
    "stop_signal": STRING,
    "stop_grace_period": STRING,
    "pid": STRING,
}

_Getter = Callable[[str], Value | None]
_Placer = Callable[[Value], Place]


@dataclass(frozen=True, slots=True)
class Start:
    """What a service starts, as far as it is known."""

    words: tuple[str, ...]
    place: Place
    service_place: Place  # of the shell, or else of the service
    environment: dict[str, str]
    stop_signal: str  # of its Dockerfile, "" where there is none
    base: str  # the image
    unknown_entrypoint: bool  # whether the image's own may stand in front


def examine(text: str, file: str, directory: str) -> Iterator[Remark]:
    """Judge a compose file; ``directory``: where build contexts are looked for. Raises compose.UnreadableError."""
    root = compose.load(text)
    lines = text.splitlines()
    if (include := root.get("include")) is not None:
        yield Unread(f"the files that it includes ({file}:{include.line})")
    found = list(compose.services(root))
    for name, service in found:
        for remark in _service(service, dict(found), file, directory, lines):
            yield _named(name, remark)


def _wrong_kind(what: str, value: Value, wanted: str, place: Place) -> Finding:
    title = f"{what} is {'' if value.kind == 'true or false' else 'a '}{value.kind}"
    return Finding(ERROR, "wrong-kind", title, (str(place),), f"compose takes {wanted} here, and refuses the file.", f"write {wanted}")


def _named(name: str, remark: Remark) -> Remark:
    """Say which service it is about."""
    match remark:
        case Finding():
            fix = remark.fix
            for word, own in COMPOSE_WORDS.items():
                fix = fix.replace(word, own)
            return replace(remark, title=f"{name}: {remark.title}", fix=fix)
        case Passed():
            return Passed(f"{name}: {remark.text}")
        case Unread():
            return Unread(f"{name}: {remark.text}")


def _service(own: Value, others: dict[str, Value], file: str, directory: str, lines: list[str]) -> Iterator[Remark]:
    def place(value: Value) -> Place:
        line = lines[value.line - 1].strip()
        if value.is_block and value.text:
            line = shortened(f"{line} {value.text}")
        return Place(file, value.line, value.column, line)

    if own.kind not in ("mapping", "null"):
        yield _wrong_kind("the service", own, "a mapping", place(own))
        return
    parents = [own]
    extends = own.get("extends")
    while extends is not None and len(parents) < len(others) + 1:
        base = extends.text or ((value := extends.get("service")) and value.text) or ""
        if extends.get("file") is not None or base not in others:
            yield Unread(f"what it extends ({place(extends)})")
            break
        parents.append(others[base])
        extends = others[base].get("extends")

    def get(key: str) -> Value | None:
        return next((value for parent in parents if (value := parent.get(key)) is not None), None)

    for key, kinds in KINDS.items():
        value = get(key)
        if value is not None and value.kind not in (*kinds, "null"):
            wanted = "true or false" if kinds == BOOLEAN else f"a {kinds[0]}" + (f" or a {kinds[1]}" if kinds == WORDS else "")
            yield _wrong_kind(f"`{key}`", value, wanted, place(value))
    for key in ("entrypoint", "command"):
        value = get(key)
        if value is not None and value.text and (problem := _string(key, value, place(value))):
            yield from problem
    started = _start(get, place, directory)
    if isinstance(started, Unread):
        yield started
        launched, start = launch.NOTHING, None
    else:
        start = started
        launched = launch.read(start.words, start.environment)
        if start.unknown_entrypoint:
            yield Unread(f"the image's own ENTRYPOINT: judged as if it had none ({start.place.file}:{start.place.line})")
        shared = _shares_namespace(get("pid"))
        if not shared:
            yield from rules_launch.in_front(launched, start.service_place, start.base)
        yield from rules_launch.inits(launched, start.place)
        init = get("init")
        if not shared and (init is None or not init.is_true):
            signal = ((value := get("stop_signal")) and value.text) or start.stop_signal
            number = rules_launch.parsed_signal(signal, start.place) if signal else None
            yield from rules_launch.without_init(launched, start.service_place, number if isinstance(number, int) else None)
    yield from _doubled_init(get("init"), launched, place, shared=get("pid") is not None)
    yield from _stop_signal(get("stop_signal"), launched, start, place, (image.text or "") if (image := get("image")) else "")
    if get("env_file") is not None and launched.ours is not None:
        yield Unread("env_file: variables of PYSUPERVISE_ in it are not looked at")
    yield from _grace(get("stop_grace_period"), launched, own, place)
    yield from _namespace(get("pid"), launched, place)
    tty = get("tty")
    if tty is not None and tty.is_true:
        yield Finding(
            INFO,
            "terminal",
            "the service has a terminal (tty: true)",
            (str(place(tty)),),
            "Standard output and standard error become one stream with CR LF line ends, and many programs colour and buffer differently.",
            "leave tty out for a service that nobody types to",
        )


def _string(key: str, value: Value, place: Place) -> list[Remark]:
    """Compose splits a string as a shell would, and runs no shell: operators become arguments."""
    try:
        words = tuple(shlex.split(value.text or ""))
    except ValueError as error:
        return [
            Finding(
                ERROR,
                "unbalanced-quotes",
                f"{key} cannot be split into words: {error}",
                (str(place),),
                "compose refuses it.",
                "close the quote",
            )
        ]
    return list(rules_launch.words_of_a_shell(words, place, f"compose splits a string in {key} into words itself and runs no shell"))


def _words(value: Value | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if (items := value.items) is not None:
        return tuple(item.text or "" for item in items)
    if value.text is None:
        return None  # null: the image's own
    try:
        return tuple(shlex.split(value.text))
    except ValueError:
        return ()


def _start(get: _Getter, place: _Placer, directory: str) -> Start | Unread:
    entrypoint, command = get("entrypoint"), get("command")
    first, rest = _words(entrypoint), _words(command)
    environment = _environment(get("environment"))
    base = (value.text or "") if (value := get("image")) is not None else ""
    build = get("build")
    read = _stage(build, directory, place) if build is not None else None
    signal = ""
    if read is not None:
        stage = read[0]
        environment = {**stage.environment, **environment}
        base = stage.base
        signal = stage.expand(stage.stop_signal.value) if stage.stop_signal is not None else ""

    def start(words: tuple[str, ...], at: Place, tail: tuple[str, ...], tail_at: Place, *, unknown_entrypoint: bool = False) -> Start:
        inside = launch.read(words, environment).stands_in(tail)
        return Start(words, at, tail_at if inside else at, environment, signal, base, unknown_entrypoint)

    if first is not None and entrypoint is not None:  # it takes the image's CMD away
        return start((*first, *(rest or ())), place(entrypoint), rest or (), place(command or entrypoint))
    if read is not None and build is not None:
        return _built(read, start, rest, place(command) if command is not None else None, place(build))
    if rest is not None and command is not None:
        return start(rest, place(command), rest, place(command), unknown_entrypoint=True)
    return Unread(f"what it starts: that is in the image{' ' + base if base else ''}")


def _built(
    read: tuple[Stage, str, int], start: Callable[..., Start], rest: tuple[str, ...] | None, rest_at: Place | None, build_at: Place
) -> Start:
    """Return what the image of a Dockerfile starts, with compose's command in the place of its CMD where there is one."""
    stage, path, line_offset = read

    def at(instruction: Instruction | None) -> Place:
        if instruction is None:
            return build_at
        return Place(path, instruction.line + line_offset, instruction.column, instruction.source)

    entry = stage.words_of(stage.entrypoint) if stage.entrypoint is not None else ()
    tail: tuple[str, ...] = ()
    if stage.entrypoint is None or stage.entrypoint.words is not None:
        tail = rest if rest is not None else (stage.words_of(stage.command) if stage.command is not None else ())
    tail_at = rest_at if rest_at is not None else at(stage.command)
    head_at = at(stage.entrypoint) if entry else tail_at
    return start((*entry, *tail), head_at, tail, tail_at, unknown_entrypoint=stage.entrypoint is None)


def _stage(build: Value, directory: str, place: _Placer) -> tuple[Stage, str, int] | None:
    """Return the stage that is built, its file, and the line of that file in front of it; None where there is none here."""
    target = ((value := build.get("target")) and value.text) or ""
    inline = build.get("dockerfile_inline")
    try:
        if inline is not None and inline.text is not None:
            at = place(inline)
            return rules_dockerfile.pick(inline.text, target), at.file, at.line
        context = build.text or ((value := build.get("context")) and value.text) or "."
        name = ((value := build.get("dockerfile")) and value.text) or DOCKERFILE
        path = os.path.join(directory, context, name)
        if not os.path.isfile(path):
            return None
        with open(path, encoding="utf-8-sig", errors="replace") as file:
            return rules_dockerfile.pick(file.read(MOST_CHARACTERS), target), os.path.normpath(path), 0
    except (OSError, rules_dockerfile.NoStageError):
        return None


def _environment(value: Value | None) -> dict[str, str]:
    if value is None:
        return {}
    if (items := value.items) is not None:
        return dict((item.text or "").partition("=")[::2] for item in items)
    return {key: item.text or "" for key, item in value.pairs()}


def _doubled_init(init: Value | None, launched: launch.Launch, place: _Placer, *, shared: bool) -> Iterator[Remark]:
    if init is None or not init.is_true:
        return
    if launched.inits:
        yield Finding(
            WARNING,
            "two-inits",
            f"init: true puts the engine's init on top of {launched.inits[0].name}",
            (str(place(init)),),
            f"{launched.inits[0].name} is not PID 1 then: it cannot signal the namespace in one step, and each signal takes one more hop.",
            "init: false, or leave it out",
        )
    elif not shared:
        yield Passed("the engine's init is PID 1 (init: true)")


def _stop_signal(value: Value | None, launched: launch.Launch, start: Start | None, place: _Placer, image: str) -> Iterator[Remark]:
    if value is not None and value.text:
        source = str(start.service_place) if start is not None else str(place(value))
        yield from _sent(value.text, launched, place(value), source, start.base if start is not None else image)
    elif start is None:
        return
    elif start.stop_signal:
        yield from _sent(start.stop_signal, launched, start.place, f"STOPSIGNAL {start.stop_signal} of the Dockerfile", start.base)
    else:
        yield from rules_launch.stop_signal(launched, start.place, None, "no stop_signal: TERM is the default", start.base)


def _sent(word: str, launched: launch.Launch, at: Place, source: str, base: str) -> Iterator[Remark]:
    number = rules_launch.parsed_signal(word, at)
    if isinstance(number, int):
        yield from rules_launch.stop_signal(launched, at, number, source, base)
    else:
        yield number


def _grace(value: Value | None, launched: launch.Launch, service: Value, place: _Placer) -> Iterator[Remark]:
    ours = launched.ours
    at = place(value) if value is not None else place(service)
    text = value.text if value is not None else None
    limit = DEFAULT_STOP_S
    if text is not None:
        if "$" in text:
            yield Unread(f"stop_grace_period {text}: its variable has no value here")
            return
        read = compose.duration(text)
        if read is None:
            yield Finding(
                ERROR,
                "duration-invalid",
                f"stop_grace_period {text!r} is not a duration",
                (str(at),),
                "compose wants a number with its unit.",
                "10s, 1m30s",
            )
            return
        limit = read
    if not limit:
        yield Finding(
            ERROR,
            "grace-too-short",
            f"stop_grace_period {text} leaves no time to stop",
            (str(at),),
            "The engine sends KILL right after the stop signal: nothing is cleaned up.",
            "leave it out (10s), or give the time that the service needs",
        )
        return
    if ours is None or ours.settings is None:
        return
    grace, sweep = _graces(ours.settings)
    # What does not get the signals is left when the command has ended, and has a time of its own then.
    needed = grace if ours.settings.forward == "tree" else grace + sweep
    if limit > needed:
        yield Passed(f"stop_grace_period {limit:g}s is longer than pysupervise's {needed:g}s")
        return
    whose = f"stop_grace_period {text}" if text else f"compose's default of {DEFAULT_STOP_S:g}s"
    yield Finding(
        ERROR if limit < grace else WARNING,
        "grace-too-short",
        f"{whose} is {'shorter than' if limit < needed else 'not longer than'} pysupervise's grace of {grace:g}s"
        + (f" and its {sweep:g}s for what the command leaves" if needed > grace else ""),
        (str(at),),
        "The engine kills PID 1 first, the kernel kills everybody else in the same instant, and nobody is left to say who did not stop.",
        f"stop_grace_period: {grace + max(sweep, MARGIN_S):g}s, or a shorter --grace",
    )


def _graces(settings: Settings) -> tuple[float, float]:
    sweep = sum(seconds for _, _, seconds in settings.sweep_plan or ())
    return sum(seconds for _, _, seconds in settings.stop_plan), sweep


def _shares_namespace(pid: Value | None) -> bool:
    word = (pid.text or "") if pid is not None else ""
    return word == "host" or word.startswith(("service:", "container:"))


def _namespace(pid: Value | None, launched: launch.Launch, place: _Placer) -> Iterator[Remark]:
    if pid is None or not _shares_namespace(pid):
        return
    yield Finding(
        INFO if launched.ours is not None else WARNING,
        "shared-pid-namespace",
        f"pid: {pid.text} shares a PID namespace",
        (str(place(pid)),),
        "Nothing of this service is PID 1: when its command ends, the kernel does not end the rest, and orphans go to the other PID 1."
        + (" pysupervise collects them as their subreaper." if launched.ours is not None else ""),
        "nothing, where this is meant" if launched.ours is not None else 'leave it out, or entrypoint: ["pysupervise", "--"]',
    )
