"""Several inputs stand where images stand: rows, repeats and exchanges keep them together."""

import numpy as np
import pytest

from campare.errors import ModelError
from campare.models.several import exchanged, explained, in_order, several

PICTURES, NUMBERS = np.arange(24.0).reshape(3, 2, 2, 2), np.arange(6).reshape(3, 2)


@pytest.fixture
def pair():
    return several((PICTURES, NUMBERS), 0, "net")


def test_rows_are_of_all_inputs(pair):
    part = pair[np.array([2, 0, 0])]
    np.testing.assert_array_equal(part.explained, PICTURES[[2, 0, 0]])
    np.testing.assert_array_equal(part.others[1], NUMBERS[[2, 0, 0]])
    assert len(part) == 3
    assert (pair[1:].shape, pair.ndim) == ((2, 2, 2, 2), 4)


def test_the_others_stay_where_what_is_explained_is_exchanged(pair):
    new = exchanged(pair, PICTURES + 1)
    np.testing.assert_array_equal(explained(new), PICTURES + 1)
    assert new.others is pair.others
    first, second = in_order(new)
    assert first is explained(new)
    assert second is pair.others[1]
    assert in_order(PICTURES) is explained(PICTURES) is PICTURES


def test_names_of_the_model_are_given_to_positions():
    found = several((NUMBERS, PICTURES), "picture", "net", ("ages", "picture"))
    assert list(found.others) == ["ages"]
    assert found.explained is PICTURES
    by_name = {"picture": PICTURES, "ages": NUMBERS}
    assert list(several(by_name, "ages", "net", ("ages", "picture")).others) == ["picture"]


def test_tensors_have_their_channels_first():
    torch = pytest.importorskip("torch")
    first = torch.from_numpy(np.moveaxis(PICTURES, -1, 1).copy())
    found = several((first, first, torch.from_numpy(NUMBERS)), 0, "net")
    np.testing.assert_array_equal(found.explained, PICTURES)
    np.testing.assert_array_equal(found.others[1], PICTURES)
    np.testing.assert_array_equal(found.others[2], NUMBERS)


@pytest.mark.parametrize(
    ("inputs", "names", "advice"),
    [
        ((PICTURES, NUMBERS[:2]), (), r"np\.repeat"),
        ({"a": PICTURES}, (), "input='a'"),
        (PICTURES, (), "a tuple of its inputs"),
        ((PICTURES,), ("a", "b"), "a tuple in that order"),
    ],
)
def test_inputs_that_do_not_fit(inputs, names, advice):
    with pytest.raises(ModelError, match=rf"^Expected .* of 'net'.*, got .*Try: .*{advice}"):
        several(inputs, 0, "net", names)
