"""Whether the code of a recipe is what it was: a digest of its functions' files and their helpers.

    functions -> their files -> files of the same folder that these import -> what those import ...

Imports are read in the text, also those inside functions; nothing is run for it. A name that is put
together while the code runs is not found, nor is a file of data. Of code that is installed, and of
notebooks, the function's own text counts and no other.
"""

import ast
import functools
import hashlib
import inspect
import re
import site
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from campare.optional import load_object
from campare.training.recipe import Recipe, spelled

#: The roles of functions in a recipe.
ROLES = ("train", "build", "load", "save")
#: Folders of what is installed: Python's own modules and packages.
_INSTALLED = tuple(
    Path(folder)
    for folder in (
        *(sysconfig.get_path(key) for key in ("stdlib", "purelib", "platlib")),
        *(*site.getsitepackages(), site.getusersitepackages()),
    )
)
_NAMED = re.compile(r"([A-Za-z_][\w.]*):[A-Za-z_][\w.]*")


class Source(NamedTuple):
    """A file of code, the folder its imports start from, and the package that it is in."""

    file: Path
    folder: Path
    package: tuple[str, ...]


def code_digest(recipe: Recipe) -> dict[str, str]:
    """A digest of the code that a recipe's functions are in; {} where all of it is campare's.

    A backbone or an option `module:name` whose module is a file in the current folder counts as a
    function does.
    """
    found = [getattr(recipe, role) for role in ROLES if recipe.train is not None]
    functions = [_plain(one) for one in found if one is not None]
    modules = [inspect.getmodule(one) for one in functions]
    own = [
        (one, module)
        for one, module in zip(functions, modules, strict=True)
        if module is None or module.__name__.partition(".")[0] != "campare"
    ]
    starts = [start for _, module in own if (start := _source_of(module))]
    named = list(_of_options(recipe))
    texts = {_text(*each) for each in own} | {_read(source.file) for source in named}
    texts |= {_read(source.file) for source in helpers([*starts, *named])}
    if not texts:
        return {}
    return {"code": hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()[:16]}


def helpers(starts: Iterable[Source]) -> list[Source]:
    """What files import from their own folders, and what that imports; without themselves."""
    starts = list(starts)
    found = {source.file: source for source in starts}
    waiting = list(starts)
    while waiting:
        for source in _imported(waiting.pop()):
            if source.file not in found:
                found[source.file] = source
                waiting.append(source)
    first = {source.file for source in starts}
    return [source for file, source in found.items() if file not in first]


def _plain(code: Any) -> Any:
    """The function that a recipe names, or has, without what is wrapped around it."""
    function = load_object(code) if isinstance(code, str) else code
    while isinstance(function, functools.partial):
        function = function.func
    return inspect.unwrap(function)


def _text(function: Any, module: ModuleType | None) -> str:
    """The text of the module of a function; its own, or its name, where there is none."""
    for source in (module or function, function):
        try:
            return inspect.getsource(source)
        except (OSError, TypeError):
            continue
    return spelled(function)


def _source_of(module: ModuleType | None) -> Source | None:
    """The file of a module of the user's own; None where it is installed, or has no file."""
    if module is None or not getattr(module, "__file__", None):
        return None
    file = Path(str(module.__file__)).resolve()
    if file.suffix != ".py" or any(file.is_relative_to(folder) for folder in _INSTALLED):
        return None
    package = tuple((getattr(module, "__package__", None) or "").split("."))
    package = package if package != ("",) else ()
    if package and file.parent.parts[-len(package) :] != package:
        package = ()  # a file that was imported under another name
    return Source(file, file.parents[len(package)], package)


def _of_options(recipe: Recipe) -> Iterator[Source]:
    """Files of the current folder that options, or a backbone, name as `module:name`."""
    for value in (recipe.backbone, *recipe.options.values()):
        match = _NAMED.fullmatch(value) if isinstance(value, str) else None
        if match:
            yield from list(_files(match[1].split("."), Path.cwd()))[-1:]


def _imported(source: Source) -> Iterator[Source]:
    """The files that a file imports from the folder it starts from, or from beside it.

    Its package is imported before it.
    """
    yield from _files(list(source.package), source.folder)
    try:
        tree = ast.parse(source.file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return
    for name in _names(tree, source.package):
        found = list(_files(name, source.folder))
        beside = source.file.parent
        yield from found or (_files(name, beside) if beside != source.folder else ())


def _names(tree: ast.Module, package: tuple[str, ...]) -> Iterator[list[str]]:
    """The parts of all names that a file imports: of `from a import b`, a and b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".") for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) + 1 - node.level]) if node.level else []
            base += node.module.split(".") if node.module else []
            yield from ([*base, alias.name] for alias in node.names)


def _files(name: list[str], folder: Path) -> Iterator[Source]:
    """The files that are read when a name is imported from a folder: packages, then the module."""
    for n in range(1, len(name) + 1):
        path = folder.joinpath(*name[:n])
        if (package := path / "__init__.py").is_file():
            yield Source(package.resolve(), folder, tuple(name[:n]))
        elif (module := path.with_suffix(".py")).is_file():
            yield Source(module.resolve(), folder, tuple(name[: n - 1]))


def _read(file: Path) -> str:
    return file.read_text("utf-8", errors="replace")
