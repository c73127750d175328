"""Scores: which number of the logits is differentiated, in the arrays of every framework."""

import numpy as np
import pytest
from frameworks import array_of, every_framework
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from campare.errors import TargetError
from campare.models.targets import (
    PREDICTED,
    SECOND,
    Contrast,
    binary_score,
    class_index,
    class_score,
    merge,
    one_hot,
    own_score,
    resolve,
)

LOGITS = np.array([[1, 3, 2, -1], [0.5, -2, 4, 4.5], [9, 8, 7, 6]], np.float32)
INDEX = np.array([3, PREDICTED, SECOND], np.int32)


@every_framework
def test_a_class_the_prediction_and_the_second_best(framework):
    make = array_of(framework)
    found = class_score(make(LOGITS), make(INDEX))
    assert np.asarray(found).tolist() == [-1, 4.5, 8]
    assert np.asarray(resolve(make(LOGITS), make(INDEX))).tolist() == [3, 3, 1]
    hot = np.asarray(one_hot(make(np.array([3, 0, 1], np.int32)), make(LOGITS)))
    assert hot.argmax(1).tolist() == [3, 0, 1]
    assert hot.dtype == np.float32


@every_framework
def test_two_classes_that_share_a_logit(framework):
    make = array_of(framework)
    logits = make(np.array([[0, 2], [0, -3], [0, 2], [0, -3]], np.float32))
    index = make(np.array([1, 1, 0, PREDICTED], np.int32))
    assert np.asarray(binary_score(logits, index)).tolist() == [2, -3, -2, 3]


@every_framework
def test_a_contrast(framework):
    found = Contrast(1, 3)(array_of(framework)(LOGITS))
    assert np.asarray(found).tolist() == [4, -6.5, 2]


@pytest.mark.parametrize(
    ("make_output", "target", "text"),
    [
        (lambda x: {"mask": x}, lambda found: found["box"], r"mask: shape \(3, 4\), got KeyE"),
        (lambda x: [{"box": x}] * 2, lambda found: found[:, 1], r"list of 2, the first a dict"),
        (lambda x: (x, [x]), lambda found: found.logits, "a tuple of 2, .* AttributeError: "),
        (lambda x: x[:, None], lambda found: found[:, 1, 5, 0], r"shape \(3, 1, 4\), got "),
    ],
)
@every_framework
def test_a_target_that_fails_is_told_what_the_raw_output_is(framework, make_output, target, text):
    output = make_output(array_of(framework)(LOGITS))
    with pytest.raises(TargetError, match=rf"{text}.* Try: .*docs/wrappers\.md$") as caught:
        own_score(target, output)
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


def test_a_line_of_campare_of_a_target_stays_as_it_is():
    with pytest.raises(TargetError, match=r"^Expected a class index from 0 to 3, got 9") as caught:
        own_score(Contrast(9, 0), LOGITS)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ([LOGITS[0, 0]] * 3, "got a list of 3, .*stacks"),
        ({"box": LOGITS}, "got a dict of box: shape"),
        (None, "got None"),
    ],
)
def test_a_target_whose_scores_are_no_array_is_refused_in_a_line(scores, text):
    with pytest.raises(TargetError, match=text):
        own_score(lambda _: scores, LOGITS)


@every_framework
def test_a_contrast_with_a_class_that_is_not_there(framework):
    """JAX would take the nearest class instead."""
    with pytest.raises(TargetError, match="from 0 to 3, got 4"):
        Contrast(1, 4)(array_of(framework)(LOGITS))


@every_framework
def test_classes_of_several_outputs(framework):
    """The softmax of merged logits is the sum of the outputs' probabilities, also of tiny ones."""
    logits = np.array([[1, 3, 2, -1, 0], [0.5, -200, 4, -199, 1]], np.float32)
    classes = [(3, 1), (0,), (4,), (2,)]
    found = np.asarray(merge(array_of(framework)(logits), classes))
    expected = [[np.logaddexp.reduce(row[list(each)]) for each in classes] for row in logits]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_array_equal(found[:, 1:], logits[:, [0, 4, 2]])
    whole = np.exp(logits[0] - np.logaddexp.reduce(logits[0]))
    share = np.exp(found[0] - np.logaddexp.reduce(found[0]))[0]
    assert share == pytest.approx(whole[[3, 1]].sum(), rel=1e-5)


VALUES = st.floats(-50, 50, width=32)


@given(arrays(np.float32, (4, 5), elements=VALUES, unique=True))
def test_ranks_are_those_of_a_sort(logits):
    order = np.argsort(logits, axis=1)
    assert (resolve(logits, np.full(4, PREDICTED)) == order[:, -1]).all()
    assert (resolve(logits, np.full(4, SECOND)) == order[:, -2]).all()


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (2, [2, 2, 2]),
        (np.int64(1), [1, 1, 1]),
        ([0, 1, 2], [0, 1, 2]),
        (np.array([2, 1, 0], np.uint8), [2, 1, 0]),
        (None, [PREDICTED] * 3),
        ("prediction", [PREDICTED] * 3),
        ("second-best", [SECOND] * 3),
    ],
)
def test_one_index_an_image(target, expected):
    index = class_index(target, 3, 4, "net")
    assert index.tolist() == expected
    assert index.dtype == np.int32


@pytest.mark.parametrize(
    ("target", "text"),
    [
        (4, "from 0 to 3, got 4. Try: one of the 4 outputs of 'net'"),
        (-1, "from 0 to 3, got -1"),
        ([0, 1], r"one an image \(3\), got shape \(2,\)"),
        (1.5, "of float64"),
        ("cat", "'prediction' or 'second-best', got 'cat'"),
        ([[0, 1, 2]], r"got shape \(1, 3\)"),
    ],
)
def test_targets_that_are_no_class(target, text):
    with pytest.raises(TargetError, match=text):
        class_index(target, 3, 4, "net")
