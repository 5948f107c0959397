"""Shell text, as far as a rule needs it: its commands, what stands between them, and where it hands over with exec.

No shell is rebuilt here. What cannot be said for certain, such as what a `case` chooses, is left open by the callers.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

ARITHMETIC = re.compile(r"\(\([^;\n]*?\)\)")
SEPARATORS = ("&&", "||", ";;", "|&", ";", "|", "&", "\n")
# Words of the shell's grammar in front of a command, and builtins that end at once.
OPENERS = frozenset({"if", "then", "else", "elif", "do", "while", "until", "{", "(", "!", "time"})
RESERVED = OPENERS | {"fi", "done", "esac", "}", ")", "case", "for", "select", "function"}
BUILTINS = frozenset({
    ":", ".", "[", "[[", "alias", "break", "case", "cd", "continue", "declare", "echo", "eval", "exit", "export", "false", "for",
    "function", "getopts", "in", "kill", "local", "printf", "read", "readonly", "return", "set", "shift", "source", "test", "trap", "true",
    "type", "ulimit", "umask", "unset", "wait",
})  # fmt: skip
# Builtins that may last: they run commands or wait for something.
LASTING_BUILTINS = frozenset({".", "eval", "read", "source", "wait"})
# Commands that end by themselves: they are no service.
PREPARING = frozenset({
    "cat", "chgrp", "chmod", "chown", "cp", "curl", "cut", "date", "find", "grep", "head", "install", "ln", "ls", "mkdir", "mv", "rm",
    "sed", "sort", "tar", "tee", "touch", "useradd", "usermod", "wc", "wget", "which",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Piece:
    """A simple command, or a word of the grammar, and what stands behind it."""

    text: str
    line: int  # from 1
    column: int  # from 1
    separator: str  # of SEPARATORS, "" at the end

    @property
    def words(self) -> list[str]:
        """The words without the grammar in front, split at blanks: good enough for the first two."""
        words = self.text.split()
        while words and words[0] in OPENERS:
            del words[0]
        while words and "=" in words[0] and words[0].partition("=")[0].isidentifier():
            del words[0]
        return words


def operators(text: str) -> list[str]:
    """Return the operators between commands of a text, in their order; [] where it is one simple command."""
    pieces = list(split(text))
    found = [piece.separator for piece in pieces[:-1]]
    if pieces and pieces[-1].separator not in ("", "\n", ";"):
        found.append(pieces[-1].separator)
    return [operator if operator != "\n" else "newline" for operator in found]


def split(text: str) -> Iterator[Piece]:
    """Yield the pieces of a text. Quotes, escapes, comments, $(...), `...`, ${...} and here-documents are passed over."""
    reader = _Reader(text)
    yield from reader.pieces()


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line, self.counted = 1, 0  # the line of a position, the last that was asked for
        self.waiting: list[tuple[str, bool]] = []  # here-documents: (end, whether tabs in front of it do not count)

    def pieces(self) -> Iterator[Piece]:
        text, begin = self.text, 0
        while self.at < len(text):
            char = text[self.at]
            if char == "\\":
                self.at += 2
            elif char in "'\"`":
                self._quoted(char)
            elif text.startswith(("$(", "${", "<(", ">(", "=("), self.at):  # the last is an array
                self._bracketed()
            elif char in "(#" and self.at > begin and not text[self.at - 1].isspace():
                self.at += 1
            elif char == "(" and (arithmetic := ARITHMETIC.match(text, self.at)):
                self.at = arithmetic.end()
            elif char == "#":
                end = text.find("\n", self.at)
                comment = self.at
                self.at = len(text) if end < 0 else end
                # What stands before the comment is a piece; the comment itself is not.
                yield from self._piece(begin, comment, "\n" if end >= 0 else "")
                begin = self.at = min(self.at + 1, len(text))
            elif text.startswith("<<", self.at) and not text.startswith("<<<", self.at):
                self._here_document()
            elif text.startswith((">&", "<&", "&>"), self.at):
                self.at += 2
            elif separator := next((mark for mark in SEPARATORS if text.startswith(mark, self.at)), ""):
                end = self.at
                self.at += len(separator)
                yield from self._piece(begin, end, separator)
                if separator == "\n" and self.waiting:
                    self._skip_documents()
                begin = self.at
            else:
                self.at += 1
        yield from self._piece(begin, len(text), "")

    def _piece(self, begin: int, end: int, separator: str) -> Iterator[Piece]:
        raw = self.text[begin:end].replace("\\\n", "  ")
        stripped = raw.strip()
        if stripped or separator == ";;":  # the end of a branch stands on a line of its own as a rule
            start = begin + len(raw) - len(raw.lstrip())
            self.line += self.text.count("\n", self.counted, start)
            self.counted = start
            yield Piece(" ".join(stripped.split("\n")), self.line, start - self.text.rfind("\n", 0, start), separator)

    def _quoted(self, quote: str) -> None:
        self.at += 1
        while self.at < len(self.text) and self.text[self.at] != quote:
            self.at += 2 if self.text[self.at] == "\\" and quote != "'" else 1
        self.at += 1

    def _bracketed(self) -> None:
        opening = self.text[self.at + 1]
        closing = {"(": ")", "{": "}"}[opening]
        self.at += 2
        depth = 1
        while self.at < len(self.text) and depth:
            char = self.text[self.at]
            if char in "'\"":
                self._quoted(char)
                continue
            if char == "\\":
                self.at += 1
            elif char == "#" and opening == "(" and self.text[self.at - 1].isspace():
                end = self.text.find("\n", self.at)
                self.at = len(self.text) if end < 0 else end
                continue
            depth += (char == opening) - (char == closing)
            self.at += 1

    def _here_document(self) -> None:
        self.at += 2
        strips = self.text.startswith("-", self.at)
        self.at += strips
        while self.text[self.at : self.at + 1] in (" ", "\t"):
            self.at += 1
        begin = self.at
        while self.at < len(self.text) and not self.text[self.at].isspace() and self.text[self.at] not in ";|&<>":
            self.at += 1
        self.waiting.append((self.text[begin : self.at].replace("'", "").replace('"', "").replace("\\", ""), strips))

    def _skip_documents(self) -> None:
        for end, strips in self.waiting:
            while self.at < len(self.text):
                newline = self.text.find("\n", self.at)
                stop = len(self.text) if newline < 0 else newline
                line = self.text[self.at : stop]
                self.at = min(stop + 1, len(self.text))
                if (line.lstrip("\t") if strips else line) == end:
                    break
        self.waiting.clear()
