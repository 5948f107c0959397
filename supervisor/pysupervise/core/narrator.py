"""Passes events on to a voice, and brings the voice in when there is something to say."""

from pysupervise.core.settings import WARNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

    from pysupervise.core.journal import Voice
    from pysupervise.core.settings import Settings


class Narrator:
    """Holds the level, so that a step nobody wants to hear of costs one comparison."""

    __slots__ = ("_settings", "_voice", "kernel", "level", "started_at")

    def __init__(self, settings: "Settings", kernel: "ModuleType", started_at: float) -> None:
        self._settings = settings
        self._voice: Voice | None = settings.voice
        self.kernel = kernel
        self.level = settings.verbosity
        self.started_at = started_at

    def tell(self, level: int, event: str, **fields: object) -> None:
        """Say an event of words.EVENTS, if its level is wanted."""
        if level > self.level:
            return
        if self._voice is None:
            try:
                from pysupervise.core.journal import Journal
            except (ImportError, OSError, MemoryError):
                self.level = WARNING - 2  # PID 1 lives on without words, whatever happened to the files
                return
            self._voice = Journal(self._settings.log_format, self.started_at, self.kernel)
        self._voice.tell(level, event, fields)
