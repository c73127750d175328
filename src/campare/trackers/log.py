"""log(): a run into a tracker or viewer named by a line, `mlflow`, `tensorboard:runs/tb`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from campare.arguments import checked
from campare.errors import CampareError
from campare.runs.run import Run
from campare.trackers.fiftyone import FiftyOne
from campare.trackers.logged import logged
from campare.trackers.mlflow import MLflow
from campare.trackers.protocol import Tracker
from campare.trackers.tensorboard import TensorBoard
from campare.trackers.wandb import WandB

#: Name -> the tracker at a place: of MLflow a URI, of TensorBoard a folder, of W&B a project, of
#: FiftyOne a data set.
TRACKERS: Mapping[str, Callable[[str | None], Tracker]] = {
    "mlflow": MLflow,
    "tensorboard": TensorBoard,
    "wandb": WandB,
    "fiftyone": FiftyOne,
}


def tracker_of(to: str | Tracker) -> Tracker:
    """The tracker that a line names, NAME or NAME:PLACE; a tracker as it is.

    Raises:
        CampareError: no such name.
        MissingExtraError: its library is not installed.

    Example:
        >>> type(tracker_of("tensorboard")).__name__  # doctest: +SKIP
        'TensorBoard'
    """
    if not isinstance(to, str):
        return to
    name, _, place = to.partition(":")
    if name not in TRACKERS:
        raise CampareError(
            f"Expected a tracker, {', '.join(TRACKERS)}, got {to!r}. "
            "Try: 'tensorboard', or 'mlflow:http://127.0.0.1:5000'"
        )
    return TRACKERS[name](place or None)


@checked()
def log(run: Run | str | Path, to: str | Tracker) -> str:
    """Log a run in a tracker: parameters, scores of each cell, answers, figures and the report.

    Args:
        run: a run, or its folder.
        to: "mlflow", "tensorboard", "wandb" or "fiftyone", with a place after a colon where the
            usual one is not meant: a tracking URI, a folder (default: `tensorboard` in the run), a
            project, a data set; or a `Tracker` of your own.

    Returns:
        Where it is: a URL or a folder.

    Raises:
        CampareError: no such run or tracker, or one that does not take it.
        MissingExtraError: its library is not installed.

    Example:
        >>> log("runs/demo", to="tensorboard")  # doctest: +SKIP
        'runs/demo/tensorboard'
    """
    tracker = tracker_of(to)
    found = logged(run if isinstance(run, Run) else Run.open(run))
    try:
        return tracker.log(found)
    except CampareError:
        raise
    except Exception as error:  # whatever a tracker's library or its server says
        said = " ".join(str(error).split()) or type(error).__name__
        name = to if isinstance(to, str) else type(to).__name__
        raise CampareError(
            f"Expected {name} to take the run, got {type(error).__name__}: {said:.300}. "
            f"Try: campare log {found.path} --to {name}, when it is reached"
        ) from error
