"""A wait status as a number and as words, for each of them, held against the os module."""

import os
import signal

import pytest

from pysupervise.core import signals, status


@pytest.mark.parametrize("code", range(256))
def test_exited(code: int) -> None:
    wait_status = code << 8
    assert os.WIFEXITED(wait_status)
    assert status.exit_code(wait_status) == code
    assert status.words(wait_status) == f"exited with status {code}"


@pytest.mark.parametrize("core", [0, 0x80], ids=["", "core"])
@pytest.mark.parametrize("signum", sorted(signal.valid_signals()))
def test_killed(signum: int, core: int) -> None:
    wait_status = signum | core
    assert os.WIFSIGNALED(wait_status)
    assert os.WCOREDUMP(wait_status) is bool(core)
    assert status.exit_code(wait_status) == 128 + signum
    assert status.words(wait_status) == f"was killed by {signals.name(signum)}" + (" and dumped core" if core else "")


def test_the_table_names_every_status_of_our_own() -> None:
    rows = {row for row, _ in status.TABLE}
    assert {str(number) for number in (status.USAGE, status.CANNOT_EXECUTE, status.NOT_FOUND)} <= rows
    assert f"{status.SIGNALLED}+N" in rows
    assert len(rows) == len(status.TABLE)
    assert all(words for _, words in status.TABLE)
