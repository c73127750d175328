"""The comparison of a run: as it was written when the run ended, or computed now."""

from campare.runs.outputs import stored_comparison
from campare.runs.run import Run
from campare.stats.compare import compare
from campare.stats.comparison import Comparison


def comparison_of(run: Run) -> Comparison:
    """The comparison that the run's folder holds, or computed now.

    It is read only if it is one of exactly these rows and as it was written.

    Raises:
        RunError: no cell is finished.

    Example:
        >>> comparison_of(Run.open("runs/demo")).claims  # doctest: +SKIP
    """
    path = stored_comparison(run)
    return compare(run) if path is None else Comparison.from_json(path)
