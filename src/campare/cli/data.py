"""`campare data`: draw the default set, import a data set, plant a cue into one's own images."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, Option, Typer

from campare.cli.options import (
    DATA,
    LAST_SEED,
    MOST_IMAGES,
    MOST_PIXELS,
    AnnotationsAs,
    Group,
    Labels,
    MaskValues,
    columns,
    finite,
    located,
    words,
)
from campare.cli.terminal import say
from campare.errors import DataError

if TYPE_CHECKING:
    from campare.data import ImageSet

data_app = Typer(
    help="Make data: draw the default set, import a data set, plant a cue into your own images."
)


@data_app.command()
def draw(
    out: Annotated[Path, Argument(metavar="OUT", help="A new folder.")],
    classes: Annotated[
        Sequence[str], Option(parser=words, metavar="NAME,...", help="cat,dog or others.")
    ] = "cat,dog",
    train: Annotated[int, Option(min=2, max=MOST_IMAGES, help="Images to train on.")] = 600,
    test: Annotated[int, Option(min=2, max=MOST_IMAGES, help="Images to test on.")] = 200,
    size: Annotated[int, Option(min=16, max=MOST_PIXELS, help="Pixels a side.")] = 96,
    seed: Annotated[int, Option(min=0, max=LAST_SEED, help="Another seed, other images.")] = 0,
    shortcut: Annotated[
        float | None,
        Option(
            min=0,
            max=1,
            callback=finite,
            help="Plant a cue that agrees with the label this often.",
        ),
    ] = None,
) -> None:
    """Draw animals with exact masks and write them as an ordinary folder."""
    from campare.data import ImageSet

    images = ImageSet.drawn(
        classes, train=train, test=test, size=size, seed=seed, shortcut=shortcut
    )
    _write(images, out)


@data_app.command("import")
def import_(
    path: Annotated[str, Argument(metavar="PATH", help="The folder of a data set, or its URL.")],
    out: Annotated[Path, Argument(metavar="OUT", help="A new folder, one folder a class.")],
    format: Annotated[
        str | None,
        Option(
            help="coco, yolo, voc, labelme, label-studio, mvtec, huggingface, table, folders, "
            "cvat, labelme-xml, open-images, roboflow, or one of Datumaro's. Default: as the files "
            "say."
        ),
    ] = None,
    several: Annotated[
        Literal["largest", "leave-out"],
        Option(help="An image of several classes: that of the largest area, or none."),
    ] = "largest",
    background: Annotated[
        str | None,
        Option(metavar="CLASS", help="The class of images without a label. Default: left out."),
    ] = None,
    labels: Labels = None,
    classes_from: Annotated[
        Literal["folders", "labels"] | None,
        Option(
            help="What says the class of an image: its folder, or the labels of its objects. "
            "Default: its folder, where the labels do not contradict."
        ),
    ] = None,
    keep_splits: Annotated[
        bool, Option(help="Whether the data set's own train and test count.")
    ] = True,
    window: Annotated[
        str | None,
        Option(help="Of pixels wider than 8 bits: LOW..HIGH or CENTER,WIDTH. DICOM: the file's."),
    ] = None,
    slices: Annotated[
        Literal["all", "masked", "middle"] | None,
        Option(help="Of a volume. Default: those with a mask, where there are masks."),
    ] = None,
    columns: Annotated[
        Any,
        Option(
            parser=columns,
            metavar="WHAT=NAME,...",
            help="Of a table: image=ImageId,label=ClassId,mask=EncodedPixels; also group, split.",
        ),
    ] = None,
    rle: Annotated[
        Literal["columns", "rows"], Option(help="The way of a table's run lengths.")
    ] = "columns",
    mask_values: MaskValues = None,
    annotations_as: AnnotationsAs = None,
    group: Group = None,
    seed: Annotated[int, Option(min=0, max=LAST_SEED, help="Of a split that is drawn.")] = 0,
) -> None:
    """Write a data set in another format as an ordinary folder, and say what was left out."""
    from campare.data import ImageSet

    _require_outside(located(path), out)
    images = ImageSet.from_dataset(
        located(path),
        format,
        several=several,
        background=background,
        labels=labels,
        classes_from=classes_from,
        keep_splits=keep_splits,
        window=window,
        slices=slices,
        columns=columns,
        rle=rle,
        mask_values=mask_values,
        annotations_as=annotations_as,
        group=group,
        seed=seed,
    )
    _write(images, out)
    for split, each in images.counts().items():
        say(f"{split}: " + ", ".join(f"{name} {count}" for name, count in each.items()))
    for line in images.inventory.lines([sample.image for sample in images.of("test")]):
        say(line)


@data_app.command()
def plant(
    data: Annotated[str, Argument(metavar="DATA", help=DATA)],
    out: Annotated[Path, Argument(metavar="OUT", help="A new folder.")],
    p: Annotated[
        float,
        Option(
            "--p",
            min=0,
            max=1,
            callback=finite,
            help="How often the cue agrees with the label.",
        ),
    ] = 0.95,
    seed: Annotated[int, Option(min=0, max=LAST_SEED, help="Of the draw.")] = 0,
    mask_values: MaskValues = None,
    labels: Labels = None,
    annotations_as: AnnotationsAs = None,
    group: Group = None,
) -> None:
    """Copy a folder with a small cue planted into its images, and masks of the cue."""
    from campare.data import ImageSet
    from campare.data.cue import plant as plant_cue

    _require_outside(located(data), out)
    images = ImageSet.from_folder(
        located(data),
        mask_values=mask_values,
        labels=labels,
        annotations_as=annotations_as,
        group=group,
    )
    _write(plant_cue(images, p=p, seed=seed), out)


def _require_outside(data: str | Path, out: Path) -> None:
    if isinstance(data, Path) and out.resolve().is_relative_to(data.resolve()):
        raise DataError(
            f"Expected a folder outside of {data}, got {out}, which would become a class of it. "
            "Try: another OUT"
        )


def _write(images: "ImageSet", out: Path) -> None:
    from campare.data.folder import write_folder

    write_folder(images, out)
    counts = {split: sum(each.values()) for split, each in images.counts().items()}
    say(f"{out}: " + ", ".join(f"{n} {split} images" for split, n in counts.items()))
