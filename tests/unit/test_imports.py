"""The import budget: what a PID 1 has loaded while its command runs, compared with a literal list."""

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

# Loaded by the bare interpreter already, or part of it: only what is on top of `python -I -c pass` counts.
PLAIN = {
    "gc",
    "_signal",
    "pysupervise",
    "pysupervise.__main__",
    "pysupervise.core",
    "pysupervise.core.kernel",
    "pysupervise.core.settings",
    "pysupervise.core.supervise",
    "pysupervise.core.spawn",
    "pysupervise.core.loop",
    "pysupervise.core.machine",
    "pysupervise.core.reap",
    "pysupervise.core.tree",
    "pysupervise.core.narrator",
    "pysupervise.core.oom",
    "pysupervise.core.status",
}
OPTIONS = {
    "pysupervise.core.cmdline",
    "pysupervise.core.options",
    "pysupervise.core.values",
    "pysupervise.core.signals",
    "pysupervise.core.identity",
}
# `resource` is the C module that wait4's rusage is made of.
WORDS = {
    "pysupervise.core.reap_told",
    "pysupervise.core.kernel_rare",
    "pysupervise.core.journal",
    "pysupervise.core.words",
    "pysupervise.core.story",
    "pysupervise.core.explain",
    "resource",
}
# Where it is not PID 1: prctl, to become the subreaper.
SUBREAPER = {"_ctypes", "pysupervise.core.kernel_rare"}
# A health check: the reader of options, and the module of its kind of target.
PROBE = OPTIONS | {
    "gc",
    "_signal",
    "pysupervise",
    "pysupervise.__main__",
    "pysupervise.core",
    "pysupervise.core.kernel",
    "pysupervise.core.settings",
    "pysupervise.features",
    "pysupervise.features.probe",
    "pysupervise.features.probe.attempt",
    "pysupervise.features.probe.options",
    "pysupervise.features.probe.target",
}
PROBE_CONNECT = {"_socket", "pysupervise.features.probe.connect"}
PROBE_CHILD = {"pysupervise.core.spawn", "pysupervise.features.probe.children"}
FORBIDDEN = {
    "argparse",
    "asyncio",
    "click",
    "collections",
    "contextlib",
    "ctypes",
    "dataclasses",
    "enum",
    "functools",
    "json",
    "logging",
    "pathlib",
    "psutil",
    "re",
    "select",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "subprocess",
    "tempfile",
    "threading",
    "traceback",
    "typing",
}
PATIENCE_S = 20.0

# Runs the installed command's own script in place, and writes what is loaded at the moment that it leaves, or that it goes to sleep
# with the command running. Nothing is imported for it that would hide an import of the command's.
DRIVER = """
import sys
kind, out, script, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = script
import posix
def note():
    fd = posix.open(out, posix.O_WRONLY | posix.O_CREAT | posix.O_CLOEXEC | posix.O_TRUNC, 0o644)
    posix.write(fd, "\\n".join(sorted(sys.modules)).encode())
    posix.close(fd)
if kind == "end":
    leave = posix._exit
    def _exit(status):
        note()
        leave(status)
    posix._exit = _exit
elif kind == "asleep":
    import _signal
    sleep = _signal.sigwaitinfo
    def sigwaitinfo(signals):
        note()
        posix.write(1, b"asleep\\n")
        return sleep(signals)
    _signal.sigwaitinfo = sigwaitinfo
elif kind == "bare":
    note()
    posix._exit(0)
with open(script) as file:
    exec(compile(file.read(), script, "exec"), {"__name__": "__main__", "__builtins__": __builtins__})
"""


def interpreter(pysupervise: str) -> str:
    return Path(pysupervise).read_text(encoding="utf-8").splitlines()[0].removeprefix("#!").strip()


def driver(pysupervise: str, kind: str, out: Path, arguments: list[str], *, pid_1: bool) -> list[str]:
    namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"] if pid_1 else []
    return [*namespace, interpreter(pysupervise), "-I", "-c", DRIVER, kind, str(out), pysupervise, *arguments]


def environment() -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@pytest.fixture(scope="module")
def baseline(pysupervise: str, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    out = tmp_path_factory.mktemp("bare") / "modules"
    subprocess.run(driver(pysupervise, "bare", out, [], pid_1=False), env=environment(), check=True, timeout=PATIENCE_S)
    return set(out.read_text().split()) - {"_signal", "gc"}


def at_the_end(pysupervise: str, out: Path, arguments: list[str], *, pid_1: bool = False) -> set[str]:
    subprocess.run(
        driver(pysupervise, "end", out, arguments, pid_1=pid_1),
        env=environment(),
        check=True,
        timeout=PATIENCE_S,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )
    return set(out.read_text().split())


def while_asleep(pysupervise: str, out: Path, arguments: list[str], *, pid_1: bool = False) -> set[str]:
    """Return what is loaded while the command, which waits for the end of its standard input, runs."""
    process = subprocess.Popen(
        driver(pysupervise, "asleep", out, arguments, pid_1=pid_1),
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        assert process.stdout.readline() == b"asleep\n"
        found = set(out.read_text().split())
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
    return found


ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="PID namespaces take root")


def above(found: set[str], baseline: set[str]) -> set[str]:
    return found - baseline


def expect(found: set[str], baseline: set[str], *sets: set[str]) -> None:
    loaded = above(found, baseline)
    wanted = set().union(*sets) - baseline
    assert loaded == wanted, f"too much: {sorted(loaded - wanted)}; not any more: {sorted(wanted - loaded)}"
    assert not loaded & FORBIDDEN


@ROOT_ONLY
def test_plain_form_as_pid_1(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    expect(while_asleep(pysupervise, tmp_path / "m", ["--", "cat"], pid_1=True), baseline, PLAIN)


@ROOT_ONLY
def test_with_options_as_pid_1(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    expect(while_asleep(pysupervise, tmp_path / "m", ["--grace", "5s", "--", "cat"], pid_1=True), baseline, PLAIN, OPTIONS)


def test_plain_form(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    expect(while_asleep(pysupervise, tmp_path / "m", ["--", "cat"]), baseline, PLAIN, SUBREAPER)


def test_with_options(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    expect(while_asleep(pysupervise, tmp_path / "m", ["--grace", "5s", "--", "cat"]), baseline, PLAIN, OPTIONS, SUBREAPER)


def test_plain_form_to_the_end(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    expect(at_the_end(pysupervise, tmp_path / "m", ["--", "true"]), baseline, PLAIN, SUBREAPER)


def test_with_options_to_the_end(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    found = at_the_end(pysupervise, tmp_path / "m", ["--grace", "5s", "--", "true"])
    expect(found, baseline, PLAIN, OPTIONS, SUBREAPER)


def test_with_words(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    found = at_the_end(pysupervise, tmp_path / "m", ["-v", "--", "true"])
    expect(found, baseline, PLAIN, OPTIONS, WORDS, SUBREAPER)


def test_json_is_for_those_who_ask_for_it(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    loaded = above(at_the_end(pysupervise, tmp_path / "m", ["-v", "--log-format", "json", "--", "true"]), baseline)
    assert "json" in loaded
    assert loaded >= PLAIN | OPTIONS | WORDS
    assert not loaded & {"click", "psutil", "logging", "asyncio", "subprocess"}


def test_probe_of_a_port(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = at_the_end(pysupervise, tmp_path / "m", ["probe", "--retries", "2", f"tcp:{port}"])
        expect(found, baseline, PROBE, PROBE_CONNECT)
        found = at_the_end(pysupervise, tmp_path / "m", ["probe", f"tcp:localhost:{port}"])
        expect(found, baseline, PROBE, PROBE_CONNECT, PROBE_CHILD, {"pysupervise.features.probe.resolve"})


def test_probe_of_a_url(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 204 \r\n\r\n")
                connection.recv(4096)

        thread = threading.Thread(target=answer)
        thread.start()
        found = at_the_end(pysupervise, tmp_path / "m", ["probe", "-q", f"http://127.0.0.1:{server.getsockname()[1]}/"])
        thread.join(PATIENCE_S)
    expect(found, baseline, PROBE, PROBE_CONNECT, {"pysupervise.features.probe.http"})


def test_probe_of_a_pid(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    (tmp_path / "pid").write_text(f"{os.getpid()}\n")
    found = at_the_end(pysupervise, tmp_path / "m", ["probe", f"pid:{tmp_path / 'pid'}"])
    expect(found, baseline, PROBE, {"pysupervise.features.probe.process"})


def test_probe_of_a_command(pysupervise: str, tmp_path: Path, baseline: set[str]) -> None:
    found = at_the_end(pysupervise, tmp_path / "m", ["probe", "exec:true"])
    execute = {"pysupervise.core.prepare", "pysupervise.core.status", "pysupervise.features.probe.execute"}
    expect(found, baseline, PROBE, PROBE_CHILD, SUBREAPER, execute)


def test_the_budget_is_not_beaten_by_the_baseline(baseline: set[str]) -> None:
    # A site-packages with .pth files can load half of the library before us: then the comparison would say nothing.
    assert not baseline & FORBIDDEN, f"{sys.prefix}: the interpreter itself loads {sorted(baseline & FORBIDDEN)}"
