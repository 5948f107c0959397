"""Images for the container tests, each built once a session, and the engine that runs them."""

import os
import pathlib
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from .engine import Engine

ROOT = pathlib.Path(__file__).parents[2]
BASE = "localhost/pysupervise-test-base"
PRODUCT = "localhost/pysupervise-test-product"
PROBES = "localhost/pysupervise-test-probes"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """Give podman, and remove the containers at the end."""
    engine = Engine()
    yield engine
    engine.remove_own()


@pytest.fixture(scope="session")
def base_image(engine: Engine) -> str:
    """Give an image with python3 and its venv module: the one that CONTAINER_TEST_BASE names, or Debian's, made once a machine."""
    if named := os.environ.get("CONTAINER_TEST_BASE"):
        return named
    if not engine.has_image(BASE):
        cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "pysupervise-tests"
        tree = cache / "bookworm"
        if not tree.is_dir():
            _bootstrap(tree)
        engine.import_tree(tree, BASE)
    return BASE


@pytest.fixture(scope="session")
def product_image(engine: Engine, base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Build the repository's Dockerfile."""
    engine.build(ROOT, PRODUCT, tmp_path_factory.mktemp("build"), BASE=base_image)
    return PRODUCT


@pytest.fixture(scope="session")
def image(engine: Engine, product_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Add the probes to the product's image."""
    engine.build(pathlib.Path(__file__).parent / "image", PROBES, tmp_path_factory.mktemp("build"), BASE=product_image)
    return PROBES


def _bootstrap(tree: pathlib.Path) -> None:
    """Unpack a small Debian; the directory has its name only when it is complete."""
    if shutil.which("debootstrap") is None or os.geteuid() != 0:
        pytest.fail(
            "the base image takes debootstrap and root to make, once; or name an image that is here and has python3 and venv: "
            "CONTAINER_TEST_BASE=docker.io/library/python:3.13-slim",
            pytrace=False,
        )
    tree.parent.mkdir(parents=True, exist_ok=True)
    partial = tree.with_name(f"{tree.name}.{os.getpid()}")
    command = ["debootstrap", "--variant=minbase", "--include=python3,python3-venv", "bookworm", str(partial)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        if done.returncode != 0:
            pytest.fail(f"debootstrap gave {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}", pytrace=False)
        partial.rename(tree)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
