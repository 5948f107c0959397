"""What is known of programs by their name: which are inits, which are shells, which signal each expects for a stop."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from signal import Signals

OURS = "pysupervise"
# Inits that containers have: each waits for every orphan. Value: what else it is called.
INITS = frozenset({
    OURS, "tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init", "pause",
    "s6-svscan", "s6-overlay-suexec", "runit", "runit-init", "systemd", "init", "supervisord", "my_init", "openrc-init",
})  # fmt: skip
# What an engine puts on top with --init.
ENGINE_INITS = frozenset({"docker-init", "podman-init", "catatonit", "tini"})
# Inits that stand in front of one command, as pysupervise does.
SMALL_INITS = frozenset({OURS, "tini", "tini-static", "docker-init", "dumb-init", "catatonit", "podman-init"})
SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "mksh", "zsh", "busybox"})
# As PID 1 they get only the signals that the program on top installs a handler for, and most do not for TERM.
INTERPRETERS = frozenset({"python", "python3", "node", "nodejs", "ruby", "perl", "php", "sleep", "tail", "deno", "bun"})

TERM, INT, QUIT, HUP, WINCH, USR1, KILL, STOP = (
    int(getattr(Signals, name)) for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGWINCH", "SIGUSR1", "SIGKILL", "SIGSTOP")
)
RTMIN_3 = 37  # what systemd calls SIGRTMIN+3 (systemd(1)); glibc keeps 32 and 33 for itself


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a program does with stop signals."""

    graceful: tuple[int, ...]  # the first one is what its own image sets
    otherwise: str  # what another signal, above all TERM, does to it
    severity: str = "warning"
    goes_on: Mapping[int, str] = field(default_factory=dict)  # signals that do not stop it at all


EXPECTED: dict[str, Expectation] = {
    "nginx": Expectation((QUIT,), "TERM and INT are nginx's fast shutdown: connections in use are closed"),
    "php-fpm": Expectation((QUIT,), "TERM and INT end php-fpm at once: requests in work are cut off"),
    "httpd": Expectation((WINCH,), "TERM ends Apache httpd at once: requests in work are cut off"),
    "postgres": Expectation((INT,), "TERM is PostgreSQL's smart shutdown: it waits until every client has left by itself"),
    "haproxy": Expectation((USR1,), "TERM is HAProxy's hard stop: connections in use are closed"),
    "unicorn": Expectation((QUIT,), "TERM and INT are unicorn's quick shutdown: requests in work are cut off"),
    "gunicorn": Expectation(
        (TERM,),
        "INT and QUIT are gunicorn's quick shutdown: requests in work are cut off",
        goes_on={HUP: "On HUP gunicorn reloads, and goes on"},
    ),
    "celery": Expectation(
        (TERM, INT),
        "QUIT is the cold shutdown of a Celery worker: tasks in work are cut off",
        goes_on={HUP: "On HUP a Celery worker starts anew, and goes on"},
    ),
    "java": Expectation(
        (TERM, INT, HUP),
        "Shutdown hooks run on TERM, INT and HUP",
        goes_on={QUIT: "On QUIT the JVM prints its threads, and goes on"},
    ),
    "systemd": Expectation((RTMIN_3,), "systemd as PID 1 does not shut down on TERM: it executes itself anew", "error"),
}
ALIASES = {
    "apache2": "httpd", "httpd-foreground": "httpd", "apache2-foreground": "httpd", "openresty": "nginx",
    "postmaster": "postgres",
}  # fmt: skip
SYSTEMD_PATHS = frozenset({"/sbin/init", "/usr/sbin/init"})  # where the image is no alpine, whose init is busybox's
BUSYBOX_IMAGES = frozenset({"alpine", "busybox"})
# Programs that stay in front of what they start: what that does to a stop, and what to write instead. Measured with Debian 12's, and pm2 7.
NO_FORK = frozenset({"-F", "--no-fork"})  # flock replaces itself then
USER_SWITCHERS = frozenset({"su", "runuser"})
_SWITCHER = (
    "At TERM it passes the signal on, waits 2 s, and kills the command with KILL, however long the grace period is.",
    "USER in the image, pysupervise --user NAME, or setpriv, gosu, su-exec, which hand over with exec",
)
_APACHECTL = (
    "Debian's is a shell script that starts the server without exec: the shell gets the stop signal, and passes nothing on.",
    '["sh", "-c", ". /etc/apache2/envvars && exec apache2 -D FOREGROUND"], and STOPSIGNAL SIGWINCH',
)
_DEAF = (
    "As PID 1 it does nothing on TERM; below an init it dies of it, and the kernel kills the service.",
    'start the service without it, or ENTRYPOINT ["pysupervise", "--"] in front, which signals the whole tree and waits for it',
)
_PM2 = (
    "At TERM it sends the service INT, and KILL 1.6 s later unless kill_timeout says otherwise, however long the grace period is.",
    "start the program itself, such as node server.js",
)
WRAPPERS = {
    "su": _SWITCHER, "runuser": _SWITCHER, "apachectl": _APACHECTL, "apache2ctl": _APACHECTL,
    "flock": _DEAF, "dbus-run-session": _DEAF, "pm2-runtime": _PM2,
}  # fmt: skip
# Base images that set the right STOPSIGNAL themselves, by the last component of their name, and what they run.
SETTING_IMAGES = {
    "nginx": (QUIT, "nginx"), "nginx-unprivileged": (QUIT, "nginx"), "openresty": (QUIT, "nginx"), "httpd": (WINCH, "httpd"),
    "postgres": (INT, "postgres"), "haproxy": (USR1, "haproxy"),
}  # fmt: skip
# Images that do so where their tag has this word.
SETTING_TAGS = {"fpm": (QUIT, "php-fpm"), "apache": (WINCH, "httpd")}
OFFICIAL = frozenset(
    {"", "library", "docker.io", "docker.io/library", "nginxinc", "docker.io/nginxinc", "openresty", "docker.io/openresty"}
)
TAGGED_IMAGES = frozenset({"php", "wordpress"})
# Runtimes that handle these whatever the program does (Node.js 20, measured): without a handler of the program's own they put the terminal
# in order and raise the signal again with its default action. In SigCgt both look alike.
ALWAYS_HANDLED = {"node": frozenset({TERM, INT}), "nodejs": frozenset({TERM, INT})}


def of_image(base: str) -> tuple[int, str] | None:
    """Return the STOPSIGNAL that a base image is known to set, and what it runs; None of any other."""
    place, _, word = base.partition("@")[0].rpartition("/")
    if place not in OFFICIAL:
        return None  # anybody may call an image nginx
    image, _, tag = word.partition(":")
    if image in TAGGED_IMAGES:
        return next((known for word, known in SETTING_TAGS.items() if word in tag), None)
    return SETTING_IMAGES.get(image)


def base_name(word: str) -> str:
    """Return the program's own name: of /usr/bin/python3.11 python3.11, of -bash bash."""
    return os.path.basename(word).removeprefix("-") or word


def service_name(words: Sequence[str]) -> str:
    """Return the name under which EXPECTED may have the program that these words start."""
    name = base_name(words[0]).rstrip(":") if words else ""
    if name.startswith("php-fpm"):
        return "php-fpm"
    # An entry script of the official images hands over to what follows it.
    if name in ("docker-entrypoint.sh", "docker-php-entrypoint") and len(words) > 1:
        return service_name(words[1:])
    # /init is another one: that of s6-overlay, and of many images a script.
    if words and words[0] in SYSTEMD_PATHS:
        return "systemd"
    return ALIASES.get(name, name)


def is_interpreter(name: str) -> bool:
    """Whether a name such as python3.12 is a language's interpreter."""
    return name.rstrip("0123456789.") in INTERPRETERS or name in INTERPRETERS


def is_shell(words: Sequence[str]) -> bool:
    """Whether these words start a shell."""
    if not words:
        return False
    name = base_name(words[0])
    if name == "busybox":
        return len(words) > 1 and words[1] in SHELLS
    return name in SHELLS


def init_of(words: Sequence[str], name: str = "") -> str:
    """Return the init that these words start, "" where it is none. ``name``: the kernel's name of the process, where there is one."""
    if name in SMALL_INITS:
        return name
    if not words:
        return name if name in INITS else ""
    first = base_name(words[0])
    if first in INITS:
        return first
    if first.startswith("python"):  # python3 -I /usr/local/bin/pysupervise, python3 -m pysupervise, and links called tini
        for index, word in enumerate(words[1:], 1):
            if word == "-m":
                return OURS if words[index + 1 : index + 2] == [OURS] else ""
            if word == "-c":
                return ""
            if not word.startswith("-"):
                script = base_name(word).removesuffix(".pyz")
                return script if script in SMALL_INITS or script == "supervisord" else ""
    return ""
