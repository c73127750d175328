"""Loaders against the libraries themselves: the same logits, and the same pixels of a PNG."""

import io

import numpy as np
from PIL import Image

import campare
from campare.models.loaders import Loaded


def picture(shape=(150, 211)):
    """A photograph's kind of picture, (H, W, 3) uint8: smooth colors, edges and some noise."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]] / max(shape)
    colors = [np.sin(9 * x + k) + np.cos(7 * y * (k + 1)) for k in range(3)]
    image = 127 + 50 * np.stack(colors, -1) + 15 * rng.standard_normal((*shape, 3))
    image[shape[0] // 3 : shape[0] // 2, shape[1] // 4 : shape[1] // 2] = 240
    file = io.BytesIO()
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(file, "PNG")
    return np.array(Image.open(file))


def pixels_differ(found: Loaded, transform) -> float:
    """The largest difference to the library's own transform, in what the model takes."""
    largest = 0.0
    for shape in ((150, 211), (260, 197)):
        image = picture(shape)
        theirs = np.asarray(transform(Image.fromarray(image)), np.float32).transpose(1, 2, 0)
        ours = found.preprocessing([image])[0]
        assert ours.shape == theirs.shape
        largest = max(largest, float(np.abs(ours - theirs).max()))
    return largest


def drawn(model):
    """The model, with weights that begin at zero, as of some heads, drawn at random."""
    import torch

    with torch.no_grad():
        for weight in model.parameters():
            if not weight.any():
                weight.normal_(0, 0.1)
    return model.eval()


def explained(found: Loaded) -> campare.Explanation:
    """Two pictures explained; the maps are of a grid, and hold something."""
    images = found.preprocessing([picture(), picture((260, 197))])
    explanation = campare.explain(campare.wrap(found), images, target=0)
    assert explanation.maps.ndim == 3
    assert min(explanation.maps.shape[1:]) > 1
    assert set(explanation.status) <= {"ok", "all-negative", "flat"}
    return explanation
