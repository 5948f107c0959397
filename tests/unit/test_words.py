"""Each event that is told has a sentence, each sentence is told somewhere, and gets the fields that it has."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from pysupervise.core.words import EVENTS

PACKAGE = Path(__file__).resolve().parents[2] / "supervisor" / "pysupervise"
LEVELS = {"ERROR", "WARNING", "INFO", "DEBUG"}
# Fields that reach their event through a dictionary (**) or a helper that names the event itself.
ELSEWHERE = {
    "exited": {"status", "total", "phases", "ended_by", "reaped"},
    "lost_words": {"count"},
    "resumed": {"recipients"},
}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Yield every call of something called tell, or of a helper that tells."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                name = node.func.attr
                if name == "tell" or (name.startswith("_tell_") and len(node.args) > 1):
                    yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def told() -> Iterator[tuple[str, str, set[str], bool]]:
    """Yield (place, event, names of the fields, whether there are more that only a run knows)."""
    for place, call in calls():
        events = [arg.value for arg in call.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
        if events:
            yield place, events[0], {word.arg for word in call.keywords if word.arg}, any(word.arg is None for word in call.keywords)


TOLD = list(told())


def fields(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_the_source_tells_something() -> None:
    assert len(TOLD) > 20


@pytest.mark.parametrize(("place", "event", "given", "more"), TOLD, ids=[f"{place} {event}" for place, event, _, _ in TOLD])
def test_what_is_told_has_a_sentence_and_its_fields(place: str, event: str, given: set[str], more: bool) -> None:
    assert event in EVENTS, place
    missing = fields(EVENTS[event]) - given
    if missing:
        assert more or event in ELSEWHERE
        assert missing <= ELSEWHERE.get(event, set())


@pytest.mark.parametrize("event", EVENTS)
def test_every_sentence_is_told_somewhere(event: str) -> None:
    everywhere = {event for _, event, _, _ in TOLD}
    if event not in everywhere:  # told by the writer of itself, not through tell
        sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.name != "words.py"]
        assert event == "lost_words"
        assert any(f'"{event}"' in source for source in sources)


@pytest.mark.parametrize("event", EVENTS)
def test_sentence(event: str) -> None:
    assert event.isidentifier()
    assert event.islower()
    sentence = EVENTS[event]
    assert sentence.isprintable()
    assert not sentence.endswith(".")
    # Names that JSON and logfmt use for something else.
    assert not fields(sentence) & {"time", "elapsed_s", "level", "event", "message", "about_pid"}


@pytest.mark.parametrize(("place", "call"), [pytest.param(place, call, id=place) for place, call in calls() if call.args])
def test_the_level_comes_first(place: str, call: ast.Call) -> None:
    first = call.args[0]
    assert isinstance(first, ast.Name), place
    assert first.id in LEVELS | {"level", "signum"}, place


def test_the_summary_has_the_fields_of_the_last_word() -> None:
    source = (PACKAGE / "core" / "story.py").read_text(encoding="utf-8")
    summary = next(node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "summary")
    (returned,) = [node.value for node in ast.walk(summary) if isinstance(node, ast.Return)]
    assert isinstance(returned, ast.Dict)
    assert {key.value for key in returned.keys if isinstance(key, ast.Constant)} == fields(EVENTS["exited"])
