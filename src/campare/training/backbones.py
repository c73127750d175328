"""Backbones: a convolutional network without its top, its weights and its own preprocessing.

`backbone(...)` gives the network, `preprocess(...)` the arithmetic from pixels 0..255 to what
its weights were trained on, made of built-in Keras operations only, so that a saved model loads
without campare.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import keras

from campare.errors import ModelError, RecipeError
from campare.training import weight_files

ARTICLE = "article-cnn"
EMBEDDED = "embedded"

#: ImageNet's mean and standard deviation an RGB channel, in 0..255.
MEAN = (123.675, 116.28, 103.53)
STD = (58.395, 57.12, 57.375)
#: Caffe's means, in the order B, G, R.
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)

#: Input convention of each keras.applications family, by the start of its plain name.
_CONVENTIONS = (
    ("resnet50v2", "symmetric"),
    ("resnet101v2", "symmetric"),
    ("resnet152v2", "symmetric"),
    ("resnet", "caffe"),
    ("vgg", "caffe"),
    ("densenet", "standardized"),
    ("mobilenetv3", "included"),
    ("mobilenet", "symmetric"),
    ("inception", "symmetric"),
    ("xception", "symmetric"),
    ("nasnet", "symmetric"),
    ("efficientnet", "included"),
    ("convnext", "included"),
)


def resolve(name: str) -> str:
    """The plain name of a backbone: `ResNet50`, `resnet_50` and `resnet50` are `resnet50`.

    Raises:
        RecipeError: a backbone that neither campare nor keras.applications has.

    Example:
        >>> resolve("EfficientNet_B0")
        'efficientnetb0'
    """
    plain = name if name in (ARTICLE, EMBEDDED) else name.lower().replace("_", "").replace("-", "")
    known = [ARTICLE, EMBEDDED, *_applications()]
    if plain in known:
        return plain
    close = get_close_matches(plain, known, n=3, cutoff=0.5) or [EMBEDDED, "resnet50", "mobilenet"]
    raise RecipeError(
        f"Expected the name of a backbone, got {name!r}. Try {', '.join(close)} "
        "or another name of keras.applications."
    )


def preprocess(name: str, pixels: Any) -> Any:
    """Pixels 0..255 in RGB -> the input that the weights of backbone `name` expect.

    Equal to `preprocess_input` of the backbone's keras.applications module; works on symbolic
    and on real tensors (N, S, S, 3).

    Example:
        >>> import numpy as np
        >>> float(preprocess("mobilenet", np.zeros((1, 1, 1, 3), "float32"))[0, 0, 0, 0])
        -1.0
    """
    K = keras.layers
    match _convention(resolve(name)):
        case "unit":
            return K.Rescaling(1 / 255, name="preprocessing")(pixels)
        case "symmetric":
            return K.Rescaling(1 / 127.5, offset=-1.0, name="preprocessing")(pixels)
        case "standardized":
            scale = [1 / s for s in STD]
            offset = [-m / s for m, s in zip(MEAN, STD, strict=True)]
            return K.Rescaling(scale, offset=offset, name="preprocessing")(pixels)
        case "caffe":
            bgr = keras.ops.flip(pixels, axis=-1)
            offset = [-m for m in CAFFE_MEAN_BGR]
            return K.Rescaling(1.0, offset=offset, name="preprocessing")(bgr)
        case _:
            return pixels


def backbone(
    name: str, weights: str = "random", size: int = 224, options: Mapping[str, Any] | None = None
) -> Any:
    """A Keras model (size, size, 3) -> (h, w, C) without top, named after the backbone.

    `weights` is `random`, `embedded` (of the embedded backbone), `imagenet` (downloaded by
    Keras) or the path of a weights file, with or without the 1000-way top.

    Raises:
        RecipeError: an unknown backbone, or options that it does not take.
        ModelError: weights that cannot be downloaded, read or fitted.

    Example:
        >>> backbone("mobilenet", size=64, options={"alpha": 0.25}).output_shape
        (None, 2, 2, 256)
    """
    plain, options = resolve(name), dict(options or {})
    if plain in (ARTICLE, EMBEDDED):
        return _own(plain, weights, size, options)
    if weights == "embedded":
        raise RecipeError(
            f"Expected weights 'imagenet', 'random' or a file for backbone {plain!r}, "
            "got 'embedded'. Try --backbone embedded."
        )
    if weights == "random":
        return _application(plain, size, options)
    if weights == "imagenet":
        return _downloaded(plain, size, options)
    return _from_file(plain, Path(weights), size, options)


def article_cnn(pixels: Any) -> Any:
    """The convolutional part of the article's model A, (N, S, S, 3) -> (N, S/4, S/4, 64)."""
    K = keras.layers
    x = K.Conv2D(32, 3, padding="same", activation="relu", name="conv1")(pixels)
    x = K.MaxPooling2D(2, name="pool1")(x)
    x = K.Conv2D(64, 3, padding="same", activation="relu", name="conv2")(x)
    return K.MaxPooling2D(2, name="pool2")(x)


def embedded(size: int | None) -> Any:
    """The embedded backbone: a residual network (He et al. 2016) of output stride 8.

    (N, S, S, 3) in -1..1 -> (N, S/8, S/8, 128).
    """
    K = keras.layers

    def conv(x: Any, name: str, filters: int, kernel: int = 3, strides: int = 1) -> Any:
        x = K.Conv2D(filters, kernel, strides, padding="same", use_bias=False, name=f"{name}_conv")(
            x
        )
        return K.BatchNormalization(momentum=0.95, name=f"{name}_bn")(x)

    def block(x: Any, name: str, filters: int, strides: int = 1) -> Any:
        y = K.ReLU(name=f"{name}_relu1")(conv(x, f"{name}_1", filters, strides=strides))
        y = conv(y, f"{name}_2", filters)
        if strides != 1 or x.shape[-1] != filters:
            x = conv(x, f"{name}_skip", filters, kernel=1, strides=strides)
        return K.ReLU(name=f"{name}_out")(K.Add(name=f"{name}_add")([x, y]))

    inputs = keras.Input((size, size, 3), name="input")
    x = K.ReLU(name="stem_relu")(conv(inputs, "stem", 24, strides=2))  # (N, S/2, S/2, 24)
    x = block(x, "block1", 32, strides=2)  # (N, S/4, S/4, 32)
    x = block(x, "block2", 64, strides=2)  # (N, S/8, S/8, 64)
    x = block(x, "block3", 96)
    x = block(x, "block4", 128)  # (N, S/8, S/8, 128)
    return keras.Model(inputs, x, name=EMBEDDED)


def embedded_weights() -> Path:
    """The weights file of the embedded backbone, in the package."""
    return Path(str(files("campare.training") / "embedded.weights.h5"))


def _own(plain: str, weights: str, size: int, options: Mapping[str, Any]) -> Any:
    if options:
        raise RecipeError(
            f"Expected no backbone options for {plain!r}, got {', '.join(options)}. "
            "Try backbone mobilenet, which takes alpha."
        )
    if weights == "imagenet" or (plain == ARTICLE and weights == "embedded"):
        right = "'embedded', 'random' or a file" if plain == EMBEDDED else "'random'"
        raise RecipeError(
            f"Expected weights {right} for backbone {plain!r}, got {weights!r}. "
            "Try --backbone resnet50 for weights of ImageNet."
        )
    if plain == ARTICLE:
        inputs = keras.Input((size, size, 3), name="input")
        model = keras.Model(inputs, article_cnn(inputs), name=ARTICLE)
    else:
        model = embedded(size)
    if weights == "random":
        return model
    path = embedded_weights() if weights == "embedded" else weight_files.existing(Path(weights))
    if not weight_files.load(model, path):
        raise weight_files.misfit(plain, path, model)
    return model


def _applications() -> dict[str, Any]:
    """Plain name -> constructor of every network of keras.applications campare can feed."""
    home = keras.applications
    named = {n.lower(): getattr(home, n) for n in dir(home) if n[0].isupper()}
    return {n: f for n, f in named.items() if callable(f) and _convention(n)}


def _convention(plain: str) -> str:
    if plain in (ARTICLE, EMBEDDED):
        return "unit" if plain == ARTICLE else "symmetric"
    return next((kind for start, kind in _CONVENTIONS if plain.startswith(start)), "")


def _application(
    plain: str, size: int | None, options: Mapping[str, Any], weights: str | None = None
) -> Any:
    """The network without top at `size`, or with its top at its native size for size None."""
    shape = {} if size is None else {"input_shape": (size, size, 3)}
    try:
        return _applications()[plain](
            include_top=size is None, weights=weights, name=plain, **shape, **options
        )
    except (TypeError, ValueError) as error:
        given = ", ".join([f"size={size}", *(f"{k}={v}" for k, v in options.items())])
        raise RecipeError(
            f"Expected settings that backbone {plain!r} takes, got {given} "
            f"({weight_files.first_line(error)}). Try other backbone options or a larger --size."
        ) from error


def _downloaded(plain: str, size: int, options: Mapping[str, Any]) -> Any:
    try:
        return _application(plain, size, options, weights="imagenet")
    except RecipeError:
        raise
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise ModelError(
            f"Expected to download the ImageNet weights of {plain!r}, got no file "
            f"({weight_files.first_line(error)}). "
            "Try --weights FILE, or --backbone embedded, which needs none."
        ) from error


def _from_file(plain: str, path: Path, size: int, options: Mapping[str, Any]) -> Any:
    """The network with the weights of a file saved with its top, or without."""
    weight_files.existing(path)
    model = _application(plain, size, options)
    if path.suffix == ".keras":
        found = load_model(path)
        fits = weight_files.transfer(found, model)
    elif fits := weight_files.load(model, path):
        pass
    else:
        whole = _application(plain, None, options)
        fits = weight_files.load(whole, path) and weight_files.transfer(whole, model)
    if not fits:
        raise weight_files.misfit(plain, path, model)
    _refresh_normalization(plain, model)
    return model


def _refresh_normalization(plain: str, model: Any) -> None:
    """Let Normalization layers use what was loaded, as the weights were trained with it.

    EfficientNetB0 to B7 divide by the variance, not by its root. Keras adds a layer for that to
    its own download only; scaling the variance is the same: sqrt(v s) = sqrt(v) sqrt(s).
    """
    for layer in model.layers:
        if isinstance(layer, keras.layers.Normalization):
            if plain.startswith("efficientnetb"):
                layer.adapt_variance.assign(layer.adapt_variance * [s / 255 for s in STD])
            layer.finalize_state()


def load_model(path: Path) -> Any:
    """The Keras model in a file.

    Raises:
        ModelError: no Keras model in it.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # many kinds; whichever, the file is of no use
        raise ModelError(
            f"Expected a Keras model in {path.name!r}, got a file that does not load "
            f"({weight_files.first_line(error)}). Try its weights alone, in a .weights.h5 file."
        ) from error
