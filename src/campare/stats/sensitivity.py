"""Would another sound analysis say otherwise? Each beside the main result, on the same table.

correct predictions only    values of maps of images that the training classifies right
accuracy-matched            right with right, wrong with wrong: image x (right, wrong) is a stratum,
                            and a stratum counts where both arms have it
matched resolution          all maps pooled to the coarsest grid of the study (`@matched`)
predicted class, layer X    rows of another target or layer, where a table has them
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campare.stats.crossed import Effect, difference
from campare.stats.gathered import Gathered, Key, Measured
from campare.stats.settings import Contrasts
from campare.stats.words import MATCHED
from campare.types import Ints

Doubles = NDArray[np.float64]

CORRECT, STRATA, RESOLUTION = "correct predictions only", "accuracy-matched", "matched resolution"
CLASSIFIER = "-"


def sensitivity(
    gathered: Gathered,
    pairs: Contrasts,
    methods: Iterable[str],
    confidence: float,
) -> list[dict[str, Any]]:
    """A row for each contrast, method, metric and analysis that the table allows."""
    measured, others, hits = gathered.measured, gathered.others, gathered.right
    wanted = set(methods) - {CLASSIFIER}
    keys = [key for key in measured if key[1] in wanted]
    found = []
    for treatment, control in pairs:
        for _, method, metric in (key for key in keys if key[0] == treatment):
            if (control, method, metric) not in measured:
                continue
            own, other = (treatment, method, metric), (control, method, metric)
            values, groups = (measured[own].values, measured[other].values), measured[own].groups
            main = difference(*values, confidence=confidence, groups=groups)
            analyses = [
                *_by_accuracy(*values, hits.get(treatment), hits.get(control), groups),
                *_elsewhere(own, other, measured, others),
            ]
            for name, T, C, units in analyses:
                effect = difference(T, C, confidence=confidence, groups=units)
                if effect.images < 2:
                    continue
                found.append(
                    {
                        "contrast": f"{treatment} - {control}", "method": method, "metric": metric,
                        "analysis": name, "estimate": effect.estimate, "low": effect.low,
                        "high": effect.high, "p": effect.p, "images": effect.images,
                        "seeds": effect.seeds, "groups": effect.groups,
                        "agrees": _sign(effect) == _sign(main),
                    }
                )  # fmt: skip
    return found


def strata(values: Doubles, hits: Doubles) -> Doubles:
    """Values as columns of image x right, then of image x wrong.  (S, N), (S, N) -> (S, 2 N)

    Example:
        >>> strata(np.array([[1.0, 2.0]]), np.array([[1.0, 0.0]]))
        array([[ 1., nan, nan,  2.]])
    """
    return np.hstack([np.where(hits == side, values, np.nan) for side in (1, 0)])


def _by_accuracy(
    T: Doubles, C: Doubles, hit: Doubles | None, other: Doubles | None, groups: Ints | None
) -> Iterator[tuple[str, Doubles, Doubles, Ints | None]]:
    if hit is None or other is None:
        return
    yield CORRECT, np.where(hit == 1, T, np.nan), np.where(other == 1, C, np.nan), groups
    twice = None if groups is None else np.concatenate([groups, groups])
    yield STRATA, strata(T, hit), strata(C, other), twice


def _elsewhere(
    own: Key,
    other: Key,
    measured: Mapping[Key, Measured],
    others: Mapping[str, Mapping[Key, Measured]],
) -> Iterator[tuple[str, Doubles, Doubles, Ints | None]]:
    matched = tuple((arm, method, metric + MATCHED) for arm, method, metric in (own, other))
    if matched[0] in measured and matched[1] in measured:
        one = measured[matched[0]]
        yield RESOLUTION, one.values, measured[matched[1]].values, one.groups
    for name, table in others.items():
        if own in table and other in table:
            yield name, table[own].values, table[other].values, table[own].groups


def _sign(effect: Effect) -> int:
    """1 or -1 where the interval excludes zero, else 0."""
    return int(effect.low > 0) - int(effect.high < 0)
