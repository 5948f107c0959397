"""What a round of check makes of its run: how it starts it, and whom it saw last."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pysupervise.cli.checking import round as a_round
from pysupervise.cli.checking import service, settings
from pysupervise.cli.checking.ready import SetupError
from pysupervise.cli.sandbox import Place

TERM = 15
PLAN = settings.Plan(("service",), settings.default_ready(), (TERM,))


def test_where_no_process_can_be_started_that_is_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/opt/python3")

    monkeypatch.setattr(a_round, "Service", refused)
    with pytest.raises(SetupError) as caught:
        a_round.run_moment(PLAN, TERM, Place.HERE, 0.0)
    assert caught.value.reason == "no process can be started: Permission denied of /opt/python3"


@pytest.mark.parametrize(
    ("within_s", "variable", "given"),
    [
        (20.0, None, ["--grace", "20000ms"]),
        (10.0, None, []),
        (0.5, None, []),
        (20.0, "PYSUPERVISE_GRACE", []),
        (20.0, "PYSUPERVISE_STOP", []),
    ],
)
def test_a_limit_above_the_default_grace_is_the_grace(
    monkeypatch: pytest.MonkeyPatch, within_s: float, variable: str | None, given: list[str]
) -> None:
    """Or pysupervise would end at 10 s what may take 20."""
    started: list[list[str]] = []

    def refused(words: list[str], *_: object, **__: object) -> None:
        started.append(words)
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(service, "Sandbox", refused)
    if variable is not None:
        monkeypatch.setenv(variable, "TERM:1s,KILL")
    with pytest.raises(SetupError):
        a_round.run_moment(replace(PLAN, within_s=within_s), TERM, Place.HERE, 0.0)
    (words,) = started
    assert words[words.index("json") + 1 :] == [*given, "--", "service"]


def test_who_was_killed_just_before_an_init_was_seen_alone_is_not_forgotten() -> None:
    """20 was killed, 30 ended by itself before that, and 40 is the init."""
    members = {pid: SimpleNamespace(key=(pid, 0)) for pid in (20, 30, 40)}
    watch = SimpleNamespace(before_last=members, last={40: members[40]})
    fates = SimpleNamespace(status=lambda key: {20: 9, 30: 0, 40: None}[key[0]])
    run: Any = SimpleNamespace(watch=watch, fates=fates)
    assert sorted(a_round._before_kill(run)) == [20, 40]
