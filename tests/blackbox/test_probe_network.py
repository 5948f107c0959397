"""pysupervise probe of ports and Unix sockets: who answers, who refuses, who never answers; tries, and its words."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers import PATIENCE_S
from servers import OK, Probe, Serve, closed_port


def test_a_port_that_answers(serve: Serve, probe: Probe) -> None:
    port = serve().port
    status, words = probe(f"tcp:{port}")
    assert status == 0
    assert re.fullmatch(rf"healthy: tcp 127\.0\.0\.1:{port} answered in \d+\.\d ms", words)


def test_a_port_that_refuses(probe: Probe) -> None:
    port = closed_port()
    assert probe(f"tcp:{port}") == (1, f"unhealthy: cannot connect to tcp 127.0.0.1:{port}: Connection refused")


def test_ipv6(serve: Serve, probe: Probe) -> None:
    port = serve(OK, family=socket.AF_INET6).port
    assert probe(f"tcp:[::1]:{port}")[1].startswith(f"healthy: tcp [::1]:{port} answered in")
    assert probe(f"http://[::1]:{port}/")[1].startswith(f"healthy: http://[::1]:{port}/ answered 200 OK in")


def test_a_name_that_has_several_addresses(serve: Serve, probe: Probe) -> None:
    assert probe(f"tcp:localhost:{serve().port}")[0] == 0
    assert "Connection refused" in probe(f"tcp:localhost:{closed_port()}")[1]


def test_a_name_that_does_not_exist(probe: Probe) -> None:
    status, words = probe("tcp:no-such-name.invalid:80")
    assert status == 1
    assert words.startswith("unhealthy: cannot look up no-such-name.invalid: ")


SLOW_RESOLVER = """
import fcntl, os, socket, struct, subprocess, sys, time
control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(control, 0x8914, struct.pack("16sh22x", b"lo", 0x1 | 0x40))  # SIOCSIFFLAGS: up and running
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))
subprocess.run(["mount", "--bind", sys.argv[1], "/etc/resolv.conf"], check=True)
since = time.monotonic()
ended = subprocess.run(sys.argv[2:], capture_output=True, text=True)
took = time.monotonic() - since
left = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) != os.getpid()]
print(ended.returncode, len(left), bool(silent.recv(512)), took, ended.stderr.strip(), sep="|")
"""


def test_a_resolver_that_never_answers_is_bounded_too(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:15 attempts:3\n")
    namespaces = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]
    script = [sys.executable, "-I", "-c", SLOW_RESOLVER, str(tmp_path / "resolv.conf")]
    arguments = [pysupervise, "probe", "--timeout", "400ms", "tcp:slow.test:80"]
    ended = subprocess.run([*namespaces, *script, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    status, left, asked, took, words = ended.stdout.strip().split("|")
    assert (status, left, asked) == ("1", "0", "True")
    assert words == "unhealthy: cannot look up slow.test: no answer within 400 ms"
    assert float(took) < 5


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET])
@pytest.mark.parametrize("abstract", [False, True])
def test_unix_sockets_of_every_type(probe: Probe, tmp_path: Path, kind: int, abstract: bool) -> None:
    name = f"@probe-test-{os.getpid()}-{kind}" if abstract else str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX, kind) as listener:
        listener.bind(name.replace("@", "\0") if abstract else name)
        if kind != socket.SOCK_DGRAM:
            listener.listen(4)
        status, said = probe(f"unix:{name}")
        assert status == 0
        if kind == socket.SOCK_DGRAM:
            assert said == f"healthy: unix {name} is open: a datagram socket, which answers nobody"
        else:
            assert said.startswith(f"healthy: unix {name} answered in ")
    assert probe(f"unix:{name}") == (1, f"unhealthy: cannot connect to unix {name}: Connection refused")


def test_a_unix_socket_that_is_missing_or_full(probe: Probe, tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    assert probe(f"unix:{path}") == (1, f"unhealthy: cannot connect to unix {path}: No such file or directory")
    assert probe("unix:/etc/passwd") == (1, "unhealthy: cannot connect to unix /etc/passwd: it is no socket")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as waiting:
        listener.bind(path)
        listener.listen(0)
        waiting.connect(path)
        reason = "its queue is full, and nobody took a connection within 200 ms"
        assert probe("--timeout", "200ms", f"unix:{path}") == (1, f"unhealthy: cannot connect to unix {path}: {reason}")


def test_retries(serve: Serve, probe: Probe) -> None:
    broken = b"HTTP/1.1 503 Not yet\r\n\r\n"
    url = f"http://127.0.0.1:{serve(broken, broken, OK).port}/"
    assert probe("--retries", "4", "--interval", "10ms", url)[1].endswith(" ms (try 3)")
    server = serve(broken)
    status, words = probe("--retries", "2", "--interval", "0", f"http://127.0.0.1:{server.port}/")
    assert (status, len(server.requests)) == (1, 3)
    assert words.endswith("healthy would be 200-399 (3 tries)")


def test_the_interval_lies_between_two_tries(serve: Serve, probe: Probe) -> None:
    at: list[float] = []

    def note(connection: socket.socket) -> None:
        at.append(time.monotonic())
        connection.recv(65536)

    server = serve(talk=note)
    probe("--retries", "1", "--interval", "300ms", f"http://127.0.0.1:{server.port}/")
    assert at[1] - at[0] >= 0.3


def test_quiet_and_json(serve: Serve, pysupervise: str) -> None:
    def run(*arguments: str) -> tuple[int, str, str]:
        ended = subprocess.run([pysupervise, "probe", *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        return ended.returncode, ended.stdout, ended.stderr

    server = serve(OK)
    good, bad = f"http://127.0.0.1:{server.port}/", f"tcp:{closed_port()}"
    assert run("-q", good) == (0, "", "")
    assert run("-q", "--json", good) == (0, "", "")
    status, out, err = run("-q", bad)
    assert (status, out) == (1, "")
    assert err.startswith("unhealthy: ")
    for word, healthy in ((good, True), (bad, False)):
        status, out, err = run("--json", word)
        record = json.loads(out)
        assert out.count("\n") == 1
        assert (status, err) == (0 if healthy else 1, "")
        assert (record["healthy"], record["target"], record["tries"]) == (healthy, word, 1)
        assert 0 < record["seconds"] < 10
        assert record["message"]


@pytest.mark.parametrize("closed", ["0", "1", "2", "0,1", "1,2", "0,1,2"])
def test_with_standard_descriptors_closed(serve: Serve, pysupervise: str, closed: str) -> None:
    """The socket then gets a number of theirs: no word may go into it."""
    received: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        received.append(connection.recv(65536))
        connection.sendall(OK)
        received.append(connection.recv(65536))

    url = f"http://127.0.0.1:{serve(talk=talk).port}/"
    closing = " ".join(f"{number}>&-" for number in closed.split(","))
    ended = subprocess.run(["sh", "-c", f'"$@" {closing}', "sh", pysupervise, "probe", url], timeout=PATIENCE_S, check=False)
    assert ended.returncode == 0
    assert received[0].startswith(b"GET / HTTP/1.1\r\n")
    assert received[0].endswith(b"\r\n\r\n")
    assert [part for part in received[1:] if part] == []
