"""Where a shell script leads: the commands that may be its last, through branches, groups and functions."""

import re
from dataclasses import dataclass, field, replace

from pysupervise.cli.diagnosis.programs import base_name
from pysupervise.cli.diagnosis.shelltext import BUILTINS, LASTING_BUILTINS, PREPARING, Piece, split

FUNCTION = re.compile(r"^(?:function\s+)?([\w.:-]+)\s*\(\)|^function\s+([\w.:-]+)")
ENDS = {"fi": "if", "esac": "case", "done": "loop", "}": "group"}
ENDING = BUILTINS - LASTING_BUILTINS
PLACEHOLDERS = frozenset({"sleep", "tail"})  # as PID 1 they do nothing on TERM
LEAVING = frozenset({"exit", "return"})
PIPES = ("|", "|&")
SUBSTITUTION = re.compile(r"[<>$]\([^()]*\)")
REDIRECTION = re.compile(r"(?:\d*|\{\w+\})(?:&>>?|[<>]&|<<<?|<>|>>|>\||[<>])(.*)")
EXEC_OPTION = re.compile(r"-[acl]+|--")
LOOPS = frozenset({"for", "while", "until", "select"})


@dataclass(frozen=True, slots=True)
class Tail:
    """A command after which the script may be at its end."""

    piece: Piece
    words: tuple[str, ...]  # without the grammar in front
    in_branch: bool
    piped: bool = False  # of a pipeline: its shell stays whether it says exec or not
    followed: bool = False  # what stands behind it ends at once

    @property
    def executed(self) -> tuple[str, ...]:
        """What follows an exec, () where that is a redirection alone, or there is none."""
        if self.words[0] != "exec":
            return ()
        text, changed = " ".join(self.words[1:]), 1
        while changed:
            text, changed = SUBSTITUTION.subn("x", text)
        words = text.split()
        while words and (found := REDIRECTION.fullmatch(words[0])):
            del words[: 1 if found[1] else 2]
        while words and EXEC_OPTION.fullmatch(words[0]):
            del words[: 2 if "a" in words[0] else 1]
        return tuple(words)

    @property
    def hands_over(self) -> bool:
        """Whether the command takes the shell's place."""
        return not self.piped and self.piece.separator not in ("&", *PIPES) and bool(self.executed)

    @property
    def passing(self) -> bool:
        """Whether it ends at once, or is no service as far as its name is known."""
        return self.words[0] in PREPARING or self.words[0] in ENDING or (self.words[0] == "exec" and not self.executed)


@dataclass(slots=True)
class Flow:
    """What a script does at last, and what it does outside of its functions."""

    tails: list[Tail]
    decided: bool  # False: at the end is a loop, a subshell, or what is not understood here
    outside: list[Tail]  # every command that belongs to no function
    loop: Piece | None = None  # a while or until that the script ends in
    traps: bool = False  # whether it sets a trap that runs something, be it in a function
    waits: bool = False  # whether it has a wait, be it in a function

    @property
    def hands_over(self) -> bool:
        """Whether every way to the end is an exec, or an end without a service."""
        ways = [tail for tail in self.tails if tail.words[0] not in ENDING]
        return self.decided and bool(ways) and all(tail.hands_over for tail in ways)

    @property
    def placeholder(self) -> Tail | None:
        """What only keeps the container up, beside something in the background."""
        if not any(tail.piece.separator == "&" for tail in self.outside):
            return None
        return next((tail for tail in self.tails if tail.hands_over and base_name(tail.executed[0]) in PLACEHOLDERS), None)


@dataclass(slots=True)
class _Frame:
    kind: str  # script, if, case, loop, group, function
    name: str = ""  # of a function
    last: list[Tail] = field(default_factory=list)  # of the branch that is being read
    decided: bool = True
    tails: list[Tail] = field(default_factory=list)  # of the branches before it
    all_decided: bool = True
    at_pattern: bool = False  # a case is about to read a pattern
    began: Piece | None = None  # of a loop without a list
    loop: Piece | None = None  # the one that has just ended
    gone: bool = False  # an exec or exit stands before what is read now

    def run(self, tails: list[Tail], *, decided: bool, loop: Piece | None = None) -> None:
        """Take what has run as the last; what ends at once leaves the command before it in its place, as one that is followed."""
        if self.gone:
            return
        if tails and decided and self.decided and any(not tail.passing for tail in self.last) and all(tail.passing for tail in tails):
            self.last = [replace(tail, followed=True) for tail in self.last]
        else:
            self.last, self.decided, self.loop = tails, decided, loop

    def next_branch(self) -> None:
        self.tails += self.last
        self.all_decided &= self.decided
        self.gone = False
        self.run([], decided=True)


class _Walk:
    def __init__(self) -> None:
        self.frames = [_Frame("script")]
        self.functions: dict[str, _Frame] = {}
        self.announced = ""  # a function whose body is about to begin
        self.outside: list[Tail] = []
        self.separator = ""  # in front of the piece that is being read
        self.previous: Tail | None = None  # the command before it
        self.traps = self.waits = False

    def piece(self, piece: Piece) -> None:
        words = piece.text.split()
        while words and self._grammar(words, piece):
            pass
        while words and "=" in words[0] and words[0].partition("=")[0].isidentifier():
            del words[0]
        if words and not (self.frames[-1].kind == "case" and self.frames[-1].at_pattern):
            self._command(piece, words)
        if piece.separator == ";;" and self.frames[-1].kind == "case":
            self.frames[-1].next_branch()
            self.frames[-1].at_pattern = True
        if self.frames[-1].kind == "subshell" and piece.text.endswith(")"):
            self._end_subshell()
        self.separator = piece.separator

    def _end_subshell(self) -> None:
        self.previous = None
        self.frames.pop()
        self.frames[-1].run([], decided=False)  # another process, which is not followed

    def _command(self, piece: Piece, words: list[str]) -> None:
        in_branch = any(frame.kind in ("if", "case", "loop") for frame in self.frames)
        frame = self.frames[-1]
        if words[:2] == ["command", "exec"]:
            del words[0]
        body = self.functions.get(words[0])
        if body is not None and body.all_decided and all(tail.passing for tail in body.tails):
            words = [":"]
        tail = Tail(piece, tuple(words), in_branch)
        self.waits |= words[0] == "wait"
        self.traps |= words[0] == "trap" and words[1:2] not in ([], ["-"], ["''"], ['""'])
        if self.separator in PIPES:
            if self.previous is not None and not self.previous.passing:
                tail = self.previous
                frame.last = frame.last[:-1]
            tail = replace(tail, piped=True)
        if not frame.gone and not any(frame.kind == "function" for frame in self.frames):
            self.outside.append(tail)
        # Behind a || the command before it is the one that matters, and both may be the last.
        both = self.separator == "||" and not tail.passing
        before = [tail for tail in frame.last[-1:] if both and not tail.passing]
        frame.run([*before, tail], decided=True)
        unconditional = self.separator not in ("&&", "||", *PIPES) and piece.separator not in ("&", *PIPES)
        frame.gone |= unconditional and (tail.hands_over or words[0] in LEAVING)
        self.previous = tail

    def _grammar(self, words: list[str], piece: Piece) -> bool:
        """Take one word of the grammar off the front. Returns False where there is none."""
        word, frame = words[0], self.frames[-1]
        if frame.kind == "case" and frame.at_pattern and word != "esac":
            return self._pattern(words)
        if found := FUNCTION.match(" ".join(words)):
            self.announced = found[1] or found[2]
            words[:] = " ".join(words)[found.end() :].split()
            return bool(words)
        if word in ("then", "do", "!", "time"):
            if word == "then":
                frame.run([], decided=True)  # what was read so far was the condition
        elif word in ("elif", "else"):
            frame.next_branch()
        elif word == "if":
            self.frames.append(_Frame("if"))
        elif word in LOOPS:
            listed = word in ("for", "select")
            self.frames.append(_Frame("loop", began=None if listed else piece))
            if listed:
                words.clear()
                return False
        elif word == "case":
            self.frames.append(_Frame("case", at_pattern=True))
            del words[: words.index("in") if "in" in words else 0]
        elif word == "{":
            self.frames.append(_Frame("function" if self.announced else "group", self.announced))
            self.announced = ""
        elif word.startswith("(("):
            words[:] = [":"]
            return False
        elif word.startswith("("):
            self.frames.append(_Frame("subshell"))
            words[0] = word[1:]
            return bool(words[0])
        elif word == ")" and frame.kind == "subshell":
            self._end_subshell()
            words.clear()
            return False
        elif word in ENDS:
            self._end(ENDS[word])
            words.clear()  # what follows is a redirection
            return False
        else:
            return False
        del words[0]
        return True

    def _pattern(self, words: list[str]) -> bool:
        for index, word in enumerate(words):
            if word.endswith(")") or ")" in word.strip("'\""):
                self.frames[-1].at_pattern = False
                self.separator = ""  # that of an alternative is no pipe
                rest = word.partition(")")[2]
                words[:] = ([rest] if rest else []) + words[index + 1 :]
                return True
        words.clear()  # an alternative before a |
        return False

    def _end(self, kind: str) -> None:
        self.previous = None
        frame = self.frames[-1]
        if frame.kind != kind and not (kind == "group" and frame.kind == "function"):
            self.frames[-1].decided = False  # not understood
            return
        frame.next_branch()
        self.frames.pop()
        if frame.kind == "function":
            self.functions[frame.name] = frame
        elif kind == "loop":
            self.frames[-1].run([], decided=False, loop=frame.began)
        else:
            self.frames[-1].run(frame.tails, decided=frame.all_decided)

    def resolved(
        self, tails: list[Tail], seen: frozenset[str] = frozenset(), *, in_branch: bool = False, followed: bool = False
    ) -> tuple[list[Tail], bool]:
        """Return the tails with calls of functions followed, and whether all could be followed."""
        found: list[Tail] = []
        decided = True
        for tail in tails:
            body = self.functions.get(tail.words[0])
            if body is None:
                found.append(replace(tail, in_branch=tail.in_branch or in_branch, followed=tail.followed or followed))
            elif body.name in seen:
                decided = False
            else:
                inner, inner_decided = self.resolved(
                    body.tails, seen | {body.name}, in_branch=in_branch or tail.in_branch, followed=followed or tail.followed
                )
                found += inner
                decided &= inner_decided and body.all_decided
        return found, decided


def follow(text: str) -> Flow:
    """Return where a script leads. The commands of a condition and of a loop are none of its tails."""
    walk = _Walk()
    for piece in split(text):
        if not piece.text.startswith("#!"):
            walk.piece(piece)
    if len(walk.frames) > 1:  # a block without its end: not understood
        return Flow([], decided=False, outside=walk.outside, traps=walk.traps)
    (top,) = walk.frames
    tails, decided = walk.resolved(top.last)
    return Flow(tails, decided and top.decided, walk.outside, top.loop, walk.traps, walk.waits)
