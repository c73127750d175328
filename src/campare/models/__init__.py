"""Any classifier as a `Classifier`: NumPy in and out, layers by path, one of them tapped."""

import weakref
from collections.abc import Callable, Sequence
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from campare.arguments import checked
from campare.errors import LayerError, ModelError

if TYPE_CHECKING:
    from campare.models.base import ImageClassifier

__all__ = ["recent", "wrap"]

#: How the tokens of a sequence lie: (height, width), (height, width, how many are in front), or a
#: function that makes (N, h, w, C) of a layer's output.
LayerGrid = Sequence[int] | Callable[[Any], Any] | None

#: How many classifiers of one model are kept: one for each way to wrap it.
_KEPT = 4


@checked("precision", "task")
def wrap(
    model: Any,
    *,
    name: str | None = None,
    class_names: Sequence[str] | None = None,
    output: str | int | None = None,
    input_shape: tuple[int | None, ...] | None = None,
    precision: Literal["float32", "bfloat16"] = "float32",
    compile: bool = False,
    layer_grid: LayerGrid = None,
    task: Literal["binary", "regression"] | None = None,
    loader: str | Callable[[str], Any] | None = None,
    trust: bool = False,
    prompts: Any = None,
    input: str | int | None = None,
) -> "ImageClassifier":
    """Make a Classifier of a Keras 3 model, a torch module or a line that says where one is.

    A line, such as 'model.keras' or 'timm:resnet50', is what `campare.load` takes, with `loader`,
    `trust` and `prompts` as there; pictures are prepared by what `campare.load` finds.

    `output` names one of several outputs. `input_shape` (H, W, C), (T, C) or (D, H, W, C) is for
    torch modules that take one size only and do not say which, or whose first convolution does not
    say how many sides an input has. `precision='bfloat16'` computes the network in bfloat16 and
    the maps in float32. `compile` spends seconds to a minute once, on XLA (TensorFlow) or Inductor
    (PyTorch), for faster passes. Where it would lose, as with depthwise convolutions in XLA on a
    CPU, it is left. `layer_grid` is for layers in which no grid can be found: (height, width) of
    the patches, (height, width, tokens in front), or a function that makes (N, h, w, C) of the
    layer's output, in its framework's arrays, by moving what is there (indexing, reshape, permute).
    `task` says what an output of one unit is: 'binary', two classes, of which it is the logit of
    the second, or 'regression', a value, whose maps show what raises it. Without a sigmoid behind
    it, None takes it for binary, and explain() warns. A Classifier is returned as it is, or, with
    another `layer_grid`, `task`, `input` or `output`, as one that differs in these alone. `input`
    is the name or position of the one of several inputs that is explained.

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
        "task": _known_task(task),
        "layer_grid": known_layer_grid(layer_grid),
        "input": input,
    }
    if isinstance(model, (str, Path)) or loader is not None:
        from campare.models.loaders import load

        model = load(model, loader=loader, trust=trust, prompts=prompts)
    if hasattr(model, "preprocessing") and hasattr(model, "source"):  # a Loaded
        options["name"] = name or model.name or None
        options["class_names"] = names or model.class_names
        model = model.model
    known = _kind_of(model)
    if known:
        raise ModelError(known)
    families = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    if hasattr(model, "tap") and hasattr(model, "start"):  # a Classifier, ours or a user's own
        own: ImageClassifier = model
        given = {name: options[name] for name in ("layer_grid", "task", "input", "output")}
        given = {name: value for name, value in given.items() if value is not None}
        return own.with_settings(**given) if given else own
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


def _kind_of(model: Any) -> str:
    """What is to be said of something that is often taken for a model; nothing of others."""
    kind = type(model).__name__
    modules = {base.__module__ for base in type(model).__mro__}
    families = {module.partition(".")[0] for module in modules}
    if isinstance(model, type):
        return f"Expected a model, got the class {model.__name__}. Try: {model.__name__}()"
    if isinstance(model, dict) and model and all(hasattr(each, "shape") for each in model.values()):
        return (
            f"Expected a model, got {len(model)} weights ({next(iter(model))}, ...), which say no "
            "architecture. Try: network.load_state_dict(weights), and that network"
        )
    if isinstance(model, (list, tuple, dict, set)):
        return (
            f"Expected one model, got {kind} of {len(model)}. Try: one of them at a time, or their "
            "mean as one model, as in docs/wrappers.md"
        )
    if "tf_keras" in families:
        return (
            f"Expected a Keras 3 model, got {kind} of tf_keras, which is Keras 2. Try: the same "
            "network built with Keras 3, network.set_weights(model.get_weights()), as in "
            "docs/wrappers.md"
        )
    if kind in ("Interpreter", "SignatureRunner") and not families & {"torch", "keras"}:
        return (
            f"Expected a Keras 3 model or a torch module, got the {kind} of TFLite, which has no "
            "gradients. Try: the model that it was converted from, or docs/wrappers.md"
        )
    if "tensorflow" in families and not families & {"keras", "torch"} and callable(model):
        return (
            f"Expected a Keras 3 model, got {kind}, a SavedModel, whose layers cannot be tapped. "
            "Try: the .keras file that it was exported from, or docs/wrappers.md"
        )
    return ""


def known_layer_grid(layer_grid: LayerGrid) -> Any:
    """`layer_grid` as two or three whole numbers, or a function; None.

    Raises:
        LayerError: it is something else.

    Example:
        >>> known_layer_grid([14, 14, 1])
        (14, 14, 1)
    """
    if layer_grid is None or callable(layer_grid):
        return layer_grid
    try:
        numbers = tuple(index(number) for number in layer_grid)
    except TypeError:
        numbers = ()
    if len(numbers) not in (2, 3) or min(numbers[:2]) < 1 or min(numbers) < 0:
        raise LayerError(
            "Expected layer_grid as (height, width) or (height, width, tokens in front), or a "
            f"function of the layer's output, got {layer_grid!r}. Try: layer_grid=(14, 14, 1)"
        )
    return numbers


def recent(model: Any, **options: Any) -> "ImageClassifier":
    """`wrap`, but a model keeps its Classifier as long as it lives: nothing is compiled twice.

    Example:
        >>> import keras
        >>> network = keras.Sequential([
        ...     keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="conv"),
        ...     keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
        ... ])
        >>> recent(network) is recent(network)
        True
    """
    kept = _kept_by(model)
    if kept is None:
        return wrap(model, **options)
    if "layer_grid" in options:
        options["layer_grid"] = known_layer_grid(options["layer_grid"])
    key = tuple(sorted((name, value) for name, value in options.items() if value is not None))
    if key not in kept:
        kept[key] = wrap(model, **options)
        if len(kept) > _KEPT:
            del kept[next(iter(kept))]
    return kept[key]


class _Kept(dict[Any, "ImageClassifier"]):
    """The classifiers of one model by the options of `wrap`.

    The model itself holds them, so that they go when it goes. They are no part of it: a copy, also
    one on disk, has an empty dict there.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = weakref.ref(model)

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return dict, ()


def _kept_by(model: Any) -> _Kept | None:
    """The classifiers of a Keras model or torch module; None for anything else.

    They lie in an object that the framework gave the model, past the model's own attributes.
    """
    holder = getattr(model, "_tracker", None) or getattr(model, "_forward_hooks", None)
    attributes = getattr(holder, "__dict__", None)
    if attributes is None:
        return None
    kept = attributes.get("campare")
    if not isinstance(kept, _Kept) or kept.model() is not model:  # a shallow copy shares it
        attributes["campare"] = kept = _Kept(model)
    return kept


def _known_task(task: str | None) -> str | None:
    if task not in (None, "binary", "regression"):
        raise ModelError(
            f"Expected a task binary or regression, got {task!r}. Try: task='regression'"
        )
    return task


def _known_precision(precision: str) -> str:
    if precision not in ("float32", "bfloat16"):
        raise ModelError(
            f"Expected precision float32 or bfloat16, got {precision!r}. Try: precision='bfloat16'"
        )
    return precision
