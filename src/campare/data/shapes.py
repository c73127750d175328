"""Shapes of objects (boxes, polygons, COCO's run lengths), and the masks they fill.

Coordinates are pixels: x to the right, y down, (0, 0) the outer corner of the first pixel. A pixel
is inside a box or a polygon if its centre is; a shape too thin to hold a centre keeps the pixel
under its middle, because a small object is still ground truth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from campare.types import Bools

Size = tuple[int, int]  # (H, W)

_OVERSHOOT = 1.0  # pixels that a shape may stick out by rounding; it is clipped
_LONGEST, _BITS = 2**31, 40  # of a run, more than any image has
_CROSSINGS = 2**24  # of a polygon's edges and rows of pixels; an outline has few a row


@dataclass(frozen=True)
class Box:
    """A rectangle between its outer edges, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Polygons:
    """The union of polygons, each a ring of (x, y) in pixels."""

    rings: tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True)
class Rle:
    """A mask of `size` (H, W) as lengths of runs down the columns: outside, inside, outside, ..."""

    size: Size
    runs: tuple[int, ...]


Shape = Box | Polygons | Rle


def fill(shape: Shape, size: Size) -> Bools:
    """The pixels inside a shape.

    Args:
        shape: in the coordinates of a grid of `size`.
        size: (H, W).

    Returns:
        (H, W) bool.

    Raises:
        ValueError: the shape is empty, not finite, or reaches more than a pixel beyond the grid;
            the text completes "got ...".

    Example:
        >>> fill(Box(0.0, 0.0, 2.0, 1.0), (2, 3)).astype(int).tolist()
        [[1, 1, 0], [0, 0, 0]]
    """
    if isinstance(shape, Rle):
        return _fill_runs(shape, size)
    if isinstance(shape, Box):
        return _fill_box(shape, size)
    mask = np.zeros(size, np.bool_)
    for ring in shape.rings:
        mask |= _fill_ring(np.array(ring, np.float64).reshape(-1, 2), size)
    return mask


def area_of(shape: Shape) -> float:
    """The area of a shape in pixels, of polygons the sum; inf where no number holds it.

    Example:
        >>> area_of(Box(0.0, 0.0, 2.0, 1.5)), area_of(Rle((2, 2), (1, 3)))
        (3.0, 3.0)
    """
    if isinstance(shape, Box):
        return (shape.right - shape.left) * (shape.bottom - shape.top)
    if isinstance(shape, Rle):
        return float(sum(shape.runs[1::2]))
    rings = [np.array(ring, np.float64).reshape(-1, 2) for ring in shape.rings]
    return float(sum(abs(_twice_area(ring)) / 2 for ring in rings))


def _twice_area(ring: NDArray[np.float64]) -> float:
    """The shoelace formula: sum of x_i y_(i+1) - x_(i+1) y_i."""
    (x, y), (x1, y1) = ring.T, np.roll(ring, -1, axis=0).T
    with np.errstate(over="ignore", invalid="ignore"):
        found = float((x * y1 - x1 * y).sum())
    return float("inf") if np.isnan(found) else found


def rle_of(mask: Bools) -> Rle:
    """A mask (H, W) as lengths of runs down its columns.

    Example:
        >>> rle_of(np.array([[False, True], [True, True]]))
        Rle(size=(2, 2), runs=(1, 3))
    """
    inside = np.ravel(mask, order="F")
    edges = [0, *(np.flatnonzero(np.diff(inside)) + 1), inside.size]
    runs = tuple(int(run) for run in np.diff(edges))
    return Rle((mask.shape[0], mask.shape[1]), (0, *runs) if inside[0] else runs)


def runs_of(counts: str | Sequence[int]) -> tuple[int, ...]:
    """Run lengths from COCO's `counts`: a list, or its compressed string.

    In the string each number is little-endian base 32: a character (minus 48) holds five bits and
    a bit for "more follows"; the top bit of the last five is the sign. From the fourth number on
    it is the difference to the number two before.

    Raises:
        ValueError: a run is negative or no whole number, or the string ends within a number or is
            none of run lengths.

    Example:
        >>> runs_of("13"), runs_of([1, 3])
        ((1, 3), (1, 3))
    """
    runs = _decompress(counts) if isinstance(counts, str) else [int(run) for run in counts]
    if any(run < 0 for run in runs):
        raise ValueError("a negative run length")
    if any(run > _LONGEST for run in runs):
        raise ValueError("a run length beyond any image")
    return tuple(runs)


def _decompress(text: str) -> list[int]:
    runs: list[int] = []
    number, bits = 0, 0
    for character in text:
        code = ord(character) - 48
        if not 0 <= code < 64 or bits > _BITS:
            raise ValueError(f"run lengths with {character!r}, or a number beyond any image")
        number |= (code & 0x1F) << bits
        bits += 5
        if code & 0x20:
            continue
        if code & 0x10:
            number -= 1 << bits
        runs.append(number + runs[-2] if len(runs) > 2 else number)
        number, bits = 0, 0
    if bits:
        raise ValueError("run lengths that end within a number")
    return runs


def _fill_runs(shape: Rle, size: Size) -> Bools:
    if shape.size != size:
        raise ValueError(f"run lengths of a mask of {_text(shape.size)} for {_text(size)}")
    if sum(shape.runs) != size[0] * size[1]:
        raise ValueError(f"run lengths of {sum(shape.runs)} pixels for {_text(size)}")
    inside = np.arange(len(shape.runs)) % 2 == 1
    mask = np.repeat(inside, shape.runs).reshape(size, order="F")
    return np.ascontiguousarray(mask)


def _fill_box(box: Box, size: Size) -> Bools:
    if box.left >= box.right or box.top >= box.bottom:
        raise ValueError(f"an empty box, x {box.left:g} to {box.right:g}, y {box.top:g} to "
                         f"{box.bottom:g}")  # fmt: skip
    corners = np.array([[box.left, box.top], [box.right, box.bottom]])
    _check_inside(corners, size, "a box")
    (left, top), (right, bottom) = _centres_below(corners)
    mask = np.zeros(size, np.bool_)
    mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    return _keep_middle(mask, corners)


def _fill_ring(ring: NDArray[np.float64], size: Size) -> Bools:
    """Even-odd rule: a pixel is inside if an odd number of edges cross its row left of it."""
    if len(ring) < 3:
        raise ValueError(f"a polygon of {len(ring)} points")
    _check_inside(ring, size, "a polygon")
    height, width = size
    ends = np.roll(ring, -1, axis=0)
    below = np.sort(_centres_below(np.stack([ring[:, 1], ends[:, 1]])), axis=0).clip(0, height)
    counts = below[1] - below[0]  # rows of pixels that each edge crosses
    if counts.sum() > _CROSSINGS:
        raise ValueError(f"a polygon whose edges cross {counts.sum():,} rows of pixels")
    edges = np.repeat(np.arange(len(ring)), counts)
    rows = np.arange(len(edges)) + np.repeat(below[0] - counts.cumsum() + counts, counts)
    (x0, y0), (x1, y1) = ring[edges].T, ends[edges].T
    x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
    at = rows * (width + 1) + _centres_below(x).clip(0, width)
    crossings = np.bincount(at, minlength=height * (width + 1)).reshape(height, width + 1)
    return _keep_middle(crossings[:, :width].cumsum(1) % 2 == 1, ring)


def _centres_below(edge: NDArray[np.float64]) -> NDArray[np.int64]:
    """How many pixel centres (0.5, 1.5, ...) lie before each coordinate."""
    return np.ceil(edge - 0.5).astype(np.int64)


def _check_inside(points: NDArray[np.float64], size: Size, what: str) -> None:
    if not np.isfinite(points).all():
        raise ValueError(f"{what} with a coordinate that is not finite")
    (left, top), (right, bottom) = points.min(0), points.max(0)
    height, width = size
    if min(left, top) < -_OVERSHOOT or right > width + _OVERSHOOT or bottom > height + _OVERSHOOT:
        raise ValueError(
            f"{what} with x from {left:g} to {right:g} and y from {top:g} to {bottom:g}, outside "
            f"the image of {_text(size)}"
        )


def _keep_middle(mask: Bools, points: NDArray[np.float64]) -> Bools:
    if not mask.any():
        x, y = points.mean(0)
        height, width = mask.shape
        mask[int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))] = True
    return mask


def _text(size: Size) -> str:
    return f"{size[1]} x {size[0]} pixels"
