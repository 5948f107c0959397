"""pysupervise check: the clean-up, where what is seen on the way is no failure of it."""

import sys

import pytest

from .checks import Check, checker


@pytest.fixture
def check(pysupervise: str) -> Check:
    """Run check to its end."""
    return checker(pysupervise)


WORKERS = """
import os, signal, time
workers = []
for delay_s in (1.2, 0):  # waited for in this order
    if (pid := os.fork()) == 0:
        def stop(*_):
            time.sleep(delay_s)
            os._exit(0)
        signal.signal(signal.SIGTERM, stop)
        print("up", flush=True)
        while True:
            signal.pause()
    workers.append(pid)
signal.signal(signal.SIGTERM, lambda *_: None)
WAIT
os._exit(0)
"""


@pytest.mark.parametrize(
    ("options", "wait", "failed"),
    [
        ((), "[os.waitpid(pid, 0) for pid in workers]", False),
        (("--bare",), "[os.waitpid(pid, 0) for pid in workers]", False),
        ((), "os.waitpid(workers[0], 0)", True),
    ],
)
def test_who_waits_for_one_worker_after_the_other_leaves_no_zombie(check: Check, options: tuple[str, ...], wait: str, failed: bool) -> None:
    forward = "signal.signal(signal.SIGTERM, lambda *_: [os.kill(pid, signal.SIGTERM) for pid in workers]);" if options else ""
    code = WORKERS.replace("WAIT", forward + wait)
    done = check(*options, "--ready", "delay:400ms", "--within", "5s", "--", sys.executable, "-Ic", code)
    assert ("1 zombie for which nobody waited" in done.stdout, done.returncode) == (failed, int(failed)), done


def test_events_of_another_pysupervise_are_the_commands_own_words(check: Check) -> None:
    event = '{"time": "t", "elapsed_s": 0.1, "level": "info", "pid": 77, "event": "command_ended", "status": 9, "message": "m"}'
    done = check("--ready", "delay:300ms", "--", "sh", "-c", "printf '%s\\n' \"$0\" >&2; exec sleep 100", event)
    assert (done.returncode, done.stderr) == (0, event + "\n"), done


EXECUTES = """
import os, signal, sys, time
if os.fork() == 0:
    time.sleep(0.2)
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(100)"
    os.execv(sys.executable, [sys.executable, "-Ic", code])
signal.pause()
"""


def test_who_executes_another_program_is_named_by_it(check: Check) -> None:
    done = check("--ready", "log:up", "--within", "500ms", "--", sys.executable, "-Ic", EXECUTES)
    assert f"pid 3 `{sys.executable} -Ic import signal" in done.stdout, done
