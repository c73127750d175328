"""The nine claims of the article, fixed as hypotheses before any measurement.

"How does Grad-CAM improve with transfer learning and input augmentations?" asserts them without
computing a single map. Each gets a measure, a contrast and a smallest effect of interest here;
campare.stats.claims tests them. Measures at equal map resolution come first where there are any.
"""

from campare.stats import design as d
from campare.stats.claims import ALONE_BOTH, BOTH_EACH, BOTH_NEITHER, GAIN, Claim, Outcome
from campare.stats.words import MATCHED

_TENTH = "a tenth of the way from chance (0.5) to the whole map (1)"
_TWENTIETH = (
    "a twentieth of the map; the best and the worst of three backbones differ by 0.04 in box "
    "accuracy (Choe et al. 2020)"
)
_UNALIKE = "a twentieth of the way from unrelated maps (0) to equal ones (1)"
_POINTS = "5 points of the class's probability"


def _matched(measures: tuple[str, ...], smallest: float, reason: str) -> tuple[Outcome]:
    """The mean of measures at equal map resolution."""
    return (Outcome(tuple(name + MATCHED for name in measures), smallest, reason),)


_FOCUS = _matched(("focus",), 0.05, _TENTH)
_CHANGES = ("flip", "rotation", "zoom-in", "zoom-out", "crop")
_CONSISTENT = (
    *(f"{change}-equivariance" for change in _CHANGES),
    *(f"{change}-invariance" for change in ("brightness", "contrast", "hue")),
)

ARTICLE: tuple[Claim, ...] = (
    Claim(
        "1 focus",
        "Transfer learning gives clearer, more focused maps.",
        d.PRETRAINING,
        "higher",
        _FOCUS,
    ),
    Claim(
        "2 object",
        "Transfer learning aligns maps with the object.",
        d.PRETRAINING,
        "higher",
        _matched(("energy",), 0.05, _TWENTIETH),
    ),
    Claim(
        "3 edges",
        "Maps of a network from scratch follow edges rather than the subject: transfer lowers it.",
        d.PRETRAINING,
        "lower",
        _matched(("edge-alignment",), 0.1, "a correlation of 0.1 explains 1 % of the variance"),
    ),
    Claim(
        "4 consistency",
        "Augmentation makes maps consistent under flips, rotation, zoom, crop and colour change.",
        d.AUGMENTATION,
        "higher",
        _matched(_CONSISTENT, 0.05, _UNALIKE),
    ),
    Claim(
        "5 shortcuts",
        "Augmentation weakens spurious correlations such as lighting and cropping artefacts.",
        d.AUGMENTATION,
        "lower",
        (
            Outcome(("cue-drop@change",), 0.05, _POINTS),  # a cue at random costs 0 on the mean
            Outcome(("cue-drop",), 0.05, _POINTS),
            Outcome(("cue-energy",), 0.02, "a fiftieth of the map"),
            Outcome(("border-drop",), 0.05, _POINTS),
            Outcome(("background-drop",), 0.05, _POINTS),
        ),
    ),
    Claim(
        "6 sensitivity",
        "Transfer alone stays sensitive to specific image features, more than with augmentation.",
        ALONE_BOTH,
        "higher",
        (
            Outcome(("max-sensitivity",), 0.1, "a tenth of the map's own size"),
            Outcome(("average-sensitivity",), 0.1, "a tenth of the map's own size"),
        ),
    ),
    Claim(
        "7 both best",
        "Transfer and augmentation together are the most accurate and the most focused.",
        BOTH_EACH,
        "higher",
        (Outcome(("correct",), 0.02, "two images of a hundred"), *_FOCUS),
        all_of=True,
    ),
    Claim(
        "8 robust",
        "Both together stay robust at other angles and zooms, more than neither.",
        BOTH_NEITHER,
        "higher",
        _matched(("rotation-equivariance", "zoom-in-equivariance", "zoom-out-equivariance"), 0.05,
               _UNALIKE),
    ),
    Claim(
        "9 small sets",
        "The gain of transfer is largest for small training sets: it falls with each doubling.",
        GAIN,
        "lower",
        _matched(("focus",), 0.02, "0.06 over three doublings, as from 50 to 400 images"),
    ),
)  # fmt: skip

#: The smallest effect of interest of each measure that a claim names.
SMALLEST: dict[str, float] = {
    name.partition("@")[0]: outcome.smallest
    for claim in reversed(ARTICLE)
    for outcome in claim.outcomes
    for name in outcome.measures
}
