"""A small study, done once, that trackers log."""

import pytest
from small_study import TINY, tiny_set

from campare.experiments.study import study
from campare.runs.run import Run


@pytest.fixture(scope="session")
def run(tmp_path_factory) -> Run:
    return study(
        tiny_set(test=6),
        recipes=TINY,
        seeds=2,
        metrics=["energy", "correct"],
        out=tmp_path_factory.mktemp("tracked") / "small",
    )
