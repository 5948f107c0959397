"""The words of the story that need a look at the processes."""

from typing import Any

from fake_kernel import FakeKernel

from pysupervise.core import explain
from pysupervise.core.tree import Tree


def test_who_survives_kill_is_named_and_the_dead_only_with_a_tracer() -> None:
    kernel: Any = FakeKernel()
    for pid, state, tracer in ((61, "D", 0), (70, "Z", 0), (71, "Z", 9), (72, "X", 0)):
        process = kernel.add(pid, kernel.own_pid, state=state, name=f"n{pid}")
        process.tracer = tracer
    assert explain.stuck(kernel, Tree(kernel, has_group=True)) == "61 n61 (uninterruptible in do_sys_poll), 71 n71 (dead, kept by a tracer)"
