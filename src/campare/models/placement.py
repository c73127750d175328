"""Whether a layer's tokens lie as the image does: one cell of it is changed, and one token moves.

    score[p, t] = d[p, t] / (mean_p d[p, t] + mean d)       d: how far token t moves with probe p

The grid is right where the token that moves most, against what it moves anyhow, is the one of the
changed cell. So a sequence of time steps, latents, merged or reordered tokens is told from a grid
of patches, and the number of tokens in front (class, prompts) is measured.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any, NamedTuple

import numpy as np

from campare.models.arrays import cast, namespace
from campare.models.grids import TOKENS, read_grid, read_tokens
from campare.types import Array, Floats, Grid, Ints

#: Where cells are changed, as parts of the sides: no two in a row, column or diagonal.
_POINTS = (
    (0.2, 0.7, 0.55), (0.45, 0.1, 0.9), (0.8, 0.35, 0.15), (0.1, 0.3, 0.75), (0.6, 0.85, 0.35),
    (0.9, 0.6, 0.05),
)  # fmt: skip

#: Pixels of the images that are tried: of models that rescale, and of those that do not.
SCALES = (1.0, 255.0)

#: How many times more than the cell's own token another has to move, to speak against the grid.
_SHARP = 2.0

#: Tokens may be a cell off where a side is at least so long, as behind convolutions, ...
_LONG = 6
#: ... and this part of a longer one.
_FAR = 16


class Doubt(NamedTuple):
    """A layer whose grid is a guess: what it may be, and whether its kind speaks for the first."""

    grids: tuple[Grid, ...]
    structural: bool = False  # the kind of layer has a grid: the first, unless it is disproved


#: Run the model on images (P, H, W, C) and give what `measure` makes of each layer's output.
Measured = Callable[[Array, Mapping[str, Callable[[Any], Floats]]], Mapping[str, Floats]]


def prove(
    doubts: Mapping[str, Doubt],
    shown: Mapping[tuple[int | None, ...], tuple[str, Grid]],
    image: tuple[int, ...],
    measured: Measured,
) -> dict[str, Grid | None]:
    """The grid of every doubtful layer, None where there is none.

    `shown` are layers that have a grid, surely or as it seems, by its sides; `image` is
    (*sides, C).
    """
    found: dict[str, Grid] = {}
    spare: dict[str, Grid] = {}  # not disproved
    for turn in range(max(len(doubt.grids) for doubt in doubts.values())):
        trial = {
            path: doubt.grids[turn]
            for path, doubt in doubts.items()
            if path not in found and turn < len(doubt.grids)
        }
        verdicts = _tried(trial, shown, image, measured)
        proved: dict[Any, Grid] = {}  # of sequences of that length, in a layer before
        for path, grid in trial.items():
            verdict = verdicts[path]
            key = (grid.shape, grid.layout, verdict.score.shape[1])
            if verdict.skip is not None:
                found[path] = grid._replace(skip=verdict.skip)
                proved.setdefault(key, found[path])
            elif key in proved and not verdict.refuted(proved[key].skip):
                found[path] = proved[key]
            elif doubts[path].structural and turn == 0 and not verdict.refuted(grid.skip):
                spare[path] = grid
    return {path: found.get(path, spare.get(path)) for path in doubts}


def _tried(
    trial: Mapping[str, Grid],
    shown: Mapping[tuple[int | None, ...], tuple[str, Grid]],
    image: tuple[int, ...],
    measured: Measured,
) -> "dict[str, _Verdict]":
    """A verdict on one grid of each layer, with pixels of a range at which some grid is proved."""
    verdicts: dict[str, _Verdict] = {}
    for sides in dict.fromkeys(grid.shape for grid in trial.values()):
        grids = {path: grid for path, grid in trial.items() if grid.shape == sides}
        for scale in SCALES:
            found = _verdicts(grids, shown.get(sides), image, measured, scale)
            verdicts |= found
            if any(verdict.skip is not None for verdict in found.values()):
                break  # what is not proved at a range that suits the model is no grid
    return verdicts


class _Verdict(NamedTuple):
    """What the probes said of one layer and one grid."""

    grid: Grid
    skip: int | None  # tokens in front, where the grid is proved
    score: Floats  # (P, T); of other rows where what was taken for the axis of images is none
    expected: Ints  # (P,) the token of each changed cell, without any in front

    def refuted(self, skip: int) -> bool:
        """Whether most changes show clearly at another token than that of their cell."""
        if len(self.score) != len(self.expected):
            return True
        rows = np.arange(len(self.score))
        here = np.clip(self.expected + skip, 0, self.score.shape[1] - 1)
        sharp = self.score.max(axis=1) > _SHARP * self.score[rows, here]
        sides = tuple(int(side or 1) for side in self.grid.shape)
        apart = ~_near(self.score.argmax(axis=1) - skip, self.expected, sides)
        return bool((sharp & apart).mean() >= 0.5)


def _verdicts(
    grids: Mapping[str, Grid],
    shown: tuple[str, Grid] | None,
    image: tuple[int, ...],
    measured: Measured,
    scale: float,
) -> dict[str, _Verdict]:
    """Change cells of one grid, and judge each layer by what moves."""
    sides = tuple(int(side or 1) for side in next(iter(grids.values())).shape)
    images, cells = probes(image, sides, scale)
    readers = {path: _movement(grid) for path, grid in grids.items()}
    if shown is not None:
        readers[shown[0]] = _movement(shown[1])
    moved = measured(images, readers)
    expected = cells
    if shown is not None:  # the very cells that a layer of that grid shows, if it shows the image
        shown_cells = _score(moved[shown[0]]).argmax(axis=1)
        expected = shown_cells if _near(shown_cells, cells, sides).all() else cells
    verdicts = {}
    for path, grid in grids.items():
        score = _score(moved[path])
        skip = offset(score, expected, sides)
        verdicts[path] = _Verdict(grid, skip, score, expected)
    return verdicts


def probes(image: tuple[int, ...], grid: tuple[int, ...], scale: float) -> tuple[Floats, Ints]:
    """Noise, and copies of it each with one cell of the grid changed: (1 + P, H, W, C), cells (P,).

    The image is (*sides, C), of as many sides as the grid has.

    Example:
        >>> images, cells = probes((8, 8, 3), (2, 2), 1.0)
        >>> images.shape, sorted(cells.tolist())
        ((5, 8, 8, 3), [0, 1, 2, 3])
    """
    rng = np.random.default_rng(0)
    parts = [point[: len(grid)] for point in _POINTS]
    points = [tuple(int(v * n) for v, n in zip(part, grid, strict=True)) for part in parts]
    if prod(grid) <= len(_POINTS):
        points = list(np.ndindex(*grid))
    points = list(dict.fromkeys(points))
    base = rng.uniform(0, scale, image).astype(np.float32)
    images = np.repeat(base[None], 1 + len(points), axis=0)
    for picture, point in zip(images[1:], points, strict=True):
        window = tuple(map(_pixels, point, grid, image))
        picture[window] = rng.uniform(-scale, 2 * scale, picture[window].shape)
    return images, np.ravel_multi_index(np.transpose(points), grid)


def _pixels(cell: int, cells: int, side: int) -> slice:
    """The pixels of a cell along one axis, one at least."""
    start = int(cell * side / cells)
    return slice(start, max(start + 1, int((cell + 1) * side / cells)))


def offset(score: Floats, expected: Ints, grid: tuple[int, ...]) -> int | None:
    """How many tokens are in front, or None where the tokens that move are not those expected.

    Nor where there is not one row a probe: an axis as long as two images was taken for theirs.

    Example:
        >>> score = np.eye(5)[[1, 2, 3, 4]]  # of each probe, one token moves
        >>> offset(score, np.array([0, 1, 2, 3]), (2, 2))
        1
    """
    if len(score) != len(expected):  # the axis of images is another one
        return None
    top = score.argmax(axis=1)
    needed = len(expected) - (len(expected) > 4)
    if len(grid) == 2 and 1 in grid:  # of a signal, which convolutions without padding shift
        return 0 if _near(top, expected, grid).sum() >= needed else None
    shifts, counts = np.unique(top - expected, return_counts=True)
    possible = (shifts >= 0) & (shifts <= score.shape[1] - prod(grid))
    if not possible.any() or not np.isfinite(score).all() or not (score.max(axis=1) > 0).all():
        return None
    shifts, counts = shifts[possible], counts[possible]
    skip, exact = int(shifts[counts.argmax()]), int(counts.max())
    near = int(_near(top - skip, expected, grid).sum())
    return skip if 3 * exact >= 2 * len(expected) and near >= needed else None


def _near(cells: Ints, expected: Ints, grid: tuple[int, ...]) -> Array:
    """(P,): whether cells are the expected ones, or beside them on a long side."""
    near = (cells >= 0) & (cells < prod(grid))
    inside = np.clip(cells, 0, prod(grid) - 1)
    both = zip(np.unravel_index(inside, grid), np.unravel_index(expected, grid), grid, strict=True)
    for here, there, side in both:
        near &= np.abs(here - there) <= (max(1, side // _FAR) if side >= _LONG else 0)
    return np.asarray(near)


def _score(moved: Floats) -> Floats:
    """How much each token moves with each probe, against what it and all others move anyhow."""
    usual = moved.mean(axis=0, keepdims=True) + moved.mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(usual > 0, moved / usual, 0)


def _movement(grid: Grid) -> Callable[[Any], Any]:
    """What makes (P, T) of an output of 1 + P images: how far each token is from the first's."""

    def moved(output: Any) -> Any:
        if grid.layout in TOKENS:
            tokens = read_tokens(cast(output, "float32"), grid)
        else:
            tokens = read_grid(output, grid)
            xp = namespace(tokens)
            tokens = xp.reshape(tokens, (tokens.shape[0], -1, tokens.shape[-1]))
        xp = namespace(tokens)
        return xp.sum(xp.abs(tokens[1:] - tokens[:1]), axis=-1)

    return moved
