"""Make every page and file that stands for a table of the code: `make docs`. tests/unit/test_generated.py compares them."""

import sys
from collections.abc import Callable
from pathlib import Path

from pysupervise.cli import completion, manpage, probe
from pysupervise.core import status
from pysupervise.core.machine import SUCCESSORS
from pysupervise.core.options import OPTIONS, QUESTIONS
from pysupervise.core.words import EVENTS
from pysupervise.features.probe.options import OPTIONS as PROBE_OPTIONS

ROOT = Path(__file__).resolve().parent.parent


def options_table() -> str:
    """Return the option table as Markdown."""
    rows = ["| option | variable | what it does |", "| --- | --- | --- |"]
    for option in OPTIONS:
        flags = (f"`-{option.short}`, " if option.short else "") + f"`--{option.name}" + (f" {option.metavar}`" if option.metavar else "`")
        rows.append(f"| {flags} | `{option.variable}` | {option.help} |")
    rows += [f"| `-{question.short}`, `--{question.name}` | | {question.help} |" for question in QUESTIONS]
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


def probe_page() -> str:
    """Return docs/probe.md."""
    targets = "\n".join(f"| `{target}` | {meaning} |" for target, meaning in probe.TARGETS)
    options = []
    for option in PROBE_OPTIONS:
        flags = (f"`-{option.short}`, " if option.short else "") + f"`--{option.name}" + (f" {option.metavar}`" if option.metavar else "`")
        options.append(f"| {flags} | {option.help} |")
    statuses = "\n".join(f"| {code} | {meaning} |" for code, meaning in probe.STATUSES)
    return PROBE_PAGE.format(summary=probe.SUMMARY, epilog=probe.EPILOG, targets=targets, options="\n".join(options), statuses=statuses)


PROBE_PAGE = """# pysupervise probe

{summary}

```dockerfile
HEALTHCHECK --interval=10s --timeout=3s CMD ["pysupervise", "probe", "-q", "--timeout", "2s", "http://127.0.0.1:8080/health"]
```

```yaml
readinessProbe:
  exec:
    command: ["pysupervise", "probe", "-q", "--timeout", "2s", "exec:pg_isready", "-q"]
  timeoutSeconds: 3
```

Keep `--timeout` below the engine's own limit: then the reason is in its log, instead of a KILL.

| target | healthy if |
| --- | --- |
{targets}

| option | what it does |
| --- | --- |
{options}

{epilog}

| status | meaning |
| --- | --- |
{statuses}

To Kubernetes whatever is not 0 is a failure.

## What it does and does not

- The limit holds for a whole try, name look-up included, however slowly a server sends. A name with several addresses shares it among them.
- A command of `exec:` runs without a shell, in a process group of its own, with /dev/null as its input. What it writes goes where the probe
  writes; with `--json` its standard output goes to standard error. When it ended, and at the limit, the whole group gets KILL.
  Whoever left the group gets it too: orphans come to the probe (PR_SET_CHILD_SUBREAPER). All of them are reaped before the probe leaves.
- TERM, INT or any other deadly signal to the probe ends the command the same way first. KILL to the probe sends KILL to the command
  (PR_SET_PDEATHSIG), but not to what the command started. A probe that had children before its start
  (`service & exec pysupervise probe ...`) ends the process group only, since it cannot tell whose the others are.
- `pid:` says that a process has that number and lives. Whether it is the one that wrote the file, or a later one with the same number, it
  cannot know: the name in the answer tells.
- Headers of more than 64 KiB are refused, a body is searched up to 1 MiB, and no control character of a server reaches the terminal.
- Redirects are not followed, and the answer to one counts as healthy unless `--status` says otherwise.
"""


# Files that hold generated parts between `<!-- NAME -->` and `<!-- end NAME -->`.
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "README.md": {"options": options_table, "statuses": status_table},
    "docs/design.md": {"phases": phases_diagram},
}
FILES: dict[str, Callable[[], str]] = {
    "docs/events.md": events_page,
    "docs/probe.md": probe_page,
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
