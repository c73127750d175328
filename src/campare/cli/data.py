"""`campare data`: draw the default set, or plant a cue into images of one's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, Typer

from campare.cli.options import AnnotationsAs, Group, Labels, MaskValues, words
from campare.errors import DataError

if TYPE_CHECKING:
    from campare.data import ImageSet

data_app = Typer(help="Make data: draw the default set, or plant a cue into your own images.")


@data_app.command()
def draw(
    out: Annotated[Path, Argument(metavar="OUT", help="A new folder.")],
    classes: Annotated[
        Sequence[str], Option(parser=words, metavar="NAME,...", help="cat,dog or others.")
    ] = "cat,dog",
    train: Annotated[int, Option(min=2, help="Images to train on.")] = 600,
    test: Annotated[int, Option(min=2, help="Images to test on.")] = 200,
    size: Annotated[int, Option(min=16, help="Pixels a side.")] = 96,
    seed: Annotated[int, Option(help="Another seed, other images.")] = 0,
    shortcut: Annotated[
        float | None,
        Option(min=0, max=1, help="Plant a cue that agrees with the label this often."),
    ] = None,
) -> None:
    """Draw animals with exact masks and write them as an ordinary folder."""
    from campare.data import ImageSet

    images = ImageSet.drawn(
        classes, train=train, test=test, size=size, seed=seed, shortcut=shortcut
    )
    _write(images, out)


@data_app.command()
def plant(
    data: Annotated[Path, Argument(metavar="DATA", help="A folder of images, one folder a class.")],
    out: Annotated[Path, Argument(metavar="OUT", help="A new folder.")],
    p: Annotated[
        float, Option("--p", min=0, max=1, help="How often the cue agrees with the label.")
    ] = 0.95,
    seed: Annotated[int, Option(help="Of the draw.")] = 0,
    mask_values: MaskValues = None,
    labels: Labels = None,
    annotations_as: AnnotationsAs = None,
    group: Group = None,
) -> None:
    """Copy a folder with a small cue planted into its images, and masks of the cue."""
    from campare.data import ImageSet
    from campare.data.cue import plant as plant_cue

    if out.resolve().is_relative_to(data.resolve()):
        raise DataError(
            f"Expected a folder outside of {data}, got {out}, which would become a class of it. "
            "Try: another OUT"
        )
    images = ImageSet.from_folder(
        data,
        mask_values=mask_values,
        labels=labels,
        annotations_as=annotations_as,
        group=group,
    )
    _write(plant_cue(images, p=p, seed=seed), out)


def _write(images: "ImageSet", out: Path) -> None:
    from campare.data.folder import write_folder

    write_folder(images, out)
    counts = {split: sum(each.values()) for split, each in images.counts().items()}
    print(f"{out}: " + ", ".join(f"{n} {split} images" for split, n in counts.items()))
