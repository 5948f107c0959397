"""Whether new connections are still let in after the signal: one attempt every few milliseconds, until the service is gone.

Each attempt is on its own: one that gets no reply (the queue of a listener that accepts nobody is full) delays no other.
"""

import errno
import select
import socket
import threading
import time
from dataclasses import dataclass, field

from pysupervise.cli.checking import requests, sockets
from pysupervise.cli.checking.settings import Url

EVERY_S = 0.005
CONNECT_TIME_S = 0.25
# So many of the connections that are let in carry a request at a time, so far apart: enough to see, few enough not to load the service.
MOST_REQUESTS = 10
REQUEST_EVERY_S = 0.05
LAST_ANSWER_TIME_S = 0.25  # for answers that are on their way at the end
REFUSED = (errno.ECONNREFUSED, errno.ENOENT)  # a path that is gone refuses as a socket does that nobody listens on


@dataclass(slots=True)
class Late:
    """A request on a connection that was let in after the signal."""

    let_in_at: float  # monotonic
    answer: requests.Answer | None = None


@dataclass(slots=True)
class Openness:
    """What attempts to connect to one address met, in monotonic times."""

    address: str
    accepted: int = 0
    last_accepted_at: float | None = None
    refused_at: float | None = None  # the first refusal after the last success
    hung: int = 0  # neither: the queue was full, or packets are dropped
    late: list[Late] = field(default_factory=list)


@dataclass(slots=True)
class _Attempt:
    connection: socket.socket
    others: list[sockets.Address]  # to try next, where this one refuses
    give_up_at: float
    refused: bool = False  # by an address before


class Prober:
    """Attempts in a thread, from now until ``stop``."""

    def __init__(self, target: sockets.Endpoint, url: Url | None) -> None:
        """``url``: send it on some of the connections, and see what becomes of it."""
        self.openness = Openness(str(target))
        self._target = target
        self._url = url
        self._asking: list[threading.Thread] = []
        self._stop = threading.Event()
        self._given_up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> Openness:
        """Stop, and say what was met."""
        self._stop.set()
        self._thread.join(requests.SIMPLE_TIME_S)
        deadline = time.monotonic() + LAST_ANSWER_TIME_S
        for thread in self._asking:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._given_up.set()
        for thread in self._asking:
            thread.join(requests.SIMPLE_TIME_S)
        return self.openness

    def _run(self) -> None:
        try:
            addresses = sockets.addresses(*self._target)
        except OSError:
            self.openness.hung += 1  # its name is not known any more
            return
        pending: list[_Attempt] = []
        next_at = time.monotonic()
        while not self._stop.is_set():
            if time.monotonic() >= next_at:
                next_at = time.monotonic() + EVERY_S
                pending += self._begin(addresses, refused=False)
            poll = select.poll()
            for attempt in pending:
                poll.register(attempt.connection, select.POLLOUT)
            answered = {descriptor for descriptor, _ in poll.poll(max(0.0, next_at - time.monotonic()) * 1000)}
            left = []
            for attempt in pending:
                if attempt.connection.fileno() in answered:
                    left += self._go_on(attempt)
                elif time.monotonic() < attempt.give_up_at:
                    left.append(attempt)
                else:
                    attempt.connection.close()
                    self.openness.hung += 1
            pending = left
        for attempt in pending:
            attempt.connection.close()

    def _begin(self, addresses: list[sockets.Address], *, refused: bool) -> list[_Attempt]:
        """Start to connect; return the attempt if it is not over at once."""
        family, name = addresses[0]
        try:
            connection = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            self.openness.hung += 1
            return []
        connection.settimeout(0)
        attempt = _Attempt(connection, addresses[1:], time.monotonic() + CONNECT_TIME_S, refused)
        number = connection.connect_ex(name)
        return [attempt] if number == errno.EINPROGRESS else self._result(attempt, number)

    def _go_on(self, attempt: _Attempt) -> list[_Attempt]:
        return self._result(attempt, attempt.connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def _result(self, attempt: _Attempt, number: int) -> list[_Attempt]:
        """Take an attempt's result, an errno or 0; return the one that follows it, if one does."""
        if number == 0:
            self._let_in(attempt.connection)
            return []
        attempt.connection.close()
        refused = attempt.refused or number in REFUSED
        if attempt.others and number != errno.EAGAIN:
            return self._begin(attempt.others, refused=refused)
        if refused:
            self.openness.refused_at = self.openness.refused_at or time.monotonic()
        else:
            # A reset at once: it was in the queue of a socket that was closed. Nobody hangs, and nobody is served.
            self.openness.hung += number != errno.ECONNRESET
        return []

    def _let_in(self, connection: socket.socket) -> None:
        seen, now = self.openness, time.monotonic()
        seen.accepted += 1
        seen.last_accepted_at, seen.refused_at = now, None
        unanswered = sum(late.answer is None for late in seen.late)
        recently = bool(seen.late) and now < seen.late[-1].let_in_at + REQUEST_EVERY_S
        if self._url is None or unanswered >= MOST_REQUESTS or recently:
            connection.close()
            return
        late = Late(now)
        seen.late.append(late)
        self._asking.append(threading.Thread(target=self._ask, args=(connection, self._url, late), daemon=True))
        self._asking[-1].start()

    def _ask(self, connection: socket.socket, url: Url, late: Late) -> None:
        with connection:
            late.answer = requests.ask(connection, url, self._idle)

    def _idle(self) -> float:
        if self._given_up.is_set():
            raise TimeoutError
        return requests.NEXT_IDLE_S
