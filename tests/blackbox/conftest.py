"""Fixtures of the probe's tests: servers, and a run of the probe."""

import socket
import subprocess
from collections.abc import Callable, Iterator

import pytest
from helpers import PATIENCE_S
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
