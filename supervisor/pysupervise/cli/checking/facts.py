"""What one round of a check observed, as values: times are seconds after the signal. `phases` judges them."""

from dataclasses import dataclass, field

from pysupervise.cli.checking.culprit import Culprit


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The request that was in flight when the signal was sent."""

    url: str
    in_part: bool  # its head was sent in part before the signal
    ended_s: float
    status: int | None
    error: str
    body_bytes: int
    usual_status: int | None  # of the same request before; None: there was none
    accepted: str  # how we know that it was in flight
    unmeasured: bool = False  # the answer said no length, so that nobody sees whether it was cut off


@dataclass(frozen=True, slots=True)
class LateFacts:
    """A request on a connection that was let in after the signal, and that got no whole answer, or one with a status from 500 on."""

    let_in_s: float
    how: str  # reset, closed without an answer, answered 503...
    status: int | None = None  # of a whole answer


@dataclass(frozen=True, slots=True)
class PortFacts:
    """An address that the command listened on."""

    address: str
    accepted: int  # connections let in after the signal
    last_accepted_s: float | None
    refused_s: float | None  # None: never
    hung: int = 0
    late: dict[str, int] = field(default_factory=dict)  # how requests on them ended
    lost: tuple[LateFacts, ...] = ()
    holders: tuple[str, ...] = ()  # who had the listening socket open when it should have refused


@dataclass(frozen=True, slots=True)
class EndFacts:
    """How the tree ended."""

    ended_s: float | None  # None: not within the limit
    status: int | None
    told: int | None = None  # how many processes pysupervise sent the signal to; None: it did not say
    killed_s: float | None = None  # when pysupervise gave up and sent KILL
    culprits: tuple[Culprit, ...] = ()
    zombies: tuple[Culprit, ...] = ()
    killed: tuple[Culprit, ...] = ()  # killed when the PID 1 of --bare ended
    leftovers: tuple[str, ...] = ()  # processes that outlived the end
    open_sockets: tuple[str, ...] = ()  # listening sockets of theirs that outlived it
    note: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """One signal."""

    signum: int
    requests: tuple[RequestFacts, ...]
    ports: tuple[PortFacts, ...]
    end: EndFacts
    usual_status: int | None = None  # of --http before the signal
    untried: tuple[str, ...] = ()  # addresses that were not tried: they were too many


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a phase came to. ``passed`` None: there was nothing to judge."""

    phase: str
    passed: bool | None
    words: str
    seconds: float | None = None
    culprits: tuple[Culprit, ...] = ()
