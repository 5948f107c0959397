"""A status file that is a device or a pipe is written to, never replaced: /dev/null of the machine is at stake."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from helpers import full_pipe


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


@pytest.mark.parametrize("path", ["/dev/stdout", "/dev/fd/3", "/proc/self/fd/1", "link"])
def test_a_link_to_an_open_file_is_written_through(pysupervise: str, tmp_path: Path, path: str) -> None:
    if path == "link":
        path = str(tmp_path / "link")
        Path(path).symlink_to("/dev/stdout")
    before = os.readlink("/dev/stdout")
    script = f'exec "$1" --status-file "{path}" -- sh -c "echo words; exit 5" >out 3>three'
    done = subprocess.run(["sh", "-c", script, "sh", pysupervise], cwd=tmp_path, timeout=20, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (5, "")
    written = (tmp_path / ("three" if path == "/dev/fd/3" else "out")).read_text()
    assert json.loads(written.removeprefix("words\n"))["exit_status"] == 5
    assert os.readlink("/dev/stdout") == before


def test_a_pipe_on_standard_output_that_nobody_reads_does_not_hold_the_end(pysupervise: str) -> None:
    read, write = full_pipe()
    command = [pysupervise, "--status-file=/dev/stdout", "--", "sh", "-c", "exit 5"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=20, check=False)
    assert done.returncode == 5
    assert "cannot write /dev/stdout: nobody reads it" in done.stderr
    os.close(read)
    os.close(write)


def test_a_link_to_a_file_stays_a_link(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real/status")
    subprocess.run([pysupervise, "--status-file=link", "--", "true"], cwd=tmp_path, timeout=20, check=True)
    assert (tmp_path / "link").is_symlink()
    assert json.loads((tmp_path / "real/status").read_text())["exit_status"] == 0
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["status"]


def test_a_file_that_is_mounted_by_itself_is_written_in_place(pysupervise: str, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("an older and longer text " * 100)
    (tmp_path / "inside").touch()
    script = 'mount --bind outside inside && exec "$1" --status-file inside -- sh -c "exit 5"'
    command = ["unshare", "--mount", "--", "sh", "-c", script, "sh", pysupervise]
    done = subprocess.run(command, cwd=tmp_path, timeout=20, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (5, "")
    assert json.loads((tmp_path / "outside").read_text())["exit_status"] == 5
    assert sorted(path.name for path in tmp_path.iterdir()) == ["inside", "outside"]


def test_a_full_file_system_leaves_nothing_behind(pysupervise: str, tmp_path: Path) -> None:
    script = (
        'mount -t tmpfs -o size=4k tmpfs . && cd . && cd "$PWD" && head -c 4096 /dev/zero >full; "$1" --status-file s -- sh -c "exit 5"; '
    )
    script += "echo $?; ls -A; rm full; " + '"$1" --status-file s -- sh -c "exit 6"; echo $?; ls -A'
    command = ["unshare", "--mount", "--", "sh", "-c", script, "sh", pysupervise]
    done = subprocess.run(command, cwd=tmp_path, timeout=20, check=False, capture_output=True, text=True)
    assert done.stdout.split() == ["5", "full", "6", "s"]
    assert "No space left on device" in done.stderr


def test_a_working_directory_that_is_gone_ends_nothing(pysupervise: str, tmp_path: Path) -> None:
    script = 'mkdir gone; cd gone; rmdir ../gone; exec "$1" --status-file s -- sh -c "exit 5"'
    done = subprocess.run(["sh", "-c", script, "sh", pysupervise], cwd=tmp_path, timeout=20, check=False, capture_output=True, text=True)
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert "cannot write s" in done.stderr


def test_a_command_that_never_ran_is_told_apart(pysupervise: str, tmp_path: Path) -> None:
    command = [pysupervise, "--status-file", str(tmp_path / "s"), "--", "/no/such/command"]
    done = subprocess.run(command, timeout=20, check=False, capture_output=True, text=True)
    record = json.loads((tmp_path / "s").read_text())
    assert record["exit_status"] == done.returncode == 127
    assert record["failed_to_start"] == "cannot execute /no/such/command: not found"
    assert (record["command_end"], record["command_status"], record["command_signal"]) == (None, None, None)


def test_a_full_disk_leaves_the_old_content(pysupervise: str, tmp_path: Path) -> None:
    file = tmp_path / "status.json"
    assert subprocess.run([pysupervise, "--status-file", str(file), "--", "true"], timeout=20, check=False).returncode == 0
    before = file.read_bytes()
    limited = ["prlimit", "--fsize=10", pysupervise, "--status-file", str(file), "--", "sh", "-c", "exit 4"]
    done = subprocess.run(limited, timeout=20, check=False, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 4
    assert f"cannot write {file}: File too large" in done.stderr
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]
