"""Snapshot: what a model is made of, so that a change of it in place is noticed.

A program that was compiled once has a layer's constants, functions and contents in it. So what a
forward pass can read, but for the values of weights, is written down: attributes, the entries of
lists and dicts, NumPy arrays by value, and what a user's own functions name. It is compared object
by object, which takes about a millisecond for a network of 200 layers.
"""

import sys
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache, partial
from operator import is_
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

#: Objects of these are not looked into: they do not change, or do so as training goes on.
_FRAMEWORKS = frozenset(
    {"keras", "tensorflow", "torch", "jax", "jaxlib", "numpy", "builtins", "threading", "inspect"}
)
_INSTALLED = _FRAMEWORKS | {"campare"} | sys.stdlib_module_names
_SCALARS = (bool, int, float, complex, str, bytes, type(None), np.generic)
_SEQUENCES = (list, tuple, set, frozenset, deque)
#: Bytes of an array up to which it is compared by value; a larger one by what it is.
_LARGE = 1 << 24

#: Names, and what stands under them.
_Content = tuple[list[Any], list[Any]]


class _Holder(NamedTuple):
    """Something that holds other things: how to read them, and what they were."""

    read: Callable[[], _Content]
    names: list[Any]
    values: list[Any]
    id: int


class Snapshot:
    """What the parts of a model hold; `ignored` are attributes that no forward pass reads.

    Example:
        >>> from types import SimpleNamespace
        >>> layer = SimpleNamespace(rate=0.5, sizes=[1, 2])
        >>> snapshot = Snapshot([layer])
        >>> layer.rate = 1 / 2
        >>> snapshot.differs()
        False
        >>> layer.sizes.append(3)
        >>> snapshot.differs()
        True
    """

    def __init__(self, parts: Iterable[Any], ignored: Collection[str] = ()) -> None:
        self._parts = list(parts)
        self._ignored = frozenset(ignored)
        self._by_itself: set[tuple[int, Any]] = set()  # (holder, name) that a pass changes
        self._take()

    def differs(self) -> bool:
        """Whether anything of it is another than when it was taken."""
        return next(self._changes(), None) is not None

    def accept(self) -> None:
        """After a forward pass: what the pass itself has changed is no change of the model."""
        self._by_itself.update(self._changes())
        self._take()

    def _take(self) -> None:
        self._holders: list[_Holder] = []
        self._arrays: list[tuple[Any, Any]] = []
        known: dict[int, Any] = {}  # with the things, so that no two have the same id
        parts = {id(part) for part in self._parts}
        todo = self._parts[::-1]
        while todo:
            thing = todo.pop()
            if isinstance(thing, _SCALARS) or id(thing) in known:
                continue
            known[id(thing)] = thing
            if isinstance(thing, np.ndarray) and thing.nbytes <= _LARGE:
                self._arrays.append((thing, thing.copy()))
            for read in _readers(thing, is_part=id(thing) in parts):
                names, values = read()
                if not isinstance(thing, (tuple, frozenset)):  # which stay as they are
                    self._holders.append(_Holder(read, names, values, id(thing)))
                todo.extend(v for n, v in zip(names, values, strict=True) if n not in self._ignored)

    def _changes(self) -> Iterator[tuple[int, Any]]:
        """(holder, name) of all that is another than before."""
        for holder in self._holders:
            names, values = holder.read()
            if len(values) == len(holder.values) and all(map(is_, values, holder.values)):
                continue
            before = dict(zip(holder.names, holder.values, strict=True))
            now = dict(zip(names, values, strict=True))
            for name in (before | now).keys() - self._ignored:
                if (holder.id, name) in self._by_itself:
                    continue
                if name not in before or name not in now or not _same(before[name], now[name]):
                    yield holder.id, name
        for array, copy in self._arrays:
            if not np.array_equal(array, copy, equal_nan=array.dtype.kind in "fc"):
                yield id(array), None


def _readers(thing: Any, *, is_part: bool) -> Iterator[Callable[[], _Content]]:
    """How to read what a thing holds; nothing where it is taken for a whole."""
    if is_part:
        yield partial(_attributes, thing)
        yield from (partial(_attributes, kind) for kind in type(thing).__mro__ if _is_own(kind))
    elif isinstance(thing, dict):
        yield lambda: ([*thing], [*thing.values()])
    elif isinstance(thing, _SEQUENCES):
        yield lambda: ([*range(len(thing))], [*thing])
    elif isinstance(thing, partial):
        yield lambda: (["func", "args", "keywords"], [thing.func, thing.args, thing.keywords])
    elif isinstance(thing, MethodType):
        yield lambda: (["self", "func"], [thing.__self__, thing.__func__])
    elif isinstance(thing, (property, staticmethod, classmethod)):
        yield lambda: (
            ["function"],
            [getattr(thing, "fget", None) or getattr(thing, "__func__", None)],
        )
    elif isinstance(thing, FunctionType):
        if _is_own(thing):
            yield partial(_named, thing, sorted(set(_names(thing.__code__))))
    elif not isinstance(thing, type) and hasattr(thing, "__dict__") and not _is_whole(type(thing)):
        yield partial(_attributes, thing)


def _attributes(thing: Any) -> _Content:
    """The attributes of an object or a class, and what kind it is."""
    found = vars(thing)
    return [*found, None], [*found.values(), type(thing)]


def _named(function: FunctionType, names: list[str]) -> _Content:
    """What a function is made of: code, defaults, the variables around it, globals it names."""
    values = [function.__code__, function.__defaults__, function.__kwdefaults__]
    cells = [_content(cell) for cell in function.__closure__ or ()]
    found = [name for name in names if name in function.__globals__]
    content = [*values, *cells, *(function.__globals__[name] for name in found)]
    return [*range(len(values) + len(cells)), *found], content


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # empty yet
        return None


def _names(code: CodeType) -> Iterator[str]:
    """All names in a function's code, and in that of the functions within it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _same(before: Any, now: Any) -> bool:
    """Whether two are the same thing, or equal numbers, texts or tuples of them."""
    if before is now:
        return True
    if type(before) is not type(now):
        return False
    if isinstance(before, tuple):
        return len(before) == len(now) and all(map(_same, before, now))
    alike = isinstance(before, _SCALARS) and (before == now or (before != before and now != now))
    return bool(alike)


def _is_whole(kind: type) -> bool:
    """Whether objects of that kind are not looked into."""
    return kind.__module__.partition(".")[0] in _FRAMEWORKS


def _is_own(thing: Any) -> bool:
    """Whether a class or function was written by the user: it is in no installed package."""
    return _is_own_module(getattr(thing, "__module__", None) or "builtins")


@lru_cache(maxsize=4096)
def _is_own_module(name: str) -> bool:
    if name != "__main__" and name.partition(".")[0] in _INSTALLED:
        return False
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return "site-packages" not in file and "dist-packages" not in file
