"""A service that never says READY: its manager gives up and stops it, though it works."""

import socket

from pysupervise.cli.demos.model import Check, Demo, Facts
from pysupervise.cli.demos.scene import Scene
from pysupervise.cli.sandbox import Place

MANAGER = """\
import os, socket, subprocess, sys

notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notices.bind("notify.sock")
notices.settimeout(1)    # as TimeoutStartSec=1 in a unit of Type=notify with NotifyAccess=all
address = f"/proc/{os.getpid()}/cwd/notify.sock"    # short, however deep this directory lies
service = subprocess.Popen(sys.argv[1:], env={**os.environ, "NOTIFY_SOCKET": address})
try:
    print("manager: got", notices.recv(4096).decode())
    sys.stdin.readline()
    sys.exit(0)
except TimeoutError:
    print("manager: no READY=1 in 1 s, so the start has failed")
    sys.stdin.readline()
    service.terminate()
    service.wait()
    print("manager: stopped the service")
    sys.exit(1)
"""
SERVICE = """\
import os, socket, time

door = socket.socket(socket.AF_UNIX)
door.bind("service.new")
door.listen()
os.rename("service.new", "service.sock")
print("service: open for requests")
time.sleep(60)    # and never a word to NOTIFY_SOCKET
"""
READY = """\
import os, socket, subprocess, sys, time

service = subprocess.Popen(sys.argv[1:])
while service.poll() is None:
    try:
        socket.socket(socket.AF_UNIX).connect("service.sock")
    except OSError:
        time.sleep(0.02)
        continue
    socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
    break
sys.exit(service.wait())
"""


def _play(scene: Scene, *words: str) -> Facts:
    with scene.start("python3", "manager.py", *words, "python3", "service.py") as run:
        run.line("service: open")
        said = run.line("manager:")
        service = run.find("service.py")
        try:
            with socket.socket(socket.AF_UNIX) as door:
                door.connect(f"/proc/{service.outer}/cwd/service.sock")
            works = True
        except OSError:
            works = False
        scene.seen(f"pid {service.pid} service.py {'lets a connection in' if works else 'lets no connection in'}")
        run.go_on()
        status = run.end()
        stopped = bool(run.printed("manager: stopped"))
        return {"service_works": works, "ready": "READY=1" in said and "no READY" not in said, "stopped": stopped, "status": status}


def _checks(without: Facts, cured: Facts, _place: Place) -> list[Check]:
    return [
        Check("On both sides the service lets connections in", without["service_works"] and cured["service_works"]),
        Check(
            "Without: READY=1 never comes, and the manager stops what works (1)",
            not without["ready"] and without["stopped"] and without["status"] == 1,
        ),
        Check(
            "With the wrapper: READY=1 comes as soon as the service answers, and nobody stops it (0)",
            cured["ready"] and not cured["stopped"] and cured["status"] == 0,
        ),
    ]


DEMO = Demo(
    name="notify-timeout",
    summary="A service that never says READY is stopped by its manager, though it works",
    files={"service.py": SERVICE, "ready.py": READY, "manager.py": MANAGER},
    culprit="service.py",
    without=_play,
    cured=lambda scene: _play(scene, "pysupervise", "--", "python3", "ready.py"),
    checks=_checks,
    explanation="""
    A manager that starts a service with a NOTIFY_SOCKET waits there for READY=1 (sd_notify(3)). A service that knows nothing of it
    never says so: the manager gives up after its limit and stops what works.
    """,
    cure="""
    pysupervise passes NOTIFY_SOCKET on to its command and says nothing there itself. The cure is a wrapper that says READY=1 once
    the service answers. pysupervise in front of it makes the wrapper short: signals reach the service without its help, and orphans
    are reaped.

    systemd takes notices from the unit's main process alone (NotifyAccess=main), which is pysupervise here: such a unit needs
    NotifyAccess=all.
    """,
)
