"""The local engine: one cell after the other in this process, or several in processes of their own.

One process gives each cell all cores; `jobs` processes share them: `processes.run`. Where they
`overlap`, each cell has all cores: one is measured while another is trained, and rows are those of
one process.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from campare.experiments.engines import processes
from campare.experiments.engines.protocol import Work


def run(
    cells: Sequence[Any],
    work: Work,
    on_event: Callable[[Any, Any], None],
    *,
    jobs: int = 1,
    overlap: bool = False,
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Run `work` on each cell in order and yield (cell, facts); of several `jobs` as they finish.

    Example:
        >>> list(run([1, 2], lambda cell, report: {"square": cell**2}, print))
        [(1, {'square': 1}), (2, {'square': 4})]
    """
    if jobs > 1:
        yield from processes.run(cells, work, on_event, jobs, overlap=overlap)
        return
    for cell in cells:
        yield cell, work(cell, partial(on_event, cell))
