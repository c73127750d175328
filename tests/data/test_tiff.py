"""Large TIFFs are decoded piece by piece, to the pixels of the whole."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from campare.data import decode, tiff
from campare.data.decode import decode_image

SMALL = np.random.default_rng(0).integers(0, 256, (9, 9, 4), dtype=np.uint8)
PICTURE = Image.fromarray(SMALL).resize((101, 77), Image.Resampling.BICUBIC)


@pytest.fixture
def by_pieces(monkeypatch):
    """Every TIFF is large, and how many are read by pieces is counted."""
    read = []

    def counted(*given):
        read.append(given)
        return own(*given)

    own = tiff.pieces
    monkeypatch.setattr(decode, "_LARGE", 100)
    monkeypatch.setattr(decode, "_STRIP", 101 * 25)
    monkeypatch.setattr(tiff, "pieces", counted)
    return read


def encoded(picture, strip, monkeypatch, **options):
    monkeypatch.setattr(TiffImagePlugin, "STRIP_SIZE", strip)
    file = io.BytesIO()
    picture.save(file, "TIFF", **options)
    return file.getvalue()


def plain(content):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decode, "_LARGE", 2**24)
        return decode_image(content)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "1", "CMYK", "LAB"])
@pytest.mark.parametrize(
    "compression", ["tiff_lzw", "tiff_adobe_deflate", "tiff_deflate", "packbits", "zstd"]
)
def test_strips_make_up_the_image(mode, compression, by_pieces, monkeypatch):
    picture = PICTURE.convert("RGB")
    if mode == "LAB":
        picture = Image.frombytes("LAB", picture.size, picture.tobytes())
    content = encoded(picture.convert(mode), 200, monkeypatch, compression=compression)
    found = decode_image(content).image
    assert len(by_pieces) == 1
    np.testing.assert_array_equal(found, plain(content).image)


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("predictor", [1, 2])
def test_strips_are_turned_and_predicted(orientation, predictor, by_pieces, monkeypatch):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[274], tags[317] = orientation, predictor
    content = encoded(
        PICTURE.convert("RGB"), 200, monkeypatch, compression="tiff_lzw", tiffinfo=tags
    )
    found, whole = decode_image(content), plain(content)
    assert len(by_pieces) == 1
    assert found.orientation == whole.orientation == orientation
    np.testing.assert_array_equal(found.image, whole.image)


def tiled(pixels, side, compression):
    """A TIFF of square tiles, big-endian, written by hand."""
    height, width, _ = pixels.shape
    padded = np.pad(pixels, ((0, -height % side), (0, -width % side), (0, 0)))
    tiles = [
        padded[top : top + side, left : left + side].tobytes()
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
    tiles = [zlib.compress(tile) if compression == 8 else tile for tile in tiles]
    begins = [8 + sum(map(len, tiles[:number])) for number in range(len(tiles))]
    tags = TiffImagePlugin.ImageFileDirectory_v2(b"MM\0*\0\0\0\0")
    for tag, value in {
        256: width, 257: height, 258: (8, 8, 8), 259: compression, 262: 2, 277: 3, 322: side,
        323: side, 324: tuple(begins), 325: tuple(map(len, tiles)),
    }.items():  # fmt: skip
        tags[tag] = value
    body = b"".join(tiles)
    return b"MM\0*" + struct.pack(">L", 8 + len(body)) + body + tags.tobytes(8 + len(body))


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("size", [(77, 101), (64, 48), (33, 16)])
def test_tiles_make_up_the_image(compression, size, by_pieces):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    content = tiled(pixels, 16, compression)
    np.testing.assert_array_equal(plain(content).image, pixels)
    np.testing.assert_array_equal(decode_image(content).image, pixels)
    assert len(by_pieces) == 1


def test_a_corrupt_strip_is_an_error(by_pieces, monkeypatch):
    content = encoded(PICTURE.convert("RGB"), 200, monkeypatch, compression="tiff_adobe_deflate")
    with Image.open(io.BytesIO(content)) as file:
        begin, length = file.tag_v2[273][-1], file.tag_v2[279][-1]
    broken = content[:begin] + bytes(length) + content[begin + length :]
    for read in (plain, decode_image):
        with pytest.raises(OSError, match="decoder error"):
            read(broken)
    assert len(by_pieces) == 1


def test_what_cannot_be_read_by_pieces_is_read_whole(by_pieces, monkeypatch):
    for picture, options in (
        (PICTURE.convert("RGB"), {"compression": "jpeg"}),
        (PICTURE.convert("L").convert("I;16"), {"compression": "tiff_lzw"}),
    ):
        content = encoded(picture, 2**16, monkeypatch, **options)
        np.testing.assert_array_equal(decode_image(content).image, plain(content).image)
    one = encoded(PICTURE.convert("RGB"), 2**20, monkeypatch, compression="tiff_lzw")
    np.testing.assert_array_equal(decode_image(one).image, plain(one).image)
    assert not by_pieces


def test_a_file_that_lies_about_its_strips_is_not_read_by_pieces(monkeypatch):
    """Strips of many bytes each would be read together."""
    content = encoded(PICTURE.convert("RGB"), 200, monkeypatch, compression="tiff_lzw")
    with Image.open(io.BytesIO(content)) as file:
        assert tiff.layout(file) is not None
        lengths = file.tag_v2[279]
        file.tag_v2[279] = (10**9, *lengths[1:])
        assert tiff.layout(file) is None
        file.tag_v2[279] = lengths[1:]
        assert tiff.layout(file) is None
