"""The demos' engine: what is drawn, how events of two sides are paired, what the verdict rests on, what a recording holds."""

import json
import queue
import threading
from pathlib import Path

import pytest

from pysupervise.cli.demos import stage
from pysupervise.cli.demos.cast import Cast
from pysupervise.cli.demos.catalog import DEMOS
from pysupervise.cli.demos.draw import Drawing
from pysupervise.cli.demos.model import END, OUTPUT, SIDES, Check, Demo, Event, Result, Side
from pysupervise.cli.output import CannotError, Screen
from pysupervise.cli.sandbox import Place

WITHOUT, WITH = SIDES


def example(needs_namespace: str = "") -> Demo:
    return Demo(
        name="example",
        summary="A summary",
        files={"a.py": "pass\n"},
        culprit="a.py",
        without=lambda _scene: {"status": 1},
        cured=lambda _scene: {"status": 0},
        checks=lambda without, cured, _place: [Check("it differs", without["status"] != cured["status"])],
        explanation="Why.",
        cure="How.",
        needs_namespace=needs_namespace,
    )


def event(side: str, time_s: float, text: str = "text") -> Event:
    return Event(side, time_s, OUTPUT, text)


def drawn(screen: Screen, groups: list[list[Event]]) -> list[str]:
    pieces: list[str] = []
    drawing = Drawing(screen, pieces.append)
    drawing.begin(example(), Place.NAMESPACE)
    for group in groups:
        drawing.events(group)
    return "".join(pieces).splitlines()[3:]


def test_columns_put_a_pair_on_one_line_and_wrap_each_side() -> None:
    lines = drawn(
        Screen(80, colour=False, unicode=True), [[event(WITHOUT, 1, "left"), event(WITH, 1.01, "word " * 10)], [event(WITH, 2, "x")]]
    )
    assert lines[1].split("│") == [" 1.00s  " + "  left".ljust(34) + " ", "   word word word word word word"]
    assert lines[2].split("│")[1].strip() == "word word word word"
    assert lines[3].split("│")[0].strip() == "2.00s"
    assert max(map(len, lines)) <= 80


def test_without_unicode_every_mark_is_ascii() -> None:
    lines = drawn(Screen(100, colour=False, unicode=False), [[Event(WITHOUT, 0.5, END, "Ende über")]])
    assert lines[1].isascii()
    assert lines[1].startswith(" 0.50s  = Ende ?ber")


def test_pipe_has_one_side_under_the_other_and_wraps_nothing() -> None:
    long = "word " * 60
    lines = drawn(Screen(None, colour=False, unicode=True), [[event(WITHOUT, 0, long)], [event(WITH, 0)]])
    assert lines == ["without pysupervise", f" 0.00s    {long}".rstrip(), "", "with pysupervise", " 0.00s    text"]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("name", DEMOS)
def test_nothing_is_wider_than_the_terminal(name: str, width: int, unicode: bool) -> None:
    pieces: list[str] = []
    drawing = Drawing(Screen(width, colour=False, unicode=unicode), pieces.append)
    for place in Place:
        result = Result(DEMOS[name], place, {side: Side(failure="a failure " * 10) for side in SIDES}, [Check("a claim " * 20, held=False)])
        drawing.begin(DEMOS[name], place)
        drawing.events([event(WITHOUT, 59.98, "word " * 60), event(WITH, 59.99, "x" * 200)])
        drawing.end(result)
    text = "".join(pieces)
    assert max(map(len, text.splitlines())) <= width
    for code in DEMOS[name].files.values():
        assert "".join(code.split()) in "".join(text.split()), "no code is cut"


def passed_on(events: list[Event | None], running: int) -> list[list[Event]]:
    source: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    for each in events:
        source.put(each)
    groups: list[list[Event]] = []
    stage._pass_on(Result(example(), Place.HERE, {side: Side() for side in SIDES}), source, running, groups.append)
    return groups


def test_events_of_both_sides_are_paired_and_none_is_lost() -> None:
    a, b, c, d = event(WITHOUT, 0), event(WITHOUT, 1), event(WITH, 1), event(WITH, 2)
    assert passed_on([a, b, c, None, d, None], 2) == [[a], [b, c], [d]]
    assert passed_on([a, b, None], 1) == [[a], [b]]


@pytest.mark.parametrize(
    ("place", "needs", "failure", "held", "reasons"),
    [
        (Place.HERE, "", "", True, []),
        (Place.HERE, "why", "", True, ["why"]),
        (Place.USER_NAMESPACE, "why", "", True, []),
        (Place.HERE, "", "broke", True, ["with: broke"]),
        (Place.HERE, "", "", False, ["this did not hold: claim"]),
    ],
)
def test_verdict(place: Place, needs: str, failure: str, held: bool, reasons: list[str]) -> None:
    result = Result(example(needs), place, {WITHOUT: Side(), WITH: Side(failure=failure)}, [Check("claim", held)])
    assert result.reasons == reasons
    verdict = "not run" if reasons == ["why"] else "not shown" if reasons else "shown"
    assert result.value()["verdict"] == verdict


def test_facts_that_do_not_bear_the_claim_out_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    same = Demo(**{**{name: getattr(example(), name) for name in Demo.__slots__}, "cured": lambda _scene: {"status": 1}})
    assert stage.run(example(), Place.HERE, together=True, show=lambda _events: None).shown
    result = stage.run(same, Place.HERE, together=True, show=lambda _events: None)
    assert result.reasons == ["this did not hold: it differs"]
    assert list(tmp_path.iterdir()) == []


def test_where_no_thread_can_be_started_that_is_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(threading.Thread, "start", refuse)
    result = stage.run(example(), Place.HERE, together=True, show=lambda _events: None)
    assert result.reasons == ["without: can't start new thread", "with: can't start new thread"]
    assert list(tmp_path.iterdir()) == []


def test_demo_that_needs_a_namespace_is_not_run_without_one() -> None:
    result = stage.run(example("why"), Place.HERE, together=True, show=lambda _events: None)
    assert (result.reasons, result.sides[WITHOUT].facts) == (["why"], {})


def test_recording_is_never_written_through_a_link(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotError, match="exists already"):
        Cast(str(link), "title", None)
    assert not (tmp_path / "elsewhere").exists()


def test_recording_has_the_size_of_the_terminal_and_its_line_ends(tmp_path: Path) -> None:
    cast = Cast(str(tmp_path / "a"), "title", None)
    cast.write("one\ntwo\n")
    cast.close()
    header, (when, kind, text) = map(json.loads, (tmp_path / "a").read_text(encoding="utf-8").splitlines())
    assert (header["version"], header["width"], header["title"]) == (2, 100, "title")
    assert (kind, text) == ("o", "one\r\ntwo\r\n")
    assert when >= 0


@pytest.mark.parametrize("name", DEMOS)
def test_scripts_fit_beside_the_text_and_the_culprit_is_one_of_them(name: str) -> None:
    demo = DEMOS[name]
    assert demo.culprit in demo.files
    assert demo.summary[0].isupper() or demo.summary.startswith("sh -c") or demo.summary.startswith("cmd")
    assert len(demo.name) + 2 + len(demo.summary) <= 110
    for file, text in demo.files.items():
        assert text.endswith("\n")
        if file.endswith(".py"):
            compile(text, file, "exec")
        assert max(map(len, text.splitlines())) <= 120
