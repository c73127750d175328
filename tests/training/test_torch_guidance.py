"""The terms of guidance in torch against closed forms and the maps that are explained."""

import numpy as np
import torch

from campare.attribution.maps import resize
from campare.training.torch import build
from campare.training.torch_guidance import energy, rrr
from training.cued import cued
from training.small_torch import given

RNG = np.random.default_rng(0)


def test_the_term_is_the_energy_of_the_map_that_is_explained():
    images = cued(4)
    model = build(2, 16, 0, given())
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2).float()
    labels = torch.eye(2)[torch.from_numpy(images.labels)]
    mask = torch.from_numpy(images.regions["object"])
    layer = model.features[1][5]
    logits, term = energy(model, layer, pixels, labels, mask)
    torch.testing.assert_close(logits, model(pixels))
    features = model.features((pixels / 255 - model.mean) / model.std)
    alpha = torch.autograd.grad((model.head(features.mean((2, 3))) * labels).sum(), features)[0]
    maps = (alpha.mean((2, 3), keepdim=True) * features).sum(1).detach().numpy()
    large = resize(maps, (16, 16))
    leaky = np.where(large > 0, large, 0.1 * large)
    expected = 1 - (leaky * mask.numpy()).sum((1, 2)) / np.abs(leaky).sum((1, 2))
    np.testing.assert_allclose(term.detach().numpy(), expected, rtol=1e-4)


def test_right_for_the_right_reasons_is_that_of_its_equation():
    weight = torch.tensor(RNG.normal(size=(2, 6)).astype("float32"))
    model = lambda pixels: (pixels / 255).flatten(1) @ weight.T  # noqa: E731
    pixels = torch.tensor(RNG.integers(0, 256, (3, 3, 1, 2)).astype("float32"))
    mask = torch.tensor([[[True, False]]] * 3)
    logits, term = rrr(model, pixels, mask)
    # d/dx sum_k log p_k = sum_k W_k - K sum_j p_j W_j
    expected = (weight.sum(0) - 2 * logits.softmax(1) @ weight).reshape(3, 3, 1, 2)[..., 1]
    torch.testing.assert_close(term, expected.square().sum((1, 2)), rtol=1e-4, atol=1e-5)
