"""Which metric comes first, and which method: one order for everything that is said or shown.

RANK            metrics in order of interest
main_metrics    those that an answer is about, the first of which decides most
main_method     the method whose maps an answer is about
"""

from collections.abc import Iterable

from campare.metrics import METRICS
from campare.stats.nulls import is_null
from campare.stats.words import conditional

CLASSIFIER = "-"
MOST = 6

#: Metrics in order of interest: where the maps are first, then what they look like.
RANK = (
    "energy",
    "pointing-game",
    "average-precision",
    "grid-pointing-game",
    "photo-discrimination",  # only where photographs show several classes
    "cue-energy",
    "parts-energy",
    "focus",
    "iou",
    "rank-accuracy",
    "area-50",
    "entropy",
)
#: The same of a classifier.
CLASSIFIER_RANK = ("correct",)


def main_method(methods: Iterable[str]) -> str:
    """The method whose maps answers and claims are about: Grad-CAM, else the first.

    Example:
        >>> main_method(["-", "centre", "layer-cam", "grad-cam"]), main_method(["-", "layer-cam"])
        ('grad-cam', 'layer-cam')
    """
    maps = [name for name in methods if name != CLASSIFIER and not is_null(name)]
    return "grad-cam" if "grad-cam" in maps or not maps else maps[0]


def main_metrics(present: Iterable[str], method: str, *, most: int = MOST) -> list[str]:
    """Of the metrics that are present those that an answer is about, in order, at most `most`.

    Those of RANK, then those that are no default and so were chosen, a user's own among them.
    Without either all that are present.

    Example:
        >>> main_metrics(["lift", "focus", "mine", "energy@matched", "energy"], "grad-cam")
        ['energy', 'focus', 'mine']
        >>> main_metrics(["confidence", "correct"], "-")
        ['correct']
    """
    plain = [name for name in dict.fromkeys(present) if "@" not in name]
    order = CLASSIFIER_RANK if method == CLASSIFIER else RANK
    usual = [name for name in order if name in plain]
    chosen = [name for name in plain if name not in usual and _chosen(name)]
    if method == CLASSIFIER and usual:
        return usual
    return ([*usual, *chosen] or plain or [n for n in present if not conditional(n)])[:most]


def _chosen(name: str) -> bool:
    """Whether a metric is no default of campare: it was chosen, or is of a user's own."""
    return name not in METRICS or not METRICS[name].default
