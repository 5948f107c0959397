"""doctor --dockerfile: entry scripts, and where shell text leads."""

import json
from pathlib import Path

import pytest
from helpers import doctor_findings

from pysupervise.cli.diagnosis import rules_dockerfile, script, shellflow, shelltext
from pysupervise.cli.diagnosis.finding import Finding, Passed, Unread

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
    "echo behind the service": ("#!/bin/sh\nsvc\necho x\n", [("last-command-without-exec", 2)]),
    "exit behind the service": ("#!/bin/sh\nsvc; exit $?\n", [("last-command-without-exec", 2)]),
    "a short command behind the service": ("#!/bin/sh\nsvc\nrm -f pid\n", [("last-command-without-exec", 2)]),
    "a word behind the service in a branch": ("#!/bin/sh\nif x; then\n  svc\n  echo done\nfi\n", [("last-command-without-exec", 3)]),
    "a word behind a task beside exec": ("#!/bin/sh\nif x; then\n  ./migrate\n  echo done\nelse\n  exec svc\nfi\n", []),
    "behind the service in a function": ('#!/bin/sh\nrun() { svc; echo "$?"; }\nrun\nexit 0\n', [("last-command-without-exec", 2)]),
    "a function that only tidies": ("#!/bin/sh\ntidy() { rm -f x; }\nsvc\ntidy\n", [("last-command-without-exec", 3)]),
    "wait and exit": ("#!/bin/sh\nsvc &\nwait $!\nexit $?\n", [("wait-without-trap", 3)]),
    "echo behind the background": ("#!/bin/sh\nsvc &\necho started\n", [("last-command-in-background", 2)]),
    "a pipe and exit": ("#!/bin/sh\nsvc | cat\nexit 0\n", [("last-command-in-a-pipe", 2)]),
    "at the end of a pipe": ("#!/bin/sh\necho x | svc\n", [("last-command-in-a-pipe", 2)]),
    "only short commands": ("#!/bin/sh\nmkdir d\ncp a d\necho x | tee d/log\n", []),
    "behind exec": ("#!/bin/sh\nexec svc\necho never\n", []),
    "behind exec and ||": ("#!/bin/sh\nexec svc || exit 1\nother\n", []),
    "behind exec that may not be": ("#!/bin/sh\n[ -f x ] && exec svc\nother\n", [("last-command-without-exec", 3)]),
    "exec of redirections": ("#!/bin/bash\nexec 3>&1 2> log {fd}<in > >(tee $(date).log)\nsvc\n", [("last-command-without-exec", 3)]),
    "exec of redirections at last": ("#!/bin/sh\nsvc\nexec >&2\n", [("last-command-without-exec", 2)]),
    "a trap in a function": ("#!/bin/sh\ninit() { trap stop TERM; }\ninit\nsvc &\nwait\n", []),
    "command exec": ("#!/bin/sh\ncommand exec svc\n", []),
    "arithmetic": ("#!/bin/bash\n(( x = 1 << 3 ))\nif (( x > 4 )); then\n  (( x++ ))\nfi\nsvc\n", [("last-command-without-exec", 6)]),
    "a wait with a trap, and a pause": ("#!/bin/sh\nsvc &\np=$!\ntrap 'kill $p' TERM\nwait\nsleep 2\n", []),
    "an array over lines": (
        "#!/bin/bash\na=(\n  # isn't run\n  \"$@\"\n)\nb+=( $(c # it's)\n) )\nsvc\n",
        [("last-command-without-exec", 8)],
    ),
    "a pipe of a block": (
        "#!/bin/bash\nindent() {\n  if x; then\n    echo\n  else\n    cat\n  fi | sed 's/^/-/'\n}\nindent\nexec svc\n",
        [],
    ),
    "a placeholder": ("#!/bin/sh\nsvc &\nexec tail -f /dev/null\n", [("service-behind-placeholder", 3)]),
    "a placeholder with nothing beside": ("#!/bin/sh\nexec sleep infinity\n", []),
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
        ("#!/bin/sh\nexec a\necho never\n", True),
        ('#!/bin/sh\nmain() { exec "$@"; }\nmain "$@"; exit $?\n', True),
        ("#!/bin/sh\nexec > log 2>&1\n", False),
        ("#!/bin/bash\nexec > >(tee log | cat)\nexec a\n", True),
        ("#!/bin/sh\nexec >log a\n", True),
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


def _examined(directory: Path, script_text: str, start: str = 'ENTRYPOINT ["/e.sh"]\n') -> list[object]:
    (directory / "e.sh").write_bytes(script_text.encode())
    return list(rules_dockerfile.examine("FROM x\nCOPY e.sh /e.sh\n" + start, "D", str(directory)))


@pytest.mark.parametrize(
    ("script_text", "command", "expected"),
    [
        ("exec su app -c svc", "", [("wrapper-in-front", "warning", 2)]),
        ("exec env A=1 runuser -u app -- svc", "", [("wrapper-in-front", "warning", 2)]),
        ("exec flock /lock svc", "", [("wrapper-in-front", "warning", 2)]),
        ("exec flock --no-fork /lock svc", "", []),
        ("exec gosu app svc", "", []),
        ("exec setpriv --reuid 1 svc", "", []),
        ("exec sudo -u app svc", "", []),
        ("exec nice -n 5 ionice -c2 nohup stdbuf -oL npm start", "", [("script-runner-in-front", "warning", 2)]),
        ("exec setpriv --reuid 1 --regid=1 --clear-groups sh -c 'svc; x'", "", [("shell-in-front", "error", 2)]),
        ("exec chroot / sh -c 'svc; x'", "", [("shell-in-front", "error", 2)]),
        ("exec nice -n 5 svc", "", []),
        ("exec chroot /", "", []),
        ("exec npm start", "", [("script-runner-in-front", "warning", 2)]),
        ("exec sh -c 'svc; echo x'", "", [("shell-in-front", "error", 2)]),
        ("exec sh -c 'exec svc'", "", []),
        ('exec "$@"', 'CMD ["npm", "start"]\n', [("script-runner-in-front", "warning", 2)]),
        ('exec gosu app "$@"', 'CMD ["sh", "-c", "a && b"]\n', [("shell-in-front", "error", 2)]),
        ('exec "$@"', 'CMD ["svc"]\n', []),
    ],
)
def test_what_a_script_hands_over_to(script_text: str, command: str, expected: list[tuple[str, str, int]], tmp_path: Path) -> None:
    """Handing over is right only where what comes then takes the signal."""
    remarks = _examined(tmp_path, f"#!/bin/sh\n{script_text}\n", 'ENTRYPOINT ["/e.sh"]\n' + command)
    assert doctor_findings(remarks) == expected
    assert any(isinstance(remark, Passed) and "hands over" in remark.text for remark in remarks) is not bool(expected)


@pytest.mark.parametrize("text", ['exec "$@"\n', '#!/bin/sh\r\nexec "$@"\r\n'], ids=["no interpreter", "DOS line ends"])
def test_a_script_that_cannot_start_is_not_praised(text: str, tmp_path: Path) -> None:
    remarks = _examined(tmp_path, text)
    assert [remark.severity for remark in remarks if isinstance(remark, Finding)] == ["error"]
    assert not [remark for remark in remarks if isinstance(remark, Passed)]


def test_a_python_script_is_not_read_as_a_shells(tmp_path: Path) -> None:
    (tmp_path / "run.py").write_text("import app\napp.run()\n")
    for start, rules in (('["/run.py"]', ["no-interpreter-line"]), ('["tini", "--", "/run.py"]', [])):
        text = f"FROM x\nCOPY run.py /run.py\nENTRYPOINT {start}\n"
        remarks = rules_dockerfile.examine(text, "D", str(tmp_path))
        assert [remark.rule for remark in remarks if isinstance(remark, Finding)] == rules


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COPY <<'EOF' /e.sh\n#!/bin/sh\necho $HOME\nsvc\nEOF\n", [("last-command-without-exec", "error", 5)]),
        ('COPY --chmod=755 <<-"e.sh" /\n\t#!/bin/sh\n\tsvc\n\te.sh\n', [("last-command-without-exec", "error", 4)]),
        ("COPY <<EOF /e.sh\n#!/bin/sh\nsvc\nEOF\n", [("last-command-without-exec", "error", 4)]),
        ("COPY <<'a' <<'e.sh' /\n#!/bin/sh\nsvc\na\n#!/bin/sh\nexec svc\ne.sh\n", []),
        ('COPY <<EOF /e.sh\n#!/bin/sh\n"$@"\nEOF\n', []),  # the build puts variables in
    ],
)
def test_a_script_in_a_here_document(text: str, expected: list[tuple[str, str, int]], tmp_path: Path) -> None:
    remarks = list(rules_dockerfile.examine(f'FROM x\n{text}ENTRYPOINT ["/e.sh"]\n', "D", str(tmp_path)))
    assert doctor_findings(remarks) == expected
    assert [one for one in remarks if isinstance(one, Unread) and "not quoted" in one.text] == [] or '"$@"' in text


@pytest.mark.parametrize(
    ("base", "shell", "text", "severity"),
    [
        ("debian", "bash", "svc; echo x", "error"),
        ("debian", "bash", "svc && true", "error"),
        ("debian", "bash", "a; b && svc", "error"),
        ("debian", "bash", "a && b; svc", "warning"),
        ("debian", "bash", "false || svc", "warning"),
        ("debian", "bash", "a; svc --port=${PORT} $(b) '(c)'", "warning"),
        ("debian", "bash", "a; (svc)", "error"),
        ("debian", "bash", "if a; then svc; fi", "error"),
        ("alpine", "sh", "if a; then svc; fi", "warning"),
        ("alpine", "sh", "a; svc > log", "warning"),
        ("alpine", "sh", "while true; do svc; done", "error"),
        ("debian", "zsh", "{ svc; }", "warning"),
        ("debian", "bash", "a\nb && svc", "warning"),
        ("debian", "zsh", "a; svc", "warning"),
        ("debian", "sh", "a; svc", "error"),
        ("node:20-alpine", "sh", "a; svc", "warning"),
        ("node:20-alpine", "sh", "svc; echo x", "error"),
        ("debian", "sh", "svc; exit $?", "error"),
        ("debian", "sh", "exec svc; echo never", None),
        ("debian", "sh", "mkdir d; cp a d", None),
        ("debian", "sh", "prepare && exec su app -c svc", "warning"),
        ("debian", "sh", "exec su app -c svc", "warning"),
    ],
)
def test_which_shells_stay(base: str, shell: str, text: str, severity: str | None, tmp_path: Path) -> None:
    """Measured: bash 5.2, zsh 5.9 and busybox 1.35 execute the last command of a list, dash does not; none does where something follows."""
    remarks = rules_dockerfile.examine(f"FROM {base}\nCMD {json.dumps([shell, '-c', text])}\n", "D", str(tmp_path))
    assert [one.severity for one in remarks if isinstance(one, Finding)] == ([severity] if severity else [])


def test_a_placeholder_is_not_praised(tmp_path: Path) -> None:
    remarks = list(rules_dockerfile.examine("FROM x\nCMD svc & exec sleep infinity\n", "D", str(tmp_path)))
    assert not [one for one in remarks if isinstance(one, Passed)]
    assert doctor_findings(remarks) == [("several-processes", "warning", 2)]
