"""A status file that is a device or a pipe is written to, never replaced: /dev/null of the machine is at stake."""

import json
import os
import stat
import subprocess
from pathlib import Path


def test_a_device_stays_a_device(pysupervise: str, tmp_path: Path) -> None:
    device = tmp_path / "null"
    os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    done = subprocess.run([pysupervise, "--status-file", str(device), "--", "sh", "-c", "exit 4"], timeout=20, check=False)
    assert done.returncode == 4
    assert stat.S_ISCHR(device.stat().st_mode)


def test_a_pipe_gets_the_record(pysupervise: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    done = subprocess.run([pysupervise, "--status-file", str(pipe), "--", "sh", "-c", "exit 5"], timeout=20, check=False)
    assert done.returncode == 5
    assert json.loads(os.read(reader, 65536))["exit_status"] == 5
    os.close(reader)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
