"""What tests share: a small study, the same stopped and gone on with, two small networks."""

import importlib

import pytest
from audited import network
from small_study import TINY, tiny_set

from campare.experiments.study import study
from campare.runs.run import Run


@pytest.fixture(autouse=True)
def _quick_reports(without_figures):
    """Of each test; the studies below, which tests share, draw theirs."""


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A network in a file."""
    path = tmp_path_factory.mktemp("models") / "small.keras"
    network(rescale=1 / 255).save(path)
    return path


@pytest.fixture(scope="module")
def large():
    """A network of larger images."""
    return network((24, 24, 3), seed=1, activation="softmax")


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    return study(tiny_set(), recipes=TINY, seeds=2, out=tmp_path_factory.mktemp("run") / "r")


@pytest.fixture(scope="session")
def resumed(tmp_path_factory):
    """The same study again, with a curve: stopped at its third training and while it measured.

    (run, the cells that were trained, those that were finished when it stopped)
    """
    from campare.training import fit

    render = importlib.import_module("campare.report.render")

    path = tmp_path_factory.mktemp("resumed") / "r"
    train, calls = fit.train, []

    def stops_at_the_third(recipe, *args, **kwargs):
        calls.append((recipe.name, kwargs["seed"]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return train(recipe, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit, "train", stops_at_the_third)
        patch.setattr(render, "_figures", lambda _: {})  # those of the other are looked at
        with pytest.raises(KeyboardInterrupt):
            study(tiny_set(), recipes=TINY, seeds=2, out=path, curve=1)
        before = list(Run.open(path).manifest.cells)
        (path / "scores" / "plain-0.parquet").unlink()  # stopped between training and measuring
        again = study(tiny_set(), recipes=TINY, seeds=2, out=path, curve=1)
    return again, calls, before
