"""explain(): targets by name and index, batches, what is saved and shown."""

import keras
import numpy as np
import pytest
from PIL import Image

from campare.cams.explain import explain
from campare.classifiers import wrap
from campare.errors import TargetError

L = keras.layers


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras.Sequential([
        keras.Input((12, 12, 3)), L.Rescaling(1 / 255), L.Conv2D(4, 3, name="conv"),
        L.GlobalAveragePooling2D(), L.Dense(3, activation="softmax"),
    ])  # fmt: skip


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 256, (7, 12, 12, 3), dtype=np.uint8)


def test_batches_change_nothing(network, images):
    whole = explain(network, images, target=1, batch_size=7)
    parts = explain(network, images, target=1, batch_size=3)
    np.testing.assert_allclose(whole.maps, parts.maps, rtol=1e-5, atol=1e-9)
    assert whole.maps.shape == (7, 10, 10)
    assert whole.layer == "conv"
    assert len(whole.status) == 7


def test_targets_by_name_by_index_and_one_an_image(network, images):
    classifier = wrap(network, class_names=("ant", "bee", "cow"))
    by_name = explain(classifier, images, target="bee")
    by_index = explain(classifier, images, target=1)
    each = explain(classifier, images, target=["bee"] * 7)
    np.testing.assert_array_equal(by_name.maps, by_index.maps)
    np.testing.assert_array_equal(by_name.maps, each.maps)
    assert by_name.target.tolist() == [1] * 7
    assert by_name.class_name(2) == "cow"


def test_without_a_target_the_prediction_is_explained(network, images):
    found = explain(network, images)
    np.testing.assert_array_equal(found.target, found.logits.argmax(1))
    np.testing.assert_allclose(found.scores, found.logits.max(1), rtol=1e-5)


@pytest.mark.parametrize(
    ("target", "text"), [("dog", "Try: ant, bee, cow"), (3, "from 0 to 2, got 3")]
)
def test_a_class_that_is_not_there(network, images, target, text):
    classifier = wrap(network, class_names=("ant", "bee", "cow"))
    with pytest.raises(TargetError, match=text):
        explain(classifier, images, target=target)


def test_what_is_saved_can_be_read_back(network, images, tmp_path):
    found = explain(network, images[:3], target=0)
    paths = found.save(tmp_path / "out", names=["a/x.png", "b/x.png", "y.jpg"])
    assert [path.name for path in paths] == ["x-grad-cam.png", "x-2-grad-cam.png", "y-grad-cam.png"]
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "x-2-grad-cam.npy"), found.maps[1])
    with Image.open(paths[0]) as picture:
        assert picture.size == (12, 12)
        np.testing.assert_array_equal(np.asarray(picture), found.overlay()[0])


def test_a_notebook_shows_escaped_captions(network, images):
    classifier = wrap(network, class_names=("<b>", "<b>2", "<b>3"))
    shown = explain(classifier, images[:1])._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown
