"""Entry scripts: whether the last command is handed the place of the shell with exec."""

import os
import re
from dataclasses import dataclass

from pysupervise.cli.diagnosis import programs, shellflow, shelltext
from pysupervise.cli.diagnosis.dockerfile import HEREDOC, Document, Instruction, Stage

ARGUMENTS = re.compile(r'^"?\$\{?[@*]\}?"?$')


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong in a script."""

    rule: str
    line: int
    column: int
    text: str  # the command as it stands
    minor: bool  # another way to the end hands over
    followed: bool  # by what ends at once


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


def flaws(flow: shellflow.Flow) -> list[Flaw]:
    """Return what keeps signals from the service: "$@" without exec, or a last command without exec, in each branch at the end."""
    if flow.traps and flow.waits:
        return []  # a trap interrupts wait(1), and what it does is not read
    execs = any(tail.hands_over for tail in flow.tails)
    found = []
    at_end = {tail.piece for tail in flow.tails}
    for tail in {tail.piece: tail for tail in (*flow.outside, *flow.tails)}.values():
        last = tail.piece in at_end
        rule = "service-behind-placeholder" if tail == flow.placeholder else _rule(tail, last=last, traps=flow.traps)
        if rule == "no-exec-before-arguments" and execs and not last:
            continue  # a step before the one that hands over, such as the first start of a database
        if tail.followed and tail.in_branch and execs:
            continue  # a step of its own, with what it says at its end
        if rule:
            # Beside a branch that hands over it is often a task that ends by itself, not the service.
            minor = tail.in_branch and execs and rule == "last-command-without-exec"
            found.append(Flaw(rule, tail.piece.line, tail.piece.column, " ".join(tail.words), minor, tail.followed))
    if flow.loop is not None and not flow.traps:
        found.append(Flaw("last-command-is-a-loop", flow.loop.line, flow.loop.column, flow.loop.text, minor=False, followed=False))
    return found


def _rule(tail: shellflow.Tail, *, last: bool, traps: bool) -> str:
    name = tail.words[0].strip("\"'")
    if ARGUMENTS.match(tail.words[0]) and not tail.piped and tail.piece.separator not in ("&", "|"):
        return "no-exec-before-arguments"
    if not last or tail.passing:
        return ""
    if tail.piece.separator == "&":
        return "last-command-in-background"
    if tail.piped:
        return "last-command-in-a-pipe"
    if name == "wait" and not traps:
        return "wait-without-trap"
    return "" if name == "exec" or name in shelltext.BUILTINS else "last-command-without-exec"


def in_document(path: str, stage: Stage) -> Document | None:
    """Return the here-document that a COPY or ADD puts at ``path`` of the image, None where there is none."""
    for copy in reversed(stage.copies):
        destination = stage.expand(HEREDOC.sub("", copy.value)).strip()
        for document in copy.documents:
            target = destination + document.name if destination.endswith("/") else destination
            if target == path:
                return document
    return None


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
