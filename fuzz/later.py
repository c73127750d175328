"""Seeds that take a library to write: made when the first of them is wanted."""

from collections.abc import Callable, Sequence
from functools import cached_property
from importlib.util import find_spec
from typing import overload


class Later(Sequence[bytes]):
    """The files that a function makes, once."""

    def __init__(self, make: Callable[[], Sequence[bytes]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> Sequence[bytes]:
        return self._make()

    def __len__(self) -> int:
        return len(self._made)

    @overload
    def __getitem__(self, at: int) -> bytes: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[bytes]: ...
    def __getitem__(self, at: int | slice) -> bytes | Sequence[bytes]:
        return self._made[at]


def installed(*modules: str) -> bool:
    """Whether libraries are there, which `make setup` may not have installed."""
    return all(find_spec(module) is not None for module in modules)
