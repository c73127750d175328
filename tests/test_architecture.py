"""The promises of docs/design.md about files: who may import what, and in which order."""

import ast
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parent.parent / "src"
FILES = {  # "campare.data.folder" -> its file; a package is its __init__.py
    ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SRC.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8")) for name, path in FILES.items()}

#: Each room imports itself and what stands above it. docs/design.md, "Rooms".
ROOMS = (
    ("types", "errors", "arguments", "optional", "files", "untrusted", "yamlfile"),
    ("data", "models", "targets", "training"),
    ("attribution",),
    ("metrics",),
    ("runs",),
    ("stats",),
    ("report",),
    ("trackers",),
    ("experiments",),
    ("callbacks", "explore"),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, row in enumerate(ROOMS) for name in row}

FRAMEWORKS = {"keras", "tensorflow", "torch", "jax", "lightning"}
MAY_IMPORT_FRAMEWORKS = (
    "campare/models/*.py",
    "campare/models/backends/*.py",
    "campare/training/*.py",
    "campare/callbacks/*.py",
)


def walk(tree: ast.AST, *, at_start: bool) -> Iterator[ast.AST]:
    """All nodes of `tree`; `at_start`: only those that run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if at_start and (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            or (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"))
        ):
            continue
        yield node
        yield from walk(node, at_start=at_start)


def imported(tree: ast.Module, *, at_start: bool = False) -> Iterator[str]:
    """Every module that `tree` names in an import, also through require()."""
    for node in walk(tree, at_start=at_start):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=0) if module:
                yield from (f"{module}.{alias.name}" for alias in names)
            case ast.Call(
                func=ast.Name(id="require" | "import_module" | "__import__")
                | ast.Attribute(attr="require" | "import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                yield name


def campare_modules(tree: ast.Module, *, at_start: bool = False) -> set[str]:
    """The files of campare that `tree` imports: `campare.data.ImageSet` -> `campare.data`."""
    found = set()
    for name in imported(tree, at_start=at_start):
        parts = name.split(".")
        while parts and ".".join(parts) not in FILES:
            parts.pop()
        found.add(".".join(parts))
    return found - {"", "campare"}  # the root holds lazy names and the version


def room_of(module: str) -> str:
    return module.split(".")[1]


def test_the_sources_are_found():
    assert {"campare", "campare.types", "campare.cli", "campare.data"} <= set(FILES)


def test_frameworks_are_imported_only_where_the_design_says():
    guests = {
        path.relative_to(SRC).as_posix()
        for module, path in FILES.items()
        if {name.partition(".")[0] for name in imported(TREES[module])} & FRAMEWORKS
    }
    elsewhere = {p for p in guests if not any(fnmatch(p, ok) for ok in MAY_IMPORT_FRAMEWORKS)}
    assert not elsewhere


def test_imports_point_one_way():
    assert not [m for m in FILES if m != "campare" and room_of(m) not in RANK]
    upwards = [
        (module, other)
        for module, tree in TREES.items()
        if module != "campare"
        for other in campare_modules(tree)
        if RANK[room_of(other)] > RANK[room_of(module)]
    ]
    assert upwards == []


def test_no_import_cycles_counting_imports_inside_functions():
    graph = {name: campare_modules(tree) - {name} for name, tree in TREES.items()}
    graph.pop("campare")  # the root holds lazy names
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_imports_are_absolute():
    relative = [
        module
        for module, tree in TREES.items()
        if any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(tree))
    ]
    assert relative == []


def test_files_are_named_after_their_idea():
    vague = {"util", "utils", "helper", "helpers", "manager", "managers"}
    assert [module for module in FILES if vague & set(re.split(r"[._]+", module))] == []


def test_every_module_has_its_tests_in_a_file_of_its_name():
    """src/campare/ROOM/_x.py -> tests/ROOM/test_x.py; a package is known by its modules."""
    tests = Path(__file__).resolve().parent
    lacking = []
    for path in FILES.values():
        below = path.relative_to(SRC / "campare")
        namesake = tests / below.parent / f"test_{below.stem.lstrip('_')}.py"
        if not path.name.startswith("__") and not namesake.is_file():
            lacking.append(f"{below} has no {namesake.relative_to(tests.parent)}")
    assert lacking == []


def undocumented(tree: ast.Module) -> Iterator[str]:
    """The public functions, classes and methods without a docstring, and the module itself."""
    if not ast.get_docstring(tree):
        yield "module"
    scopes: list[ast.Module | ast.ClassDef] = [tree]
    while scopes:
        for node in scopes.pop().body:
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            if node.name.startswith("_"):
                continue
            if not ast.get_docstring(node):
                yield node.name
            if isinstance(node, ast.ClassDef):
                scopes.append(node)


def test_what_is_public_is_documented():
    lacking = {m: names for m, tree in TREES.items() if (names := list(undocumented(tree)))}
    assert lacking == {}


def test_the_checks_see_what_they_should():
    tree = ast.parse(
        "import keras.layers\n"
        "def f():\n"
        "    from campare.data import ImageSet\n"
        "    require('torch', extra='torch')\n"
        "class _Hidden: pass\n"
        "class Shown:\n"
        "    '''Text.'''\n"
        "    def method(self): pass\n"
    )
    assert set(imported(tree, at_start=True)) == {"keras.layers"}
    assert set(imported(tree)) == {"keras.layers", "campare.data.ImageSet", "torch"}
    assert campare_modules(tree) == {"campare.data"}
    assert list(undocumented(tree)) == ["module", "f", "method"]
