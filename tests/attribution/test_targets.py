"""What may be asked for, and what a classifier gets for it."""

import numpy as np
import pytest

from campare import Contrast
from campare.attribution.targets import resolve_target, target_indices
from campare.errors import TargetError


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
