"""pysupervise check: what has to refuse new connections, and when it does."""

import json
import re
import sys
from pathlib import Path

import pytest

from .checks import Check, checker, free_port, passed, service, verdicts


@pytest.fixture
def check(pysupervise: str) -> Check:
    """Run check to its end."""
    return checker(pysupervise)


TWO_PORTS = """
import os, signal, socket, sys, threading, time
over = []  # an Event's lock must not be taken in a handler
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
def wait():
    while not over:
        time.sleep(0.005)
def talk(connection):
    got = b""
    with connection:
        while part := connection.recv(65536):
            got += part
            if b"\\r\\n\\r\\n" in got:
                return connection.sendall(b"HTTP/1.0 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")
def serve(server):
    while True:
        threading.Thread(target=talk, args=server.accept()[:1], daemon=True).start()
first, second = (socket.create_server(("127.0.0.1", int(word))) for word in sys.argv[1:])
for server in (first, second):
    threading.Thread(target=serve, args=(server,), daemon=True).start()
wait()
first.shutdown(socket.SHUT_RDWR)
time.sleep(0.8)
os._exit(0)
"""


def test_a_url_narrows_nothing_every_port_has_to_refuse(check: Check) -> None:
    first, second = free_port(), free_port()
    words = ["--refused-within", "400ms", "--within", "3s", "--", sys.executable, "-Ic", TWO_PORTS, str(first), str(second)]
    for options in ([], ["--http", f"http://localhost:{first}/"], ["--ready", f"tcp:{first}"]):
        done = check(*options, *words)
        assert (verdicts(done).get("listener"), done.returncode) == ("FAIL", 1), done
        assert f"127.0.0.1:{second} refused new connections" in done.stdout, done
        assert f":{first} refused" not in done.stdout, done


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("stops-accepting", r"\d of \d requests on new connections failed: [3-9] (reset|closed without an answer)"),
        ("refuses-new", r"\d of \d requests on new connections failed: \d answered 503"),
    ],
)
def test_requests_on_new_connections_may_not_get_lost(check: Check, how: str, words: str) -> None:
    port = free_port()
    done = check("--http", f"http://127.0.0.1:{port}/", "--within", "3s", *service(how, port))
    assert (verdicts(done), done.returncode) == (passed("draining"), 1), done
    assert re.search(words, done.stdout), done


NEVER_ACCEPTS = """
import os, signal, socket, sys, time
over = []  # an Event's lock must not be taken in a handler
signal.signal(signal.SIGTERM, lambda *_: over.append(1))
def wait():
    while not over:
        time.sleep(0.005)
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=3)
wait()
time.sleep(0.3)
os._exit(0)
"""


def test_nobody_listens_once_everybody_is_gone(check: Check) -> None:
    port = free_port()
    words = ("--refused-within", "400ms", "--within", "2s", "--repeat", "3", "--json")
    done = check(*words, "--", sys.executable, "-Ic", NEVER_ACCEPTS, str(port))
    for told in json.loads(done.stdout)["rounds"]:
        (seen,), end = told["observed"]["ports"], told["observed"]["end"]
        assert seen["hung"] > 0, seen
        assert end["ended_s"] - 0.1 < seen["refused_s"] <= end["ended_s"], (seen, end)


INHERITED = """
import os, signal, socket, subprocess, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
server.set_inheritable(True)
subprocess.Popen(["sh", "-c", "trap '' TERM; exec sleep 100"], close_fds=False)
signal.pause()
"""


def test_who_holds_the_socket_is_named(check: Check) -> None:
    port = free_port()
    done = check("--refused-within", "200ms", "--within", "500ms", "--", sys.executable, "-Ic", INHERITED, str(port))
    (line,) = (line for line in done.stdout.splitlines() if "  listener  " in line)
    assert line.endswith("; the limit is 0.2 s (--refused-within); pid 3 `sleep 100` held it open"), done


UNLINKED = """
import os, signal, socket, sys
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen()
signal.signal(signal.SIGTERM, lambda *_: os.unlink(sys.argv[1]))
while True:
    signal.pause()
"""


def test_the_socket_of_who_stays_is_named_even_where_its_path_is_gone(check: Check, tmp_path: Path) -> None:
    done = check("--within", "500ms", "--refused-within", "300ms", "--", sys.executable, "-Ic", UNLINKED, f"{tmp_path}/s")
    assert (verdicts(done), done.returncode) == (passed("clean-up") | {"draining": "SKIP"}, 1), done
    (line,) = (line for line in done.stdout.splitlines() if "  clean-up  " in line)
    assert line.endswith(f"; still listening: unix:{tmp_path}/s"), done
