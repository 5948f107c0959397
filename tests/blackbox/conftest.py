"""Fixtures of the tests of probe (servers, and a run of the probe) and of doctor (services, and an examination)."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from helpers import PATIENCE_S, Service
from servers import Probe, Serve, Server


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers = []

    def make(*answers: bytes, talk: Callable[[socket.socket], object] = socket.socket.close, **options: object) -> Server:
        server = Server(talk, **options)  # type: ignore[arg-type]
        if answers:
            server.http(*answers)
        servers.append(server)
        return server

    yield make
    for server in servers:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()


@pytest.fixture
def probe(pysupervise: str) -> Probe:
    """Run a probe; return its status and its one line. Healthy words are on standard output, the others on standard error."""

    def call(*arguments: str) -> tuple[int, str]:
        ended = subprocess.run([pysupervise, "probe", *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        assert not (ended.stdout and ended.stderr), ended
        words = ended.stdout or ended.stderr
        assert words.count("\n") == 1, words
        assert words[:-1].isprintable(), words
        assert ended.returncode == (0 if ended.stdout else 1), ended
        return ended.returncode, words[:-1]

    return call


@pytest.fixture
def run() -> Iterator[Callable[..., Service]]:
    """Run a command as PID 1 of a namespace, and wait until it has said ``ready``."""
    with contextlib.ExitStack() as stack:

        def start(*args: str, lines: int = 1, **popen: Any) -> Service:
            service = Service(args, **popen)
            stack.callback(service.close)
            for _ in range(lines):
                assert "ready" in service.line()
            return service

        yield start


@pytest.fixture
def doctor(pysupervise: str) -> Callable[..., dict[str, Any]]:
    """Examine, and return what --json says; the exit status has to fit it."""

    def examine(*args: object, **popen: Any) -> dict[str, Any]:
        words = [pysupervise, "doctor", "--json", *map(str, args)]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=PATIENCE_S, **popen)
        assert done.stderr == ""
        value: dict[str, Any] = json.loads(done.stdout)
        assert done.returncode == value["status"]
        return value

    return examine
