"""What holds for every kind of model on every backend: the tap against finite differences."""

import pickle

import numpy as np
import pytest
from kinds import KINDS, classifier, outputs

from campare.errors import LayerError

every_kind = pytest.mark.parametrize("name", KINDS)


def directions(tap, seed=1):
    return np.random.default_rng(seed).normal(size=tap.activations.shape).astype(np.float32)


@every_kind
def test_gradients_equal_finite_differences(name):
    kind, images = KINDS[name], KINDS[name].images()
    zero = np.zeros((1,) * images.ndim, np.float32)
    tap = classifier(name).tap(images, 1, eps=zero)
    assert tap.activations.dtype == tap.gradients.dtype == np.float32
    direction = directions(tap) * np.abs(tap.activations).mean()
    up, down = (
        classifier(name).tap(images, 1, eps=step * direction).scores.astype(np.float64)
        for step in (kind.step, -kind.step)
    )
    expected = (up - down) / (2 * kind.step)
    found = (tap.gradients * direction).reshape(len(images), -1).sum(1)
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3 * kind.loose * scale)


@every_kind
def test_scores_are_the_logits_before_any_softmax(name):
    kind, images = KINDS[name], KINDS[name].images()
    one = classifier(name)
    logits = one.predict(images)
    given = outputs(one.model, images)
    if "output" in kind.options:
        wanted = kind.options["output"]
        names = ["species", "colour"]
        given = given[wanted] if isinstance(given, dict) else given[
            wanted if isinstance(wanted, int) else names.index(wanted)
        ]  # fmt: skip
    assert one.bypassed == kind.ends_in
    close = {"rtol": 1e-3 * kind.loose, "atol": 1e-5 * kind.loose**2}
    if kind.ends_in == "softmax":
        e = np.exp(logits - logits.max(1, keepdims=True))
        np.testing.assert_allclose(e / e.sum(1, keepdims=True), given, **close)
        assert not np.allclose(logits.sum(1), 1)
    elif kind.ends_in == "sigmoid":
        assert given.shape[1] in (1, logits.shape[1])
        last = logits[:, -given.shape[1] :]
        np.testing.assert_allclose(1 / (1 + np.exp(-last)), given, **close)
    else:
        np.testing.assert_allclose(logits, given, **close)
    target = np.arange(len(images)) % 2
    tap = one.tap(images, target)
    np.testing.assert_allclose(tap.logits, logits, rtol=1e-4, atol=1e-5)
    if one.n_classes > 2:
        np.testing.assert_allclose(tap.scores, tap.logits[range(len(images)), target], rtol=1e-5)


@pytest.mark.parametrize("name", ["keras nested, trained", "torch BasicBlock"])
def test_a_classifier_travels_to_another_process(name):
    images, one = KINDS[name].images(), classifier(name)
    there = pickle.loads(pickle.dumps(one))
    assert (there.name, there.class_names, there.layer().path) == (
        one.name, one.class_names, one.layer(None, KINDS[name].shape).path
    )  # fmt: skip
    np.testing.assert_allclose(there.predict(images), one.predict(images), rtol=1e-5, atol=1e-5)


CURVED = (
    "keras flat", "keras nested, frozen", "keras transformer", "torch function as softmax",
    "torch transformer",
)  # fmt: skip


@pytest.mark.parametrize("name", CURVED)
def test_curvature_equals_differences_of_gradients(name):
    """The Hessian times A: how the gradients change as the activations grow."""
    images, step = KINDS[name].images(), 1e-2
    tap = classifier(name).tap(images, lambda_squared, curvature=True)
    up, down = (
        classifier(name).tap(images, lambda_squared, scale=np.float32(s)).gradients.astype(float)
        for s in (1 + step, 1 - step)
    )
    expected = (up - down) / (2 * step)
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(tap.curvature, expected, atol=2e-2 * np.abs(expected).max())


def lambda_squared(logits):
    """A score that bends even where the head is linear."""
    return logits[:, 1] * logits[:, 1] + logits[:, 0]


REPEATED = ("keras flat", "keras residual", "keras int8", "torch BasicBlock")


@pytest.mark.parametrize("name", REPEATED)
def test_repeats_are_the_single_taps(name):
    """Row m N + n is image n with its activations times scale m plus eps m."""
    images, rng = KINDS[name].images(2), np.random.default_rng(0)
    plain = classifier(name).tap(images, 1)
    scale = rng.uniform(0, 2, (6, *plain.activations.shape[1:])).astype(np.float32)
    eps = rng.normal(size=(6, 1, 1, 1)).astype(np.float32)
    many = classifier(name).tap(images, np.array([1, 0]), scale=scale, eps=eps, repeat=3)
    for row in range(6):
        _m, n = divmod(row, 2)
        one = classifier(name).tap(
            images[n : n + 1], 1 - n, scale=scale[row : row + 1], eps=eps[row : row + 1]
        )
        changed = plain.activations[n] * scale[row] + eps[row]
        np.testing.assert_allclose(many.activations[row], changed, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(many.gradients[row], one.gradients[0], rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(many.scores[row], one.scores[0], rtol=1e-4, atol=1e-4)


def scores_and_logits(tap):
    return tap.scores, tap.logits


@every_kind
def test_without_gradients_the_rest_is_the_same(name):
    images = KINDS[name].images(2)
    tap = classifier(name).tap(images, None)
    scores, logits = classifier(name).start(images, read=scores_and_logits, gradients=False)()
    np.testing.assert_allclose(scores, tap.scores, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(logits, tap.logits, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("keras residual", "conv"),
        ("keras transformer", "norm1a"),
        ("torch BasicBlock", "layer2.1.bn2"),
    ],
)
def test_what_passes_by_a_layer_cannot_be_repeated(name, layer):
    with pytest.raises(LayerError, match=r"which something passes by\. Try: repeat=1"):
        classifier(name).tap(KINDS[name].images(2), 1, layer=layer, repeat=3)


@pytest.mark.parametrize(
    ("name", "layer", "expected"),
    [
        ("keras flat", "conv", True),
        ("keras nested, frozen", "backbone/conv1", True),
        ("keras residual", "gelu", True),
        ("keras residual", "conv", False),
        ("torch BasicBlock", "layer2.1", True),
        ("torch BasicBlock", "layer2.1.bn2", False),
        ("torch transformer", "blocks.0", False),  # the class token goes around the grid
    ],
)
def test_whether_all_goes_through_the_layer(name, layer, expected):
    assert classifier(name).bottleneck(layer, KINDS[name].shape) is expected


@pytest.mark.parametrize("name", ["keras nested, frozen", "torch function as softmax"])
def test_targets_none_second_best_and_functions(name):
    images, one = KINDS[name].images(), classifier(name)
    logits = np.sort(one.predict(images), axis=1)
    np.testing.assert_allclose(one.tap(images).scores, logits[:, -1], rtol=1e-5)
    np.testing.assert_allclose(one.tap(images, "second-best").scores, logits[:, -2], rtol=1e-5)
    contrast = one.tap(images, lambda z: z[:, 0] - z[:, 1]).gradients
    apart = one.tap(images, 0).gradients - one.tap(images, 1).gradients
    np.testing.assert_allclose(contrast, apart, rtol=1e-4, atol=1e-6)


def test_a_single_unit_has_two_signed_classes():
    images, one = KINDS["keras sigmoid"].images(), classifier("keras sigmoid")
    assert one.n_classes == 2
    for_, against = one.tap(images, 1), one.tap(images, 0)
    np.testing.assert_allclose(for_.scores, -against.scores)
    np.testing.assert_allclose(for_.gradients, -against.gradients)
    np.testing.assert_allclose(one.predict(images)[:, 1], for_.scores, rtol=1e-5)
    np.testing.assert_allclose(one.tap(images).scores, np.abs(for_.scores), rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["keras nested, frozen", "keras transformer", "torch BasicBlock", "torch registers"]
)
def test_a_batch_equals_its_images_one_by_one(name):
    images = KINDS[name].images()
    whole = classifier(name).tap(images, 1).gradients
    single = np.concatenate([classifier(name).tap(image[None], 1).gradients for image in images])
    np.testing.assert_allclose(whole, single, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", ["keras nested, frozen", "torch function as softmax"])
def test_input_gradients_equal_finite_differences(name):
    images, one = KINDS[name].images(2), classifier(name)
    found, step = one.input_gradients(images, 1), 1e-3 * np.ptp(KINDS[name].pixels)
    assert found.shape == images.shape
    rng = np.random.default_rng(0)
    for _ in range(3):
        direction = rng.normal(size=images.shape).astype(np.float32)
        up, down = (one.predict(images + s * direction)[:, 1].astype(float) for s in (step, -step))
        expected = (up - down) / (2 * step)
        along = (found * direction).sum((1, 2, 3))
        # a step may cross kinks of relu
        np.testing.assert_allclose(along, expected, rtol=5e-2, atol=3e-2 * np.abs(expected).max())


def _difference(logits):
    return logits[:, 1] - logits[:, 0]


@pytest.mark.parametrize("name", ["keras flat", "keras residual", "torch BasicBlock"])
def test_a_classifier_of_one_score_is_that_score_everywhere(name):
    images, whole = KINDS[name].images(), classifier(name)
    one = whole.scoring(_difference)
    assert one.n_classes == 1
    logits = whole.predict(images)
    expected = logits[:, 1:2] - logits[:, :1]
    np.testing.assert_allclose(one.predict(images), expected, rtol=1e-4, atol=1e-4)
    tap, other = one.tap(images, 0), whole.tap(images, _difference)
    np.testing.assert_allclose(tap.gradients, other.gradients, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(tap.logits[:, 0], other.scores, rtol=1e-4, atol=1e-4)
    again = pickle.loads(pickle.dumps(one))
    np.testing.assert_allclose(again.predict(images), expected, rtol=1e-4, atol=1e-4)
