"""Reads one image of a folder with its masks, and checks that they can be used.

Boxes and outlines become the object's mask; a mask of the stored size is turned with its image.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from PIL import UnidentifiedImageError

from campare.data.annotations import Annotation, object_mask
from campare.data.decode import Decoded, Picture, decode_image, upright
from campare.data.kept import Kept
from campare.data.masks import Mask, UnclearMaskError, Value, not_two_values, read_mask
from campare.data.samples import Sample
from campare.errors import DataError
from campare.types import Bools
from campare.untrusted import LARGEST, read_bytes

#: The bytes of a file, or its path.
Content = bytes | Path

_READ = 2**26  # bytes; larger files are not read whole


class Check(NamedTuple):
    """What the first pass learns of an image."""

    image: str
    hashes: Mapping[str, str]  # path below the root -> sha256 of the file, masks too
    areas: Mapping[str, tuple[int, int]] = {}  # region -> pixels inside its mask, and in all
    levels: Mapping[str, int | str] = {}  # path of a mask of two values -> the one inside
    is_around: bool = False  # whether its object's mask holds the whole border of the image
    is_ambiguous: bool = False  # whether ground truth may be on either grid of a turned photo
    unclear: UnclearMaskError | None = None  # of its object's mask
    reason: str = ""  # why it cannot be used


@dataclass(frozen=True)
class FolderReader:
    """Reads a sample of a folder with its masks; boxes and outlines become masks.

    Attributes:
        root: the folder.
        masks: image id -> region -> paths of its masks below the root, which are united.
        shapes: image id -> region -> annotations, used where it has no mask of that region.
        values: image id -> values that are inside its object mask; absent: `masks.py` decides.
        others: image id -> values in it that mean other classes: they are the region `other`.
        displayed: whether ground truth that may be on either grid is on the displayed one.
        digests: path -> the beginning of the SHA-256 of what was indexed; absent: not checked.
        kept: pictures that `check` decoded.
    """

    root: Path
    masks: Mapping[str, Mapping[str, tuple[str, ...]]]
    shapes: Mapping[str, Mapping[str, tuple[Annotation, ...]]]
    values: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    others: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    displayed: bool = False
    digests: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    kept: Kept = field(default_factory=Kept, repr=False, compare=False)

    def __call__(self, sample: Sample) -> Picture:
        """The picture of a sample; DataError where a file cannot be read any more."""
        return self.kept.get(sample.image) or self._read(sample)

    def _read(self, sample: Sample) -> Picture:
        try:
            files = self._contents(sample.image)
            self._require_same(files)
            decoded = decode_image(files[sample.image])
        except Exception as error:  # a corrupt file makes Pillow raise nearly anything
            raise DataError(
                f"Expected image {sample.image} to be as it was when the folder was indexed, got "
                f"{reason(error)}. Try to start anew."
            ) from error
        try:
            return _picture(decoded, self._regions(sample.image, decoded, files))
        except UnclearMaskError as error:
            raise not_two_values(self.masks[sample.image]["object"][0], error) from error

    def check(self, image: str) -> Check:
        """Read an image with its masks once: hash them, and see whether they can be used."""
        hashes: dict[str, str] = {}
        try:
            files = self._contents(image)
            hashes = {path: _digest(content).hex() for path, content in files.items()}
            decoded = decode_image(files[image])
        except Exception as error:  # as above
            return Check(image, hashes, reason=reason(error))
        try:
            masks = self._regions(image, decoded, files)
        except UnclearMaskError as error:
            return Check(image, hashes, unclear=error)
        self.kept.add(image, _picture(decoded, masks))
        return Check(
            image,
            hashes,
            areas={
                region: (int(mask.inside.sum()), mask.inside.size) for region, mask in masks.items()
            },
            levels={
                self.masks[image][region][0]: mask.level
                for region, mask in masks.items()
                if mask.level is not None
            },
            is_around="object" in masks and _holds_border(masks["object"].inside),
            is_ambiguous=self._is_ambiguous(image, decoded, masks),
        )

    def _is_ambiguous(self, image: str, decoded: Decoded, masks: Mapping[str, Mask]) -> bool:
        """Whether some ground truth may be on either grid of a turned photo."""
        of_files = self.masks.get(image, {})
        shapes = [of for region, of in self.shapes.get(image, {}).items() if region not in of_files]
        sizes = [each.size for of in shapes for each in of]
        files = [masks[region].inside.shape for region in of_files]
        return any(map(decoded.is_ambiguous, [*sizes, *files]))

    def _require_same(self, files: Mapping[str, Content]) -> None:
        for path, content in files.items():
            digest = self.digests.get(path)
            if digest is not None and not _digest(content).startswith(digest):
                raise ValueError(f"another content of {path}")

    def _contents(self, image: str) -> dict[str, Content]:
        """The files of an image and its masks: their bytes, of a large one its path."""
        paths = (image, *(path for of in self.masks.get(image, {}).values() for path in of))
        return {path: _content(self.root / path) for path in paths}

    def _regions(
        self, image: str, decoded: Decoded, files: Mapping[str, Content]
    ) -> dict[str, Mask]:
        of_files = self.masks.get(image, {})

        def united(region: str, values: Sequence[Value] | None) -> Mask:
            return _united(
                [
                    self._mask(region, path, files[path], image, decoded, values)
                    for path in of_files[region]
                ]
            )

        regions = {
            region: united(region, self.values.get(image) if region == "object" else None)
            for region in of_files
        }
        shapes = {r: of for r, of in self.shapes.get(image, {}).items() if r not in regions}
        if self.others.get(image) and "object" in regions and "other" not in regions:
            shapes.pop("other", None)
            inside = united("object", self.others[image]).inside & ~regions["object"].inside
            regions |= {"other": Mask(inside)} if inside.any() else {}
        for region, of in shapes.items():
            regions[region] = Mask(object_mask(of, image, decoded, displayed=self.displayed))
        return regions

    def _mask(
        self,
        region: str,
        path: str,
        content: Content,
        image: str,
        decoded: Decoded,
        values: Sequence[Value] | None,
    ) -> Mask:
        try:
            mask = read_mask(content, values)
        except UnclearMaskError as error:
            if region == "object":
                raise
            raise DataError(
                f"Expected two values in mask {path}, black outside, got {error}. "
                "Try to save it with black outside and white inside."
            ) from error
        except Exception as error:  # a corrupt file makes Pillow raise nearly anything
            raise DataError(
                f"Expected a readable mask in {path}, got {reason(error)}. "
                "Try to save it anew as PNG."
            ) from error
        inside = _displayed(mask.inside, path, image, decoded, is_so=self.displayed)
        return mask._replace(inside=inside)


def _content(path: Path) -> Content:
    """The bytes of a file; its path where these are many, or what is wrong with it is an error."""
    if path.is_file() and _READ < path.stat().st_size <= LARGEST:
        return path
    return read_bytes(path)


def _digest(content: Content) -> bytes:
    """SHA-256 of a file."""
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _holds_border(mask: Bools) -> bool:
    """Whether a mask holds the whole border, but not the whole image."""
    edges = (mask[0], mask[-1], mask[:, 0], mask[:, -1])
    return all(bool(edge.all()) for edge in edges) and not mask.all()


def _united(masks: Sequence[Mask]) -> Mask:
    """One mask of the parts of an object, with the level of the first."""
    inside = masks[0].inside
    for mask in masks[1:]:
        inside = inside | mask.inside
    return Mask(inside, masks[0].level)


def _picture(decoded: Decoded, masks: Mapping[str, Mask]) -> Picture:
    return Picture(decoded.image, {region: mask.inside for region, mask in masks.items()})


def _displayed(mask: Bools, path: str, image: str, decoded: Decoded, *, is_so: bool) -> Bools:
    """A mask on the displayed grid: turned with its image if it has the size that is stored."""
    unclear = decoded.is_ambiguous(mask.shape)
    if mask.shape == decoded.stored and not (unclear and is_so):
        return upright(mask, decoded.orientation)
    if mask.shape == decoded.shown:
        return mask
    raise DataError(
        f"Expected mask {path} to have the size of image {image}, {_size(decoded.stored)}, got "
        f"{_size(mask.shape)}. Try to make the mask anew from that image."
    )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]} x {shape[0]} pixels"


def reason(error: Exception) -> str:
    """What is wrong with a file, in one line for people.

    Example:
        >>> reason(ValueError("no pixels"))
        'no pixels'
    """
    if isinstance(error, UnidentifiedImageError):
        return "no image that Pillow can read"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__
