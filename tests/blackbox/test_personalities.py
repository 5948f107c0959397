"""Called by another init's name, pysupervise answers as that init does: the same status, words and streams.

Each case has its literal expectation. Where the original is installed it is held to the same one, so that no expectation is made up.
"""

import os
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from helpers import PATIENCE_S, Service, children, full_pipe, in_pid_namespace

NAMES = ("tini", "dumb-init", "catatonit")
INSTALLED = [name for name in NAMES if shutil.which(name)]
SET = {"TINI_SUBREAPER", "TINI_VERBOSITY", "TINI_KILL_PROCESS_GROUP", "DUMB_INIT_DEBUG", "DUMB_INIT_SETSID", "CATATONIT_DEBUG"}
REWRITE = (
    "Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"
    "This option can be specified multiple times.\nUse --help for full usage.\n"
)
SETSID = (
    "[dumb-init] Child spawned with PID N.\n"
    "[dumb-init] Unable to attach to controlling tty (errno=25 Inappropriate ioctl for device).\n"
    "[dumb-init] Unable to detach from controlling tty (errno=25 Inappropriate ioctl for device).\n"
    "[dumb-init] setsid complete.\n"
)
CATATONIT_USAGE = "usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]\n"
HELP = "(help)\n"


def lines(text: str) -> str:
    return "".join(sorted(text.splitlines(keepends=True)))


TINI_END = "[DEBUG tini (N)] Reaped child with pid: 'N'\n[DEBUG tini (N)] Received SIGCHLD\n"
TINI_TRACE = "[TRACE tini (N)] No child to wait\n[TRACE tini (N)] Exiting: child has exited\n"
INFO = "[INFO  tini (N)] "

# (name, arguments, environment, status, standard output, standard error): lines in any order, numbers of processes as N.
Case = tuple[str, list[str], dict[str, str], int, str, str]
# ruff: noqa: ISC004 -- one case reads as one
CASES: list[Case] = [
    ("tini", ["--version"], {}, 0, "tini version 0.19.0\n", ""),
    ("tini", ["--version", "x"], {}, 1, "", "tini: invalid option -- '-'\n" + HELP),
    ("tini", [], {}, 1, "", HELP),
    ("tini", ["-h"], {}, 0, HELP, ""),
    ("tini", ["-h", "-z"], {}, 0, HELP, ""),
    ("tini", ["-z", "-h"], {}, 1, "", "tini: invalid option -- 'z'\n" + HELP),
    ("tini", ["-p"], {}, 1, "", "tini: option requires an argument -- 'p'\n" + HELP),
    ("tini", ["-p", "TERM", "true"], {}, 1, "", "[FATAL tini (N)] Not a valid option for -p: TERM\n"),
    ("tini", ["-p", "SIGPWR", "true"], {}, 1, "", "[FATAL tini (N)] Not a valid option for -p: SIGPWR\n"),
    ("tini", ["-p", "SIGTERM", "true"], {}, 0, "", ""),
    ("tini", ["-e", "256", "true"], {}, 1, "", "[FATAL tini (N)] Not a valid option for -e: 256\n"),
    ("tini", ["-e", "1x", "true"], {}, 1, "", "[FATAL tini (N)] Not a valid option for -e: 1x\n"),
    ("tini", ["-e", "", "-e", " +4", "--", "sh", "-c", "exit 4"], {}, 0, "", ""),
    ("tini", ["-e143", "--", "sh", "-c", "kill -TERM $$"], {}, 0, "", ""),
    ("tini", ["sh", "-s", "-c", "exit 4"], {}, 1, "", "tini: invalid option -- 'c'\n" + HELP),
    ("tini", ["sh", "-c", "exit 4"], {"POSIXLY_CORRECT": "1"}, 4, "", ""),
    ("tini", ["--", "--", "true"], {}, 127, "", "[FATAL tini (N)] exec -- failed: No such file or directory\n"),
    ("tini", ["nosuch"], {}, 127, "", "[FATAL tini (N)] exec nosuch failed: No such file or directory\n"),
    ("tini", [""], {}, 127, "", "[FATAL tini (N)] exec  failed: No such file or directory\n"),
    ("tini", ["/etc/passwd"], {}, 126, "", "[FATAL tini (N)] exec /etc/passwd failed: Permission denied\n"),
    ("tini", ["/etc/passwd/x"], {}, 1, "", "[FATAL tini (N)] exec /etc/passwd/x failed: Not a directory\n"),
    ("tini", ["-e", "127", "nosuch"], {}, 0, "", "[FATAL tini (N)] exec nosuch failed: No such file or directory\n"),
    ("tini", ["-v", "--", "sh", "-c", "exit 3"], {}, 3,
     f"{INFO}Spawned child process 'sh' with pid 'N'\n{INFO}Main child exited normally (with status '3')\n", ""),
    ("tini", ["-v", "--", "sh", "-c", "kill -TERM $$"], {}, 143,
     f"{INFO}Spawned child process 'sh' with pid 'N'\n{INFO}Main child exited with signal (with signal 'Terminated')\n", ""),
    ("tini", ["-vvv", "true"], {}, 0,
     f"{INFO}Spawned child process 'true' with pid 'N'\n{INFO}Main child exited normally (with status '0')\n{TINI_END}{TINI_TRACE}", ""),
    ("tini", ["-vvv", "nosuch"], {}, 127,
     "[DEBUG tini (N)] tcsetpgrp failed: no tty (ok to proceed)\n"
     f"{INFO}Spawned child process 'nosuch' with pid 'N'\n{INFO}Main child exited normally (with status '127')\n{TINI_END}{TINI_TRACE}",
     "[FATAL tini (N)] exec nosuch failed: No such file or directory\n"),
    ("tini", ["-vvv", "true"], {"TINI_VERBOSITY": "x"}, 0, "", ""),
    ("tini", ["true"], {"TINI_VERBOSITY": "3"}, 0,
     f"{INFO}Spawned child process 'true' with pid 'N'\n{INFO}Main child exited normally (with status '0')\n{TINI_END}", ""),
    ("tini", ["-vvv", "-s", "true"], {"TINI_VERBOSITY": "-1"}, 0,
     f"[TRACE tini (N)] Registered as child subreaper\n{INFO}Spawned child process 'true' with pid 'N'\n"
     f"{INFO}Main child exited normally (with status '0')\n{TINI_END}{TINI_TRACE}", ""),
    ("tini", ["-w", "--", "sh", "-c", "(sleep .1 &); sleep .4; exit 4"], {}, 4, "", "[WARN  tini (N)] Reaped zombie process with pid=N\n"),
    ("tini", ["--", "sh", "-c", "grep -e SigIgn -e SigBlk /proc/self/status"], {}, 0,
     "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", ""),
    ("dumb-init", [], {}, 1, "", "Usage: dumb-init [option] program [args]\nTry dumb-init --help for full usage.\n"),
    ("dumb-init", ["-V"], {}, 0, "", "dumb-init v1.2.5\n"),
    ("dumb-init", ["--vers", "-z"], {}, 0, "", "dumb-init v1.2.5\n"),
    ("dumb-init", ["-h", "-r", "x"], {}, 0, "", "dumb-init v1.2.5\n" + HELP),
    ("dumb-init", ["--v"], {}, 1, "", "dumb-init: option '--v' is ambiguous; possibilities: '--verbose' '--version'\n"),
    ("dumb-init", ["-z"], {}, 1, "", "dumb-init: invalid option -- 'z'\n"),
    ("dumb-init", ["--yolo", "true"], {}, 1, "", "dumb-init: unrecognized option '--yolo'\n"),
    ("dumb-init", ["--help=3"], {}, 1, "", "dumb-init: option '--help' doesn't allow an argument\n"),
    ("dumb-init", ["-r"], {}, 1, "", "dumb-init: option requires an argument -- 'r'\n"),
    ("dumb-init", ["--rewrite"], {}, 1, "", "dumb-init: option '--rewrite' requires an argument\n"),
    ("dumb-init", ["-r", "32:1", "true"], {}, 1, "", REWRITE),
    ("dumb-init", ["-r", "15", "true"], {}, 1, "", REWRITE),
    ("dumb-init", ["-r", " 15: 3x", "--rewrite=1:2", "--rew", "2:3", "true"], {}, 0, "", ""),
    ("dumb-init", ["nosuch"], {}, 2, "", "[dumb-init] nosuch: No such file or directory\n"),
    ("dumb-init", ["/etc/passwd"], {}, 2, "", "[dumb-init] /etc/passwd: Permission denied\n"),
    ("dumb-init", ["sh", "-c", "exit 3"], {}, 3, "", ""),
    ("dumb-init", ["-v", "sh", "-c", "kill -9 $$"], {}, 137, "",
     SETSID + "[dumb-init] Received signal 17.\n[dumb-init] A child with PID N was terminated by signal 9.\n"
     "[dumb-init] Forwarded signal 15 to children.\n[dumb-init] Child exited with status 137. Goodbye.\n"),
    ("dumb-init", ["-v", "nosuch"], {}, 2, "",
     SETSID + "[dumb-init] nosuch: No such file or directory\n[dumb-init] Received signal 17.\n"
     "[dumb-init] A child with PID N exited with exit status 2.\n"
     "[dumb-init] Forwarded signal 15 to children.\n[dumb-init] Child exited with status 2. Goodbye.\n"),
    ("dumb-init", ["-r", "15:0", "true"], {"DUMB_INIT_DEBUG": "1", "DUMB_INIT_SETSID": "0"}, 0, "",
     "[dumb-init] Running in debug mode.\n[dumb-init] Not running in setsid mode.\n[dumb-init] Child spawned with PID N.\n"
     "[dumb-init] Received signal 17.\n[dumb-init] A child with PID N exited with exit status 0.\n"
     "[dumb-init] Translating signal 15 to 0.\n[dumb-init] Not forwarding signal 0 to children (ignored).\n"
     "[dumb-init] Child exited with status 0. Goodbye.\n"),
    ("dumb-init", ["true"], {"DUMB_INIT_DEBUG": "yes", "DUMB_INIT_SETSID": "no"}, 0, "", ""),
    ("dumb-init", ["sh", "-c", "grep -e SigIgn -e SigBlk /proc/self/status"], {}, 0,
     "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n", ""),
    ("catatonit", [], {}, 1, "", "ERROR (catatonit:N): missing program name\n" + CATATONIT_USAGE),
    ("catatonit", ["-h"], {}, 0, "", CATATONIT_USAGE + HELP),
    ("catatonit", ["-V"], {}, 0, "tini version 0.1.7_catatonit\n", ""),
    ("catatonit", ["true", "--vers"], {}, 0, "tini version 0.1.7_catatonit\n", ""),
    ("catatonit", ["-z"], {}, 1, "", "catatonit: invalid option -- 'z'\n" + CATATONIT_USAGE),
    ("catatonit", ["--help"], {}, 1, "", "catatonit: unrecognized option '--help'\n" + CATATONIT_USAGE),
    ("catatonit", ["sh", "-c", "true"], {}, 1, "", "catatonit: invalid option -- 'c'\n" + CATATONIT_USAGE),
    ("catatonit", ["-h"], {"CATATONIT_LOG": ""}, 1, "", "ERROR (catatonit:N): CATATONIT_LOG is reserved for future use\n"),
    ("catatonit", ["nosuch"], {}, 1, "", "ERROR (catatonit:N): failed to exec pid1: No such file or directory\n"),
    ("catatonit", ["--", "sh", "-c", "exit 3"], {}, 3, "", ""),
    ("catatonit", ["-g", "--", "sh", "-c", "kill -KILL $$"], {}, 137, "", ""),
    ("catatonit", ["true"], {"CATATONIT_DEBUG": ""}, 0, "",
     "DEBUG (catatonit:N): pid1 (N) spawned: true\n"
     "INFO (catatonit:N): using stdin as tty fd: could not open /dev/tty: No such device or address\n"
     "DEBUG (catatonit:N): setting foreground process failed: no tty present: Inappropriate ioctl for device\n"
     "DEBUG (catatonit:N): got ECHILD: no children left to monitor\n"),
]  # fmt: skip


GLIBC_SIGNALS = 1 << 31 | 1 << 32  # 32 and 33


def normal(text: str) -> str:
    """Take out the numbers of processes, the words of a help, which are each program's own, and glibc's own two signals.

    Signals 32 and 33 are ignored where glibc's posix_spawn started the tests, as make does, and no program can change that.
    """
    text = re.sub(r"(?<=SigIgn:\t)[0-9a-f]{16}", lambda mask: f"{int(mask[0], 16) & ~GLIBC_SIGNALS:016x}", text)
    text = re.sub(r"(?<=[(:])\d+(?=\))|(?<=pid ')\d+|(?<=pid: ')\d+|(?<=pid=)\d+|(?<=PID )\d+", "N", text)
    text = re.sub(r"(tini \(tini version.*|(?<=dumb-init v1\.2\.5\n)Usage:.*)", HELP, text, flags=re.DOTALL)
    return lines(re.sub(r"(?<=\[<arguments>\.\.\.\]\n)\n.*", HELP, text, flags=re.DOTALL))


def outcome(program: str, arguments: list[str], environment: dict[str, str]) -> tuple[int, str, str]:
    # Originals print the name that they were called by, so both are called without a path.
    path = f"{os.path.dirname(program)}:{os.environ['PATH']}"
    plain = {key: value for key, value in os.environ.items() if key not in SET}
    done = subprocess.run(
        in_pid_namespace([os.path.basename(program), *arguments]),
        capture_output=True, text=True, timeout=30, check=False, stdin=subprocess.DEVNULL, start_new_session=True,
        env={**plain, "PATH": path, **environment},
    )  # fmt: skip
    return done.returncode, normal(done.stdout), normal(done.stderr)


def named(case: object) -> str:
    return " ".join([*(f"{k}={v}" for k, v in case[2].items()), case[0], *case[1]]) if isinstance(case, tuple) else str(case)


@pytest.fixture(scope="session")
def links(pysupervise: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory in which pysupervise has the other inits' names."""
    directory = tmp_path_factory.mktemp("links")
    for name in (*NAMES, "docker-init"):
        (directory / name).symlink_to(pysupervise)
    return directory


@pytest.mark.parametrize("case", CASES, ids=named)
def test_ours(case: Case, links: Path) -> None:
    name, arguments, environment, status, stdout, stderr = case
    assert outcome(str(links / name), arguments, environment) == (status, lines(stdout), lines(stderr))


@pytest.mark.parametrize("case", [case for case in CASES if case[0] in INSTALLED], ids=named)
def test_original(case: Case) -> None:
    name, arguments, environment, status, stdout, stderr = case
    ended, out, err = outcome(str(shutil.which(name)), arguments, environment)
    assert (ended, out) == (status, lines(stdout))
    if "CATATONIT_DEBUG" in environment:  # its two processes write their lines in pieces, at the same time
        assert sorted(err) == sorted(lines(stderr))
    else:
        assert err == lines(stderr)


def test_docker_init_is_tini_under_its_own_name(links: Path) -> None:
    assert outcome(str(links / "docker-init"), ["--", "sh", "-c", "exit 9"], {}) == (9, "", "")
    done = subprocess.run([links / "docker-init", "-z"], capture_output=True, text=True, check=False)
    assert done.stderr.startswith("docker-init: invalid option -- 'z'\ndocker-init (tini version 0.19.0)\nUsage: docker-init [OPTIONS] ")


def test_a_copy_works_like_a_link(pysupervise: str, tmp_path: Path) -> None:
    shutil.copy(pysupervise, tmp_path / "dumb-init")
    assert outcome(str(tmp_path / "dumb-init"), ["-V"], {}) == (0, "", "dumb-init v1.2.5\n")


def test_tini_warns_where_orphans_go_past_it(links: Path) -> None:
    done = subprocess.run([links / "tini", "true"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stderr.startswith("[WARN  tini (")
    assert done.stderr.endswith(" or run Tini as PID 1.\n")
    assert subprocess.run([links / "tini", "-s", "true"], capture_output=True, check=False).stderr == b""


# What a shell counts that is sent each of these once through init: its own, by name of the init. -c: to the child alone.
SENT = (signal.SIGHUP, signal.SIGINT, signal.SIGUSR1, signal.SIGWINCH, signal.SIGCONT, signal.SIGRTMIN + 6, signal.SIGTERM)
TRAPS = "for i in 1 2 10 28 18 40; do trap \"echo $i\" $i; done; trap 'echo 15; exit 5' 15; echo ready; while :; do sleep 9 & wait; done"


def init_of(name: str, original: bool, links: Path) -> str:
    return str(shutil.which(name)) if original else str(links / name)


SIDES = [(name, False) for name in NAMES] + [(name, True) for name in INSTALLED]


@pytest.mark.parametrize(("name", "original"), SIDES)
def test_signals_arrive_each_once(name: str, original: bool, links: Path) -> None:
    service = Service([init_of(name, original, links), "--", "bash", "-c", TRAPS])
    try:
        assert service.line() == "ready"
        for signum in SENT:
            service.send(signum)
            assert service.line() == str(int(signum))
        assert service.wait() == 5
        assert service.rest() == []
    finally:
        service.close()


@pytest.mark.parametrize(("rewrites", "expected"), [(["-r", "10:12"], ["12"]), (["-r", "10:0", "-r", "15:12"], ["12"])])
@pytest.mark.parametrize("original", [False, True] if "dumb-init" in INSTALLED else [False])
def test_dumb_init_rewrites_and_drops(original: bool, rewrites: list[str], expected: list[str], links: Path) -> None:
    traps = "trap 'echo 10' 10; trap 'echo 12; exit 0' 12; echo ready; while :; do sleep 9 & wait; done"
    service = Service([init_of("dumb-init", original, links), *rewrites, "bash", "-c", traps])
    try:
        assert service.line() == "ready"
        service.send(signal.SIGUSR1)
        if len(rewrites) > 2:
            service.send(signal.SIGTERM)
        assert service.wait() == 0
        assert service.rest() == expected
    finally:
        service.close()


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("original", [False, True] if "catatonit" in INSTALLED else [False])
def test_catatonit_pauses_until_told(original: bool, signum: int, links: Path) -> None:
    # PID 1 is not hit by a signal that it does not take yet, so both can be sent until it leaves. An ignored INT is taken all the same.
    pause = ["sh", "-c", 'trap "" INT; exec "$0" -P', init_of("catatonit", original, links)]
    service = Service(pause)
    try:
        until = time.monotonic() + PATIENCE_S
        while service.process.poll() is None and time.monotonic() < until:
            for pid in children(service.process.pid):
                os.kill(pid, signal.SIGHUP)
                os.kill(pid, signum)
            select.select([], [], [], 0.01)
        assert service.wait() == 0
        assert service.stderr == ""
    finally:
        service.close()


@pytest.mark.parametrize(("name", "original"), SIDES)
def test_a_script_without_an_interpreter_line_runs(name: str, original: bool, links: Path, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text('echo "got $1"; exit 6\n', encoding="ascii")
    script.chmod(0o755)
    assert outcome(init_of(name, original, links), ["--", str(script), "word"], {}) == (6, "got word\n", "")


@pytest.mark.parametrize("words", [("tini", "-z"), ("dumb-init", "-z"), ("catatonit", "-z"), ("catatonit",), ("tini",), ("dumb-init",)])
def test_a_complaint_never_waits_for_who_reads_it(words: tuple[str, ...], links: Path) -> None:
    read, write = full_pipe()
    done = subprocess.run([links / words[0], *words[1:]], stderr=write, check=False, timeout=PATIENCE_S)
    os.close(read)
    os.close(write)
    assert done.returncode == 1


@pytest.mark.parametrize("words", [("tini", "-h"), ("tini", "--version"), ("dumb-init", "-h"), ("catatonit", "-h"), ("catatonit", "-V")])
@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_an_answer_that_nobody_reads_can_be_ended(words: tuple[str, ...], signum: int, links: Path) -> None:
    read, write = full_pipe()
    with subprocess.Popen([links / words[0], *words[1:]], stdout=write, stderr=write) as process:
        while "pipe_write" not in Path(f"/proc/{process.pid}/wchan").read_text(encoding="ascii"):
            assert process.poll() is None
        process.send_signal(signum)
        assert process.wait(PATIENCE_S) == -signum
    os.close(read)
    os.close(write)
