"""doctor --dockerfile and --compose: each rule, with the line that it points to."""

from pathlib import Path

import pytest

from pysupervise.cli.diagnosis import compose, launch, rules_compose, rules_dockerfile, script, shelltext
from pysupervise.cli.diagnosis.dockerfile import instructions, stages
from pysupervise.cli.diagnosis.finding import Finding, Remark, Unread

OURS = 'ENTRYPOINT ["pysupervise", "--"]\n'


def findings(remarks: list[Remark]) -> list[tuple[str, str, int]]:
    """Return (rule, severity, line) of each finding."""
    return [(remark.rule, remark.severity, int(remark.evidence[0].split(":")[1])) for remark in remarks if isinstance(remark, Finding)]


def dockerfile(text: str, tmp_path: Path) -> list[tuple[str, str, int]]:
    return findings(list(rules_dockerfile.examine(text, "Dockerfile", str(tmp_path))))


DOCKERFILES: dict[str, tuple[str, list[tuple[str, str, int]]]] = {
    "fine": ("FROM x\n" + OURS + 'CMD ["svc"]\n', []),
    "handled by the program itself": ('FROM x\nENTRYPOINT ["/svc"]\n', []),
    "entrypoint, shell form": ("FROM x\nENTRYPOINT svc --flag\n", [("shell-in-front", "warning", 2)]),
    "entrypoint, shell form, exec": ("FROM x\nENTRYPOINT exec svc --flag\n", []),
    "entrypoint, shell form of two": ("FROM x\n\nENTRYPOINT prepare && svc\n", [("shell-in-front", "error", 3)]),
    "entrypoint, shell form of two, exec": ("FROM x\nENTRYPOINT prepare && exec svc\n", []),
    "cmd behind shell form": (
        'FROM x\nENTRYPOINT svc\nCMD ["--flag"]\n',
        [("cmd-without-effect", "warning", 3), ("shell-in-front", "warning", 2)],
    ),
    "cmd, shell form": ("FROM x\nCMD svc --flag\n", [("shell-in-front", "warning", 2)]),
    "exec form of a shell": ('FROM x\nCMD ["sh", "-c", "a; b"]\n', [("shell-in-front", "error", 2)]),
    "cmd, shell form below ours": ("FROM x\n" + OURS + "CMD prepare; svc\n", [("shell-below-pysupervise", "info", 3)]),
    "below ours, handlers": ('FROM x\nENTRYPOINT ["pysupervise", "--forward", "handlers", "--"]\nCMD a; svc\n', []),
    "below ours by a variable": ("FROM x\nENV PYSUPERVISE_FORWARD=handlers\n" + OURS + "CMD a; svc\n", []),
    "cmd, shell form below tini": ('FROM x\nENTRYPOINT ["tini", "--"]\nCMD a; svc\n', [("shell-below-init", "warning", 3)]),
    "single quotes": ("FROM x\n" + OURS + "CMD ['svc', 'a']\n", [("broken-exec-form", "error", 3)]),
    "a comma too many": ("FROM x\n" + OURS + 'CMD ["svc", "a",]\n', [("broken-exec-form", "error", 3)]),
    "a shell's test is no exec form": ("FROM x\n" + OURS + "CMD [ -e x ] && exec svc\n", []),
    "one word": ('FROM x\nENTRYPOINT ["svc --flag"]\n', [("one-word-with-blanks", "error", 2)]),
    "one word, the shell's text": ('FROM x\nENTRYPOINT ["pysupervise", "--", "sh", "-c"]\nCMD ["svc --flag"]\n', []),
    "operator in exec form": ('FROM x\nENTRYPOINT ["svc", "&&", "b"]\n', [("operator-without-shell", "error", 2)]),
    "several": (
        "FROM x\nCMD helper & svc\n",
        [("shell-in-front", "error", 2), ("several-processes", "warning", 2)],
    ),
    "two inits": ('FROM x\nENTRYPOINT ["tini", "--", "pysupervise", "--", "svc"]\n', [("two-inits", "warning", 2)]),
    "two inits, other order": ("FROM x\n" + OURS + 'CMD ["dumb-init", "svc"]\n', [("two-inits", "warning", 2)]),
    "options of ours": ('FROM x\nENTRYPOINT ["pysupervise", "--grace", "soon", "--", "svc"]\n', [("wrong-options", "error", 2)]),
    "interpreter": ('FROM x\nCMD ["python3", "app.py"]\n', [("interpreter-as-pid1", "info", 2)]),
    "a variable as the program": ('FROM x\nENV I=tini\nENTRYPOINT ["$I", "--"]\n', [("variable-in-exec-form", "error", 3)]),
    "a variable as an argument": ('FROM x\nENTRYPOINT ["svc", "$I"]\n', []),
    "nginx below gosu": ('FROM debian\nENTRYPOINT ["gosu", "app", "nginx"]\n', [("stop-signal-against-service", "warning", 2)]),
    "shell below su-exec": ('FROM x\nENTRYPOINT ["/sbin/su-exec", "app", "sh", "-c", "a; b"]\n', [("shell-in-front", "error", 2)]),
    "init below gosu": ('FROM x\nENTRYPOINT ["gosu", "app", "env", "A=b", "pysupervise", "--", "svc"]\n', []),
    "npm": ('FROM x\nCMD ["npm", "start"]\n', [("script-runner-in-front", "warning", 2)]),
    "npm below another init": (
        'FROM x\nENTRYPOINT ["tini", "-g", "--"]\nCMD ["npm", "run", "serve"]\n',
        [("script-runner-in-front", "warning", 3)],
    ),
    "npm below ours": ("FROM x\n" + OURS + 'CMD ["/usr/bin/npm", "run", "serve"]\n', [("script-runner-below-pysupervise", "info", 3)]),
    "npx": ('FROM x\nCMD ["npx", "tsx", "server.ts"]\n', [("script-runner-in-front", "warning", 2)]),
    "npm with options": ('FROM x\nCMD ["npm", "--prefix", "install", "--silent", "start"]\n', [("script-runner-in-front", "warning", 2)]),
    "pnpm": ('FROM x\nCMD ["pnpm", "run", "serve"]\n', [("script-runner-in-front", "warning", 2)]),
    "pnpm exec waits": ('FROM x\nCMD ["pnpm", "exec", "serve"]\n', []),
    "yarn": ('FROM x\nCMD ["yarn", "start"]\n', [("script-runner-in-front", "warning", 2)]),
    "npm that runs no script": ('FROM x\nCMD ["npm", "install"]\n', []),
    "nginx": ('FROM debian\nCMD ["nginx", "-g", "daemon off;"]\n', [("stop-signal-against-service", "warning", 2)]),
    "nginx, its own image": ('FROM nginx:1.27\nCMD ["nginx", "-g", "daemon off;"]\n', []),
    "nginx, QUIT": ('FROM debian\nSTOPSIGNAL SIGQUIT\nCMD ["nginx"]\n', []),
    "nginx, QUIT by number in a variable": ('FROM debian\nARG S=3\nSTOPSIGNAL ${S}\nCMD ["nginx"]\n', []),
    "nginx below ours, QUIT starts no stop": (
        "FROM debian\nSTOPSIGNAL QUIT\n" + OURS + 'CMD ["nginx"]\n',
        [("stop-signal-unknown-to-pysupervise", "warning", 2)],
    ),
    "nginx below ours, TERM as QUIT": ('FROM debian\nENTRYPOINT ["pysupervise", "--stop-signal", "QUIT", "--", "nginx"]\n', []),
    "nginx below ours, rewritten": ('FROM debian\nENTRYPOINT ["pysupervise", "--rewrite", "TERM=QUIT", "--", "nginx"]\n', []),
    "php-fpm": ('FROM debian\nCMD ["/usr/sbin/php-fpm8.2", "-F"]\n', [("stop-signal-against-service", "warning", 2)]),
    "httpd": ('FROM debian\nSTOPSIGNAL WINCH\nCMD ["apachectl", "-D", "FOREGROUND"]\n', []),
    "postgres": ('FROM debian\nCMD ["postgres"]\n', [("stop-signal-against-service", "warning", 2)]),
    "systemd": ('FROM debian\nCMD ["/sbin/init"]\n', [("stop-signal-against-service", "error", 2)]),
    "systemd, right": ('FROM debian\nSTOPSIGNAL SIGRTMIN+3\nCMD ["/lib/systemd/systemd"]\n', []),
    "uwsgi": ('FROM x\nCMD ["uwsgi", "--http", ":80"]\n', [("stop-signal-against-service", "warning", 2)]),
    "kill": ("FROM x\nSTOPSIGNAL KILL\n" + OURS, [("stop-signal-kill", "error", 2)]),
    "no signal": ("FROM x\nSTOPSIGNAL SIGTREM\n" + OURS, [("stop-signal-invalid", "error", 2)]),
    "two entrypoints": ('FROM x\nENTRYPOINT ["a"]\nENTRYPOINT ["b"]\n', [("overridden", "info", 2)]),
    "an earlier stage does not count": ("FROM x AS build\nCMD a; b\nFROM y\n" + OURS, []),
    "a stage built on another": ("FROM x AS base\nENTRYPOINT a; b\nFROM base\nRUN y\n", [("shell-in-front", "error", 2)]),
    "an entrypoint takes the base's cmd away": ("FROM x AS base\nCMD a; b\nFROM base\n" + OURS, []),
    "shell instruction": ('FROM x\nSHELL ["/bin/bash", "-ec"]\nENTRYPOINT a; b\n', [("shell-in-front", "error", 3)]),
    "continuation with comment": ("FROM x\nRUN a \\\n# comment\n  && b\nENTRYPOINT a; \\\n\n b\n", [("shell-in-front", "error", 5)]),
    "escape directive": ("# escape=`\nFROM x\nRUN a `\n  b\nENTRYPOINT a; b\n", [("shell-in-front", "error", 5)]),
    "here-document": ("FROM x\nRUN <<EOF\nENTRYPOINT a; b\nEOF\n" + OURS, []),
    "lower case": ("from x\nentrypoint a; b\n", [("shell-in-front", "error", 2)]),
}


@pytest.mark.parametrize(("text", "expected"), DOCKERFILES.values(), ids=DOCKERFILES.keys())
def test_dockerfile(text: str, expected: list[tuple[str, str, int]], tmp_path: Path) -> None:
    assert dockerfile(text, tmp_path) == expected


def test_dockerfile_target() -> None:
    text = "FROM x AS one\nCMD a; b\nFROM y AS two\n" + OURS
    assert findings(list(rules_dockerfile.examine(text, "D", ".", "one"))) == [("shell-in-front", "error", 2)]
    with pytest.raises(rules_dockerfile.NoStageError, match="no stage 'three'"):
        list(rules_dockerfile.examine(text, "D", ".", "three"))
    with pytest.raises(rules_dockerfile.NoStageError, match="no FROM"):
        list(rules_dockerfile.examine("RUN x\n", "D", "."))


def test_dockerfile_without_a_command_is_said_to_be_unknown() -> None:
    (remark,) = rules_dockerfile.examine("FROM nginx\n", "D", ".")
    assert isinstance(remark, Unread)
    assert "neither ENTRYPOINT nor CMD" in remark.text


def test_dockerfile_reader_knows_lines_and_flags() -> None:
    text = "# comment\nFROM x AS a\nCOPY --from=a --chown=1 \\\n  /src /dst\nHEALTHCHECK --interval=5s CMD x\n"
    read = list(instructions(text))
    assert [(one.name, one.value, one.line, one.flags) for one in read] == [
        ("FROM", "x AS a", 2, ()),
        ("COPY", "/src /dst", 3, ("--from=a", "--chown=1")),
        ("HEALTHCHECK", "CMD x", 5, ("--interval=5s",)),
    ]
    assert stages("ARG V=1\nFROM a:${V}\nFROM b:${W:-2}\n")[1].base == "b:2"


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
    assert [(flaw.rule, flaw.line) for flaw in script.flaws(text)] == expected


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
    assert dockerfile(covered, tmp_path) == [("no-exec-before-arguments", "info", 2)]


def test_entry_script_with_dos_line_ends_or_outside_of_the_context(tmp_path: Path) -> None:
    (tmp_path / "entry.sh").write_bytes(b'#!/bin/sh\r\nexec "$@"\r\n')
    assert dockerfile('FROM x\nCOPY entry.sh /\nENTRYPOINT ["/entry.sh"]\n', tmp_path) == [("carriage-return", "error", 1)]
    remarks = list(rules_dockerfile.examine('FROM x\nCOPY ../x.sh /e.sh\nENTRYPOINT ["/e.sh"]\n', "D", str(tmp_path)))
    assert [one for one in remarks if isinstance(one, Unread) and "no COPY of it" in one.text]


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
    "open quote": ("command: svc 'a", [("unbalanced-quotes", "error", 3)]),
    "signal": ("command: nginx\n    stop_signal: SIGQUIT", []),
    "signal against": ("command: postgres\n    stop_signal: SIGTERM", [("stop-signal-against-service", "warning", 4)]),
    "signal of the image": ("image: postgres:16\n    command: postgres -c x=1", []),
    "pid": ("command: svc\n    pid: host", [("shared-pid-namespace", "warning", 4)]),
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
    assert findings(list(rules_compose.examine(f"services:\n  web:\n    {body}\n", "compose.yaml", "/nonexistent"))) == expected


def test_compose_reads_the_dockerfile_that_it_builds(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text('FROM x\nENTRYPOINT ["pysupervise", "--grace", "30s", "--"]\nCMD ["svc"]\n')
    text = "services:\n  web:\n    build: app\n    stop_grace_period: 20s\n"
    assert findings(list(rules_compose.examine(text, "c", str(tmp_path)))) == [("grace-too-short", "error", 4)]
    assert findings(list(rules_compose.examine(text + "    entrypoint: svc\n", "c", str(tmp_path)))) == []
    (tmp_path / "app" / "Dockerfile").write_text("FROM debian AS a\nSTOPSIGNAL QUIT\nCMD x; y\nFROM b\n")
    target = "services:\n  web:\n    build: {context: app, target: a}\n    command: [nginx]\n"
    assert findings(list(rules_compose.examine(target, "c", str(tmp_path)))) == []


def test_a_service_that_is_a_list() -> None:
    assert findings(list(rules_compose.examine("services:\n  web: []\n", "c", "."))) == [("wrong-kind", "error", 2)]


def test_compose_merges_anchors_and_extends() -> None:
    anchors = "x-base: &base\n  init: true\nservices:\n  web:\n    <<: *base\n    entrypoint: pysupervise --grace 1s -- svc\n"
    assert findings(list(rules_compose.examine(anchors, "c", "."))) == [("two-inits", "warning", 2)]
    extends = "services:\n  base:\n    command: a && b\n  web:\n    extends: {service: base}\n"
    assert findings(list(rules_compose.examine(extends, "c", "."))) == [("operator-without-shell", "error", 3)] * 2


@pytest.mark.parametrize(
    ("text", "reason"),
    [
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


LAUNCHES = [
    (["tini", "-g", "--", "sh", "-c", "svc"], ("tini",), "svc", ("svc",)),
    (["/usr/bin/python3", "-I", "/opt/bin/pysupervise", "-v", "--", "svc", "a"], ("pysupervise",), "", ("svc", "a")),
    (["python3", "-m", "pysupervise", "svc"], ("pysupervise",), "", ("svc",)),
    (["docker-init", "--", "pysupervise.pyz", "--grace", "1s", "svc"], ("docker-init",), "", ("pysupervise.pyz", "--grace", "1s", "svc")),
    (["dumb-init", "-r", "15:3", "svc"], ("dumb-init",), "", ("svc",)),
    (["busybox", "sh", "-c", "a; b"], (), "a; b", ()),
    (["bash", "-lc", "A=1 exec svc x"], (), "A=1 exec svc x", ("svc", "x")),
    (["python3", "tini.py"], (), "", ("python3", "tini.py")),
]


@pytest.mark.parametrize(("words", "inits", "text", "service"), LAUNCHES)
def test_launch(words: list[str], inits: tuple[str, ...], text: str, service: tuple[str, ...]) -> None:
    read = launch.read(words)
    assert (tuple(init.name for init in read.inits), read.text, read.service) == (inits, text, service)


def test_launch_rewrites_the_signal_at_each_init() -> None:
    assert launch.read(["dumb-init", "-r", "15:3", "svc"]).reaching_service(15) == 3
    assert launch.read(["pysupervise", "--stop-signal", "QUIT", "--rewrite", "QUIT=USR1", "svc"]).reaching_service(15) == 10
    assert launch.read(["pysupervise", "--rewrite", "TERM=0", "svc"]).reaching_service(15) == 0


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
        ('#!/bin/sh\nif [ "$1" = node ]; then\n  exec node x.js\nfi\n', False),
        ('#!/bin/sh\ncase "$1" in\n a) exec a;;\n *) node x.js;;\nesac\n', False),
        ('#!/bin/sh\ncase "$1" in\n a) exec a;;\n *) exec b;;\nesac\n', True),
        ('#!/bin/sh\ncase "$1" in\n a) exec a;;\nesac\n', False),
        ("#!/bin/sh\nif x; then\n exec a\nelif y; then\n exec b\nelse\n echo usage\n exit 1\nfi\n", True),
        ("#!/bin/sh\nif x; then exec a; elif y; then exec b; fi\n", False),
        ('#!/bin/bash\n_main() {\n if x; then :; fi\n exec "$@"\n}\nif ! sourced; then\n _main "$@"\nelse\n  return\nfi\n', True),
        ("#!/bin/sh\nexec a | tee log\n", False),
        ("#!/bin/sh\nif x; then\n exec a\n", False),
    ],
)
def test_only_a_script_that_ends_in_exec_hands_over(content: str, hands_over: bool) -> None:
    assert script.hands_over(content) is hands_over


@pytest.mark.parametrize("before", [["env", "F=1"], ["/usr/bin/env", "F=1", "G="], []])
def test_env_in_front_hides_nothing(before: list[str]) -> None:
    read = launch.read([*before, "tini", "--", *before, "sh", "-c", "node x; echo done"])
    assert [init.name for init in read.inits] == ["tini"]
    assert read.text == "node x; echo done"
