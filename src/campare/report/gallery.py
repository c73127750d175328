"""The gallery: every test image under every arm, and a choice of them made by rule.

Nobody picks the images: the rule takes the extremes and the middle of one metric, and some at
random. The page gets photos, small grids of heat and a table of values (`packing`), and draws,
filters and sorts by itself. Of many images it shows some of those that the run keeps, which are
drawn at random (`runs.kept`); the rule is for these.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from campare.attribution import drawing
from campare.attribution import maps as cam_maps
from campare.models.arrays import map_axes
from campare.report import closer, flat, packing
from campare.report.view import Arm
from campare.runs.manifest import Manifest
from campare.stats.words import higher_is_better, title

#: Pixels a side of the photos chosen by rule; the others are as large as all of them fit.
LARGEST = 384

#: The groups, in the order in which they claim an image.
GROUPS = {
    "improved": "most improved",
    "worsened": "most worsened",
    "best": "best",
    "worst": "worst",
    "median": "middle",
    "random": "at random",
}


@dataclass(frozen=True)
class Gallery:
    """What the page needs; `data` is for its script, as JSON.

    `chosen` is image index -> group. `hero` is the image in the middle, drawn: a title and WebP
    in base64 for the photo and for each arm. `says` is how arrays that are no pictures are shown.
    """

    data: dict[str, Any]
    chosen: Mapping[int, str]
    arms: tuple[Arm, ...]
    metric: str
    seed: int
    contrast: tuple[str, str] | None
    each: int
    kept: int
    total: int
    regions: frozenset[str]
    hero: tuple[dict[str, Any], ...] = ()
    says: str = ""

    @property
    def images(self) -> int:
        """How many images the page carries."""
        return len(self.data["images"])

    @property
    def windows(self) -> bool:
        """Whether some models see a part of the photos alone."""
        return "windows" in self.data

    @property
    def judged(self) -> bool:
        """Whether it is known which predictions are right."""
        return bool(self.data["judged"])


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
    mean = _mean(list(scores.values()))
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
    scores: pl.LazyFrame,
    arms: Sequence[Arm],
    *,
    method: str,
    metrics: Sequence[str],
    contrasts: Sequence[tuple[str, str]],
    total: int,
    each: int = 4,
) -> Gallery:
    """The gallery of a run: the first seed that most arms finished; empty where no image is kept.

    `metrics` are those with a value for an image; the first decides the choice. Where a run has
    none (no masks), that is `confidence`. `total` images were measured.
    """
    pictures = run.images()
    seed, arms = _finished(run.manifest, arms)
    names = [arm.name for arm in arms]
    pairs = [pair for pair in contrasts if {*pair} <= {*names}]
    metric = metrics[0] if metrics else "confidence"
    kept = len(pictures.names)
    if not kept:
        judged = scores.filter(metric="correct").head(1).collect().height > 0
        nothing = {"images": [], "pairs": [], "judged": judged}
        return Gallery(nothing, {}, tuple(arms), metric, seed, None, each, 0, total, frozenset())
    own = (
        scores.filter(pl.col("seed") == seed, pl.col("recipe").is_in(names))
        .filter(pl.col("image").is_in([*pictures.names]))
        .select("recipe", "image", "method", "metric", "value", "prediction")
        .collect()
    )
    measured = {
        name: [_values(own, arm, method, name, pictures.names) for arm in names]
        for name in dict.fromkeys([*metrics, "confidence"])
    }
    sign = -1.0 if higher_is_better(metric) is False else 1.0
    ranked = {arm: sign * v for arm, v in zip(names, measured[metric], strict=True)}
    pair = pairs[0] if pairs else None
    chosen = choose(ranked, pair, each=each)
    windows = run.windows()
    laid = flat.flat(
        pictures, [] if pictures.pictures else [run.maps(name, seed)[method] for name in names]
    )
    pictures = laid.images
    grids = [laid.grid(run.maps(name, seed)[method]) for name in names]
    plan = packing.plan(pictures.images, grids)
    index = _carried(list(chosen), kept, plan.images)
    middle = _middle(ranked, chosen)
    drawn = [
        _drawn(laid, run.maps(name, seed)[method], index, grid, middle)
        for name, grid in zip(names, plan.grids, strict=True)
    ]  # the maps of one arm at a time
    data: dict[str, Any] = {
        "size": int(pictures.images.shape[1]),
        "side": plan.side,
        "method": method,
        "noun": arms[0].noun if arms else "arm",
        "arms": [{"name": a.name, "color": a.index, "guess": bool(a.unlearned)} for a in arms],
        "pairs": [[names.index(one), names.index(other)] for one, other in pairs],
        "classes": list(pictures.class_names),
        "groups": list(dict.fromkeys(chosen.values())),
        "measures": [_measure(name, values, index) for name, values in measured.items()],
        "images": [_image(pictures, int(at), chosen.get(int(at)), plan.side) for at in index],
        **_answers(own, names, pictures, index),
        "grids": [list(grid) for grid in plan.grids],
        "heat": [one.heat for one in drawn],
        "status": [one.status for one in drawn],
        "peaks": [one.peaks for one in drawn],
        "colors": packing.text(drawing.heatmap(np.arange(256.0)[None]).tobytes()),
        **({"windows": [_windows(windows.get(name), index) for name in names]} if windows else {}),
        "closer": closer.closer(
            [laid.every(run.maps(name, seed)) for name in names],
            index,
            len(chosen),
            lambda other, metric: [
                [_plain(v) for v in _values(own, arm, other, metric, pictures.names)[index]]
                for arm in names
            ],
            [*measured],
        ),
    }
    regions = frozenset(region for image in data["images"] for region, _ in image["lines"])
    hero = _hero(pictures, arms, [one.middle for one in drawn], measured[metric], middle, windows)
    return Gallery(
        data, chosen, tuple(arms), metric, seed, pair, each, kept, total, regions, hero, laid.says
    )


class _Drawn(NamedTuple):
    """The maps of one arm as the page has them, and that of the image in the middle as it is."""

    heat: str
    status: list[str]
    peaks: list[float | None]  # the largest value of each map; None where nothing is positive
    middle: NDArray[Any]  # (1, h, w)


def _drawn(
    laid: flat.Flat,
    maps: NDArray[Any],
    index: NDArray[np.int64],
    grid: tuple[int, int],
    middle: int,
) -> _Drawn:
    status, peaks = cam_maps.status(maps[index]).tolist(), _peaks(maps[index])
    flattened = laid.maps(maps)
    heat = packing.text(packing.grid_bytes(flattened[index], grid))
    return _Drawn(heat, status, peaks, flattened[middle : middle + 1])


def _peaks(maps: NDArray[Any]) -> list[float | None]:
    tops = np.nan_to_num(cam_maps.positive(maps), posinf=0)
    tops = tops.max(axis=map_axes(tops))
    return [float(f"{top:.6g}") if top > 0 else None for top in tops]


def _mean(values: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Mean over arms of what is defined.  [(N,), ...] -> (N,), NaN where no arm has a value"""
    table = np.stack([np.asarray(value, float) for value in values])
    known = np.isfinite(table)
    mean: NDArray[np.float64] = np.where(known, table, 0).sum(0) / np.where(
        known.any(0), known.sum(0), np.nan
    )
    return mean


def _finished(manifest: Manifest, arms: Sequence[Arm]) -> tuple[int, tuple[Arm, ...]]:
    """The first seed that most arms finished, and those arms."""
    done = manifest.finished
    by_seed = {s: tuple(a for a in arms if (a.name, s) in done) for s in manifest.seeds}
    seed = max(by_seed, key=lambda s: len(by_seed[s]))  # the first of equals
    return seed, by_seed[seed]


def _carried(chosen: list[int], total: int, most: int) -> NDArray[np.int64]:
    """Indices of the images that the page carries: the chosen ones, and the others as they fit."""
    rest = np.setdiff1d(np.arange(total), chosen)
    free = max(0, most - len(chosen))
    if len(rest) > free:
        rest = np.sort(np.random.default_rng(0).permutation(rest)[:free])
    return np.array([*chosen, *rest], np.int64)


def _values(
    own: pl.DataFrame, arm: str, method: str, metric: str, names: Sequence[str]
) -> NDArray[np.float64]:
    """A value an image, NaN where there is none.  (N,)"""
    rows = own.filter(
        (pl.col("recipe") == arm)
        & (pl.col("metric") == metric)
        & pl.col("method").is_in([method, "-"])
    )
    found = dict(zip(rows["image"].to_list(), rows["value"].to_list(), strict=True))
    values = [found.get(name) for name in names]
    return np.array([math.nan if value is None else value for value in values], float)


def _measure(
    name: str, values: Sequence[NDArray[np.float64]], index: NDArray[np.int64]
) -> dict[str, Any]:
    better = {True: 1, False: -1, None: 0}[higher_is_better(name)]
    rows = [[_plain(value) for value in of[index]] for of in values]
    return {"name": name, "title": title(name), "better": better, "values": rows}


def _plain(value: float) -> float | None:
    return round(float(value), 4) if math.isfinite(value) else None


def _image(pictures: Any, at: int, group: str | None, side: int) -> dict[str, Any]:
    return {
        "name": pictures.names[at],
        "label": int(pictures.labels[at]),
        "group": group,
        "photo": packing.text(packing.webp(pictures.images[at], LARGEST if group else side)),
        "lines": packing.outlines(pictures.regions, at),
    }


def _answers(
    own: pl.DataFrame, names: Sequence[str], pictures: Any, index: NDArray[np.int64]
) -> dict[str, Any]:
    """What every arm predicts for every image, and whether that can be judged."""
    shown = {pictures.names[at] for at in index}
    of = own.filter(pl.col("image").is_in(sorted(shown)))
    rows = of.filter(pl.col("metric") == "correct")
    judged = rows.height > 0
    rows = rows if judged else of
    told = {
        (recipe, image): prediction
        for recipe, image, prediction in rows.select("recipe", "image", "prediction").iter_rows()
    }
    predictions = [[told.get((arm, pictures.names[at])) for at in index] for arm in names]
    return {"judged": judged, "predictions": predictions}


def _windows(
    parts: NDArray[np.float64] | None, index: NDArray[np.int64]
) -> list[list[float]] | None:
    """The part of each photo that an arm's models see; None: of every photo all of it."""
    return None if parts is None else parts[index].round(5).tolist()


def _middle(ranked: Mapping[str, NDArray[Any]], chosen: Mapping[int, str]) -> int:
    """The image in the middle of the ranking, else the first that was chosen."""
    middles = [at for at, group in chosen.items() if group == GROUPS["median"]]
    mean = _mean(list(ranked.values()))
    known = mean[np.isfinite(mean)]
    if not middles or not known.size:
        return next(iter(chosen), 0)
    return min(middles, key=lambda at: abs(mean[at] - float(np.median(known))))


def _hero(
    pictures: Any,
    arms: Sequence[Arm],
    maps: Sequence[NDArray[Any]],
    values: Sequence[NDArray[np.float64]],
    at: int,
    windows: Mapping[str, NDArray[np.float64]],
) -> tuple[dict[str, Any], ...]:
    """One image and its overlays as pictures, so that it is there without a script and in print."""
    photo = pictures.images[at]
    shown = [
        {
            "arm": None,
            "name": pictures.names[at],
            "label": pictures.class_names[int(pictures.labels[at])],
            "picture": packing.text(packing.webp(photo, quality=88)),
        }
    ]
    for arm, value, raw in zip(arms, values, maps, strict=True):
        fine = str(cam_maps.status(raw)[0])
        window = windows[arm.name][at] if arm.name in windows else None
        picture = packing.blended(photo, raw[0], window) if fine == "ok" else photo
        shown.append(
            {"arm": arm, "status": fine, "value": float(value[at]),
             "picture": packing.text(packing.webp(picture, quality=88))}
        )  # fmt: skip
    return tuple(shown)
