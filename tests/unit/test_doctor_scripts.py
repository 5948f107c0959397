"""doctor --dockerfile: entry scripts, and where shell text leads."""

from pathlib import Path

import pytest
from helpers import doctor_findings

from pysupervise.cli.diagnosis import rules_dockerfile, script, shellflow, shelltext
from pysupervise.cli.diagnosis.finding import Finding, Unread

SCRIPTS: dict[str, tuple[str, list[tuple[str, int]]]] = {
    "exec": ('#!/bin/sh\nset -e\nexec "$@"\n', []),
    "no exec": ('#!/bin/sh\nset -e\n"$@"\n', [("no-exec-before-arguments", 3)]),
    "exec in a function": ('#!/bin/bash\nmain() { exec "$@"; }\nmain "$@"\n', []),
    "exec in a bash function": ('#!/bin/bash\nfunction _main() {\n  exec "$@"\n}\n_main "$@"\n', []),
    "no exec, unquoted": ("#!/bin/sh\n$@\n", [("no-exec-before-arguments", 2)]),
    "last command": ("#!/bin/sh\nprepare\npython3 app.py\n", [("last-command-without-exec", 3)]),
    "last command, exec": ("#!/bin/sh\nprepare\nexec python3 app.py\n", []),
    "last command over two lines": ("#!/bin/sh\npython3 \\\n  app.py\n", [("last-command-without-exec", 2)]),
    "in a branch": ('#!/bin/sh\nif [ "$1" = x ]; then\n  exec svc\nelse\n  "$@"\nfi\n', [("no-exec-before-arguments", 5)]),
    "ends in a branch": ("#!/bin/sh\nif x; then\n  exec a\nelse\n  exec b\nfi\n", []),
    "no exec in a branch beside one": (
        "#!/bin/sh\nif x; then\n  ./migrate.sh\nelse\n  exec b\nfi\n",
        [("last-command-without-exec", 3)],
    ),
    "no exec in any branch": (
        '#!/bin/sh\ncase "$1" in\n  a|b) one ;;\n  "c") prepare\n     two;;\n  *) echo usage; exit 1\nesac\n',
        [("last-command-without-exec", 3), ("last-command-without-exec", 5)],
    ),
    "ends of branches on lines of their own": (
        '#!/bin/sh\ncase "$1" in\n  a)\n    one\n    ;;\n\n  b)\n    # two\n    two -\n    ;;\n  *)\n    exit 1\n    ;;\nesac',
        [("last-command-without-exec", 4), ("last-command-without-exec", 9)],
    ),
    "case in one line": ("#!/bin/sh\ncase $1 in a) exec a;; *) b;; esac\n", [("last-command-without-exec", 2)]),
    "prepared in a branch": ("#!/bin/sh\nif [ ! -d d ]; then\n  mkdir d\nfi\n", []),
    "a condition is no last command": ("#!/bin/sh\nif grep -q x y; then\n  exec a\nfi\nexec b\n", []),
    "in a function": (
        '#!/bin/bash\nmain()\n{\n  if x; then\n    svc\n  fi\n}\nif y; then\n  main "$@"\nfi\n',
        [("last-command-without-exec", 5)],
    ),
    "arguments of a function": ('#!/bin/sh\nretry() {\n  "$@" || sleep 1\n}\nretry prepare\nexec svc\n', []),
    "a function that calls itself": ("#!/bin/sh\nagain() { x; again; }\nagain\n", []),
    "a function that is never called": ("#!/bin/sh\nf() { svc; }\nexec a\n", []),
    "before ||": ("#!/bin/sh\nsvc || exit 1\n", [("last-command-without-exec", 2)]),
    "exec before ||": ("#!/bin/sh\nexec svc || exit 1\n", []),
    "behind &&": ("#!/bin/sh\n[ -f x ] && exec svc\n", []),
    "a pipe": ("#!/bin/sh\nexec svc 2>&1 | tee log\n", [("last-command-in-a-pipe", 2)]),
    "a subshell over lines": ("#!/bin/sh\n(\n  cd x\n  svc\n) > log\nexec svc\n", []),
    "a block without its end": ("#!/bin/sh\nsvc\nif x; then\n  exec a\n", []),
    "a first start before the service": ('#!/bin/sh\nif x; then\n  "$@" --initialize\n  "$@" &\nfi\nexec "$@"\n', []),
    "arguments and then a word about them": ('#!/bin/sh\n"$@"\nrc=$?\necho $rc\nexit $rc\n', [("no-exec-before-arguments", 2)]),
    "a loop over arguments": (
        "#!/bin/sh\nfor arg; do\n  case \"$arg\" in\n    -'?'|--help|-V)\n      help=1\n      break\n      ;;\n  esac\ndone\nsvc\n",
        [("last-command-without-exec", 10)],
    ),
    "a loop without end": ("#!/bin/sh\nprepare\nwhile true; do\n  svc; sleep 60\ndone\n", [("last-command-is-a-loop", 3)]),
    "a loop in a branch": ("#!/bin/sh\nif x; then\n  until y; do z; done\nfi\n", []),
    "a loop with a trap": ("#!/bin/sh\ntrap 'exit 0' TERM\nwhile :; do svc & wait; done\n", []),
    "a loop before the service": ("#!/bin/sh\nuntil up; do sleep 1; done\nexec svc\n", []),
    "a group": ("#!/bin/sh\n{ prepare; svc; }\n", [("last-command-without-exec", 2)]),
    "a subshell": ("#!/bin/sh\n(cd x; svc)\n", []),
    "background": ("#!/bin/sh\nsvc &\n", [("last-command-in-background", 2)]),
    "wait": ("#!/bin/sh\nsvc &\nwait\n", [("wait-without-trap", 3)]),
    "wait with a trap": ("#!/bin/sh\ntrap 'kill $pid' TERM\nsvc &\npid=$!\nwait $pid\n", []),
    "in quotes and comments": ('#!/bin/sh\necho \'\n"$@"\n\' # "$@"\nexec x\n', []),
    "in a here-document": ('#!/bin/sh\ncat <<EOF\n"$@"\nEOF\nexec x\n', []),
}


@pytest.mark.parametrize(("text", "expected"), SCRIPTS.values(), ids=SCRIPTS.keys())
def test_entry_script(text: str, expected: list[tuple[str, int]]) -> None:
    assert [(flaw.rule, flaw.line) for flaw in script.flaws(shellflow.follow(text))] == expected


COPIES = {
    "to a file": "COPY scripts/entry.sh /entry.sh\n",
    "to a directory": "COPY scripts/entry.sh /\n",
    "a directory": "COPY scripts /\n",
    "a pattern": "COPY scripts/*.sh /\n",
    "json": 'COPY ["scripts/entry.sh", "/entry.sh"]\n',
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
def test_entry_script_is_found_in_the_context(copy: str, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "entry.sh").write_text('#!/bin/sh\n"$@"\n')
    text = f'FROM x\n{copy}ENTRYPOINT ["/entry.sh"]\nCMD ["svc"]\n'
    remarks = [one for one in rules_dockerfile.examine(text, "Dockerfile", str(tmp_path)) if isinstance(one, Finding)]
    assert [(one.rule, one.severity) for one in remarks] == [("no-exec-before-arguments", "error")]
    assert remarks[0].evidence == (f'{tmp_path}/scripts/entry.sh:2:1: "$@"',)
    covered = text.replace('["/entry.sh"]', '["pysupervise", "--", "/entry.sh"]')
    assert doctor_findings(list(rules_dockerfile.examine(covered, "Dockerfile", str(tmp_path)))) == [
        ("no-exec-before-arguments", "info", 2)
    ]


def test_entry_script_with_dos_line_ends_or_outside_of_the_context(tmp_path: Path) -> None:
    (tmp_path / "entry.sh").write_bytes(b'#!/bin/sh\r\nexec "$@"\r\n')
    text = 'FROM x\nCOPY entry.sh /\nENTRYPOINT ["/entry.sh"]\n'
    assert doctor_findings(list(rules_dockerfile.examine(text, "D", str(tmp_path)))) == [("carriage-return", "error", 1)]
    remarks = list(rules_dockerfile.examine('FROM x\nCOPY ../x.sh /e.sh\nENTRYPOINT ["/e.sh"]\n', "D", str(tmp_path)))
    assert [one for one in remarks if isinstance(one, Unread) and "no COPY of it" in one.text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("svc a", []),
        ("a && b", ["&&"]),
        ("a 2>&1 | b", ["|"]),
        ("a 'x; y'", []),
        ("a $(b; c)", []),
        ("a &", ["&"]),
        ("a;", []),
        ("a\nb", ["newline"]),
    ],
)
def test_shell_operators(text: str, expected: list[str]) -> None:
    assert shelltext.operators(text) == expected


@pytest.mark.parametrize(
    ("content", "hands_over"),
    [
        ("#!/bin/sh\nset -e\nexec node x.js\n", True),
        ("#!/bin/sh\nwhile true; do node x.js; sleep 1; done\n", False),
        ('#!/bin/sh\nif [ "$1" = node ]; then\n  exec node x.js\nfi\n', True),
        ('#!/bin/sh\ncase "$1" in\n a) exec a;;\n *) node x.js;;\nesac\n', False),
        ('#!/bin/sh\ncase "$1" in\n a) exec a;;\n *) exec b;;\nesac\n', True),
        ('#!/bin/sh\ncase "$1" in\n a) exec a;;\nesac\n', True),
        ("#!/bin/sh\nif x; then\n exec a\nelif y; then\n exec b\nelse\n echo usage\n exit 1\nfi\n", True),
        ("#!/bin/sh\nif x; then exec a; elif y; then exec b; fi\n", True),
        ('#!/bin/bash\n_main() {\n if x; then :; fi\n exec "$@"\n}\nif ! sourced; then\n _main "$@"\nelse\n  return\nfi\n', True),
        ("#!/bin/sh\nexec a | tee log\n", False),
        ("#!/bin/sh\nif x; then\n exec a\n", False),
    ],
)
def test_only_a_script_that_ends_in_exec_hands_over(content: str, hands_over: bool) -> None:
    assert shellflow.follow(content).hands_over is hands_over


@pytest.mark.parametrize(
    ("start", "rules"),
    [
        ('ENTRYPOINT ["/e.sh"]\n', ["no-interpreter-line"]),
        ('ENTRYPOINT ["pysupervise", "--", "/e.sh"]\n', ["no-interpreter-line"]),
        ('ENTRYPOINT ["tini", "--", "/e.sh"]\n', []),
        ('ENTRYPOINT ["sh", "/e.sh"]\n', []),
        ("ENTRYPOINT exec /e.sh\n", []),
    ],
)
def test_entry_script_without_an_interpreter_line(start: str, rules: list[str], tmp_path: Path) -> None:
    """Only execve(2) alone refuses it: shells, and inits that call execvp(3), run it with /bin/sh."""
    (tmp_path / "e.sh").write_text("exec svc\n")
    remarks = rules_dockerfile.examine("FROM x\nCOPY e.sh /e.sh\n" + start, "D", str(tmp_path))
    assert [remark.rule for remark in remarks if isinstance(remark, Finding)] == rules


def test_a_long_text_is_read_in_one_pass() -> None:
    """Half a million commands, and as many lines of a here-document: a reader that starts anew for each would not come back."""
    pieces = list(shelltext.split("a;" * 200_000 + "\n" + "cat <<E\n" + "x\n" * 200_000 + "E\nexec b\n"))
    assert len(pieces) == 200_002
    assert pieces[-1].line == 200_004
