"""The declaration of a metric: its function, what it needs, its range, and when it misleads.

Each module of metrics holds a tuple `DECLARED` of these; `campare.metrics.registry` merges them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from campare.metrics.values import Values
from campare.types import Array, Floats, Ints

#: images (N, H, W, C) -> logits (N, K). It must not keep the images: their memory is used again.
Predict = Callable[[Floats], Array]

#: (images (N, H, W, C), targets (N,)) -> maps (N, h, w): the method that made the maps.
Explain = Callable[[Floats, Ints], Array]


@runtime_checkable
class Observer(Protocol):
    """An `Explain` that can also say what the network answered: one pass instead of two."""

    def __call__(self, images: Floats, targets: Ints, /) -> Array:
        """Maps (N, h, w) of images (N, H, W, C) for classes (N,)."""

    def observe(self, images: Floats, targets: Ints, /) -> tuple[Floats, Floats]:
        """Logits (N, K) and the maps, of the same pass."""


INF = float("inf")

#: What many metrics need: a mask, or nothing but the map.
MASK, MAP_ONLY = frozenset({"mask"}), frozenset[str]()

#: The null of many metrics: the mask's share of the area.
AREA = "area share"


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as a value.

    Attributes:
        name: as in the column `metric`, without the suffix `@matched`.
        function: (maps), (maps, masks), (maps, images) or (logits, labels) -> Values, by `needs`;
            with 'model' and 'target' both: (predict, images, maps, targets) -> Values; what asks
            for maps again, by 'model' and 'method', or 'weights': (explain, predict
            or classifier, images, targets, rng) -> Values.
        needs: of 'mask', 'other-mask', 'image', 'model', 'target', 'method', 'weights', 'networks';
            nothing: the map alone. 'other-mask' shows another class, 'model' is a function of
            images -> logits, 'method' one of (images, targets) -> maps, 'weights' a Classifier
            whose weights can be randomized, 'networks' maps of several networks.
        region: which mask it is measured on: 'object', 'parts', 'cue', or 'cells' of a mosaic;
            None where it needs no mask.
        resolution: whether it wants maps enlarged to the 'image' or as they are, 'map'.
        higher_is_better: None where neither direction is better by itself.
        low, high: the range of its values.
        null: the value of a map that knows nothing (uniform, or random where that is undefined).
        misleads: when it misleads. cost: forward passes an image. paper: where it comes from.
        order: the maps of the self-test in descending order of the value that is promised for
            them, of 'perfect', 'inverted', 'random', 'constant', 'edge', 'fake-cam'.
        gameable: said of a metric that ranks Fake-CAM above Grad-CAM; else None.
        default: whether it is measured when nothing is said.
        together: whether it needs all images at once, since they share a threshold.
    """

    name: str
    function: Callable[..., Values]
    title: str
    formula: str
    needs: frozenset[str]
    higher_is_better: bool | None
    low: float
    high: float
    null: str | float
    misleads: str
    paper: str
    region: str | None = "object"
    resolution: Literal["image", "map"] = "image"
    cost: str = "no forward pass"
    order: tuple[str, ...] = ()
    gameable: str | None = None
    default: bool = True
    together: bool = False
