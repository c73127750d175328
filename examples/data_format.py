"""A data format of your own: a list of samples, and a function that reads one of them.

Here a table `labels.csv` (file, label, split) beside a folder of photographs, with outlines of the
object as circles (x, y, radius in pixels). What reads a sample returns a Picture: the image
(H, W, 3) and its masks (H, W), by region. Nothing is read before it is needed.
"""

import csv
import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from campare import ImageSet
from campare.data import Picture, Sample


@dataclass(frozen=True)
class Circles:
    """Reads a photograph and the circle around its object."""

    folder: Path
    circles: dict[str, tuple[float, float, float]]

    def __call__(self, sample: Sample) -> Picture:
        """The picture of a sample."""
        with Image.open(self.folder / sample.image) as stored:
            image = np.asarray(stored.convert("RGB"))
        rows, columns = np.indices(image.shape[:2]) + 0.5
        x, y, radius = self.circles[sample.image]
        return Picture(image, {"object": np.hypot(columns - x, rows - y) <= radius})


def from_table(folder: Path) -> ImageSet:
    """The images that `labels.csv` lists."""
    table = folder / "labels.csv"
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    names = tuple(sorted({row["label"] for row in rows}))
    content = hashlib.sha256(table.read_bytes())
    for row in rows:
        content.update((folder / row["file"]).read_bytes())
    return ImageSet(
        name=folder.name,
        class_names=names,
        samples=tuple(Sample(r["file"], names.index(r["label"]), r["split"]) for r in rows),
        read=Circles(
            folder, {r["file"]: (float(r["x"]), float(r["y"]), float(r["radius"])) for r in rows}
        ),
        fingerprint=content.hexdigest(),
        regions=("object",),
    )


def main() -> None:
    """Draw balls, write them in the format, and read them back."""
    folder = Path(tempfile.mkdtemp()) / "balls"
    folder.mkdir()
    rng = np.random.default_rng(0)
    lines = ["file,label,split,x,y,radius"]
    for number in range(12):
        color = ("red", "blue")[number % 2]
        x, y = rng.integers(20, 44, 2)
        picture = Image.new("RGB", (64, 64), "gray")
        ImageDraw.Draw(picture).ellipse((x - 10, y - 10, x + 10, y + 10), fill=color)
        picture.save(folder / f"{number}.png")
        lines.append(f"{number}.png,{color},{'test' if number < 4 else 'train'},{x},{y},10")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n", "utf-8")

    images = from_table(folder)
    test = images.load("test", 64)
    print(images)
    print(f"the object covers {test.regions['object'].mean():.1%} of the image")


if __name__ == "__main__":
    main()
