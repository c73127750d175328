"""Image by image: differences of two arms on the same images, as quantile dots around zero.

A mean difference may be a little on every image or much on a few. Dots right of zero are images on
which the measure is higher; a dot has the color of the arm that is better there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from campare.report import words
from campare.report.plots.axis import Axis, around_zero, digits
from campare.report.plots.chart import Dot, Line, Panel, Row
from campare.report.plots.forest import ENDS
from campare.report.plots.spread import HEIGHT, RADIUS, quantiles, stacked
from campare.report.view import Arm
from campare.stats.words import higher_is_better, title


class Tally(NamedTuple):
    """On how many images the first of two arms is better, the other, and neither."""

    better: int
    worse: int
    alike: int


def tally(differences: NDArray[Any], metric: str) -> Tally:
    """Count images; where neither side is good, higher counts as better.

    Example:
        >>> tally(np.array([0.2, -0.1, 0.0, 0.3]), "energy")
        Tally(better=2, worse=1, alike=1)
    """
    sign = -1 if higher_is_better(metric) is False else 1
    up, down = int((sign * differences > 0).sum()), int((sign * differences < 0).sum())
    return Tally(up, down, len(differences) - up - down)


def paired(
    differences: Mapping[tuple[str, str], NDArray[Any]], metric: str, arms: Sequence[Arm]
) -> Panel:
    """A row for each pair of arms; `differences` is (treatment, control) -> one value an image."""
    known = {pair: values for pair, values in differences.items() if values.size}
    axis = around_zero(x for values in known.values() for x in (values.min(), values.max()))
    ticks = axis.ticks(3)
    colors = {arm.name: arm.index for arm in arms}
    return Panel(
        title=title(metric),
        note="each image",
        ends=ENDS[higher_is_better(metric)],
        ticks=tuple((axis.at(x), words.signed(x, digits(ticks))) for x in ticks),
        zero=axis.at(0.0),
        rows=tuple(_row(pair, values, metric, axis, colors) for pair, values in known.items()),
        kind="paired",
        numbers="images",
    )


def _row(
    pair: tuple[str, str],
    values: NDArray[np.float64],
    metric: str,
    axis: Axis,
    colors: Mapping[str, int],
) -> Row:
    one, other = pair
    found = tally(values, metric)
    low, high = np.quantile(values, (0.25, 0.75))
    mean = float(values.mean())
    half = Line("half", axis.at(mean), axis.at(float(low)), axis.at(float(high)), True,
                y=HEIGHT + 4, radius=4.0)  # fmt: skip
    known = higher_is_better(metric) is not None
    word = "better" if known else "higher"
    return Row(
        label=f"{one} vs {other}",
        number=f"{found.better} : {found.worse}",
        spoken=f"{one} is {word} on {found.better} images, {other} on {found.worse}, alike on "
        f"{found.alike}; mean difference {words.signed(mean)}",
        height=HEIGHT + 10,
        lines=(half,),
        dots=_dots(values[values != 0], axis, metric, [colors.get(name, 0) for name in pair]),
    )


def _dots(
    values: NDArray[np.float64], axis: Axis, metric: str, colors: Sequence[int]
) -> tuple[Dot, ...]:
    """Quantiles of the differences that are not zero, in the color of the better arm."""
    if not values.size:
        return ()
    few = quantiles(values)
    sign = -1 if higher_is_better(metric) is False else 1
    places = stacked(few, axis)
    return tuple(
        Dot(x, y, RADIUS, colors[0 if sign * value > 0 else 1])
        for (x, y), value in zip(places, few.tolist(), strict=True)
    )
