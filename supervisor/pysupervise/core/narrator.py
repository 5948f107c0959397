"""Passes events on to a voice, and brings the voice in when there is something to say."""

from pysupervise.core.settings import SILENT

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
        """Say an event of words.EVENTS, if its level is wanted. A field can be a function, called only then."""
        if level > self.level:
            return
        try:
            for key, value in fields.items():
                if callable(value):
                    fields[key] = value()
            if self._voice is None:
                from pysupervise.core.journal import Journal

                self._voice = Journal(self._settings.log_format, self.started_at, self.kernel)
            self._voice.tell(level, event, fields)
        except Exception:  # noqa: BLE001 -- our own files may be gone or half replaced by now: PID 1 lives on without words
            self.level = SILENT
