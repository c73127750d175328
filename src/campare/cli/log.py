"""`campare log`: a run into an experiment tracker, or into FiftyOne."""

from typing import Annotated

from typer import Option

from campare.cli.options import RunFolder
from campare.cli.terminal import opened, say


def log(
    run: RunFolder,
    to: Annotated[
        str,
        Option(
            metavar="TRACKER[:PLACE]",
            help="mlflow, tensorboard, wandb or fiftyone; after a colon a tracking URI, a folder, "
            "a project or a data set, where the usual one is not meant.",
        ),
    ],
) -> None:
    """Log a run in a tracker: parameters, scores of each cell, answers, figures, the report."""
    from campare.trackers.log import log as log_run

    say(f"Logged: {log_run(opened(run), to)}")
