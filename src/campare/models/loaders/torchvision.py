"""Models of torchvision: `torchvision:resnet50`, `torchvision:resnet50?checkpoint=a.pt`."""

from difflib import get_close_matches
from typing import Any

from campare.errors import ModelError, last_words
from campare.models.described import differs, of_torchvision
from campare.models.loaders.loaded import Loaded
from campare.models.loaders.spec import Spec
from campare.models.loaders.torch_files import fill, last_rows
from campare.optional import require


def load(spec: Spec, *, trust: bool = False) -> Loaded:
    """A model of torchvision with weights of a file (`checkpoint`), else its own.

    `weights=IMAGENET1K_V1` names its own, `weights=none` leaves them random; other options go to
    its builder. Without `num_classes` there are as many as the last layer in the checkpoint has.

    Raises:
        ModelError: no such model, or weights that do not fit or cannot be had.
        MissingExtraError: torchvision is not installed.
    """
    models = require("torchvision", extra="torchvision").models
    options = dict(spec.options)
    checkpoint, key = spec.file("checkpoint"), options.pop("key", None)
    options.pop("checkpoint", None)
    named = options.pop("weights", "DEFAULT" if checkpoint is None else None)
    own = _weights(models, spec, named)
    model = _built(models, spec, own, options)
    if checkpoint is not None and "num_classes" not in options:
        last = list(model.state_dict())[-1]
        rows = last_rows(checkpoint, last, trust=trust, key=key)
        if rows and rows != len(model.state_dict()[last]):
            model = _built(models, spec, own, {**options, "num_classes": rows})
    if checkpoint is not None:
        fill(model, checkpoint, what=spec.text, trust=trust, key=key)
    usual = own or _usual(models, spec)
    preset = usual.transforms()
    described = of_torchvision(
        preset, f"as torchvision has it for {type(usual).__name__}.{usual.name}"
    )
    doubt = differs(described, preset)
    names = own.meta.get("categories") if own is not None else None
    weights = checkpoint.name if checkpoint else own.name if own is not None else "no training"
    return Loaded(
        model.eval(),
        name=spec.own_name,
        preprocessing=None if doubt else described,
        class_names=tuple(names) if names and "num_classes" not in options else None,
        source=f"{spec.text}, weights of {weights}",
        doubt=doubt and f"The preprocessing of {spec.text} is not known: {doubt}.",
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
