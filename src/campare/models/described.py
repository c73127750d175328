"""Preprocessing as libraries describe it: timm, torchvision, transformers, open_clip, Keras.

Each function reads one library's description, plain values in a mapping. A description may miss
what the library's code does, so `differs` compares with the library's own transform on a picture.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PIL import Image

from campare.data.framing import Fit, Framing
from campare.data.pixels import Normalization
from campare.models.preprocessing import Preprocessing
from campare.types import Array

#: How far pixels may differ in the mean, of 0..255: libraries round after resizing, each its way.
_TOLERANCE = 1.0

#: Pillow's numbers of interpolations, as transformers stores them.
_RESAMPLE = ("nearest", "lanczos", "bilinear", "bicubic", "box", "hamming")

#: Models of keras.applications by their names' beginnings; the others rescale by themselves.
_KERAS = {
    "vgg": "caffe",
    "resnet": "caffe",
    "densenet": "imagenet",
    "mobilenet_": "-1..1",
    "mobilenetv2_": "-1..1",
    "inception": "-1..1",
    "xception": "-1..1",
    "nasnet": "-1..1",
}


def of_timm(config: Mapping[str, Any], source: str) -> Preprocessing:
    """What `timm.data.resolve_model_data_config(model)` gives.

    Example:
        >>> found = of_timm({"input_size": (3, 224, 224), "crop_pct": 0.95,
        ...     "interpolation": "bicubic", "mean": (0.5,) * 3, "std": (0.5,) * 3}, "timm")
        >>> found.framing.words, found.words
        ('center crop of 0.95, bicubic', 'mean [0.5, 0.5, 0.5], std [0.5, 0.5, 0.5]')
    """
    _, height, width = config["input_size"]
    mean = tuple(map(float, config["mean"]))
    modes: dict[str, Fit] = {"squash": "stretch", "border": "pad"}
    fit = modes.get(config.get("crop_mode", "center"), "center-crop")
    red, green, blue = (round(255 * value) for value in (*mean, *mean, *mean)[:3])
    framing = Framing(
        fit,
        float(config["crop_pct"]),
        config["interpolation"],
        (red, green, blue) if fit == "pad" else (0, 0, 0),
    )
    numbers = Normalization(mean, tuple(map(float, config["std"])))
    return Preprocessing(numbers, framing, (int(height), int(width)), source)


def of_torchvision(preset: Any, source: str) -> Preprocessing:
    """A preset of `torchvision.transforms`: what `weights.transforms()` gives.

    Of a segmentation, whose preset crops nothing, the middle of the picture in the same resolution;
    of a detector, which resizes and standardizes by itself, pixels of 0..1 in any size.

    Example:
        >>> from types import SimpleNamespace
        >>> preset = SimpleNamespace(crop_size=[224], resize_size=[256], mean=[0.5], std=[0.5],
        ...     interpolation=SimpleNamespace(value="bilinear"))
        >>> of_torchvision(preset, "torchvision").framing.words
        'center crop of 0.875, bilinear'
    """
    if not hasattr(preset, "resize_size"):
        return Preprocessing("0..1", source=source)
    (resized,) = set(preset.resize_size)
    (side,) = set(getattr(preset, "crop_size", preset.resize_size))
    framing = Framing("center-crop", side / resized, preset.interpolation.value)
    numbers = Normalization(tuple(preset.mean), tuple(preset.std))
    return Preprocessing(numbers, framing, (side, side), source)


def of_open_clip(config: Mapping[str, Any], source: str) -> Preprocessing:
    """A model's `visual.preprocess_cfg` of open_clip.

    Example:
        >>> of_open_clip({"size": 224, "mean": (0.5,) * 3, "std": (0.5,) * 3,
        ...     "interpolation": "bicubic", "resize_mode": "squash"}, "open_clip").framing.words
        'stretched, bicubic'
    """
    size = config["size"]
    height, width = (size, size) if isinstance(size, int) else size
    fits: dict[str, Fit] = {"squash": "stretch", "longest": "pad"}
    fill = int(config.get("fill_color") or 0)
    framing = Framing(
        fits.get(config.get("resize_mode") or "shortest", "center-crop"),
        1.0,
        config.get("interpolation") or "bicubic",
        (fill, fill, fill),
    )
    numbers = Normalization(tuple(config["mean"]), tuple(config["std"]))
    return Preprocessing(numbers, framing, (height, width), source)


def of_transformers(config: Mapping[str, Any], source: str) -> Preprocessing:
    """An image processor of transformers: what `preprocessor_config.json` holds.

    Raises:
        KeyError, TypeError, ValueError: it describes something else than a resize and a crop.

    Example:
        >>> found = of_transformers({"size": {"shortest_edge": 256}, "crop_size": 224,
        ...     "do_center_crop": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}, "hf")
        >>> found.size, found.framing.crop_pct
        ((224, 224), 0.875)
    """
    resized, shape_kept = _resized(config)
    size = resized
    kind = str(config.get("image_processor_type", ""))
    if config.get("do_center_crop") and config.get("crop_size"):
        size = _sides(config["crop_size"])
    if kind.startswith("Levit"):
        resized = (int(256 / 224 * resized[0]), int(256 / 224 * resized[1]))
    elif kind.startswith("ConvNext") and resized[0] >= 384:
        shape_kept = False
    elif config.get("crop_pct") and config.get("do_resize", True):
        cut = float(config["crop_pct"])
        resized = (int(resized[0] / cut), int(resized[1] / cut))
    framing = Framing(
        "center-crop" if shape_kept else "stretch",
        size[0] / resized[0],
        _RESAMPLE[int(config.get("resample", 2))],
        half_down=True,
    )
    return Preprocessing(_normalization(config), framing, size, source)


def _resized(config: Mapping[str, Any]) -> tuple[tuple[int, int], bool]:
    """The size before the crop, and whether the picture keeps its shape."""
    size = config["size"]
    if isinstance(size, int):
        return (size, size), bool(config.get("do_center_crop"))
    if "shortest_edge" in size:
        return (int(size["shortest_edge"]), int(size["shortest_edge"])), True
    return _sides(size), False


def _sides(size: Any) -> tuple[int, int]:
    if isinstance(size, int):
        return size, size
    return int(size["height"]), int(size["width"])


def _normalization(config: Mapping[str, Any]) -> Normalization:
    """Scale, mean and standard deviation, where each is done at all."""
    scale = float(config.get("rescale_factor", 1 / 255)) if config.get("do_rescale", True) else 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    if config.get("do_normalize", True):
        mean, std = tuple(config["image_mean"]), tuple(config["image_std"])
    if config.get("rescale_offset"):
        mean = tuple(value + 1 for value in mean)
        mean, std, scale = tuple(m * 127.5 for m in mean), tuple(s * 127.5 for s in std), 1.0
    if config.get("include_top") and "Efficient" in str(config.get("image_processor_type", "")):
        std = tuple(value * value for value in std)
    order = "bgr" if config.get("do_flip_channel_order") else "rgb"
    return Normalization(mean, std, scale, order)  # type: ignore[arg-type]


def of_keras(name: str) -> Preprocessing | None:
    """The mode of `preprocess_input` for a model of keras.applications; None for other names.

    Example:
        >>> of_keras("mobilenet_0.75_224").pixels, of_keras("resnet50").pixels, of_keras("mine")
        ('-1..1', 'caffe', None)
    """
    if name.startswith("resnet") and name.endswith("v2"):
        pixels: str | None = "-1..1"
    else:
        pixels = next((p for start, p in _KERAS.items() if name.startswith(start)), None)
    if pixels is None or not _of_applications(name):
        return None
    return Preprocessing(pixels, source=f"as keras.applications has it for {name}")


def _of_applications(name: str) -> bool:
    """Whether a model of keras.applications has exactly that name by itself."""
    start, _, rest = name.partition("_")
    if start in ("mobilenet", "mobilenetv2"):
        alpha, _, side = rest.partition("_")
        return alpha.replace(".", "", 1).isdecimal() and side.isdecimal()
    return name in {
        "vgg16", "vgg19", "resnet50", "resnet101", "resnet152", "resnet50v2", "resnet101v2",
        "resnet152v2", "densenet121", "densenet169", "densenet201", "inception_v3",
        "inception_resnet_v2", "xception", "nasnet_mobile", "nasnet_large",
    }  # fmt: skip


def differs(found: Preprocessing, transform: Callable[[Image.Image], Array]) -> str:
    """In what a library's own transform differs from what was found; nothing where it does not.

    Args:
        found: by a function of this file.
        transform: PIL image -> (3, height, width).
    """
    rng = np.random.default_rng(0)
    for shape in ((293, 402), (337, 260)):  # odd margins, both ways round
        picture = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
        theirs = np.asarray(transform(Image.fromarray(picture)), np.float32).transpose(1, 2, 0)
        ours = found([picture])[0]
        if theirs.shape != ours.shape:
            return f"it gives {theirs.shape[0]} x {theirs.shape[1]} pixels"
        level = _level(found)
        if float(np.abs(theirs - ours).mean()) > _TOLERANCE * level:
            return "it gives other pixels"
    return ""


def _level(found: Preprocessing) -> float:
    """One of 255 levels of gray, in what the model takes."""
    black, white = found.numbers(np.array([[[[0, 0, 0], [255, 255, 255]]]], np.uint8))[0, 0]
    return float(np.abs(white - black).mean() / 255)
