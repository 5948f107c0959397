"""Rules of a Dockerfile: of the final stage, or of the one that is named."""

import itertools
import re
from collections.abc import Iterator

from pysupervise.cli.diagnosis import launch, programs, rules_launch, rules_script
from pysupervise.cli.diagnosis.dockerfile import Instruction, Stage, stages
from pysupervise.cli.diagnosis.finding import ERROR, INFO, WARNING, Finding, Remark, Unread
from pysupervise.cli.diagnosis.rules_launch import Place

# An argument that is or ends in a variable: $PORT, --port=$PORT, 0.0.0.0:${PORT}. Code in another language has more around it.
ARGUMENT_VARIABLE = re.compile(r"^[\w./:=-]*\$(?:[A-Z_][A-Z0-9_]*|\{[A-Z_][A-Z0-9_]*(?::?[-+][^}]*)?\})$")


class NoStageError(Exception):
    """There is no FROM, or no stage of that name."""


def pick(text: str, target: str = "") -> Stage:
    """Return the stage that is built. Raises NoStageError."""
    found = stages(text)
    if not found:
        raise NoStageError("it has no FROM")
    if not target:
        return found[-1]
    for stage in found:
        if stage.name.lower() == target.lower():
            return stage
    raise NoStageError(f"it has no stage {target!r}")


def examine(text: str, file: str, context: str, target: str = "") -> Iterator[Remark]:
    """Judge a Dockerfile. ``file`` is its name for users, ``context`` the directory that COPY takes files from. Raises NoStageError."""
    stage = pick(text, target)
    entrypoint, command = stage.entrypoint, stage.command
    if entrypoint is None and command is None:
        yield Unread(f"what the image starts: {file} has neither ENTRYPOINT nor CMD, they are those of {stage.base}")
        if stage.stop_signal is not None:
            yield from _stop_signal(stage, launch.NOTHING, file, _place(file, stage.stop_signal), _sent(stage, file))
        return
    for instruction in (entrypoint, command):
        if instruction is not None:
            yield from _form(instruction, stage, file)
    for earlier in stage.overridden:
        last = entrypoint if earlier.name == "ENTRYPOINT" else command
        yield Finding(
            INFO,
            "overridden",
            f"this {earlier.name} has no effect",
            (str(_place(file, earlier)),),
            f"Only the last one of a stage counts: that of line {last.line if last else '?'}.",
            "remove it",
        )
    words, at = effective(stage)
    launched = launch.read(words, stage.environment)
    place = _place(file, at)
    yield from _one_word(launched, stage, file)
    yield from _variables(launched, stage, file)
    shell_form_entry = entrypoint is not None and entrypoint.words is None
    if shell_form_entry and command is not None:
        yield Finding(
            WARNING,
            "cmd-without-effect",
            "CMD has no effect behind an ENTRYPOINT in shell form",
            (str(_place(file, command)), str(place)),
            "Neither CMD nor the arguments of `docker run` reach the program.",
            "write ENTRYPOINT in exec form",
        )
    if entrypoint is None and not _is_from_scratch(stage):
        yield Unread(f"whether {stage.base} has an ENTRYPOINT in front of this CMD: judged as if it had none")
    service_place = place
    if command is not None and not shell_form_entry and launched.stands_in(stage.words_of(command)):
        service_place = _place(file, command)
    variables = {name: _place(file, instruction) for name, instruction in stage.environment_set_at.items()}
    yield from rules_launch.in_front(launched, service_place, stage.base)
    yield from rules_launch.inits(launched, place, variables)
    sent = _sent(stage, file)
    yield from rules_launch.without_init(launched, service_place, sent if isinstance(sent, int) else None)
    yield from _stop_signal(stage, launched, file, place, sent)
    yield from rules_script.examine(stage, launched, file, place, context)


def effective(stage: Stage) -> tuple[tuple[str, ...], Instruction]:
    """Return the words that the image starts, and the instruction that counts most. There has to be one."""
    entrypoint, command = stage.entrypoint, stage.command
    if entrypoint is None:
        if command is None:
            raise AssertionError
        return stage.words_of(command), command
    words = stage.words_of(entrypoint)
    if command is not None and entrypoint.words is not None:
        # ENTRYPOINT [] only takes the base's away.
        return (*words, *stage.words_of(command)), entrypoint if words else command
    return words, entrypoint


def _form(instruction: Instruction, stage: Stage, file: str) -> Iterator[Remark]:
    place = _place(file, instruction)
    if instruction.looks_like_exec_form:
        reason = "its strings are in single quotes" if "'" in instruction.value else "it is no JSON list of strings"
        yield Finding(
            ERROR,
            "broken-exec-form",
            f"{instruction.name} looks like the exec form and is not: {reason}",
            (str(place),),
            f"docker takes it as the shell form and runs {' '.join(stage.shell_of(instruction))} with all of it, brackets included.",
            f"{instruction.name} " + instruction.value.replace("'", '"')
            if "'" in instruction.value
            else "write it as JSON, with double quotes",
        )
    elif instruction.words is not None:
        yield from rules_launch.words_of_a_shell(instruction.words, place, "The exec form runs no shell")
        if instruction.words and instruction.words[0].startswith("$"):
            yield Finding(
                ERROR,
                "variable-in-exec-form",
                f"{instruction.name} starts a program called `{instruction.words[0]}`",
                (str(place),),
                "The exec form runs no shell, and nobody puts the variable's value in: a program of that very name is looked for.",
                f"write the program itself, or let a shell do it: {instruction.name} "
                f'["sh", "-c", "exec {instruction.words[0]} \\"$@\\"", "sh"]',
            )


def _variables(launched: launch.Launch, stage: Stage, file: str) -> Iterator[Remark]:
    """Judge variables among the arguments of a program that is known: another may put their values in itself."""
    if launched.shell or programs.service_name(launched.service) not in programs.EXPECTED:
        return
    for instruction in (stage.entrypoint, stage.command):
        words = (instruction.words or ()) if instruction is not None else ()
        arguments = words[1:] if words[:1] == launched.service[:1] else words
        if programs.base_name(launched.service[0]) == "java":  # what stands behind -jar or the class is the program's
            options = sum(1 for _ in itertools.takewhile(lambda word: word.startswith("-") and word != "-jar", arguments))
            arguments = arguments[: options + 1]
        found = next((word for word in arguments if ARGUMENT_VARIABLE.match(word)), None)
        if instruction is not None and found is not None:
            yield Finding(
                WARNING,
                "variable-in-exec-form",
                f"`{found}` reaches {launched.service[0]} as it stands",
                (str(_place(file, instruction)),),
                "The exec form runs no shell, and nobody puts the variable's value in.",
                f'["sh", "-c", "exec {launched.service[0]} ... {found}"], or let the program read the variable',
            )


def _one_word(launched: launch.Launch, stage: Stage, file: str) -> Iterator[Remark]:
    """Judge a program with blanks in its name; what a shell gets as its text is none."""
    for instruction in (stage.entrypoint, stage.command):
        words = instruction.words if instruction is not None else None
        if instruction is None or not words or launched.shell or launched.service[:1] != words[:1] or len(words) > 1:
            continue
        name = words[0]
        if " " in name.strip() and not name.startswith(" "):
            yield Finding(
                ERROR,
                "one-word-with-blanks",
                f"{instruction.name} has one word with blanks in it",
                (str(_place(file, instruction)),),
                "The exec form does not split words: a program of that whole name is looked for, and not found.",
                f"{instruction.name} [" + ", ".join(f'"{word}"' for word in name.split()) + "]",
            )


def _sent(stage: Stage, file: str) -> int | Remark | None:
    """Return the number of STOPSIGNAL, or what is wrong with it; None where there is none."""
    if stage.stop_signal is None:
        return None
    return rules_launch.parsed_signal(stage.expand(stage.stop_signal.value), _place(file, stage.stop_signal))


def _stop_signal(stage: Stage, launched: launch.Launch, file: str, place: Place, sent: int | Remark | None) -> Iterator[Remark]:
    if stage.stop_signal is None or sent is None:
        yield from rules_launch.stop_signal(launched, place, None, "no STOPSIGNAL: TERM is the default", stage.base)
        return
    if isinstance(sent, int):
        yield from rules_launch.stop_signal(launched, _place(file, stage.stop_signal), sent, str(place), stage.base)
    else:
        yield sent


def _place(file: str, instruction: Instruction) -> Place:
    return Place(file, instruction.line, instruction.column, instruction.source)


def _is_from_scratch(stage: Stage) -> bool:
    return stage.base.lower() == "scratch"
