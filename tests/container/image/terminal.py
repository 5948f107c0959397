"""Tell what arrives from the terminal: its size, each change of it, each INT; ends at QUIT with status 5."""

import os
import signal

caught = {signal.SIGINT, signal.SIGWINCH, signal.SIGQUIT}
signal.pthread_sigmask(signal.SIG_BLOCK, caught)
interrupts = 0
print("foreground", os.tcgetpgrp(0) == os.getpgrp(), flush=True)
while True:
    size = os.get_terminal_size(0)
    print(f"size {size.lines}x{size.columns}", flush=True)
    came = signal.sigwait(caught)
    if came == signal.SIGINT:
        interrupts += 1
        print(f"interrupt {interrupts}", flush=True)
    elif came == signal.SIGQUIT:
        print(f"interrupts in all {interrupts}", flush=True)
        raise SystemExit(5)
