"""Rules that Dockerfiles and compose files share: what a command line of known words does with a stop."""

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pysupervise.cli.diagnosis import launch, programs, runners, shellflow, shelltext
from pysupervise.cli.diagnosis.finding import ERROR, INFO, WARNING, Finding, Passed, Remark, Unread, unique
from pysupervise.core import signals
from pysupervise.core.settings import Settings

WITH_INIT = 'ENTRYPOINT ["pysupervise", "--"]'
SHELL_WORDS = frozenset({"exec", "cd", "source", ".", "export", "set", "ulimit", "umask", "trap", "eval"})
EXPANSION = re.compile(r"\$\([^()]*\)|\$\{[^{}]*\}|'[^']*'|\"[^\"]*\"")
OPERATOR_WORDS = frozenset({"&&", "||", "|", ";", "&", ">", ">>", "<", "2>&1", "2>", "&>"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


def in_front(launched: launch.Launch, place: Place, base: str = "") -> Iterator[Remark]:
    """Judge what stands between the init and the service. ``base``: the image's name."""
    yield from unique(
        (
            *words_behind_text(launched, place),
            *shell(launched, place, base),
            *several_processes(launched, place),
            *script_runner(launched, place),
            *wrapper(launched, place),
        )
    )


def shell(launched: launch.Launch, place: Place, base: str = "") -> Iterator[Remark]:
    """Judge a shell in front of the service, below the init that there is, if any. ``base``: the image's name."""
    if not launched.shell:
        return
    between = shelltext.operators(launched.text)
    flow = shellflow.follow(launched.text)
    if flow.hands_over:
        behind = list(handed_over(flow, launched, lambda _: place))
        yield from behind
        if not behind and flow.placeholder is None:
            yield Passed(f"the shell of {place.file}:{place.line} hands over with exec")
        return
    if flow.traps:
        yield Unread(f"what the shell of {place.file}:{place.line} does on the stop signal: it has a trap of its own")
        return
    name = programs.base_name(launched.shell[0])
    ours = launched.ours
    if ours is not None and ours.settings is not None and ours.settings.forward != "child":
        if ours.settings.forward == "handlers":
            yield Passed(f"the shell of {place.file}:{place.line} is passed over: --forward handlers")
        elif between:
            yield Finding(
                INFO,
                "shell-below-pysupervise",
                f"{name} stands between pysupervise and the service",
                (str(place),),
                "The service gets the stop signal, and so does the shell: the status is the shell's, not the service's.",
                "pysupervise --forward handlers -- ..., or exec in front of the last command",
            )
        return
    init = launched.inits[-1] if launched.inits else None
    exec_fix = f'write the exec form: ["program", "argument"], or {name} -c "... exec program"; or keep the shell below {WITH_INIT}'
    if init is not None:
        yield Finding(
            WARNING,
            "shell-below-init",
            f"{name} stands between {init.name} and the service",
            (str(place),),
            f"When the shell dies of the stop signal {init.name} leaves, and the kernel kills the service before it has cleaned up.",
            exec_fix,
        )
    elif between and flow.decided and flow.tails and all(tail.passing for tail in flow.tails):
        yield Unread(f"which command of {place.file}:{place.line} lasts: those known here end by themselves")
    elif between and (replaces := _replaces_itself(name, base, launched.text, flow)):
        yield Finding(
            WARNING,
            "shell-in-front",
            f"{name} starts the service as the last of several commands",
            (str(place),),
            f"{replaces} replaces itself with the last command of such a text; older ones, and other shells, stay PID 1: then TERM does "
            "nothing, and a stop ends with KILL, status 137.",
            exec_fix,
        )
    elif between:
        operator = "a line end" if between[0] == "newline" else f"`{between[0]}`"
        yield Finding(
            ERROR,
            "shell-in-front",
            f"{name} is PID 1, and the service is its child ({operator} in the text)",
            (str(place),),
            "A shell as PID 1 neither acts on TERM nor passes it on: a stop waits its full time, then everything is killed, status 137.",
            exec_fix,
        )
    else:
        yield Finding(
            WARNING,
            "shell-in-front",
            f"{name} starts the service",
            (str(place),),
            "Some shells replace themselves with a single command, others stay PID 1: then TERM does nothing, and a stop ends "
            "with KILL, status 137.",
            exec_fix,
        )


def handed_over(
    flow: shellflow.Flow, outer: launch.Launch, place_of: Callable[[shellflow.Tail], Place], arguments: Sequence[str] = ()
) -> Iterator[Finding]:
    """Judge what a shell hands over to: another shell, a package manager, su. ``arguments``: what "$@" stands for."""
    for tail in flow.tails:
        if not tail.hands_over:
            continue
        try:
            words = shlex.split(" ".join(tail.executed))
        except ValueError:
            continue
        words = [part for word in words for part in (arguments if word in ("$@", "${@}", "$*") else [word])]
        inner = launch.read(words)
        if inner.text.lstrip().startswith("$"):
            continue
        whole = launch.Launch((*outer.inits, *inner.inits), inner.shell, inner.text, inner.service)
        place = place_of(tail)
        for rule in (shell, script_runner, wrapper):
            yield from (remark for remark in rule(whole, place) if isinstance(remark, Finding))


def _replaces_itself(name: str, base: str, text: str, flow: shellflow.Flow) -> str:
    """Return the shell that runs the last command of this text in its own place, "" where it is none of those measured, or stays."""
    stays = any(tail.followed or tail.piped or tail.piece.separator == "&" for tail in flow.tails) or flow.loop is not None
    if stays or (flow.tails and flow.tails[-1].passing):
        return ""
    if name in ("sh", "ash"):
        return "busybox 1.35" if any(word in base for word in programs.BUSYBOX_IMAGES) else ""
    if name == "bash":
        return "bash 5.2" if flow.decided and not any(tail.in_branch for tail in flow.tails[-1:]) and _is_list_of_commands(text) else ""
    return {"zsh": "zsh 5.9", "busybox": "busybox 1.35"}.get(name, "")


def _is_list_of_commands(text: str) -> bool:
    """Whether bash reads it as simple commands one after the other, none in the background, the last neither in a pipe nor redirected."""
    pieces = list(shelltext.split(text))
    last = EXPANSION.sub("", pieces[-1].text) if pieces else ""
    line: list[str] = []  # the operators of the last line
    for piece in pieces[:-1]:
        line = [] if piece.separator == "\n" else [*line, piece.separator]
    return (
        not any(piece.separator == "&" for piece in pieces)
        # bash stays with `a; b && c`, and not with `a && b; c`.
        and not (line and line[-1] != ";" and ";" in line)
        and not any(mark in last for mark in "<>{}()")
        and not set(last.split()[:1]) & shelltext.RESERVED
    )


def several_processes(launched: launch.Launch, place: Place) -> Iterator[Remark]:
    """More than one process, and nobody who reaps."""
    both = [operator for operator in shelltext.operators(launched.text) if operator in ("&", "|", "|&")] if launched.text else []
    if both and not launched.inits and not shellflow.follow(launched.text).traps:
        yield Finding(
            WARNING,
            "several-processes",
            f"the command starts several processes (`{both[0]}`), and there is no init",
            (str(place),),
            "The stop signal reaches none of them, who ends first is not noticed, and orphans become zombies.",
            f"an init that signals the whole tree: {WITH_INIT}; better one container for each",
        )


def inits(launched: launch.Launch, place: Place, variables: Mapping[str, Place] = MappingProxyType({})) -> Iterator[Remark]:
    """Two inits, and options that pysupervise would refuse. ``variables``: where those of the environment are set."""
    names = [init.name for init in launched.inits]
    if len(names) > 1:
        yield Finding(
            WARNING,
            "two-inits",
            f"two inits: {' and '.join(names)}",
            (str(place),),
            f"One is enough. {names[-1]} is not PID 1, and each signal takes one more hop.",
            f"leave {next((name for name in names if name != programs.OURS), names[0])} out",
        )
    for init in launched.inits:
        if init.wrong:
            at = next((where for name, where in variables.items() if name in init.wrong), place)
            yield Finding(
                ERROR,
                "wrong-options",
                "pysupervise would refuse its options with status 2",
                (str(at), init.wrong),
                "The container ends at once, with status 2.",
                "see pysupervise --help",
            )
    if len(names) == 1 and not launched.inits[0].wrong:
        yield Passed(f"{names[0]} is the init")


def without_init(launched: launch.Launch, place: Place, sent: int | None = None) -> Iterator[Remark]:
    """Judge an interpreter as PID 1: by default it does not act on the stop signal. ``sent``: None where that is not said."""
    name = programs.base_name(launched.service[0]) if launched.service else ""
    if sent in (programs.KILL, programs.STOP):
        return  # that nobody can handle it is said already
    if not launched.inits and not launched.shell and programs.is_interpreter(name):
        word = signals.name(sent or programs.TERM)
        known = sent is None or sent in Settings.stop_signals
        yield Finding(
            INFO,
            "interpreter-as-pid1",
            f"{name} is PID 1",
            (str(place),),
            f"As PID 1 it gets only the signals that the program handles; without a handler for {word} a stop ends with KILL. "
            "Orphans become zombies.",
            f"handle {word} in the program, or " + (WITH_INIT if known else f'ENTRYPOINT ["pysupervise", "--stop-signal", "{word}", "--"]'),
        )


def script_runner(launched: launch.Launch, place: Place) -> Iterator[Remark]:
    """Judge npm, pnpm or yarn in front of the service."""
    runner = runners.runner_of(launched.service)
    if runner:
        whole_tree = launched.ours is not None and launched.ours.signals_group()
        yield runners.in_front(runner, " ".join(launched.service[:3]), (str(place),), whole_tree=whole_tree)


def stop_signal(launched: launch.Launch, place: Place, sent: int | None, source: str, base: str = "") -> Iterator[Remark]:
    """Judge the engine's signal against what the service expects. ``sent``: None where it is not said; ``base``: the image's name."""
    ours = launched.ours
    image = base.rpartition("/")[2].partition(":")[0].partition("@")[0]
    name = programs.service_name(launched.service)
    known = programs.of_image(base)
    if not launched.service and not launched.shell and known:
        name = known[1]
    expected = programs.EXPECTED.get(name)
    if name == "systemd" and image in programs.BUSYBOX_IMAGES:
        expected = None
    given = sent is not None
    if sent is None and known:
        sent, source = known[0], f"STOPSIGNAL of the image {base}"
    elif sent is None and base not in ("", "scratch"):
        source += f", unless the image {base} sets one"
    signum = programs.TERM if sent is None else sent
    word = signals.name(signum)
    evidence = tuple(dict.fromkeys((str(place), source)))  # a STOPSIGNAL may stand alone
    if signum in (programs.KILL, programs.STOP):
        yield Finding(
            ERROR,
            "stop-signal-kill",
            f"the stop signal is {word}",
            evidence,
            "Nobody can handle it: every stop is a kill."
            if signum == programs.KILL
            else "It does not end anything: a stop only freezes the container.",
            "STOPSIGNAL SIGTERM, or what the service expects",
        )
        return
    if ours is not None and ours.settings is not None and signum not in ours.settings.stop_signals:
        yield Finding(
            WARNING,
            "stop-signal-unknown-to-pysupervise",
            f"{word} starts no stop in pysupervise",
            evidence,
            f"{word} is passed on to the service, but no grace period runs, and nobody is killed or named if the service stays.",
            f"pysupervise --stop-signal {word} -- ...",
        )
    arriving = launched.reaching_service(signum)
    if name == "uwsgi" and arriving == programs.TERM and "--die-on-term" not in launched.service:
        yield Finding(
            WARNING,
            "stop-signal-against-service",
            "uwsgi gets TERM without --die-on-term",
            evidence,
            "Unless its configuration says die-on-term, uWSGI reloads on TERM instead of ending.",
            "uwsgi --die-on-term, or STOPSIGNAL SIGINT",
        )
    if expected is None:
        return
    if arriving in expected.graceful:
        yield Passed(f"{name} gets {signals.name(arriving)}, its graceful stop ({place if given else source})")
        return
    if arriving in expected.goes_on:
        otherwise, severity = expected.goes_on[arriving], ERROR
    else:
        otherwise, severity = expected.otherwise, expected.severity
    wanted = signals.name(expected.graceful[0])
    option = f'"--stop-signal", "{wanted}"'
    yield Finding(
        severity,
        "stop-signal-against-service",
        f"{name} gets {signals.name(arriving) if arriving else 'nothing'}, and stops gracefully on {wanted}",
        evidence,
        f"{otherwise}.",
        f"STOPSIGNAL SIG{wanted}" if ours is None else f'ENTRYPOINT ["pysupervise", {option}, "--"]',
    )


def words_behind_text(launched: launch.Launch, place: Place) -> Iterator[Remark]:
    """Judge words behind the text of a shell: they are its $0, $1 and so on, and reach no command that does not name them."""
    behind = launched.shell[launched.shell.index(launched.text) + 1 :] if launched.shell else ()
    # The first is the name that the shell is to have: sh, --, _, entry.sh.
    named = behind and (programs.is_shell(behind[:1]) or not behind[0].strip("-_") or "." in behind[0])
    lost = behind[1:] if named else behind
    if not lost or "$" in launched.text:
        return
    shell_name = programs.base_name(launched.shell[0])
    yield Finding(
        ERROR,
        "words-behind-shell-text",
        f"`{lost[0]}` is no argument of `{launched.text}`",
        (str(place),),
        f"{shell_name} runs the one word behind -c as its text; the words after it are its $0, $1 and so on, which the text does not use.",
        f"leave {shell_name} -c out: the exec form starts the program with its arguments",
    )


def words_of_a_shell(words: tuple[str, ...], place: Place, why: str) -> Iterator[Remark]:
    """Shell operators and builtins where no shell reads them."""
    launched = launch.read(words)
    if launched.shell:
        return
    fix = 'name the shell, below an init: ["pysupervise", "--forward", "handlers", "--", "sh", "-c", "first && exec second"]'
    first = (launched.service or words or ("",))[0]
    wrong = next((word for word in words[1:] if word in OPERATOR_WORDS or (word.endswith(";") and " " not in word)), None)
    if wrong is not None:
        yield Finding(
            ERROR,
            "operator-without-shell",
            f"`{wrong}` is handed to {programs.base_name(first)} as an argument",
            (str(place),),
            f"{why}, so `{wrong}` and what follows are arguments of the first program.",
            fix,
        )
    elif first in SHELL_WORDS or ("=" in first and first.partition("=")[0].isidentifier()):
        yield Finding(
            ERROR,
            "builtin-without-shell",
            f"`{first}` is no program, but a word of the shell",
            (str(place),),
            f"{why}: a program of that name is looked for, and not found.",
            "leave `exec` out: there is nothing to replace" if first == "exec" else fix,
        )


def wrapper(launched: launch.Launch, place: Place) -> Iterator[Remark]:
    """Judge programs that start the service as their child, and what they do with a stop."""
    whole_tree = launched.ours is not None and launched.ours.signals_group()
    if found := runners.wrapper_in_front(launched.service, (str(place),), whole_tree=whole_tree):
        yield found


def parsed_signal(word: str, place: Place) -> int | Remark:
    """Return a signal's number, or what is wrong with it."""
    if "$" in word:
        return Unread(f"the stop signal {word}: its variable has no value here ({place.file}:{place.line})")
    try:
        return signals.parse(word)
    except ValueError as error:
        return Finding(
            ERROR,
            "stop-signal-invalid",
            f"{word!r} is not a signal",
            (str(place),),
            f"{error}: the image cannot be built, or the container not be stopped.",
            "signals are names or numbers: SIGTERM, SIGQUIT, 15, SIGRTMIN+3",
        )
