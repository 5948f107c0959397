"""cli/containers.py and cli/limits.py on the real /proc."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import in_pid_namespace

from pysupervise.cli import containers, limits, procfs

CGROUPS = next(
    (Path(root) for root in ("/sys/fs/cgroup/unified", "/sys/fs/cgroup/pids", "/sys/fs/cgroup") if os.access(root, os.W_OK)), None
)


@pytest.fixture
def in_cgroup() -> Iterator[tuple[str, int]]:
    """Put a process into a cgroup that is named as docker names them; give the id and the pid."""
    assert CGROUPS is not None, "these tests need root and a cgroup file system"
    identity = uuid.uuid4().hex * 2
    top = CGROUPS / f"docker-test-{os.getpid()}"
    group = top / identity
    group.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        (group / "cgroup.procs").write_text(str(process.pid))
        try:
            yield identity, process.pid
        finally:
            process.kill()
            process.wait()
            group.rmdir()
            top.rmdir()


def test_container_of_a_cgroup(in_cgroup: tuple[str, int]) -> None:
    identity, pid = in_cgroup
    assert containers.container_of(pid) == containers.Container(identity, "docker")
    assert str(containers.container_of(pid)) == f"docker {identity[:12]}"
    assert containers.container_of(os.getpid()) is None


def test_container_is_found_by_the_beginning_of_its_id(in_cgroup: tuple[str, int]) -> None:
    identity, pid = in_cgroup
    for word in (identity, identity[:12], identity[:6]):
        found, members = containers.resolve(word, procfs.snapshot())
        assert (found.id, members) == (identity, [pid])
    with pytest.raises(containers.NotFoundError) as error:
        containers.resolve("f" * 64, procfs.snapshot())
    assert f"docker {identity[:12]}" in error.value.hint


@pytest.mark.parametrize(
    ("path", "engine"),
    [
        ("/docker/ID", "docker"),
        ("/system.slice/docker-ID.scope", "docker"),
        ("/machine.slice/libpod-ID.scope/container", "podman"),
        ("/kubepods.slice/kubepods-besteffort.slice/kubepods-pod1.slice/cri-containerd-ID.scope", "containerd"),
        ("/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:ID", "containerd"),
        ("/kubepods/burstable/pod1/ID", "containerd"),
        ("/kubepods.slice/crio-ID.scope", "cri-o"),
        ("/machine.slice/libpod-conmon-ID.scope", None),  # the monitor, outside of the container
        ("/kubepods.slice/crio-conmon-ID.scope", None),
        ("/docker/ID0", None),
        ("/user.slice/user-0.slice", None),
    ],
)
def test_cgroup_paths_of_engines(path: str, engine: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    identity = "0123456789abcdef" * 4
    monkeypatch.setattr(containers, "cgroup_paths", lambda _pid: [path.replace("ID", identity)])
    found = containers.container_of(os.getpid())
    assert found == (None if engine is None else containers.Container(identity, engine))


def test_a_process_that_is_gone_is_in_no_container() -> None:
    process = subprocess.Popen(["true"])
    process.wait()
    assert containers.container_of(process.pid) is None
    assert containers.cgroup_paths(process.pid) == []


def test_limits_begin_with_the_nearest_and_count_what_is_there() -> None:
    found = limits.limits_of(os.getpid())
    assert [limit.share for limit in found] == sorted((limit.share for limit in found), reverse=True)
    by_name = {limit.what: limit for limit in found}
    assert by_name["pid_max"].limit == int(Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii"))
    assert 0 < by_name["pid_max"].used < by_name["pid_max"].limit
    assert by_name["pid_max"].left == by_name["pid_max"].limit - by_name["pid_max"].used


def test_a_pid_namespace_counts_its_own_against_its_own_pid_max() -> None:
    """Linux 6.14 and later: each has one. 3 processes and 1 of the interpreter are in it here, one of them with a second thread."""
    code = (
        "import subprocess, threading, time; from pysupervise.cli import limits;"
        "threading.Thread(target=time.sleep, args=(60,), daemon=True).start();"
        "others = [subprocess.Popen(['sleep', '60']) for _ in range(3)];"
        "print(next(limit.used for limit in limits.limits_of(1) if limit.what == 'pid_max'))"
    )
    done = subprocess.run(in_pid_namespace([sys.executable, "-c", code]), capture_output=True, text=True, check=True)
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    assert (int(done.stdout) == 5) is (release >= (6, 14))


HIDE = 'mount -o remount,hidepid=2 /proc; exec setpriv --reuid=65534 --regid=65534 --clear-groups "$@"'


@pytest.mark.parametrize(
    "command",
    [["unshare", "--pid", "--fork"], in_pid_namespace(["sh", "-c", HIDE, "sh"])],
    ids=["/proc of another namespace", "hidepid"],
)
def test_what_cannot_be_counted_is_no_part_of_a_limit(pysupervise: str, command: list[str]) -> None:
    done = subprocess.run([*command, pysupervise, "zombies", "--json"], capture_output=True, text=True, check=False)
    files = [limit["file"] for limit in json.loads(done.stdout)["limits"]]
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    assert ("/proc/sys/kernel/pid_max" in files) is (release < (6, 14))
    assert "/proc/sys/kernel/threads-max" in files


def test_pid_max_of_the_namespaces_above_is_called_unseen(pysupervise: str) -> None:
    release = tuple(int(part) for part in os.uname().release.split(".")[:2])
    inside = subprocess.run(in_pid_namespace([pysupervise, "zombies"]), capture_output=True, text=True, check=True)
    outside = subprocess.run([pysupervise, "zombies"], capture_output=True, text=True, check=False)
    words = "not seen: the pid_max of the PID namespaces above this one: it holds here too, and may be lower\n"
    assert (words in inside.stdout) is (release >= (6, 14))
    assert (words in outside.stdout) is (release >= (6, 14) and not procfs.initial_namespace("self"))


def test_limit_of_a_pids_cgroup() -> None:
    root = next((Path(root) for root in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup") if Path(root, "cgroup.procs").exists()), None)
    assert root is not None
    group = root / f"limit-test-{os.getpid()}"
    group.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        try:
            (group / "pids.max").write_text("1")
            (group / "cgroup.procs").write_text(str(process.pid))
            nearest = limits.limits_of(process.pid)[0]
        finally:
            process.kill()
            process.wait()
            group.rmdir()
    assert (nearest.what, nearest.limit, nearest.used, nearest.share) == (f"pids.max of /{group.name}", 1, 1, 1.0)
