"""What is fuzzed: every reader of campare, each with the files that its mutants are made from.

A target takes the bytes of a file. A CampareError, or what the reader's docstring says that it
raises, is an answer; any other exception is a finding, and so is one that takes too long.
"""

import contextlib
import random
import re
import tempfile
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np

from campare.cli import options
from campare.data.annotations import Annotation, object_mask, read_boxes_csv, read_coco, read_voc
from campare.data.classes import with_classes
from campare.data.decode import Decoded, opened
from campare.data.formats import coco, cvat, huggingface, labelme, labelstudio, tables, voc, yolo
from campare.data.formats.items import Files, LeftOut, Reader, Reading
from campare.data.formats.pictures import read_window
from campare.data.groups import groups_by, read_groups
from campare.data.masks import looks_like_mask, values_by_class
from campare.data.names import Names
from campare.data.reader import FolderReader
from campare.data.shapes import Polygons, Rle, area_of, fill, runs_of
from campare.data.sources import format_of
from campare.errors import CampareError
from campare.experiments import arms
from campare.experiments.outputs import read_classes
from campare.models.loaders.spec import parse
from campare.optional import name_and_parameters
from campare.stats import claims
from campare.training import recipe
from campare.untrusted import read_json, read_xml
from campare.yamlfile import plain_yaml
from fuzz import models, runs, seeds, volumes
from fuzz.later import Later, installed

IMAGE = Decoded(np.zeros((seeds.HEIGHT, seeds.WIDTH, 3), np.uint8), 1)
USUAL = Reading()
PIXELS = 2**20  # of images that are decoded
TURNED = Decoded(np.zeros((seeds.WIDTH, seeds.HEIGHT, 3), np.uint8), 6)


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        seeds: files that it reads.
        run: called with a mutant of one.
        kind: of files, for mutants that stay valid: "json", "csv", "xml", "image", ... or "".
        answers: exceptions that it documents beside CampareError.
        weight: how often it is chosen, beside others.
    """

    seeds: Sequence[bytes]
    run: Callable[[bytes], object]
    kind: str = ""
    answers: tuple[type[Exception], ...] = ()
    weight: float = 1.0


@dataclass(frozen=True)
class Held(Files):
    """A folder of four images, and files that are in memory alone."""

    contents: Mapping[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """The bytes of one."""
        return self.contents[path] if path in self.contents else super().read(path)


@cache
def folder() -> Path:
    """Four images on disk, in memory where the system has such a disk."""
    shared = Path("/dev/shm")
    root = Path(tempfile.mkdtemp(prefix="fuzz-", dir=shared if shared.is_dir() else None))
    for index, name in enumerate(seeds.NAMES):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(seeds.picture(index))
    return root


def files(**contents: bytes) -> Held:
    """The folder with more files; `a__b` is a/b, `a_json` is a.json."""
    named = {
        re.sub(r"_([a-z]+)$", r".\1", name.replace("__", "/")): content
        for name, content in contents.items()
    }
    return Held(folder(), tuple(sorted((*seeds.NAMES, *named))), (), named)


def filled(annotations: Sequence[Annotation]) -> None:
    """The masks of annotations, as an image has them."""
    for one in annotations[:8]:
        with contextlib.suppress(CampareError):
            object_mask([one], "cat/1.png", IMAGE)
        with contextlib.suppress(CampareError):
            object_mask([one], "cat/1.png", TURNED, displayed=True)


def _read(reader: Reader, name: str, content: bytes, reading: Reading = USUAL) -> None:
    """A reader of a format on a file of that name, to classes and masks."""
    found = reader(files(**{name: content}), reading)
    for item in found.items:
        filled(item.annotations)
    with_classes(list(found.items), LeftOut(), "largest", None, None)


def _of_folder(content: bytes, *, mask: bool) -> None:
    """An image, or a mask of one, of a folder."""
    with contextlib.suppress(Exception), opened(content) as header:
        if header.width * header.height > PIXELS:
            return  # valid, and as slow as it is large
    path = folder() / "fuzzed.png"
    path.write_bytes(content)
    masks = {"cat/1.png": {"object": ("fuzzed.png",), "parts": ("fuzzed.png",)}} if mask else {}
    image = "cat/1.png" if mask else "fuzzed.png"
    FolderReader(folder(), masks, {}).check(image)
    FolderReader(folder(), masks, {}, {image: (1, "nonzero", "#ff0000")}).check(image)
    looks_like_mask(content)


def _on_disk(read: Callable[[Path], object], suffix: str, content: bytes) -> None:
    path = folder() / f"fuzzed{suffix}"
    path.write_bytes(content)
    read(path)


def _runs(content: bytes) -> None:
    runs = runs_of(content.decode("latin1"))
    with contextlib.suppress(ValueError):
        fill(Rle((seeds.HEIGHT, seeds.WIDTH), runs), (seeds.HEIGHT, seeds.WIDTH))


def _polygon(content: bytes) -> None:
    numbers = np.frombuffer(content[: len(content) // 16 * 16], np.float64).tolist()
    ring = Polygons((tuple(zip(numbers[::2], numbers[1::2], strict=True)),))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        area_of(ring)
    fill(ring, (seeds.HEIGHT, seeds.WIDTH))


def _brush(content: bytes) -> None:
    labelstudio.brush(list(content), (seeds.HEIGHT, seeds.WIDTH))


def _name(content: bytes) -> str:
    """The text of an option as a command line can have it."""
    return content.decode("utf-8", "replace").replace("\0", "")[:400]


PARSERS: Mapping[str, Callable[[str], object]] = {
    "words": options.words,
    "numbers": options.numbers("--n", "1"),
    "assigned": options.assigned,
    "pixels": options.pixels,
    "loader": options.loader,
    "prompts": options.prompts,
    "layer-grid": lambda text: options.layer_grids(text.replace(":", "")),  # imports what it names
    "setting": options.setting,
    "mask-values": lambda text: values_by_class(options.mask_values(text), ["cat", "dog"]),
    "labels": options.labels,
    "columns": options.columns,
    "classes": read_classes,
    "window": read_window,
    "parameters": name_and_parameters,
    "spec": parse,
}


def _option(content: bytes) -> None:
    """An option by every parser."""
    for parser in PARSERS.values():
        with contextlib.suppress(CampareError):
            parser(_name(content))


_GROUPED = {name: name.partition("/")[0] for name in seeds.NAMES}
_NAMES = Names(seeds.NAMES)


def _groups(content: bytes) -> None:
    groups = read_groups(content, lambda name, where: _NAMES.find((name,), where=where))
    groups_by(groups, _GROUPED)


def _voc_masks(content: bytes) -> None:
    """The labelmap of masks with the colors of classes."""
    path = folder() / "SegmentationClass/1.png"
    if not path.is_file():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(seeds.masks()[3])
    held = files(labelmap_txt=content)
    named = (*held.paths, "SegmentationClass/1.png")
    voc.read(Held(held.root, tuple(sorted(named)), (), held.contents), Reading())


TARGETS: dict[str, Target] = {
    "json": Target(seeds.COCO + seeds.LABELME, read_json, "json", (ValueError,), 1),
    "xml": Target(seeds.XML, read_xml, "xml", (ValueError,), 1),
    "yaml": Target(seeds.YAML, lambda c: plain_yaml(c.decode("latin1")), "", (ValueError,), 0.4),
    "boxes.csv": Target(seeds.BOXES, lambda c: filled(read_boxes_csv(c)), "csv", weight=2),
    "groups.csv": Target(seeds.GROUPS, _groups, "csv", weight=2),
    "coco": Target(seeds.COCO, lambda c: filled(read_coco(c)), "json", weight=2),
    "voc": Target(seeds.XML, lambda c: filled(read_voc(c, "annotations/1.xml")), "xml", weight=2),
    "run-lengths": Target(seeds.RUNS, _runs, "", (ValueError,), 3),
    "polygons": Target(seeds.POLYGON, _polygon, "", (ValueError,), 2),
    "brush": Target(seeds.BRUSHES, _brush, "",
                    (ValueError, IndexError), 2),
    "image": Target(seeds.images(), partial(_of_folder, mask=False), "image", weight=0.6),
    "mask": Target(seeds.masks(), partial(_of_folder, mask=True), "image", weight=0.4),
    "import coco": Target(seeds.COCO, partial(_read, coco.read, "a_json"), "json"),
    "import labelme": Target(
        seeds.LABELME, partial(_read, labelme.read, "cat__1_json"), "json", weight=0.6
    ),
    "import label-studio": Target(
        seeds.LABEL_STUDIO, partial(_read, labelstudio.read, "a_json"), "json"
    ),
    "import huggingface": Target(
        seeds.LINES, partial(_read, huggingface.read, "metadata_jsonl"), "lines"
    ),
    "huggingface names": Target(
        seeds.README, lambda c: huggingface.names_of(files(README_md=c)), weight=0.5
    ),
    "import yolo": Target(
        seeds.YOLO, partial(_read, yolo.read, "cat__1_txt"), weight=0.5
    ),
    "yolo names": Target(
        seeds.YOLO_NAMES, lambda c: yolo.names_of(files(data_yaml=c)), "yaml", weight=0.5
    ),
    "import table": Target(
        seeds.TABLES, partial(_read, tables.read, "a_csv"), "csv", weight=0.3
    ),
    "import table, rows": Target(
        seeds.TABLES, partial(_read, tables.read, "a_tsv", reading=Reading(rle="rows")), "csv",
        weight=0.2,
    ),
    "import voc": Target(
        seeds.XML, partial(_read, voc.read, "Annotations__1_xml"), "xml", weight=0.5
    ),
    "voc labelmap": Target(seeds.LABELMAP, _voc_masks, weight=0.3),
    "import cvat": Target(
        seeds.XML,
        lambda c: [
            cvat._ellipse(thing, "a", "b")
            for image in cvat._images(files(a_xml=c), "a.xml")
            for thing in image
        ],
        "xml",
    ),
    "options": Target(seeds.OPTIONS + seeds.SPECS, _option, weight=1),
    **{
        f"format of {suffix}": Target(
            found, partial(_on_disk, format_of, suffix), kind, weight=0.4
        )
        for suffix, found, kind in (
            (".json", seeds.COCO + seeds.LABELME + seeds.LABEL_STUDIO, "json"),
            (".csv", seeds.BOXES + seeds.TABLES, "csv"),
            (".xml", seeds.XML, "xml"),
            (".txt", seeds.YOLO, ""),
            (".jsonl", seeds.LINES, "lines"),
        )
    },
    "recipes.yaml": Target(
        seeds.RECIPES, partial(_on_disk, recipe.from_yaml, ".yaml"), "yaml", weight=0.05
    ),
    "arms.yaml": Target(
        seeds.ARMS, partial(_on_disk, arms.from_yaml, ".yaml"), "yaml", (OSError,), 0.05
    ),
    "claims.yaml": Target(
        seeds.CLAIMS, partial(_on_disk, claims.from_yaml, ".yaml"), "yaml", weight=0.05
    ),
    "classes.yaml": Target(
        seeds.CLASSES, partial(_on_disk, lambda p: read_classes(str(p)), ".yaml"), "yaml",
        weight=0.05,
    ),
    "prompts.yaml": Target(
        seeds.PROMPTS, partial(_on_disk, lambda p: options.prompts(str(p)), ".yaml"), "yaml",
        weight=0.05,
    ),
    "run": Target(
        Later(partial(runs.made, folder)), partial(runs.read, folder), "run", weight=0.05
    ),
    ".keras": Target(
        Later(models.keras(".keras", folder)), partial(models.load, folder, ".keras"), "archive",
        weight=0.004,
    ),
    ".h5": Target(
        Later(models.keras(".h5", folder)), partial(models.load, folder, ".h5"), "hdf5",
        weight=0.004,
    ),
}  # fmt: skip
if installed("nibabel"):
    TARGETS["NIfTI"] = Target(
        Later(volumes.nifti), partial(volumes.read, folder, ".nii"), "nifti", weight=0.2
    )
if installed("pydicom"):
    TARGETS["DICOM"] = Target(
        Later(volumes.dicom), partial(volumes.read, folder, ".dcm"), "dicom", weight=0.2
    )
if installed("torch", "safetensors"):
    TARGETS[".pt"] = Target(
        Later(models.torch), partial(models.fit, folder, ".pt"), "archive", weight=0.1
    )
    TARGETS[".safetensors"] = Target(
        Later(models.safetensors), partial(models.fit, folder, ".safetensors"), "safetensors",
        weight=0.1,
    )  # fmt: skip


def chosen(rng: random.Random, names: Sequence[str], count: int) -> list[str]:
    """Names of targets by their weights."""
    return rng.choices(names, [TARGETS[name].weight for name in names], k=count)


__all__ = ["TARGETS", "Target", "chosen", "folder"]
