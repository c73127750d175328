"""Slow and obvious implementations, one image at a time, to test the fast ones against.

Ties are broken in every possible order and averaged; nothing is vectorized, nothing is shared.
"""

from itertools import permutations

import numpy as np


def resize(image, shape):
    """Bilinear interpolation of one map, pixel by pixel, half-pixel centers, clamped edges."""
    h, w = image.shape
    out = np.empty(shape)
    for i in range(shape[0]):
        for j in range(shape[1]):
            y = min(max((i + 0.5) * h / shape[0] - 0.5, 0), h - 1)
            x = min(max((j + 0.5) * w / shape[1] - 0.5, 0), w - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, h - 1), min(left + 1, w - 1)
            fy, fx = y - top, x - left
            above = (1 - fx) * image[top, left] + fx * image[top, right]
            below = (1 - fx) * image[bottom, left] + fx * image[bottom, right]
            out[i, j] = (1 - fy) * above + fy * below
    return out


def pool(image, shape):
    """Cut every pixel into pieces that fit both grids, then average whole blocks of pieces."""
    h, w = image.shape
    fine = np.repeat(np.repeat(image, shape[0], axis=0), shape[1], axis=1)
    return fine.reshape(shape[0], h, shape[1], w).mean(axis=(1, 3))


def energy(image, mask):
    positive = [max(float(v), 0.0) for v in image.ravel()]
    return sum(v for v, m in zip(positive, mask.ravel(), strict=True) if m) / sum(positive)


def lift(image, mask):
    return energy(image, mask) / mask.mean()


def _rankings(image):
    """Every order of the pixels, highest first, that a sort could give."""
    values = np.maximum(image, 0).ravel()
    for order in permutations(range(values.size)):
        ranked = values[list(order)]
        if (ranked[:-1] >= ranked[1:]).all():
            yield list(order)


def pointing_game(image, mask):
    return float(np.mean([mask.ravel()[order[0]] for order in _rankings(image)]))


def rank_accuracy(image, mask):
    size = int(mask.sum())
    return float(np.mean([mask.ravel()[order[:size]].mean() for order in _rankings(image)]))


def iou(image, mask):
    positive = np.maximum(image, 0)
    region = positive / positive.max() >= 0.15
    return (region & mask).sum() / (region | mask).sum()


def average_precision(image, mask):
    """The sum over thresholds of recall gained times precision."""
    positive, total, before, ap = np.maximum(image, 0), mask.sum(), 0.0, 0.0
    for threshold in sorted(set(positive.ravel().tolist()), reverse=True):
        chosen = positive >= threshold
        found = (chosen & mask).sum()
        ap += (found / total - before) * (found / chosen.sum())
        before = found / total
    return ap


def gini(image):
    """Half the relative mean absolute difference of all pairs of pixels."""
    x = np.maximum(image, 0).ravel().astype(float)
    pairs = [abs(a - b) for a in x for b in x]
    return sum(pairs) / (2 * len(x) ** 2 * x.mean())


def area_50(image, pieces=2000):
    """Cut pixels into pieces and count those, highest first, that hold half of the sum."""
    x = np.sort(np.repeat(np.maximum(image, 0).ravel().astype(float), pieces))[::-1]
    return np.searchsorted(np.cumsum(x), x.sum() / 2) / x.size


def wilson(successes, n, z=1.959963984540054):
    """The two p at which the observed share is z standard errors away: roots of a quadratic."""
    p = successes / n
    a, b, c = 1 + z**2 / n, -(2 * p + z**2 / n), p**2
    root = np.sqrt(b**2 - 4 * a * c)
    return (-b - root) / (2 * a), (-b + root) / (2 * a)
