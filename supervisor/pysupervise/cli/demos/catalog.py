"""Every demo by its name, in the order of the list."""

from pysupervise.cli.demos.cases import (
    blocked_mask,
    double_signal,
    exit_status_lost,
    grace_too_short,
    notify_timeout,
    pid1_ignores_term,
    pipe_init,
    setsid_escape,
    shell_swallows_term,
    sigchld_ignored,
    wait_race,
    zombies,
)
from pysupervise.cli.demos.model import Demo

DEMOS: dict[str, Demo] = {
    module.DEMO.name: module.DEMO
    for module in (
        zombies,
        pid1_ignores_term,
        shell_swallows_term,
        sigchld_ignored,
        blocked_mask,
        setsid_escape,
        grace_too_short,
        exit_status_lost,
        pipe_init,
        double_signal,
        wait_race,
        notify_timeout,
    )
}
