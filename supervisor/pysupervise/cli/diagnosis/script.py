"""Entry scripts: whether the last command is handed the place of the shell with exec."""

import os
import re
from dataclasses import dataclass

from pysupervise.cli.diagnosis import programs, shelltext
from pysupervise.cli.diagnosis.dockerfile import Instruction, Stage

FUNCTION = re.compile(r"^\s*(?:function\s+)?([\w.:-]+)\s*\(\)", re.MULTILINE)
HANDS_OVER = re.compile(r'^"?\$\{?[@*]\}?"?$')


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong in a script."""

    rule: str
    line: int
    column: int
    text: str  # the command as it stands


def is_shell_script(text: str) -> bool:
    """Whether the text is a script that a shell runs: by its first line, or because it has none."""
    first = text.partition("\n")[0].strip()
    if not first.startswith("#!"):
        return True
    words = first[2:].split()
    name = programs.base_name(words[0]) if words else ""
    if name == "env":
        name = next((word for word in words[1:] if not word.startswith("-")), "")
    return name in programs.SHELLS


def flaws(text: str) -> list[Flaw]:
    """Return what keeps signals from the service: "$@" without exec, a last command without exec.

    A script that ends in builtins, in `wait` or in a branch is judged by "$@" alone: where it leads is not decided here.
    """
    pieces = [piece for piece in shelltext.split(text) if not piece.text.startswith("#!")]
    found = []
    for piece in pieces:
        words = piece.words
        if words and HANDS_OVER.match(words[0]) and piece.separator not in ("&", "|"):
            found.append(Flaw("no-exec-before-arguments", piece.line, piece.column, piece.text))
    last = next((piece for piece in reversed(pieces) if piece.words and piece.words[0] not in shelltext.CLOSERS), None)
    if found or last is None:
        return found
    words = last.words
    closes = pieces[-1].words and pieces[-1].words[0] in shelltext.CLOSERS
    name = words[0].strip("\"'")
    in_function = name.endswith("()") or "()" in last.text or name in FUNCTION.findall(text)
    if last.separator == "&":
        found.append(Flaw("last-command-in-background", last.line, last.column, last.text))
    elif name == "wait" and not any(piece.words[:1] == ["trap"] for piece in pieces):
        found.append(Flaw("wait-without-trap", last.line, last.column, last.text))
    elif name != "exec" and name not in shelltext.BUILTINS and not closes and not in_function:
        found.append(Flaw("last-command-without-exec", last.line, last.column, last.text))
    return found


def hands_over(text: str) -> bool:
    """Whether the last command of a script, outside of every branch, is an exec."""
    pieces = [piece for piece in shelltext.split(text) if piece.words]
    return bool(pieces) and pieces[-1].words[0] == "exec"


def in_context(path: str, stage: Stage, context: str) -> str | None:
    """Return the file in the build context that a COPY or ADD puts at ``path`` of the image, None where none is found."""
    for copy in reversed(stage.copies):
        if found := _source(copy, path, stage, context):
            return found
    return None


def _source(copy: Instruction, path: str, stage: Stage, context: str) -> str | None:
    words = list(copy.words or stage.expand(copy.value).split())
    if len(words) < 2 or any("<<" in word for word in words):  # noqa: PLR2004 -- source and destination
        return None
    *sources, destination = words
    name = path.rpartition("/")[2]
    root = os.path.realpath(context)
    for source in sources:
        inside = os.path.join(context, source.lstrip("/"))
        if any(char in source for char in "*?["):
            import glob

            candidates = [found for found in glob.glob(inside) if os.path.basename(found) == name]
        elif os.path.isdir(inside):
            below = path[len(destination.rstrip("/")) :].lstrip("/") if path.startswith(destination.rstrip("/") + "/") else name
            candidates = [os.path.join(inside, below)]
        else:
            target = destination if not destination.endswith(("/", ".")) else destination.rstrip(".") + os.path.basename(source)
            candidates = [inside] if os.path.basename(target) == name or os.path.basename(source) == name else []
        for candidate in candidates:
            real = os.path.realpath(candidate)
            if os.path.isfile(real) and real.startswith(root + os.sep):  # never out of the context
                return candidate
    return None
