"""Rules of the entry script that a Dockerfile copies: whether it can start, and where it leads."""

import os
from collections.abc import Iterator

from pysupervise.cli.diagnosis import launch, programs, rules_launch, script, shellflow
from pysupervise.cli.diagnosis.dockerfile import Stage
from pysupervise.cli.diagnosis.finding import ERROR, INFO, WARNING, Finding, Passed, Remark, Unread
from pysupervise.cli.diagnosis.rules_launch import Place

MOST_SCRIPT_BYTES = 1 << 20


def examine(stage: Stage, launched: launch.Launch, file: str, place: Place, context: str) -> Iterator[Remark]:
    """Judge the script that the image starts, if any. ``file``: the Dockerfile's name; ``context``: where COPY finds its files."""
    words = launched.service
    by_shell = bool(launched.shell)
    if words and programs.is_shell(words) and len(words) > 1 and not words[1].startswith("-"):
        words, by_shell = words[1:], True  # sh /entrypoint.sh
    if not words or not ("/" in words[0] or words[0].endswith(".sh")):
        return
    path = words[0]
    first_line = 1
    if (document := script.in_document(path, stage)) is not None:
        shown, text, first_line = file, document.text, document.line
        if "$" in text and not document.quoted:
            yield Unread(f"{path} of {file}:{first_line - 1}: its end mark is not quoted, so the build puts variables in")
            return
    elif (found := script.in_context(path, stage, context)) is None:
        if path.endswith(".sh"):
            heredocs = any("<<" in copy.value for copy in stage.copies)
            why = "it may be one of the heredocs, which are not judged here" if heredocs else "no COPY of it is found in the build context"
            yield Unread(f"{path}, which {file}:{place.line} starts: {why}")
        return
    else:
        try:
            with open(found, encoding="utf-8", errors="replace", newline="") as opened:
                text = opened.read(MOST_SCRIPT_BYTES)
        except OSError as error:
            yield Unread(f"{found}: {error.strerror}")
            return
        shown = os.path.normpath(found)
    if "\0" in text or not script.is_shell_script(text):
        return
    broken = list(_cannot_start(shown, first_line, text, launched, by_shell=by_shell))
    yield from broken
    if text.startswith("#!") or by_shell or os.path.splitext(path)[1] in ("", ".sh", ".bash"):
        remarks = _flow(shown, first_line, text.replace("\r\n", "\n"), launched, words)
        yield from (remark for remark in remarks if not broken or isinstance(remark, Finding))


def _cannot_start(shown: str, line: int, text: str, launched: launch.Launch, *, by_shell: bool) -> Iterator[Finding]:
    first = text.partition("\n")[0]
    if not text.startswith("#!") and not by_shell and all(init.is_ours for init in launched.inits):
        # execve(2) refuses it; a shell and execvp(3), which other inits call, take /bin/sh instead.
        yield Finding(
            ERROR,
            "no-interpreter-line",
            f"{shown} has no `#!` line",
            (f"{shown}:{line}:1: {first.rstrip()}",),
            "The kernel does not know what should run it (exec format error): the container does not start.",
            f"#!/bin/sh as the first line of {shown}",
        )
    if first.startswith("#!") and first.endswith("\r"):
        yield Finding(
            ERROR,
            "carriage-return",
            f"{shown} has DOS line ends",
            (f"{shown}:{line}:1: {first.rstrip()}\\r",),
            "The kernel looks for an interpreter whose name ends in a carriage return: the container does not start (no such "
            "file or directory).",
            f"sed -i 's/\\r$//' {shown}, and *.sh text eol=lf in .gitattributes",
        )


def _flow(shown: str, first_line: int, text: str, launched: launch.Launch, words: tuple[str, ...]) -> Iterator[Remark]:
    """Judge where it leads. ``words``: the script and its arguments."""
    flow = shellflow.follow(text)
    found = script.flaws(flow)

    def place(tail: shellflow.Tail) -> Place:
        return Place(shown, tail.piece.line + first_line - 1, tail.piece.column, " ".join(tail.words))

    behind = list(rules_launch.handed_over(flow, launched, place, words[1:]))
    if not found and not behind:
        if flow.hands_over:
            yield Passed(f"{shown} hands over with exec")
        else:
            yield Unread(f"where {shown} leads: it ends in a subshell, a builtin, a trap or a loop over a list, which is not judged here")
    for flaw in found:
        yield _finding(flaw, f"{shown}:{flaw.line + first_line - 1}:{flaw.column}: {flaw.text}", launched)
    yield from behind


def _finding(flaw: script.Flaw, at: str, launched: launch.Launch) -> Finding:
    ours = launched.ours
    covered = ours is not None and ours.settings is not None and ours.settings.forward != "child"
    severity = INFO if covered else WARNING if flaw.minor else ERROR
    if covered:
        consequence = "pysupervise signals the service too; the status is the script's, not the service's."
    elif launched.inits:
        consequence = (
            f"{launched.inits[-1].name} passes the stop signal to the shell, leaves when that dies, and the kernel kills the service."
        )
    else:
        consequence = "The shell stays PID 1, does nothing on TERM and passes nothing on: a stop ends with KILL, status 137."
    match flaw.rule:
        case "last-command-in-background":
            title, fix = "the last command runs in the background, and the script ends", "exec it in the foreground"
            consequence = "When the script ends, PID 1 ends, and the kernel kills what it started."
            severity = ERROR if not launched.inits else severity
        case "wait-without-trap":
            title = "the script waits for background processes, and traps no signal"
            fix = f"one process and exec, or {rules_launch.WITH_INIT} in front"
        case "service-behind-placeholder":
            title = "the service runs in the background, and the script hands over to a program that only waits"
            consequence = consequence.replace("The shell stays PID 1", "That program is PID 1")
            fix = "exec the service itself, in the foreground"
        case "last-command-is-a-loop":
            title = "the script ends in a loop: its shell stays, and traps no signal"
            fix = f"trap 'exit 143' TERM and `sleep 60 & wait $!` in the loop, or {rules_launch.WITH_INIT} in front"
        case "last-command-in-a-pipe":
            title = "the last command is a pipe, whose shell stays, with exec or without"
            fix = f"send the output to the file or program without a pipe, or {rules_launch.WITH_INIT} in front"
        case _:
            what = 'the arguments ("$@")' if flaw.rule == "no-exec-before-arguments" else "the last command"
            title, fix = f"the script starts {what} without exec" + " in one of its branches" * flaw.minor, f"exec {flaw.text}"
            if flaw.followed:
                title = "the script starts the service without exec, and goes on behind it"
                fix += ", and nothing behind it"
    return Finding(severity, flaw.rule, title, (at,), consequence, fix)
