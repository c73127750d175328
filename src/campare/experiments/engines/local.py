"""The local engine: one cell after the other, in this process, each with all cores."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from campare.experiments.engines.protocol import Work


def run(
    cells: Sequence[Any], work: Work, on_event: Callable[[Any, Any], None]
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Run `work` on each cell in order and yield (cell, facts).

    Example:
        >>> list(run([1, 2], lambda cell, report: {"square": cell**2}, print))
        [(1, {'square': 1}), (2, {'square': 4})]
    """
    for cell in cells:
        yield cell, work(cell, partial(on_event, cell))
