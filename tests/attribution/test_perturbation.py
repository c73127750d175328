"""Perturbation methods against loops over a plain model, and what each must satisfy anywhere."""

import numpy as np
import pytest

import reference
from campare.attribution import perturbation
from campare.attribution.gradient import grad_cam_plus_plus
from campare.attribution.maps import resize
from campare.attribution.method import METHODS
from campare.attribution.perturbation import (
    ablation_cam,
    layer_integrated_gradients,
    score_cam,
    smooth_grad_cam_plus_plus,
    smoothed,
)
from campare.errors import TargetError
from campare.models import wrap

torch = pytest.importorskip("torch")
from small_networks import Small, activations_and_gradients, as_numpy, as_torch, images  # noqa: E402

LAYER = "features.4"
TARGET = 2
IMAGES = images()
NAMES = [
    name
    for name, m in METHODS.items()
    if m.kind == "perturbation" and m.function.__module__.endswith("perturbation")
]


@pytest.fixture(scope="module", params=["flat", "pooled"])
def model(request):
    return Small(request.param)


@pytest.fixture(scope="module")
def classifier(model):
    return wrap(model, input_shape=(12, 12, 3))


@pytest.fixture(scope="module")
def keras_classifier():
    """A Keras model on the backend under test; its grid is half the image, one channel is dead."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    inputs = keras.Input((8, 8, 3))
    x = layers.Conv2D(5, 3, padding="same", activation="relu")(inputs)
    x = layers.AveragePooling2D(2, name="grid")(x)
    x = layers.Dense(6, activation="tanh")(layers.Flatten()(x))
    network = keras.Model(inputs, layers.Dense(4)(x))
    kernel, bias = network.layers[1].get_weights()
    kernel[..., 3] = 0
    network.layers[1].set_weights([3 * kernel, bias])
    return wrap(network)


def logits_of(model, pixels):
    with torch.no_grad():
        return model(as_torch(pixels)).numpy()


def run(method, classifier, target=TARGET, pixels=IMAGES, **more):
    more = {"layer": LAYER, "batch_size": 4, "rng": np.random.default_rng(0)} | more
    return method(classifier, pixels, target, **more)


# What holds for all


@pytest.mark.parametrize("name", NAMES)
def test_maps_are_float32_and_do_not_depend_on_the_batch_size(name, classifier):
    function = METHODS[name].function
    found = [run(function, classifier, batch_size=size) for size in (1, 4, 100)]
    assert found[0].dtype == np.float32
    assert found[0].shape == (3, *METHODS[name].shape((4, 4), (12, 12)))
    assert METHODS[name].signed or (found[0] >= 0).all()
    for other in found[1:]:
        np.testing.assert_allclose(other, found[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_targets_may_be_none_one_an_image_a_rank_or_a_function(name, classifier):
    function = METHODS[name].function
    order = classifier.predict(IMAGES).argsort(axis=1)
    for target, same in ((None, order[:, -1]), ("second-best", order[:, -2]), (1, np.full(3, 1))):
        np.testing.assert_allclose(
            run(function, classifier, target), run(function, classifier, same), atol=1e-5
        )
    np.testing.assert_allclose(
        run(function, classifier, _last_class), run(function, classifier, 4), atol=1e-5
    )


def _last_class(logits):
    return logits[:, 4]


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_target_is_refused_as_by_the_classifier(name, classifier):
    with pytest.raises(TargetError, match="Expected"):
        run(METHODS[name].function, classifier, "no such class")


@pytest.mark.parametrize("name", NAMES)
def test_all_run_on_a_keras_model(name, keras_classifier):
    pixels = images(2, 8 * 3)[:, ::3, ::3]
    function = METHODS[name].function
    found = [
        run(function, keras_classifier, k, pixels, layer="grid", batch_size=3) for k in range(4)
    ]
    assert np.isfinite(found).all()
    assert np.ptp(found) > 0


# Score-CAM


@pytest.mark.parametrize("target", [0, TARGET])
def test_score_cam_equals_its_algorithm(model, classifier, target):
    found = run(score_cam, classifier, target)
    features = as_numpy(model.features(as_torch(IMAGES)))
    for i, image in enumerate(IMAGES):
        expected = reference.score_cam(
            lambda x: logits_of(model, x[None].astype(np.float32))[0, target], image, features[i]
        )
        np.testing.assert_allclose(found[i], expected, rtol=1e-4, atol=1e-5)


def test_score_cam_leaves_flat_channels_out_of_the_softmax(keras_classifier):
    pixels = images(2, 24)[:, ::3, ::3]
    tap = keras_classifier.tap(pixels, 1, layer="grid")
    assert np.ptp(tap.activations[..., 3]) == 0
    found = run(score_cam, keras_classifier, 1, pixels, layer="grid")
    for i, image in enumerate(pixels):
        expected = reference.score_cam(
            lambda x: keras_classifier.predict(x[None])[0, 1], image, tap.activations[i]
        )
        np.testing.assert_allclose(found[i], expected, rtol=1e-4, atol=1e-5)


def test_score_cam_of_an_image_without_any_mask_is_flat(classifier):
    nothing = perturbation._softmax(np.full((1, 3), -np.inf))
    assert nothing.tolist() == [[0.0, 0.0, 0.0]]


# Ablation-CAM


def test_ablation_cam_equals_its_equation(model, classifier):
    features = model.features(as_torch(IMAGES)).detach()
    S = model.classify(features).detach().numpy()[:, TARGET].astype(float)
    expected = np.zeros((3, 4, 4))
    for k in range(6):
        without = features.clone()
        without[:, k] = 0
        S_k = model.classify(without).detach().numpy()[:, TARGET]
        expected += ((S - S_k) / abs(S))[:, None, None] * features[:, k].numpy()
    found = run(ablation_cam, classifier)
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-4)


def test_ablation_cam_equals_its_equation_on_every_backend(keras_classifier):
    pixels = images(2, 24)[:, ::3, ::3]
    for target in range(4):
        tap = keras_classifier.tap(pixels, target, layer="grid")
        expected = np.zeros((2, 4, 4))
        for k in range(5):
            without = np.ones((1, 1, 1, 5), np.float32)
            without[..., k] = 0
            S_k = keras_classifier.tap(pixels, target, layer="grid", scale=without).scores
            w = (tap.scores - S_k) / abs(tap.scores)
            expected += w[:, None, None] * tap.activations[..., k]
        found = run(ablation_cam, keras_classifier, target, pixels, layer="grid", batch_size=2)
        np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-3, atol=1e-4)


def test_a_score_of_zero_leaves_ablation_cam_undefined(classifier):
    assert np.isnan(run(ablation_cam, classifier, _nothing)).all()


def _nothing(logits):
    return 0 * logits[:, 0]


class Counting:
    """A classifier that counts the images it is given and the grids that it sends on."""

    def __init__(self, classifier):
        self.classifier, self.images, self.grids = classifier, 0, 0

    def __getattr__(self, name):
        return getattr(self.classifier, name)

    def start(self, images, *args, repeat=1, **more):
        self.images += len(images)
        self.grids += repeat * len(images)
        return self.classifier.start(images, *args, repeat=repeat, **more)


def test_what_comes_before_the_layer_runs_once_for_a_batch_of_channels(classifier):
    counting = Counting(classifier)
    run(ablation_cam, counting)
    assert counting.images == 3 + 3 * 2  # 6 channels are two batches of 4
    assert counting.grids == 3 + 3 * 8


def test_score_cam_needs_a_pass_for_each_channel_of_each_image(classifier):
    counting = Counting(classifier)
    run(score_cam, counting)
    assert counting.images == 3 + 20  # 18 masks in batches of 4, the last filled up


# A connection past the layer


class Skipping(torch.nn.Module):
    """The image reaches the scores past the features, too."""

    def __init__(self):
        super().__init__()
        inner = Small("flat")
        self.features, self.head = inner.features, inner.head
        self.past = torch.nn.Linear(3, 5)
        self.eval()

    def past_features(self, x):
        return self.past(x.mean(dim=(2, 3)))

    def forward(self, x):
        return self.head(self.features(x)) + self.past_features(x)


def test_around_a_skip_connection_the_images_are_repeated():
    model = Skipping()
    classifier = wrap(model, input_shape=(12, 12, 3))
    assert not classifier.bottleneck(LAYER, (12, 12, 3))
    x = as_torch(IMAGES)
    features, past = model.features(x).detach(), model.past_features(x).detach()
    S = (model.head(features) + past).detach().numpy()[:, TARGET]
    expected = np.zeros((3, 4, 4))
    for k in range(6):
        without = features.clone()
        without[:, k] = 0
        S_k = (model.head(without) + past).detach().numpy()[:, TARGET]
        expected += ((S - S_k) / abs(S))[:, None, None] * features[:, k].numpy()
    found = run(ablation_cam, classifier)
    np.testing.assert_allclose(found, np.maximum(expected, 0), rtol=1e-4, atol=1e-4)


# Layer integrated gradients


def test_integrated_gradients_sum_to_the_score_less_that_of_zero_features(model, classifier):
    found = run(layer_integrated_gradients, classifier)
    S = classifier.predict(IMAGES)[:, TARGET]
    with torch.no_grad():
        zero = model.classify(torch.zeros(1, 6, 4, 4)).numpy()[0, TARGET]
    np.testing.assert_allclose(found.sum(axis=(1, 2)), S - zero, rtol=1e-3, atol=1e-3)


def test_integrated_gradients_complete_on_every_backend(keras_classifier):
    pixels = images(2, 24)[:, ::3, ::3]
    found = run(layer_integrated_gradients, keras_classifier, 1, pixels, layer="grid")
    nothing = np.zeros((1, 1, 1, 1), np.float32)
    zero = keras_classifier.tap(pixels, 1, layer="grid", scale=nothing).scores
    S = keras_classifier.predict(pixels)[:, 1]
    np.testing.assert_allclose(found.sum(axis=(1, 2)), S - zero, rtol=1e-3, atol=1e-3)


# Smooth Grad-CAM++


def test_without_noise_smooth_grad_cam_plus_plus_is_grad_cam_plus_plus(model, classifier):
    found = run(smooth_grad_cam_plus_plus, classifier, noise=0, samples=2)
    A, G, _ = activations_and_gradients(model, IMAGES, TARGET)
    np.testing.assert_allclose(found, grad_cam_plus_plus(A, G), rtol=1e-4, atol=1e-5)


def test_the_noise_of_an_image_does_not_depend_on_the_others(classifier):
    alone, together = (
        run(smooth_grad_cam_plus_plus, classifier, pixels=p) for p in (IMAGES[:1], IMAGES)
    )
    np.testing.assert_allclose(alone[0], together[0], rtol=1e-4, atol=1e-5)


def test_smooth_grad_cam_plus_plus_equals_its_equation(model, classifier):
    found = run(smooth_grad_cam_plus_plus, classifier, samples=3, noise=0.2)
    streams = np.random.default_rng(0).spawn(3)
    A = activations_and_gradients(model, IMAGES, TARGET)[0].astype(float)
    span = np.ptp(IMAGES, axis=(1, 2, 3))[:, None, None, None]
    gradients = []
    for _ in range(3):
        normal = np.stack([each.standard_normal((12, 12, 3), np.float32) for each in streams])
        noisy = IMAGES + 0.2 * span * normal
        gradients.append(activations_and_gradients(model, noisy, TARGET)[1].astype(float))
    D1, D2, D3 = (np.mean([g**p for g in gradients], axis=0) for p in (1, 2, 3))
    for i in range(3):
        weights = np.zeros(6)
        for k in range(6):
            below = 2 * D2[i, :, :, k] + A[i, :, :, k].sum() * D3[i, :, :, k]
            ratio = np.divide(D2[i, :, :, k], below, out=np.zeros((4, 4)), where=below != 0)
            weights[k] = (ratio * np.maximum(D1[i, :, :, k], 0)).sum()
        np.testing.assert_allclose(
            found[i], reference.weighted(A[i], weights), rtol=1e-3, atol=1e-4
        )


# Smoothing over changed copies


def test_smoothing_undoes_the_mirror_and_averages_the_brightness():
    pixels = images(2)
    calls = []

    def one_sided(x):
        calls.append(x)
        ramp = np.arange(x.shape[2])
        return (x.mean(axis=-1) * ramp)[:, ::3, ::3]

    found = smoothed(one_sided, pixels, brightness=(0.5, 1.5))
    assert len(calls) == 4
    plain, mirrored = one_sided(pixels), one_sided(pixels[:, :, ::-1])[:, :, ::-1]
    np.testing.assert_allclose(found, (plain + mirrored) / 2, rtol=1e-5)
    np.testing.assert_allclose(smoothed(one_sided, pixels, flip=False), plain, rtol=1e-5)


def test_smoothing_of_a_map_that_follows_the_image_changes_nothing():
    pixels = images(2)
    for function in (lambda x: x.mean(axis=-1), lambda x: resize(x.mean(axis=-1), (4, 4))):
        np.testing.assert_allclose(smoothed(function, pixels), function(pixels), rtol=1e-5)
