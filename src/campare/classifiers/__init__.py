"""Any image classifier as a `Classifier`: NumPy in and out, layers by path, one of them tapped."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from campare.errors import ModelError

if TYPE_CHECKING:
    from campare.classifiers.keras import KerasClassifier

__all__ = ["wrap"]


def wrap(
    model: Any, *, name: str | None = None, class_names: Sequence[str] | None = None
) -> "KerasClassifier":
    """Make a Classifier of a Keras 3 model, of the path of a saved one, or return one as it is.

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
    if isinstance(model, (str, Path)):
        from campare.classifiers.keras import load

        return load(Path(model), name=name, class_names=names)
    families = {base.__module__.partition(".")[0] for base in type(model).__mro__}
    if "keras" in families:
        from campare.classifiers.keras import KerasClassifier

        return KerasClassifier(model, name=name, class_names=names)
    if "campare" in families and hasattr(model, "tap"):
        return model  # type: ignore[no-any-return]
    raise ModelError(
        f"Expected a Keras 3 model or the path of a .keras file, got {type(model).__name__}. "
        "Try: keras.Model(...) or campare.wrap('model.keras')"
    )
