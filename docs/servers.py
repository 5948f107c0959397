"""What real servers do about TERM, INT and QUIT: run `pysupervise check` on each, and write docs/servers.md (`make servers`).

Needs root (PID namespaces), gunicorn and uvicorn (the dev extra), nginx and node (Debian: nginx-light nodejs).
"""

import http.server
import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FILES = ROOT / "tests" / "servers"
PAGE = ROOT / "docs" / "servers.md"
SIGNALS = ("TERM", "INT", "QUIT")
FRONTS = ("pysupervise", "nothing")
PHASES = ("draining", "listener", "clean-up")
SLOW_S = 2
WITHIN_S = 4
REFUSED_WITHIN_S = 1
RUN_TIME_S = 60
AT_ONCE = 5
WORDS = {True: "PASS", False: "FAIL", None: "SKIP"}


@dataclass(frozen=True)
class Server:
    """A server and how it is started. {python}, {files}, {port} and {directory} are filled in."""

    name: str
    command: tuple[str, ...]
    version: tuple[str, ...]


SERVERS = (
    Server(
        "gunicorn, sync worker",
        ("{python}", "-m", "gunicorn", "--chdir", "{files}", "--bind", "127.0.0.1:{port}", "app:wsgi"),
        ("{python}", "-c", "import gunicorn; print('gunicorn', gunicorn.__version__)"),
    ),
    Server(
        "uvicorn",
        ("{python}", "-m", "uvicorn", "--app-dir", "{files}", "--port", "{port}", "app:asgi"),
        ("{python}", "-c", "import uvicorn; print('uvicorn', uvicorn.__version__)"),
    ),
    Server("nginx, as a proxy", ("nginx", "-c", "{directory}/nginx.conf"), ("nginx", "-v")),
    Server("node, no handler", ("node", "{files}/plain.js", "{port}"), ("node", "--version")),
    Server("node, server.close() on TERM", ("node", "{files}/closing.js", "{port}"), ("node", "--version")),
)
Case = tuple[Server, str, str]  # server, signal, what stands in front
CASES: tuple[Case, ...] = tuple((server, name, front) for server, front, name in itertools.product(SERVERS, FRONTS, SIGNALS))


class Slow(http.server.BaseHTTPRequestHandler):
    """The application behind nginx."""

    def do_GET(self) -> None:
        """Answer, /slow later."""
        time.sleep(SLOW_S if self.path == "/slow" else 0)
        self.send_response(200)
        self.send_header("Content-Length", "6")
        self.end_headers()
        try:
            self.wfile.write(b"hello\n")
        except OSError:
            return  # nginx was quicker to leave

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def upstream() -> Iterator[int]:
    """Run the application behind nginx; give its port."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def run(case: Case, upstream_port: int, pysupervise: str) -> dict[str, Any]:
    """Check one case; return the JSON of check."""
    server, name, front = case
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        text = (FILES / "nginx.conf").read_text(encoding="utf-8")
        for key, value in (("DIRECTORY", directory), ("PORT", port), ("UPSTREAM", upstream_port)):
            text = text.replace(f"@{key}@", str(value))
        Path(directory, "nginx.conf").write_text(text, encoding="utf-8")
        os.chmod(directory, 0o755)  # noqa: S103 -- nginx's worker is another user
        words = [word.format(python=sys.executable, files=FILES, port=port, directory=directory) for word in server.command]
        options = ["--bare"] if front == "nothing" else []
        options += [
            "--slow-http",
            f"http://127.0.0.1:{port}/slow",
            "--signal",
            name,
            "--within",
            f"{WITHIN_S}s",
            "--refused-within",
            f"{REFUSED_WITHIN_S}s",
        ]
        done = subprocess.run(  # noqa: S603 -- our own command
            [pysupervise, "check", "--json", *options, "--", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=RUN_TIME_S,
            env={**os.environ, "SLOW_S": str(SLOW_S)},
        )
    report: dict[str, Any] = json.loads(done.stdout or "{}")
    if not report or report["error"]:
        raise RuntimeError(f"{server.name}, {name}: status {done.returncode}: {done.stderr}")
    return report


def run_all(cases: tuple[Case, ...], pysupervise: str) -> list[dict[str, Any]]:
    """Check cases, a few at a time: each waits most of the time."""
    with upstream() as port, ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda case: run(case, port, pysupervise), cases))


def verdicts(report: dict[str, Any]) -> tuple[str, ...]:
    """Return PASS or FAIL for each phase."""
    found = {verdict["phase"]: WORDS[verdict["passed"]] for verdict in report["rounds"][0]["verdicts"]}
    return tuple(found[phase] for phase in PHASES)


def row(case: Case, report: dict[str, Any]) -> str:
    """Return one line of the table."""
    server, name, front = case
    observed = report["rounds"][0]["observed"]
    (request,), (port,), end = observed["requests"], observed["ports"], observed["end"]
    draining, listener, clean_up = verdicts(report)
    answer = request["error"] or f"answered {request['status']}"
    refused = "never refused" if port["refused_s"] is None else f"refused after {port['refused_s'] * 1000:.0f} ms"
    gone = f"status {end['status']} after {end['ended_s']:.2f} s" if end["ended_s"] is not None else f"still there after {WITHIN_S} s"
    cells = (server.name, front, name, f"{draining}: {answer}", f"{listener}: {refused}", f"{clean_up}: {gone}")
    return f"| {' | '.join(cells)} |"


def shown(words: tuple[str, ...]) -> str:
    """Return a command as the page shows it, without this machine's paths."""
    fields = {"python": "python3", "files": "tests/servers", "port": "PORT", "directory": "tests/servers"}
    return " ".join(words).format(**fields)


def introduction() -> str:
    """Return what the page says before the results: all of it follows from the parameters above."""
    commands = "\n".join(f"- {server.name}: `{shown(server.command)}`" for server in SERVERS)
    return f"""# What servers do about a stop signal

Made by `make servers`, from real runs of `pysupervise check --slow-http http://127.0.0.1:PORT/slow --signal SIGNAL
--within {WITHIN_S}s --refused-within {REFUSED_WITHIN_S}s`. A request that takes {SLOW_S} s is in flight when the signal comes.
"In front" is what PID 1 is: pysupervise, or nothing (`--bare`), where the server is PID 1 itself, as in an image
without an init. Draining passes when that request gets its whole answer, the listener when new connections are
refused within {REFUSED_WITHIN_S} s, the clean-up when everything is gone within {WITHIN_S} s with status 0 or that of the signal.

{commands}
"""


def page(cases: tuple[Case, ...], reports: list[dict[str, Any]], versions: list[str]) -> str:
    """Return docs/servers.md."""
    rows = "\n".join(row(case, report) for case, report in zip(cases, reports, strict=True))
    return f"""{introduction()}
| server | in front | signal | draining | listener | clean-up |
| --- | --- | --- | --- | --- | --- |
{rows}

Versions of this run: {"; ".join(versions)}. Times are those of one run on a busy machine.
"""


def version(server: Server) -> str:
    """Return a server's version in its own words."""
    words = [word.format(python=sys.executable) for word in server.version]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=RUN_TIME_S)  # noqa: S603 -- our own list
    line = (done.stdout + done.stderr).splitlines()[0].removeprefix("nginx version: ").partition(" (")[0]
    return line if server.command[0] != "node" else f"node {line}"


def main() -> None:
    """Run everything and write the page."""
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.executable)), "pysupervise")
    pysupervise = beside if os.access(beside, os.X_OK) else shutil.which("pysupervise") or "pysupervise"
    text = page(CASES, run_all(CASES, pysupervise), list(dict.fromkeys(map(version, SERVERS))))
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
