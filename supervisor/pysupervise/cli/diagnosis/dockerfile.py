"""Reads a Dockerfile: instructions with their lines, stages, and what the image that comes out will start."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

DIRECTIVE = re.compile(r"^#\s*([a-zA-Z]+)\s*=\s*(.+?)\s*$")
INSTRUCTION = re.compile(r"^\s*([A-Za-z]+)(\s+|$)")
FLAG = re.compile(r"^--[a-z-]+(=\S*)?\s+")
HEREDOC = re.compile(r"<<(-?)\s*([\"']?)([A-Za-z0-9_.]+)\2")
VARIABLE = re.compile(r"\\?\$(?:\{(?P<braced>\w+)(?:(?P<operator>:?[-+])(?P<other>[^}]*))?\}|(?P<plain>\w+))")
WITH_HEREDOCS = ("RUN", "COPY", "ADD")
MOST_CHARACTERS = 1_000_000  # of a file
LONGEST_VALUE = 1 << 16
LONGEST_SOURCE = 160
DEFAULT_SHELL = ("/bin/sh", "-c")


@dataclass(frozen=True, slots=True)
class Document:
    """A here-document."""

    name: str  # the mark that ends it
    text: str
    line: int  # of its first line, from 1
    quoted: bool  # variables are not put in


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continuation lines joined."""

    name: str  # in capitals
    value: str  # without flags
    line: int  # from 1
    column: int  # of the value, from 1
    flags: tuple[str, ...] = ()
    source: str = ""  # its lines joined, cut, for evidence
    documents: tuple[Document, ...] = ()

    @property
    def words(self) -> tuple[str, ...] | None:
        """The words of the exec form, None where it is the shell form: docker takes what is no JSON list of strings as that."""
        if not self.value.startswith("["):
            return None
        try:
            value = json.loads(self.value)
        except (ValueError, RecursionError):
            return None
        return tuple(value) if isinstance(value, list) and all(isinstance(word, str) for word in value) else None

    @property
    def looks_like_exec_form(self) -> bool:
        """Whether it was meant as the exec form, and is not: single quotes, a comma too many."""
        return self.words is None and self.value.startswith("[") and self.value.rstrip().endswith("]")


@dataclass(slots=True)
class Stage:
    """A stage, with what it has from the stage that it is built on."""

    base: str
    name: str
    line: int
    entrypoint: Instruction | None = None
    command: Instruction | None = None
    command_is_own: bool = False
    stop_signal: Instruction | None = None
    shell: tuple[str, ...] = DEFAULT_SHELL
    shells: dict[int, tuple[str, ...]] = field(default_factory=dict)  # the shell of an instruction, by its line
    environment: dict[str, str] = field(default_factory=dict)
    environment_set_at: dict[str, Instruction] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    copies: list[Instruction] = field(default_factory=list)
    overridden: list[Instruction] = field(default_factory=list)

    def shell_of(self, instruction: Instruction) -> tuple[str, ...]:
        """Return the shell that the shell form of an instruction runs in."""
        return self.shells.get(instruction.line, DEFAULT_SHELL)

    def words_of(self, instruction: Instruction) -> tuple[str, ...]:
        """Return what an ENTRYPOINT or CMD starts."""
        words = instruction.words
        return words if words is not None else (*self.shell_of(instruction), instruction.value)

    def expand(self, text: str) -> str:
        """Put ENV and ARG values in; a variable without a known value stays as it is."""
        return expand(text, {**self.arguments, **self.environment})


def instructions(text: str) -> Iterator[Instruction]:
    """Yield instructions: comments, parser directives, continuation lines and here-documents as docker's parser has them."""
    lines = text.splitlines()
    escape = "\\"
    for line in lines:
        directive = DIRECTIVE.match(line)
        if directive is None:
            break
        if directive[1].lower() == "escape":
            escape = directive[2]
    index = 0
    while index < len(lines):
        first = index
        line = lines[index]
        index += 1
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        parts, last = [], line
        while last.rstrip().endswith(escape):
            parts.append(last.rstrip()[:-1])
            while index < len(lines) and (lines[index].lstrip().startswith("#") or not lines[index].strip()):
                index += 1  # comments and blank lines inside of a continuation do not count
            if index >= len(lines):
                last = ""
                break
            last = lines[index]
            index += 1
        parts.append(last)
        joined = "".join(parts)
        found = INSTRUCTION.match(joined)
        if found is None:
            continue
        name, value, flags = found[1].upper(), joined[found.end() :], []
        documents = []
        while flag := FLAG.match(value):
            flags.append(flag[0].strip())
            value = value[flag.end() :]
        if name in WITH_HEREDOCS:
            for document in HEREDOC.finditer(value):
                inside: list[str] = []
                begin = index
                while index < len(lines):
                    line_inside = lines[index].lstrip("\t") if document[1] else lines[index]
                    index += 1
                    if line_inside == document[3]:
                        break
                    inside.append(line_inside + "\n")
                documents.append(Document(document[3], "".join(inside), begin + 1, bool(document[2])))
        position = line.find(value.split()[0]) if value.split() else -1
        yield Instruction(name, value.strip(), first + 1, max(position, 0) + 1, tuple(flags), shortened(joined), tuple(documents))


def shortened(text: str) -> str:
    """Return a text of several lines as one, cut."""
    line = " ".join(text[: 4 * LONGEST_SOURCE].split())
    return line if len(line) <= LONGEST_SOURCE else line[: LONGEST_SOURCE - 3] + "..."


def stages(text: str) -> list[Stage]:
    """Return the stages in their order; the last one is what is built, unless a target is named."""
    found: list[Stage] = []
    globals_: dict[str, str] = {}
    for instruction in instructions(text):
        if instruction.name == "ARG" and not found:
            key, _, value = instruction.value.partition("=")
            globals_[key] = value.strip("\"'")
        elif instruction.name == "FROM":
            found.append(_from(instruction, found, globals_))
        elif found:
            _apply(found[-1], instruction, globals_)
    return found


def expand(text: str, values: Mapping[str, str]) -> str:
    """Put values in for $NAME, ${NAME}, ${NAME:-default} and ${NAME:+other}; what has no value stays as it is."""

    def value(match: re.Match[str]) -> str:
        if match[0].startswith("\\"):
            return match[0][1:]
        known = values.get(match["braced"] or match["plain"])
        if (match["operator"] or "").endswith("-"):
            return known or match["other"]
        if (match["operator"] or "").endswith("+"):
            return match["other"] if known else ""
        return match[0] if known is None else known

    expanded = VARIABLE.sub(value, text)
    # Variables of variables grow without bounds.
    return expanded if len(expanded) <= LONGEST_VALUE else text


def _from(instruction: Instruction, earlier: list[Stage], values: Mapping[str, str]) -> Stage:
    words = expand(instruction.value, values).split()
    base = words[0] if words else ""
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""  # noqa: PLR2004 -- FROM base AS name
    parent = next((stage for stage in reversed(earlier) if stage.name and stage.name.lower() == base.lower()), None)
    if parent is None:
        return Stage(base, name, instruction.line)
    return Stage(
        parent.base,
        name,
        instruction.line,
        parent.entrypoint,
        parent.command,
        command_is_own=False,
        stop_signal=parent.stop_signal,
        shell=parent.shell,
        shells=dict(parent.shells),
        environment=dict(parent.environment),
        environment_set_at=dict(parent.environment_set_at),
        copies=list(parent.copies),
    )


def _apply(stage: Stage, instruction: Instruction, globals_: Mapping[str, str]) -> None:
    match instruction.name:
        case "ENTRYPOINT":
            if stage.entrypoint is not None:
                stage.overridden.append(stage.entrypoint)
            stage.entrypoint = instruction
            stage.shells[instruction.line] = stage.shell
            if not stage.command_is_own:
                stage.command = None  # an ENTRYPOINT takes the base's CMD away
        case "CMD":
            if stage.command is not None and stage.command_is_own:
                stage.overridden.append(stage.command)
            stage.command, stage.command_is_own = instruction, True
            stage.shells[instruction.line] = stage.shell
        case "SHELL":
            stage.shell = instruction.words or stage.shell
        case "STOPSIGNAL":
            stage.stop_signal = instruction
        case "ENV":
            pairs = _pairs(stage.expand(instruction.value))
            stage.environment.update(pairs)
            stage.environment_set_at.update(dict.fromkeys(pairs, instruction))
        case "ARG":
            for word in instruction.value.split():
                key, equals, value = word.partition("=")
                if equals:
                    stage.arguments[key] = value.strip("\"'")
                elif key in globals_:
                    stage.arguments[key] = globals_[key]
        case "COPY" | "ADD":
            if not any(flag.startswith("--from=") for flag in instruction.flags):
                stage.copies.append(instruction)


def _pairs(value: str) -> dict[str, str]:
    import shlex

    try:
        words = shlex.split(value)
    except ValueError:
        words = value.split()
    if words and "=" not in words[0]:
        return {words[0]: " ".join(words[1:])}  # the old form: ENV KEY VALUE
    return dict(word.partition("=")[::2] for word in words)
