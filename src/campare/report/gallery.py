"""The gallery: the same test images under every arm, chosen by rule from the scores.

Nobody picks the images: the rule takes the extremes and the middle of one metric, and some at
random. The page composes each cell itself from a photo, a heatmap and an outline, so that a photo
is stored once however many arms there are.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image as Pillow

from campare.cams import drawing
from campare.cams import maps as cam_maps
from campare.report.facts import Arm
from campare.stats.words import higher_is_better

#: The groups, in the order in which they claim an image.
GROUPS = {
    "improved": "most improved",
    "worsened": "most worsened",
    "best": "best",
    "worst": "worst",
    "median": "middle",
    "random": "at random",
}
_BUDGET = 7_000_000  # bytes of pictures; base64 adds a third


@dataclass(frozen=True)
class Cell:
    """One image under one arm.

    `heatmap` is a data URI, or None where the map's `status` is not `ok`; `confidence` is that in
    the label, whatever was predicted.
    """

    arm: Arm
    heatmap: str | None
    status: str
    score: float
    prediction: str
    correct: bool | None
    confidence: float


@dataclass(frozen=True)
class Row:
    """One image under all arms."""

    image: str
    label: str
    group: str
    photo: str
    outlines: tuple[tuple[str, str], ...]  # (region, SVG path)
    cells: tuple[Cell, ...]
    difference: float  # of the first contrast
    mean: float

    @property
    def right(self) -> bool:
        """Whether every arm predicts the label."""
        return all(cell.correct for cell in self.cells)


@dataclass(frozen=True)
class Gallery:
    """What the page needs to show the rows; `size` is the side of the photos in pixels."""

    rows: tuple[Row, ...]
    size: int
    metric: str
    seed: int
    contrast: tuple[str, str] | None
    each: int

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms, in the order of the columns."""
        return tuple(cell.arm for cell in self.rows[0].cells) if self.rows else ()

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that have an image, in the order of `GROUPS`."""
        return tuple(dict.fromkeys(row.group for row in self.rows))

    @property
    def judged(self) -> bool:
        """Whether it is known which predictions are right."""
        return any(cell.correct is not None for row in self.rows for cell in row.cells)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes that have an image, sorted."""
        return tuple(sorted({row.label for row in self.rows}))

    @property
    def regions(self) -> frozenset[str]:
        """The regions that are outlined somewhere."""
        return frozenset(region for row in self.rows for region, _ in row.outlines)


def choose(
    scores: Mapping[str, NDArray[Any]],
    contrast: tuple[str, str] | None,
    *,
    each: int,
    seed: int = 0,
) -> dict[int, str]:
    """The rule: image index -> group, `each` images a group, in the order of `GROUPS`.

    `scores` is arm -> (N,) values of the metric. Best, worst and middle go by the mean over arms;
    improved and worsened by treatment minus control, where that has the sign. An image stands
    in one group only; images without a defined value are eligible at random.

    Example:
        >>> choose({"A": np.array([0.0, 0.5, 1.0])}, None, each=1)
        {2: 'best', 0: 'worst', 1: 'middle'}
    """
    table = np.stack([np.asarray(values, float) for values in scores.values()])
    known = np.isfinite(table)
    mean = np.where(known, table, 0).sum(0) / np.where(known.any(0), known.sum(0), np.nan)
    chosen: dict[int, str] = {}

    def take(group: str, order: NDArray[Any]) -> None:
        free = [int(i) for i in order if int(i) not in chosen]
        chosen.update(dict.fromkeys(free[:each], GROUPS[group]))

    ranked = np.argsort(mean, kind="stable")[: int(np.isfinite(mean).sum())]
    if contrast is not None:
        change = np.asarray(scores[contrast[0]], float) - np.asarray(scores[contrast[1]], float)
        order = np.argsort(change, kind="stable")[: int(np.isfinite(change).sum())]
        take("improved", order[change[order] > 0][::-1])
        take("worsened", order[change[order] < 0])
    take("best", ranked[::-1])
    take("worst", ranked)
    middle = np.argsort(np.abs(np.arange(len(ranked)) - (len(ranked) - 1) / 2), kind="stable")
    take("median", ranked[middle])
    take("random", np.random.default_rng(seed).permutation(len(mean)))
    return chosen


def gallery(
    run: Any,
    scores: pl.DataFrame,
    arms: Sequence[Arm],
    *,
    method: str,
    metric: str,
    contrast: tuple[str, str] | None,
    each: int = 6,
) -> Gallery:
    """The gallery of a run: the first seed of every arm.

    `metric` is one of the table's that has a value an image; where a run has none of those (no
    masks), pass `confidence`.
    """
    pictures = run.images()
    seed, arms = _finished(run.manifest, arms)
    if contrast is not None and not {*contrast} <= {arm.name for arm in arms}:
        contrast = None
    size = int(pictures.images.shape[1])
    cells = {arm.name: _lookup(scores, arm.name, seed, method, metric) for arm in arms}
    values = {
        name: np.array([by_image.get(image, {}).get("score", math.nan) for image in pictures.names])
        for name, by_image in cells.items()
    }
    each = _affordable(each, size, len(arms))
    sign = -1.0 if higher_is_better(metric) is False else 1.0
    chosen = choose({name: sign * v for name, v in values.items()}, contrast, each=each)
    index = np.fromiter(chosen, int, len(chosen))
    overlays = {arm.name: _overlays(run.maps(arm.name, seed)[method][index], size) for arm in arms}
    mean = np.full(len(pictures.names), np.nan)
    stack = np.stack(list(values.values()))
    some = np.isfinite(stack).any(0)
    mean[some] = np.nanmean(stack[:, some], axis=0)
    rows = tuple(
        Row(
            image=pictures.names[at],
            label=pictures.class_names[int(pictures.labels[at])],
            group=group,
            photo=_webp(pictures.images[at], quality=86),
            outlines=_outlines(pictures.regions, at),
            cells=tuple(
                _cell(
                    arm,
                    overlays[arm.name][line],
                    cells[arm.name].get(pictures.names[at], {}),
                    pictures.class_names[int(pictures.labels[at])],
                )
                for arm in arms
            ),
            difference=(
                float(values[contrast[0]][at] - values[contrast[1]][at]) if contrast else math.nan
            ),
            mean=float(mean[at]),
        )
        for line, (at, group) in enumerate(chosen.items())
    )
    return Gallery(rows, size, metric, seed, contrast, each)


def _finished(manifest: Mapping[str, Any], arms: Sequence[Arm]) -> tuple[int, tuple[Arm, ...]]:
    """The first seed that most arms finished, and those arms."""
    done = {(cell["recipe"], cell["seed"]) for cell in manifest["cells"].values()}
    by_seed = {s: tuple(a for a in arms if (a.name, s) in done) for s in manifest["seeds"]}
    seed = max(by_seed, key=lambda s: len(by_seed[s]))  # the first of equals
    return seed, by_seed[seed]


def _affordable(each: int, size: int, arms: int) -> int:
    """Images a group so that the page stays below its size: about 0.12 bytes a pixel of WebP."""
    row = size * size * (0.35 + 0.12 * arms)
    return max(1, min(each, int(_BUDGET / row / len(GROUPS))))


def _lookup(
    scores: pl.DataFrame, recipe: str, seed: int, method: str, metric: str
) -> dict[str, dict[str, Any]]:
    own = scores.filter((pl.col("recipe") == recipe) & (pl.col("seed") == seed))
    found: dict[str, dict[str, Any]] = {}
    wanted = (
        (method, metric, "score"),
        ("-", "correct", "correct"),
        ("-", "confidence", "confidence"),
    )
    for of, name, key in wanted:
        part = own.filter((pl.col("metric") == name) & pl.col("method").is_in([of, "-"]))
        for image, value, prediction in part.select("image", "value", "prediction").iter_rows():
            entry = found.setdefault(image, {})
            entry[key] = math.nan if value is None else float(value)
            entry["prediction"] = prediction
    return found


def _cell(
    arm: Arm,
    overlay: tuple[str | None, str],
    known: Mapping[str, Any],
    label: str,
) -> Cell:
    prediction, judged = known.get("prediction"), "correct" in known
    return Cell(
        arm=arm,
        heatmap=overlay[0],
        status=overlay[1],
        score=known.get("score", math.nan),
        prediction=prediction or "",
        correct=prediction == label if judged else None,
        confidence=known.get("confidence", math.nan),
    )


def _overlays(raw: NDArray[Any], size: int) -> list[tuple[str | None, str]]:
    """Maps (n, h, w) -> n pairs: the heatmap as a data URI, None unless `ok`; the status."""
    big = cam_maps.resize(np.nan_to_num(cam_maps.positive(raw), posinf=0), (size, size))
    # Where a map is low it is nearly clear, so that the photo stays readable below it.
    alpha = np.round(255 * (0.3 + 0.7 * drawing.shown(big))).astype(np.uint8)
    colored = np.concatenate([drawing.heatmap(big), alpha[..., None]], axis=-1)
    return [
        (_webp(picture, quality=72) if status == "ok" else None, str(status))
        for picture, status in zip(colored, cam_maps.status(raw), strict=True)
    ]


def _outlines(regions: Mapping[str, NDArray[np.bool_]], at: int) -> tuple[tuple[str, str], ...]:
    """SVG paths around the object and the cue, in pixels of the photo."""
    from skimage.measure import approximate_polygon, find_contours

    paths = []
    for region in ("object", "cue"):
        if region not in regions or not regions[region][at].any():
            continue
        lines = find_contours(np.pad(regions[region][at], 1).astype(np.float32), 0.5)
        path = "".join(_closed(approximate_polygon(line, 0.4)) for line in lines if len(line) > 6)
        paths.append((region, path))
    return tuple(paths)


def _closed(line: NDArray[Any]) -> str:
    """Corners (n, 2) in rows and columns of a padded mask -> an SVG path in pixels of the photo."""
    # The padding moved it by one, and the center of the first pixel lies at half: - 1 + 0.5.
    return "M" + " ".join(f"{x - 0.5:.4g} {y - 0.5:.4g}" for y, x in line) + "Z"


def _webp(picture: NDArray[Any], *, quality: int) -> str:
    """uint8 (S, S, 3 or 4) -> data URI."""
    out = io.BytesIO()
    image = Pillow.fromarray(np.ascontiguousarray(picture))
    image.save(out, "webp", quality=quality, alpha_quality=60, method=4)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
