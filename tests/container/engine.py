"""The one place that calls podman: its options, its time limits, and what a container says while it runs."""

import configparser
import itertools
import os
import pathlib
import resource
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable

import pexpect
import pytest

CERTIFICATES = "/etc/ssl/certs"
PIP_CONFIG = "/etc/pip.conf"
# Variables of pip that say where packages come from and whom it trusts; they reach a build as pip's configuration file.
PIP_VARIABLES = ("PIP_CERT", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST")
FILES_AT_ONCE = 20_000
TASKS = 30_000
NEEDED = "the container tests need podman (Debian: apt-get install podman runc debootstrap); without podman they do not pass"


class Engine:
    """Runs podman with this machine's options, each call with a time limit."""

    def __init__(self) -> None:
        if shutil.which("podman") is None:
            pytest.fail(NEEDED, pytrace=False)
        self._numbers = itertools.count(1)
        # Two cgroup layouts and no systemd: this manager works in all of them. Where runc is installed it is preferred, for crun
        # refuses a hybrid layout.
        runtime = ["--runtime", "runc"] if shutil.which("runc") else []
        self._podman = ["podman", "--cgroup-manager=cgroupfs", *runtime]

    def call(self, *words: str, limit: float = 60, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one podman command to its end."""
        done = subprocess.run([*self._podman, *words], capture_output=True, text=True, timeout=limit, check=False, stdin=subprocess.DEVNULL)
        if check and done.returncode != 0:
            pytest.fail(f"podman {' '.join(words)} gave {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}", pytrace=False)
        return done

    def has_image(self, name: str) -> bool:
        """Say whether the image is there."""
        return self.call("image", "exists", name, check=False).returncode == 0

    def import_tree(self, directory: pathlib.Path, name: str) -> None:
        """Make an image of a directory tree."""
        with subprocess.Popen(["tar", "-C", str(directory), "-c", "."], stdout=subprocess.PIPE) as tar:
            subprocess.run([*self._podman, "import", "-", name], stdin=tar.stdout, capture_output=True, timeout=120, check=True)
        assert tar.returncode == 0

    def build(self, context: pathlib.Path, name: str, scratch: pathlib.Path, *more: str, **arguments: str) -> None:
        """Build a Dockerfile, with the machine's certificates and package index lent to it for the time of the build."""
        options = ["--isolation=chroot", "--network=host", *_files(FILES_AT_ONCE)]
        if os.path.isdir(CERTIFICATES):
            options += ["--volume", f"{CERTIFICATES}:{CERTIFICATES}:ro"]
        config = _pip_config(scratch)
        if config is not None:
            options += ["--volume", f"{config}:{PIP_CONFIG}:ro"]
        for key, value in arguments.items():
            options += ["--build-arg", f"{key}={value}"]
        self.call("build", *options, *more, "--tag", name, str(context), limit=280)

    def new_name(self) -> str:
        """Name a container as nobody else's test run does."""
        return f"pysupervise-test-{os.getpid()}-{next(self._numbers)}"

    def run_words(self, *words: str) -> list[str]:
        """Complete the words after `podman run` to a command."""
        # All processes of a user count, also those outside of the container.
        tasks = resource.getrlimit(resource.RLIMIT_NPROC)[1]
        tasks = TASKS if tasks == resource.RLIM_INFINITY else min(tasks, TASKS)
        limits = [*_files(1024), "--ulimit", f"nproc={tasks}:{tasks}"]
        return [*self._podman, "run", "--pull=never", "--network=none", *limits, *words]

    def run(self, *words: str, limit: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a container to its end, and return its status and its output."""
        name = self.new_name()
        command = self.run_words("--rm", "--name", name, *words)
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False, stdin=subprocess.DEVNULL)
        except subprocess.TimeoutExpired as expired:
            self.remove(name)
            pytest.fail(f"{' '.join(command)} did not end within {limit} s: {expired.stdout!r} {expired.stderr!r}", pytrace=False)

    def start(self, *words: str) -> "Container":
        """Start a container in the background."""
        name = self.new_name()
        command = self.run_words("--detach", "--name", name, *words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            self.remove(name)
            pytest.fail(f"{' '.join(command)} gave {done.returncode}: {done.stderr}", pytrace=False)
        return Container(self, name)

    def terminal(self, *words: str, rows: int, columns: int) -> "pexpect.spawn[str]":
        """Run a container with a terminal of its own."""
        command = self.run_words("--rm", "--name", self.new_name(), "--interactive", "--tty", *words)
        return pexpect.spawn(command[0], command[1:], encoding="utf-8", timeout=30, dimensions=(rows, columns))

    def remove(self, *names: str) -> None:
        """Remove containers, whatever they do."""
        if names:
            self.call("rm", "--force", "--ignore", "--time", "0", *names, check=False)

    def remove_own(self) -> None:
        """Remove what this test run left."""
        listed = self.call("ps", "--all", "--quiet", "--filter", f"name=pysupervise-test-{os.getpid()}-", check=False)
        self.remove(*listed.stdout.split())


class Container:
    """A container in the background."""

    def __init__(self, engine: Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    def logs(self) -> str:
        """Return all that the container said so far, on both streams."""
        done = self.engine.call("logs", self.name)
        return done.stdout + done.stderr

    def wait_for_line(self, text: str, limit: float = 20) -> None:
        """Return as soon as the container has said this."""
        wait_until(lambda: text in self.logs(), limit, lambda: f"{text!r} is missing in the log of {self.name}: {self.logs()!r}")

    def signal(self, name: str) -> None:
        """Send a signal to its PID 1."""
        self.engine.call("kill", "--signal", name, self.name)

    def stop(self, timeout: int = 10) -> float:
        """Stop it as an operator does, and return how long that took."""
        begin = time.monotonic()
        self.engine.call("stop", "--time", str(timeout), self.name)
        return time.monotonic() - begin

    def status(self) -> int:
        """Wait for its end, and return its exit status."""
        return int(self.engine.call("wait", self.name).stdout)


def wait_until(condition: Callable[[], bool], limit: float, complaint: Callable[[], str]) -> None:
    """Ask again and again until the condition holds; fail with the complaint when it does not in time."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(complaint(), pytrace=False)
        time.sleep(0.02)  # between two questions; nothing depends on its length


def _files(wanted: int) -> Iterable[str]:
    """Limit open files to what is wanted, or to what this machine permits (raising the hard limit takes a privilege)."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    hard = FILES_AT_ONCE if hard == resource.RLIM_INFINITY else min(hard, FILES_AT_ONCE)
    return ["--ulimit", f"nofile={min(wanted, hard)}:{hard}"]


def _pip_config(scratch: pathlib.Path) -> pathlib.Path | None:
    """Write pip's settings of this machine to a file for the build; None where there are none."""
    config = configparser.RawConfigParser()
    config.read(PIP_CONFIG)
    if not config.has_section("global"):
        config.add_section("global")
    for variable in PIP_VARIABLES:
        if value := os.environ.get(variable):
            config.set("global", variable.removeprefix("PIP_").lower().replace("_", "-"), value)
    cert = config.get("global", "cert", fallback="")
    if cert and not cert.startswith(CERTIFICATES):
        config.remove_option("global", "cert")  # a place that the build cannot see
    if not any(config.items(section) for section in config.sections()):
        return None
    path = scratch / "pip.conf"
    with path.open("w") as file:
        config.write(file)
    path.chmod(0o644)
    return path
