"""An asciicast v2 of what was printed: one line of JSON for the terminal, then one for each piece of output, with its time in seconds."""

import json
import os
import time
from typing import TextIO

from pysupervise.cli.output import CannotError

# What a player shows where the output went to a pipe, which has no size.
WIDTH, HEIGHT = 100, 40


class Cast:
    """A recording, written while it grows: an interrupted one can be played too."""

    def __init__(self, path: str, title: str, width: int | None) -> None:
        """Create the file. Raises CannotError, also where there is one: nothing is overwritten."""
        if path == "-":
            raise CannotError("cannot record to standard output: it is what is recorded", "give the name of a file, such as demo.cast")
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise CannotError(f"cannot record to {path}: it exists already", "give another name, or remove it first") from None
        except OSError as error:
            raise CannotError(f"cannot record to {path}: {error.strerror}", "give a file in a directory that you may write to") from None
        self._path = path
        self._file: TextIO = open(descriptor, "w", encoding="utf-8")  # noqa: SIM115 -- open for as long as the demo runs
        self._began = time.monotonic()
        height = HEIGHT
        if width is not None:
            height = os.get_terminal_size(1).lines or HEIGHT
        environment = {name: os.environ[name] for name in ("SHELL", "TERM") if name in os.environ}
        self._line(
            {"version": 2, "width": width or WIDTH, "height": height, "timestamp": int(time.time()), "title": title, "env": environment}
        )

    def write(self, text: str) -> None:
        """Record a piece of output. A terminal gets a carriage return before each line's end from its driver; a player has no driver."""
        self._line([round(time.monotonic() - self._began, 6), "o", text.replace("\n", "\r\n")])

    def close(self) -> None:
        """End the recording. Raises CannotError where not all of it could be written."""
        try:
            self._file.close()
        except OSError as error:
            raise CannotError(f"cannot record to {self._path}: {error.strerror}", "free some space, or give another file") from None

    def _line(self, value: object) -> None:
        try:
            self._file.write(json.dumps(value, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise CannotError(f"cannot record to {self._path}: {error.strerror}", "free some space, or give another file") from None
