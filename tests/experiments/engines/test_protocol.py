"""What an engine is: every one has the parameters of the protocol and gives each cell once."""

import inspect
from typing import get_args

import pytest

from campare.errors import CampareError
from campare.experiments.engines import ENGINES, engine, local, ray
from campare.experiments.engines.protocol import Engine, Work

RUNS = {"local": local.run, "ray": ray.run}


def test_every_engine_has_the_signature_of_the_protocol():
    assert set(RUNS) == set(ENGINES)
    parameters, result = get_args(Engine)
    for name, run in RUNS.items():
        found = inspect.signature(run, eval_str=True)
        needed = [p for p in found.parameters.values() if p.kind is not p.KEYWORD_ONLY]
        assert [p.name for p in needed] == ["cells", "work", "on_event"], name
        assert [p.annotation for p in needed] == parameters, name
        own = [p for p in found.parameters.values() if p.kind is p.KEYWORD_ONLY]
        assert all(p.default is not p.empty for p in own), name
        assert found.return_annotation == result, name
    assert parameters[1] == Work


def test_an_engine_is_got_by_its_name():
    assert engine("local") is local.run


def test_an_unknown_engine():
    with pytest.raises(CampareError, match=f"Try: {', '.join(ENGINES)}"):
        engine("slurm")
