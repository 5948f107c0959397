"""Every demo by its name, in the order of the list."""

from pysupervise.cli.demos.cases import pid1_ignores_term, zombies
from pysupervise.cli.demos.model import Demo

DEMOS: dict[str, Demo] = {
    module.DEMO.name: module.DEMO
    for module in (
        zombies,
        pid1_ignores_term,
    )
}
