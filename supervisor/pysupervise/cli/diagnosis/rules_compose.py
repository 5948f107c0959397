"""Rules of a compose file, service by service."""

import os
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pysupervise.cli.diagnosis import compose, launch, rules_dockerfile, rules_launch
from pysupervise.cli.diagnosis.compose import Value
from pysupervise.cli.diagnosis.dockerfile import Stage
from pysupervise.cli.diagnosis.finding import ERROR, INFO, WARNING, Finding, Passed, Remark, Unread
from pysupervise.cli.diagnosis.rules_launch import Place
from pysupervise.core.settings import Settings

DEFAULT_STOP_S = 10.0  # of compose
MARGIN_S = 5.0
DOCKERFILE = "Dockerfile"
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
    environment: dict[str, str]
    stop_signal: str  # of its Dockerfile, "" where there is none
    base: str  # the image
    unknown_entrypoint: bool  # whether the image's own may stand in front


def examine(text: str, file: str, directory: str) -> Iterator[Remark]:
    """Judge a compose file; ``directory``: where build contexts are looked for. Raises compose.UnreadableError."""
    root = compose.load(text)
    lines = text.splitlines()
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
            return Finding(remark.severity, remark.rule, f"{name}: {remark.title}", remark.evidence, remark.consequence, remark.fix)
        case Passed():
            return Passed(f"{name}: {remark.text}")
        case Unread():
            return Unread(f"{name}: {remark.text}")


def _service(own: Value, others: dict[str, Value], file: str, directory: str, lines: list[str]) -> Iterator[Remark]:
    def place(value: Value) -> Place:
        return Place(file, value.line, value.column, lines[value.line - 1].strip())

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
        launched, start = launch.Launch((), (), "", ()), None
    else:
        start = started
        launched = launch.read(start.words, start.environment)
        if start.unknown_entrypoint:
            yield Unread(f"the image's own ENTRYPOINT: judged as if it had none ({start.place.file}:{start.place.line})")
        yield from rules_launch.shell(launched, start.place)
        yield from rules_launch.several_processes(launched, start.place)
        yield from rules_launch.inits(launched, start.place)
        yield from rules_launch.script_runner(launched, start.place)
        init = get("init")
        if init is None or not init.is_true:
            yield from rules_launch.without_init(launched, start.place)
    yield from _doubled_init(get("init"), launched, place)
    yield from _stop_signal(get("stop_signal"), launched, start, place)
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
    return list(rules_launch.operators_as_words(words, place, f"compose splits a string in {key} into words itself and runs no shell"))


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
    image = get("image")
    base = (image.text or "") if image is not None else ""
    build = get("build")
    built: Start | None = None
    if build is not None:
        built = _built(build, place, directory)
    if built is not None:
        environment = {**built.environment, **environment}
        base = built.base
    stop_signal = built.stop_signal if built is not None else ""
    if first is not None and entrypoint is not None:  # it takes the image's CMD away
        return Start((*first, *(rest or ())), place(entrypoint), environment, stop_signal, base, unknown_entrypoint=False)
    if built is not None:
        entry, default = _image_words(build, directory)
        words = (*entry, *(rest if rest is not None else default))
        at = place(command) if rest is not None and command is not None else built.place
        return Start(words, at, environment, stop_signal, base, unknown_entrypoint=built.unknown_entrypoint)
    if rest is not None and command is not None:
        return Start(rest, place(command), environment, stop_signal, base, unknown_entrypoint=True)
    return Unread(f"what it starts: that is in the image{' ' + base if base else ''}")


def _dockerfile(build: Value, directory: str) -> tuple[str, str] | None:
    """Return the Dockerfile and the target of a build, None where the file is not here."""
    context = build.text or ((value := build.get("context")) and value.text) or "."
    name = ((value := build.get("dockerfile")) and value.text) or DOCKERFILE
    target = ((value := build.get("target")) and value.text) or ""
    path = os.path.join(directory, context, name)
    return (path, target) if os.path.isfile(path) else None


def _stage(build: Value | None, directory: str) -> tuple[Stage, str] | None:
    found = _dockerfile(build, directory) if build is not None else None
    if found is None:
        return None
    try:
        with open(found[0], encoding="utf-8-sig", errors="replace") as file:
            return rules_dockerfile.pick(file.read(), found[1]), os.path.normpath(found[0])
    except (OSError, rules_dockerfile.NoStageError):
        return None


def _built(build: Value, place: _Placer, directory: str) -> Start | None:
    read = _stage(build, directory)
    if read is None:
        return None
    stage, path = read
    at = place(build)
    if stage.entrypoint is not None or stage.command is not None:
        _, instruction = rules_dockerfile.effective(stage)
        at = Place(path, instruction.line, instruction.column, instruction.source)
    signal = stage.expand(stage.stop_signal.value) if stage.stop_signal is not None else ""
    return Start((), at, dict(stage.environment), signal, stage.base, unknown_entrypoint=stage.entrypoint is None)


def _image_words(build: Value | None, directory: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    read = _stage(build, directory)
    if read is None:
        return (), ()
    stage = read[0]
    entry = stage.words_of(stage.entrypoint) if stage.entrypoint is not None else ()
    if stage.entrypoint is not None and stage.entrypoint.words is None:
        return entry, ()
    return entry, stage.words_of(stage.command) if stage.command is not None else ()


def _environment(value: Value | None) -> dict[str, str]:
    if value is None:
        return {}
    if (items := value.items) is not None:
        return dict((item.text or "").partition("=")[::2] for item in items)
    return {key: item.text or "" for key, item in value.pairs()}


def _doubled_init(init: Value | None, launched: launch.Launch, place: _Placer) -> Iterator[Remark]:
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
    else:
        yield Passed("the engine's init is PID 1 (init: true)")


def _stop_signal(value: Value | None, launched: launch.Launch, start: Start | None, place: _Placer) -> Iterator[Remark]:
    if start is None:
        return
    if value is not None and value.text:
        at, word = place(value), value.text
    elif start.stop_signal:
        at, word = start.place, start.stop_signal
    else:
        yield from rules_launch.stop_signal(launched, start.place, None, "no stop_signal: TERM is the default", start.base)
        return
    number = rules_launch.parsed_signal(word, at)
    if isinstance(number, int):
        yield from rules_launch.stop_signal(launched, at, number, f"stop signal: {word}")
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
    if ours is None or ours.settings is None:
        return
    grace, sweep = _graces(ours.settings)
    if limit > grace:
        yield Passed(f"stop_grace_period {limit:g}s is longer than pysupervise's {grace:g}s")
        return
    whose = f"stop_grace_period {text}" if text else f"compose's default of {DEFAULT_STOP_S:g}s"
    yield Finding(
        ERROR if limit < grace else WARNING,
        "grace-too-short",
        f"{whose} is {'shorter than' if limit < grace else 'not longer than'} pysupervise's grace of {grace:g}s",
        (str(at),),
        "The engine kills PID 1 first, the kernel kills everybody else in the same instant, and nobody is left to say who did not stop.",
        f"stop_grace_period: {grace + max(sweep, MARGIN_S):g}s, or a shorter --grace",
    )


def _graces(settings: Settings) -> tuple[float, float]:
    sweep = sum(seconds for _, _, seconds in settings.sweep_plan or ())
    return sum(seconds for _, _, seconds in settings.stop_plan), sweep


def _namespace(pid: Value | None, launched: launch.Launch, place: _Placer) -> Iterator[Remark]:
    word = (pid.text or "") if pid is not None else ""
    if pid is None or not (word == "host" or word.startswith(("service:", "container:"))):
        return
    yield Finding(
        INFO if launched.ours is not None else WARNING,
        "shared-pid-namespace",
        f"pid: {word} shares a PID namespace",
        (str(place(pid)),),
        "Nothing of this service is PID 1: when its command ends, the kernel does not end the rest, and orphans go to the other PID 1."
        + (" pysupervise collects them as their subreaper." if launched.ours is not None else ""),
        "nothing, where this is meant" if launched.ours is not None else 'leave it out, or entrypoint: ["pysupervise", "--"]',
    )
