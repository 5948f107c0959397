"""`pysupervise demo`: what goes wrong without an init and right with one, made for real and observed."""

import difflib
import json
import sys

import click

from pysupervise.cli.demos import stage
from pysupervise.cli.demos.cast import Cast
from pysupervise.cli.demos.catalog import DEMOS
from pysupervise.cli.demos.draw import Drawing
from pysupervise.cli.demos.model import Demo, Event, Result
from pysupervise.cli.output import CannotError, Column, complain, fold, json_option, screen, table
from pysupervise.cli.sandbox import Place, best_place

NOT_SHOWN = 1
NARROW = 100  # columns: with fewer, name and summary do not fit beside each other


@click.command(name="demo")
@click.argument("name", required=False, shell_complete=lambda *_: list(DEMOS))
@click.option("--all", "every", is_flag=True, help="Run every demo, and say of each whether it showed what it claims.")
@json_option
@click.option("--record", metavar="FILE", help="Write what is printed to a new file, as an asciicast v2.")
@click.option("--place", type=click.Choice([place.value for place in Place]), hidden=True)
def command(name: str | None, *, every: bool, as_json: bool, record: str | None, place: str | None) -> None:
    """Show an incident without and with pysupervise; without a NAME, list the demos.

    Both sides run for real, in a PID namespace where the system permits one. Status 0: the facts that were observed are those that the demo
    explains; 1: they are not, or it cannot be shown here.
    """
    if name is not None and every:
        raise CannotError("cannot run --all and one demo at once", "leave one of them out")
    if name is None and not every:
        if record is not None:
            raise CannotError("cannot record a list", "name a demo, or give --all")
        _list(as_json=as_json)
        return
    if as_json and record is not None:
        raise CannotError("cannot record with --json, which draws nothing", "leave one of them out")
    chosen = list(DEMOS.values()) if name is None else [_find(name)]
    try:
        with stage.interruptible():
            where = best_place() if place is None else Place(place)
            results = _run_silently(chosen, where) if as_json else _run(chosen, where, record, whole=not every)
    except stage.StoppedError as stopped:
        complain("pysupervise: stopped; nothing was left running")
        raise SystemExit(stopped.status) from None
    if as_json:
        values = [result.value() for result in results]
        click.echo(json.dumps(values if every else values[0], indent=2))
    raise SystemExit(0 if all(result.shown for result in results) else NOT_SHOWN)


def _list(*, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([{"name": demo.name, "summary": demo.summary} for demo in DEMOS.values()], indent=2))
        return
    shown = screen()
    if shown.width is not None and shown.width < NARROW:
        for demo in DEMOS.values():
            click.echo(shown.paint(demo.name, bold=True) + "\n" + fold(shown, f"  {demo.summary}", "  "))
        return
    rows = [(demo.name, demo.summary) for demo in DEMOS.values()]
    click.echo(table(shown, [Column("DEMO"), Column("WHAT IT SHOWS")], rows))


def _find(name: str) -> Demo:
    if name in DEMOS:
        return DEMOS[name]
    near = [demo for demo in DEMOS if len(name) > 1 and demo.startswith(name.lower())]
    near = near or difflib.get_close_matches(name.lower(), DEMOS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else "pysupervise demo lists them"
    raise CannotError(f"cannot show {name!r}: there is no such demo", hint)


def _run_silently(chosen: list[Demo], place: Place) -> list[Result]:
    return [stage.run(demo, place, together=True, show=lambda _events: None) for demo in chosen]


def _run(chosen: list[Demo], place: Place, record: str | None, *, whole: bool) -> list[Result]:
    shown = screen()
    title = "pysupervise demo " + (chosen[0].name if whole else "--all")
    cast = None if record is None else Cast(record, title, shown.width)

    def write(text: str) -> None:
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError:
            raise  # whoever reads has seen enough: click ends quietly, with status 1
        except OSError as error:
            raise CannotError(f"cannot write to standard output: {error.strerror}", "free some space, or write elsewhere") from None
        if cast is not None:
            cast.write(text)

    drawing = Drawing(shown, write)

    def show(events: list[Event]) -> None:
        drawing.events(events)

    results = []
    try:
        for demo in chosen:
            drawing.begin(demo, place)
            result = stage.run(demo, place, together=drawing.columns, show=show)
            drawing.end(result, whole=whole)
            results.append(result)
        if not whole:
            good = sum(result.shown for result in results)
            write(f"{good} of {len(results)} demos showed what they claim.\n")
    finally:
        if cast is not None:
            cast.close()
    return results
