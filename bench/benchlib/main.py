"""The command line of the benchmark, and the order of the measurements."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from . import (
    chart,
    inits,
    measure_growth,
    measure_idle,
    measure_look,
    measure_memory,
    measure_orphans,
    measure_signals,
    measure_spawn,
    measure_stop,
    native,
    pypi,
    report,
)
from .namespace import MeasureError, Namespace
from .setting import Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .figures import Figure

LIMIT_S = 285.0  # the design's five minutes, with time to write the report
MEASUREMENTS: dict[str, Callable[[Setting], list[Figure]]] = {
    "spawn": measure_spawn.measure,
    "memory": measure_memory.measure,
    "signals": measure_signals.measure,
    "orphans": measure_orphans.measure,
    "idle": measure_idle.measure,
    "stop": measure_stop.measure,
    "look": measure_look.measure,
    "growth": measure_growth.measure,  # last: it can stop early
}


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench/run.py",
        description="Measure pysupervise as PID 1 beside other inits.",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw a bar chart")
    parser.add_argument("--quick", action="store_true", help="under a minute, noisier")
    parser.add_argument(
        "--only",
        type=lambda names: names.split(","),
        default=list(MEASUREMENTS),
        metavar="NAME,...",
        help=f"measure these alone: {', '.join(MEASUREMENTS)}",
    )
    parser.add_argument(
        "--command",
        metavar="PATH",
        help="pysupervise (default: beside this interpreter, then on PATH)",
    )
    arguments = parser.parse_args(argv)
    unknown = sorted(set(arguments.only) - set(MEASUREMENTS))
    if unknown:
        parser.error(f"no such figure: {', '.join(unknown)}")
    return arguments


def _say(words: str) -> None:
    sys.stderr.write(f"bench: {words}\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status that run.py documents."""
    arguments = _arguments(argv)
    begun = time.monotonic()
    if os.geteuid() != 0:
        _say("cannot make PID namespaces: needs root\nhint: sudo, or a root shell")
        return 2
    try:
        with tempfile.TemporaryDirectory(prefix="pysupervise-bench-") as work:
            machine, figures = _measure(arguments, Path(work), begun)
    except (inits.InitError, native.NativeError, MeasureError) as error:
        _say(str(error))
        return 2
    took_s = time.monotonic() - begun
    sys.stdout.write(report.text(machine, figures, took_s))
    if arguments.json:
        numbers = report.as_json(machine, figures, took_s)
        arguments.json.write_text(json.dumps(numbers, indent=2) + "\n")
    if arguments.svg:
        arguments.svg.write_text(chart.draw(machine, figures))
    held = [check.held for figure in figures for check in figure.checks]
    return 1 if False in held else 0


def _measure(arguments: argparse.Namespace, work: Path, begun: float) -> tuple[report.Machine, list[Figure]]:
    """Get everything ready, then measure one figure after the other."""
    command = inits.find_command(arguments.command)
    interpreter = inits.find_interpreter(command)
    cache = native.cache_dir()
    tools = native.build(cache)
    with Namespace(tools.launch, ["true"]) as probe:
        probe.finish()  # says early, and once, when the kernel refuses namespaces
    found, absent = inits.debian()
    _say("installing the process managers from PyPI, unless they are there")
    venv, not_installed = pypi.install(cache, interpreter)
    setting = Setting(
        tools=tools,
        command=command,
        interpreter=interpreter,
        debian=found,
        managers=pypi.managers(venv, work),
        work=work,
        quick=arguments.quick,
        deadline=begun + LIMIT_S,
    )
    beside = [*map(inits.debian_version, found), *pypi.versions(venv)]
    machine = report.describe(interpreter, beside, [*absent, *not_installed])
    figures = []
    for name, measure in MEASUREMENTS.items():
        if name in arguments.only:
            _say(f"{time.monotonic() - begun:5.1f} s  {name}")
            figures += measure(setting)
    return machine, figures
