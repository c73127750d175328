"""A run in MLflow: a run for it, and one below it for each cell.

What a program of the user's logs at the same time is left alone: nothing of MLflow's global state
is set, but that it prints no address of each run meanwhile.
"""

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import Any

from campare.optional import require
from campare.trackers.logged import Logged, LoggedCell, Value

_METRICS, _PARAMS = 500, 90  # that MLflow takes at a time: 1,000 and 100

#: The tag that a run's page shows as its description, and how much a tag holds.
_DESCRIPTION, _LONGEST = "mlflow.note.content", 5000
_QUIET = "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"


class MLflow:
    """Logs into a tracking server or store.

    Args:
        uri: of MLflow: "http://127.0.0.1:5000", "sqlite:///mlflow.db"; None: as MLflow finds it,
            by MLFLOW_TRACKING_URI.

    Raises:
        MissingExtraError: MLflow is not installed.
    """

    def __init__(self, uri: str | None = None) -> None:
        self._mlflow: Any = require("mlflow", extra="mlflow")
        self.uri = uri

    def log(self, found: Logged) -> str:
        """Log a run; returns its page, or its id in a store that has none."""
        client = self._mlflow.MlflowClient(tracking_uri=self.uri)
        experiment = client.get_experiment_by_name(found.experiment)
        number = experiment.experiment_id if experiment else None
        number = number or client.create_experiment(found.experiment)
        with _quiet():
            run = self._log_run(client, number, found)
        uri = self.uri or self._mlflow.get_tracking_uri()
        page = f"{uri.rstrip('/')}/#/experiments/{number}/runs/{run}"
        return page if uri.startswith("http") else f"run {run} in {uri}"

    def _log_run(self, client: Any, number: str, found: Logged) -> str:
        tags = {"campare": "run", _DESCRIPTION: _description(found.answers)}
        run = self._begin(client, number, found.name, tags)
        try:
            self._params(client, run, found.params)
            self._scores(client, run, found.effects)
            client.log_text(run, found.answers, "answers.md")
            for path in found.files:
                below = path.parent.relative_to(found.path).as_posix()
                client.log_artifact(run, str(path), None if below == "." else below)
            for path in found.figures.values():
                client.log_artifact(run, str(path), "figures")
            for cell in found.cells:
                self._log_cell(client, number, run, cell)
        except BaseException:
            client.set_terminated(run, "FAILED")
            raise
        client.set_terminated(run)
        return run

    def _log_cell(self, client: Any, experiment: str, parent: str, cell: LoggedCell) -> None:
        tags = {"campare": "cell", "mlflow.parentRunId": parent}
        run = self._begin(client, experiment, cell.name, tags)
        self._params(client, run, cell.params)
        self._scores(client, run, cell.scores)
        for name, values in cell.curves.items():
            self._scores(client, run, dict.fromkeys([f"curves/{name}"]), values)
        client.set_terminated(run)

    def _begin(self, client: Any, experiment: str, name: str, tags: Mapping[str, str]) -> str:
        return str(client.create_run(experiment, run_name=name, tags=tags).info.run_id)

    def _params(self, client: Any, run: str, params: Mapping[str, Value]) -> None:
        param = self._mlflow.entities.Param
        each = (param(_key(name), str(value)) for name, value in params.items())
        for some in _parts(each, _PARAMS):
            client.log_batch(run, params=some)

    def _scores(
        self,
        client: Any,
        run: str,
        scores: Mapping[str, float | None],
        curve: tuple[float, ...] = (),
    ) -> None:
        """Numbers by name; with a curve, that one under each name, a step for each value."""
        metric, now = self._mlflow.entities.Metric, int(time.time() * 1000)
        each = (
            metric(_key(name), float(value), now, step)
            for name, one in scores.items()
            for step, value in (enumerate(curve) if curve else [(0, one)])
            if value is not None
        )
        for some in _parts(each, _METRICS):
            client.log_batch(run, metrics=some)


@contextmanager
def _quiet() -> Iterator[None]:
    """Meanwhile MLflow prints no address of each run, unless the environment says otherwise."""
    given = _QUIET in os.environ
    os.environ.setdefault(_QUIET, "true")
    try:
        yield
    finally:
        if not given:
            os.environ.pop(_QUIET, None)


def _description(answers: str) -> str:
    """Answers with their headline in bold, for a page on which the lines of titles overlap.

    Example:
        >>> _description("# B is better.").strip()
        '**B is better.**'
    """
    title, _, others = answers.partition("\n")
    text = f"**{title.removeprefix('# ')}**\n{others}"
    return text if len(text) <= _LONGEST else text[:_LONGEST].rpartition("\n")[0]


def _key(name: str) -> str:
    """A name with the signs that MLflow takes.

    Example:
        >>> _key("grad-cam/energy@matched")
        'grad-cam/energy-matched'
    """
    return re.sub(r"[^\w./ -]", "-", name)


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
