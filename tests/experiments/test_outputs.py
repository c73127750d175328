"""Which output of a model speaks for which class: by name, by order, as it is said, or unknown.

A class may also have several outputs together.
"""

import pickle
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import campare
from campare.data import ImageSet
from campare.errors import TargetError
from campare.experiments.outputs import match, read_classes, unmatched
from campare.models import wrap

K = keras.layers
FIVE = SimpleNamespace(name="net", n_classes=6, class_names=("a", "b", "c", "d+e", "f", "g"))


def model(n, names=None):
    return SimpleNamespace(name="net", n_classes=n, class_names=names)


@given(own=st.permutations(["ant", "bee", "cow", "dog"]), k=st.integers(2, 4))
def test_by_name_each_class_has_the_output_of_its_name(own, k):
    wanted = ["Ant", "BEE", "cow", "Dog"][:k]
    found = match(model(4, tuple(own)), wanted)
    assert (found.known, found.count) == (True, k)
    assert [own[i] for i in found.order] == [*map(str.lower, wanted), *(
        name for name in own if name not in map(str.lower, wanted)
    )]  # fmt: skip
    assert found.names[:k] == tuple(wanted)
    logits = np.arange(8.0).reshape(2, 4)
    ordered = found.sorted(logits)
    assert ordered[:, 0].tolist() == logits[:, own.index("ant")].tolist()
    assert sorted(found.order) == list(range(4))  # none is lost, none is there twice


def test_by_order_where_there_are_as_many_and_none_has_a_name():
    found = match(model(2), ["cat", "dog"])
    assert (found.how, found.words) == ("by order", "by order: cat 0, dog 1")


def test_as_it_is_said_by_number_text_or_name():
    own = ("tabby", "poodle", "tabby")
    for cat, dog in ((2, 1), ("2", "poodle"), (np.int64(2), 1)):
        found = match(model(3, own), ["cat", "dog"], {"cat": cat, "dog": dog})
        assert found.order.tolist() == [2, 1, 0]
        assert found.names == ("cat", "dog", "tabby (output 0)")
    assert found.words == "given: cat 2, dog 1"


def test_an_output_that_is_called_as_a_class_it_is_not_is_told_apart():
    found = match(model(3, ("cat", "dog", "cow")), ["cat", "dog"], {"cat": 1, "dog": 2})
    assert found.names == ("cat", "dog", "cat (output 0)")


def test_what_is_not_matched_keeps_the_order_of_the_model():
    found = unmatched(model(3, ("a", "b", "a")))
    assert (found.known, found.count, found.words) == (False, 0, "not matched")
    assert found.order.tolist() == [0, 1, 2]
    assert found.names == ("a (output 0)", "b", "a (output 2)")


@pytest.mark.parametrize(
    ("made", "classes", "text"),
    [
        (model(3), None, "with 3 outputs. Try"),
        (model(2, ("a", "b")), None, r"with 2 outputs \(a, b\)"),
        (model(3), {"cat": 0}, "got none for 'dog'"),
        (model(3), {"cat": 0, "dog": 1, "cow": 2}, "got 'cow', which is none"),
        (model(3), {"cat": 0, "dog": 0}, "got output 0 of 'net' for cat and dog"),
        (model(3), {"cat": 0, "dog": 3}, "from 0 to 2, got 3"),
        (model(3), {"cat": 0, "dog": True}, "from 0 to 2, got True"),
        (model(3, ("a", "b", "c")), {"cat": 0, "dog": "d"}, "0 to 2 or its name, got 'd'"),
    ],
)
def test_what_cannot_be_matched_is_one_line_with_classes_to_give(made, classes, text):
    with pytest.raises(TargetError, match=text) as error:
        match(made, ["cat", "dog"], classes)
    assert "Try: classes={" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_advice_followed_matches():
    with pytest.raises(TargetError) as error:
        match(model(3), ["cat", "dog"])
    advised = str(error.value).partition("classes={")[2].partition("}")[0]
    assert advised == "'cat': INDEX, ..."
    assert match(model(3), ["cat", "dog"], {"cat": 1, "dog": 2}).order.tolist() == [1, 2, 0]


def test_classes_of_a_command_line_and_of_a_file_are_the_same(tmp_path):
    path = tmp_path / "classes.yaml"
    path.write_text("cat: 3\ndog: poodle\n", "utf-8")
    own = ("a", "b", "poodle", "c")
    of_file, of_line = read_classes(str(path)), read_classes("cat=3, dog=poodle")
    orders = [match(model(4, own), ["cat", "dog"], c).order.tolist() for c in (of_file, of_line)]
    assert orders[0] == orders[1] == [3, 2, 0, 1]
    assert read_classes(None) is None
    for text in ("cat", "cat=", "cat=1,dog", "a=b=c"):
        with pytest.raises(TargetError, match="NAME=INDEX"):
            read_classes(text)


@pytest.mark.parametrize("dog", ["2..4", [2, 3, 4], "2+3..4", range(2, 5), ["c", 3, "f"], "c+3+f"])
def test_a_class_of_several_outputs(dog):
    found = match(FIVE, ["cat", "dog"], {"cat": "b", "dog": dog})
    assert found.merged == ((1,), (2, 3, 4), (0,), (5,))
    assert found.order.tolist() == [0, 1, 2, 3]
    assert found.names == ("cat", "dog", "a", "g")
    assert found.words == "given: cat 1, dog 2..4"


def test_one_output_each_merges_nothing_and_names_with_signs_are_names():
    found = match(FIVE, ["cat", "dog"], {"cat": "d+e", "dog": [0]})
    assert found.merged == ()
    assert found.order.tolist() == [3, 0, 1, 2, 4, 5]


@pytest.mark.parametrize(
    ("dog", "expected"),
    [
        ("2..9", "from 0 to 5 or its name, got 9"),
        ("4..2", "Expected different outputs for class 'dog', got '4..2'"),
        ("2+2", "Expected different outputs for class 'dog', got '2+2'"),
        ([], "Expected different outputs for class 'dog', got"),
        ("1..3", "got output 1 of 'net' for cat and dog"),
        ("2..x", "got '2..x'"),
    ],
)
def test_outputs_that_there_are_not(dog, expected):
    with pytest.raises(TargetError, match=expected.replace("+", r"\+").replace("..", r"\.\.")):
        match(FIVE, ["cat", "dog"], {"cat": 1, "dog": dog})


def test_the_command_line_and_a_file_say_several(tmp_path):
    assert read_classes("dog=151..268,cat=281..285+7") == {"dog": "151..268", "cat": "281..285+7"}
    (tmp_path / "classes.yaml").write_text("dog: [151, 152]\ncat: 281..285\n")
    assert read_classes(str(tmp_path / "classes.yaml")) == {"dog": [151, 152], "cat": "281..285"}


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(3)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            K.Rescaling(1 / 255),
            K.Conv2D(4, 3, activation="relu", name="last"),
            K.GlobalAveragePooling2D(),
            K.Dense(6, kernel_initializer="normal", activation="softmax"),
        ]
    )


def log_of_sum(logits):
    """The score of outputs 2..4 together, in TensorFlow."""
    import tensorflow as tf

    return tf.reduce_logsumexp(logits[:, 2:5], axis=-1)


def test_merged_classes_are_predicted_and_explained_as_one(network):
    """Their probability is the sum, their map that of the log of the sum of exp."""
    images = np.random.default_rng(0).uniform(0, 255, (3, 16, 16, 3)).astype(np.float32)
    merged = wrap(network).merging([(1,), (2, 3, 4), (0,), (5,)])
    logits = merged.predict(images)
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    own = network.predict(images, verbose=0)
    np.testing.assert_allclose(shares[:, 1], own[:, 2:5].sum(1), rtol=1e-5)
    np.testing.assert_allclose(shares[:, [0, 2, 3]], own[:, [1, 0, 5]], rtol=1e-5)
    found = merged.tap(images, 1, layer="last").gradients
    expected = wrap(network).tap(images, log_of_sum, layer="last").gradients
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-9)
    assert merged.n_classes == 4
    assert wrap(network).n_classes == 6


def test_an_audit_judges_by_the_sum_of_the_outputs(network):
    data = ImageSet.drawn(train=4, test=8, size=16)
    images = data.load("test", 16)
    scores = campare.audit(
        {"m": network},
        data,
        classes={"cat": "0+1", "dog": "2..4"},
        metrics=["correct", "confidence"],
    )
    own = network.predict(images.images.astype(np.float32), verbose=0)
    shares = np.stack([own[:, :2].sum(1), own[:, 2:5].sum(1), own[:, 5]], axis=1)
    rows = scores.frame.filter(recipe="m", metric="correct").unique("image").sort("image")
    expected = dict(zip(images.names, shares.argmax(1) == images.labels, strict=True))
    assert dict(zip(rows["image"], rows["value"] == 1, strict=True)) == expected


def test_a_merged_classifier_travels(network):
    merged = wrap(network).merging([(0, 1), (2, 3, 4, 5)])
    again = pickle.loads(pickle.dumps(merged))
    images = np.full((1, 16, 16, 3), 99, np.float32)
    np.testing.assert_allclose(again.predict(images), merged.predict(images), rtol=1e-6)
