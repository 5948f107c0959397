"""pysupervise probe of URLs: servers that answer, that are slow, endless, broken or hostile."""

import re
import socket
import ssl
import struct
import subprocess
import time
from pathlib import Path

import pytest
from helpers import PATIENCE_S
from servers import OK, Probe, Serve


def test_a_url(serve: Serve, probe: Probe) -> None:
    server = serve(OK)
    url = f"http://127.0.0.1:{server.port}/health?deep=1"
    assert re.fullmatch(rf"healthy: {re.escape(url)} answered 200 OK in \d+\.\d ms", probe(url)[1])
    (request,) = server.requests
    lines = request.decode().split("\r\n")
    assert lines[0] == "GET /health?deep=1 HTTP/1.1"
    assert lines[-2:] == ["", ""]
    assert {f"Host: 127.0.0.1:{server.port}", "Connection: close"} <= set(lines)


def test_fields_of_the_request(serve: Serve, probe: Probe) -> None:
    server = serve(OK)
    probe("--header", "Host:example.org", "--header", "X-A: 1", f"http://127.0.0.1:{server.port}", "--header", "X-A:2")
    lines = server.requests[0].decode().split("\r\n")
    assert [line for line in lines if line.startswith(("Host", "X-A"))] == ["Host: example.org", "X-A: 1", "X-A: 2"]


@pytest.mark.parametrize(
    ("status", "options", "healthy"),
    [
        (200, [], True),
        (204, [], True),
        (302, [], True),
        (399, [], True),
        (400, [], False),
        (503, [], False),
        (199, [], False),
        (302, ["--status", "200-299"], False),
        (503, ["--status", "200,503"], True),
        (200, ["--status", "204"], False),
    ],
)
def test_statuses(serve: Serve, probe: Probe, status: int, options: list[str], healthy: bool) -> None:
    # One below 200 announces another, which never comes.
    server = serve(b"HTTP/1.1 %d Words\r\nContent-Length: 0\r\n\r\n" % status)
    url = f"http://127.0.0.1:{server.port}/"
    code, words = probe(*options, url)
    assert (code == 0) == healthy, words
    if not healthy and status != 199:
        expected = options[1].replace(",", ", ") if options else "200-399"
        assert words == f"unhealthy: {url} answered {status} Words, healthy would be {expected}"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\nall \r\n4\r\nfine\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        CHUNKED,
        b"HTTP/1.0 200 OK\n\nall fine",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
        b"HTTP/1.1 200\r\n\r\nall fine",
        b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000 + b"all fine" + b"x" * 1_000_000,
    ],
    ids=["length", "chunks", "old", "early", "no words", "long"],
)
def test_text_in_the_body(serve: Serve, probe: Probe, answer: bytes) -> None:
    url = f"http://127.0.0.1:{serve(answer).port}/"
    assert probe("--body", "all fine", url)[0] == 0
    assert probe(url)[0] == 0


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (OK, "broken"),
        (CHUNKED, "all 4"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nall fine", "fine"),
        (b"HTTP/1.1 200 OK\r\nX: all fine\r\n\r\n", "all fine"),
        (b"HTTP/1.1 204 No Content\r\n\r\nall fine", "all fine"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_048_576 + b"all fine" + b"x" * 1_000_000, "all fine"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nall fine", "all fine"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-8\r\nall fine", "all fine"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 5000, "all fine"),
    ],
    ids=range(9),
)
def test_text_that_is_not_in_the_body(serve: Serve, probe: Probe, answer: bytes, text: str) -> None:
    assert probe("--body", text, f"http://127.0.0.1:{serve(answer).port}/")[0] == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP: it sent 'SSH-2.0-OpenSSH'"),
        (b"\x1b]0;title\x07\x1b[2J\n\n", "does not speak HTTP: it sent"),
        (b"HTTP/2 200\r\n\r\n", "does not speak HTTP: it sent 'HTTP/2 200'"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 \xff\xb2\xb3 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 500 \x1b[31mred\x9b2J\r\n\r\n", r"answered 500 \x1b[31mred"),
        (b"HTTP/1.1 500 " + b"x" * 5000 + b"\r\n\r\n", "answered 500 " + "x" * 60 + "..., healthy"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"x" * 200_000 + b"\r\n\r\n", "sent more than 65536 bytes of header"),
        (b"HTTP/1.1 200 OK\r\nA: b", "hung up in the middle of its header"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "hung up"),
    ],
    ids=range(10),
)
def test_answers_that_are_none(serve: Serve, probe: Probe, answer: bytes, reason: str) -> None:
    status, words = probe(f"http://127.0.0.1:{serve(answer).port}/")
    assert status == 1
    assert reason in words


def drip(connection: socket.socket, first: bytes) -> None:
    """Send a byte each 20 ms, for ever."""
    connection.recv(65536)
    connection.sendall(first)
    while True:
        connection.sendall(b"x")
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("first", "options"),
    [
        (b"", []),
        (b"HTTP/1.1 200 OK\r\nA: ", []),
        (b"HTTP/1.1 200 OK\r\n\r\n", ["--body", "never"]),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\n", ["--body", "never"]),
    ],
    ids=["silence", "header", "body", "chunks"],
)
def test_the_limit_holds_against_a_server_that_drips(serve: Serve, probe: Probe, first: bytes, options: list[str]) -> None:
    def talk(connection: socket.socket) -> None:
        if first:
            drip(connection, first)
        while connection.recv(65536):  # a request, and then nothing until the probe hangs up
            pass

    server = serve(talk=talk)
    url = f"http://127.0.0.1:{server.port}/"
    since = time.monotonic()
    assert probe("--timeout", "400ms", *options, url) == (1, f"unhealthy: {url} gave no whole answer within 400 ms")
    assert time.monotonic() - since < 5


def test_without_body_an_endless_one_is_not_waited_for(serve: Serve, probe: Probe) -> None:
    server = serve(talk=lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\n\r\n"))
    since = time.monotonic()
    assert probe("--timeout", "15s", f"http://127.0.0.1:{server.port}/")[0] == 0
    assert time.monotonic() - since < 10


def reset(connection: socket.socket) -> None:
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def test_a_server_that_resets(serve: Serve, probe: Probe) -> None:
    url = f"http://127.0.0.1:{serve(talk=reset).port}/"
    assert probe(url) == (1, f"unhealthy: cannot talk to {url}: Connection reset by peer")


def test_a_server_that_hangs_up(serve: Serve, probe: Probe) -> None:
    url = f"http://127.0.0.1:{serve(talk=lambda connection: connection.recv(65536)).port}/"
    assert probe(url) == (1, f"unhealthy: {url} hung up without an answer")


def test_a_server_that_takes_nobody(probe: Probe) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert probe("--timeout", "300ms", url) == (1, f"unhealthy: {url} gave no whole answer within 300 ms")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    making = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-keyout",
        str(path),
        "-out",
        f"{path}.crt",
        *subject,
    ]
    subprocess.run(making, check=True, capture_output=True, timeout=PATIENCE_S)
    path.write_bytes(path.read_bytes() + Path(f"{path}.crt").read_bytes())
    return path


def test_https(serve: Serve, pysupervise: str, certificate: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(OK)

    port = serve(talk=talk).port

    def probe(*arguments: str, trusted: bool) -> tuple[int, str]:
        environment = {"PATH": "/usr/bin:/bin"} | ({"SSL_CERT_FILE": f"{certificate}.crt"} if trusted else {})
        ended = subprocess.run(
            [pysupervise, "probe", *arguments], env=environment, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        return ended.returncode, ended.stdout + ended.stderr

    url, other = f"https://localhost:{port}/", f"https://127.0.0.1:{port}/"
    assert probe("--body", "all fine", url, trusted=True)[0] == 0
    assert probe("--insecure", url, trusted=False)[0] == 0
    status, words = probe(url, trusted=False)
    assert (status, words) == (1, f"unhealthy: cannot verify {url}: self-signed certificate\n")
    status, words = probe(other, trusted=True)
    assert status == 1
    assert words.startswith(f"unhealthy: cannot verify {other}: ")
    plain = f"https://localhost:{serve(OK).port}/"
    status, words = probe(plain, trusted=False)
    assert status == 1
    assert words.startswith(f"unhealthy: cannot speak TLS with {plain}: ")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = f"https://127.0.0.1:{silent.getsockname()[1]}/"
        assert probe("--timeout", "300ms", mute, trusted=False) == (1, f"unhealthy: {mute} gave no whole answer within 300 ms\n")
