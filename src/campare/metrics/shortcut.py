"""Does the model lean on a region that should not matter: background, border, watermark, a cue?

Two looks at any mask (N, H, W): the share of the map on it (`localization.energy` and `lift`), and
`region_drop`, what the score loses when the region is blurred. Blurring anything may cost
something, so the same shape is blurred at random other places as well, and that null is subtracted.
"""

from dataclasses import replace
from math import prod
from typing import NamedTuple, cast

import numpy as np

from campare.data.samples import Images
from campare.data.stored import Computed, as_floats, gathered, lazily
from campare.errors import DataError
from campare.metrics import localization
from campare.metrics.classification import confidence, predicted
from campare.metrics.metric import MASK, Metric, Predict, Shared, alone
from campare.metrics.robustness.colors import blur
from campare.metrics.robustness.stability import in_batches
from campare.metrics.values import Values, inside, with_reasons
from campare.models.arrays import map_axes
from campare.types import Array, Bools, Floats

#: Standard deviation of the blur as a share of the shorter side.
SIGMA = 0.1


class Drop(NamedTuple):
    """What the probability of the target loses when a region is blurred."""

    region: Values  # in [-1, 1]
    null: Values  # the same for the region moved to random places
    excess: Values  # region - null
    change: Values  # the excess of |loss|: counts a region that speaks against the target, too


def border(shape: tuple[int, ...], share: float = 0.1) -> Bools:
    """(H, W): the frame of an image, as wide as `share` of each side, at least a pixel.

    Of a signal its ends, of a volume its shell.

    Example:
        >>> border((4, 4), 0.25).sum()
        np.int64(12)
    """
    mask = np.ones(shape, bool)
    wide = [max(1, round(share * n)) for n in shape]
    mask[tuple(slice(w, n - w) for w, n in zip(wide, shape, strict=True))] = False
    return mask


def background(objects: Array) -> Bools:
    """(N, H, W): all but the object; nothing where no object is known.

    Example:
        >>> background(np.array([[[True, False]], [[False, False]]])).tolist()
        [[[False, True]], [[False, False]]]
    """

    def behind(rows: Array) -> dict[str, Bools]:
        known = np.asarray(rows, bool)
        return {"": np.asarray(~known & known.any(axis=map_axes(known), keepdims=True))}

    return gathered(behind, objects)[""]


def with_border(images: Images, share: float = 0.1) -> Images:
    """The images with the regions `border` and, where objects are known, `background`.

    Example:
        >>> pixels = np.zeros((1, 8, 8, 3), np.uint8)
        >>> one = Images(pixels, np.array([0]), ("a",), {}, ("x", "y"))
        >>> list(with_border(one).regions)
        ['border']
    """
    shape = images.images.shape[:-1]
    regions = {"border": np.broadcast_to(border(shape[1:], share), shape)}
    if "object" in images.regions:
        regions["background"] = background(images.regions["object"])
    return replace(images, regions={**images.regions, **regions})


def region_drop(
    predict: Predict,
    images: Array,
    masks: Array,
    targets: Array | None,
    rng: np.random.Generator,
    *,
    draws: int = 5,
    sigma: float = SIGMA,
    shared: Shared = alone,
) -> Drop:
    """Drop of the target's probability when a region is blurred, and for the region elsewhere.

    Shapes: images (N, H, W, C), masks (N, H, W) or (H, W), targets (N,), None: the predicted
    classes. The region is replaced by a Gaussian blur of the image; `sigma` is a share of the
    shorter side. The null moves the region by a random shift, around the border, so it keeps its
    shape and size; mean of `draws`. An image without region, or with nothing but it, is undefined
    ('no-mask', 'full-mask'). Costs 2 + draws forward passes an image, of which one, and the blur,
    are `shared` by regions. Raises DataError where masks and images differ in size.

    Example:
        >>> tag = np.zeros((1, 8, 8, 3))
        >>> tag[:, 0, 0] = 255
        >>> def predict(images):  # sees the corner only
        ...     z = images[:, 0, 0, 0]
        ...     return np.stack([-z, z], axis=1)
        >>> drop = region_drop(predict, tag, tag[..., 0] > 0, None,
        ...     np.random.default_rng(0), sigma=1)
        >>> bool(drop.region.values[0] < 0.5), drop.null.values.tolist()
        (True, [0.0])
    """
    images = as_floats(images)
    masks = np.asarray(masks, bool)
    if masks.shape not in (images.shape[:-1], images.shape[1:-1]):
        raise DataError(
            f"Expected masks (N, H, W) or (H, W) of images {images.shape}, got {masks.shape}. "
            "Try loading both with ImageSet.load, which resizes them together."
        )
    masks = np.broadcast_to(masks, images.shape[:-1])
    reasons = gathered(lambda rows: inside(rows, rows)[1], masks)
    logits = shared("logits", lambda: in_batches(predict, images))
    chosen = predicted(logits) if targets is None else np.asarray(targets, np.int64)
    width = sigma * min(images.shape[1:-1])
    smooth = shared(("blur", width), lambda: lazily(lambda rows: blur(rows, width), images))

    def without(images: Floats, smooth: Floats, region: Bools) -> Floats:
        return predict(np.where(region[..., None], smooth, images))

    def lost(region: Bools) -> Array:
        after = in_batches(without, images, smooth, region)
        return before.values - confidence(after, chosen).values

    before = confidence(logits, chosen)
    here = lost(masks)
    moved = np.stack([lost(_elsewhere(masks, rng)) for _ in range(draws)])
    there, change = moved.mean(axis=0), np.abs(here) - np.abs(moved).mean(axis=0)
    reasons |= {"non-finite": np.isnan(here) | np.isnan(there)}
    return Drop(*(with_reasons(v, reasons) for v in (here, there, here - there, change)))


def drop_conditions(
    predict: Predict,
    images: Array,
    masks: Array,
    targets: Array | None,
    rng: np.random.Generator,
    *,
    shared: Shared = alone,
) -> dict[str, Values]:
    """`region_drop` by condition: '' is the excess; 'region', 'null' and 'change' are its parts.

    Example:
        >>> blind = lambda images: np.zeros((len(images), 2))
        >>> list(drop_conditions(blind, np.zeros((1, 8, 8, 3)), border((8, 8)), None,
        ...     np.random.default_rng(0)))
        ['', 'region', 'null', 'change']
    """
    drop = region_drop(predict, images, masks, targets, rng, shared=shared)
    return {"": drop.excess} | {part: getattr(drop, part) for part in ("region", "null", "change")}


def excess_drop(
    predict: Predict,
    images: Array,
    masks: Array,
    targets: Array | None,
    rng: np.random.Generator,
) -> Values:
    """The drop of `region_drop` beyond that of the same region elsewhere, in [-2, 2].

    Example:
        >>> blind = lambda images: np.zeros((len(images), 2))
        >>> excess_drop(blind, np.zeros((1, 8, 8, 3)), border((8, 8)), None,
        ...     np.random.default_rng(0)).values.tolist()
        [0.0]
    """
    return region_drop(predict, images, masks, targets, rng).excess


def _elsewhere(masks: Bools, rng: np.random.Generator) -> Bools:
    """Each mask (N, H, W) moved by a random shift around the border, never by none.

    Drawn now, moved when it is read.
    """
    n, *grid = masks.shape
    steps = np.stack(np.unravel_index(rng.integers(1, prod(grid), n), grid), axis=1)  # (n, rank)
    axes = tuple(range(len(grid)))

    def moved(rows: slice) -> Bools:
        pairs = zip(masks[rows], steps[rows], strict=True)
        return np.stack([np.roll(mask, tuple(step), axes) for mask, step in pairs])

    return cast("Bools", Computed(masks.shape, moved))


def region_metrics(region: str) -> tuple[Metric, Metric, Metric]:
    """`<region>-energy`, `<region>-lift` and `<region>-drop` for a region that should not matter.

    Example:
        >>> [metric.name for metric in region_metrics("watermark")]
        ['watermark-energy', 'watermark-lift', 'watermark-drop']
    """
    energy, lift = (_LOCALIZATION[name] for name in ("energy", "lift"))
    misled = "Zero does not show that the model ignores the region, only that the map does; a "
    return (
        replace(
            energy,
            name=f"{region}-energy",
            region=region,
            title=f"Energy on the {region}",
            higher_is_better=False,
            misleads=misled + "coarse map spills over onto it.",
            order=(),
            default=False,
        ),
        replace(
            lift,
            name=f"{region}-lift",
            region=region,
            title=f"Lift on the {region}",
            higher_is_better=False,
            misleads=misled + "coarse map spills over onto it.",
            order=(),
            default=False,
        ),
        replace(_DROP, name=f"{region}-drop", region=region, title=f"Reliance on the {region}"),
    )


_LOCALIZATION = {metric.name: metric for metric in localization.DECLARED}

_DROP = Metric(
    name="drop",
    function=excess_drop,
    conditions=drop_conditions,
    title="Reliance on a region",
    formula="p(target) lost when the region is blurred, minus what is lost when the same shape "
    "is blurred at random places",
    needs=MASK | {"image", "model"},
    higher_is_better=False,
    low=-2,
    high=2,
    null=0.0,
    misleads="A region that speaks against the target gains by its blur, so the mean over images "
    "may cancel; @change does not, but counts whatever is conspicuous. A blur leaves the mean "
    "color, which may be the shortcut. Blurred images are unlike the training images, and so is "
    "the null, to a degree that depends on the recipe. Of a region that covers most of the image, "
    "the moved one covers most of it, too.",
    cost="7 forward passes an image",
    paper="deletion of a region as in Fong and Vedaldi 2017, with a null of its own",
    default=False,
    parts=True,
)

#: The metrics of this module: of two regions that every image or object mask has, and of the cue,
#: whose energy `localization` declares. `region_metrics` declares those of any other region.
DECLARED: tuple[Metric, ...] = (
    # A coarse map spills off a small cue: where cues are known, only the drop says who needs them.
    replace(region_metrics("cue")[-1], default=True),
    *region_metrics("border"),
    *region_metrics("background"),
)
