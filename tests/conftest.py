"""What every test can ask for: the installed command, the place it runs in."""

import ctypes
import os
import signal
import sys
from collections.abc import Iterator

import pytest
from helpers import Starter

RT_SIGACTION = {"x86_64": 13, "aarch64": 134, "riscv64": 134}


def pytest_configure() -> None:
    """Start the tests with no signal ignored, so that what they read in /proc is what pysupervise made of it.

    make starts its commands with posix_spawn, and glibc's leaves 32 and 33 ignored in them. sigaction(3) refuses these two, hence
    the system call; the structure of default action, no flags and an empty mask is all zeros.
    """
    number = RT_SIGACTION.get(os.uname().machine)
    for signum in (32, 33) if number is not None else ():
        ctypes.CDLL(None).syscall(number, signum, ctypes.create_string_buffer(64), None, 8)
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as for what a shell without job control starts in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for default in (signal.SIGQUIT, signal.SIGHUP):
        signal.signal(default, signal.SIG_DFL)


@pytest.fixture(scope="session")
def pysupervise() -> str:
    """Return the installed command: the one beside this interpreter, so that what is tested is what a wheel installs."""
    path = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "pysupervise")
    if not os.access(path, os.X_OK):
        pytest.fail(f"{path} is not there: install the wheel into the venv that runs pytest", pytrace=False)
    return path


@pytest.fixture(params=["pid1", "child"])
def place(request: pytest.FixtureRequest) -> str:
    """Both places that pysupervise works in: as PID 1 of a namespace, and as somebody's child in one."""
    return str(request.param)


@pytest.fixture
def start(pysupervise: str) -> Iterator[Starter]:
    """Start pysupervise with arguments in a PID namespace: ``start("--grace", "1s", "--", "sleep", "9")``."""
    starter = Starter(pysupervise)
    yield starter
    for service in starter.services:
        service.close()
