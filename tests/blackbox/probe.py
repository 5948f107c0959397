"""A child that tells what it gets: "LABEL ready (pid N)", then "LABEL SIGNUM" for each signal.

Options: --exit-on=SIGNUM:STATUS (repeatable) leaves on a signal; --default=SIGNUM,... leaves signals at their default action;
--worker=LABEL has a child that catches nothing but tells (SigCgt empty, it waits with the signals blocked);
--after=SECONDS leaves so long after an --exit-on signal.
"""

import os
import signal
import sys
import time

ALL = set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}


def say(label: str, words: str) -> None:
    """Write a line in one piece, so that lines of several processes do not mix."""
    os.write(1, f"{label} {words}\n".encode())


def serve(label: str, taken: "set[int]", exits: "dict[int, int]", delay_s: float) -> None:
    """Tell of each signal."""
    say(label, f"ready (pid {os.getpid()})")
    while True:
        signum = signal.sigwaitinfo(taken).si_signo
        say(label, str(signum))
        if signum in exits:
            time.sleep(delay_s)
            os._exit(exits[signum])


def main() -> None:
    """Read the options."""
    exits: dict[int, int] = {}
    default: set[int] = {signal.SIGCHLD}
    workers: list[str] = []
    delay_s = 0.0
    for word in sys.argv[1:-1]:
        name, _, value = word.partition("=")
        if name == "--exit-on":
            signum, _, status = value.partition(":")
            exits[int(signum)] = int(status or 0)
        elif name == "--default":
            default |= {int(number) for number in value.split(",")}
        elif name == "--after":
            delay_s = float(value)
        elif name == "--worker":
            workers.append(value)
    taken = ALL - default
    signal.pthread_sigmask(signal.SIG_BLOCK, taken)
    for worker in workers:
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # Python's own handler would count as caught
            serve(worker, taken, exits, 0.0)
    for number in taken:
        signal.signal(number, lambda *_: None)
    serve(sys.argv[-1], taken, exits, delay_s)


main()
