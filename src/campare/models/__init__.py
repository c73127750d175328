"""Any image classifier as a `Classifier`: NumPy in and out, layers by path, one of them tapped."""

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from campare.errors import ModelError

if TYPE_CHECKING:
    from campare.models.base import ImageClassifier

__all__ = ["recent", "wrap"]

#: The classifiers of models given last: a second call with the same model compiles nothing anew.
_RECENT: "OrderedDict[Any, ImageClassifier]" = OrderedDict()
_KEPT = 4


def wrap(
    model: Any,
    *,
    name: str | None = None,
    class_names: Sequence[str] | None = None,
    output: str | int | None = None,
    input_shape: tuple[int | None, ...] | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    compile: bool = False,
) -> "ImageClassifier":
    """Make a Classifier of a Keras 3 model, a torch module or the path of a saved Keras model.

    `output` names one of several outputs. `input_shape` (H, W, C) is for torch modules that take
    one size only and do not say which. `precision='bfloat16'` computes the network in bfloat16 and
    the maps in float32. `compile` spends seconds to a minute once, on XLA (TensorFlow) or Inductor
    (PyTorch), for faster passes. Where it would lose, as with depthwise convolutions in XLA on a
    CPU, it is left. A Classifier is returned as it is.

    Raises:
        ModelError: the model is of a kind that campare cannot read, or the file cannot be loaded.

    Example:
        >>> import keras
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> wrap(network).default_layer
        'conv'
    """
    names = tuple(class_names) if class_names is not None else None
    options: dict[str, Any] = {
        "name": name,
        "class_names": names,
        "output": output,
        "precision": _known_precision(precision),
        "compiled": compile,
    }
    if isinstance(model, (str, Path)):
        from campare.models.keras import load

        return load(Path(model), **options)
    families = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    if hasattr(model, "tap") and hasattr(model, "start"):  # a Classifier, ours or a user's own
        return model  # type: ignore[no-any-return]
    if "keras" in families:  # before torch: on that backend Keras models are torch modules, too
        from campare.models.keras import KerasClassifier

        return KerasClassifier(model, **options)
    if "torch" in families:
        from campare.models.torch import TorchClassifier

        return TorchClassifier(model, input_shape=input_shape, **options)
    raise ModelError(
        f"Expected a Keras 3 model, a torch module or the path of a .keras file, got "
        f"{type(model).__name__}. Try: keras.Model(...) or campare.wrap('model.keras')"
    )


def recent(model: Any, **options: Any) -> "ImageClassifier":
    """`wrap`, but the models given last keep their Classifier, so that nothing is compiled twice.

    Example:
        >>> import keras
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> recent(network) is recent(network)
        True
    """
    if isinstance(model, (str, Path)):
        return wrap(model, **options)
    key = (id(model), *_parts(model), *sorted(options.items()))
    if key not in _RECENT:
        _RECENT[key] = wrap(model, **options)
    _RECENT.move_to_end(key)
    while len(_RECENT) > _KEPT:
        _RECENT.popitem(last=False)
    return _RECENT[key]


def _parts(model: Any) -> tuple[int, ...]:
    """What tells a model apart from itself after a layer or an activation was replaced."""
    if hasattr(model, "_flatten_layers"):
        layers = list(model._flatten_layers())
        return tuple(id(x) for layer in layers for x in (layer, getattr(layer, "activation", None)))
    return tuple(id(module) for module in model.modules()) if hasattr(model, "modules") else ()


def _known_precision(precision: str) -> str:
    if precision not in ("float32", "bfloat16"):
        raise ModelError(
            f"Expected precision float32 or bfloat16, got {precision!r}. Try: precision='bfloat16'"
        )
    return precision
