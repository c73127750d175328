"""What one look at a model shows: its layers, which one to explain, and which output is meant.

Layers are named by path. The default one is the last that computes features on a grid and that
everything passes through; a layer that is missing, ambiguous, run twice or not spatial is refused
by an error that names what would work.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NamedTuple

from campare.errors import LayerError, ModelError
from campare.models.arrays import is_by_image
from campare.models.dataflow import Flow
from campare.models.grids import (
    TOKENS,
    are_alike,
    features_grid,
    find_grids,
    others_beside,
)
from campare.models.placement import Doubt
from campare.types import Grid, LayerInfo

#: A model is looked at with two images, which tells the batch from axes of length 1.
IMAGES = 2

#: How many layers, from the last, are tried for one whose tokens the class depends on.
_TRIED = 8

#: How many layers a warning names.
_NAMED = 3


class Survey(NamedTuple):
    """What one look at a model of a given image size shows."""

    layers: dict[str, LayerInfo]  # in the order in which they run first
    runs: dict[str, int]  # how often each ran
    units: int | None  # outputs; None: the raw output is something else than logits (N, K)
    bypassed: str | None  # 'softmax' or 'sigmoid' at the end
    candidates: tuple[str, ...]  # layers that compute features, in their order, one a tensor
    refused: str = ""  # why there are no logits, for those who need them
    flow: Flow | None = None  # how the logits come out of the image, where that is known
    doubts: Mapping[str, Doubt] = MappingProxyType({})  # layers whose grid is a guess
    shown: Mapping[tuple[int | None, ...], tuple[str, Grid]] = MappingProxyType({})  # sure grids
    batch_axes: Mapping[str, int] = MappingProxyType({})  # of outputs that are surely of each image
    failed: Mapping[str, str] = MappingProxyType({})  # why a user's layer_grid does not fit a layer
    calls: Mapping[str, LayerInfo] = MappingProxyType({})  # 'path@2': the second of several runs

    @property
    def connected(self) -> list[str]:
        """The spatial candidates that the logits are computed from, in their order."""
        known = {**self.layers, **self.calls}
        spatial = [path for path in self.candidates if path in known and known[path].spatial]
        used = self.flow.connected if self.flow else frozenset()
        return [path for path in spatial if path in used] or spatial

    @property
    def bottlenecks(self) -> list[str]:
        """Those of them that everything passes through; the last, where that is not known.

        The last part of a residual block f counts, where all passes through x + f(x).
        """
        connected = self.connected
        known = frozenset(connected[-1:])
        if self.flow:
            known = self.flow.bottlenecks | self.flow.residuals
        return [path for path in connected if path in known]

    @property
    def ends(self) -> list[str]:
        """Those of them whose outputs the logits are computed from directly, in their order."""
        connected = self.connected
        last = self.flow.ends(connected) if self.flow else frozenset(connected[-1:])
        return [path for path in connected if path in last]


class Record:
    """Collects what runs in one look at a model, with so many `images` of sides `image`."""

    def __init__(self, image: tuple[int | None, ...], images: int = IMAGES) -> None:
        self._image = image
        self._images = images
        self._grids: list[tuple[int, ...]] = []
        self._lengths: set[int] = set()
        self.layers: dict[str, LayerInfo] = {}
        self.runs: dict[str, int] = {}
        self.doubts: dict[str, Doubt] = {}
        self.shown: dict[tuple[int | None, ...], tuple[str, Grid]] = {}
        self.batch_axes: dict[str, int] = {}
        self.calls: dict[str, LayerInfo] = {}

    def add(
        self,
        path: str,
        kind: str,
        output: Any,
        *,
        channels_first: bool | None,
        structural: bool,
        inside: bool = False,
    ) -> int:
        """The layer at `path` gave `output`; its channels come first, last, or (None) who knows.

        How often it ran is returned.

        A `structural` layer works on a grid by its kind, as a convolution does. What a layer of
        attention does `inside` is no grid, though it may have as many axes.
        """
        sides = tuple(output.shape[1:])
        grids: list[Grid] = []
        if inside:
            pass
        elif output.shape[0] == self._images:  # an image may have several windows
            self.batch_axes[path] = 0
            grids = find_grids(
                sides, self._image, channels_first=channels_first, before=self._grids
            )
            if len(grids) == 1 and not structural and _is_cube(sides, self._image):
                grids.append(features_grid(sides, grids[0].layout != "channels-first"))
        elif len(output.shape) == 3 and output.shape[1] == self._images:
            sides = (output.shape[0], output.shape[2])
            self.batch_axes[path] = 1
            grids = [
                grid._replace(layout="tokens-first")
                for grid in find_grids(sides, self._image, before=self._grids)
            ]
        info = LayerInfo(path, kind, sides)
        if grids and self._is_sure(grids, structural):
            info = info._replace(grid=grids[0])
            if None not in grids[0].shape:
                self._grids.append(grids[0].shape)  # type: ignore[arg-type]
            self.shown.setdefault(grids[0].shape, (path, grids[0]))
        elif grids and path not in self.layers:
            known = (self._image, *self._grids)
            likely = [
                grid
                for grid in grids
                if len(sides) == 2 or grid.shape in known or self._is_likely(grid)
            ]
            if likely:
                features = len(sides) == len(self._image) + 1
                fits = structural or all(grid.shape in known for grid in grids)
                self.doubts[path] = Doubt(tuple(likely), fits and features)
        if len(sides) == 2:
            self._lengths.update(sides)
        self.layers.setdefault(path, info)
        self.runs[path] = run = self.runs.get(path, 0) + 1
        self.calls[f"{path}@{run}"] = info._replace(path=f"{path}@{run}")
        return run

    def survey(
        self,
        output: tuple[int | None, str],
        bypassed: str | None,
        candidates: tuple[str, ...],
        flow: Flow | None,
    ) -> Survey:
        """The survey of all that ran, with the `output` as `units_of` reads it."""
        units, refused = output
        layers, doubts = dict(self.layers), dict(self.doubts)
        turned = flow.turned if flow else frozenset(layers)
        for path in turned & layers.keys():
            grid = layers[path].grid
            if grid is not None and self.runs[path] == 1:  # certain by its kind, or by its sides
                layers[path] = layers[path]._replace(grid=None)
                doubts[path] = Doubt((grid,), structural=True)
        return Survey(
            layers,
            self.runs,
            units,
            bypassed,
            candidates,
            refused,
            flow,
            doubts,
            self.shown,
            self.batch_axes,
            calls={
                path: info
                for path, info in self.calls.items()
                if info.spatial and self.runs[call_of(path)[0]] > 1
            },
        )

    def _is_sure(self, grids: Sequence[Grid], structural: bool) -> bool:
        """Whether the first of grids needs no proof: of the image itself, of one cell, or alike.

        So does one that was shown before. A sequence always needs one; so do four axes that are
        windows, heads or the like, attention between as many tokens as a grid has sides, and what
        is a grid with its channels first as well as last.
        """
        grid = grids[0]
        if grid.layout in TOKENS:
            return False
        known = (self._image, *self._grids)
        if len(grids) == 2 and all(one.shape in known for one in grids):
            return False
        if set(grid.shape) == {1}:
            return True
        if grid.shape in known:
            given = len(grid.shape) == 1 or grid.shape == self._image
            return structural or given or self._is_likely(grid)
        if len(grids) == 2 and all(are_alike(one.shape, self._image) for one in grids):
            return False
        return structural and (None in grid.shape or are_alike(grid.shape, self._image))

    def _is_likely(self, grid: Grid) -> bool:
        """Whether it is worth a trial that these two of three axes are a grid."""
        return len(set(grid.shape)) > 1 or not set(grid.shape) & self._lengths


def _is_cube(sides: Sequence[Any], image: Sequence[Any]) -> bool:
    """Whether channels cannot be told from sides by their number."""
    return len(sides) == len(image) + 1 and len(set(sides)) == 1 and sides[0] not in (None, 1)


def require_logits(survey: Survey) -> int:
    """The number of outputs of a model that has logits (N, K).

    Raises:
        ModelError: its raw output is something else.
    """
    if survey.units is None:
        raise ModelError(survey.refused)
    return survey.units


def default_layer(survey: Survey, name: str, is_read: Callable[[str], bool]) -> str:
    """Path of the last spatial layer that computes features (not pooling, dropout, padding).

    It is the last that everything passes through; where there is none, as in two networks side by
    side, the last on which the logits depend. In a vision transformer whose class token alone is
    read, nothing that the last block adds to the other tokens is seen; there it is the last
    normalization on whose grid the class depends, which `is_read` tells.

    Raises:
        LayerError: the model `name` has no such layer.
    """
    spatial = survey.connected
    often = [path for path, n in survey.runs.items() if n > 1 and survey.layers[path].spatial]
    if not spatial and often:
        return often[-1]  # to be refused by its name
    if not spatial:
        kinds = ", ".join(dict.fromkeys(info.kind for info in survey.layers.values()))
        others = [path for path in survey.batch_axes if len(survey.layers[path].shape) > 1]
        advice = "a convolutional model; a map needs a grid of features"
        if others:
            given = _grid_advice(survey.layers[others[-1]])
            advice = f"layer={others[-1]!r} with {given}, or {advice}"
        raise LayerError(
            f"Expected a model with a spatial layer (h, w, C), got none in {name!r}: "
            f"{kinds or 'no layer that can be seen'}. Try: {advice}"
        )
    last = survey.layers.get(spatial[-1]) or survey.calls[spatial[-1]]
    if last.grid is None or not others_beside(last.grid, last.shape):
        whole = survey.bottlenecks
        if survey.units is None and survey.flow:  # what gives a segmentation is no feature of it
            whole = [path for path in whole if path not in survey.flow.resized_to_output] or whole
        return (whole or spatial)[-1]
    norms = [path for path in spatial if "norm" in survey.layers[path].kind.lower()]
    for path in [*norms[: -_TRIED - 1 : -1], *spatial[: -_TRIED - 1 : -1]]:
        if is_read(path):
            return path
    return last.path


def warn_of_others(survey: Survey, name: str, path: str) -> None:
    """Where something passes by every layer, say so, and name the layers beside `path`."""
    others = [one for one in survey.ends if one != path]
    if survey.bottlenecks or not others:
        return
    warnings.warn(
        f"Expected a layer that all of {name!r} passes through, got {path!r}, beside which others "
        f"decide, too. Try: layer={others[-1]!r} for another part, or layer="
        f"{[*others[-_NAMED:], path]} for all of them in one map",
        stacklevel=2,
    )


def spatial_layer(survey: Survey, name: str, path: str, default: Callable[[], str]) -> LayerInfo:
    """The LayerInfo of the layer at `path`; its own name is enough if unique.

    Raises:
        LayerError: no such layer in the model `name`, several, one that runs more than once, or one
            that is not spatial.
    """
    matches = matching(path, survey.layers)
    calls = [] if matches else matching(path, survey.calls)
    if len(calls) == 1:
        return survey.calls[calls[0]]
    if not matches:
        spatial = [info.path for info in survey.layers.values() if info.spatial]
        close = get_close_matches(path, spatial, n=3, cutoff=0.3)
        raise LayerError(
            f"Expected a layer of {name!r}, got {path!r}. "
            f"Try: {', '.join(close) if close else default()} (campare list layers shows all)"
        )
    if len(matches) > 1:
        raise LayerError(
            f"Expected one layer, got {path!r}, which names {len(matches)}. "
            f"Try: {' or '.join(matches)}"
        )
    info = survey.layers[matches[0]]
    if survey.runs[info.path] > 1:
        raise LayerError(
            f"Expected a layer that runs once, got {info.path!r}, which runs "
            f"{survey.runs[info.path]} times in one forward pass. Try: "
            f"{_calls_of(survey, info.path)}the layer after it, whose output is used once"
        )
    if not info.spatial:
        raise LayerError(_no_grid(survey, info, name, default))
    return info


def _no_grid(survey: Survey, info: LayerInfo, name: str, default: Callable[[], str]) -> str:
    """What is said of a layer that cannot be mapped, and what can be done."""
    if info.path in survey.failed:
        return survey.failed[info.path]
    try:
        advice = [f"layer={default()!r}"]
    except LayerError:  # there is no other
        advice = []
    kind = "a spatial layer (h, w, C)"
    if info.path in survey.batch_axes and len(info.shape) > 1:
        kind = "a layer whose cells lie as the image does, row by row"
        advice.append(_grid_advice(info))
    return (
        f"Expected {kind}, got {info.path!r} of {name!r} with output {info.shape}. "
        f"Try: {', or '.join(advice) or 'a convolutional model'}"
    )


def _grid_advice(info: LayerInfo) -> str:
    """How a user can say where the cells of a layer lie."""
    function = "layer_grid=a function of its output that gives (N, h, w, C)"
    return f"layer_grid=(h, w, tokens in front) or {function}" if len(info.shape) == 2 else function


def call_of(path: str) -> tuple[str, int]:
    """A layer that runs several times, and which of its runs 'path@2' is; 0: none is said.

    Example:
        >>> call_of("encoder/conv@2"), call_of("encoder/conv")
        (('encoder/conv', 2), ('encoder/conv', 0))
    """
    layer, _, run = path.rpartition("@")
    return (layer, int(run)) if layer and run.isdigit() else (path, 0)


def _calls_of(survey: Survey, path: str) -> str:
    """What is said of the runs of a layer that can be explained one by one."""
    calls = [call for call in survey.calls if call_of(call)[0] == path][:_NAMED]
    return (
        f"{' or '.join(f'layer={call!r}' for call in calls)}, one run of it, or " if calls else ""
    )


def matching(path: str, paths: Any) -> list[str]:
    """The paths that `path` names: itself, or those that end in it.

    Example:
        >>> matching("conv", ["stem/conv", "head.conv", "conv1"])
        ['stem/conv', 'head.conv']
    """
    if path in paths:
        return [path]
    return [one for one in paths if one.endswith((f"/{path}", f".{path}"))]


def one_output(
    outputs: Any, wanted: str | int | None, name: str, names: Sequence[str] | None = None
) -> Any:
    """The output of the model `name` that is wanted, by name or position; its logits; the only one.

    Several outputs come as they are where none is named: a target of the user's own may read them.

    A single tensor is the one of `names`, or of position 0.

    Raises:
        ModelError: an output that is not there, or what is no output.

    Example:
        >>> one_output({"loss": 0.1, "logits": 2.0}, None, "net")
        2.0
    """
    by_image = is_by_image(outputs)
    if wanted is None and (hasattr(outputs, "shape") or by_image):
        return outputs
    if by_image:
        raise ModelError(
            f"Expected several outputs of {name!r} to take {wanted!r} of them, got detections, a "
            "dict for each image. Try: no output=, and target='box:CLASS' or a function of the list"
        )
    if hasattr(outputs, "shape"):
        outputs = (outputs,)
    if not isinstance(outputs, (Mapping, list, tuple)):
        raise ModelError(
            f"Expected logits (N, K) from {name!r}, got {type(outputs).__name__}. "
            "Try: a model that returns a tensor, a dict or a tuple of tensors"
        )
    if isinstance(outputs, Mapping):
        named: dict[Any, Any] = dict(outputs)
    else:
        known = names if names and len(names) == len(outputs) else range(len(outputs))
        named = dict(zip(known, outputs, strict=True))
    if wanted is None and len(named) == 1:
        return next(iter(named.values()))
    if wanted is None and "logits" in named:
        return named["logits"]
    if wanted is None and named:
        return outputs
    if wanted in named:
        return named[wanted]
    if isinstance(wanted, int) and 0 <= wanted < len(named):
        return list(named.values())[wanted]
    raise ModelError(_which(named, name, wanted))


def units_of(output: Any, name: str, names: Sequence[str] | None = None) -> tuple[int | None, str]:
    """The number of classes K of logits (N, K), or why the output of the model `name` is none.

    Example:
        >>> import numpy as np
        >>> units_of(np.ones((2, 5)), "net")
        (5, '')
        >>> units_of(np.ones((2, 5, 5, 3)), "net")[1]
        "Expected a classifier with outputs (N, K), got shape (2, 5, 5, 3) from 'net'. Try: the \
model that ends in one score a class, or target=a function of the output -> one score an image"
    """
    shape = getattr(output, "shape", None)
    if shape is not None and len(shape) == 2:
        return int(shape[-1]), ""
    if shape is not None and len(shape) == 1:
        return None, (
            f"Expected a classifier with outputs (N, K), got one value an image from {name!r}. "
            "Try: target=lambda output: output, or the model with an output (N, 1)"
        )
    if shape is not None:
        return None, (
            f"Expected a classifier with outputs (N, K), got shape {tuple(shape)} from {name!r}. "
            "Try: the model that ends in one score a class, or target=a function of the output "
            "-> one score an image"
        )
    if is_by_image(output):
        return None, (
            f"Expected a classifier with outputs (N, K), got detections from {name!r}, "
            f"{', '.join(map(str, output[0]))} for each image. Try: a module that gives the scores "
            "of classes, as Detector in docs/wrappers.md"
        )
    many: dict[Any, Any] = dict(output) if isinstance(output, Mapping) else {}
    known = names if names and len(names) == len(output) else range(len(output))
    return None, _which(many or dict.fromkeys(known), name, None)


def require_rows(output: Any, images: int) -> None:
    """Refuse an output that has not a row for each image.

    Raises:
        ValueError: it has another number of rows.

    Example:
        >>> import numpy as np
        >>> require_rows(np.ones((2, 5)), 2)
    """
    shape = tuple(getattr(output, "shape", None) or ())
    if shape and shape[0] not in (None, images):
        raise ValueError(f"an output of shape {shape} for {images} images")


def _which(named: Mapping[Any, Any], name: str, wanted: Any) -> str:
    return (
        f"Expected the name of one of {len(named)} outputs of {name!r}, got {wanted!r}. "
        f"Try: campare.wrap(model, output={next(iter(named), 0)!r}), one of "
        f"{', '.join(map(str, named))}"
    )
