"""What may be asked for, and what a classifier gets for it."""

import keras
import numpy as np
import pytest

from campare import Contrast, explain, wrap
from campare.attribution.targets import resolve_target, target_indices
from campare.errors import ModelError, TargetError


class Named:
    """As much of a classifier as targets look at."""

    name = "zoo"
    class_names = ("ant", "bee", "cow")
    n_classes = 3


LOGITS = np.array([[1.0, 3.0, 2.0], [5.0, 0.0, 1.0]], np.float32)


def test_names_become_indices():
    assert resolve_target(Named(), "bee") == 1
    assert resolve_target(Named(), "2") == 2
    assert resolve_target(Named(), ["cow", "ant"]).tolist() == [2, 0]
    assert resolve_target(Named(), Contrast("cow", "ant")) == Contrast(2, 0)
    assert resolve_target(Named(), "label", np.array([2, 0])).tolist() == [2, 0]


def test_one_hot_labels_are_their_classes():
    assert resolve_target(Named(), "label", np.eye(3)[[2, 0]]).tolist() == [2, 0]


def test_what_only_the_logits_decide_is_left_to_them():
    assert resolve_target(Named(), None) is None
    assert resolve_target(Named(), "second-best") == "second-best"
    assert target_indices(None, LOGITS).tolist() == [1, 0]
    assert target_indices("prediction", LOGITS).tolist() == [1, 0]
    assert target_indices("second-best", LOGITS).tolist() == [2, 2]
    assert target_indices(Contrast(2, 0), LOGITS).tolist() == [2, 2]
    assert target_indices(lambda logits: logits[:, 0], LOGITS) is None


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("dog", "got 'dog'. Try: ant, bee, cow"),
        (3, "from 0 to 2, got 3"),
        (-1, "from 0 to 2, got -1"),
        (Contrast("dog", "bee"), "got 'dog'"),
        ("label", "Expected labels for target='label'"),
    ],
)
def test_what_is_no_class(target, text):
    with pytest.raises(TargetError, match=text):
        resolve_target(Named(), target)


# A single unit: the logit of a class, or a value


def one_unit(bias, end=None):
    network = keras.Sequential([
        keras.Input((12, 12, 3)), keras.layers.Conv2D(4, 3, activation="softplus"),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(1, activation=end),
    ])  # fmt: skip
    network.set_weights([*network.get_weights()[:-1], np.array([bias], np.float32)])
    return network


def summed(logits):
    return logits[:, -1]


@pytest.mark.parametrize("bias", [50.0, -50.0])
def test_maps_of_a_value_show_what_raises_it(bias):
    keras.utils.set_random_seed(0)
    network = one_unit(bias)
    images = np.random.default_rng(0).uniform(size=(2, 12, 12, 3)).astype(np.float32)
    expected = explain(network, images, target=summed).maps
    own = keras.ops.convert_to_numpy(network(images))
    for target in (None, 0, "label"):
        found = explain(network, images, target=target, labels=[0, 0], task="regression")
        np.testing.assert_allclose(found.maps, expected, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(found.logits, own, rtol=1e-4)
        np.testing.assert_allclose(found.scores, own[:, 0], rtol=1e-4)
    assert wrap(network, task="regression").n_classes == 1
    with pytest.raises(TargetError, match="from 0 to 0, got 1"):
        explain(network, images, target=1, task="regression")


def test_what_a_single_unit_is_taken_for_is_said():
    network, images = one_unit(-50.0), np.ones((1, 12, 12, 3), np.float32)
    with pytest.warns(UserWarning, match="class 1 by z and class 0 by -z. Try: task='regression'"):
        guessed = explain(network, images)
    assert guessed.target.tolist() == [0]
    np.testing.assert_array_equal(guessed.maps, explain(network, images, task="binary").maps)
    other = wrap(network, task="binary")
    assert explain(other, images, task="regression").logits.shape == (1, 1)
    assert explain(other, images).logits.shape == (1, 2)
    assert explain(one_unit(0.0, "sigmoid"), images).logits.shape == (1, 2)  # nothing to be said
    with pytest.raises(ModelError, match="task binary or regression, got 'multi-label'"):
        explain(network, images, task="multi-label")


# Labels as rows


def test_rows_of_labels_are_one_hot_or_refused():
    labels = np.eye(3, dtype=int)[[2, 0]]
    classifier = Named()
    for rows in (labels, 0.9 * labels + 0.03, np.array([[2], [0]])):
        assert resolve_target(classifier, "label", rows).tolist() == [2, 0]
    for rows in ([[1, 1, 0], [0, 1, 0]], [[0, 0, 0], [0, 1, 0]]):
        with pytest.raises(TargetError, match=r"one class an image, got \[.*, which is") as told:
            resolve_target(classifier, "label", rows)
        advice = str(told.value).partition("Try: target=")[2].partition(" for")[0]
        first = eval(advice, {"labels": np.array(rows)})
        assert resolve_target(classifier, first).tolist() == np.argmax(rows, 1).tolist()
