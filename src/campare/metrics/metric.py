"""A metric as a value: its function, what it needs, its range, its parameters, when it misleads.

Each module of metrics holds a tuple `DECLARED` of these; `campare.metrics.registry` merges them. A
function names what it needs by its parameters, and `campare.metrics.evaluate` hands it over:

    maps       (N, h, w), enlarged to the image or as they are, by `resolution`
    masks      (N, H, W) of the metric's region; own, other: of the target's class and of others
    images     (N, H, W, C)
    logits, labels, targets    (N, K), (N,), (N,)
    predict    images -> logits                     explain    (images, targets) -> maps
    classifier the model, whose weights can be drawn anew
    rng, shared, matched    random numbers; results that several metrics share; the coarsest grid
    span       the width of the range of the images: 255, or that of arrays
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from campare.errors import CampareError
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

#: What is handed to a function that names it without a default.
GIVEN = frozenset(
    {"maps", "masks", "own", "other", "images", "logits", "labels", "targets"}
    | {"predict", "explain", "classifier"}
)
#: What is handed to a function that names it, with a default or without.
ALWAYS_GIVEN = frozenset({"rng", "shared", "matched", "span"})

Stage = Literal["predictions", "maps", "drops", "probes", "weights", "faithfulness", "networks"]

#: (key, compute) -> what `compute` returned when the key came first, for metrics of one evaluation.
Shared = Callable[[Any, Callable[[], Any]], Any]


def alone(_: Any, compute: Callable[[], Any]) -> Any:
    """Nothing is shared: compute it.

    Example:
        >>> alone("key", lambda: 3)
        3
    """
    return compute()


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric as a value. Calling one gives the same one with other parameters.

    Attributes:
        name: as in the column `metric`, without a condition such as `@matched`.
        function: what is handed over by the names of its parameters (see the module) -> Values, or
            an array (N,) with NaN where it is undefined.
        conditions: a function like it that returns all rows of the table, {condition: Values}: ''
            is the metric itself, 'null' stands in the table as `<name>@null`. None: '' alone.
        needs: of 'mask', 'other-mask', 'image', 'model', 'target', 'method', 'weights', 'networks';
            None: as the function's parameters say. 'networks' are maps of several networks.
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
        parts: whether its function reads images and maps a part at a time, so that many of them may
            be a `campare.data.stored.Computed`, which is no array but is read as one.
        pictures: whether it is of pictures (N, H, W, 3) of 0..255 alone, as boxes, colors and
            rotation are; else it is measured on arrays of any rank, too.
        parameters: names and values of the function's parameters that were changed.

    Raises:
        CampareError: a name, a range, a parameter or a need that cannot be.

    Example:
        >>> def brightest(maps):
        ...     return maps.max(axis=(1, 2))
        >>> mine = Metric(name="brightest", function=brightest)
        >>> mine.title, sorted(mine.needs), mine.stage
        ('brightest', [], 'maps')
    """

    name: str
    function: Callable[..., Any]
    title: str = ""
    formula: str = ""
    needs: frozenset[str] = MAP_ONLY
    higher_is_better: bool | None = None
    low: float = -INF
    high: float = INF
    null: str | float = ""
    misleads: str = ""
    paper: str = ""
    region: str | None = "object"
    resolution: Literal["image", "map"] = "image"
    cost: str = "no forward pass"
    order: tuple[str, ...] = ()
    gameable: str | None = None
    default: bool = True
    together: bool = False
    parts: bool = False
    pictures: bool = False
    conditions: Callable[..., Mapping[str, Values]] | None = None
    parameters: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set("@:/\\,\n"):
            raise CampareError(
                f"Expected the name of a metric without '@', ':' and ',', got {self.name!r}. "
                "Try: 'my-metric'"
            )
        if not callable(self.function):
            raise CampareError(
                f"Expected a function for {self.name!r}, got {type(self.function).__name__}. "
                "Try: Metric(name='my-metric', function=function)"
            )
        if not self.low < self.high:
            raise CampareError(
                f"Expected low below high for {self.name!r}, got {self.low:g} and {self.high:g}. "
                "Try: low=0, high=1"
            )
        if self.resolution not in ("image", "map"):
            raise CampareError(
                f"Expected resolution 'image' or 'map' for {self.name!r}, got "
                f"{self.resolution!r}. Try: resolution='image'"
            )
        named = signature(self.function)
        unknown = [
            name
            for name, default in named.items()
            if default is inspect.Parameter.empty and name not in GIVEN | ALWAYS_GIVEN
        ]
        if unknown and "networks" not in self.needs:
            raise CampareError(
                f"Expected parameters of {self.name!r} that campare hands over, or with a default, "
                f"got {unknown[0]!r}. Try: {', '.join(sorted(GIVEN | ALWAYS_GIVEN))}"
            )
        for name, _ in self.parameters:
            if name in GIVEN | ALWAYS_GIVEN or name not in named:
                own = [n for n in named if n not in GIVEN | ALWAYS_GIVEN]
                raise CampareError(
                    f"Expected a parameter of {self.name.partition('(')[0]!r}, got {name!r}. "
                    f"Try: {', '.join(own) or 'none: it has no parameters'}"
                )
        if not self.title:
            object.__setattr__(self, "title", self.name)
        if "networks" not in self.needs:
            object.__setattr__(self, "needs", self.needs | _needs(named))
        if not self.needs & {"mask", "other-mask"}:
            object.__setattr__(self, "region", None)

    def __call__(self, **parameters: Any) -> "Metric":
        """The same metric with other parameters of its function."""
        changed = dict(self.parameters) | parameters
        words = "; ".join(f"{name}={value!r}" for name, value in changed.items())
        base = self.name.partition("(")[0]
        return replace(
            self, name=f"{base}({words})" if words else base, parameters=tuple(changed.items())
        )

    @property
    def is_of_classes(self) -> bool:
        """Whether it compares the objects of several classes on one photograph."""
        return "other-mask" in self.needs and self.region != "cells"

    @property
    def stage(self) -> Stage:
        """When it is measured: metrics of a stage share random numbers and results."""
        if "networks" in self.needs:
            return "networks"
        if "model" not in self.needs:
            return "maps"
        if "target" in self.needs:
            return "faithfulness"
        if "weights" in self.needs:
            return "weights"
        if "mask" in self.needs:
            return "drops"
        return "probes" if "method" in self.needs else "predictions"


def signature(function: Callable[..., Any]) -> dict[str, Any]:
    """The parameters of a function by name, with their defaults.

    Example:
        >>> signature(lambda maps, share=0.5: maps)["share"]
        0.5
    """
    found = inspect.signature(function).parameters.values()
    return {p.name: p.default for p in found if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)}


def _needs(named: Mapping[str, Any]) -> frozenset[str]:
    """What the parameters of a function say that it needs."""
    wanted = {name for name, default in named.items() if default is inspect.Parameter.empty}
    model = wanted & {"predict", "explain", "classifier", "logits"}
    needs = {
        "mask": "masks" in wanted or "own" in wanted,
        "other-mask": "other" in wanted,
        "image": "images" in wanted and (bool(wanted & {"maps", "masks"}) or not model),
        "model": bool(model),
        "method": "explain" in wanted,
        "weights": "classifier" in wanted,
        "target": {"predict", "maps"} <= wanted,
    }
    return frozenset(need for need, holds in needs.items() if holds)
