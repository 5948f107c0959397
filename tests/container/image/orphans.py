"""Make 200 orphans that end together, and say how many of them are zombies afterwards. With a word: stay until TERM."""

import os
import pathlib
import sys
import time

COUNT = 200
LIMIT = 10.0


def states() -> list[str]:
    """Return the state letter of each process but PID 1 and this one."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) not in {1, os.getpid()}:
            try:
                found.append(entry.joinpath("stat").read_text().rpartition(")")[2].split()[0])
            except OSError:
                continue
    return found


gate_read, gate_write = os.pipe()
for _ in range(COUNT):
    middle = os.fork()
    if middle == 0:
        if os.fork() == 0:
            os.close(gate_write)
            os.read(gate_read, 1)  # until the gate closes
        os._exit(0)
    os.waitpid(middle, 0)
print(f"alive {len(states())}", flush=True)
os.close(gate_write)
deadline = time.monotonic() + LIMIT
# First until nobody runs any more, then until nobody is left; without a reaper that does not come.
while any(state != "Z" for state in states()) and time.monotonic() < deadline:
    time.sleep(0.01)
deadline = time.monotonic() + (LIMIT if len(sys.argv) == 1 else 0)
while states() and time.monotonic() < deadline:
    time.sleep(0.01)
print(f"zombies {states().count('Z')} left {len(states())}", flush=True)
