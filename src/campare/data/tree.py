"""The files below a folder of images, and questions about its folders: which hold masks or a run.

`walk.py` finds the files; what their names mean is in `vocabulary.py`.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from shlex import quote
from typing import NamedTuple

from campare.data.masks import looks_like_mask
from campare.data.samples import REGIONS
from campare.data.vocabulary import DICOM, HEIC, NIFTI, is_hidden, means_masks
from campare.data.walk import content_of
from campare.errors import DataError

#: Folder of each region's masks.
REGION_FOLDERS = dict(zip(REGIONS, ("masks", "parts", "cues", "other-classes"), strict=True))
#: Folders straight below the root that are no classes.
RESERVED = (*REGION_FOLDERS.values(), "annotations")
#: What an error advises.
LAYOUT = "Try the layout DATA/<class>/<image> or DATA/{train,test}/<class>/<image>."
_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".gif", ".webp", ".avif", ".bmp", ".dib"),
    *(".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k", ".tga"),
)
_RUN = "run.json"
_LOOKED_AT = 3  # files of a folder that tell whether it holds masks


class MaskFolder(NamedTuple):
    """A folder of masks that has another name or lies elsewhere than README says."""

    above: str  # the folder that it is in, "" for the root
    name: str
    files: tuple[str, ...]

    @property
    def path(self) -> str:
        """Below the root."""
        return f"{self.above}/{self.name}" if self.above else self.name


@dataclass(frozen=True)
class Tree:
    """The files below a root, as paths below it, and questions about its folders."""

    root: Path
    files: Sequence[str]
    runs: Sequence[str] = ()  # folders that campare wrote, of which no file counts

    def inside(self, folder: str) -> list[str]:
        """The files in a folder and below."""
        if not folder:
            return list(self.files)
        first = bisect_left(self.files, f"{folder}/")
        return list(self.files[first : bisect_left(self.files, f"{folder}0", first)])  # / before 0

    def folders(self, folder: str = "") -> list[str]:
        """The names of the folders in a folder, with those that are empty, sorted."""
        here = self.root / folder
        return sorted(
            path.name
            for path in here.iterdir()
            if path.is_dir()
            and not is_hidden(path.name)
            and not self._of_runs(path.relative_to(self.root).as_posix())
        )

    def _of_runs(self, folder: str) -> bool:
        """Whether a folder is a run, or holds runs alone."""
        below = [run for run in self.runs if run.startswith(f"{folder}/")]
        return folder in self.runs or (bool(below) and not self.inside(folder))

    def holds_masks(self, files: Sequence[str]) -> bool:
        """Whether the first, middle and last of image files look like masks."""
        step = max(1, (len(files) - 1) // (_LOOKED_AT - 1))
        chosen = files[::step][:_LOOKED_AT]
        return bool(chosen) and all(
            looks_like_mask(content_of(self.root / file)) for file in chosen
        )

    def mask_folders(self) -> list[MaskFolder]:
        """Folders of masks that README does not name, at any depth."""
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for file in filter(is_image, self.files):
            parts = PurePosixPath(file).parts[:-1]
            if parts and parts[0] in REGION_FOLDERS.values():
                continue
            at = next((i for i, name in enumerate(parts) if means_masks(name)), None)
            if at is not None:
                found["/".join(parts[:at]), parts[at]].append(file)
        return [
            MaskFolder(above, name, tuple(files))
            for (above, name), files in found.items()
            if self.holds_masks(files)
        ]


def without_runs(root: Path, files: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files that lie in no run of campare, and the folders of runs.

    Raises:
        DataError: the root itself is one.
    """
    runs = [str(PurePosixPath(f).parent) for f in files if PurePosixPath(f).name == _RUN]
    runs = [run for run in runs if _is_run(root / run)]
    if "." in runs:
        raise DataError(f"Expected a folder of images at {root}, got a run of campare. {LAYOUT}")
    inside = tuple(f"{run}/" for run in runs)
    return [file for file in files if not file.startswith(inside)], runs


def _is_run(folder: Path) -> bool:
    """Whether campare wrote a folder as a run: its manifest says so at its beginning."""
    if not (folder / _RUN).is_file():
        return False
    with (folder / _RUN).open("rb") as file:
        return b'"campare"' in file.read(4096)


def is_image(file: str) -> bool:
    """Whether a folder takes a file as an image, by its suffix.

    Example:
        >>> is_image("cat/1.JPG"), is_image("cat/1.dcm")
        (True, False)
    """
    return file.lower().endswith(_SUFFIXES)


def unused_by_kind(files: Iterable[str], tops: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Files by kind: the first folder where that holds nothing of use, or else the suffix.

    Example:
        >>> files = ["README", "cat/1.heic", "cat/2.heic", "old/cat/1.jpg", "masks/old/1.png"]
        >>> unused_by_kind(files, ["cat", "masks"])  # doctest: +NORMALIZE_WHITESPACE
        {'without suffix': ('README',), '.heic': ('cat/1.heic', 'cat/2.heic'),
         'old/': ('old/cat/1.jpg',), 'masks/old/': ('masks/old/1.png',)}
    """
    kinds: dict[str, list[str]] = defaultdict(list)
    for file in files:
        path = PurePosixPath(file)
        if len(path.parts) > 1 and path.parts[0] not in tops:
            kind = f"{path.parts[0]}/"
        elif is_image(file) and len(path.parts) > 1:
            kind = f"{path.parent}/"
        else:
            kind = path.suffix or "without suffix"
        kinds[kind].append(file)
    return {kind: tuple(found) for kind, found in kinds.items()}


def import_of(tree: Tree, files: Sequence[str]) -> str:
    """The command that reads images of a kind that a folder does not take; "" where none is."""
    extras = {"formats": HEIC, "medical": (*DICOM, *NIFTI)}
    wanted = [e for e, ends in extras.items() if any(f.lower().endswith(ends) for f in files)]
    if not wanted:
        return ""
    extra = f"pip install 'campare[{','.join(wanted)}]'"
    return f"campare data import {quote(str(tree.root))} OUT ({extra})"
