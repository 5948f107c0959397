"""Which container a process is in, and which processes a container has: from cgroup paths and mounts, without an engine's API."""

import itertools
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from pysupervise.cli import procfs

# conmon, the monitor outside of a container, may have a cgroup whose name ends in the container's id: it is no member.
ID = re.compile(r"(?:^|[-/:])(?<!conmon-)(?P<id>[0-9a-f]{64})(?:\.scope)?(?:/|$)")
MOUNT = re.compile(r"/(?:containers|overlay-containers|sandboxes)/(?P<id>[0-9a-f]{64})/")
# Files that engines put into every container, from a directory with its id. The machine's own mount table names the ids too, in
# other places: there they are containers that somebody runs, not where the process is.
MOUNT_POINTS = frozenset({"/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/run/.containerenv"})
ENGINES = {
    "libpod": "podman",
    "overlay-containers": "podman",
    "docker": "docker",
    "crio": "cri-o",
    "containerd": "containerd",
    "kubepods": "containerd",
    "lxc": "lxc",
}
FREEZERS = ("/sys/fs/cgroup", "/sys/fs/cgroup/unified", "/sys/fs/cgroup/freezer")
FEWEST_DIGITS = 4  # of an id, so that a name such as "a" is not taken for one
# Where engines keep the names that people gave; each is read only where the user may.
DOCKER_STATE = "/var/lib/docker/containers"
PODMAN_STATES = (
    "/var/lib/containers/storage/overlay-containers/containers.json",
    "~/.local/share/containers/storage/overlay-containers/containers.json",
)


@dataclass(frozen=True, slots=True)
class Container:
    """A container as far as /proc tells."""

    id: str
    engine: str  # podman, docker, containerd, cri-o, "" where the path does not say

    @property
    def short_id(self) -> str:
        """The twelve digits that engines print."""
        return self.id[:12]

    def __str__(self) -> str:
        return f"{self.engine} {self.short_id}".strip()


class NotFoundError(Exception):
    """No such container: a reason and a hint."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason, hint)
        self.reason = reason
        self.hint = hint


def container_of(pid: int, by_mounts: dict[int, Container | None] | None = None) -> Container | None:
    """Return the container of a process, None where it is in none, or where its cgroup is hidden by a namespace of ours.

    ``by_mounts`` keeps what mount tables said, by mount namespace: give the same one for many processes, for such a table is long.
    """
    for path in cgroup_paths(pid):
        found = ID.search(path)
        if found is not None:
            return Container(found["id"], _engine(path))
    # Inside a container with a cgroup namespace the path is "/", but the engine's files are mounted from a directory with the id.
    if by_mounts is None:
        return _by_mounts(pid)
    try:
        namespace = os.stat(f"/proc/{pid}/ns/mnt").st_ino
    except OSError:
        return None
    if namespace not in by_mounts:
        by_mounts[namespace] = _by_mounts(pid)
    return by_mounts[namespace]


def _by_mounts(pid: int) -> Container | None:
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file]
    except OSError:
        return None
    for fields in lines:
        root, point = fields[3:5]  # proc_pid_mountinfo(5)
        found = MOUNT.search(root) if point in MOUNT_POINTS else None
        if found is not None:
            return Container(found["id"], _engine(root))
    return None


def cgroup_paths(pid: int) -> list[str]:
    """Return the cgroups of a process, one path a hierarchy (cgroups(7)), empty where it is gone."""
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n").split(":", 2)[2] for line in file]
    except OSError:
        return []


def cgroups_above(pid: int) -> Iterator[str]:
    """Yield the paths of the cgroups of a process and of those that they are in, up to the root's, which is empty."""
    for path in cgroup_paths(pid):
        part = path.rstrip("/")
        while part:
            yield part
            part = part.rpartition("/")[0]
        yield ""


def frozen(pid: int) -> str:
    """Return the line that says that a process is frozen, "" where none does: freezer.state of cgroup v1, cgroup.events of v2."""
    for path in cgroups_above(pid):
        for root in FREEZERS:
            for name, line in (("freezer.state", "FROZEN"), ("cgroup.events", "frozen 1")):
                file = f"{root}{path}/{name}"
                try:
                    with open(file, encoding="ascii", errors="replace") as opened:
                        lines = opened.read().splitlines()
                except OSError:
                    continue
                if line in lines:
                    return f"{file}: {line}"
    return ""


def resolve(word: str, processes: dict[int, procfs.Stat]) -> tuple[Container, list[int]]:
    """Return the container that a name, an id or the beginning of an id stands for, and its processes. Raises NotFoundError.

    Processes: those in its cgroup, the first one in its PID namespace (its PID 1) first.
    """
    members: dict[Container, list[int]] = {}
    by_mounts: dict[int, Container | None] = {}
    for pid in processes:
        found = container_of(pid, by_mounts)
        if found is not None:
            members.setdefault(found, []).append(pid)
    wanted = {identity for identity in {_id_of_name(word, processes)} if identity}
    looks_like_id = len(word) >= FEWEST_DIGITS and re.fullmatch(r"[0-9a-f]+", word)
    matches = [found for found in members if found.id in wanted or (looks_like_id and found.id.startswith(word))]
    if not matches:
        running = ", ".join(sorted(str(found) for found in members)) or "none"
        rights = "" if os.geteuid() == 0 else "; names need root, ids do not"
        short = f"; an id needs {FEWEST_DIGITS} digits or more" if any(found.id.startswith(word) for found in members) else ""
        raise NotFoundError(f"no running container {word!r} is visible here", f"containers seen: {running}{rights}{short}")
    if len(matches) > 1:
        raise NotFoundError(f"{word!r} stands for several containers", ", ".join(sorted(str(found) for found in matches)))
    found = matches[0]
    return found, sorted(members[found], key=_depth_and_number)


def _depth_and_number(pid: int) -> tuple[bool, int]:
    status = procfs.read_status(pid)
    return (status is None or status.namespace_pids[-1] != 1, pid)


def _engine(path: str) -> str:
    return next((engine for mark, engine in ENGINES.items() if mark in path), "")


def _id_of_name(name: str, processes: dict[int, procfs.Stat]) -> str:
    return _from_conmon(name, processes) or _from_podman(name) or _from_docker(name)


def _from_conmon(name: str, processes: dict[int, procfs.Stat]) -> str:
    """Podman and CRI-O have one conmon for each container, whose command line holds name and id."""
    for stat in processes.values():
        if stat.name == "conmon":
            words = procfs.command_line(stat.pid) or []
            values = dict(itertools.pairwise(words))
            if values.get("-n") == name:
                return values.get("-c", "")
    return ""


def _from_podman(name: str) -> str:
    for path in PODMAN_STATES:
        try:
            with open(os.path.expanduser(path), encoding="utf-8") as file:
                listed = json.load(file)
        except (OSError, ValueError):
            continue
        for entry in listed if isinstance(listed, list) else ():
            if name in entry.get("names", ()):
                return str(entry.get("id", ""))
    return ""


def _from_docker(name: str) -> str:
    try:
        identities = os.listdir(DOCKER_STATE)
    except OSError:
        return ""
    for identity in identities:
        try:
            with open(f"{DOCKER_STATE}/{identity}/config.v2.json", encoding="utf-8") as file:
                if json.load(file).get("Name") == f"/{name}":
                    return identity
        except (OSError, ValueError):
            continue
    return ""
