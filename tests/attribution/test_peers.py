"""CAM methods beside Captum, TorchCAM and pytorch-grad-cam, at the resolution of the layer.

Captum and TorchCAM run here; pytorch-grad-cam needs torchvision and is recorded, see
fixtures/make_grad_cam_fixtures.py. Where a peer is right, both agree; where it departs from the
paper, a slow version of what it does agrees with it, and the paper's does not.
"""

from copy import deepcopy
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import reference
from campare.attribution.activation import eigen_cam, fem, kpca_cam
from campare.attribution.gradient import (
    eigen_grad_cam,
    finer_score,
    grad_cam,
    grad_cam_plus_plus,
    rest_score,
    shapley_cam,
)
from campare.attribution.method import METHODS
from campare.attribution.perturbation import (
    ablation_cam,
    guided_grad_cam,
    guided_grad_cam_attributions,
    layer_integrated_gradients,
    score_cam,
    smooth_grad_cam_plus_plus,
)
from campare.models import wrap

torch = pytest.importorskip("torch")
from small_networks import (  # noqa: E402
    HEADS,
    Small,
    activations_and_gradients,
    as_numpy,
    as_torch,
    images,
)

LAYER = "features.4"
FIXTURES = np.load(Path(__file__).parents[1] / "fixtures" / "grad_cam.npz")
IMAGES, TARGET = FIXTURES["images"], int(FIXTURES["target"])


class Case(NamedTuple):
    head: str
    model: Small
    A: np.ndarray
    G: np.ndarray
    curvature: np.ndarray

    def recorded(self, name):
        """The map of pytorch-grad-cam, before its relu."""
        return FIXTURES[f"{self.head}/{name}"]

    def run(self, method, **more):
        """One of our perturbation methods."""
        classifier = wrap(self.model, input_shape=(12, 12, 3))
        return method(classifier, IMAGES, TARGET, layer=LAYER, batch_size=8, **more)

    def torchcam(self, method, pixels=IMAGES, **options):
        """TorchCAM's maps, raw."""
        methods = pytest.importorskip("torchcam.methods")
        x = as_torch(pixels)
        with getattr(methods, method)(self.model, LAYER, **options) as extract:
            logits = self.model(x.requires_grad_())
            return extract([TARGET] * len(x), logits, normalized=False)[0].detach().numpy()


@pytest.fixture(scope="module", params=HEADS)
def case(request):
    """The network of the fixtures, with their weights."""
    head, model = request.param, Small(request.param)
    prefix = f"{head}/weights/"
    names = [name for name in FIXTURES.files if name.startswith(prefix)]
    model.load_state_dict({n.removeprefix(prefix): torch.from_numpy(FIXTURES[n]) for n in names})
    return Case(head, model, *activations_and_gradients(model, IMAGES, TARGET))


def up_to_sign(ours, theirs):
    return np.sign((ours * theirs).sum(axis=(1, 2), keepdims=True)) * ours


def relu(x):
    return np.maximum(x, 0)


# Captum


def test_captum_grad_cam(case):
    captum = pytest.importorskip("captum.attr")
    theirs = captum.LayerGradCam(case.model, case.model.features[-1]).attribute(
        as_torch(IMAGES), target=TARGET, relu_attributions=True
    )
    np.testing.assert_allclose(grad_cam(case.A, case.G), as_numpy(theirs)[..., 0], atol=1e-6)


def test_captum_layer_integrated_gradients(case):
    captum = pytest.importorskip("captum.attr")
    model = deepcopy(case.model)
    for layer in (model.features[0], model.features[3]):
        layer.bias = None  # then a black image has zero features, as our baseline has
    theirs = captum.LayerIntegratedGradients(model, model.features[-1]).attribute(
        as_torch(IMAGES), target=TARGET, n_steps=12, method="riemann_middle"
    )
    ours = case._replace(model=model).run(layer_integrated_gradients, steps=12)
    np.testing.assert_allclose(ours, as_numpy(theirs).sum(axis=-1), atol=1e-5)


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU")
def test_captum_guided_grad_cam(case):
    captum = pytest.importorskip("captum.attr")
    theirs = captum.GuidedGradCam(case.model, case.model.features[-1]).attribute(
        as_torch(IMAGES).requires_grad_(), target=TARGET, interpolate_mode="bilinear"
    )
    ours = case.run(guided_grad_cam_attributions)
    np.testing.assert_allclose(ours, as_numpy(theirs), atol=1e-5)
    assert np.abs(ours).max() > 1e-3
    np.testing.assert_allclose(case.run(guided_grad_cam), ours.sum(axis=-1), atol=1e-6)


# TorchCAM


@pytest.mark.parametrize(
    ("name", "theirs"),
    [("grad-cam", "GradCAM"), ("xgrad-cam", "XGradCAM"), ("layer-cam", "LayerCAM")],
)
def test_torchcam(case, name, theirs):
    ours = METHODS[name].function(case.A, case.G)
    np.testing.assert_allclose(ours, case.torchcam(theirs), atol=1e-5)


def test_torchcam_finer_cam(case):
    index = torch.full((3,), TARGET)
    A, G, _ = activations_and_gradients(
        case.model, IMAGES, TARGET, score=lambda logits: finer_score(logits, index)
    )
    theirs = case.torchcam("FinerCAM", num_references=3, gamma=0.6)
    np.testing.assert_allclose(grad_cam(A, G), theirs, atol=1e-6)


def test_torchcam_misses_the_denominator_of_grad_cam_plus_plus(case):
    theirs = case.torchcam("GradCAMpp")
    pairs = zip(case.A, case.G, strict=True)
    slow = [reference.torchcam_grad_cam_plus_plus(a, g) for a, g in pairs]
    np.testing.assert_allclose(theirs, slow, rtol=1e-4, atol=1e-6)
    right = grad_cam_plus_plus(case.A, case.G)
    assert np.abs(theirs / theirs.max() - right / right.max()).max() > 0.01


def test_torchcam_takes_the_wrong_third_derivative_in_smooth_grad_cam_plus_plus(case):
    theirs = case.torchcam("SmoothGradCAMpp", num_samples=1, std=1e-6)
    pairs = zip(case.A, case.G, strict=True)
    slow = [reference.torchcam_smooth_grad_cam_plus_plus(a, g) for a, g in pairs]
    np.testing.assert_allclose(theirs, slow, rtol=1e-3, atol=1e-4)
    right = case.run(smooth_grad_cam_plus_plus, noise=0, samples=1)
    wrong = np.abs(theirs - right).max() > 0.05
    assert wrong == (case.head == "flat")  # where G is the same in all cells, both agree


def test_torchcam_score_cam(case):
    """Where three pixels make a cell, enlarging keeps a mask's extremes, and both agree."""
    assert (np.ptp(case.A, axis=(1, 2)) > 0).all()
    np.testing.assert_allclose(case.run(score_cam), case.torchcam("ScoreCAM"), atol=1e-5)


def test_torchcam_scales_the_masks_of_score_cam_before_it_enlarges_them():
    """Where two pixels make a cell, its masks end short of 0 and 1; the paper scales last."""
    model = Small("pooled")
    model.features[2] = torch.nn.MaxPool2d(2)
    case = Case("pooled", model, *activations_and_gradients(model, images(), TARGET))
    theirs, slow = case.torchcam("ScoreCAM"), []
    for image, a in zip(IMAGES, case.A, strict=True):
        low, high = a.min(axis=(0, 1)), a.max(axis=(0, 1))
        masks = [
            reference.resize(m, (12, 12)) for m in np.moveaxis((a - low) / (high - low), -1, 0)
        ]
        masked = np.stack([image * mask[:, :, None] for mask in masks]).astype(np.float32)
        e = np.exp(model(as_torch(masked)).detach().numpy()[:, TARGET])
        slow.append(reference.weighted(a, e / e.sum()))
    np.testing.assert_allclose(theirs, slow, rtol=1e-4, atol=1e-5)
    assert np.abs(case.run(score_cam) - theirs).max() > 1e-4


# pytorch-grad-cam


@pytest.mark.parametrize(
    "name", ["grad-cam", "hires-cam", "grad-cam-elementwise", "xgrad-cam", "layer-cam"]
)
def test_pytorch_grad_cam(case, name):
    ours = METHODS[name].function(case.A, case.G)
    np.testing.assert_allclose(ours, relu(case.recorded(name)), atol=1e-6)


def test_pytorch_grad_cam_adds_an_epsilon_to_grad_cam_plus_plus_that_small_gradients_feel(case):
    theirs = relu(case.recorded("grad-cam++"))
    pairs = zip(case.A, case.G, strict=True)
    slow = [reference.grad_cam_plus_plus(a, g, 0.0, 1e-6) for a, g in pairs]
    np.testing.assert_allclose(theirs, slow, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(grad_cam_plus_plus(case.A, case.G), theirs, atol=1e-3)


def test_pytorch_grad_cam_shapley_cam(case):
    if case.head == "pooled":
        pytest.skip("pytorch-grad-cam fails where the score is linear in the features")
    ours = shapley_cam(case.A, case.G, case.curvature)
    np.testing.assert_allclose(ours, relu(case.recorded("shapley-cam")), atol=1e-5)
    assert np.abs(ours - grad_cam(case.A, case.G)).max() > 0.01


def test_shapley_cam_of_its_own_score_differs_from_grad_cam_behind_any_head(case):
    index = torch.full((3,), TARGET)
    A, G, curvature = activations_and_gradients(
        case.model, IMAGES, TARGET, score=lambda logits: rest_score(logits, index)
    )
    assert np.abs(shapley_cam(A, G, curvature) - grad_cam(A, G)).max() > 1e-3


def test_pytorch_grad_cam_weighs_the_classes_of_finer_cam_and_differentiates_the_weights(case):
    index = torch.full((3,), TARGET)
    A, G, _ = activations_and_gradients(
        case.model, IMAGES, TARGET, score=lambda logits: finer_score(logits, index)
    )

    def weighted(logits):  # 0.6 and softmax weights of the three nearest classes
        distance = (logits - logits[:, TARGET, None]).abs().detach()
        near = distance.argsort(dim=1)[:, 1:4]
        p = logits.softmax(dim=1).gather(1, near)
        terms = p * (logits[:, TARGET, None] - 0.6 * logits.gather(1, near))
        return terms.sum(dim=1) / p.sum(dim=1)

    theirs = relu(case.recorded("finer-cam"))
    slow = grad_cam(*activations_and_gradients(case.model, IMAGES, TARGET, score=weighted)[:2])
    np.testing.assert_allclose(slow, theirs, atol=1e-5)
    assert np.abs(grad_cam(A, G) - theirs).max() > 1e-3


def test_pytorch_grad_cam_eigen_grad_cam_has_either_sign(case):
    theirs = case.recorded("eigen-grad-cam")
    ours = eigen_grad_cam(case.A, case.G)
    np.testing.assert_allclose(up_to_sign(ours, theirs), theirs, atol=1e-5)


def test_pytorch_grad_cam_centers_before_eigen_cam_and_leaves_the_sign_open(case):
    theirs = case.recorded("eigen-cam")
    centered = eigen_cam(case.A - case.A.mean(axis=(1, 2), keepdims=True))
    np.testing.assert_allclose(up_to_sign(centered, theirs), theirs, atol=1e-5)
    assert np.abs(up_to_sign(eigen_cam(case.A), theirs) - theirs).max() > 0.1


def test_pytorch_grad_cam_kpca_cam_has_either_sign(case):
    theirs = case.recorded("kpca-cam")
    np.testing.assert_allclose(up_to_sign(kpca_cam(case.A), theirs), theirs, atol=1e-5)


def test_pytorch_grad_cam_weighs_activations_where_fem_weighs_masks(case):
    """There: share of rare cells times activations. In the paper: mean times mask of rare cells."""
    A, theirs = case.A, case.recorded("fem")
    mean, std = A.mean(axis=(1, 2), keepdims=True), A.std(axis=(1, 2), keepdims=True)
    share = (mean + 2 * std < A).mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose((share * A).sum(axis=-1), theirs, atol=1e-5)
    assert np.abs(fem(A) - theirs).max() > 0.05


def test_pytorch_grad_cam_enlarges_the_masks_of_score_cam_from_corner_to_corner(case):
    ours, theirs = case.run(score_cam), case.recorded("score-cam")
    assert np.abs(ours - theirs).max() > 1e-3
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.9


def test_pytorch_grad_cam_turns_ablation_cam_over_where_the_score_is_negative(case):
    S = case.model(as_torch(IMAGES)).detach().numpy()[:, TARGET]
    assert (S < 0).any() == (case.head == "flat")
    theirs = case.recorded("ablation-cam") * np.sign(S)[:, None, None]
    np.testing.assert_allclose(case.run(ablation_cam), relu(theirs), rtol=1e-4, atol=1e-5)
