"""METHODS: every way to make a map, as a value, by the name that stands in the column `method`.

    gradient       function(A, G) or function(A, G, curvature) -> maps, on any framework's arrays
    activation     function(A, G) -> maps, likewise; G is not looked at
    perturbation   function(classifier, images, target, *, layer, batch_size, rng) -> maps
    baseline       function(images, grid, rng) -> maps: looks at no model

Maps are raw float32 (N, *grid) at the resolution of the layer, or of the image's pixels, never
normalized. What else a function takes by name are the parameters of its method.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from campare.attribution import activation, attention, baselines, gradient, perturbation, pixels
from campare.attribution.gradient import grad_cam, hires_cam
from campare.errors import CampareError
from campare.optional import load_object, name_and_parameters
from campare.types import Score

__all__ = ["METHODS", "Kind", "Method", "find", "grad_cam", "hires_cam"]

Kind = Literal["gradient", "activation", "perturbation", "baseline"]

ONE = "1 forward pass, backward through the head"
NO_GRADIENT = "1 forward pass"
NOTHING = "no model"
_TWICE = "1 pass, forward and backward"

#: What campare hands to every function of a kind; anything else is a parameter of the method.
_GIVEN = frozenset(
    {"A", "G", "curvature", "classifier", "images", "target", "layer", "batch_size", "rng", "grid"}
)


@dataclass(frozen=True)
class Method:
    """A way to make maps: its function, what the function needs, and its parameters, as a value.

    Calling a method gives the same one with other parameters: `METHODS["score-cam"](channels=64)`.

    Attributes:
        name: as in the column `method`, with the parameters that were changed.
        function: what computes maps; see the module for what each kind is given. Gradient and
            activation methods run inside the model's framework: `campare.models.arrays.namespace`.
        kind: 'gradient', 'activation', 'perturbation' or 'baseline'.
        title: the name in full. paper: author and year, '-' for none. cost: passes, in words.
        needs_curvature: the function takes the Hessian of the score times A, too.
        score: what is differentiated instead of the target's logit.
        signed: values below 0 mean something; other maps are never negative.
        resolution: where a map lives, on the grid of the 'layer' or on the pixels of the 'image'.
        parameters: names and values of those that were changed.

    Raises:
        CampareError: a name, a kind or a parameter that cannot be.

    Example:
        >>> from campare.models.arrays import namespace
        >>> def mean(A, G):
        ...     return namespace(A).mean(A, axis=-1)
        >>> Method("mean-activation", mean, "activation").title
        'mean-activation'
        >>> METHODS["layer-integrated-gradients"](steps=8).name
        'layer-integrated-gradients(steps=8)'
    """

    name: str
    function: Callable[..., Any]
    kind: Kind = "gradient"
    title: str = ""
    paper: str = "-"
    needs_curvature: bool = False
    score: Score | None = None
    signed: bool = False
    cost: str = ONE
    resolution: Literal["layer", "image"] = "layer"
    parameters: tuple[tuple[str, Any], ...] = ()

    def __post_init__(self) -> None:
        if not self.name or set(self.name) & set(":/\\\n"):
            raise CampareError(
                f"Expected the name of a method without ':' and '/', got {self.name!r}. "
                "Try: 'my-method'"
            )
        if self.kind not in get_args(Kind):
            raise CampareError(
                f"Expected the kind of {self.name!r} as one of {', '.join(get_args(Kind))}, got "
                f"{self.kind!r}. Try: 'gradient'"
            )
        if not callable(self.function):
            raise CampareError(
                f"Expected a function for {self.name!r}, got {type(self.function).__name__}. "
                "Try: Method('my-method', function)"
            )
        if not self.title:
            object.__setattr__(self, "title", self.name)
        known = self.defaults
        for name in dict(self.parameters).keys() - known.keys():
            offered = ", ".join(known) or "none: it has no parameters"
            raise CampareError(
                f"Expected a parameter of {self.name.partition('(')[0]!r}, got {name!r}. "
                f"Try: {offered}"
            )

    @property
    def defaults(self) -> dict[str, Any]:
        """The parameters that the function has, with their defaults."""
        try:
            found = inspect.signature(self.function).parameters.values()
        except ValueError:  # a builtin tells nothing
            return {}
        return {
            p.name: p.default for p in found if p.name not in _GIVEN and p.default is not p.empty
        }

    def __call__(self, **parameters: Any) -> "Method":
        """The same method with other parameters."""
        changed = dict(self.parameters) | parameters
        words = "; ".join(f"{name}={value!r}" for name, value in changed.items())
        base = self.name.partition("(")[0]
        return replace(
            self, name=f"{base}({words})" if words else base, parameters=tuple(changed.items())
        )

    def shape(self, grid: tuple[int, ...], image: tuple[int, ...]) -> tuple[int, ...]:
        """The resolution of its maps, where the layer's grid and the sides of an image are these.

        Example:
            >>> METHODS["grad-cam"].shape((7, 7), (224, 224))
            (7, 7)
        """
        return grid if self.resolution == "layer" else image

    def run(self, *given: Any, **options: Any) -> Any:
        """The function with what it is given and the parameters of this method."""
        return self.function(*given, **options, **dict(self.parameters))


def find(method: "Method | str") -> Method:
    """A method as it is, by its name, or one of your own as `my_module:my_method`.

    A name may have parameters: 'score-cam(channels=64)'. What `my_method` names is a Method, or a
    function (A, G) -> maps.

    Raises:
        CampareError: there is none of that name, or a parameter that it has not.

    Example:
        >>> find("grad-cam").title
        'Grad-CAM'
        >>> find("smooth-grad-cam++(samples=4)").parameters
        (('samples', 4),)
    """
    if isinstance(method, Method):
        return method
    if method in METHODS:
        return METHODS[method]
    name, parameters = name_and_parameters(method)
    if parameters:
        return find(name)(**parameters)
    if ":" in method:
        loaded = load_object(method)
        if isinstance(loaded, Method):
            return loaded
        if callable(loaded):
            return Method(getattr(loaded, "__name__", method.rpartition(":")[2]), loaded)
        raise CampareError(
            f"Expected a Method or a function (A, G) -> maps at {method!r}, got "
            f"{type(loaded).__name__}. Try: campare.attribution.method.Method(name, function)"
        )
    raise CampareError(f"Expected a CAM method, got {method!r}. Try: {', '.join(METHODS)}")


def reads_layer(method: Method | str) -> bool:
    """Whether maps of a method are those of a layer, which others do not look at.

    Example:
        >>> reads_layer("guided-grad-cam"), reads_layer("rise")
        (True, False)
    """
    return getattr(find(method).function, "__module__", "") != pixels.__name__


def _gradient(name: str, title: str, paper: str, function: Any, **more: Any) -> Method:
    return Method(name, function, "gradient", title, paper, **more)


def _activation(name: str, title: str, paper: str, function: Any, **more: Any) -> Method:
    return Method(name, function, "activation", title, paper, cost=NO_GRADIENT, **more)


def _perturbation(
    name: str, title: str, paper: str, function: Any, cost: str, **more: Any
) -> Method:
    return Method(name, function, "perturbation", title, paper, cost=cost, **more)


def _pixels(name: str, title: str, paper: str, function: Any, cost: str, **more: Any) -> Method:
    return _perturbation(name, title, paper, function, cost, resolution="image", **more)


def _baseline(name: str, title: str) -> Method:
    return Method(name, baselines.BASELINES[name], "baseline", title, cost=NOTHING)


_ALL = (
    _gradient("grad-cam", "Grad-CAM", "Selvaraju et al. 2017", gradient.grad_cam),
    _gradient(
        "grad-cam-counterfactual",
        "Grad-CAM, counterfactual",
        "Selvaraju et al. 2017",
        gradient.grad_cam_counterfactual,
    ),
    _gradient("hires-cam", "HiResCAM", "Draelos and Carin 2020", gradient.hires_cam),
    _gradient(
        "grad-cam-elementwise",
        "Grad-CAM element-wise",
        "Pillai and Pirsiavash 2021",
        gradient.grad_cam_elementwise,
    ),
    _gradient("grad-cam++", "Grad-CAM++", "Chattopadhay et al. 2018", gradient.grad_cam_plus_plus),
    _gradient("xgrad-cam", "XGrad-CAM", "Fu et al. 2020", gradient.xgrad_cam),
    _gradient("layer-cam", "LayerCAM", "Jiang et al. 2021", gradient.layer_cam),
    _gradient(
        "eigen-grad-cam", "EigenGrad-CAM", "Gildenblat 2021", gradient.eigen_grad_cam, signed=True
    ),
    _gradient(
        "shapley-cam",
        "Shapley-CAM",
        "Cai 2025",
        gradient.shapley_cam,
        needs_curvature=True,
        score=gradient.rest_score,
        cost="1 forward pass, backward through the head twice",
    ),
    _gradient(
        "finer-cam",
        "Finer-CAM",
        "Zhang et al. 2025",
        gradient.grad_cam,
        score=gradient.finer_score,
    ),
    _activation(
        "eigen-cam", "EigenCAM", "Muhammad and Yeasin 2020", activation.eigen_cam, signed=True
    ),
    _activation("kpca-cam", "KPCA-CAM", "Karmani et al. 2024", activation.kpca_cam, signed=True),
    _activation("fem", "FEM", "Fuad et al. 2020", activation.fem, signed=True),
    _perturbation(
        "score-cam",
        "Score-CAM",
        "Wang et al. 2020",
        perturbation.score_cam,
        "1 forward pass a channel",
    ),
    _perturbation(
        "ablation-cam",
        "Ablation-CAM",
        "Desai and Ramaswamy 2020",
        perturbation.ablation_cam,
        "1 pass through the head a channel",
    ),
    _perturbation(
        "smooth-grad-cam++",
        "Smooth Grad-CAM++",
        "Omeiza et al. 2019",
        perturbation.smooth_grad_cam_plus_plus,
        f"{perturbation.SAMPLES + 1} forward passes, backward through the head",
    ),
    _perturbation(
        "layer-integrated-gradients",
        "Layer integrated gradients",
        "Sundararajan et al. 2017",
        perturbation.layer_integrated_gradients,
        f"{perturbation.STEPS} passes through the head, forward and backward",
        signed=True,
    ),
    _perturbation(
        "guided-grad-cam",
        "Guided Grad-CAM",
        "Selvaraju et al. 2017",
        perturbation.guided_grad_cam,
        "2 forward passes, backward through the network",
        signed=True,
        resolution="image",
    ),
    _pixels("gradient", "Gradient", "Simonyan et al. 2014", pixels.gradient, _TWICE),
    _pixels(
        "gradient-x-input",
        "Gradient x input",
        "Shrikumar et al. 2016",
        pixels.gradient_x_input,
        _TWICE,
        signed=True,
    ),
    _pixels(
        "integrated-gradients",
        "Integrated gradients",
        "Sundararajan et al. 2017",
        pixels.integrated_gradients,
        f"{perturbation.STEPS} passes, forward and backward",
        signed=True,
    ),
    _pixels(
        "smooth-grad",
        "SmoothGrad",
        "Smilkov et al. 2017",
        pixels.smooth_grad,
        f"{perturbation.SAMPLES} passes, forward and backward",
    ),
    _pixels(
        "occlusion",
        "Occlusion",
        "Zeiler and Fergus 2014",
        pixels.occlusion,
        "1 forward pass a window",
        signed=True,
    ),
    _pixels(
        "rise",
        "RISE",
        "Petsiuk et al. 2018",
        pixels.rise,
        f"{pixels.MASKS} forward passes",
        signed=True,
    ),
    _perturbation(
        "attention-rollout",
        "Attention rollout",
        "Abnar and Zuidema 2020",
        attention.attention_rollout,
        _TWICE,
    ),
    _perturbation(
        "attention-relevance",
        "Attention relevance",
        "Chefer et al. 2021",
        attention.attention_relevance,
        _TWICE,
    ),
    _baseline("uniform", "One everywhere"),
    _baseline("centre", "Gaussian in the middle"),
    _baseline("edge", "Edges of the image"),
    _baseline("random", "Uniform noise"),
)

#: The methods by name, in the order of their kinds.
METHODS: dict[str, Method] = {each.name: each for each in _ALL}
