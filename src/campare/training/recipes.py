"""The built-in sets of recipes, and which arms are compared with which.

`article` is A, B and C of "How does Grad-CAM improve with transfer learning and input
augmentations?" with D, which completes the square; `factorial` is one backbone six ways.
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
    transferred = weights or pretrained(backbone)
    common = Recipe(
        "frozen", backbone=backbone, weights=transferred, backbone_options=dict(options or {})
    )
    scratch = replace(
        common,
        name="scratch",
        title="from scratch",
        weights="random",
        epochs=40,
        batch_size=16,
        learning_rate=1e-3,
        schedule="cosine",
        patience=30,
        keep="last",  # on a few dozen validation images the best epoch is luck
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


RECIPES: dict[str, Callable[..., tuple[Recipe, ...]]] = {
    "article": article,
    "factorial": factorial,
}


def contrasts(names: Iterable[str]) -> Contrasts:
    """Pairs (treatment, control) to compare: those of a built-in set, else each with the first.

    Example:
        >>> contrasts(["A", "B", "C", "D"])[0]
        ('B', 'A')
    """
    names = list(names)
    for declared in (ARTICLE_CONTRASTS, FACTORIAL_CONTRASTS):
        pairs = tuple(pair for pair in declared if set(pair) <= set(names))
        if set(names) == {name for pair in pairs for name in pair}:
            return pairs
    return tuple((name, names[0]) for name in names[1:])
