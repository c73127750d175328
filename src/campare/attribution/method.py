"""METHODS: every way to make a map, by the name that stands in the column `method`.

    gradient       function(A, G) or function(A, G, curvature) -> maps, on any framework's arrays
    activation     function(A, G) -> maps, likewise; G is not looked at
    perturbation   function(classifier, images, target, *, layer, batch_size, rng) -> maps
    baseline       function(images, grid, rng) -> maps: looks at no model

Maps are raw float32 (N, h, w) at the resolution of the layer, never normalized.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from campare.attribution import activation, baselines, gradient, perturbation
from campare.attribution.gradient import grad_cam, hires_cam
from campare.errors import CampareError
from campare.types import Score

__all__ = ["METHODS", "Kind", "Method", "grad_cam", "hires_cam", "method"]

Kind = Literal["gradient", "activation", "perturbation", "baseline"]

ONE = "1 forward pass, backward through the head"
NO_GRADIENT = "1 forward pass"
NOTHING = "no model"


@dataclass(frozen=True)
class Method:
    """A CAM method: its function, its name in full, where it comes from, and what it needs."""

    name: str
    title: str
    paper: str
    kind: Kind
    function: Callable[..., Any]
    needs_curvature: bool = False  # the function takes the Hessian of the score times A, too
    score: Score | None = None  # what is differentiated instead of the target's logit
    signed: bool = False  # values below 0 mean something; other maps are never negative
    cost: str = ONE


def method(name: str) -> Method:
    """The method called `name`.

    Raises:
        CampareError: there is none of that name.

    Example:
        >>> method("grad-cam").title
        'Grad-CAM'
    """
    if name not in METHODS:
        raise CampareError(f"Expected a CAM method, got {name!r}. Try: {', '.join(METHODS)}")
    return METHODS[name]


def _gradient(name: str, title: str, paper: str, function: Any, **more: Any) -> Method:
    return Method(name, title, paper, "gradient", function, **more)


def _activation(name: str, title: str, paper: str, function: Any, **more: Any) -> Method:
    return Method(name, title, paper, "activation", function, cost=NO_GRADIENT, **more)


def _perturbation(name: str, title: str, paper: str, function: Any, cost: str) -> Method:
    signed = name in ("layer-integrated-gradients", "guided-grad-cam")
    return Method(name, title, paper, "perturbation", function, signed=signed, cost=cost)


def _baseline(name: str, title: str) -> Method:
    return Method(name, title, "-", "baseline", baselines.BASELINES[name], cost=NOTHING)


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
    ),
    _perturbation(
        "guided-grad-cam",
        "Guided Grad-CAM",
        "Selvaraju et al. 2017",
        perturbation.guided_grad_cam,
        "2 forward passes, backward through the network",
    ),
    _baseline("uniform", "One everywhere"),
    _baseline("centre", "Gaussian in the middle"),
    _baseline("edge", "Edges of the image"),
    _baseline("random", "Uniform noise"),
)

#: The methods by name, in the order of their kinds.
METHODS: dict[str, Method] = {each.name: each for each in _ALL}
