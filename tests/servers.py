"""Small servers for tests of the probe, and what runs one."""

import socket
import threading
from collections.abc import Callable
from typing import Any

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nall fine\n"


class Server:
    """A listening socket; ``talk`` gets each connection, the request is kept."""

    def __init__(self, talk: Callable[[socket.socket], object], family: int = socket.AF_INET, address: Any = None) -> None:
        self.requests: list[bytes] = []
        self.listener = socket.socket(family)
        self.listener.bind(address or (("::1" if family == socket.AF_INET6 else "127.0.0.1"), 0))
        self.listener.listen(16)
        self.port = self.listener.getsockname()[1] if family != socket.AF_UNIX else 0
        self._talk = talk
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self._talk(connection)
                except OSError:
                    continue

    def http(self, *answers: bytes) -> None:
        left = list(answers)

        def talk(connection: socket.socket) -> None:
            self.requests.append(connection.recv(65536))
            connection.sendall(left.pop(0) if len(left) > 1 else left[0])

        self._talk = talk


Serve = Callable[..., Server]
Probe = Callable[..., tuple[int, str]]


def closed_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
