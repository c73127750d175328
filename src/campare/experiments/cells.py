"""The cells of a run, a study's or an audit's: what is not finished goes to an engine.

cells -> those to do -> engine(work) -> a record of each -> manifest, comparison and report

Several processes can share the cells of a run, each of which does some, by their numbers; the one
that does the last of them compares.
"""

import platform
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.data import ImageSet
from campare.errors import CampareError, RunError
from campare.experiments.engines.protocol import FAILED, Engine, Work
from campare.experiments.evaluate import Report
from campare.experiments.progress import Live
from campare.runs.failures import CellsError, failed, failure_path, is_fatal, note_failure
from campare.runs.lock import doer_of, doing, require_free, worker_of, writing
from campare.runs.manifest import read_manifest
from campare.runs.outputs import COMPARISON, is_in, note_comparison
from campare.runs.resume import FOREIGN, changes, sweep, tidy
from campare.runs.run import IMAGES, MANIFEST, Cell, Run

#: The fact of a cell that failed by a mistake of the user: the error.
ERROR = "error"
#: The fact of a cell that another process does or did: which one, in words.
ELSEWHERE = "elsewhere"

#: Which cells one of several processes does: their numbers, or these as "0-3,7".
Share = str | Sequence[int]

if TYPE_CHECKING:
    from campare.report.render import Format


def run_cells(
    run: Run,
    cells: Sequence[Cell],
    names: Sequence[str],
    work: Work,
    engine: Engine,
    live: Live,
    *,
    skip_failed: bool = False,
    joined: bool = False,
) -> None:
    """Do the cells of a run that are not finished, and record each as it is done.

    `names` are what progress calls them, one for each cell; cells of an arm take about as long. A
    cell that fails costs itself alone; those that failed before are tried again, unless they are
    to be skipped. Where this process has `joined` others, cells that these do are left to them.

    Raises:
        CellsError: all cells failed, so that nothing can be compared.
        CampareError: the same, by a mistake of the user.
    """
    called = dict(zip(cells, names, strict=True))
    is_done = run.is_whole if joined else run.finished  # its own alone were not read yet
    todo = [cell for cell in cells if not is_done(cell)]
    if len(todo) < len(cells):
        live.say(f"{len(cells) - len(todo)} of {len(cells)} {live.part}s are finished already")
    if skip_failed:
        skipped = [cell for cell in todo if cell.name in run.manifest.failures]
        todo = [cell for cell in todo if cell not in skipped]
        for cell in skipped:
            live.say(f"Skipped, since it failed: {called[cell]}")
    live.plan({called[cell]: cell.recipe for cell in todo}, before=len(cells) - len(todo))
    tried, first = partial(_alone if joined else _tried, run, work), None
    found = engine(todo, tried, lambda cell, event: live.event(called[cell], event))
    for cell, facts in _until_stopped(found, run, joined=joined):
        if ELSEWHERE in facts:
            live.leave(called[cell], facts[ELSEWHERE])
        elif FAILED in facts:
            if not failure_path(run.path, cell.name).is_file():  # its process was lost
                note_failure(run.path, cell.name, RunError(facts[FAILED]))
            run.manifest.failures[cell.name] = facts[FAILED]
            first = first or facts.get(ERROR)
            live.fail(called[cell], facts[FAILED])
        else:
            run.read_record(cell)
            live.finish(called[cell], facts)
    if not joined:
        run.write_manifest()
    _require_one(run, cells, live.part, first)


def _until_stopped(
    found: Iterator[tuple[Cell, dict[str, Any]]], run: Run, *, joined: bool
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """The facts of cells as they come; where that is stopped, nothing half written stays."""
    try:
        yield from found
    except BaseException:
        if not joined:
            sweep(run.path)
        raise


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


def _require_shared(run: Run) -> None:
    """Check, before a cell begins, that this process finds the run where others wrote it.

    Raises:
        RunError: it does not, as on a machine that does not share their storage.
    """
    try:
        there = read_manifest(run.path / MANIFEST).created == run.manifest.created
    except (OSError, RunError):
        there = False
    if not there:
        raise RunError(
            f"Expected the run in {run.path} on {platform.node()}, where a cell is to be done, got "
            "none or another one. Try: --out on storage that all workers share"
        )


def _alone(run: Run, work: Work, cell: Cell, report: Report) -> dict[str, Any]:
    """Do a cell unless another process does it, or has done it meanwhile."""
    with doing(run.path, cell.name) as other:
        if other is not None:
            return {ELSEWHERE: str(other)}
        if run.is_whole(cell):
            return {ELSEWHERE: "a process that is done with it"}
        return _tried(run, work, cell, report)


def _tried(run: Run, work: Work, cell: Cell, report: Report) -> dict[str, Any]:
    """Do a cell, and record it where that is done: what happens to others loses nothing of it."""
    _require_shared(run)
    try:
        facts = work(cell, report)
        run.record(cell, **facts)
    except Exception as error:
        if is_fatal(error):
            raise
        known = {ERROR: error} if isinstance(error, CampareError) else {}
        return {FAILED: note_failure(run.path, cell.name, error), **known}
    return facts


def _require_one(run: Run, cells: Sequence[Cell], part: str, error: CampareError | None) -> None:
    """Check that some cell finished, of this call or another; a mistake is raised as it is."""
    names = [cell.name for cell in cells if cell.name in run.manifest.failures]
    if names and not run.manifest.cells:
        if error is not None:
            raise error
        path = failure_path(run.path, names[0])
        raise CellsError(
            f"Expected {part}s that finish, got {len(names)} that failed; {names[0]}: "
            f"{run.manifest.failures[names[0]].rstrip('.')}. Try: the traceback in {path}"
        )


def warn_of_failures(run: Run) -> None:
    """Tell a program, which sees no terminal, that cells are missing, in one line."""
    if run.manifest.failures:
        warnings.warn(" ".join(failed(run.manifest.failures)), stacklevel=3)


def out_of(out: str | Path, images: ImageSet, *, joined: bool = False) -> Path:
    """Where a run is written, from the root of the file system: workers may begin elsewhere.

    Raises:
        RunError: among the images, or where another process writes.
    """
    path = Path(out).absolute()
    root = images.root
    if root is not None and path.resolve().is_relative_to(root.resolve()):
        raise RunError(
            f"Expected a folder for the run outside of the images in {root}, got {out}. "
            f"Try: --out {root.resolve().parent / 'runs' / path.name}"
        )
    if not joined:
        require_free(path)
    return path


def keeps_images(run: Run) -> bool:
    """Whether the run holds its test images as they were written."""
    seal = run.manifest.files.get(IMAGES)
    return seal is not None and seal.broken(run.path / IMAGES) is None


def say_mended(run: Run, before: Run | None, live: Live) -> None:
    """Tidy up a run that goes on; say what was not as it was written, and what changed since."""
    for what, then, now in changes(before):
        live.say(f"Changed since cells were finished: {what}, {then} then, {now} now")
    for fault in before.faults if before else ():
        then = f", {fault.cell} is done again" if fault.cell else ""
        live.say(f"Not as it was written: {fault}{then}")
    if worker_of(run.path) is None:  # else others are about to write what looks half written
        sweep(run.path)
    if before is None and run.manifest.cells:
        live.say("Not as it was written: run.json, which is written anew")
    for name in tidy(run) if before else ():
        live.say(f"Of no cell of this run: {name}, moved to {FOREIGN}/{name}")


def conclude(run: Run, *, format: "Format" = "html", out: Path | None = None) -> Path:
    """Compare the arms of a run and render its report; return the report's path.

    Where the report lies elsewhere, nothing is written into the run.
    """
    from campare.report.render import render
    from campare.stats.compare import compare

    comparison = compare(run)
    if is_in(run.path, out):
        comparison.to_json(run.path / COMPARISON)
        note_comparison(run)
    return render(run, comparison=comparison, format=format, out=out)
