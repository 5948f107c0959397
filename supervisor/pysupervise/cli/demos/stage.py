"""Runs both sides of a demo, beside each other or one after the other, and leaves nothing behind: no process, no zombie, no file."""

import contextlib
import errno
import os
import queue
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator

from pysupervise.cli.demos.model import SIDES, WITH, WITHOUT, CancelledError, Check, Demo, Event, NotShownError, Result, Side
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.output import CannotError
from pysupervise.cli.sandbox import Place
from pysupervise.core.status import SIGNALLED

# With two sides at once, an event waits so long for one on the other side, to stand beside it.
PAIR_S = 0.04


class StoppedError(Exception):
    """A signal asked for the end of it all: a key (Ctrl-C, QUIT), or TERM or HUP from elsewhere."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.status = SIGNALLED + signum


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn INT, TERM, HUP and QUIT into StoppedError, once: what comes after the first cannot disturb the clean-up."""
    stopping = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

    def stop(signum: int, _frame: object) -> None:
        for each in stopping:
            signal.signal(each, signal.SIG_IGN)
        raise StoppedError(signum)

    ignored = [signum for signum in stopping if signal.getsignal(signum) == signal.SIG_IGN]  # nohup means it
    before = {signum: signal.signal(signum, stop) for signum in stopping if signum not in ignored}
    # Whoever started us may have blocked or ignored what this rests on.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGCHLD, *stopping))
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def run(demo: Demo, place: Place, *, together: bool, show: Callable[[list[Event]], None]) -> Result:
    """Run a demo, unless it needs a namespace that is not there.

    ``show`` gets each event as it happens; two at once where both sides had one at the same time.
    Raises StoppedError (see ``interruptible``), and CannotError where there is no directory to work in.
    """
    result = Result(demo, place, {side: Side() for side in SIDES})
    if result.was_not_run:
        return result  # its scripts may rely on being alone: wait-race tells the kernel which pid comes next
    try:
        directory = _make_directory()
    except OSError as error:
        raise CannotError(
            f"cannot make a directory for the demo's scripts: {error.strerror}", "set TMPDIR to one that can be written"
        ) from None
    try:
        for sides in [SIDES] if together else [(side,) for side in SIDES]:
            _run_sides(result, sides, directory, show)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    if not any(side.failure for side in result.sides.values()):
        result.checks = _judge(result)
    return result


def _make_directory() -> str:
    """Make a directory for the scripts. Raises OSError, also where its name could not stand in PATH."""
    place = tempfile.gettempdir()
    if os.pathsep in place:
        raise OSError(errno.EINVAL, f"the name of {place} has a colon")
    return tempfile.mkdtemp(prefix="pysupervise-demo-")


def _judge(result: Result) -> list[Check]:
    return list(result.demo.checks(result.sides[WITHOUT].facts, result.sides[WITH].facts, result.place))


def _run_sides(result: Result, sides: tuple[str, ...], directory: str, show: Callable[[list[Event]], None]) -> None:
    events: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
    cancelled = threading.Event()
    threads = [
        threading.Thread(target=_play, args=(result, side, os.path.join(directory, side), events, cancelled), name=side) for side in sides
    ]
    try:
        for thread in threads:
            try:
                thread.start()
            except RuntimeError as error:  # no thread could be started
                result.sides[thread.name].failure = str(error)
                events.put(None)
        _pass_on(result, events, len(threads), show)
    finally:
        cancelled.set()  # after a normal end nobody looks at it any more
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def _play(result: Result, name: str, directory: str, events: "queue.SimpleQueue[Event | None]", cancelled: threading.Event) -> None:
    """Play one side, in a thread of its own. A sandbox ends with the thread that started it, so all of it happens here."""
    side, demo = result.sides[name], result.demo
    try:
        os.mkdir(directory, 0o700)
        for file, text in demo.files.items():
            with open(os.path.join(directory, file), "w", encoding="utf-8") as script:
                script.write(text)
        scene = Scene(name, result.place, directory, events.put, cancelled)
        side.facts = (demo.without if name == WITHOUT else demo.cured)(scene)
    except CancelledError:
        side.failure = "it was cancelled"
    except (NotShownError, OSError, RuntimeError) as error:  # RuntimeError: no thread could be started
        side.failure = str(error)
    finally:
        side.failure = side.failure or ("" if side.facts else "it broke off: see above")
        events.put(None)


def _pass_on(result: Result, events: "queue.SimpleQueue[Event | None]", running: int, show: Callable[[list[Event]], None]) -> None:
    """Hand events on until each side has put its None."""
    waiting: Event | None = None
    alone = running == 1
    while running or waiting is not None:
        try:
            event = events.get(timeout=PAIR_S if waiting is not None else None)
        except queue.Empty:
            event = None
        else:
            if event is None:
                running -= 1
                if waiting is None:
                    continue
        if event is not None:
            result.sides[event.side].events.append(event)
            if waiting is None and not alone:
                waiting = event
                continue
        group = [each for each in (waiting, event) if each is not None]
        waiting = None
        if len(group) == 2 and group[0].side == group[1].side:  # noqa: PLR2004 -- a pair
            show(group[:1])
            waiting = group[1]
        else:
            show(group)
