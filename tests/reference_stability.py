"""Slow and obvious stability, sanity and shortcuts, one image and one pixel at a time.

Written from the papers' formulas; nothing is vectorized over images, nothing shared with campare.
`Replay` stands for a classifier.
"""

from contextlib import contextmanager
from itertools import pairwise

import numpy as np
from scipy import stats
from skimage.metrics import structural_similarity

from campare.types import LayerInfo


def spearman(a, b, valid=None):
    a, b = np.maximum(a, 0), np.maximum(b, 0)
    if valid is not None:
        a, b = a[valid], b[valid]
    return stats.spearmanr(a.ravel(), b.ravel()).statistic


def ssim(a, b):
    a, b = np.maximum(a, 0).astype(float), np.maximum(b, 0).astype(float)
    return structural_similarity(a / a.max(), b / b.max(), win_size=window(a), data_range=1.0)


def window(a):
    half = min(a.shape) // 2
    return max(size for size in (3, 5, 7) if size <= half or size == 3)


def ssim_inside(a, b, valid):
    """Mean over all windows without an invalid cell, each from its own cells."""
    a, b = np.maximum(a, 0).astype(float), np.maximum(b, 0).astype(float)
    a, b = a / a[valid].max(), b / b[valid].max()
    side = window(a)
    found = []
    for i in range(a.shape[0] - side + 1):
        for j in range(a.shape[1] - side + 1):
            part = slice(i, i + side), slice(j, j + side)
            if valid[part].all():
                x, y = a[part].ravel(), b[part].ravel()
                cov = np.cov(x, y)
                above = (2 * x.mean() * y.mean() + 1e-4) * (2 * cov[0, 1] + 9e-4)
                below = (x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (cov[0, 0] + cov[1, 1] + 9e-4)
                found.append(above / below)
    return np.mean(found)


def warp(image, source):
    """Bilinear, pixel by pixel; `source` (y, x) -> (y, x) in pixels; mirrored at the border."""
    h, w = image.shape
    out = np.empty((h, w))
    for i in range(h):
        for j in range(w):
            y, x = source(i, j)
            y, x = mirrored(y, h), mirrored(x, w)
            top, left = int(np.floor(y)), int(np.floor(x))
            fy, fx = y - top, x - left
            value = 0.0
            for p, wy in ((top, 1 - fy), (top + 1, fy)):
                for q, wx in ((left, 1 - fx), (left + 1, fx)):
                    value += wy * wx * image[min(max(p, 0), h - 1), min(max(q, 0), w - 1)]
            out[i, j] = value
    return out


def mirrored(place, n):
    """A place in pixels, folded at -0.5 and n - 0.5, and then kept between pixel centers."""
    while place < -0.5 or place > n - 0.5:
        place = -1 - place if place < -0.5 else 2 * n - 1 - place
    return min(max(place, 0), n - 1)


def sensitivity(before, afters):
    """(h, w), S x (h, w) -> the relative changes, largest and mean."""
    length = np.sqrt((before**2).sum())
    changes = [np.sqrt(((after - before) ** 2).sum()) / length for after in afters]
    return max(changes), sum(changes) / len(changes)


def area_under(doses, values):
    points = sorted(zip(doses, values, strict=True))
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return area / (points[-1][0] - points[0][0])


def histogram_entropy(image):
    return stats.entropy(np.histogram(np.maximum(image, 0), bins=100)[0])


def area_holding(image, share, pieces=1000):
    """Cut every pixel into pieces and take them, highest first, until they hold the share."""
    fine = np.sort(np.repeat(np.maximum(image, 0).ravel().astype(float), pieces))[::-1]
    held = np.cumsum(fine) / fine.sum()
    return (np.searchsorted(held, share) + 1) / fine.size


def peaks(image):
    """Flood fill, with corners, of what reaches half of the maximum."""
    high = np.maximum(image, 0) >= np.maximum(image, 0).max() / 2
    left, count = set(zip(*np.nonzero(high), strict=True)), 0
    while left:
        count, border = count + 1, [left.pop()]
        while border:
            i, j = border.pop()
            near = {(i + di, j + dj) for di in (-1, 0, 1) for dj in (-1, 0, 1)} & left
            left -= near
            border += near
    return count


def probability(logits, target):
    odds = np.exp(logits - logits.max())
    return odds[target] / odds.sum()


def blurred(image, sigma):
    """(H, W, C): the mean of all pixels, weighed by a Gaussian of their distance."""
    h, w = image.shape[:2]
    y, x = np.mgrid[:h, :w]
    out = np.empty(image.shape)
    for i in range(h):
        for j in range(w):
            weights = np.exp(-((y - i) ** 2 + (x - j) ** 2) / (2 * sigma**2))
            out[i, j] = (weights[..., None] * image).sum(axis=(0, 1)) / weights.sum()
    return out


class Replay:
    """A classifier that knows which of its layers are random just now, and logs it."""

    name = "replay"
    paths = ("first", "second", "classes")

    def __init__(self, paths=paths, weightless=("relu",)):
        self.layers = tuple(LayerInfo(p, "Any", (8, 8, 3)) for p in (*paths, *weightless))
        self.weightless = weightless
        self.random = []
        self.log = []

    def predict(self, images):
        self.log.append(tuple(self.random))
        return np.full((len(images), 4), float(len(set(self.random) - set(self.weightless))))

    @contextmanager
    def randomized(self, layers, _):
        self.random += layers
        try:
            yield
        finally:
            for layer in layers:
                self.random.remove(layer)
