"""doctor --dockerfile: each rule, with the line that it points to."""

from pathlib import Path

import pytest
from helpers import doctor_findings

from pysupervise.cli.diagnosis import launch, rules_dockerfile
from pysupervise.cli.diagnosis.dockerfile import instructions, stages
from pysupervise.cli.diagnosis.finding import Finding, Passed, Unread

OURS = 'ENTRYPOINT ["pysupervise", "--"]\n'


def dockerfile(text: str, tmp_path: Path) -> list[tuple[str, str, int]]:
    return doctor_findings(list(rules_dockerfile.examine(text, "Dockerfile", str(tmp_path))))


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
    "nodemon": ('FROM x\nCMD ["nodemon", "app.js"]\n', [("script-runner-in-front", "warning", 2)]),
    "uv run waits": ('FROM x\nCMD ["uv", "run", "svc"]\n', []),
    "pm2-runtime": ('FROM x\nCMD ["pm2-runtime", "app.js"]\n', [("wrapper-in-front", "warning", 2)]),
    "flock": ('FROM x\nCMD ["flock", "/lock", "svc"]\n', [("wrapper-in-front", "warning", 2)]),
    "flock below ours": ("FROM x\n" + OURS + 'CMD ["flock", "/lock", "svc"]\n', [("wrapper-in-front", "info", 3)]),
    "celery, cold on QUIT": (
        'FROM x\nSTOPSIGNAL QUIT\nCMD ["celery", "-A", "a", "worker"]\n',
        [("stop-signal-against-service", "warning", 2)],
    ),
    "celery": ('FROM x\nCMD ["celery", "-A", "a", "worker"]\n', []),
    "a variable among the arguments": ('FROM x\nCMD ["java", "$OPTS", "-jar", "a"]\n', [("variable-in-exec-form", "warning", 2)]),
    "a variable behind an entrypoint": (
        'FROM x\nENTRYPOINT ["gunicorn"]\nCMD ["--bind=:${PORT:-80}", "a:b"]\n',
        [("variable-in-exec-form", "warning", 3)],
    ),
    "a variable for a program in Java": ('FROM x\nCMD ["java", "-jar", "a", "--port=${PORT}"]\n', []),
    "a variable for a script": ('FROM x\nENTRYPOINT ["/e"]\nCMD ["svc", "$PORT"]\n', []),
    "a dollar in code": ('FROM x\nCMD ["perl", "-e", "print \'$X\'"]\n', [("interpreter-as-pid1", "info", 2)]),
    "a variable for a shell": ('FROM x\nCMD ["sh", "-c", "exec svc $PORT"]\n', []),
    "sh -c as an entrypoint": (
        'FROM x\nENTRYPOINT ["/bin/sh", "-c"]\nCMD svc --flag\n',
        [("words-behind-shell-text", "error", 3), ("shell-in-front", "warning", 3)],
    ),
    "sh -c and words": ('FROM x\nCMD ["sh", "-c", "exec svc", "--flag"]\n', [("words-behind-shell-text", "error", 2)]),
    "sh -c and a command in words": (
        'FROM x\nENTRYPOINT ["sh", "-c"]\nCMD ["svc", "serve"]\n',
        [("words-behind-shell-text", "error", 3), ("shell-in-front", "warning", 3)],
    ),
    "sh -c and its name": ('FROM x\nCMD ["sh", "-c", "exec svc", "sh"]\n', []),
    "sh -c and arguments": ('FROM x\nCMD ["sh", "-c", "exec svc \\"$@\\"", "--", "a", "b"]\n', []),
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
    "the image of Apache's PHP sets WINCH": ('FROM php:8.3-apache\nCMD ["apache2-foreground"]\n', []),
    "so does that of WordPress": ('FROM docker.io/wordpress:6-apache\nCMD ["apache2-foreground"]\n', []),
    "that of FPM sets QUIT": ('FROM php:8.3-fpm\nCMD ["php-fpm"]\n', []),
    "the one on the command line sets none": ('FROM php:8.3-cli\nCMD ["php-fpm"]\n', [("stop-signal-against-service", "warning", 2)]),
    "the unprivileged nginx": ('FROM nginxinc/nginx-unprivileged:1.27\nCMD ["nginx", "-g", "daemon off;"]\n', []),
    "somebody else's nginx": (
        'FROM lscr.io/linuxserver/nginx\nCMD ["nginx", "-g", "daemon off;"]\n',
        [("stop-signal-against-service", "warning", 2)],
    ),
    "php-fpm": ('FROM debian\nCMD ["/usr/sbin/php-fpm8.2", "-F"]\n', [("stop-signal-against-service", "warning", 2)]),
    "httpd": ('FROM debian\nSTOPSIGNAL WINCH\nCMD ["httpd-foreground"]\n', []),
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
    "shell instruction": ('FROM x\nSHELL ["/bin/ash", "-ec"]\nENTRYPOINT a; b\n', [("shell-in-front", "error", 3)]),
    "shell instruction, pipefail": (
        'FROM x\nSHELL ["/bin/bash", "-o", "pipefail", "-c"]\nCMD a | tee b\n',
        [("shell-in-front", "error", 3), ("several-processes", "warning", 3)],
    ),
    "bash replaces itself with the last of a list": ('FROM x\nCMD ["bash", "-ec", "a && b; c"]\n', [("shell-in-front", "warning", 2)]),
    "bash stays for what is redirected": ('FROM x\nCMD ["bash", "-c", "a && b > c"]\n', [("shell-in-front", "error", 2)]),
    "exec in every branch": ("FROM x\nCMD if a; then exec b; else { exec c; }; fi\n", []),
    "exec in a subshell": ("FROM x\nCMD (cd x; exec b)\n", [("shell-in-front", "error", 2)]),
    "a trap of its own": ("FROM x\nCMD trap 'kill 0' TERM; a & b & wait\n", []),
    "a trap that is taken away": ("FROM x\nCMD trap - TERM; a\n", [("shell-in-front", "error", 2)]),
    "apachectl": ('FROM debian\nCMD ["apachectl", "-D", "FOREGROUND"]\n', [("wrapper-in-front", "warning", 2)]),
    "su": ('FROM x\nENTRYPOINT ["su", "app", "-c", "svc"]\n', [("wrapper-in-front", "warning", 2)]),
    "su below ours": ("FROM x\n" + OURS + 'CMD ["su", "app", "-c", "svc"]\n', [("wrapper-in-front", "warning", 3)]),
    "java prints threads on QUIT": ('FROM x\nSTOPSIGNAL QUIT\nCMD ["java", "-jar", "a"]\n', [("stop-signal-against-service", "error", 2)]),
    "gunicorn reloads on HUP": ('FROM x\nSTOPSIGNAL HUP\nCMD ["gunicorn", "a:b"]\n', [("stop-signal-against-service", "error", 2)]),
    "gunicorn, quick on INT": ('FROM x\nSTOPSIGNAL INT\nCMD ["gunicorn", "a:b"]\n', [("stop-signal-against-service", "warning", 2)]),
    "/init is not systemd": ('FROM x\nENTRYPOINT ["/init"]\n', []),
    "/sbin/init of alpine is not systemd": ('FROM alpine:3\nENTRYPOINT ["/sbin/init"]\n', []),
    "nobody handles KILL": ('FROM node\nSTOPSIGNAL SIGKILL\nCMD ["node", "x.js"]\n', [("stop-signal-kill", "error", 2)]),
    "signal alone": ("FROM nginx\nSTOPSIGNAL SIGKILL\n", [("stop-signal-kill", "error", 2)]),
    "signal alone, against the image's service": ("FROM nginx\nSTOPSIGNAL TERM\n", [("stop-signal-against-service", "warning", 2)]),
    "exec is no program": ('FROM x\nCMD ["exec", "svc"]\n', [("builtin-without-shell", "error", 2)]),
    "an assignment is no program": ('FROM x\nCMD ["A=b", "svc"]\n', [("builtin-without-shell", "error", 2)]),
    "an empty entrypoint": ('FROM x\nENTRYPOINT []\nCMD ["python", "a"]\n', [("interpreter-as-pid1", "info", 3)]),
    "a wrong variable": ("FROM x\nENV PYSUPERVISE_GRACE=soon\n" + OURS + 'CMD ["svc"]\n', [("wrong-options", "error", 2)]),
    "variables of variables": (
        "FROM x\nENV A=" + "b" * 64 + "\n" + "".join(f"ENV A={'${A}' * 9}\n" for _ in range(12)) + OURS + 'CMD ["svc"]\n',
        [],
    ),
    "nested without end": ("FROM x\nCMD " + "[" * 100_000 + "\n", [("shell-in-front", "warning", 2)]),
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
    assert doctor_findings(list(rules_dockerfile.examine(text, "D", ".", "one"))) == [("shell-in-front", "error", 2)]
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


@pytest.mark.parametrize("before", [["env", "F=1"], ["/usr/bin/env", "F=1", "G="], []])
def test_env_in_front_hides_nothing(before: list[str]) -> None:
    read = launch.read([*before, "tini", "--", *before, "sh", "-c", "node x; echo done"])
    assert [init.name for init in read.inits] == ["tini"]
    assert read.text == "node x; echo done"


@pytest.mark.parametrize(
    ("signal", "handled", "fix"),
    [("", "TERM", '["pysupervise", "--"]'), ("STOPSIGNAL SIGQUIT\n", "QUIT", '["pysupervise", "--stop-signal", "QUIT", "--"]')],
)
def test_fix_for_an_interpreter_fits_the_stop_signal(signal: str, handled: str, fix: str) -> None:
    (finding,) = [one for one in rules_dockerfile.examine(f'FROM x\n{signal}CMD ["node", "a.js"]\n', "D", ".") if isinstance(one, Finding)]
    assert finding.fix == f"handle {handled} in the program, or ENTRYPOINT {fix}"
    assert f"without a handler for {handled} " in finding.consequence


def test_no_evidence_stands_there_twice() -> None:
    (finding,) = [one for one in rules_dockerfile.examine("FROM x\nSTOPSIGNAL KILL\n", "D", ".") if isinstance(one, Finding)]
    assert finding.evidence == ("D:2:12: STOPSIGNAL KILL",)


def test_a_right_stop_signal_is_shown_where_it_is_set() -> None:
    remarks = list(rules_dockerfile.examine('FROM x\nSTOPSIGNAL QUIT\nCMD ["nginx"]\n', "D", "."))
    assert Passed("nginx gets QUIT, its graceful stop (D:2:12: STOPSIGNAL QUIT)") in remarks
