"""doctor on what is around a real process: descriptors and their limit, who traces it, the notification socket."""

import json
import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from doctoring import STAY, found, python, rules, state
from helpers import PATIENCE_S, Service, children

HANDLER = "import signal; signal.signal(15, lambda *_: None); "


def test_descriptors_whose_targets_may_not_be_read_are_not_called_closed(run: Callable[..., Service], pysupervise: str) -> None:
    """Root without the right to trace sees which descriptors are open, and not where they lead."""
    service = run(*python(HANDLER + STAY))
    words = ["setpriv", "--bounding-set=-sys_ptrace", pysupervise, "doctor", "--json", str(service.pid)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    result = json.loads(done.stdout)
    assert (done.stderr, rules(result, "error", "warning")) == ("", set())
    names = "standard input, standard output, standard error"
    assert [line for line in result["unreadable"] if line.startswith(f"where {names} of pid {service.pid} ")]


def test_descriptors_above_a_limit_that_came_later_do_not_count(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    code = "import os, resource; files = [os.dup2(1, number) for number in {}]; resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)); "
    service = run(*python(HANDLER + code.format("(*range(3, 40), 70, 71)") + STAY))
    finding = found(doctor(service.pid), "limit-near")
    assert (finding["severity"], finding["title"].partition(": ")[2]) == ("error", "40 of 40 in use (100%)")
    assert "has 40 numbers below that, and 2 above" in finding["evidence"][0]
    assert "limit-near" not in rules(doctor(run(*python(HANDLER + code.format("range(50, 90)") + STAY)).pid), "error", "warning")


@pytest.fixture
def notified(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Examine a service that was given a NOTIFY_SOCKET; ``words`` stand in front of its command."""

    def examined(address: object, *words: str) -> dict[str, Any]:
        return doctor(run(*words, *python(HANDLER + STAY), env={**os.environ, "NOTIFY_SOCKET": str(address)}).pid)

    return examined


def reached(result: dict[str, Any]) -> str:
    """Return the line of a socket that somebody listens to."""
    (line,) = [line for line in result["checked"] if line.startswith("NOTIFY_SOCKET can be reached")]
    return str(line)


def test_notify_socket_that_is_not_there(notified: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    finding = found(notified(tmp_path / "none"), "notify-socket-unreachable")
    assert finding["severity"] == "error"
    assert finding["evidence"][1].endswith(f"/root{tmp_path}/none: No such file or directory")
    (tmp_path / "file").touch()
    assert found(notified(tmp_path / "file"), "notify-socket-unreachable")["evidence"][1].endswith("is not a socket")
    abstract = found(notified(f"@pysupervise-{os.getpid()}"), "notify-socket-unreachable")
    assert abstract["evidence"][1].endswith("/net/unix has no such name")


def test_notify_socket_that_somebody_listens_to(notified: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    """By path, by a name in the abstract namespace, from another network namespace, under another name."""
    path = tmp_path / "notify"
    name = f"pysupervise-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as by_path, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as abstract:
        by_path.bind(str(path))
        abstract.bind(f"\0{name}")
        assert reached(notified(path)).endswith(f" 0002 01 {os.fstat(by_path.fileno()).st_ino} {path} (type 0002 is SOCK_DGRAM))")
        assert f"@{name} (type 0002 is SOCK_DGRAM)" in reached(notified(f"@{name}"))
        assert reached(notified(path, "unshare", "--net")).endswith("bound under another name, or in another network namespace)")
        assert found(notified(f"@{name}", "unshare", "--net"), "notify-socket-unreachable")["evidence"][1].endswith("has no such name")
        path.rename(tmp_path / "moved")
        assert reached(notified(tmp_path / "moved")).endswith("bound under another name, or in another network namespace)")
        with pytest.raises(BlockingIOError):  # looking sends nothing
            by_path.recv(1, socket.MSG_DONTWAIT)


def test_notify_socket_over_a_link_is_followed_in_the_mounts_of_the_service(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """An absolute link leads into our own mounts where it is followed by us, and there the socket is not."""
    code = (
        f"import os, socket, subprocess; subprocess.run(['mount', '-t', 'tmpfs', 'none', {str(tmp_path)!r}], check=True); "
        f"os.symlink('{tmp_path}/real', '{tmp_path}/link'); "
        f"listening = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); listening.bind('{tmp_path}/real'); "
    )
    env = {**os.environ, "NOTIFY_SOCKET": f"{tmp_path}/link"}
    assert f"{tmp_path}/real (type 0002" in reached(doctor(run("unshare", "--mount", *python(HANDLER + code + STAY), env=env).pid))


def test_notify_socket_that_an_ended_listener_left(notified: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
    finding = found(notified(path), "notify-socket-unreachable")
    assert finding["title"].endswith("leads to a socket that nobody has open any more")
    assert finding["evidence"][1].endswith(f"/root{path}, as a datagram socket: Connection refused")
    assert finding["evidence"][2].endswith("/net/unix has no such name")


@pytest.mark.parametrize(("kind", "word"), [(socket.SOCK_STREAM, "0001 01"), (socket.SOCK_SEQPACKET, "0005 01")])
def test_notify_socket_of_another_type(notified: Callable[..., dict[str, Any]], tmp_path: Path, kind: int, word: str) -> None:
    for address in (str(tmp_path / "notify"), f"\0pysupervise-{os.getpid()}-{kind}"):
        with socket.socket(socket.AF_UNIX, kind) as listening:
            listening.bind(address)
            listening.listen()
            finding = found(notified(address.replace("\0", "@")), "notify-socket-unreachable")
            assert finding["title"].endswith("takes no datagrams")
            assert f" {word} " in finding["evidence"][-1]


TRACER = """
import ctypes, os, signal, time
libc = ctypes.CDLL(None, use_errno=True)
signal.signal(15, lambda *_: None)
pid = os.fork()
while pid == 0: time.sleep(60)
assert libc.ptrace(0x4206, pid, None, None) == 0  # PTRACE_SEIZE: it runs on
if {held}:
    assert libc.ptrace(0x4207, pid, None, None) == 0  # PTRACE_INTERRUPT
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
"""


@pytest.mark.parametrize("held", [False, True])
def test_a_tracer_is_named(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], *, held: bool) -> None:
    """Also where the traced one sleeps as ever: only TracerPid says it then."""
    service = run(*python(TRACER.format(held=held) + STAY))
    tracer = service.pid
    (traced,) = children(tracer)
    assert (state(traced) == "t") == held
    result = doctor(tracer)
    finding = found(result, "traced-member")
    assert finding["severity"] == "warning"
    name = Path(f"/proc/{tracer}/comm").read_text(encoding="ascii").strip()
    assert f"1 process traced: {traced} ({name}) by pid {tracer} `{name}`" == finding["title"]
    assert finding["evidence"][0].endswith(f"TracerPid: {tracer}")
    assert ("holds it just now" in finding["consequence"]) == held
    assert not [line for line in result["checked"] if line.startswith("nobody is stopped")]
