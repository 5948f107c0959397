"""What the tree concludes from values: adopted, injected, supervised; where a proof is missing, nothing."""

import dataclasses

import pytest

from pysupervise.cli import forwarding, inits, procfs, tree
from pysupervise.cli.diagnosis import advice
from pysupervise.cli.diagnosis.subject import Process
from pysupervise.cli.procfs import Stat, Status

PARENT = Stat(
    pid=10, name="parent", state="S", parent=1, group=10, session=5, terminal=0, foreground=-1, threads=1, start_ticks=100,
    rss_bytes=0, wait_status=0, kernel_thread=False,
)  # fmt: skip
STATUS = Status(uid=0, tracer=0, threads=1, namespace_pids=(10,), pending=0, blocked=0, ignored=0, caught=0, lines={})


def child(session: int, start_ticks: int = 200) -> Stat:
    return dataclasses.replace(PARENT, pid=20, parent=10, session=session, start_ticks=start_ticks)


@pytest.mark.parametrize(
    ("words", "caught", "instead"),
    [(("svc",), (15, 2, 10), [15, 2, 10]), (("svc",), (2, 3), [2]), (("node", "x.js"), (15, 2, 1), [1]), (("bash",), (15, 2), [])],
)
def test_which_signals_are_proposed_in_the_place_of_quit(words: tuple[str, ...], caught: tuple[int, ...], instead: list[int]) -> None:
    status = dataclasses.replace(STATUS, caught=sum(1 << (signum - 1) for signum in caught))
    assert advice.handled_instead(Process(PARENT, status, words), 3) == instead


@pytest.mark.parametrize(("words", "title"), [(["a", ""], "a "), ([""], "[parent]"), ([], "[parent]"), (None, "[parent]")])
def test_a_process_without_words_has_its_name(monkeypatch: pytest.MonkeyPatch, words: list[str] | None, title: str) -> None:
    monkeypatch.setattr(procfs, "command_line", lambda _pid: words)
    assert tree.title(PARENT) == title


@pytest.mark.parametrize(
    ("parent_session", "session", "leader_start", "expected"),
    [
        (5, 5, None, False),  # inherited
        (5, 20, None, False),  # its own
        (5, 7, None, True),  # somebody else's
        (5, 0, None, False),  # from outside of the namespace: not known
        (10, 7, None, False),  # the parent may have been in it before it began its own
        (10, 7, 50, False),  # the same
        (10, 7, 150, True),  # a session younger than the parent
    ],
)
def test_adopted(parent_session: int, session: int, leader_start: int | None, expected: bool) -> None:
    parent = dataclasses.replace(PARENT, session=parent_session)
    leader = {} if leader_start is None else {7: dataclasses.replace(PARENT, pid=7, session=7, start_ticks=leader_start)}
    assert tree.is_adopted(child(session), parent, leader) == expected


@pytest.mark.parametrize(
    ("parent", "own", "above", "expected"),
    [
        (0, (20,), None, True),
        (10, (20,), (10,), False),
        (10, (20, 1), (10,), False),
        (10, (20, 7), (10,), True),
        (10, (20, 7), (10, 1), False),
        (10, (20, 7), None, False),
        (10, None, (10,), False),
    ],
)
def test_injected(parent: int, own: tuple[int, ...] | None, above: tuple[int, ...] | None, expected: bool) -> None:
    def status(pids: tuple[int, ...] | None) -> Status | None:
        return None if pids is None else dataclasses.replace(STATUS, namespace_pids=pids)

    assert tree.is_injected(dataclasses.replace(child(5), parent=parent), status(own), status(above)) == expected
    assert not tree.is_injected(dataclasses.replace(PARENT, pid=1, parent=0), None, None)


@pytest.mark.parametrize(
    ("name", "words", "expected"),
    [
        ("pysupervise", ["/venv/bin/python3", "/venv/bin/pysupervise", "--", "svc"], True),
        ("python3", ["python3", "-I", "pysupervise.pyz", "--grace", "1s", "--", "svc"], True),
        ("pysupervise", [], True),
        ("pysupervise", ["/venv/bin/python3", "/venv/bin/pysupervise", "tree", "1"], False),
        ("pysupervise", ["/venv/bin/python3", "/venv/bin/pysupervise", "--version"], False),
        ("vi", ["vi", "a", "b", "c", "d", "pysupervise"], False),
        ("sh", ["sh", "-c", "pysupervise -- svc"], False),
    ],
)
def test_pysupervise_is_known_by_its_command(name: str, words: list[str], expected: bool) -> None:
    assert inits.is_pysupervise(dataclasses.replace(PARENT, name=name), words) == expected


@pytest.mark.parametrize(
    ("masks", "signum", "expected"),
    [
        ({}, 15, "ends it"),
        ({}, 20, "stops it"),
        ({}, 17, "does nothing"),
        ({"caught": 1 << 14}, 15, "is caught"),
        ({"ignored": 1 << 14}, 15, "is ignored"),
        ({"blocked": 1 << 14, "caught": 1 << 14}, 15, "is blocked"),
        ({"blocked": 1 << 8}, 9, "ends it"),
    ],
)
def test_effect(masks: dict[str, int], signum: int, expected: str) -> None:
    assert forwarding.effect(dataclasses.replace(STATUS, **masks), signum) == expected  # type: ignore[arg-type]
    assert forwarding.effect(None, 15) == "not readable"


def test_letters() -> None:
    masks = dataclasses.replace(STATUS, caught=1 << 14 | 1 << 0, blocked=1 << 0, ignored=1 << 1)
    assert [tree.disposition(PARENT, masks, signum) for signum in (15, 1, 2, 17)] == ["c", "B", "i", "-"]
    assert tree.disposition(PARENT, None, 15) == "?"
    assert [tree.disposition(PARENT, masks, signum, "do_sigtimedwait") for signum in (15, 17)] == ["c", "w"]
    init = dataclasses.replace(STATUS, namespace_pids=(10, 1))
    assert [tree.disposition(PARENT, init, signum) for signum in (15, 17)] == ["x", "-"]
