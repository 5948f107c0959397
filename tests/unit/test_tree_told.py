"""Who has had the signal of a stop, and does not get it again from the sweep."""

from typing import Any

import pytest
from fake_kernel import FakeKernel

from pysupervise.core.tree import Tree

TERM = 15
EVERYBODY = {60, 61, 70}


@pytest.mark.parametrize(("target", "told"), [("handlers", [61, 70]), ("child", []), ("tree", [])])
def test_only_a_part_of_the_tree_is_remembered_as_told(target: str, told: list[int]) -> None:
    kernel: Any = FakeKernel()
    for pid, parent in ((60, kernel.own_pid), (61, 60), (70, 61)):
        kernel.add(pid, parent)
    tree = Tree(kernel, has_group=True)
    tree.note_told(target, [61, 70, 4711])
    assert sorted(tree.told) == told
    assert sorted(tree.deliver_to_untold(TERM)) == sorted(EVERYBODY - set(told))
