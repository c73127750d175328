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


def top_intersection(image, mask):
    """The highest 5 percent of the pixels, at least one."""
    size = max(1, round(0.05 * image.size))
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


# CAM methods: one image, A and G of shape (h, w, C), one cell and channel at a time.


def weighted(A, weights):
    """relu(sum_k w_k A_k)."""
    out = np.zeros(A.shape[:2])
    for k, w in enumerate(weights):
        out += w * A[:, :, k].astype(float)
    return np.maximum(out, 0)


def grad_cam_plus_plus(A, G, score, epsilon=0.0):
    """Eq. 5 to 7 and 19 of Chattopadhay et al. 2018 with their Y = exp(S), nothing canceled."""
    A, G = A.astype(float), G.astype(float)
    first, second, third = (np.exp(score) * G**n for n in (1, 2, 3))
    weights = []
    for k in range(A.shape[2]):
        w = 0.0
        for i, j in np.ndindex(A.shape[:2]):
            if G[i, j, k] != 0:
                below = 2 * second[i, j, k] + A[:, :, k].sum() * third[i, j, k] + epsilon
                w += second[i, j, k] / below * max(first[i, j, k], 0)
        weights.append(w)
    return weighted(A, weights)


def torchcam_grad_cam_plus_plus(A, G):
    """What TorchCAM 0.5 computes: its division by eq. 19's denominator works on a copy that is
    thrown away (`alpha[mask].div_(...)`), so that alpha stays the numerator, G^2.
    """
    G = G.astype(float)
    return weighted(
        A, [(G[:, :, k] ** 2 * np.maximum(G[:, :, k], 0)).sum() for k in range(A.shape[2])]
    )


def torchcam_smooth_grad_cam_plus_plus(A, G):
    """What TorchCAM 0.5 computes without noise: in eq. 19's sum over the cells a, b it multiplies
    A_ab by the third derivative at a, b instead of at i, j.
    """
    A, G = A.astype(float), G.astype(float)
    weights = []
    for k in range(A.shape[2]):
        a, g = A[:, :, k], G[:, :, k]
        alpha = g**2 / (2 * g**2 + (a * g**3).sum() + 1e-8)
        weights.append((alpha * np.maximum(g, 0)).sum())
    return weighted(A, weights)


def finer_score(logits, c, gamma=0.6, classes=3):
    """Of one image: y_c less gamma times the mean of the classes nearest to it."""
    others = sorted((abs(y - logits[c]), y) for k, y in enumerate(logits) if k != c)
    nearest = [y for _, y in others[:classes]]
    return logits[c] - gamma * sum(nearest) / len(nearest) if nearest else logits[c]


def first_component(X):
    """X v of a matrix (cells, channels), v its first right singular vector, signed to agree with
    the sums of the rows.
    """
    _, _, vt = np.linalg.svd(X.astype(float))
    projected = X @ vt[0]
    return projected if projected @ X.sum(axis=1) >= 0 else -projected


def eigen_cam(A):
    return first_component(A.reshape(-1, A.shape[2])).reshape(A.shape[:2])


def kpca_cam(A):
    """Kernel PCA as its textbook has it: eigenvectors of H K H, H = 1 - 1/n."""
    X = A.reshape(-1, A.shape[2]).astype(float)
    X = X - X.mean(axis=0)
    n = len(X)
    K = np.array([[np.tanh(x @ y / X.shape[1] + 1) for y in X] for x in X])
    H = np.eye(n) - np.ones((n, n)) / n
    values, vectors = np.linalg.eigh(H @ K @ H)
    component = np.sqrt(values[-1]) * vectors[:, -1]
    return (component * np.sign(component @ X.sum(axis=1))).reshape(A.shape[:2])


def fem(A):
    out = np.zeros(A.shape[:2])
    for k in range(A.shape[2]):
        a = A[:, :, k].astype(float)
        out += a.mean() * (a > a.mean() + 2 * a.std())
    return out


def score_cam(score, image, A):
    """Algorithm 1 of Wang et al. 2020; `score` maps one image (H, W, C) to a number."""
    kept, scores = [], []
    for k in range(A.shape[2]):
        mask = resize(A[:, :, k].astype(float), image.shape[:2])
        if A[:, :, k].max() > A[:, :, k].min():
            mask = (mask - mask.min()) / (mask.max() - mask.min())
            kept.append(k)
            scores.append(score(image * mask[:, :, None]))
    e = np.exp(np.array(scores) - max(scores))
    weights = np.zeros(A.shape[2])
    weights[kept] = e / e.sum()
    return weighted(A, weights)


def layer_cam_fusion(maps, shape, gamma=2.0):
    """Of one image's maps at several layers."""
    out = np.zeros(shape)
    for one in maps:
        one = np.maximum(one, 0)
        out = np.maximum(out, resize(np.tanh(gamma * one / one.max()) if one.max() else one, shape))
    return out
