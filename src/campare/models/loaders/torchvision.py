"""Models of torchvision: `torchvision:resnet50`, `torchvision:resnet50?checkpoint=a.pt`."""

from difflib import get_close_matches
from typing import Any

from campare.errors import ModelError, last_words
from campare.models.described import differs, of_torchvision
from campare.models.loaders.loaded import Loaded
from campare.models.loaders.spec import Spec
from campare.models.loaders.torch_files import fill, last_rows
from campare.models.preprocessing import Preprocessing
from campare.optional import require

#: Modules of torchvision whose models give something else than logits.
DETECTION, SEGMENTATION = "detection", "segmentation"
#: Those whose models take something else than images, and what.
_OTHERS = {"video": "clips of video", "optical_flow": "pairs of images"}
#: The weight of a detector's head that has a row for each class, where there is one.
_DETECTED = "roi_heads.box_predictor.cls_score.bias"


def load(spec: Spec, *, trust: bool = False) -> Loaded:
    """A model of torchvision with weights of a file (`checkpoint`), else its own.

    `weights=IMAGENET1K_V1` names its own, `weights=none` leaves them random; other options go to
    its builder. Without `num_classes` there are as many as the last layer in the checkpoint has.
    Segmentations and detectors are explained by a target function of their raw output.

    Raises:
        ModelError: no such model, one that takes no images, or weights that do not fit or cannot
            be had.
        MissingExtraError: torchvision is not installed.
    """
    models = require("torchvision", extra="torchvision").models
    kind = _kind(models, spec)
    options = dict(spec.options)
    checkpoint, key = spec.file("checkpoint"), options.pop("key", None)
    options.pop("checkpoint", None)
    named = options.pop("weights", "DEFAULT" if checkpoint is None else None)
    own = _weights(models, spec, named)
    if own is None and kind:  # else its backbone's are downloaded
        options.setdefault("weights_backbone", None)
    model = _built(models, spec, own, options)
    if checkpoint is not None and "num_classes" not in options:
        last = _DETECTED if kind == DETECTION else list(model.state_dict())[-1]
        rows = last_rows(checkpoint, last, trust=trust, key=key)
        if rows and rows != len(model.state_dict()[last]):
            model = _built(models, spec, own, {**options, "num_classes": rows})
    if checkpoint is not None:
        fill(model, checkpoint, what=spec.text, trust=trust, key=key)
    usual = own or _usual(models, spec)
    found, doubt = _preprocessing(usual, spec, kind)
    names = own.meta.get("categories") if own is not None and not kind else None
    weights = checkpoint.name if checkpoint else own.name if own is not None else "no training"
    return Loaded(
        model.eval(),
        name=spec.own_name,
        preprocessing=found,
        class_names=tuple(names) if names and "num_classes" not in options else None,
        source=f"{spec.text}, weights of {weights}",
        doubt=doubt,
    )


def _preprocessing(usual: Any, spec: Spec, kind: str) -> tuple[Preprocessing | None, str]:
    """What the transforms of a set of weights do, and what is in doubt: compared with them."""
    preset = usual.transforms()
    source = f"as torchvision has it for {type(usual).__name__}.{usual.name}"
    described = of_torchvision(preset, source)
    if kind == DETECTION:
        return described, ""
    crop = require("torchvision.transforms.functional", extra="torchvision").center_crop
    differing = differs(described, lambda image: crop(preset(image), described.size))
    if differing:
        return None, f"The preprocessing of {spec.text} is not known: {differing}."
    if kind == SEGMENTATION:
        return described, f"{spec.text} takes whole pictures; here it gets the middle of each."
    return described, ""


def _kind(models: Any, spec: Spec) -> str:
    """The module of a model that gives no logits; nothing where it classifies."""
    for module, taken in _OTHERS.items():
        if spec.name in models.list_models(getattr(models, module)):
            raise ModelError(
                f"Expected a model of images, got {spec.text}, which takes {taken}. "
                "Try: a module around it that takes images (N, 3, H, W), as in docs/wrappers.md"
            )
    return next(
        (
            m
            for m in (DETECTION, SEGMENTATION)
            if spec.name in models.list_models(getattr(models, m))
        ),
        "",
    )


def _weights(models: Any, spec: Spec, named: Any) -> Any:
    """One of the sets of weights that torchvision has for a model; None for none."""
    if spec.name not in models.list_models():
        close = get_close_matches(spec.name, models.list_models(), n=3, cutoff=0.4) or ["resnet50"]
        raise ModelError(
            f"Expected a model of torchvision, got {spec.name!r}. Try: {', '.join(close)}"
        )
    if named in (None, False) or str(named).lower() == "none":
        return None
    kinds = models.get_model_weights(spec.name)
    try:
        return kinds[str(named).rpartition(".")[2]]
    except KeyError as error:
        raise ModelError(
            f"Expected weights of {spec.text}, got {named!r}. Try: {', '.join(kinds.__members__)}"
        ) from error


def _usual(models: Any, spec: Spec) -> Any:
    """The weights that torchvision prefers for a model, whose transforms it was tested with."""
    return models.get_model_weights(spec.name).DEFAULT


def _built(models: Any, spec: Spec, weights: Any, options: dict[str, Any]) -> Any:
    try:
        return models.get_model(spec.name, weights=weights, **options)
    except Exception as error:
        advice = "checkpoint=FILE" if weights is not None else "num_classes=2&checkpoint=FILE"
        what = "the weights from its hub" if weights is not None else "options that it takes"
        raise ModelError(
            f"Expected {spec.text} with {what}, got {type(error).__name__}: {last_words(error)}. "
            f"Try: {spec.text}?{advice}"
        ) from error
