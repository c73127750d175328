"""NIfTI and DICOM: small files, mutants that stay of the format, and what reads them."""

import gzip
import io
import random
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from campare.data.formats.pictures import Window, read_mask_slices, read_picture, slices_of
from campare.errors import CampareError
from fuzz.mutate import STRUCTURED, TOKENS, of_bytes

_GZIP = b"\x1f\x8b"
#: Fields of NIfTI's header: offset -> how they are packed.
_FIELDS = {
    0: "<i", **dict.fromkeys(range(40, 56, 2), "<h"), 70: "<h", 72: "<h",
    **dict.fromkeys(range(76, 124, 4), "<f"), 123: "<b", 252: "<h", 254: "<h",
    **dict.fromkeys(range(256, 328, 4), "<f"), 344: "<i",
}  # fmt: skip
_NUMBERS = (0, 1, 2, 3, 4, 7, 8, 16, 32, 64, 127, 128, 256, 512, 768, 1024, 1280, 2048, 2304, -1,
            -2, 348, 352, 32767, -32768)  # fmt: skip
_REALS = (0.0, 1.0, -1.0, 0.5, 352.0, 1e-30, 1e30, 3e38, float("nan"), float("inf"), -1e9)
#: Kinds of DICOM's values whose length has four bytes.
_LONG = (b"OB", b"OW", b"OF", b"OD", b"OL", b"SQ", b"UC", b"UN", b"UR", b"UT")
_KINDS = (b"US", b"SS", b"DS", b"IS", b"CS", b"OB", b"OW", b"SQ", b"UN", b"FD")
_TEXTS = (*TOKENS, "MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_FULL", "SIGMOID",
          "LINEAR_EXACT", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99",
          "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.5", "40\\80", "-1", "1.5",
          "1e4")  # fmt: skip


def nifti() -> Sequence[bytes]:
    """Volumes of a few types, one of them packed."""
    import nibabel

    rng = np.random.default_rng(0)
    found = []
    for kind in (np.uint8, np.int16, np.float32):
        values = rng.integers(0, 200, (4, 5, 3)).astype(kind)
        found.append(nibabel.Nifti1Image(values, np.diag([1, 2, 3, 1])).to_bytes())
    values = (rng.random((4, 5, 1, 1)) > 0.5).astype(np.uint8)
    found.append(nibabel.Nifti1Image(values, np.eye(4)).to_bytes())
    return [*found, gzip.compress(found[1], 1, mtime=0)]


def dicom() -> Sequence[bytes]:
    """An image of 16 bits with a window, one of colors, one of two frames, and a mask."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

    rng = np.random.default_rng(0)
    found = []
    for colors, bits, frames, is_mask in (
        (1, 16, 1, False), (3, 8, 1, False), (1, 8, 2, False), (1, 8, 1, True),
    ):  # fmt: skip
        one = Dataset()
        one.file_meta = FileMetaDataset()
        one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        one.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
        one.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        one.SOPClassUID, one.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
        one.Rows, one.Columns, one.SamplesPerPixel = 4, 6, colors
        one.PhotometricInterpretation = "RGB" if colors == 3 else "MONOCHROME2"
        one.BitsAllocated = one.BitsStored = bits
        one.HighBit, one.PixelRepresentation = bits - 1, 0
        if colors == 3:
            one.PlanarConfiguration = 0
        if frames > 1:
            one.NumberOfFrames = frames
        if bits == 16:
            one.WindowCenter, one.WindowWidth = [40, 80], [400, 1500]
            one.RescaleSlope, one.RescaleIntercept = 1, -1024
            one.VOILUTFunction = "LINEAR"
        pixels = rng.bytes(4 * 6 * colors * frames * bits // 8)
        one.PixelData = bytes(value % 2 for value in pixels) if is_mask else pixels
        file = io.BytesIO()
        one.save_as(file, enforce_file_format=True)
        found.append(file.getvalue())
    return found


def of_nifti(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Numbers of the header, changed."""
    if content.startswith(_GZIP):
        return gzip.compress(of_nifti(rng, gzip.decompress(content), seeds), 1, mtime=0)
    changed = bytearray(content)
    for __ in range(rng.choice((1, 1, 2, 4))):
        at = rng.choice([*_FIELDS])
        kind = _FIELDS[at]
        value = rng.choice(_REALS if kind == "<f" else _NUMBERS)
        struct.pack_into(kind, changed, at, max(-128, min(127, value)) if kind == "<b" else value)
    return bytes(changed[: rng.choice((None, None, None, len(changed) - 5))])


def of_dicom(rng: random.Random, content: bytes, seeds: Sequence[bytes]) -> bytes:
    """Elements, changed, doubled or left out; all have the length that they say."""
    elements, at = [], 132
    while at + 8 <= len(content):
        kind = content[at + 4 : at + 6]
        wide = kind in _LONG
        start = at + (12 if wide else 8)
        size = int.from_bytes(content[start - (4 if wide else 2) : start], "little")
        elements.append([content[at : at + 4], kind, content[start : start + size]])
        at = start + size
    for __ in range(rng.choice((1, 1, 2, 4))):
        one, how = rng.choice(elements), rng.randrange(7)
        if how == 0 and len(elements) > 1:
            elements.remove(one)
        elif how == 1:
            elements.insert(rng.randrange(len(elements) + 1), list(one))
        elif how == 2:
            one[1] = rng.choice(
                (b"US", b"SS", b"DS", b"IS", b"CS", b"OB", b"OW", b"SQ", b"UN", b"FD")
            )
        elif how == 3:
            one[2] = of_bytes(rng, one[2], seeds)
        elif how == 4 and one[1] in (b"US", b"SS"):
            one[2] = struct.pack("<h", rng.choice(_NUMBERS))
        elif how == 5:
            one[2] = b""
        else:
            one[2] = rng.choice(_TEXTS).encode()
        one[2] = one[2][:60_000] + b" " * (len(one[2]) % 2)
    return content[:132] + b"".join(tag + kind + _length(kind, v) + v for tag, kind, v in elements)


def _length(kind: bytes, value: bytes) -> bytes:
    if kind in _LONG:
        return b"\0\0" + struct.pack("<I", len(value))
    return struct.pack("<H", len(value))


def read(at: Callable[[], Path], suffix: str, content: bytes) -> None:
    """All that campare does with such a file; `at` gives the folder for it."""
    path = at() / f"fuzzed{suffix}{'.gz' if content.startswith(_GZIP) else ''}"
    path.write_bytes(content)
    slices: int | None = None
    with suppress(CampareError):
        slices = slices_of(path)
    for window in (None, Window(0, 200)):
        for slice_ in {0, (slices or 1) - 1}:
            with suppress(CampareError):
                read_picture(path, window, slice_)
    with suppress(CampareError):
        read_mask_slices(path, (1, 2))
    read_mask_slices(path)


STRUCTURED["nifti"] = of_nifti
STRUCTURED["dicom"] = of_dicom
