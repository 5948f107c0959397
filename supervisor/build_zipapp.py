"""Build pysupervise as one executable file: `python3 supervisor/build_zipapp.py OUT` (needs pip; the result needs only a python3)."""

import compileall
import os
import py_compile
import subprocess
import sys
import tempfile
import zipapp

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What nobody runs out of the archive: scripts of installed packages, and what pip notes about them.
UNUSED = ("bin", ".lock")


def build(out: str) -> None:
    """Install the program and what it needs into a directory, compile it, and pack it behind a first line that finds python3.

    Compiled files stand beside their sources, where the archive's importer looks for them. They serve the Python that built the
    archive; any other reads the sources.
    """
    directory = os.path.dirname(os.path.abspath(out))
    os.makedirs(directory, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="pysupervise-zipapp-") as work:
        tree = os.path.join(work, "tree")
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-compile",
            "--disable-pip-version-check",
            "--root-user-action=ignore",
        ]
        subprocess.run([*pip, "--target", tree, SOURCE], check=True, timeout=300)  # noqa: S603 -- our own pip
        compileall.compile_dir(tree, quiet=1, legacy=True, stripdir=tree, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
        archive = os.path.join(work, "archive")
        zipapp.create_archive(
            tree,
            archive,
            interpreter="/usr/bin/env python3",
            main="pysupervise.__main__:main",
            filter=lambda path: path.parts[0] not in UNUSED,
        )
        os.chmod(archive, 0o755)  # noqa: S103 -- a program for everybody
        # Beside the result first: a name that is in use gets the whole file or none of it.
        fresh = os.path.join(directory, f".{os.path.basename(out)}.{os.getpid()}")
        with open(archive, "rb") as made, open(fresh, "wb") as kept:
            kept.write(made.read())
        os.chmod(fresh, 0o755)  # noqa: S103 -- a program for everybody
        os.replace(fresh, out)


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):  # noqa: PLR2004 -- the name and one argument
        sys.exit("usage: build_zipapp.py OUT")
    build(sys.argv[1])
