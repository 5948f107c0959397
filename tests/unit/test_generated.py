"""Pages and files that are made from the code's tables are up to date: `make docs` mends a failure."""

import importlib.util
from pathlib import Path

import pytest

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


def test_the_table_of_options_has_the_questions() -> None:
    table = GENERATE.options_table()
    assert "| `-h`, `--help` |" in table
    assert "| `-V`, `--version` |" in table


@pytest.mark.parametrize("name", [*GENERATE.FILES, *GENERATE.PARTS])
def test_generated_file_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == GENERATE.generated()[name]
