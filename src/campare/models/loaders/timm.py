"""Models of timm: `timm:resnet50`, `timm:vit_tiny_patch16_224?checkpoint=a.pt`."""

from difflib import get_close_matches
from typing import Any

from campare.errors import ModelError, last_words
from campare.models.described import differs, of_timm
from campare.models.loaders.loaded import Loaded
from campare.models.loaders.spec import Spec
from campare.models.loaders.torch_files import fill, last_rows
from campare.optional import require


def load(spec: Spec, *, trust: bool = False) -> Loaded:
    """A model of timm with weights of a file (`checkpoint`), else those of its hub.

    `pretrained=false` leaves the weights random; other options go to `timm.create_model`. Without
    `num_classes` there are as many as the last layer in the checkpoint has.

    Raises:
        ModelError: no such model, or weights that do not fit or cannot be had.
        MissingExtraError: timm is not installed.
    """
    timm = require("timm", extra="timm")
    options = dict(spec.options)
    checkpoint, key = spec.file("checkpoint"), options.pop("key", None)
    options.pop("checkpoint", None)
    hub = bool(options.pop("pretrained", checkpoint is None))
    model = _built(timm, spec, hub, options)
    if checkpoint is not None:
        rows = last_rows(checkpoint, _last_weight(model), trust=trust, key=key)
        if rows and rows != model.num_classes and "num_classes" not in options:
            model = _built(timm, spec, False, {**options, "num_classes": rows})
        fill(model, checkpoint, what=spec.text, trust=trust, key=key)
    config = timm.data.resolve_model_data_config(model)
    architecture = model.pretrained_cfg.get("architecture") or spec.name
    tag = model.pretrained_cfg.get("tag")
    described = of_timm(config, f"as timm has it for {'.'.join(filter(None, (architecture, tag)))}")
    transform = timm.data.create_transform(**config, is_training=False)
    doubt = differs(described, transform) if config["input_size"][0] == 3 else ""
    weights = checkpoint.name if checkpoint else "its hub" if hub else "no training"
    return Loaded(
        model.eval(),
        name=spec.own_name,
        preprocessing=None if doubt else described,
        class_names=_names(model),
        source=f"{spec.text}, weights of {weights}",
        doubt=doubt and f"The preprocessing of {spec.text} is not known: {doubt}.",
    )


def _built(timm: Any, spec: Spec, hub: bool, options: dict[str, Any]) -> Any:
    try:
        return timm.create_model(spec.name, pretrained=hub, **options)
    except Exception as error:
        if "Unknown model" in str(error):
            known = timm.list_models()
            close = get_close_matches(spec.name, known, n=3, cutoff=0.4) or ["resnet50"]
            raise ModelError(
                f"Expected a model of timm, got {spec.name!r}. Try: {', '.join(close)}"
            ) from error
        if not hub:
            raise ModelError(
                f"Expected {spec.text} with options that timm takes, got {type(error).__name__}: "
                f"{last_words(error)}. Try: {spec.text}?num_classes=2&checkpoint=FILE"
            ) from error
        raise ModelError(
            f"Expected the weights of {spec.text} from its hub, got {type(error).__name__}: "
            f"{last_words(error)}. Try: {spec.text}?checkpoint=FILE"
        ) from error


def _last_weight(model: Any) -> str:
    """The weight of the layer that timm calls the classifier; the first of several."""
    heads = model.pretrained_cfg.get("classifier") or ""
    head = heads if isinstance(heads, str) else next(iter(heads), "")
    names = [name for name in model.state_dict() if name.startswith(f"{head}.")]
    return next((name for name in names if name.endswith("weight")), f"{head}.weight")


def _names(model: Any) -> tuple[str, ...] | None:
    """The names of the classes, where the configuration of the weights has them."""
    names = model.pretrained_cfg.get("label_names")
    return tuple(map(str, names)) if names and len(names) == model.num_classes else None
