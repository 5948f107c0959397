"""What every test can ask for: the installed command, the place it runs in."""

import os
import sys
from collections.abc import Iterator

import pytest
from helpers import Starter


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
