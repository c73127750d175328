"""A call of study() or audit() that writes a run, from its lock to its report.

    lock -> the run, begun or gone on with -> its cells -> comparison and report

Where several processes share the run, the lock is let go for the cells, and the last concludes.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from campare.data import ImageSet
from campare.errors import RunError
from campare.experiments.cells import run_cells
from campare.experiments.engines.protocol import Engine, Work
from campare.experiments.heap import keep_freed
from campare.experiments.progress import Live
from campare.experiments.sharing import last_of
from campare.runs.lock import require_free, worker_of, writing
from campare.runs.outputs import COMPARISON, is_in, note_comparison
from campare.runs.resume import FOREIGN, changes, sweep, tidy
from campare.runs.run import IMAGES, Cell, Run
from campare.trackers.log import log
from campare.trackers.protocol import Tracker

if TYPE_CHECKING:
    from campare.report.render import Format


def carry_out(
    path: Path,
    begin: Callable[[], Run],
    work: Callable[[Run], Work],
    cells: Sequence[Cell],
    engine: Engine,
    live: Live,
    *,
    mine: Sequence[Cell] | None = None,
    called: Callable[[Cell], str] = lambda cell: cell.name,
    skip_failed: bool = False,
    before_report: Callable[[Run], None],
    tracker: Tracker | None = None,
) -> Run:
    """Do the `cells` of a run in `path`, or `mine` of them as one of several processes.

    `begin` opens the run and writes what its cells share, `work` does each of these. The one that
    does the last compares and writes the report, of which `before_report` is told, and logs the run
    in `tracker`.

    Raises:
        CampareError: of a run that another process writes, or all of whose cells failed.
    """
    keep_freed()
    joined = mine is not None
    chosen = cells if mine is None else mine
    with ExitStack() as lock:
        lock.enter_context(writing(path, joined=joined))
        run = begin()
        do = work(run)
        if joined:
            lock.close()  # others may begin
        names = [called(cell) for cell in chosen]
        run_cells(run, chosen, names, do, engine, live, skip_failed=skip_failed, joined=joined)
        whole = last_of(run, cells, lock, live) if joined else run
        if whole is None:
            return run
        before_report(whole)
        conclude(whole)
    if tracker is not None:
        live.say(f"Logged: {log(whole, tracker)}")
    return whole


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
