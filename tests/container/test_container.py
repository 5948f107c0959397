"""The built image under podman, as an operator meets it: stop, kill, a terminal, other users, no privileges, another init above."""

import json
import pathlib

import pexpect
import pytest

from .engine import Engine

EXAMPLES = pathlib.Path(__file__).parents[2] / "contrib" / "docker"
pytestmark = pytest.mark.container

SERVICE = ("python3", "/probes/service.py")
# Shells that do not pass TERM on to what they run.
SHELL_TREES = {
    "background": "python3 /probes/service.py & wait",
    "foreground": "python3 /probes/service.py; true",
    "nested": "sh -c 'python3 /probes/service.py; true'; true",
}
GRACE = 10
SHORT_GRACE = 3
# Well under the grace, and enough for podman itself on a busy machine.
QUICK = 2.5
TERMINATED = 128 + 15
KILLED = 128 + 9
SERVICE_STATUS = 7

CONFINED: dict[str, tuple[str, ...]] = {
    "user": ("--user", "1234:1234"),
    "read-only": ("--read-only", "--read-only-tmpfs=false"),
    "no-capabilities": ("--cap-drop", "all"),
}
CONFINED["all-three"] = tuple(word for words in list(CONFINED.values()) for word in words)


def test_image_is_small_and_says_how_it_starts(engine: Engine, product_image: str, base_image: str) -> None:
    """The result adds little to its base, starts in exec form, and keeps the machine's settings out."""
    product, base = (json.loads(engine.call("image", "inspect", name).stdout)[0] for name in (product_image, base_image))
    assert product["Config"]["Entrypoint"] == ["pysupervise", "--"]
    assert product["Size"] - base["Size"] < 15_000_000
    inherited = base["Config"].get("Env", [])
    assert [line for line in product["Config"].get("Env", []) if line not in inherited and not line.startswith("PATH=")] == []
    script = "ls -d /source /tools /wheels /etc/pip.conf; readlink -f /usr/local/bin/pysupervise"
    listing = engine.run("--entrypoint", "sh", product_image, "-c", script)
    assert listing.stdout == "/opt/pysupervise/bin/pysupervise\n"


def test_stop_ends_a_service_with_its_own_status(engine: Engine, image: str) -> None:
    """A service that handles TERM ends as it wishes."""
    container = engine.start(image, *SERVICE)
    container.wait_for_line("ready")
    took = container.stop(GRACE)
    assert (container.status(), "got TERM" in container.logs()) == (SERVICE_STATUS, True)
    assert took < QUICK


@pytest.mark.parametrize("script", SHELL_TREES.values(), ids=SHELL_TREES.keys())
def test_stop_reaches_a_service_below_a_shell(engine: Engine, image: str, script: str) -> None:
    """The service below a shell gets TERM and ends by itself; the status is that of the shell, which is the command."""
    container = engine.start(image, "sh", "-c", script)
    container.wait_for_line("ready")
    took = container.stop(GRACE)
    assert "got TERM" in container.logs()
    assert container.status() == TERMINATED
    assert took < QUICK


def test_stop_by_handlers_keeps_the_status_through_a_shell(engine: Engine, image: str) -> None:
    """When only those who handle TERM get it, the shell lives to pass its child's status on."""
    script = "python3 /probes/service.py; exit $?"
    container = engine.start("--entrypoint", "pysupervise", image, "--stop", "TERM@handlers:8s,TERM@tree:2s,KILL", "--", "sh", "-c", script)
    container.wait_for_line("ready")
    took = container.stop(GRACE + SHORT_GRACE)
    assert (container.status(), "got TERM" in container.logs()) == (SERVICE_STATUS, True)
    assert took < QUICK


def test_without_pysupervise_the_same_image_takes_the_full_timeout(engine: Engine, image: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The comparison: a shell as PID 1 ignores TERM until it is killed."""
    script = SHELL_TREES["foreground"]
    bare = engine.start("--entrypoint", "sh", image, "-c", script)
    supervised = engine.start(image, "sh", "-c", script)
    bare.wait_for_line("ready")
    supervised.wait_for_line("ready")
    without, with_it = bare.stop(SHORT_GRACE), supervised.stop(SHORT_GRACE)
    with capsys.disabled():
        print(f"\n    podman stop -t {SHORT_GRACE}: {without:.2f} s and status {bare.status()} without pysupervise, ", end="")
        print(f"{with_it:.2f} s and status {supervised.status()} with it")
    assert without >= SHORT_GRACE
    assert (bare.status(), "got TERM" in bare.logs()) == (KILLED, False)
    assert (supervised.status(), "got TERM" in supervised.logs()) == (TERMINATED, True)
    assert with_it < QUICK


def test_kill_reaches_the_handler(engine: Engine, image: str) -> None:
    """A signal of the operator's choice arrives, below a shell too."""
    for command in (SERVICE, ("sh", "-c", "trap : USR1; python3 /probes/service.py; true")):
        container = engine.start(image, *command)
        container.wait_for_line("ready")
        container.signal("USR1")
        container.wait_for_line("got USR1")
        container.stop(GRACE)
        assert container.logs().count("got USR1") == 1


def test_terminal_program(engine: Engine, image: str) -> None:
    """Size and its changes arrive, Ctrl-C exactly once, and the exit status comes back."""
    child = engine.terminal(image, "python3", "/probes/terminal.py", rows=33, columns=101)
    child.expect_exact("foreground True")
    child.expect_exact("size 33x101")
    child.setwinsize(40, 120)
    child.expect_exact("size 40x120")
    child.sendcontrol("c")
    child.expect_exact("interrupt 1")
    child.sendcontrol("c")
    child.expect_exact("interrupt 2")
    child.sendcontrol("\\")
    child.expect_exact("interrupts in all 2")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 5


@pytest.mark.parametrize("shell", [("sh",), ("bash", "--norc")], ids=["sh", "bash"])
def test_terminal_shell(engine: Engine, image: str, shell: tuple[str, ...]) -> None:
    """An interactive shell has its prompt and job control, survives Ctrl-C, and its status comes back."""
    child = engine.terminal("--env", "PS1=prompt> ", image, *shell, rows=33, columns=101)
    child.expect_exact("prompt> ")
    assert child.before is not None
    assert "job control" not in child.before  # a shell that cannot have the terminal complains
    child.sendline("cat")
    child.expect_exact("cat\r\n")
    child.sendline("echoed")
    child.expect("echoed\r\nechoed\r\n")
    child.sendcontrol("c")
    child.expect_exact("prompt> ")
    child.sendline("echo status $?")
    child.expect_exact(f"status {128 + 2}")
    child.expect_exact("prompt> ")
    child.sendline("cat")
    child.expect_exact("cat\r\n")
    child.sendline("again")
    child.expect("again\r\nagain\r\n")
    child.sendcontrol("z")
    child.expect("Stopped|Suspended")
    child.expect_exact("prompt> ")
    child.sendline("kill %1; fg; echo job $?")
    child.expect_exact(f"job {TERMINATED}")
    child.expect_exact("prompt> ")
    child.sendline("exit 3")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 3


@pytest.mark.parametrize(("name", "words"), CONFINED.items(), ids=CONFINED.keys())
def test_confined(engine: Engine, image: str, name: str, words: tuple[str, ...]) -> None:
    """Another user, a read-only root, no capabilities: the same stop and the same status."""
    container = engine.start(*words, image, "python3", "/probes/identity.py")
    container.wait_for_line("ready")
    took = container.stop(GRACE)
    user = 1234 if name in {"user", "all-three"} else 0
    logs = container.logs()
    assert f"uid {user} gid {user} " in logs
    assert ("capabilities 0 " in logs) == (name != "read-only")
    assert ("writable False" in logs) == (name in {"read-only", "all-three"})
    assert "pysupervise" not in logs
    assert container.status() == SERVICE_STATUS
    assert took < QUICK


def test_nothing_is_written_at_run_time(engine: Engine, image: str) -> None:
    """The layer above the image stays as it was, with a verb and the single file too."""
    script = "pysupervise --help >/dev/null && /usr/local/lib/pysupervise.pyz --help >/dev/null; echo helped $?"
    container = engine.start(image, "sh", "-c", script)
    assert container.status() == 0
    assert "helped 0" in container.logs()
    changed = engine.call("diff", container.name).stdout.splitlines()
    assert [line for line in changed if "pysupervise" in line or line.endswith(".pyc")] == []


def test_another_init_above(engine: Engine, image: str) -> None:
    """Below podman's own init the stop is the same, and pysupervise says once that it is not the first."""
    container = engine.start("--init", "--entrypoint", "pysupervise", image, "-v", "--", *SERVICE)
    container.wait_for_line("ready")
    took = container.stop(GRACE)
    logs = container.logs()
    assert (container.status(), "got TERM" in logs) == (SERVICE_STATUS, True)
    assert took < QUICK
    assert sum("another init" in line for line in logs.splitlines()) == 1
    quiet = engine.run("--init", image, "true")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (0, "", "")


@pytest.mark.parametrize("status", [0, 3, 126, 127, 137, 255])
def test_exit_status_passes_through(engine: Engine, image: str, status: int) -> None:
    """What the command exits with is what podman returns."""
    assert engine.run(image, "sh", "-c", f"exit {status}").returncode == status


@pytest.mark.parametrize(
    ("command", "status"),
    [(("/nowhere/program",), 127), (("/probes/service.py",), 126), (("sh", "-c", "kill -KILL $$"), KILLED)],
    ids=["not-found", "not-executable", "killed"],
)
def test_status_of_our_own(engine: Engine, image: str, command: tuple[str, ...], status: int) -> None:
    """A command that cannot be started, or dies of a signal, has the shells' status and a reason in words."""
    done = engine.run(image, *command)
    assert done.returncode == status
    assert done.stderr.startswith("pysupervise[1] ")


def test_an_oom_kill_is_explained(engine: Engine, image: str) -> None:
    """The kernel kills a command that eats more than the container has: the status is 137, and the log says who it was."""
    eat = "x = []\nwhile True: x.append(bytearray(1 << 20))"
    done = engine.run("--memory", "60m", image, "python3", "-c", eat)
    assert done.returncode == KILLED
    assert "the kernel's OOM killer acted in this cgroup" in done.stderr


@pytest.mark.parametrize("name", ["tini", "docker-init", "dumb-init", "catatonit"])
def test_under_the_name_of_another_init(engine: Engine, image: str, name: str) -> None:
    """A link in somebody's image, in place of the program that its entrypoint names."""
    script = f'ln -s "$(command -v pysupervise)" /sbin/{name}; exec /sbin/{name} -h'
    said = engine.run("--entrypoint", "sh", image, "-c", script)
    assert name in said.stdout + said.stderr
    script = f'ln -s "$(command -v pysupervise)" /sbin/{name}; exec /sbin/{name} -- sh -c "exit 5"'
    done = engine.run("--entrypoint", "sh", image, "-c", script)
    assert (done.returncode, done.stdout, done.stderr) == (5, "", "")


def test_orphans_are_reaped(engine: Engine, image: str) -> None:
    """200 orphans leave no zombie; without pysupervise every one stays."""
    done = engine.run(image, "python3", "/probes/orphans.py")
    assert done.stdout.splitlines() == ["alive 200", "zombies 0 left 0"]
    bare = engine.run("--entrypoint", "python3", image, "/probes/orphans.py", "short")
    assert bare.stdout.splitlines() == ["alive 200", "zombies 200 left 200"]


def test_status_file_in_a_volume(engine: Engine, image: str, tmp_path: pathlib.Path) -> None:
    """The status file reaches the host, from a container with a read-only root."""
    mount = ("--read-only", "--volume", f"{tmp_path}:/status")
    command = ("--status-file", "/status/end.json", "--", "sh", "-c", "exit 3")
    done = engine.run(*mount, "--entrypoint", "pysupervise", image, *command)
    assert (done.returncode, done.stderr) == (3, "")
    assert [path.name for path in tmp_path.iterdir()] == ["end.json"]
    assert json.loads((tmp_path / "end.json").read_text())["exit_status"] == 3


def test_single_file_as_entry_point(engine: Engine, image: str) -> None:
    """The single file stops a tree like the installed command, also under another user."""
    words = ("--user", "1234:1234", "--read-only", "--entrypoint", "/usr/local/lib/pysupervise.pyz")
    container = engine.start(*words, image, "--", "sh", "-c", SHELL_TREES["background"])
    container.wait_for_line("ready")
    took = container.stop(GRACE)
    assert (container.status(), "got TERM" in container.logs()) == (TERMINATED, True)
    assert took < QUICK


def test_examples(engine: Engine, product_image: str, base_image: str, image: str, tmp_path: pathlib.Path) -> None:
    """The Dockerfiles that need nothing from elsewhere build, with the product by name, and their containers stop."""
    product = ("--build-context", f"pysupervise=container-image://{product_image}")
    rescue, python = "localhost/pysupervise-test-rescue", "localhost/pysupervise-test-python"
    context = tmp_path / "context"
    context.mkdir()
    engine.build(context, rescue, tmp_path, *product, "--file", str(EXAMPLES / "Dockerfile.shell-form-rescue"), LEGACY=image)
    engine.build(context, python, tmp_path, *product, "--file", str(EXAMPLES / "Dockerfile.python"), "--from", base_image)
    rescued = engine.start(rescue, "python3 /probes/service.py; exit $?")
    rescued.wait_for_line("ready")
    assert rescued.stop(GRACE) < QUICK
    assert (rescued.status(), "got TERM" in rescued.logs()) == (SERVICE_STATUS, True)
    example = engine.start(python, "sh", "-c", "id -u; echo ready; exec sleep 1000")
    example.wait_for_line("1000\nready")
    assert example.stop(GRACE) < QUICK
    assert example.status() == TERMINATED
