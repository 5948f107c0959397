"""pysupervise check: requests in flight, and those on connections that are let in after the signal."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import PATIENCE_S

from .checks import Check, checker, free_port, passed, service, verdicts


@pytest.fixture
def check(pysupervise: str) -> Check:
    """Run check to its end."""
    return checker(pysupervise)


def test_an_answer_that_has_begun_is_still_in_flight(check: Check) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/slow"
    done = check("--slow-http", url, *service("streams", port))
    assert (verdicts(done), done.returncode) == (passed(), 0), done
    assert "was answered with 200, whole (6 bytes)" in done.stdout
    done = check("--slow-http", url, *service("streams-and-stops", port))
    assert (verdicts(done), done.returncode) == (passed("draining"), 1), done
    said = r"the request in flight ended \d+ ms after TERM: cut off: 594 bytes of its body are missing"
    assert re.search(said, done.stdout), done


EARLY = """
import signal, socket, sys, threading, time
over = []  # an Event's lock must not be taken in a handler
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
def wait():
    while not over:
        time.sleep(0.005)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
HEAD = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n"
def talk(connection):
    with connection:
        got = connection.recv(65536)
        if b"\\r\\n\\r\\n" in got or sys.argv[2] == "whole":
            connection.sendall(HEAD + b"ok")
        elif got:  # at once, on the head's beginning alone
            connection.sendall(HEAD + b"o")
            wait()
            time.sleep(0.2)
            connection.sendall(b"k" * (sys.argv[2] == "half"))
def serve():
    while True:
        threading.Thread(target=talk, args=server.accept()[:1], daemon=True).start()
threading.Thread(target=serve, daemon=True).start()
wait()
server.shutdown(socket.SHUT_RDWR)
time.sleep(0.4)
"""


@pytest.mark.parametrize(("how", "draining", "status"), [("half", "PASS", 0), ("cut", "FAIL", 1), ("whole", "", 3)])
def test_an_answer_to_half_a_head_counts_once_it_is_whole(check: Check, how: str, draining: str, status: int) -> None:
    port = free_port()
    done = check("--http", f"http://127.0.0.1:{port}/", "--", sys.executable, "-Ic", EARLY, str(port), how)
    assert (verdicts(done).get("draining", ""), done.returncode) == (draining, status), done
    assert ("is not in flight: the server has answered already" in done.stderr) is (how == "whole"), done


@pytest.fixture
def secure(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which check_service.py speaks TLS."""
    file = tmp_path / "both.pem"
    making = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=x", "-keyout", str(file), "-out", f"{file}.crt"]
    subprocess.run(making, check=True, capture_output=True, timeout=PATIENCE_S)
    file.write_bytes(file.read_bytes() + Path(f"{file}.crt").read_bytes())
    return {**os.environ, "CERTIFICATE": str(file)}


def test_https_is_checked_as_http_is(check: Check, secure: dict[str, str]) -> None:
    port = free_port()
    for options, called in ((("--slow-http", "slow"), "in flight"), (("--http", ""), "whose head was still being sent")):
        done = check(options[0], f"https://127.0.0.1:{port}/{options[1]}", *service("drains", port), env=secure)
        assert (verdicts(done), done.returncode) == (passed(), 0), done
        assert f"the request {called} was answered with 200, whole (6 bytes)" in done.stdout
    done = check("--slow-http", f"https://127.0.0.1:{port}/slow", *service("cuts-off", port), env=secure)
    assert (verdicts(done)["draining"], done.returncode) == ("FAIL", 1), done


@pytest.mark.parametrize(
    ("how", "draining", "words"),
    [
        ("refuses-new", "FAIL", r"\d of \d requests on new connections failed: \d answered 503"),
        ("stops-accepting", "FAIL", r"\d of \d requests on new connections failed: [3-9] (reset|closed without an answer)"),
        # The last may have been let in just as the listener closed.
        ("keeps-listening", "PASS", r"\(requests on them: \d\d+ answered 200(, 1 reset)?\)"),
    ],
)
def test_requests_on_new_connections_are_sent_over_https_too(
    check: Check, secure: dict[str, str], how: str, draining: str, words: str
) -> None:
    port = free_port()
    done = check("--http", f"https://127.0.0.1:{port}/", "--within", "3s", *service(how, port), env=secure)
    assert verdicts(done)["draining"] == draining, done
    assert re.search(words, done.stdout), done
