"""`campare explain`: maps of a model's answers, as pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Option

from campare.cli.options import (
    MOST_PIXELS,
    LayerGrid,
    Loader,
    ModelFile,
    Output,
    Pixels,
    Prompts,
    Trust,
    words,
)
from campare.cli.terminal import table, terminal
from campare.errors import CampareError, DataError, last_words

if TYPE_CHECKING:
    from campare.attribution.explanation import Explanation
    from campare.types import Array


def explain(
    model: ModelFile,
    images: Annotated[list[Path], Argument(metavar="IMAGE...", help="Image files.")],
    out: Annotated[Path, Option("--out", "-o", help="Folder for the overlays and the raw maps.")],
    layer: Annotated[
        Sequence[str] | None,
        Option(
            parser=words,
            metavar="LAYER,...",
            help="As in: campare list layers MODEL; several, with commas, are fused. "
            "Default: the last spatial layer that everything passes through.",
        ),
    ] = None,
    layer_grid: LayerGrid = None,
    target: Annotated[
        str | None,
        Option(help="A class by name or index, or second-best. Default: the predicted class."),
    ] = None,
    against: Annotated[
        str | None, Option(help="Another class: why --target rather than this one.")
    ] = None,
    output: Output = None,
    method: Annotated[
        str, Option("--method", "--methods", help="As in: campare list methods.")
    ] = "grad-cam",
    task: Annotated[
        Literal["binary", "regression"] | None,
        Option(help="What an output of one unit is: the second of two classes, or a value."),
    ] = None,
    size: Annotated[
        int | None,
        Option(min=8, max=MOST_PIXELS, help="Pixels a side, for a model that takes any size."),
    ] = None,
    pixels: Pixels = None,
    loader: Loader = None,
    trust: Trust = False,
    prompts: Prompts = None,
    smooth: Annotated[
        bool, Option("--smooth", help="Average over mirrored, brighter and darker copies.")
    ] = False,
) -> None:
    """Write an overlay (PNG) and the raw map (.npy) of each image."""
    from rich.text import Text

    from campare.attribution.explain import explain as run_explain
    from campare.attribution.method import reads_layer
    from campare.models import wrap
    from campare.models.loaders import load
    from campare.models.preprocessing import preprocessing

    pictures = [_picture(path) for path in images]
    loaded = load(model, loader=loader, trust=trust, prompts=prompts)
    prepared = preprocessing(pixels, loaded.preprocessing)
    classifier = wrap(loaded, output=output, task=task)
    sides = _sides(classifier.input_shape, size, prepared.size)
    explanation = run_explain(
        classifier,
        prepared.numbers(prepared.framed(pictures, sides), classifier.input_shape[-1]),
        target=_contrast(target, against),
        method=method,
        layer=layer,
        layer_grid=layer_grid,
        smooth=smooth,
    )
    windows = [prepared.framing.rectangle(picture.shape[:2], sides) for picture in pictures]
    files = explanation.save(
        out, names=[path.name for path in images], images=pictures, windows=windows
    )
    rows = table("image", "prediction", "target", "logit", "status", "overlay")
    for cells in _rows(explanation, images, files):
        rows.add_row(*(Text(cell) for cell in cells))
    console = terminal(optional=True)
    console.print(rows)
    layer_words = f" at layer {explanation.layer}" if reads_layer(method) else ""
    console.print(f"{explanation.method}{layer_words}", highlight=False)
    if prepared.source not in ("", "given"):
        words = f"Pictures: {prepared.words}, {prepared.framing.words}, {prepared.source}"
        console.print(words, highlight=False)
    if loaded.doubt:
        console.print(loaded.doubt, highlight=False)


def _rows(
    explanation: "Explanation", images: Sequence[Path], files: Sequence[Path]
) -> Iterator[tuple[str, ...]]:
    """What is said of each image: prediction, target, logit, status, where its overlay lies."""
    targets = explanation.prediction if explanation.target is None else explanation.target
    for i, (path, file) in enumerate(zip(images, files, strict=True)):
        yield (
            str(path),
            explanation.class_name(int(explanation.prediction[i])),
            explanation.class_name(int(targets[i])),
            f"{explanation.scores[i]:.3f}",
            str(explanation.status[i]),
            str(file),
        )


def _picture(path: Path) -> "Array":
    """A file as (H, W, 3) uint8."""
    from PIL import UnidentifiedImageError

    from campare.data.decode import decode_image
    from campare.untrusted import read_bytes

    if not path.exists():
        raise DataError(
            f"Expected an image file, got no such file: {str(path)!r}. Try: its path from here"
        )
    try:
        return decode_image(read_bytes(path)).image
    except Exception as error:  # Pillow raises many kinds
        unknown = isinstance(error, UnidentifiedImageError)  # its words name no file
        cause = "it begins as no image does" if unknown else last_words(error)
        raise DataError(
            f"Expected an image file, got {str(path)!r}, which cannot be read: {cause}. "
            "Try: another copy of the file, or a PNG or JPEG"
        ) from error


def _contrast(target: str | None, against: str | None) -> Any:
    """The target of explain(): a class, or one class against another."""
    if against is None:
        return target
    if target is None:
        raise CampareError(
            f"Expected --target with --against {against}, got none. "
            "Try --target CLASS, the class to explain"
        )
    from campare.models.targets import Contrast

    return Contrast(target, against)


def _sides(
    shape: tuple[int | None, ...], size: int | None, said: tuple[int, int] | None
) -> tuple[int, int]:
    """Height and width of a model's input (H, W, C); `size` where it takes any, or what is said."""
    usual = said or (None, None)
    height, width = (size or own or side for own, side in zip(shape, usual, strict=False))
    if height is None or width is None:
        raise CampareError(
            "Expected --size for a model that takes images of any size, got none. Try --size 224"
        )
    return height, width
