"""Slow and obvious implementations of faithfulness and boxes, written from the papers' formulas.

One image at a time, one pixel at a time, one equation system at a time; nothing is shared with the
package. `f` takes one image (H, W, C) to the probabilities or logits of its classes.
"""

import numpy as np
from scipy.sparse import lil_matrix
from scipy.sparse.linalg import spsolve


def softmax(logits):
    e = np.exp(logits - logits.max())
    return e / e.sum()


def order_of(image):
    """Pixels from the highest value to the lowest; of equal ones, the first in reading order."""
    flat = [float(v) for v in image.ravel()]
    return sorted(range(len(flat)), key=lambda i: (-flat[i], i))


def exchanged(start, end, pixels):
    out = np.array(start, dtype=np.float64)
    w = start.shape[1]
    for p in pixels:
        out[p // w, p % w] = end[p // w, p % w]
    return out


def trapezoid(y, x):
    return sum((x[i + 1] - x[i]) * (y[i] + y[i + 1]) / 2 for i in range(len(x) - 1))


def causal_metric(f, start, end, image, target, steps):
    """Petsiuk et al. 2018, algorithm 1: change the next pixels, note the probability, repeat."""
    order = order_of(image)
    x, y = [], []
    for k in range(steps + 1):
        count = round(k * len(order) / steps)
        y.append(f(exchanged(start, end, order[:count]))[target])
        x.append(count / len(order))
    return trapezoid(y, x)


def aopc(f, image, baseline, heat, target, steps):
    """Samek et al. 2017, equation 12."""
    order = order_of(heat)
    first = f(image)[target]
    falls = []
    for k in range(steps + 1):
        count = round(k * len(order) / steps)
        falls.append(first - f(exchanged(image, baseline, order[:count]))[target])
    return sum(falls) / (steps + 1)


def eraser(f, image, baseline, heat, target, shares, *, keep):
    order = order_of(heat)
    falls = []
    for share in shares:
        top = order[: max(1, round(share * len(order)))]
        left = exchanged(baseline, image, top) if keep else exchanged(image, baseline, top)
        falls.append(f(image)[target] - f(left)[target])
    return sum(falls) / len(falls)


def impute(image, missing):
    """Rong et al. 2022: every missing pixel is the weighted mean of its valid neighbors."""
    h, w, c = image.shape
    unknown = {pixel: i for i, pixel in enumerate(zip(*np.nonzero(missing), strict=True))}
    a, b = lil_matrix((len(unknown), len(unknown))), np.zeros((len(unknown), c))
    for (y, x), i in unknown.items():
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if (dy, dx) == (0, 0) or not (0 <= y + dy < h and 0 <= x + dx < w):
                    continue
                weight = 1 / 12 if dy and dx else 1 / 6
                a[i, i] += weight
                if (y + dy, x + dx) in unknown:
                    a[i, unknown[y + dy, x + dx]] -= weight
                else:
                    b[i] += weight * image[y + dy, x + dx]
    out = np.array(image, dtype=np.float64)
    if unknown:
        out[missing] = np.reshape(spsolve(a.tocsc(), b), (-1, c))
    return out


def road(f, image, heat, target, shares):
    """Mean probability with the most and with the least relevant pixels removed."""
    order, means = order_of(heat), []
    for ranked in (order, order[::-1]):
        scores = []
        for share in shares:
            missing = np.zeros(heat.size, bool)
            missing[ranked[: round(share * heat.size)]] = True
            scores.append(f(impute(image, missing.reshape(heat.shape)))[target])
        means.append(sum(scores) / len(scores))
    return means


def irof(f, image, baseline, heat, labels, target):
    """Rieger and Hansen 2020, equation 3: area over the curve of p_l / p_0, l from 0 to L."""
    parts = sorted(set(labels.ravel().tolist()))
    means = {part: heat[labels == part].mean() for part in parts}
    ranked = sorted(parts, key=lambda part: -means[part])
    left, ratios = np.array(image, dtype=np.float64), [1.0]
    first = f(left)[target]
    for part in ranked:
        left[labels == part] = baseline[labels == part]
        ratios.append(f(left)[target] / first)
    count = len(parts)
    return 1 - trapezoid(ratios, [i / count for i in range(count + 1)])


def adcc(f, image, heat, again, target):
    """Poppi et al. 2021, of maps in [0, 1] at the size of the image."""
    before, after = f(image)[target], f(image * heat[..., None])[target]
    drop = max(0.0, before - after) / before
    coherency = (np.corrcoef(heat.ravel(), again.ravel())[0, 1] + 1) / 2
    complexity = heat.sum() / heat.size
    return 3 / (1 / coherency + 1 / (1 - complexity) + 1 / (1 - drop))


def regions(mask):
    """Connected regions of 8 neighbors by flood fill, as sets of pixels."""
    left = {(int(y), int(x)) for y, x in zip(*np.nonzero(mask), strict=True)}
    while left:
        todo, region = [left.pop()], set()
        while todo:
            y, x = todo.pop()
            region.add((y, x))
            for near in [(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)]:
                if near in left:
                    left.remove(near)
                    todo.append(near)
        yield region


def box_of(region):
    ys, xs = [y for y, _ in region], [x for _, x in region]
    return min(ys), min(xs), max(ys) + 1, max(xs) + 1


def box_overlap(a, b):
    """Intersection over union, by painting both boxes."""
    size = max(*a, *b)
    first, second = np.zeros((size, size), bool), np.zeros((size, size), bool)
    first[a[0] : a[2], a[1] : a[3]] = True
    second[b[0] : b[2], b[1] : b[3]] = True
    return (first & second).sum() / (first | second).sum()


def box_hits(image, mask, thresholds, overlaps):
    """Choe et al. 2020: for each threshold and overlap, whether any pair of boxes reaches it."""
    low, high = image.min(), image.max()
    scaled = (image - low) / (high - low)
    truth = [box_of(r) for r in regions(mask)]
    out = np.zeros((len(thresholds), len(overlaps)), bool)
    for t, threshold in enumerate(thresholds):
        found = [box_of(r) for r in regions(scaled >= threshold)]
        best = max((box_overlap(a, b) for a in found for b in truth), default=0)
        out[t] = [best >= overlap for overlap in overlaps]
    return out


def pxap(images, masks, thresholds):
    """Choe et al. 2020: precision and recall of the pixels of all images at every threshold."""
    scaled = [(i - i.min()) / (i.max() - i.min()) for i in images]
    total, before, ap = sum(m.sum() for m in masks), 0.0, 0.0
    for threshold in sorted(thresholds, reverse=True):
        chosen = sum((s >= threshold).sum() for s in scaled)
        hits = sum(((s >= threshold) & m).sum() for s, m in zip(scaled, masks, strict=True))
        if chosen:
            ap += (hits / total - before) * hits / chosen
            before = hits / total
    return ap
