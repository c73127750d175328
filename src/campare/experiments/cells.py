"""The cells of a run, a study's or an audit's: what is not finished goes to an engine.

cells -> those to do -> engine(work) -> facts in the manifest -> comparison and report
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from campare.experiments.engines.protocol import Engine, Work
from campare.experiments.progress import Live
from campare.runs.run import Cell, Run

if TYPE_CHECKING:
    from campare.report.render import Format


def run_cells(
    run: Run, cells: Sequence[Cell], names: Sequence[str], work: Work, engine: Engine, live: Live
) -> None:
    """Do the cells of a run that are not finished, and record each as it is done.

    `names` are what progress calls them, one for each cell; cells of an arm take about as long.
    """
    called = dict(zip(cells, names, strict=True))
    todo = [cell for cell in cells if not run.finished(cell)]
    if len(todo) < len(cells):
        live.say(f"{len(cells) - len(todo)} of {len(cells)} {live.part}s are finished already")
    live.plan({called[cell]: cell.recipe for cell in todo})
    for cell, facts in engine(todo, work, lambda cell, event: live.event(called[cell], event)):
        run.record(cell, **facts)
        live.finish(called[cell], facts)


def conclude(run: Run, *, format: "Format" = "html", out: Path | None = None) -> Path:
    """Compare the arms of a run and render its report; return the report's path."""
    from campare.report.render import render
    from campare.stats.compare import compare

    comparison = compare(run)
    comparison.to_json(run.path / "comparison.json")
    return render(run, comparison=comparison, format=format, out=out)
