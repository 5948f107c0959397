"""Whether new connections are still let in after the signal: one attempt every few milliseconds, until the service is gone."""

import contextlib
import select
import socket
import threading
import time
from dataclasses import dataclass, field

from pysupervise.cli.checking import requests, sockets
from pysupervise.cli.checking.settings import Url
from pysupervise.cli.checking.wire import Wire, until

EVERY_S = 0.005
CONNECT_TIME_S = 0.25
# So many of the connections that are let in carry a request, so far apart: enough to see, few enough not to load the service.
MOST_REQUESTS = 10
REQUEST_EVERY_S = 0.05


@dataclass(slots=True)
class Openness:
    """What attempts to connect to one address met, in monotonic times."""

    address: str
    accepted: int = 0
    last_accepted_at: float | None = None
    refused_at: float | None = None  # the first refusal after the last success
    hung: int = 0  # neither: the queue was full, or packets are dropped
    late: dict[str, int] = field(default_factory=dict)  # how requests that were let in after the signal ended


class Prober:
    """Attempts in a thread, from now until ``stop``."""

    def __init__(self, target: sockets.Endpoint, url: Url | None) -> None:
        """``url``: send it on some of the connections, and see what becomes of it."""
        self.openness = Openness(str(target))
        self._target = target
        self._url = url
        self._late: list[socket.socket] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> Openness:
        """Stop, and say what was met."""
        self._stop.set()
        self._thread.join(requests.SIMPLE_TIME_S)
        self._collect(self._late)
        return self.openness

    def _run(self) -> None:
        next_request_at = 0.0
        seen = self.openness
        while not self._stop.is_set():
            try:
                connection = sockets.connect(*self._target, CONNECT_TIME_S)
            except ConnectionRefusedError:
                seen.refused_at = seen.refused_at or time.monotonic()
            except OSError as error:
                # A reset at once: it was in the queue of a socket that was closed. Nobody hangs, and nobody is served.
                seen.hung += not isinstance(error, ConnectionResetError)
            else:
                seen.accepted += 1
                seen.last_accepted_at, seen.refused_at = time.monotonic(), None
                if (
                    self._url is not None
                    and not self._url.secure
                    and len(self._late) < MOST_REQUESTS
                    and time.monotonic() >= next_request_at
                ):
                    next_request_at = time.monotonic() + REQUEST_EVERY_S
                    self._ask(connection)
                else:
                    connection.close()
            # A server may wait for its client to take the answer and go.
            self._collect(select.select(self._late, [], [], 0)[0])
            self._stop.wait(EVERY_S)

    def _collect(self, connections: list[socket.socket]) -> None:
        for connection in list(connections):
            how = _outcome(connection)
            self.openness.late[how] = self.openness.late.get(how, 0) + 1
            self._late.remove(connection)
            connection.close()

    def _ask(self, connection: socket.socket) -> None:
        self._late.append(connection)
        with contextlib.suppress(OSError):  # a reset: reading the answer will say so
            if self._url is not None:
                connection.sendall(requests.whole(self._url))


def _outcome(connection: socket.socket) -> str:
    """Say how a request ended that was sent a while ago, without waiting for it."""
    if not select.select([connection], [], [], 0)[0]:
        return "without an answer"
    answer = requests.receive(Wire(connection, until(time.monotonic() + CONNECT_TIME_S)))
    return answer.error or f"answered {answer.status}"
