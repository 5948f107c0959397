"""Chooses: run a command (core), answer a question (cli), or be another init (a personality). No other logic, no heavy import."""

import gc
import posix
import sys

from pysupervise.core import kernel
from pysupervise.core.settings import Settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from pysupervise.core.cmdline import Question, UsageError

# Names of links and copies under which pysupervise takes another init's command line.
PERSONALITIES = ("tini", "docker-init", "dumb-init", "catatonit")


def main(mask: "set[int] | None" = None) -> "NoReturn":
    """Run, and leave without the interpreter's own clean-up, which would cost 1 ms after the command's end.

    ``mask``: the blocked signals that we were started with, where all are blocked by now.
    """
    gc.disable()  # nothing here makes cycles, and a collection in the middle of a start or of a signal costs up to 1 ms
    if mask is None:
        mask = kernel.set_mask(kernel.SIG_BLOCK, kernel.ALL_SIGNALS)
    for path in sys.path:  # Python's listing of a big site-packages: whoever imports from there again makes it anew
        sys.path_importer_cache.pop(path, None)
    if b"LC_CTYPE" in posix.environ:
        from pysupervise.core.undo import undo_locale

        undo_locale()
    if b"PYTHONPATH" in posix.environ:
        from pysupervise.core.undo import put_last

        put_last(posix.environ[b"PYTHONPATH"])
    arguments = sys.argv[1:]
    name = sys.argv[0].rpartition("/")[2]
    if name in PERSONALITIES:
        from pysupervise.features.personality import choose

        settings = choose(sys.argv, posix.environ)
    elif len(arguments) > 1 and arguments[0] == "--" and not _has_variables():
        settings = Settings(arguments[1:], posix.environ)
    else:
        settings = _read(arguments, mask)
    from pysupervise.core.supervise import supervise

    posix._exit(supervise(settings, kernel, mask))  # noqa: SLF001 -- that is the name


def _has_variables() -> bool:
    return any(key.startswith(b"PYSUPERVISE_") for key in posix.environ)


def _read(arguments: "list[str]", mask: "set[int]") -> Settings:
    from pysupervise.core import cmdline

    try:
        settings = cmdline.parse(arguments, posix.environ)
    except cmdline.UsageError as error:
        _refuse(error)
    except cmdline.Question as question:
        try:
            kernel.set_mask(kernel.SIG_SETMASK, mask)
            status = _answer(question)
        except KeyboardInterrupt:
            from pysupervise.core.status import SIGNALLED

            status = SIGNALLED + kernel.SIGINT
        posix._exit(status)  # noqa: SLF001 -- with PYTHONINSPECT, sys.exit would be a traceback and a prompt
    if settings.status_file is not None:
        from pysupervise.features.status_file import StatusFile

        path = settings.status_file
        settings.observer = lambda supervisor: StatusFile(path, supervisor)
    return settings


def _answer(question: "Question") -> int:
    name, arguments = question.name, question.arguments
    if name == "probe":  # a health check starts every few seconds: not through click
        from pysupervise.core import cmdline
        from pysupervise.features import probe

        try:
            return probe.run(arguments, kernel)
        except cmdline.UsageError as error:
            _refuse(error)
        except cmdline.Question:
            arguments = ["--help"]
    from pysupervise.cli import answer

    return answer(name, arguments)


def _refuse(error: "UsageError") -> "NoReturn":
    from pysupervise.core.journal import Writer
    from pysupervise.core.status import USAGE

    lines = f"pysupervise: {error.reason}\npysupervise: hint: {error.hint}\n"
    Writer(kernel).write(lines.encode(errors="backslashreplace"))
    posix._exit(USAGE)  # noqa: SLF001 -- that is the name


if __name__ == "__main__":
    main()
