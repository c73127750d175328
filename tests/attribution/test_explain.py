"""explain(): targets, labels, methods of every kind, layers, raw outputs."""

import keras
import numpy as np
import pytest

from campare import Contrast, explain, wrap
from campare.attribution.method import METHODS
from campare.errors import LayerError, ModelError, TargetError
from campare.models.arrays import namespace

L = keras.layers


def test_targets_by_name_by_index_and_one_an_image(network, images):
    classifier = wrap(network, class_names=("ant", "bee", "cow"))
    by_name = explain(classifier, images, target="bee")
    by_index = explain(classifier, images, target=1)
    each = explain(classifier, images, target=["bee"] * 7, batch_size=2)
    np.testing.assert_array_equal(by_name.maps, by_index.maps)
    np.testing.assert_allclose(by_name.maps, each.maps, rtol=1e-5, atol=1e-9)
    assert by_name.target.tolist() == [1] * 7
    assert by_name.class_name(2) == "cow"


def test_without_a_target_the_prediction_is_explained(network, images):
    found = explain(network, images)
    np.testing.assert_array_equal(found.target, found.logits.argmax(1))
    np.testing.assert_allclose(found.scores, found.logits.max(1), rtol=1e-5)


def test_the_second_best_and_a_contrast(network, images):
    second = explain(network, images, target="second-best")
    np.testing.assert_allclose(second.scores, np.sort(second.logits)[:, -2], rtol=1e-5)
    contrast = explain(network, images, target=Contrast(0, 2), method="hires-cam")
    np.testing.assert_allclose(
        contrast.scores, contrast.logits[:, 0] - contrast.logits[:, 2], rtol=1e-4, atol=1e-6
    )
    assert contrast.target.tolist() == [0] * 7


@pytest.mark.parametrize("target", [None, "second-best"])
def test_the_class_of_the_first_pass_is_explained_without_another(
    network, images, target, monkeypatch
):
    classifier = wrap(network)
    logits = classifier.predict(images)
    index = np.argsort(logits, axis=1)[:, -1 if target is None else -2]
    expected = {
        name: explain(classifier, images, target=index, method=name, smooth=smooth).maps
        for name, smooth in (("gradient", False), ("grad-cam", True))
    }
    passes = []
    monkeypatch.setattr(classifier, "predict", passes.append)
    found = explain(classifier, images, target=target, method="gradient")
    np.testing.assert_allclose(found.maps, expected["gradient"], rtol=1e-5, atol=1e-9)
    found = explain(classifier, images, target=target, smooth=True)
    np.testing.assert_allclose(found.maps, expected["grad-cam"], rtol=1e-5, atol=1e-9)
    assert passes == []


def test_a_batch_has_one_image_or_more(network, images):
    for batch_size in (0, -3):
        with pytest.raises(ModelError, match=f"a whole number from 1, got {batch_size}"):
            explain(network, images, batch_size=batch_size)


def test_labels_come_with_the_batches(network, images):
    labels = np.array([0, 1, 2, 0, 1, 2, 0])
    pairs = ((images[i : i + 3], labels[i : i + 3]) for i in (0, 3, 6))
    found = explain(network, pairs, target="label")
    np.testing.assert_array_equal(found.target, labels)
    together = explain(network, images, target="label", labels=labels)
    np.testing.assert_allclose(found.maps, together.maps, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_explains(method, network, images):
    if method.startswith("attention-"):
        with pytest.raises(ModelError, match="Expected self-attention"):
            explain(network, images[:3], target=1, method=method)
        return
    found = explain(network, images[:3], target=1, method=method)
    assert found.maps.dtype == np.float32
    assert found.maps.shape[0] == 3
    assert np.isfinite(found.maps).all()
    assert found.signed or (found.maps >= 0).all()
    assert found.logits.shape == (3, 3)


def test_a_layer_may_be_given_itself(network, images):
    found = explain(network, images, layer=network.get_layer("early"))
    assert found.layer == "early"


@pytest.mark.parametrize(
    ("changes", "error", "text"),
    [
        ({"target": "dog"}, TargetError, "Try: ant, bee, cow"),
        ({"target": 3}, TargetError, "from 0 to 2, got 3"),
        ({"target": [0, 1]}, TargetError, "one target an image"),
        ({"target": [0] * 8}, TargetError, "one target an image"),
        ({"layer": []}, LayerError, "one or more layers"),
        ({"layer": "nowhere"}, LayerError, "Expected a layer"),
        ({"target": lambda z: z[:, 0], "method": "finer-cam"}, TargetError, "target of finer-cam"),
    ],
)
def test_mistakes_are_told(network, images, changes, error, text):
    classifier = wrap(network, class_names=("ant", "bee", "cow"))
    with pytest.raises(error, match=text):
        explain(classifier, images, **changes)


def test_a_batch_of_no_images_has_no_maps(network, images):
    for target in (1, None, np.zeros(0, int)):
        found = explain(network, images[:0], target=target)
        assert found.maps.shape == (0, *explain(network, images).maps.shape[1:])
        assert found.logits.shape == (0, 3)
    parts = explain(network, iter([images[:2], images[:0], images[2:]]), target=1)
    whole = explain(network, images, target=1)
    np.testing.assert_allclose(parts.maps, whole.maps, rtol=1e-5, atol=1e-9)


def test_no_images_at_all(network):
    with pytest.raises((ModelError, TargetError), match="got none"):
        explain(network, iter([]))


def mean_of_channel(channel, columns):
    """A target: the sum of one channel of a segmentation over its first columns."""

    def score(output):
        return namespace(output).sum(output[:, :, :columns, channel], axis=(1, 2))

    return score


class TestRawOutput:
    """Targets see whatever a model gives: a segmentation, a dict, an embedding."""

    @pytest.fixture(scope="class")
    @staticmethod
    def segmenting():
        keras.utils.set_random_seed(0)
        return keras.Sequential([
            keras.Input((12, 12, 3)), L.Conv2D(4, 3, activation="relu", name="conv"),
            L.Conv2D(3, 1, name="head"),
        ])  # fmt: skip

    def test_a_class_of_a_region_of_a_segmentation(self, segmenting, images):
        region = mean_of_channel(1, columns=4)
        found = explain(segmenting, images, target=region, layer="conv", method="hires-cam")
        A = keras.ops.convert_to_numpy(segmenting.layers[0](images.astype(np.float32)))
        kernel, bias = (keras.ops.convert_to_numpy(w) for w in segmenting.layers[-1].weights)
        inside = np.zeros((10, 10))
        inside[:, :4] = 1
        expected = np.maximum((A * kernel[0, 0, :, 1]).sum(-1) * inside, 0)
        np.testing.assert_allclose(found.maps, expected, rtol=1e-4, atol=1e-3)
        scores = (((A * kernel[0, 0, :, 1]).sum(-1) + bias[1]) * inside).sum((1, 2))
        np.testing.assert_allclose(found.scores, scores, rtol=1e-4, atol=1e-2)
        np.testing.assert_array_equal(found.logits, found.scores[:, None])
        assert found.target is None

    @pytest.mark.parametrize("method", ["score-cam", "ablation-cam", "finer-cam"])
    def test_methods_that_ask_again_or_need_a_class(self, segmenting, images, method):
        def region(output):
            return namespace(output).sum(output[:, :, :5] ** 2, axis=(1, 2, 3))

        call = {"layer": "conv", "method": method}
        if METHODS[method].score:
            with pytest.raises(TargetError, match="Expected a class as the target of finer-cam"):
                explain(segmenting, images[:2], target=region, **call)
        else:
            maps = explain(segmenting, images[:2], target=region, **call).maps
            assert np.ptp(maps, axis=(1, 2)).min() > 0

    def test_outputs_of_any_structure(self, images):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((12, 12, 3))
        features = L.Conv2D(4, 3, activation="relu", name="conv")(inputs)
        pooled = L.GlobalAveragePooling2D()(features)
        boxes, kinds = L.Dense(4, name="boxes")(pooled), L.Dense(2, name="kinds")(pooled)
        detector = keras.Model(inputs, {"boxes": boxes, "kinds": kinds})
        found = explain(detector, images, target=lambda output: output["boxes"][:, 2])
        expected = explain(wrap(detector, output="boxes"), images, target=2)
        assert found.layer == expected.layer == "conv"
        np.testing.assert_allclose(found.maps, expected.maps, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-5)
        with pytest.raises(ModelError, match=r"one of 2 outputs .*wrap\(model, output='boxes'\)"):
            explain(detector, images, target=1)
        assert explain(wrap(detector, output="kinds"), images, target=1).logits.shape == (7, 2)

    def test_a_class_needs_logits(self, segmenting, images):
        with pytest.raises(ModelError, match=r"got shape \(2, 10, 10, 3\) .*=a function of"):
            explain(segmenting, images, target=1)

    @pytest.mark.parametrize(
        ("target", "got"),
        [
            (lambda output: output[..., 0], r"shape \(None, 10, 10\)|shape \(7, 10, 10\)"),
            (lambda output: namespace(output).sum(output), r"shape \(\)"),
            (lambda _: 1.0, "got 1.0"),
        ],
    )
    def test_a_target_gives_one_score_an_image(self, segmenting, images, target, got):
        with pytest.raises(TargetError, match=got):
            explain(segmenting, images, target=target, layer="conv")

    @pytest.mark.parametrize("layer", ["conv", None])
    @pytest.mark.parametrize(
        ("target", "got"),
        [
            (lambda output: output[:1, 0, 0, 0], "got 1 for a batch of [78]"),
            (lambda output: output[0, 0, 0], "got 3 for a batch of [78]"),
        ],
    )
    def test_a_score_is_missing(self, segmenting, images, target, got, layer):
        with pytest.raises(TargetError, match=got):
            explain(segmenting, images, target=target, layer=layer)

    @pytest.mark.parametrize(
        "target",
        [lambda output: output["boxes"], lambda output: output.boxes, lambda _: 1 / 0],
    )
    def test_a_target_that_fails_is_one_line(self, segmenting, images, target):
        raw = r"raw output, shape \(\w+, 10, 10, 3\), got \w+Error: .* Try: a function of that"
        with pytest.raises(TargetError, match=raw) as caught:
            explain(segmenting, images, target=target, layer="conv")
        assert caught.value.__cause__ is not None
