"""The small study, done once."""

import pytest
from small_study import TINY, tiny_set

from campare.experiments.study import study


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return study(tiny_set(), recipes=TINY, seeds=2, out=tmp_path_factory.mktemp("run") / "r")
