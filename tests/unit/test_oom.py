"""The OOM killer's count is found in cgroup v1 and v2, with and without a cgroup namespace."""

from types import SimpleNamespace

import pytest

from pysupervise.core.oom import oom_kills


def kernel(files: dict[str, bytes]) -> SimpleNamespace:
    """A kernel that has these files and no other."""

    def read_file(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    return SimpleNamespace(read_file=read_file)


V1 = b"oom_kill_disable 0\nunder_oom 0\noom_kill 1\n"
V2 = b"low 0\nhigh 0\nmax 12\noom 4\noom_kill 3\noom_group_kill 0\n"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"/proc/self/cgroup": b"0::/a/b\n", "/sys/fs/cgroup/a/b/memory.events": V2}, 3),
        ({"/proc/self/cgroup": b"0::/\n", "/sys/fs/cgroup/memory.events": V2}, 3),
        ({"/proc/self/cgroup": b"0::/on/the/host\n", "/sys/fs/cgroup/memory.events": V2}, 3),
        ({"/proc/self/cgroup": b"5:cpu:/x\n4:memory:/x\n0::/\n", "/sys/fs/cgroup/memory/x/memory.oom_control": V1}, 1),
        ({"/proc/self/cgroup": b"4:memory:/docker/id\n", "/sys/fs/cgroup/memory/memory.oom_control": V1}, 1),
        ({"/proc/self/cgroup": b"0::/\n"}, 0),
        ({}, 0),
    ],
    ids=["v2", "v2 root", "v2 without namespace", "v1", "v1 without namespace", "no file", "no proc"],
)
def test_count(files: dict[str, bytes], expected: int) -> None:
    assert oom_kills(kernel(files)) == expected  # type: ignore[arg-type]
