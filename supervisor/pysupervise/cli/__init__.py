"""The questions and verbs, with click: one file each. Nothing of this is loaded for a run."""


def answer(name: str, arguments: list[str]) -> int:
    """Answer --help, --version or a verb; return the exit status."""
    from pysupervise.cli.main import run

    return run(name, arguments)
