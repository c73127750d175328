"""Arrays into an .npz file as NumPy writes it, a part at a time, so that memory does not grow."""

from collections.abc import Mapping
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from campare.data.stored import BLOCK, LIMIT, parts, zeros
from campare.types import Array, Bools


def write_arrays(file: IO[bytes], arrays: Mapping[str, Array], *, compressed: bool) -> None:
    """Write arrays by name, as `np.savez` and `np.savez_compressed` do.

    Example:
        >>> import io
        >>> file = io.BytesIO()
        >>> write_arrays(file, {"a": np.arange(3)}, compressed=True)
        >>> _ = file.seek(0)
        >>> np.load(file)["a"].tolist()
        [0, 1, 2]
    """
    with ZipFile(file, "w", ZIP_DEFLATED if compressed else ZIP_STORED) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                if array.nbytes <= LIMIT or not array.flags.c_contiguous:
                    npy.write_array(entry, array, allow_pickle=False)
                    continue
                npy.write_array_header_1_0(entry, npy.header_data_from_array_1_0(array))
                for rows in parts(len(array), BLOCK, array):
                    entry.write(array[rows].tobytes())


def packed(masks: Bools) -> NDArray[np.uint8]:
    """`np.packbits` of masks (N, H, W): (N H W / 8,), rounded up.

    Example:
        >>> packed(np.ones((1, 2, 5), bool)).tolist()
        [255, 192]
    """
    found = zeros((-(-masks.size // 8),), np.uint8)
    done = 0
    for rows in parts(len(masks), BLOCK, masks):  # so many end with a whole byte
        bits = np.packbits(masks[rows])
        found[done : done + len(bits)] = bits
        done += len(bits)
    return found
