"""doctor --compose: each rule, with the line that it points to."""

from pathlib import Path

import pytest
from helpers import doctor_findings

from pysupervise.cli.diagnosis import compose, rules_compose
from pysupervise.cli.diagnosis.finding import Finding

COMPOSE: dict[str, tuple[str, list[tuple[str, str, int]]]] = {
    "fine": ('entrypoint: ["pysupervise", "--"]\n    command: svc\n    stop_grace_period: 20s', []),
    "default grace": ("entrypoint: pysupervise -- svc", [("grace-too-short", "warning", 2)]),
    "equal grace": ("entrypoint: pysupervise -- svc\n    stop_grace_period: 10s", [("grace-too-short", "warning", 4)]),
    "grace too short": ("entrypoint: pysupervise --grace 1m -- svc\n    stop_grace_period: 45s", [("grace-too-short", "error", 4)]),
    "grace long enough": ("entrypoint: pysupervise --grace 1m -- svc\n    stop_grace_period: 1m30s", []),
    "grace of a sequence": ("entrypoint: pysupervise --stop TERM:8s,TERM:4s -- svc", [("grace-too-short", "error", 2)]),
    "grace in the environment": (
        "entrypoint: pysupervise -- svc\n    environment:\n      PYSUPERVISE_GRACE: 30s\n    stop_grace_period: 20s",
        [("grace-too-short", "error", 6)],
    ),
    "grace in an environment list": (
        "entrypoint: pysupervise -- svc\n    environment: [PYSUPERVISE_GRACE=2s]\n    stop_grace_period: 5s",
        [],
    ),
    "no duration": ("command: svc\n    stop_grace_period: soon", [("duration-invalid", "error", 4)]),
    "doubled": (
        "entrypoint: pysupervise --grace 1s -- svc\n    init: true",
        [("two-inits", "warning", 4)],
    ),
    "init for an interpreter": ("command: python3 app.py\n    init: true", []),
    "an interpreter": ("command: python3 app.py", [("interpreter-as-pid1", "info", 3)]),
    "a string is run by no shell": ("command: a && b", [("operator-without-shell", "error", 3)]),
    "a quoted operator is a word": ('command: svc --expr "a && b"', []),
    "a list is run by no shell": ('command: ["sh", "-c", "exec svc"]', []),
    "sh -c": ('command: sh -c "a; b"', [("shell-in-front", "error", 3)]),
    "sh -c, folded": ('command: >-\n      sh -c\n      "a | b"', [("shell-in-front", "error", 3), ("several-processes", "warning", 3)]),
    "exec is no program": ("command: exec svc", [("builtin-without-shell", "error", 3)]),
    "an inline Dockerfile": ("build:\n      dockerfile_inline: |\n        FROM x\n        CMD a; b", [("shell-in-front", "error", 6)]),
    "an entrypoint, and a shell in the command": (
        'entrypoint: ["tini", "--"]\n    command: ["sh", "-c", "a; b"]',
        [("shell-below-init", "warning", 4)],
    ),
    "the machine's namespace": ("command: svc\n    init: true\n    pid: host", [("shared-pid-namespace", "warning", 5)]),
    "time for what child leaves": (
        'entrypoint: ["pysupervise", "--forward", "child", "--", "svc"]\n    stop_grace_period: 12s',
        [("grace-too-short", "warning", 4)],
    ),
    "values that are taken away": ("command: svc\n    init: !reset true\n    tty: !reset null", []),
    "grace in days": ("entrypoint: pysupervise -- svc\n    stop_grace_period: 1d", []),
    "signal alone": ("image: nginx\n    stop_signal: SIGKILL", [("stop-signal-kill", "error", 4)]),
    "open quote": ("command: svc 'a", [("unbalanced-quotes", "error", 3)]),
    "signal": ("command: nginx\n    stop_signal: SIGQUIT", []),
    "signal against": ("command: postgres\n    stop_signal: SIGTERM", [("stop-signal-against-service", "warning", 4)]),
    "signal of the image": ("image: postgres:16\n    command: postgres -c x=1", []),
    "pid": ("command: svc\n    pid: host", [("shared-pid-namespace", "warning", 4)]),
    "no PID 1 where the namespace is shared": ("command: [node, x.js]\n    pid: host", [("shared-pid-namespace", "warning", 4)]),
    "nor a shell that is": ("command: [sh, -c, 'svc; true']\n    pid: container:x", [("shared-pid-namespace", "warning", 4)]),
    "no time at all": ("image: nginx\n    stop_grace_period: 0s", [("grace-too-short", "error", 4)]),
    "pid of a service": ("entrypoint: pysupervise --grace 1s -- svc\n    pid: service:db", [("shared-pid-namespace", "info", 4)]),
    "tty": ("command: svc\n    tty: true", [("terminal", "info", 4)]),
    "a default of a variable": ("entrypoint: pysupervise -- svc\n    stop_grace_period: ${T:-5s}", [("grace-too-short", "error", 4)]),
    "a list for a boolean": ("image: x\n    init: []", [("wrong-kind", "error", 4)]),
    "a word for a boolean": ("image: x\n    tty: maybe", [("wrong-kind", "error", 4)]),
    "a mapping for a signal": ("image: x\n    stop_signal: {}", [("wrong-kind", "error", 4)]),
    "a list for a duration": ("image: x\n    stop_grace_period: [1s]", [("wrong-kind", "error", 4)]),
    "a mapping for a command": ("command: {a: b}", [("wrong-kind", "error", 3)]),
    "kinds that compose takes": (
        'entrypoint: ["pysupervise", "--grace", "1s", "--"]\n    init: ${INIT:-false}\n    tty: "false"\n    stop_signal: 15',
        [],
    ),
    "null is the image's own": ("image: x\n    command:", []),
}


@pytest.mark.parametrize(("body", "expected"), COMPOSE.values(), ids=COMPOSE.keys())
def test_compose(body: str, expected: list[tuple[str, str, int]]) -> None:
    assert doctor_findings(list(rules_compose.examine(f"services:\n  web:\n    {body}\n", "compose.yaml", "/nonexistent"))) == expected


def test_compose_reads_the_dockerfile_that_it_builds(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text('FROM x\nENTRYPOINT ["pysupervise", "--grace", "30s", "--"]\nCMD ["svc"]\n')
    text = "services:\n  web:\n    build: app\n    stop_grace_period: 20s\n"
    assert doctor_findings(list(rules_compose.examine(text, "c", str(tmp_path)))) == [("grace-too-short", "error", 4)]
    assert doctor_findings(list(rules_compose.examine(text + "    entrypoint: svc\n", "c", str(tmp_path)))) == []
    (tmp_path / "app" / "Dockerfile").write_text("FROM debian AS a\nSTOPSIGNAL QUIT\nCMD x; y\nFROM b\n")
    target = "services:\n  web:\n    build: {context: app, target: a}\n    command: [nginx]\n"
    assert doctor_findings(list(rules_compose.examine(target, "c", str(tmp_path)))) == []


def test_a_service_that_is_a_list() -> None:
    assert doctor_findings(list(rules_compose.examine("services:\n  web: []\n", "c", "."))) == [("wrong-kind", "error", 2)]


def test_compose_merges_anchors_and_extends() -> None:
    anchors = "x-base: &base\n  init: true\nservices:\n  web:\n    <<: *base\n    entrypoint: pysupervise --grace 1s -- svc\n"
    assert doctor_findings(list(rules_compose.examine(anchors, "c", "."))) == [("two-inits", "warning", 2)]
    extends = "services:\n  base:\n    command: a && b\n  web:\n    extends: {service: base}\n"
    assert doctor_findings(list(rules_compose.examine(extends, "c", "."))) == [("operator-without-shell", "error", 3)] * 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("services:\n  a: {image: x}\n---\nservices:\n  b: {image: x}\n", r"2 YAML documents \(the second at line 4\)"),
        ("services:\n  a:\n    init: true\n    init: false\n", "line 4: the key `init` stands there twice, at line 3 too"),
        ("services:\n  a:\n    command: " + "[" * 3000 + "\n", "nested too deeply"),
        ("a: [", "not YAML: line 1"),
        ("", "no services"),
        ("a: 1\n", "no services"),
        ("- x\n", "no services"),
        ("services: []", "no services"),
        ("services:", "no services"),
    ],
)
def test_compose_that_is_none(text: str, reason: str) -> None:
    with pytest.raises(compose.UnreadableError, match=reason):
        list(rules_compose.examine(text, "c", "."))


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10), ("1m30s", 90), ("1.5h", 5400), ("500ms", 0.5), ("10", None), ("", None), ("s", None)]
)
def test_compose_duration(text: str, seconds: float | None) -> None:
    assert compose.duration(text) == seconds


def test_fixes_are_in_the_words_of_compose() -> None:
    text = "services:\n  web:\n    command: [nginx]\n    stop_signal: SIGTERM\n"
    (remark,) = [found for found in rules_compose.examine(text, "c", ".") if isinstance(found, Finding)]
    assert remark.fix == "stop_signal: SIGQUIT"


def test_evidence_of_a_block_shows_its_text() -> None:
    text = "services:\n  web:\n    command: >\n      sh -c\n      'a;\n      b'\n"
    (remark,) = [found for found in rules_compose.examine(text, "c", ".") if isinstance(found, Finding)]
    assert remark.evidence == ("c:3:5: command: > sh -c 'a; b'",)


def test_fix_for_an_interpreter_fits_the_stop_signal_and_no_evidence_is_doubled() -> None:
    text = "services:\n  web:\n    command: node a.js\n    stop_signal: SIGQUIT\n"
    (remark,) = [found for found in rules_compose.examine(text, "c", ".") if isinstance(found, Finding)]
    assert remark.fix == 'handle QUIT in the program, or entrypoint: ["pysupervise", "--stop-signal", "QUIT", "--"]'
    text = "services:\n  web:\n    image: x\n    stop_signal: SIGKILL\n"
    (remark,) = [found for found in rules_compose.examine(text, "c", ".") if isinstance(found, Finding)]
    assert remark.evidence == ("c:4:5: stop_signal: SIGKILL",)
