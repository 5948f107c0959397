"""Makes one zombie of a kind: `zombie_makers.py KIND`. Writes "ready PID-OF-THE-ZOMBIE [PID-OF-ANOTHER]" and waits until it is killed.

The process itself is the parent, except where the kind says otherwise. Pids are those of the namespace that this runs in.
"""

import ctypes
import os
import signal
import sys
import threading
import time

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WNOWAIT_ENDED = os.WEXITED | os.WNOWAIT
LIBC = ctypes.CDLL(None, use_errno=True)


def ready(*pids: int) -> None:
    """Say that all is as it should be."""
    os.write(1, f"ready {' '.join(map(str, pids))}\n".encode())


def sleep_on() -> None:
    """Wait to be killed."""
    while True:
        time.sleep(1000)


def child(work: "object" = None) -> int:
    """Fork: the child calls ``work``, and exits with 3."""
    pid = os.fork()
    if pid == 0:
        if callable(work):
            work()
        os._exit(3)
    return pid


def ended() -> int:
    """Return a child that is a zombie."""
    pid = child()
    os.waitid(os.P_PID, pid, WNOWAIT_ENDED)
    return pid


def await_zombie(pid: int) -> None:
    """Wait until a process is one, where waitid does not tell."""
    state = ""
    while state != "Z":
        time.sleep(0.01)
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            state = file.read().rpartition(")")[2].split()[0]


def blocked() -> None:
    """Block SIGCHLD, and leave it pending."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    ready(ended())
    sleep_on()


def open_thread() -> None:
    """Block SIGCHLD in the main thread alone; another takes it, and its handler does not wait."""
    signal.signal(signal.SIGCHLD, lambda *_: None)
    threading.Thread(target=sleep_on, daemon=True).start()
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    ready(ended())
    sleep_on()


def taken() -> None:
    """Block SIGCHLD, take it, and do not wait."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    pid = ended()
    signal.sigwait([signal.SIGCHLD])
    ready(pid)
    sleep_on()


def ignored() -> None:
    """Ignore SIGCHLD after the death."""
    pid = ended()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    ready(pid)
    sleep_on()


def caught() -> None:
    """Have a handler that does not wait."""
    signal.signal(signal.SIGCHLD, lambda *_: None)
    ready(ended())
    sleep_on()


def unhandled() -> None:
    """Do nothing at all."""
    ready(ended())
    sleep_on()


def killed() -> None:
    """Have a child that a signal killed."""
    pid = child(lambda: os.kill(os.getpid(), signal.SIGKILL))
    os.waitid(os.P_PID, pid, WNOWAIT_ENDED)
    ready(pid)
    sleep_on()


def stopped() -> None:
    """Stop oneself; the line comes before it."""
    ready(ended())
    os.kill(os.getpid(), signal.SIGSTOP)
    sleep_on()


def waits_for_one() -> None:
    """Wait for another child alone."""
    other = child(sleep_on)
    ready(ended(), other)
    os.waitpid(other, 0)


def uninterruptible() -> None:
    """Be in vfork(2) as long as the child has neither executed nor ended."""
    ready(ended())
    # The child shares our stack until it ends, so it must not return from here: ctypes cannot do that, a program can.
    os.execv(sys.argv[2], [sys.argv[2]])  # noqa: S606 -- a shell would be the parent


def traced_parent() -> None:
    """Be the tracer: the zombie's parent, our child, is stopped by us."""
    read, write = os.pipe()

    def parent() -> None:
        os.write(write, f"{ended()}\n".encode())
        sleep_on()

    pid = child(parent)
    zombie = int(os.read(read, 100))
    assert LIBC.ptrace(PTRACE_SEIZE, pid, None, None) == 0
    assert LIBC.ptrace(PTRACE_INTERRUPT, pid, None, None) == 0
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)
    ready(zombie, pid)
    sleep_on()


def traced_zombie() -> None:
    """Be the parent, and have a tracer beside that seizes the child and does not wait."""
    to_zombie, go = os.pipe()
    from_tracer, told = os.pipe()
    zombie = child(lambda: os.read(to_zombie, 1))

    def tracer() -> None:
        assert LIBC.ptrace(PTRACE_SEIZE, zombie, None, None) == 0
        os.write(told, b"1")
        sleep_on()

    pid = child(tracer)
    assert os.read(from_tracer, 1) == b"1"
    os.write(go, b"1")
    await_zombie(zombie)
    ready(zombie, pid)
    os.waitpid(zombie, 0)  # for it, and in vain
    sleep_on()


def dead_leader() -> None:
    """Have a child whose main thread ends while another lives."""

    def leader() -> None:
        threading.Thread(target=sleep_on).start()
        LIBC.pthread_exit(None)

    pid = child(leader)
    await_zombie(pid)
    ready(pid)
    os.waitpid(pid, 0)


def orphan() -> None:
    """As PID 1: an orphan comes to us, and ends; we wait for nobody."""
    read, write = os.pipe()

    def middle() -> None:
        os.write(write, f"{child(lambda: os.read(gate, 1))}\n".encode())

    gate, open_gate = os.pipe()
    first = child(middle)
    pid = int(os.read(read, 100))
    os.waitpid(first, 0)
    os.write(open_gate, b"1")
    os.waitid(os.P_PID, pid, WNOWAIT_ENDED)
    ready(pid)
    sleep_on()


def other_signal() -> None:
    """Have a child made by clone() with end signal 0."""
    pid = LIBC.syscall(56, 0, None, None, None, None) if os.uname().machine == "x86_64" else LIBC.syscall(220, 0, None, None, None, None)
    if pid == 0:
        os._exit(3)
    await_zombie(pid)
    ready(pid)
    sleep_on()


def none() -> None:
    """Have a child that lives."""
    ready(child(sleep_on))
    sleep_on()


globals()[sys.argv[1]]()
