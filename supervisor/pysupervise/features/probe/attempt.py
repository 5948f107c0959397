"""What every try has: a hard limit of time, and the two ways in which it fails."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


class Unhealthy(Exception):  # noqa: N818 -- a verdict, not an error
    """The target is not healthy; the text says why."""


class Interrupted(Exception):  # noqa: N818 -- a signal, not an error
    """Somebody ends the probe itself: what it started is cleaned up, and it dies of ``signum``."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Deadline:
    """The end of a try, on the monotonic clock."""

    __slots__ = ("_ends_at", "_started_at", "kernel", "limit_s", "took_s")

    def __init__(self, kernel: "ModuleType", limit_s: float) -> None:
        self.kernel = kernel
        self.limit_s = limit_s
        self._started_at: float = kernel.monotonic()
        self.took_s = -1.0
        self._ends_at = self._started_at + limit_s

    def left(self) -> float:
        """Return the seconds that are left, more than 0. Raises TimeoutError."""
        left: float = self._ends_at - self.kernel.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def answered(self) -> float:
        """Return the seconds since the start of the try, and keep them: what follows is our own clean-up."""
        self.took_s = self.kernel.monotonic() - self._started_at
        return self.took_s

    @property
    def words(self) -> str:
        """The limit, as part of a sentence."""
        limit_s = self.limit_s
        return f"within {limit_s * 1000:g} ms" if limit_s < 1 else f"within {limit_s:g} s"


def seconds(value: float) -> str:
    """Return a time for people: 1.2 ms, 3.40 s."""
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"
