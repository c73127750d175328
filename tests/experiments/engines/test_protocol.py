"""What an engine is: every one has the parameters of the protocol and gives each cell once."""

import inspect
from typing import get_args

import pytest

from campare.errors import CampareError
from campare.experiments.engines import ENGINES, engine, local, ray, with_options
from campare.experiments.engines.protocol import Engine, Work, portable

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


@pytest.mark.parametrize("name", ["local(jobs=0)", "local(jobs=1.5)", "local(jobs=99999)"])
def test_numbers_of_processes_that_cannot_be(name):
    with pytest.raises(CampareError, match=r"from 1 to 1024, got .* Try: 'local") as error:
        engine(name)
    engine(str(error.value).rpartition("'")[0].rpartition("'")[2])


def test_whether_processes_overlap_is_yes_or_no():
    with pytest.raises(CampareError, match=r"overlap=True or False, got .* Try: 'local") as error:
        engine("local(jobs=2, overlap=3)")
    engine(str(error.value).rpartition("Try: '")[2].rstrip("'"))


def test_jobs_are_of_the_local_engine():
    assert with_options("local", 3) == "local(jobs=3)"
    assert with_options("ray(cpus=2)", None) == "ray(cpus=2)"
    with pytest.raises(CampareError, match=r"got 'ray'\. Try: --jobs 3 alone"):
        with_options("ray", 3)


def test_an_address_is_of_ray():
    assert with_options("ray", address="h:1") == "ray(address='h:1')"
    with pytest.raises(CampareError, match=r"got 'local'\. Try: --engine ray"):
        with_options("local", address="h:1")


def test_an_error_that_cannot_be_sent_is_told_in_words():
    class OwnError(Exception):
        pass

    assert str(portable(OwnError("why"))) == "OwnError: why"
    assert portable(KeyError("why")).args == ("why",)
