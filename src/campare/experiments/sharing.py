"""Several processes share the cells of a run: each does some, by their numbers.

numbers -> cells of this process -> each that no other does -> whoever does the last concludes
"""

import re
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from campare.errors import RunError
from campare.experiments.progress import Live
from campare.runs.lock import doer_of, doing, writing
from campare.runs.run import Cell, Run

#: The fact of a cell that another process does or did: which one, in words.
ELSEWHERE = "elsewhere"

#: Which cells one of several processes does: their numbers, or these as "0-3,7".
Share = str | Sequence[int]


def numbered(cells: Sequence[Cell], share: Share) -> list[Cell]:
    """The cells of these numbers, which count from 0.

    Raises:
        RunError: no numbers, or numbers of no cell.

    Example:
        >>> cells = [Cell("A", 0), Cell("B", 0), Cell("A", 1), Cell("B", 1)]
        >>> [cell.name for cell in numbered(cells, "0,2-3")]
        ['A-0', 'A-1', 'B-1']
    """
    last = len(cells) - 1
    words = share if isinstance(share, str) else ",".join(map(str, share))
    parts = [re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part) for part in words.split(",")]
    ranges = [(int(part[1]), int(part[2] or part[1])) for part in parts if part]
    if len(ranges) < len(parts) or any(not low <= high <= last for low, high in ranges):
        raise RunError(
            f"Expected numbers of cells from 0 to {last}, as 0-{last} or 0,{last}, got "
            f"{words[:80]!r}. Try: --cells list"
        )
    wanted = {number for low, high in ranges for number in range(low, high + 1)}
    return [cells[number] for number in sorted(wanted)]


def alone(run: Run, cell: Cell, do: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do a cell unless another process does it, or has done it meanwhile."""
    with doing(run.path, cell.name) as other:
        if other is not None:
            return {ELSEWHERE: str(other)}
        if run.is_whole(cell):
            return {ELSEWHERE: "a process that is done with it"}
        return do()


def last_of(run: Run, cells: Sequence[Cell], lock: ExitStack, live: Live) -> Run | None:
    """The run as all its processes left it, for this one to conclude, which then holds its lock.

    None: cells are still to be done, by processes that conclude in this one's stead.
    """
    whole = Run.open(run.path)
    left = _left(whole, cells)
    if not left:
        lock.enter_context(writing(run.path, joined=True))
        whole = Run.open(run.path)
        if not (left := _left(whole, cells)):
            whole.write_manifest()
            return whole
    done = sum(cell.name in whole.manifest.cells for cell in cells)
    failures = len(cells) - len(left) - done
    aside = f", {failures} failed" if failures else ""
    live.say(
        f"{done} of {len(cells)} {live.part}s are done{aside}. "
        "The process that does the last one, or the same command without --cells, writes the report"
    )
    return None


def _left(run: Run, cells: Sequence[Cell]) -> list[Cell]:
    """Cells that neither finished nor failed, and those that failed before and are tried again."""
    failures = run.manifest.failures
    unfinished = [cell for cell in cells if cell.name not in run.manifest.cells]
    return [c for c in unfinished if c.name not in failures or doer_of(run.path, c.name)]
