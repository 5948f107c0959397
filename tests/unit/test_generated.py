"""Pages and files that are made from the code's tables are up to date: `make docs` mends a failure."""

import importlib
import importlib.util
from pathlib import Path

import click
import pytest

from pysupervise.core.options import VERBS

ROOT = Path(__file__).resolve().parents[2]
SPEC = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
assert SPEC is not None
assert SPEC.loader is not None
GENERATE = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(GENERATE)


def test_the_manual_page_has_no_two_sections_of_a_name() -> None:
    page = GENERATE.FILES["docs/pysupervise.1"]()
    sections = [line.removeprefix(".SH ").strip('"') for line in page.splitlines() if line.startswith(".SH ")]
    assert len(sections) == len(set(sections)), sections


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "probe"])
def test_the_manual_page_has_each_option_of_a_verb(verb: str) -> None:
    page = GENERATE.FILES["docs/pysupervise.1"]()
    _, _, text = page.partition(f'.SS "{verb} [OPTIONS]')
    text = text.partition("\n.S")[0].replace("\\-", "-")
    made = importlib.import_module(f"pysupervise.cli.{verb}").command
    options = [option.opts[-1] for option in made.params if isinstance(option, click.Option) and not option.hidden]
    assert [line.split()[1] for line in text.splitlines() if line.startswith(".B --")] == options
    assert " ".join(made.help.split())[:40] in text


def test_the_table_of_options_has_the_questions() -> None:
    table = GENERATE.options_table()
    assert "| `-h`, `--help` |" in table
    assert "| `-V`, `--version` |" in table


@pytest.mark.parametrize("name", [*GENERATE.FILES, *GENERATE.PARTS])
def test_generated_file_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATE.generated()[name]
