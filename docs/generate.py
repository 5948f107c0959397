"""Make every page and file that stands for a table of the code: `make docs`. tests/unit/test_generated.py compares them."""

import sys
from collections.abc import Callable
from pathlib import Path

from pysupervise.cli import completion, manpage
from pysupervise.core import status
from pysupervise.core.machine import SUCCESSORS
from pysupervise.core.options import OPTIONS
from pysupervise.core.words import EVENTS

ROOT = Path(__file__).resolve().parent.parent


def options_table() -> str:
    """Return the option table as Markdown."""
    rows = ["| option | variable | what it does |", "| --- | --- | --- |"]
    for option in OPTIONS:
        flags = (f"`-{option.short}`, " if option.short else "") + f"`--{option.name}" + (f" {option.metavar}`" if option.metavar else "`")
        rows.append(f"| {flags} | `{option.variable}` | {option.help} |")
    return "\n".join(rows)


def status_table() -> str:
    """Return the exit statuses as Markdown."""
    return "\n".join(["| status | meaning |", "| --- | --- |", *(f"| {code} | {meaning} |" for code, meaning in status.TABLE)])


def phases_diagram() -> str:
    """Return the phases as a Mermaid diagram."""
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> starting"]
    lines += [f"    {phase} --> {after}" for phase, successors in SUCCESSORS.items() for after in successors]
    return "\n".join([*lines, "    exited --> [*]", "```"])


def events_page() -> str:
    """Return docs/events.md."""
    rows = "\n".join(f"| `{name}` | {sentence.replace('|', chr(92) + '|')} |" for name, sentence in EVENTS.items())
    return f"""# Events

What `-v` and `-vv` tell, and the `event` field of `--log-format json` and `logfmt`. Names in braces are fields of their own there; the
field `pid` is pysupervise itself, a process that an event is about stands in `about_pid`.

| event | sentence |
| --- | --- |
{rows}
"""


# Files that hold generated parts between `<!-- NAME -->` and `<!-- end NAME -->`.
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"options": options_table, "statuses": status_table},
    "docs/design.md": {"phases": phases_diagram},
}
FILES: dict[str, Callable[[], str]] = {
    "docs/events.md": events_page,
    "docs/pysupervise.1": manpage.page,
    "contrib/completions/pysupervise.bash": lambda: completion.script("bash"),
    "contrib/completions/_pysupervise": lambda: completion.script("zsh"),
    "contrib/completions/pysupervise.fish": lambda: completion.script("fish"),
}


def generated() -> dict[str, str]:
    """Return the content that each file should have."""
    contents = {name: make() for name, make in FILES.items()}
    for name, parts in PARTS.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        for part, make in parts.items():
            begin, end = f"<!-- {part} -->\n", f"\n<!-- end {part} -->"
            before, _, rest = text.partition(begin)
            _, _, after = rest.partition(end)
            text = before + begin + make() + end + after
        contents[name] = text
    return contents


def main() -> None:
    """Write all of them."""
    for name, content in generated().items():
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
