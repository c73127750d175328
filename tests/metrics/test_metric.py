"""A metric as a value: what its function's parameters say, and what cannot be one."""

import inspect
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from campare.errors import CampareError
from campare.metrics import METRICS, Metric
from campare.metrics.metric import Observer, alone, signature


def brightest(maps):
    return np.where(maps.max(axis=(1, 2)) > 0, maps.max(axis=(1, 2)), np.nan)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Metric(name="a@b", function=brightest), "without '@'"),
        (lambda: Metric(name="mine", function=3), "a function for 'mine', got int"),
        (lambda: Metric(name="mine", function=brightest, low=1, high=0), "low below high"),
        (lambda: Metric(name="mine", function=brightest, resolution="pixel"), "got 'pixel'"),
        (lambda: Metric(name="mine", function=lambda heat: heat), "got 'heat'. Try: classifier, "),
        (lambda: METRICS["energy"](threshold=1), "got 'threshold'. Try: none"),
        (lambda: METRICS["top-intersection"](part=1), "got 'part'. Try: share"),
    ],
)
def test_what_cannot_be_a_metric_is_one_line(make, words):
    with pytest.raises(CampareError, match=words) as caught:
        make()
    assert "\n" not in str(caught.value)


def taking(*names):
    """A function with parameters of these names."""

    def function(**given):
        return given

    kind = inspect.Parameter.KEYWORD_ONLY
    function.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in names])
    return function


@pytest.mark.parametrize(
    ("parameters", "needs", "stage"),
    [
        (["maps"], set(), "maps"),
        (["maps", "masks"], {"mask"}, "maps"),
        (["maps", "own", "other"], {"mask", "other-mask"}, "maps"),
        (["maps", "images", "rng"], {"image"}, "maps"),
        (["logits", "labels"], {"model"}, "predictions"),
        (["predict", "images", "masks"], {"model", "image", "mask"}, "drops"),
        (["explain", "images"], {"model", "method"}, "probes"),
        (["classifier", "explain", "images"], {"model", "method", "weights"}, "weights"),
        (["predict", "maps", "images", "targets"], {"model", "image", "target"}, "faithfulness"),
    ],
)
def test_what_it_needs_and_when_it_is_measured_follow_from_its_parameters(parameters, needs, stage):
    found = Metric(name="mine", function=taking(*parameters))
    assert found.needs == needs
    assert found.stage == stage
    assert (found.region is None) == (not needs & {"mask", "other-mask"})
    said = Metric(name="mine", function=taking(*parameters), needs=frozenset({"networks"}))
    assert (said.needs, said.stage) == ({"networks"}, "networks")


def test_a_call_changes_parameters_and_nothing_else():
    one = METRICS["top-intersection"]
    other = one(share=0.1)
    assert other.name == "top-intersection(share=0.1)"
    assert other.parameters == (("share", 0.1),)
    assert other(share=0.2).parameters == (("share", 0.2),)
    assert one.parameters == ()
    assert one() == one
    for field in ("function", "needs", "low", "high", "region", "stage", "title"):
        assert getattr(other, field) == getattr(one, field), field
    with pytest.raises(FrozenInstanceError):
        other.low = 3


def test_signatures_leave_out_what_has_no_name():
    def function(maps, *rest, share=0.5, **more):
        return maps, rest, share, more

    assert list(signature(function)) == ["maps", "share"]
    assert signature(function)["share"] == 0.5


def test_an_observer_is_known_by_what_it_can_do():
    class Both:
        __call__ = taking("images", "targets")
        observe = taking("images", "targets")

    assert isinstance(Both(), Observer)
    assert not isinstance(taking("images", "targets"), Observer)


def test_alone_computes_each_time():
    calls = []
    assert [alone("key", lambda: calls.append(1) or len(calls)) for _ in range(3)] == [1, 2, 3]
