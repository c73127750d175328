"""The comparison of a run: as it was written when the run ended, or computed now."""

from campare.runs.run import Run
from campare.stats.compare import compare
from campare.stats.comparison import Comparison


def comparison_of(run: Run) -> Comparison:
    """The comparison that the run's folder holds, or computed now where there is none.

    Raises:
        RunError: no cell is finished, or the file holds something else.

    Example:
        >>> comparison_of(Run.open("runs/demo")).claims  # doctest: +SKIP
    """
    path = run.path / "comparison.json"
    return Comparison.from_json(path) if path.is_file() else compare(run)
