"""An `Augment` for torch: random changes of a batch of pixels, and of its labels where it mixes.

    flip -> rotation, zoom, translation -> contrast, brightness -> RandAugment -> erasing -> blur ->
    noise -> mixup or CutMix

The amounts mean what they mean in `campare.training.augment`. Numbers come from NumPy's generator:
what is not wanted draws none.
"""

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from campare.optional import require
from campare.training.recipe import Augment

#: Shares of height and width that are erased: roots of numbers drawn between these.
ERASED = (0.02, 0.33)
#: Pixels a side of the kernel that blurs, and its largest standard deviation.
KERNEL, SIGMA = 5, 1.0


def changed(
    pixels: Any, labels: Any, augment: Augment | None, rng: np.random.Generator
) -> tuple[Any, Any]:
    """Pixels 0..255 (N, 3, S, S) and labels (N, K) of a batch, changed at random.

    Mixup as Zhang et al. 2018, CutMix as Yun et al. 2019, with one share of the two images for the
    batch, drawn from Beta(a, a).

    Raises:
        MissingExtraError: RandAugment without torchvision, which has it.
    """
    if augment is None:
        return pixels, labels
    pixels = _flipped(pixels, augment, rng)
    if augment.rotation or augment.zoom or augment.translation:
        pixels = _moved(pixels, augment, rng)
    if augment.contrast:
        factor = _numbers(pixels, 1 + rng.uniform(-1, 1, len(pixels)) * augment.contrast)
        mean = pixels.mean((2, 3), keepdim=True)
        pixels = (mean + factor * (pixels - mean)).clamp(0, 255)
    if augment.brightness:
        added = _numbers(pixels, 255 * rng.uniform(-1, 1, len(pixels)) * augment.brightness)
        pixels = (pixels + added).clamp(0, 255)
    if augment.randaugment:
        pixels = _randaugmented(pixels, augment.randaugment, rng)
    if augment.erasing:
        pixels = _erased(pixels, augment.erasing, rng)
    if augment.blur:
        pixels = _blurred(pixels, augment.blur, rng)
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


def _numbers(pixels: Any, values: Any) -> Any:
    """A number for each image, (N, 1, 1, 1)."""
    return torch.from_numpy(np.asarray(values)).to(pixels)[:, None, None, None]


def _flipped(pixels: Any, augment: Augment, rng: np.random.Generator) -> Any:
    """Half of the images turned over, each way that is wanted."""
    for axis, name in ((3, "horizontal"), (2, "vertical")):
        if name in augment.flip:
            turned = torch.from_numpy(rng.random(len(pixels)) < 0.5).to(pixels.device)
            pixels = torch.where(turned[:, None, None, None], pixels.flip(axis), pixels)
    return pixels


def _moved(pixels: Any, augment: Augment, rng: np.random.Generator) -> Any:
    """Images turned, zoomed and shifted at once; what comes in from outside is mirrored."""
    angle = 2 * math.pi * augment.rotation * rng.uniform(-1, 1, len(pixels))
    scale = 1 + augment.zoom * rng.uniform(-1, 1, len(pixels))
    shift = 2 * augment.translation * rng.uniform(-1, 1, (2, len(pixels)))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    matrix = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]]).transpose(2, 0, 1)
    grid = functional.affine_grid(
        torch.from_numpy(matrix).to(pixels), pixels.shape, align_corners=False
    )
    return functional.grid_sample(
        pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False
    )


def _randaugmented(pixels: Any, strength: float, rng: np.random.Generator) -> Any:
    """Two changes of each image drawn from torchvision's fourteen (Cubuk et al. 2020)."""
    transforms = require("torchvision.transforms.v2", extra="torchvision")
    change = transforms.RandAugment(num_ops=2, magnitude=round(30 * strength))
    with torch.random.fork_rng([pixels.device] if pixels.is_cuda else []):
        torch.manual_seed(int(rng.integers(2**31)))
        images = [change(image) for image in pixels.round().to(torch.uint8)]
    return torch.stack(images).to(pixels)


def _erased(pixels: Any, probability: float, rng: np.random.Generator) -> Any:
    """Images in which a box is noise, with a probability (Zhong et al. 2020)."""
    pixels, size = pixels.clone(), pixels.shape[2:]
    for i in np.flatnonzero(rng.random(len(pixels)) < probability):
        sides = [
            max(round(full * math.sqrt(share)), 1)
            for full, share in zip(size, rng.uniform(*ERASED, 2), strict=True)
        ]
        noise = rng.uniform(0, 255, (3, *sides))
        pixels[(int(i), *_box(size, sides, rng))] = torch.from_numpy(noise).to(pixels)
    return pixels


def _blurred(pixels: Any, probability: float, rng: np.random.Generator) -> Any:
    """Images that are blurred by a Gaussian, with a probability."""
    chosen = rng.random(len(pixels)) < probability
    sigma = np.where(chosen, rng.uniform(0, SIGMA, len(pixels)), 0).clip(1e-3)[:, None]
    kernel = np.exp(-0.5 * ((np.arange(KERNEL) - KERNEL // 2) / sigma) ** 2)
    weights = torch.from_numpy(kernel / kernel.sum(1, keepdims=True)).to(pixels)
    weights = weights.repeat_interleave(3, 0)[:, None, :, None]  # (3N, 1, k, 1), one an image
    rows = pixels.flatten(0, 1)[None]
    for each in (weights, weights.transpose(2, 3)):
        pad = [KERNEL // 2 * (side > 1) for side in (each.shape[3], each.shape[2]) for _ in "ab"]
        rows = functional.conv2d(
            functional.pad(rows, pad, mode="reflect"), each, groups=len(weights)
        )
    return rows[0].view_as(pixels)


def _pasted(pixels: Any, others: Any, share: float, rng: np.random.Generator) -> tuple[Any, float]:
    """Images with a box of others in them, and the share of their own that is left."""
    height, width = pixels.shape[2:]
    sides = [round(side * math.sqrt(1 - share)) for side in (height, width)]
    box = _box((height, width), sides, rng)
    pixels = pixels.clone()
    pixels[box] = others[box]
    return pixels, 1 - sides[0] * sides[1] / (height * width)


def _box(size: Any, sides: list[int], rng: np.random.Generator) -> tuple[Any, ...]:
    """A box of some sides anywhere in images of a size, as an index of their last two axes."""
    starts = [int(rng.integers(full - side + 1)) for full, side in zip(size, sides, strict=True)]
    return (..., *(slice(a, a + side) for a, side in zip(starts, sides, strict=True)))
