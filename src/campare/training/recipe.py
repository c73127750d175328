"""A recipe: everything that turns a set of images into a trained classifier, as one frozen value.

Data flows YAML or Python -> Recipe -> `campare.training.fit`. No framework is imported here.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, WithJsonSchema

from campare.errors import RecipeError
from campare.files import clashing, unportable
from campare.yamlfile import load_yaml

Flip = Literal["none", "horizontal", "vertical", "horizontal_and_vertical"]

Loss = Literal["cross-entropy", "bce", "focal"]
Guidance = Literal["energy", "rrr"]
#: A function of the user's own: as it is, or `module:name`.
Code = Annotated[str | Callable[..., Any], WithJsonSchema({"type": "string"})]

#: Bytes of what is kept for all seeds of augmented images, at most.
VIEWS = 2**31

#: The fields of Augment that have a size: those that move pixels, that mix images, and the others.
_MOVING = ("rotation", "zoom", "translation", "randaugment")
_MIXING = ("mixup", "cutmix")
_AMOUNTS = (*_MOVING, *_MIXING, "contrast", "brightness", "erasing", "blur", "noise")


@dataclass(frozen=True)
class Augment:
    """Random changes of the input during training; a strength of 0 leaves a change out.

    `rotation` is a fraction of a full turn, `zoom` and `translation` fractions of the image, and
    `contrast` and `brightness` fractions of the value range, all as in the Keras layers.
    `randaugment` is the magnitude of two changes drawn from eleven (Cubuk et al. 2020); `erasing`
    is the probability that a rectangle becomes noise (Zhong et al. 2020), `blur` that an image is
    blurred (Gaussian, sigma up to a pixel); `noise` is the standard deviation of Gaussian noise, a
    fraction of the value range.
    `mixup` and `cutmix` mix two images of a batch and their labels: the share of each is drawn from
    Beta(a, a), where a is `mixup` (Zhang et al. 2018), or drawn up to `cutmix` (Yun et al. 2019).

    Raises:
        RecipeError: a strength outside 0..1, or mixup with cutmix.

    Example:
        >>> Augment(flip="horizontal", rotation=0.1, zoom=0.1).translation
        0.0
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # how YAML is read

    flip: Flip = "none"
    rotation: float = 0.0
    zoom: float = 0.0
    translation: float = 0.0
    contrast: float = 0.0
    brightness: float = 0.0
    randaugment: float = 0.0
    erasing: float = 0.0
    blur: float = 0.0
    noise: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0

    def __post_init__(self) -> None:
        for name in _AMOUNTS:
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise RecipeError(
                    f"Expected augment.{name} between 0 and 1, got {value}. "
                    "Try 0.1; for rotation 1 is a full turn."
                )
        if self.mixup and self.cutmix:
            raise RecipeError(
                f"Expected augment.mixup or augment.cutmix, got {self.mixup:g} and "
                f"{self.cutmix:g}. Try a recipe for each."
            )

    def __bool__(self) -> bool:
        """Whether anything is changed at all."""
        return self.flip != "none" or any(getattr(self, name) for name in _AMOUNTS)

    @property
    def moves(self) -> tuple[str, ...]:
        """The changes after which a mask is no longer where it was: those that move or mix pixels.

        Example:
            >>> Augment(flip="horizontal", noise=0.1, mixup=0.2).moves
            ('flip', 'mixup')
        """
        flip = ("flip",) if self.flip != "none" else ()
        return (*flip, *(name for name in (*_MOVING, *_MIXING) if getattr(self, name)))

    def times(self, strength: float) -> "Augment":
        """Every amount multiplied by `strength`; a flip has no size: it is left out at 0 only.

        Raises:
            RecipeError: an amount that leaves 0..1.

        Example:
            >>> Augment(flip="horizontal", zoom=0.1).times(2).zoom
            0.2
        """
        amounts = {name: getattr(self, name) * strength for name in _AMOUNTS}
        return Augment(flip=self.flip if strength else "none", **amounts)


@dataclass(frozen=True)
class Recipe:
    """How one arm of a study is trained.

    `trainable` says which part of the backbone is trained with the head (`training.depth`): `all`,
    `head` (nothing of it), `last-block` (its layers at the resolution of the last maps), `last-N`
    (its last N layers with a kernel, with their normalization), `gradual` (from the head down, over
    the epochs), `lora` (updates of rank `lora_rank` of its kernels).
    `loss` is `cross-entropy`, `bce` (binary cross-entropy of a sigmoid for each class) or `focal`
    (with `focal_gamma`): `training.loss`. `guidance` adds `guidance_strength` times a term that
    wants the maps inside the masks of the training images: `training.guidance`.

    With `train`, a function of the user's own does the training, in any framework, and of the
    other fields `title`, `train_size`, `epochs`, `batch_size` and `learning_rate` are for it to
    read: `training.own_code`.

    Raises:
        RecipeError: a value that cannot be trained with.

    Example:
        >>> Recipe("scratch", backbone="mobilenet", weights="random").trainable
        'all'
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # how YAML is read

    # unique in a study; names files, so letters, digits and + - _ . only
    name: Annotated[str, Field(examples=["scratch"])]
    title: str = ""  # a few words for people
    # article-cnn | embedded | any keras.applications name; of torch: timm:NAME | torchvision:NAME |
    # module:function, see training.torch
    backbone: str = "resnet50"
    weights: str = "imagenet"  # random | embedded | imagenet | path of a weights file
    trainable: str = "all"  # all | head (a frozen backbone) | last-block | last-N | gradual | lora
    augment: Augment | None = None
    views: Literal["shared", "own"] = "shared"  # of augmented images, in epochs that train the head
    # alone: drawn once for all seeds, or by each; see training.views
    hidden: int | None = 128  # units of the Dense layer before the classes; None: no such layer
    epochs: int = 10  # at most, see patience
    batch_size: int = 32
    learning_rate: float = 1e-3  # of Adam
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = 0  # epochs in which only the head is trained, before `epochs` of everything
    warmup_learning_rate: float = 1e-3
    patience: int | None = None  # stop after so many epochs without a lower validation loss;
    # None: train all epochs
    keep: Literal["best", "last"] = (
        "best"  # with patience: the weights of the epoch with the lowest
    )
    # validation loss, or those at the end
    weight_decay: float = 0.0
    label_smoothing: float = 0.0
    batch_norm_momentum: float | None = 0.9  # of a trained backbone; None: its statistics stay
    # those of its weights (inference mode), as they do in a frozen one
    backbone_options: Mapping[str, Any] = field(default_factory=dict)  # such as {alpha: 0.75}
    train_size: int | None = None  # of the training images, validation included; None: all
    augment_strength: float | None = None  # what `augment` is multiplied by; None: as it is
    dose_of: str | None = None  # the recipe that this is a size or a strength of
    lora_rank: int = 4  # of the updates of kernels, with trainable: lora
    loss: Loss = "cross-entropy"
    focal_gamma: float = 2.0  # with loss: focal; 0 is cross-entropy
    guidance: Guidance | None = None  # None: nothing but the loss says where to look
    guidance_strength: float | None = None  # None: that of the kind, see training.masks
    train: Code | None = None  # a function that trains instead: module:name, see training.own_code
    build: Code | None = None  # its untrained network
    load: Code | None = None  # its models from their files
    save: Code | None = None  # and into them
    pixels: str = "0..255"  # what its models take
    options: Mapping[str, Any] = field(default_factory=dict)  # of its own; each is a factor
    factors: Mapping[str, Any] = field(default_factory=dict)  # how it differs: factor -> level

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "+-_." for c in self.name):
            raise RecipeError(
                "Expected a recipe name of letters, digits and + - _ . only, "
                f"got {self.name!r}. Try 'scratch+aug'."
            )
        if why := unportable(self.name):
            raise RecipeError(
                f"Expected a recipe name that can name files, got {self.name[:40]!r}, {why}. "
                "Try 'scratch+aug'."
            )
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is not None and not low <= value <= high:
                raise RecipeError(
                    f"Expected {name} of recipe {self.name!r} between {low:g} and {high:g}, "
                    f"got {value}. Try the default, {_default(name)}."
                )
        if self.backbone == "article-cnn" and self.weights != "random":
            raise RecipeError(
                f"Expected weights 'random' for backbone 'article-cnn' in recipe {self.name!r}, "
                f"got {self.weights!r}. Try another backbone: article-cnn was never pre-trained."
            )
        if not _TRAINABLE.fullmatch(self.trainable):
            raise RecipeError(
                f"Expected trainable of recipe {self.name!r} to be all, head, last-block, last-N, "
                f"gradual or lora, got {self.trainable!r}. Try last-3, or the default, all."
            )
        if self.guidance and self.augment and self.augment.moves:
            raise RecipeError(
                f"Expected pixels that stay where their masks are in recipe {self.name!r}, which "
                f"has guidance, got {self.augment.moves[0]}. Try contrast, brightness or noise."
            )
        if self.augment_strength is not None and self.augment is None:
            raise RecipeError(
                f"Expected augment with augment_strength in recipe {self.name!r}, got none. "
                "Try 'augment: {rotation: 0.1}'."
            )
        _ = self.augmentation  # raises where its strength is too large
        if self.train is None and (extra := [name for name in _OWN[1:] if getattr(self, name)]):
            raise RecipeError(
                f"Expected train with {extra[0]} in recipe {self.name!r}, got none. "
                "Try 'train: my_module:my_function'."
            )

    @property
    def record(self) -> dict[str, Any]:
        """What a manifest says of it: all fields, or those that a training of one's own has."""
        fields = asdict(self)
        if self.train is None:
            return {name: value for name, value in fields.items() if name not in (*_OWN, "pixels")}
        chosen = (*_WORDS, *_DOSES, *_OWN, "pixels", "epochs", "batch_size", "learning_rate")
        default = asdict(Recipe("any"))
        return {
            name: spelled(value) if callable(value) else value
            for name, value in fields.items()
            if name in chosen and (name in _WORDS or value != default[name])
        }

    @property
    def augmentation(self) -> Augment | None:
        """What is done to the input: `augment` in its strength; None: nothing."""
        if self.augment is None or self.augment_strength is None:
            return self.augment or None
        return self.augment.times(self.augment_strength) or None

    def shares_views(self, channels: int, images: int) -> bool:
        """Whether its head is trained alone, on the augmented images that other seeds' heads see.

        `channels` are those that the backbone pools, of so many training images. Not where images
        of a batch are mixed, each seed has a backbone or images of its own, or what the backbone
        says of them in all epochs is more than `VIEWS` bytes.

        Example:
            >>> shift = Augment(translation=0.1)
            >>> Recipe("C", trainable="head", augment=shift).shares_views(768, 1000)
            True
        """
        changes = self.augmentation
        if changes is None or changes.mixup or changes.cutmix:
            return False
        if not _trains_head_alone(vars(self)):
            return False
        if self.views == "own" or self.weights == "random" or self.train_size is not None:
            return False
        return 4 * channels * images * (self.warmup + self.epochs) <= VIEWS


#: Fields of recipes that are functions of the user's own, with what else only these have.
_OWN = ("train", "build", "load", "save", "options", "factors")
_WORDS = ("name", "title", "dose_of")
_DOSES = ("train_size", "augment_strength")
_TRAINABLE = re.compile(r"all|head|last-block|last-[1-9][0-9]{0,3}|gradual|lora")
_RANGES = (
    ("hidden", 1, 65536),
    ("epochs", 1, 100_000),
    ("batch_size", 1, 65536),
    ("learning_rate", 1e-9, 10.0),
    ("warmup", 0, 100_000),
    ("warmup_learning_rate", 1e-9, 10.0),
    ("patience", 1, 100_000),
    ("weight_decay", 0.0, 1.0),
    ("label_smoothing", 0.0, 0.99),
    ("batch_norm_momentum", 0.0, 0.9999),
    ("train_size", 4, 1_000_000_000),
    ("augment_strength", 0.0, 100.0),
    ("lora_rank", 1, 4096),
    ("focal_gamma", 0.0, 100.0),
    ("guidance_strength", 0.0, 1e6),
)


def _default(name: str) -> object:
    return next(f.default for f in fields(Recipe) if f.name == name)


def spelled(code: Code) -> str:
    """A function as `module:name`.

    Example:
        >>> spelled(len), spelled("lab.train:fit")
        ('builtins:len', 'lab.train:fit')
    """
    if isinstance(code, str):
        return code
    return f"{code.__module__}:{getattr(code, '__qualname__', type(code).__qualname__)}"


def completed(record: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as a manifest has it, with the defaults of fields that are newer than the manifest.

    Example:
        >>> found = completed({"name": "A", "augment": {"zoom": 0.1}})
        >>> found["epochs"], found["augment"]["mixup"]
        (10, 0.0)
    """
    whole = {**asdict(Recipe("any")), **record}
    if "views" not in record and record.get("augment") and _trains_head_alone(whole):
        whole["views"] = "own"  # before seeds shared any
    if whole["augment"]:
        whole["augment"] = {**asdict(Augment()), **whole["augment"]}
    return whole


def _trains_head_alone(fields: Mapping[str, Any]) -> bool:
    """Whether there are epochs in which the head of a backbone is trained and nothing else."""
    return fields["trainable"] in ("head", "gradual") or bool(fields["warmup"])


def from_yaml(path: str | Path) -> tuple[Recipe, ...]:
    """Recipes of a YAML file: a list of mappings with the fields of `Recipe`.

    Raises:
        RecipeError: no such file, no YAML, an unknown field, a wrong type or two equal names.

    Example:
        >>> import tempfile, pathlib
        >>> file = pathlib.Path(tempfile.mkdtemp()) / "mine.yaml"
        >>> _ = file.write_text("- {name: small, backbone: article-cnn, weights: random}")
        >>> from_yaml(file)[0].name
        'small'
    """
    recipes = tuple(
        load_yaml(
            path,
            list[Recipe],
            of="recipes",
            like="'- name: scratch' on a line of its own for each recipe",
            advice="one of the sets article, factorial, depth, augmentation, loss, guided",
            error=RecipeError,
        )
    )
    require_unique(recipes)
    return recipes


def require_unique(recipes: Iterable[Recipe]) -> None:
    """Check that no two recipes have the same name.

    Raises:
        RecipeError: two equal names.
    """
    names: set[str] = set()
    for recipe in recipes:
        if recipe.name in names:
            raise RecipeError(
                f"Expected recipes with different names, got {recipe.name!r} twice. "
                f"Try {recipe.name + '-2'!r} for the second."
            )
        names.add(recipe.name)
    if two := clashing(sorted(names)):
        raise RecipeError(
            f"Expected recipes whose names differ in more than case, got {two[0]!r} and "
            f"{two[1]!r}. Try {two[1] + '-2'!r} for the second."
        )
