"""How large must a study be? Seeds and images for an effect of interest, from a run's own variance.

    V(S, N) = image / N + seed / S + residual / (S N)      variance of a contrast
    smallest >= (t_{1 - alpha / 2} + t_power) sqrt(V)      it is found with that power

`power` says for every contrast and measure what the study could find, and what it would take.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl
from scipy.special import nctdtr, ndtr, stdtrit

from campare.errors import RunError
from campare.metrics.registry import find
from campare.stats.article import SMALLEST
from campare.stats.contrasts import splits
from campare.stats.crossed import Grouped, Part, Split
from campare.stats.ranking import CLASSIFIER, main_metrics
from campare.stats.words import MATCHED, conditional, count, replicate

MOST_SEEDS, MOST_IMAGES = 200, 1_000_000
#: Below this many seeds an arm, no interval was found to hold; see docs/statistics.md.
FEWEST_SEEDS = 3
POWER_GOAL = 0.8

#: Columns of `power`.
POWER: dict[str, Any] = {
    **dict.fromkeys(("contrast", "method", "metric"), pl.String),
    **dict.fromkeys(("sd_seed", "sd_image", "sd_residual", "smallest"), pl.Float64),
    **dict.fromkeys(("power", "detectable"), pl.Float64),
    **dict.fromkeys(("seeds", "images", "groups", "seeds_needed", "images_needed"), pl.Int64),
}


def resized(found: Split, *, seeds: int | None = None, images: int | None = None) -> Split:
    """The split as it would be expected with another number of seeds in each arm, or of images.

    More images are more groups, as large as those of the split.

    Example:
        >>> one = Split(0.1, 0.2, 100, (Part(5, 0.001, 0.0001),))
        >>> resized(one, images=400).image_variance < one.image_variance
        True
    """
    N = images or found.images
    image = found.image_variance * found.images
    parts = []
    for part in found.parts:
        S = seeds or part.seeds
        left = part.residual * part.seeds * found.images / (S * N)
        own = max(part.between - part.residual, 0.0) * part.seeds / S
        parts.append(Part(S, own + left, left))
    whole = image / N + sum(part.residual for part in parts)
    if found.groups:
        times = N / found.images
        number = max(round(found.groups.number * times), 2) if found.groups.number else 0
        freedom = max((found.groups.freedom + 1) * times - 1, 1.0)
        return Split(found.estimate, found.spread, N, tuple(parts), Grouped(number, whole, freedom))
    spread = math.sqrt(image + sum(part.residual for part in parts) * N)
    return Split(found.estimate, spread, N, tuple(parts))


def power_of(found: Split, effect: float, alpha: float = 0.05) -> float:
    """The probability of detecting `effect` with a study like this one, two-sided.

    Example:
        >>> round(power_of(Split(0.0, 1.0, 34, ()), 0.5), 2)  # a t test of 34: 0.81 in G*Power
        0.81
    """
    error, freedom = math.sqrt(found.variance), min(found.freedom, 1e6)
    if error == 0:
        return 1.0
    far = float(stdtrit(freedom, 1 - alpha / 2))
    shift = abs(effect) / error
    exact = float(1 - nctdtr(freedom, shift, far) + nctdtr(freedom, shift, -far))
    if math.isfinite(exact):
        return exact
    return float(ndtr(shift - far) + ndtr(-shift - far))  # where the noncentral t's series fails


def detectable(found: Split, alpha: float = 0.05, goal: float = POWER_GOAL) -> float:
    """The smallest effect that a study like this one finds with probability `goal`.

    Example:
        >>> round(detectable(Split(0.0, 1.0, 34, ())), 2)
        0.5
    """
    freedom = min(found.freedom, 1e9)
    quantiles = stdtrit(freedom, 1 - alpha / 2) + stdtrit(freedom, goal)
    return float(quantiles) * math.sqrt(found.variance)


def seeds_needed(found: Split, enough: Callable[[Split], bool]) -> int | None:
    """The fewest seeds an arm, at these images, with which a split is `enough`; None: no number.

    Example:
        >>> one = Split(0.0, 0.2, 100, (Part(5, 0.001, 0.0),) * 2)
        >>> seeds_needed(one, lambda found: detectable(found) <= 0.1)
        13
    """
    return _fewest(FEWEST_SEEDS, MOST_SEEDS, lambda S: enough(resized(found, seeds=S)))


def images_needed(found: Split, enough: Callable[[Split], bool]) -> int | None:
    """The fewest images, at these seeds, with which a split is `enough`; None: no number.

    Example:
        >>> images_needed(Split(0.0, 1.0, 20, ()), lambda found: detectable(found) <= 0.5)
        34
    """
    return _fewest(2, MOST_IMAGES, lambda N: enough(resized(found, images=N)))


def _fewest(low: int, most: int, enough: Callable[[int], bool]) -> int | None:
    """The smallest n in [low, most] that is enough, if more never hurts."""
    if not enough(most):
        return None
    high = most
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def power(
    table: Any,
    *,
    contrasts: Sequence[tuple[str, str]] | None = None,
    metrics: Sequence[str] | None = None,
    smallest: float | Mapping[str, float] | None = None,
    alpha: float = 0.05,
    goal: float = POWER_GOAL,
) -> pl.DataFrame:
    """What a study could find, and how many seeds and images it would take, by contrast and metric.

    `table` and `contrasts` as in `compare`; `metrics` are some by name (default: all); `smallest`
    the effect of interest, for all metrics or by metric (default: that of the article's claims,
    else a twentieth of the metric's range).
    Columns: contrast, method, metric; sd_seed, sd_image, sd_residual (standard deviations: of one
    training's mean in an arm, of an image's true difference, of what is left); smallest, power (to
    find it), detectable (the smallest effect found with probability `goal`); seeds, images, groups
    (that are the units; 0: images are), and seeds_needed, images_needed for `smallest` when the
    other stays (null: no number suffices). More images are more groups of the same size, and
    sd_image is that of as many independent images.

    Raises:
        RunError: as `compare`; settings out of range.

    Example:
        >>> power("runs/x").filter(pl.col("metric") == "energy")  # doctest: +SKIP
    """
    if not (0 < alpha < 1 and 0 < goal < 1):
        raise RunError(
            f"Expected alpha and the power between 0 and 1, got {alpha} and {goal}. "
            "Try 0.05 and 0.8."
        )
    rows = []
    for contrast, method, metric, found in splits(table, contrasts, metrics):
        if found.units < 2:
            continue
        effect = _smallest(metric, smallest)
        if effect is not None and effect <= 0:
            raise RunError(f"Expected a smallest effect above 0, got {effect}. Try 0.05.")
        rows.append(
            {"contrast": contrast, "method": method, "metric": metric}
            | _row(found, effect, alpha, goal)
        )
    return pl.DataFrame(rows, schema=POWER)


def _row(found: Split, smallest: float | None, alpha: float, goal: float) -> dict[str, Any]:
    N = found.images
    seed = sum(max(p.between - p.residual, 0.0) * p.seeds for p in found.parts)
    left = sum(p.residual * p.seeds * N for p in found.parts)
    arms = max(len(found.parts), 1)
    row: dict[str, Any] = {
        "sd_seed": math.sqrt(seed / arms),
        "sd_image": math.sqrt(found.image_variance * N),
        "sd_residual": math.sqrt(left / arms),
        "smallest": smallest,
        "detectable": detectable(found, alpha, goal),
        "seeds": found.seeds,
        "images": N,
        "groups": found.groups.number if found.groups else 0,
    }
    if smallest is None:
        return row

    def enough(other: Split) -> bool:
        return detectable(other, alpha, goal) <= smallest

    return row | {
        "power": power_of(found, smallest, alpha),
        "seeds_needed": seeds_needed(found, enough) if found.seeds > 1 else None,
        "images_needed": images_needed(found, enough),
    }


def _smallest(metric: str, given: float | Mapping[str, float] | None) -> float | None:
    """The effect of interest: as given, of the claims, or a twentieth of the range."""
    base = metric.removesuffix(MATCHED)
    if isinstance(given, Mapping):
        return given.get(metric, given.get(base))
    if given is not None:
        return given
    if base in SMALLEST:
        return SMALLEST[base]
    span = _span(base)
    return span / 20 if math.isfinite(span) else None


def _span(metric: str) -> float:
    """The largest difference that a metric can have."""
    declared = find(metric.removesuffix(MATCHED))
    return declared.high - declared.low if declared else math.inf


def beyond_range(row: Mapping[str, Any]) -> bool:
    """Whether what a row of `power` could detect is more than its metric can differ.

    Example:
        >>> beyond_range({"metric": "entropy", "detectable": 2.6})
        True
    """
    return bool(row["detectable"] > _span(row["metric"]))


def too_small(
    found: pl.DataFrame,
    metrics: tuple[str, ...] | None = None,
    kind: str = "",
    goal: float = POWER_GOAL,
) -> list[str]:
    """Warnings, a line a metric, where a study could not find the effect of interest.

    `found` comes from `power`; `metrics` are those to speak of, default all; `kind` is that of the
    run, `goal` the power with which `found` was computed.

    Example:
        >>> row = {"contrast": "B - A", "method": "grad-cam", "metric": "energy",
        ...     "smallest": 0.05, "power": 0.3, "detectable": 0.11, "seeds": 3, "images": 55,
        ...     "seeds_needed": None, "images_needed": 400}
        >>> print(*too_small(pl.DataFrame([row], schema_overrides={"seeds_needed": pl.Int64})))
        Too small to find a difference of 0.05 in energy (B - A: power 30%, it finds 0.11 with \
80%). It takes 400 images at 3 seeds.
    """
    return [
        f"Too small to find a difference of {row['smallest']:g} in {row['metric']} "
        f"({row['contrast']}: power {row['power']:.0%}, it finds {_found(row)} with "
        f"{100 * goal:.4g}%). {_takes(row, f'{replicate(kind)}s')}"
        for row in _weakest(found, metrics, goal)
    ]


def what_it_takes(
    found: pl.DataFrame,
    metrics: Sequence[str] = (),
    kind: str = "",
    goal: float = POWER_GOAL,
) -> list[str]:
    """What to do about each line of `too_small`, as a step.

    Example:
        >>> row = {"contrast": "B - A", "method": "grad-cam", "metric": "energy",
        ...     "smallest": 0.05, "power": 0.3, "seeds": 3, "seeds_needed": 9, "images_needed": 400}
        >>> what_it_takes(pl.DataFrame([row]))
        ['9 seeds at these images or 400 images at 3 seeds, to find a difference of 0.05 in energy']
    """
    return [
        f"{' or '.join(_ways(row, f'{replicate(kind)}s')) or f'more {replicate(kind)}s and images'}"
        f", to find a difference of {row['smallest']:g} in {row['metric']}"
        for row in _weakest(found, metrics, goal)
    ]


def _weakest(
    found: pl.DataFrame, metrics: Sequence[str] | None, goal: float
) -> Iterator[Mapping[str, Any]]:
    """Of each metric the contrast with the least power, where it is below the goal."""
    weak = found.filter((pl.col("power") < goal) & (pl.col("method") != CLASSIFIER))
    for metric in metrics or tuple(weak["metric"].unique(maintain_order=True)):
        part = weak.filter(pl.col("metric") == metric).sort("power")
        if part.height:
            yield part.row(0, named=True)


def enough(found: pl.DataFrame, goal: float = POWER_GOAL, kind: str = "") -> list[str]:
    """The conclusion of `power`: for how much a study is large enough, and what more would take.

    Of measures without conditions; of those too weak the first of main interest is told.

    Example:
        >>> row = {"contrast": "B - A", "method": "grad-cam", "metric": "energy",
        ...     "smallest": 0.05, "power": 0.9, "detectable": 0.04, "seeds": 3, "images": 55,
        ...     "seeds_needed": 3, "images_needed": 40}
        >>> enough(pl.DataFrame([row]))
        ['Large enough to find the smallest effect of interest in 1 of 1 comparison (power 80%).']
    """
    plain = [name for name in found["metric"].unique(maintain_order=True) if not conditional(name)]
    known = found.filter(pl.col("metric").is_in(plain) & pl.col("smallest").is_not_null())
    if not known.height:
        return []
    strong = known.filter(pl.col("power") >= goal).height
    weak = known.filter((pl.col("power") < goal) & (pl.col("method") != CLASSIFIER))["metric"]
    names = main_metrics(dict.fromkeys(name.removesuffix(MATCHED) for name in weak), "")
    worst = next((n for m in names for n in (m + MATCHED, m) if n in set(weak)), None)
    lines = too_small(known, (worst,), kind, goal) if worst else []
    return [
        f"Large enough to find the smallest effect of interest in {strong} of "
        f"{count(known.height, 'comparison')} (power {100 * goal:.4g}%).",
        *lines,
    ]


def _found(row: Mapping[str, Any]) -> str:
    return "none within its range" if beyond_range(row) else f"{row['detectable']:.2g}"


def _takes(row: Mapping[str, Any], called: str) -> str:
    ways = _ways(row, called)
    if not ways:
        return f"More {called} alone or more images alone do not suffice; it takes both."
    return f"It takes {' or '.join(ways)}."


def _ways(row: Mapping[str, Any], called: str) -> list[str]:
    """By how many seeds, or by how many images, the study would be large enough."""
    ways = []
    if row["seeds_needed"] is not None:
        ways.append(f"{row['seeds_needed']} {called} at these images")
    if row["images_needed"] is not None:
        seeds = count(row["seeds"], called.removesuffix("s"))
        ways.append(f"{row['images_needed']} images at {seeds}")
    return ways
