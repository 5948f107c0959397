"""doctor on what a signal does to a real process: inside of a handler, behind a mask, and with handlers for other signals only."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest
from doctoring import STAY, found, python, rules, state, wait_until
from helpers import Service, children

INITIAL_PID_NAMESPACE = 0xEFFFFFFC
BEHIND_A_MASK = "import signal; signal.signal(15, lambda *_: None); signal.pthread_sigmask(signal.SIG_BLOCK, [15]); "
# A handler of the kernel's own kind: it runs with its signal blocked until it returns. One in Python runs afterwards.
SLOW_HANDLER = """
import ctypes, os, time
libc = ctypes.CDLL(None)
def clean_up(number):
    os.write(1, b"cleaning\\n")
    time.sleep(60)
handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(clean_up)
libc.signal(15, handler)
print("ready", flush=True)
while True: libc.pause()
"""


def interrupted(service: Service, pid: int) -> None:
    """Send TERM while the process is in pause(2): a handler of that kind must not run in the middle of Python's own work."""
    wait_until(lambda: state(pid) == "S")
    service.send(signal.SIGTERM)
    assert service.line() == "cleaning"


def test_inside_of_its_handler(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    """Both ways are named, and neither is claimed."""
    service = run(*python(SLOW_HANDLER))
    assert any("TERM reaches PID 1" in line for line in doctor(service.pid)["checked"])
    interrupted(service, service.pid)
    result = doctor(service.pid)
    finding = found(result, "handler-and-blocked")
    assert rules(result, "error", "warning") == {"handler-and-blocked"}
    caught, _, blocked = [line.split(": ")[1:] for line in finding["evidence"][:3]]
    assert (caught[0], int(caught[1], 16) >> 14 & 1, blocked) == ("SigCgt", 1, ["SigBlk", f"{1 << 14:016x}"])
    assert finding["evidence"][3].startswith("0x4000 is TERM; ")
    assert "its handler runs just now" in finding["consequence"]
    assert "the mask was there before" in finding["consequence"]
    service.send(signal.SIGTERM)  # again, behind the first one
    assert rules(doctor(service.pid), "error", "warning") == {"stop-pending-behind-handler"}


def test_inside_of_its_handler_during_a_stop(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str) -> None:
    service = run(pysupervise, "--grace", "50s", "--", *python(SLOW_HANDLER))
    (child,) = children(service.pid)
    interrupted(service, child)
    wait_until(lambda: "stop-in-progress" in rules(doctor(service.pid), "warning"))
    result = doctor(service.pid)
    assert rules(result, "error", "warning") == {"stop-in-progress"}
    finding = found(result, "in-handler")
    assert finding["title"].startswith(f"the service, pid {child} `python")
    assert "is probably cleaning up" in finding["title"]
    assert any("rt_sigtimedwait with a timeout of " in line for line in finding["evidence"])


def test_a_handler_behind_a_mask_looks_the_same(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str
) -> None:
    alone, below = run(*python(BEHIND_A_MASK + STAY)), run(pysupervise, "--", *python(BEHIND_A_MASK + STAY))
    for service in (alone, below):
        assert rules(doctor(service.pid), "error", "warning") == {"handler-and-blocked"}
    alone.send(signal.SIGTERM)
    finding = found(doctor(alone.pid), "stop-pending-behind-handler")
    assert "came more than once" in finding["consequence"]
    assert "the mask was there before" in finding["consequence"]


def test_a_signal_that_is_handled_instead_is_proposed(
    run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], pysupervise: str
) -> None:
    """And what is proposed does stop it."""
    code = python(
        "import os, signal\nsignal.signal(2, signal.SIG_DFL); signal.signal(3, lambda *_: (os.write(1, b'clean\\n'), os._exit(7)))\n" + STAY
    )
    finding = found(doctor(run(*code).pid), "pid1-drops-stop-signal")
    assert "or send QUIT, which it handles, if that is its clean stop: " in finding["fix"]
    assert (
        'STOPSIGNAL SIGQUIT in the Dockerfile (compose: stop_signal), or ENTRYPOINT ["pysupervise", "--stop-signal", "QUIT", "--"]'
        in (finding["fix"])
    )
    assert "0x4000 is TERM; 0x4 is QUIT; " in finding["evidence"][3]
    finding = found(doctor(run(pysupervise, "--", *code).pid), "service-has-no-handler")
    assert finding["fix"].endswith("pysupervise --stop-signal QUIT -- ...")
    assert finding["evidence"][-1] == "0x4000 is TERM; 0x4 is QUIT"
    advised = run(pysupervise, "--stop-signal", "QUIT", "--", *code)
    advised.send(signal.SIGTERM)
    assert (advised.line(), advised.wait()) == ("clean", 7)


@pytest.mark.parametrize(
    ("handled", "words"),
    [
        ("2, 10", "send INT, which it handles (USR1 too), if that is its clean stop: STOPSIGNAL SIGINT"),
        ("10, 2, 3", "send QUIT, which it handles (INT, USR1 too), if that is its clean stop: STOPSIGNAL SIGQUIT"),
        ("1, 10", "make HUP or USR1 the stop signal, which it handles, if that is its clean stop"),
        ("", "put an init in front: "),
    ],
)
def test_which_signal_is_proposed(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]], handled: str, words: str) -> None:
    code = f"import signal; signal.signal(2, signal.SIG_DFL); [signal.signal(one, lambda *_: None) for one in [{handled}]]; "
    finding = found(doctor(run(*python(code + STAY)).pid), "pid1-drops-stop-signal")
    assert words in finding["fix"]
    ignoring = found(doctor(run(*python(f"{code}signal.signal(15, signal.SIG_IGN); {STAY}")).pid), "pid1-ignores-stop-signal")
    assert (words in ignoring["fix"]) == bool(handled)


def test_words_for_a_process_in_no_container(run: Callable[..., Service], doctor: Callable[..., dict[str, Any]]) -> None:
    """Nobody writes a Dockerfile for it."""
    command = ("sh", "-c", f'{sys.executable} -I -c "{STAY}"; true')
    service = run(*command, place="bare")
    fix = found(doctor(service.pid), "shell-in-front")["fix"]
    os.killpg(service.pid, signal.SIGKILL)
    initial = os.stat("/proc/self/ns/pid").st_ino == INITIAL_PID_NAMESPACE
    assert ("ENTRYPOINT" in fix) == (not initial)
    assert 'ENTRYPOINT ["pysupervise", "--forward", "handlers", "--"]' in found(doctor(run(*command).pid), "shell-in-front")["fix"]
