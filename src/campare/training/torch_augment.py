"""An `Augment` for torch: random changes of a batch of pixels, and of its labels where it mixes."""

import math
from typing import Any

import numpy as np
import torch

from campare.training.recipe import Augment


def changed(
    pixels: Any, labels: Any, augment: Augment | None, rng: np.random.Generator
) -> tuple[Any, Any]:
    """Pixels 0..255 (N, 3, S, S) and labels (N, K) of a batch, changed at random.

    Mixup as Zhang et al. 2018, CutMix as Yun et al. 2019, with one share of the two images for the
    batch, drawn from Beta(a, a).
    """
    if augment is None:
        return pixels, labels
    for axis, name in ((3, "horizontal"), (2, "vertical")):
        if name in augment.flip:
            turned = torch.from_numpy(rng.random(len(pixels)) < 0.5).to(pixels.device)
            pixels = torch.where(turned[:, None, None, None], pixels.flip(axis), pixels)
    if augment.noise:
        noise = torch.from_numpy(rng.normal(0, 255 * augment.noise, pixels.shape)).to(pixels)
        pixels = (pixels + noise).clamp(0, 255)
    if not (augment.mixup or augment.cutmix):
        return pixels, labels
    alpha = augment.mixup or augment.cutmix
    share = float(rng.beta(alpha, alpha))
    others = torch.from_numpy(rng.permutation(len(pixels))).to(pixels.device)
    if augment.mixup:
        pixels = share * pixels + (1 - share) * pixels[others]
    else:
        pixels, share = _pasted(pixels, pixels[others], share, rng)
    return pixels, share * labels + (1 - share) * labels[others]


def _pasted(pixels: Any, others: Any, share: float, rng: np.random.Generator) -> tuple[Any, float]:
    """Images with a box of others in them, and the share of their own that is left."""
    height, width = pixels.shape[2:]
    sides = [round(side * math.sqrt(1 - share)) for side in (height, width)]
    top, left = (
        int(rng.integers(full - side + 1))
        for full, side in zip((height, width), sides, strict=True)
    )
    box = (..., slice(top, top + sides[0]), slice(left, left + sides[1]))
    pixels = pixels.clone()
    pixels[box] = others[box]
    return pixels, 1 - sides[0] * sides[1] / (height * width)
