"""Arguments of another kind than a public function declares: one line that names the argument."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import campare
from campare.arguments import checked, fits, words
from campare.errors import CampareError
from campare.types import Target

FITTING = [
    (3, int), (np.int64(3), int), (np.array(3), int), (3, float), (np.float32(1.5), float),
    (True, bool), (np.True_, bool), (None, int | None), ("a", str | Sequence[str]),
    (["a"], str | Sequence[str]), ({"a", "b"}, Sequence[str]), (np.arange(3), Sequence[int]),
    ([("a", "b")], Sequence[tuple[str, str]]), ((3, None), tuple[int | None, ...]),
    ({"a": None}, Mapping[str, str | None]), (len, Callable[[Any], Any]), (Path("a"), str | Path),
    ("x", Literal["x", "y"]), (lambda z: z, Target), (np.arange(3), Target), (object(), Any),
]  # fmt: skip
OTHER = [
    (True, int), (1.5, int), (np.array([1, 2]), int), ("3", int), (True, float), ("no", bool),
    (1, bool), (None, int), ("ab", Sequence[str]), (b"ab", Sequence[str]), ([3], Sequence[str]),
    ({"a": 1}, Sequence[str]), (["ab"], Sequence[tuple[str, str]]), ([1], Mapping[str, int]),
    ({1: 1}, Mapping[str, int]), (3, Callable[[Any], Any]), (3, str | Path), ("z", Literal["x"]),
    (1.5, Target), ({}, Target),
]  # fmt: skip


@pytest.mark.parametrize(("value", "wanted"), FITTING)
def test_what_is_meant_is_taken(value, wanted):
    assert fits(value, wanted)


@pytest.mark.parametrize(("value", "wanted"), OTHER)
def test_what_is_something_else_is_not(value, wanted):
    assert not fits(value, wanted)


def test_tensors_of_a_framework_are_lists():
    torch = pytest.importorskip("torch")
    assert fits(torch.arange(3), Sequence[int])
    assert fits(torch.tensor(3), int)


def test_the_function_keeps_its_name_and_signature():
    @checked()
    def one(a: int, *, b: "Unknown" = None) -> int:  # noqa: F821
        """Text."""
        return a

    assert (one.__name__, one.__doc__) == ("one", "Text.")
    assert one(3, b=object()) == 3
    with pytest.raises(TypeError, match=r"one\(\) got an unexpected keyword argument 'c'"):
        one(3, c=4)


def test_what_the_function_has_advice_on_is_left_to_it():
    assert checked("a")(len_of)(3) == 3
    with pytest.raises(CampareError, match=r"b= as a whole number"):
        checked("a")(len_of)(3, b="x")


def len_of(a: str, b: int = 0) -> Any:
    return a


def test_words_are_plain():
    assert words(str | Sequence[float] | None) == "text, a list (each a number) or None"
    assert words(Literal["x", "y"] | None) == "'x' or 'y' or None"


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: campare.study("drawn", backbone=3), "backbone= as text or None, got 3"),
        (lambda: campare.study("drawn", epochs="ten"), "epochs= as a whole number or None"),
        (lambda: campare.study("drawn", methods=[3]), "methods= as text, a Method or a list"),
        (lambda: campare.study("drawn", strict="no"), "strict= as True or False, got 'no'"),
        (lambda: campare.audit({}, "drawn", batch_size=2.5), "batch_size= as a whole number"),
        (lambda: campare.explain(None, None, smooth="no"), "smooth= as True or False"),
        (lambda: campare.stream(None, None, seed="x"), "seed= as a whole number, got 'x'"),
        (lambda: campare.wrap(None, trust="no"), "trust= as True or False, got 'no'"),
        (lambda: campare.load("a.pt", trust="no"), "trust= as True or False, got 'no'"),
        (lambda: campare.compare(None, resamples="x"), "resamples= as a whole number"),
        (lambda: campare.log(3, "mlflow"), "run= as a Run, text"),
    ],
)
def test_every_public_function_says_so(call, said):
    with pytest.raises(CampareError) as told:
        call()
    assert said in str(told.value)


def test_no_recipe_is_not_all_of_them():
    with pytest.raises(CampareError, match="at least one recipe"):
        campare.study("drawn", only=[])
