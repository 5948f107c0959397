"""The stop signal that a container's engine sends, read from the files that engines keep, without their API."""

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pysupervise.cli import procfs
from pysupervise.cli.containers import DOCKER_STATE, Container
from pysupervise.core import signals

TERM = 15
# Where podman's bundles are; $ID stands for the container. conmon's own command line says it too, wherever the storage is.
BUNDLES = (
    "/var/lib/containers/storage/overlay-containers/$ID/userdata",
    "~/.local/share/containers/storage/overlay-containers/$ID/userdata",
)
STOP_SIGNAL_KEY = "org.opencontainers.image.stopSignal"


@dataclass(frozen=True, slots=True)
class StopSignal:
    """The signal that asks for a stop."""

    number: int
    source: str  # "the engine's default", or the file and the key
    certain: bool  # whether it was read, not assumed

    @property
    def name(self) -> str:
        """TERM, QUIT, RTMIN+3."""
        return signals.name(self.number)


ASSUMED = StopSignal(TERM, "the default of every engine", certain=False)


def stop_signal(container: Container, processes: Mapping[int, procfs.Stat]) -> StopSignal:
    """Return a container's stop signal; TERM, marked as assumed, where no file may be read."""
    docker = f"{DOCKER_STATE}/{container.id}/config.v2.json"
    config = _json(docker)
    if config:
        return _parsed((config.get("Config") or {}).get("StopSignal"), f"{docker}: Config.StopSignal") or StopSignal(
            TERM, f"{docker}: no StopSignal", certain=True
        )
    for directory in (_conmon_bundle(container, processes), *(os.path.expanduser(path.replace("$ID", container.id)) for path in BUNDLES)):
        if directory:
            path = f"{directory}/config.json"
            found = _parsed((_json(path).get("annotations") or {}).get(STOP_SIGNAL_KEY), f"{path}: {STOP_SIGNAL_KEY}")
            if found:
                return found
    return ASSUMED


def _parsed(word: object, source: str) -> StopSignal | None:
    if not word:
        return None
    try:
        return StopSignal(signals.parse(str(word)), f"{source}: {word}", certain=True)
    except ValueError:
        return None


def _conmon_bundle(container: Container, processes: Mapping[int, procfs.Stat]) -> str:
    for stat in processes.values():
        if stat.name == "conmon":
            values = dict(itertools.pairwise(procfs.command_line(stat.pid) or []))
            if values.get("-c") == container.id:
                return values.get("-b", "")
    return ""


def _json(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
