"""The built-in sets of recipes, and which arms are compared with which.

    article       A, B and C of "How does Grad-CAM improve with transfer learning and input
                  augmentations?" with D, which completes the square
    factorial     one backbone from scratch, frozen and fine-tuned, each plain and augmented
    depth         how much of a pre-trained backbone is trained
    augmentation  what is done to the images of a fine-tuned one
    loss          what its training minimizes
    guided        whether it is told where to look

A name means the same recipe in all of them. Arms of depth (but for lora's learning rate),
augmentation and loss differ in that alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from campare.training.recipe import Augment, Recipe

#: The article's augmentation: flips, turns up to a tenth of a full turn, zoom up to a tenth.
AUGMENT = Augment(flip="horizontal", rotation=0.1, zoom=0.1)

#: Pairs (treatment, control).
Contrasts = tuple[tuple[str, str], ...]

ARTICLE_CONTRASTS: Contrasts = (("B", "A"), ("C", "B"), ("C", "A"), ("D", "A"), ("C", "D"))
FACTORIAL_CONTRASTS: Contrasts = (
    ("frozen", "scratch"),
    ("tuned", "scratch"),
    ("tuned", "frozen"),
    ("scratch+aug", "scratch"),
    ("frozen+aug", "frozen"),
    ("tuned+aug", "tuned"),
    ("frozen+aug", "scratch+aug"),
    ("tuned+aug", "scratch+aug"),
)
DEPTH_CONTRASTS: Contrasts = tuple(
    (name, "head") for name in ("last-block", "last-3", "gradual", "lora", "tuned")
)
AUGMENTATION_CONTRASTS: Contrasts = tuple(
    (name, "tuned")
    for name in ("tuned+aug", "mixup", "cutmix", "randaugment", "erasing", "blur+noise")
)
LOSS_CONTRASTS: Contrasts = (("smoothing", "tuned"), ("bce", "tuned"), ("focal", "tuned"))
GUIDED_CONTRASTS: Contrasts = (
    ("guided", "frozen"),
    ("rrr", "frozen"),
    ("tuned", "frozen"),
    ("tuned+guided", "tuned"),
    ("tuned+rrr", "tuned"),
)


def pretrained(backbone: str) -> str:
    """The pre-trained weights that belong to a backbone: its own, or those of ImageNet."""
    return "embedded" if backbone == "embedded" else "imagenet"


def article(
    *,
    backbone: str = "resnet50",
    weights: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Recipe, ...]:
    """The article's models A, B and C, and D = A with augmentation.

    `weights` None: those of `pretrained(backbone)`. All four train 10 epochs in batches of 32
    with Adam at 1e-3 and keep the last weights, as in the article.

    Example:
        >>> [recipe.name for recipe in article()]
        ['A', 'B', 'C', 'D']
    """
    a = Recipe("A", "scratch", backbone="article-cnn", weights="random")
    b = Recipe(
        "B",
        "transfer",
        backbone=backbone,
        weights=weights or pretrained(backbone),
        trainable="head",
        backbone_options=dict(options or {}),
    )
    c = replace(b, name="C", title="transfer + augmentation", augment=AUGMENT)
    d = replace(a, name="D", title="scratch + augmentation", augment=AUGMENT)
    return a, b, c, d


def factorial(
    *,
    backbone: str = "resnet50",
    weights: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Recipe, ...]:
    """One backbone from scratch, frozen and fine-tuned, each plain and augmented.

    `weights` None: those of `pretrained(backbone)`. All arms share architecture, preprocessing
    and map resolution, so they differ in weights, in what is trained and in augmentation only.

    Example:
        >>> [recipe.name for recipe in factorial()][:3]
        ['scratch', 'scratch+aug', 'frozen']
    """
    frozen, tuned = _frozen_and_tuned(backbone, weights, options)
    scratch = replace(
        frozen,
        name="scratch",
        title="from scratch",
        weights="random",
        trainable="all",
        epochs=40,
        batch_size=16,
        learning_rate=1e-3,
        schedule="cosine",
        patience=30,
        keep="last",  # on a few dozen validation images the best epoch is luck
    )
    return tuple(
        arm
        for plain in (scratch, frozen, tuned)
        for arm in (
            plain,
            replace(
                plain,
                name=f"{plain.name}+aug",
                title=f"{plain.title} + augmentation",
                augment=AUGMENT,
            ),
        )
    )


def depth(
    *,
    backbone: str = "resnet50",
    weights: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Recipe, ...]:
    """A fine-tuned backbone of which the head, the last layers, all or a low rank are trained.

    All train the head for 5 epochs, then 12 epochs with the head what their name says
    (`campare.training.depth`), at the same learning rate but for the low-rank updates.

    Example:
        >>> [recipe.trainable for recipe in depth()]
        ['head', 'last-block', 'last-3', 'gradual', 'lora', 'all']
    """
    _, tuned = _frozen_and_tuned(backbone, weights, options)
    return (
        replace(tuned, name="head", title="head alone", trainable="head"),
        replace(tuned, name="last-block", title="head and last block", trainable="last-block"),
        replace(tuned, name="last-3", title="head and last 3 layers", trainable="last-3"),
        replace(tuned, name="gradual", title="unfrozen gradually", trainable="gradual"),
        replace(
            tuned,
            name="lora",
            title="head and low-rank updates",
            trainable="lora",
            learning_rate=1e-3,  # updates that start at zero stay there with that of the others
        ),
        tuned,
    )


def augmentation(
    *,
    backbone: str = "resnet50",
    weights: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Recipe, ...]:
    """A fine-tuned backbone on plain images, on the article's augmentation, and on five others.

    Example:
        >>> [recipe.name for recipe in augmentation()][:3]
        ['tuned', 'tuned+aug', 'mixup']
    """
    _, tuned = _frozen_and_tuned(backbone, weights, options)
    arms = (
        ("tuned+aug", "augmentation", AUGMENT),
        ("mixup", "mixup", Augment(mixup=0.2)),
        ("cutmix", "CutMix", Augment(cutmix=1.0)),
        ("randaugment", "RandAugment", Augment(randaugment=0.3)),
        ("erasing", "random erasing", Augment(erasing=0.5)),
        ("blur+noise", "blur and noise", Augment(blur=0.5, noise=0.05)),
    )
    return tuned, *(
        replace(tuned, name=name, title=f"{tuned.title} + {title}", augment=changes)
        for name, title, changes in arms
    )


def loss(
    *,
    backbone: str = "resnet50",
    weights: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Recipe, ...]:
    """A fine-tuned backbone with cross-entropy, smoothed labels, binary cross-entropy, focal loss.

    Example:
        >>> [(recipe.loss, recipe.label_smoothing) for recipe in loss()][1:3]
        [('cross-entropy', 0.1), ('bce', 0.0)]
    """
    _, tuned = _frozen_and_tuned(backbone, weights, options)
    return (
        tuned,
        replace(tuned, name="smoothing", title="smoothed labels", label_smoothing=0.1),
        replace(tuned, name="bce", title="binary cross-entropy", loss="bce"),
        replace(tuned, name="focal", title="focal loss", loss="focal"),
    )


def guided(
    *,
    backbone: str = "resnet50",
    weights: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> tuple[Recipe, ...]:
    """A frozen and a fine-tuned backbone, each unguided and guided by the masks in two ways.

    Needs masks or boxes of training images. Energy in the object is what `guided` is trained for;
    whether its maps are better in other ways as well is what the other measures say.

    Example:
        >>> [(recipe.name, recipe.guidance) for recipe in guided()][:3]
        [('frozen', None), ('guided', 'energy'), ('rrr', 'rrr')]
    """
    frozen, tuned = _frozen_and_tuned(backbone, weights, options)
    energy, rrr = "energy in the mask", "right for the right reasons"
    return (
        frozen,
        replace(frozen, name="guided", title=f"frozen backbone + {energy}", guidance="energy"),
        replace(frozen, name="rrr", title=f"frozen backbone + {rrr}", guidance="rrr"),
        tuned,
        replace(tuned, name="tuned+guided", title=f"fine-tuned + {energy}", guidance="energy"),
        replace(tuned, name="tuned+rrr", title=f"fine-tuned + {rrr}", guidance="rrr"),
    )


def _frozen_and_tuned(
    backbone: str, weights: str | None, options: Mapping[str, Any] | None
) -> tuple[Recipe, Recipe]:
    """A pre-trained backbone that is left as it is, and one that is trained further."""
    common = Recipe(
        "frozen",
        backbone=backbone,
        weights=weights or pretrained(backbone),
        backbone_options=dict(options or {}),
    )
    frozen = replace(common, title="frozen backbone", trainable="head", epochs=30, patience=8)
    tuned = replace(
        common,
        name="tuned",
        title="fine-tuned",
        warmup=5,
        epochs=12,
        learning_rate=1e-4,
        schedule="cosine",
        patience=5,
        batch_norm_momentum=None,
    )
    return frozen, tuned


RECIPES: dict[str, Callable[..., tuple[Recipe, ...]]] = {
    "article": article,
    "factorial": factorial,
    "depth": depth,
    "augmentation": augmentation,
    "loss": loss,
    "guided": guided,
}


def contrasts(names: Iterable[str]) -> Contrasts:
    """Pairs (treatment, control) to compare: those of a built-in set, else each with the first.

    Example:
        >>> contrasts(["A", "B", "C", "D"])[0]
        ('B', 'A')
    """
    names = list(names)
    for declared in (
        ARTICLE_CONTRASTS,
        FACTORIAL_CONTRASTS,
        DEPTH_CONTRASTS,
        AUGMENTATION_CONTRASTS,
        LOSS_CONTRASTS,
        GUIDED_CONTRASTS,
    ):
        pairs = tuple(pair for pair in declared if set(pair) <= set(names))
        if set(names) == {name for pair in pairs for name in pair}:
            return pairs
    return tuple((name, names[0]) for name in names[1:])
