"""Hugging Face models with random weights: grids of tokens and of features, images not square."""

import numpy as np
import pytest

from campare.models import wrap

transformers = pytest.importorskip("transformers")
torch = pytest.importorskip("torch")

CLASSES = {"num_labels": 3}
VIT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, **CLASSES}
STAGES = {"hidden_sizes": [8, 12, 16, 24], "depths": [1, 1, 2, 1], **CLASSES}
#: name -> (settings, image, grid at the default layer, tokens set aside, the layer's last name)
MODELS = {
    "ViT": (
        {**VIT, "image_size": (64, 96), "patch_size": 16, "intermediate_size": 32},
        (64, 96), (4, 6), 1, "layernorm_before",
    ),
    "DeiT": (
        {**VIT, "image_size": 64, "patch_size": 16, "intermediate_size": 32},
        (64, 64), (4, 4), 2, "layernorm_before",
    ),
    "Dinov2WithRegisters": (
        {**VIT, "image_size": 56, "patch_size": 14, "mlp_ratio": 2, "num_register_tokens": 4},
        (56, 84), (4, 6), 5, "layernorm",
    ),
    "Swin": (
        {"image_size": 64, "embed_dim": 8, "depths": [2, 2], "num_heads": [2, 2],
         "window_size": 4, **CLASSES},
        (64, 64), (8, 8), 0, "layernorm",
    ),
    "ConvNext": (STAGES, (64, 96), (2, 3), 0, "0"),
    "ResNet": ({"embedding_size": 8, **STAGES}, (64, 96), (2, 3), 0, "activation"),
    "EfficientNet": (
        {"image_size": 64, "width_coefficient": 0.2, "depth_coefficient": 0.3, "hidden_dim": 256,
         **CLASSES},
        (64, 96), (2, 3), 0, "top_activation",
    ),
    "MobileViT": (
        {"image_size": 64, "hidden_sizes": [16, 24, 32], "num_attention_heads": 2,
         "neck_hidden_sizes": [8, 8, 8, 8, 16, 24, 32], **CLASSES},
        (64, 96), (2, 3), 0, "activation",
    ),
}  # fmt: skip


def make(name):
    torch.manual_seed(0)
    config = getattr(transformers, f"{name}Config")(**MODELS[name][0])
    model = getattr(transformers, f"{name}ForImageClassification")(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():  # statistics that leave every unit at work
        for key, tensor in model.named_buffers():
            if key.endswith("running_var"):
                tensor.uniform_(0.5, 1.5, generator=generator)
    return model.eval()


SLOW = ("EfficientNet", "MobileViT")


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in MODELS]
)
def test_grid_layer_and_gradients(name):
    _, image, grid, skip, last = MODELS[name]
    model = make(name)
    one = wrap(model)
    images = np.random.default_rng(0).normal(size=(2, *image, 3)).astype(np.float32)
    info = one.layer(None, (*image, 3))
    assert info.path.split(".")[-1] == last
    assert (*info.grid.shape, info.grid.skip) == (*grid, skip)
    with torch.no_grad():
        logits = model(torch.from_numpy(np.moveaxis(images, -1, 1).copy())).logits.numpy()
    np.testing.assert_allclose(one.predict(images), logits, rtol=1e-3, atol=1e-4)

    tap = one.tap(images, 1)
    assert tap.activations.shape[:3] == (2, *grid)
    direction = np.random.default_rng(1).normal(size=tap.activations.shape).astype(np.float32)
    up, down = (
        one.tap(images, 1, eps=step * direction).scores.astype(float) for step in (1e-2, -1e-2)
    )
    expected = (up - down) / 2e-2
    found = (tap.gradients * direction).sum((1, 2, 3))
    np.testing.assert_allclose(found, expected, rtol=0, atol=2e-2 * np.abs(expected).max())
    assert np.abs(expected).max() > 1e-4


def test_class_names_come_from_the_configuration():
    model = make("ViT")
    assert wrap(model, name="first").class_names is None  # LABEL_0, LABEL_1, LABEL_2
    model.config.id2label = {0: "cat", 1: "dog", 2: "cow"}
    assert wrap(model, name="second").class_names == ("cat", "dog", "cow")


def test_the_token_grid_lies_as_the_patches_do():
    """A change in one patch changes most, of the embeddings, the token of that patch."""
    one = wrap(make("ViT"))
    images = np.zeros((2, 64, 96, 3), np.float32)
    images[1, 16:32, 64:80] = 3  # row 1, column 4
    A = one.tap(images, 1, layer="vit.layers.0.layernorm_before").activations
    changed = np.abs(A[1] - A[0]).sum(-1)
    assert np.unravel_index(changed.argmax(), changed.shape) == (1, 4)
    assert (changed > 0).sum() == 1
