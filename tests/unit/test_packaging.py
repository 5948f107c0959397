"""What a wheel and an sdist hold, and that the installed command is a script of our own."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "supervisor" / "pysupervise"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(ROOT)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return out


def test_wheel_holds_the_package_the_script_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
        script = next(name for name in names if name.endswith(".data/scripts/pysupervise"))
        text = archive.read(script).decode()
    expected = {str(path.relative_to(ROOT / "supervisor")) for path in PACKAGE.rglob("*") if path.suffix in (".py", ".typed")}
    assert names - {script} == expected
    assert "pysupervise/py.typed" in names
    assert text.startswith("#!python\n")
    assert "import re" not in text


def test_sdist_can_be_built_from_and_has_no_caches(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "Dockerfile", "supervisor/bin/pysupervise", "supervisor/pysupervise/core/loop.py"} <= names
    assert not [name for name in names if "__pycache__" in name or name.startswith(".venv")]


def test_installed_command_does_not_import_re(pysupervise: str) -> None:
    text = Path(pysupervise).read_text(encoding="utf-8")
    assert text.startswith("#!/")
    assert "import re" not in text
    assert "from pysupervise.__main__ import main" in text
