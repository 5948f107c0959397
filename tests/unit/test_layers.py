"""The layers: who may import whom, read from the source; and that no file grows out of sight."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "supervisor" / "pysupervise"
LONGEST = 400

# What core may take from the standard library: first what the bare interpreter has loaded, then what is loaded only when asked for.
AT_ONCE = {"_signal", "posix", "sys", "time", "gc"}
WHEN_ASKED = {"_ctypes", "ctypes", "difflib", "fcntl", "grp", "json", "os", "pwd", "resource", "select", "termios"}
# Named only inside `if TYPE_CHECKING`, which never runs.
FOR_TYPES = {"collections.abc", "types", "typing"}


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def layer(module: str) -> str:
    words = module.split(".")
    return words[1] if len(words) > 1 else ""


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imports(module: str) -> Iterator[tuple[str, bool, bool]]:
    """Yield (imported module, whether inside a function, whether only for types)."""

    def visit(node: ast.AST, inside: bool, types: bool) -> Iterator[tuple[str, bool, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                for alias in child.names:
                    yield alias.name, inside, types
            elif isinstance(child, ast.ImportFrom):
                assert child.level == 0, f"{module}: relative import"
                assert child.module is not None
                for alias in child.names:
                    full = f"{child.module}.{alias.name}"
                    yield (full if full in MODULES else child.module), inside, types
            else:
                is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
                yield from visit(child, inside or is_function, types or is_type_checking(child))

    yield from visit(ast.parse(MODULES[module].read_text(encoding="utf-8")), False, False)


def modules_of(*layers: str) -> list[str]:
    return [module for module in MODULES if layer(module) in layers]


def test_the_package_is_where_it_is_looked_for() -> None:
    assert "pysupervise.core.machine" in MODULES
    assert not (PACKAGE.parent / "__init__.py").exists(), "the import name supervisor belongs to somebody else"


@pytest.mark.parametrize("module", modules_of("core"))
def test_core_imports_core_and_a_short_list(module: str) -> None:
    for imported, inside, types in imports(module):
        if imported.split(".")[0] == "pysupervise":
            assert layer(imported) == "core", imported
        elif types:
            assert imported in FOR_TYPES, imported
        else:
            assert imported in (AT_ONCE | WHEN_ASKED if inside else AT_ONCE), f"{imported} ({'in a function' if inside else 'at once'})"


@pytest.mark.parametrize("module", modules_of("features", "agent"))
def test_features_import_neither_each_other_nor_what_is_above(module: str) -> None:
    for imported, _, _ in imports(module):
        if imported.split(".")[0] == "pysupervise":
            same_feature = imported.split(".")[:3] == module.split(".")[:3]  # a feature may be a package of several modules
            assert layer(imported) in ("core", "") or same_feature, imported


@pytest.mark.parametrize("module", MODULES)
def test_nobody_imports_main(module: str) -> None:
    assert "pysupervise.__main__" not in {imported for imported, _, _ in imports(module)}


@pytest.mark.parametrize("module", MODULES)
def test_click_is_for_the_verbs(module: str) -> None:
    heavy = {imported.split(".")[0] for imported, _, _ in imports(module)} & {"click"}
    assert not heavy or layer(module) == "cli", heavy


def test_the_entry_loads_core_at_once_and_the_rest_when_asked() -> None:
    at_once = {imported for imported, inside, types in imports("pysupervise.__main__") if not inside and not types}
    assert at_once == {"gc", "posix", "sys", "pysupervise.core.kernel", "pysupervise.core.settings"}


def test_imports_at_module_level_have_no_cycle() -> None:
    edges = {module: {i for i, inside, types in imports(module) if i in MODULES and not inside and not types} for module in MODULES}
    done: set[str] = set()

    def visit(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, " -> ".join((*way, module))
        if module not in done:
            for imported in edges[module]:
                visit(imported, (*way, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


SOURCES = sorted(path for place in ("supervisor", "tests", "bench") for path in (ROOT / place).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_file_can_be_read_in_one_sitting(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= LONGEST
    assert not [number for number, line in enumerate(lines, 1) if len(line) > 140]
