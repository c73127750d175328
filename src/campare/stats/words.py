"""An effect in words: higher or lower, better or worse, or no detectable difference.

"No detectable difference" is an answer, not a failure: the interval says how large a difference
may have gone unseen. It is never "equal".
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MATCHED = "@matched"
NO_DIFFERENCE = "no detectable difference"
UNDEFINED = "undefined"


class Verdict(NamedTuple):
    """What an interval says: `change` in any case, `judgement` where the metric has a good side.

    change: 'higher', 'lower', 'no detectable difference' or 'undefined'.
    judgement: 'better', 'worse' or ''.
    """

    change: str
    judgement: str = ""

    def __str__(self) -> str:
        return f"{self.judgement} ({self.change})" if self.judgement else self.change


def higher_is_better(metric: str) -> bool | None:
    """The declared direction of a metric, with or without suffix; None where it has none.

    Example:
        >>> higher_is_better("energy@matched"), higher_is_better("my-own-metric")
        (True, None)
    """
    from campare.metrics import find

    declared = find(metric.removesuffix(MATCHED))
    return None if declared is None else declared.higher_is_better


def conditional(metric: str) -> bool:
    """Whether a metric stands under a condition (a dose, a layer, `null`) other than `matched`.

    Example:
        >>> conditional("rotation-equivariance@10"), conditional("energy@matched")
        (True, False)
    """
    return "@" in metric.removesuffix(MATCHED)


def family_of(metric: str) -> str:
    """The metrics that a p value is adjusted for: of one resolution, or all conditions of one.

    Example:
        >>> family_of("energy"), family_of("energy@matched"), family_of("mprt@conv1")
        ('', '@matched', 'mprt')
    """
    if conditional(metric):
        return metric.partition("@")[0]
    return MATCHED if metric.endswith(MATCHED) else ""


def verdict_words(
    metric: str, low: float, high: float, p_adjusted: float = math.nan, *, alpha: float = 0.05
) -> Verdict:
    """What the interval [low, high] of a difference says of a metric.

    A difference is detected where the interval excludes zero and p_adjusted, if there is one, is
    below `alpha` (1 - confidence).

    Example:
        >>> str(verdict_words("energy", 0.1, 0.2)), str(verdict_words("energy", -0.1, 0.2))
        ('better (higher)', 'no detectable difference')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return Verdict(UNDEFINED)
    if low <= 0 <= high or p_adjusted >= alpha:
        return Verdict(NO_DIFFERENCE)
    good = higher_is_better(metric)
    if good is None:
        return Verdict("higher" if low > 0 else "lower")
    return Verdict("higher" if low > 0 else "lower", "better" if good == (low > 0) else "worse")


def decided(row: Mapping[str, Any], confidence: float = 0.95) -> str:
    """What a row of effects says, in a word.

    'better' or 'worse' ('higher' or 'lower' where neither is good), 'not detected', 'undefined'.

    Example:
        >>> decided({"metric": "energy", "low": 0.1, "high": 0.2, "p_adjusted": 0.01})
        'better'
    """
    said = verdict_words(
        row["metric"], row["low"], row["high"], row["p_adjusted"], alpha=1 - confidence
    )
    return said.judgement or {NO_DIFFERENCE: "not detected"}.get(said.change, said.change)


def base(metric: str) -> str:
    """The metric without its suffix.

    Example:
        >>> base("energy@matched")
        'energy'
    """
    return metric.partition("@")[0]


def title(metric: str) -> str:
    """The declared title of a metric; its name in words where it is not declared.

    Example:
        >>> title("iou@matched"), title("my-own-metric")
        ('IoU at 15 % of the maximum', 'my own metric')
    """
    from campare.metrics import find

    name = base(metric)
    declared = find(name)
    return declared.title if declared else name.replace("-", " ").strip() or f"'{metric}'"


def measure(metric: str) -> str:
    """A metric's title within a sentence.

    Example:
        >>> measure("energy"), measure("iou")
        ('energy in the object', 'IoU at 15 % of the maximum')
    """
    text = title(metric)
    return text[:1].lower() + text[1:] if text.partition(" ")[0][1:].islower() else text


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words as a list for people.

    Example:
        >>> listed(["A", "B", "C"])
        'A, B and C'
    """
    return (
        f" {last} ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
    )


def signed(value: float | None) -> str:
    """A difference with its sign, three digits after the point, '–' where undefined.

    Example:
        >>> signed(0.1234), signed(float("nan"))
        ('+0.123', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:+.3f}" if abs(value) < 1000 else f"{value:+.3g}"


def interval(row: Mapping[str, Any]) -> str:
    """The estimate of an effect with its interval.

    Example:
        >>> interval({"estimate": 0.1, "low": 0.05, "high": 0.15})
        '+0.100 [+0.050, +0.150]'
    """
    if not math.isfinite(row["low"]):
        return signed(row["estimate"])
    return f"{signed(row['estimate'])} [{signed(row['low'])}, {signed(row['high'])}]"


def p_text(p: float) -> str:
    """A p value with three digits.

    Example:
        >>> p_text(0.0004), p_text(0.25)
        ('<0.001', '0.250')
    """
    if not math.isfinite(p):
        return "–"
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def replicate(kind: str) -> str:
    """What tells the models of an arm apart in a run of a kind: an audit knows of no seeds.

    Example:
        >>> replicate("audit"), replicate("study")
        ('replicate', 'seed')
    """
    return "replicate" if kind == "audit" else "seed"


def images_in(images: int, groups: int | None) -> str:
    """How many images, and in how many groups, where these are the units.

    Example:
        >>> images_in(200, 40), images_in(1, 0)
        ('200 images in 40 groups', '1 image')
    """
    return count(images, "image") + (f" in {count(groups, 'group')}" if groups else "")


def count(n: int, word: str) -> str:
    """A number of things.

    Example:
        >>> count(1, "seed"), count(3, "seed")
        ('1 seed', '3 seeds')
    """
    return f"{n} {word}" if n == 1 else f"{n} {word}s"
