"""A service that ends in its own way: TERM gives status 7, USR1 is counted."""

import signal

caught = {signal.SIGTERM, signal.SIGUSR1}
signal.pthread_sigmask(signal.SIG_BLOCK, caught)
for signum in caught:
    signal.signal(signum, lambda *_: None)  # shows in SigCgt that the service handles it
print("ready", flush=True)
while signal.sigwait(caught) == signal.SIGUSR1:
    print("got USR1", flush=True)
print("got TERM", flush=True)
raise SystemExit(7)
