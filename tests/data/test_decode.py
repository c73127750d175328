"""Every Pillow mode becomes upright 8-bit RGB, and masks shrink by area, none to nothing."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps, UnidentifiedImageError

from campare.data import decode
from campare.data.decode import (
    Picture,
    decode_image,
    opened,
    resize_image,
    resize_mask,
    resize_picture,
    to_8_bit,
    upright,
)
from campare.data.framing import INTERPOLATIONS


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def first_pixel(image: Image.Image, kind: str = "PNG", **options) -> list[int]:
    return decode_image(encoded(image, kind, **options)).image[0, 0].tolist()


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


@pytest.mark.parametrize(
    ("image", "kind", "rgb"),
    [
        (Image.new("1", (3, 2), 1), "PNG", [255, 255, 255]),
        (Image.new("L", (3, 2), 90), "PNG", [90, 90, 90]),
        (Image.new("RGB", (3, 2), (1, 2, 3)), "PNG", [1, 2, 3]),
        (Image.new("P", (3, 2), 0), "PNG", [0, 0, 0]),
        (Image.new("CMYK", (3, 2), (255, 0, 0, 0)), "TIFF", [0, 255, 255]),
        (Image.new("RGBA", (3, 2), (200, 100, 0, 255)), "PNG", [200, 100, 0]),
        (Image.new("RGBA", (3, 2), (200, 100, 0, 0)), "PNG", [255, 255, 255]),
        (Image.new("RGBA", (3, 2), (0, 0, 0, 51)), "PNG", [204, 204, 204]),
        (Image.new("LA", (3, 2), (0, 102)), "PNG", [153, 153, 153]),
        (Image.new("PA", (3, 2), (0, 0)), "TIFF", [255, 255, 255]),
        (Image.new("RGBA", (3, 2), (9, 9, 9, 0)), "WEBP", [255, 255, 255]),
        (Image.new("I;16", (3, 2), 257 * 90), "PNG", [90, 90, 90]),
        (Image.new("I;16", (3, 2), 65535), "TIFF", [255, 255, 255]),
        (Image.new("I;16B", (3, 2), 257 * 7), "TIFF", [7, 7, 7]),
        (Image.new("I", (3, 2), 257 * 40), "TIFF", [40, 40, 40]),
        (Image.new("I", (3, 2), 257 * 40), "PPM", [40, 40, 40]),
        (Image.new("F", (3, 2), 0.2), "TIFF", [51, 51, 51]),
        (Image.new("F", (3, 2), 51.0), "TIFF", [51, 51, 51]),
    ],
    ids=lambda value: value.mode if isinstance(value, Image.Image) else str(value),
)
def test_every_mode_becomes_8_bit_rgb(image, kind, rgb):
    assert first_pixel(image, kind) == rgb
    assert decode_image(encoded(image, kind)).image.shape == (2, 3, 3)


def test_one_transparent_colour_becomes_white():
    palette = Image.new("P", (2, 1), 0)
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    decoded = decode_image(encoded(palette, transparency=0)).image
    assert decoded[0].tolist() == [[255, 255, 255], [40, 50, 60]]
    assert first_pixel(Image.new("L", (1, 1), 7), transparency=7) == [255, 255, 255]
    assert first_pixel(Image.new("RGB", (1, 1), (1, 2, 3)), transparency=(1, 2, 3)) == [255] * 3
    grey = Image.fromarray(np.array([[3000, 257 * 9]], np.uint16))
    decoded = decode_image(encoded(grey, transparency=3000)).image
    assert decoded[0, :, 0].tolist() == [255, 9]


def test_cmyk_jpeg_keeps_its_colour():
    red, green, blue = first_pixel(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG")
    assert red > 240
    assert green < 15
    assert blue < 15


def test_lab_grey_and_red():
    grey = first_pixel(Image.new("LAB", (2, 2), (128, 128, 128)), "TIFF")  # L* = 50.2
    assert grey == pytest.approx([119, 119, 119], abs=2)
    red, green, _ = first_pixel(Image.new("LAB", (2, 2), (128, 200, 128)), "TIFF")
    assert red > green + 100


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert decode_image(content).image[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_pillow_does(orientation):
    stored = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    image = Image.fromarray(stored)
    image.getexif()[0x0112] = orientation
    assert np.array_equal(upright(stored, orientation), ImageOps.exif_transpose(image))


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_image_once(kind, orientation):
    stored = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3) * 14
    options = {"lossless": True} if kind == "WEBP" else {}
    decoded = decode_image(
        encoded(Image.fromarray(stored), kind, exif=exif(orientation), **options)
    )
    assert np.array_equal(decoded.image, upright(stored, orientation))
    assert decoded.orientation == orientation
    assert decoded.stored == (2, 3)
    assert decoded.shown == ((3, 2) if orientation >= 5 else (2, 3))


def test_an_invalid_orientation_is_none():
    decoded = decode_image(encoded(Image.new("L", (3, 2)), exif=exif(9)))
    assert decoded.orientation == 1


def test_16_bits_are_scaled_by_257():
    all_8_bit = np.arange(256)
    assert np.array_equal(to_8_bit((all_8_bit * 257).astype(np.uint16)), all_8_bit)
    assert to_8_bit(np.array([128, 129], np.uint16)).tolist() == [0, 1]  # half-way is 128.5
    assert to_8_bit(np.array([-5, 2**31 - 1], np.int32)).tolist() == [0, 255]


def test_numbers_without_a_meaning_are_refused():
    with pytest.raises(ValueError, match="not finite"):
        to_8_bit(np.array([np.nan, 1.0], np.float32))
    with pytest.raises(ValueError, match="values up to 1e\\+06, above 16 bits"):
        to_8_bit(np.array([1e6], np.float32))


def test_a_truncated_file_raises():
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for kind in ("PNG", "JPEG", "GIF"):
        content = encoded(Image.fromarray(noise), kind)
        with pytest.raises((OSError, SyntaxError)):
            decode_image(content[: len(content) // 2])


def slow_resize(mask: np.ndarray, size: int) -> np.ndarray:
    """Area of each cell by exact fractions: cut every pixel into size x size equal pieces."""
    height, width = mask.shape
    pieces = np.kron(mask, np.ones((size, size), int))  # (H size, W size)
    area = pieces.reshape(size, height, size, width).sum((1, 3))
    inside = 2 * area >= height * width
    if mask.any() and not inside.any():
        inside.flat[area.argmax()] = True
    return inside


@settings(max_examples=150, deadline=None)
@given(
    hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9)), st.integers(1, 7)
)
def test_masks_are_resized_by_area(mask, size):
    assert np.array_equal(resize_mask(mask, size), slow_resize(mask, size))


def test_a_tiny_mask_is_not_lost():
    mask = np.zeros((200, 300), np.bool_)
    mask[150, 20] = True
    small = resize_mask(mask, 10)
    assert small.sum() == 1
    assert small[7, 0]


def test_a_large_mask_keeps_its_share_and_place():
    rows, columns = np.indices((300, 400))
    mask = np.hypot(rows - 100, columns - 250) < 80
    small = resize_mask(mask, 64)
    assert small.mean() == pytest.approx(mask.mean(), abs=0.005)
    centre = [(at + 0.5).mean() for at in np.nonzero(small)]
    assert centre == pytest.approx([100.5 * 64 / 300, 250.5 * 64 / 400], abs=0.1)


def test_images_are_resized_with_antialiasing():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    inner = resize_image(stripes, 16)[:, 1:-1]
    assert inner.min() >= 120
    assert inner.max() <= 135


def test_image_and_mask_stay_aligned():
    mask = np.zeros((90, 150), np.bool_)
    mask[20:60, 30:100] = True
    image = np.repeat(mask[..., None] * np.uint8(255), 3, axis=2)
    small = resize_picture(Picture(image, {"object": mask}), 32)
    disagree = (small.image[..., 0] >= 128) != small.regions["object"]
    assert disagree.mean() < 0.01
    assert small.regions["object"].shape == (32, 32)


def test_a_picture_of_that_size_is_untouched():
    image = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    mask = np.eye(8, dtype=bool)
    same = resize_picture(Picture(image, {"cue": mask}), 8)
    assert np.array_equal(same.image, image)
    assert np.array_equal(same.regions["cue"], mask)


def header(width: int, height: int) -> bytes:
    """A PNG that says its size, and ends where its pixels begin."""
    data = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + data + struct.pack(">I", zlib.crc32(data))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT"


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 1), (13_378, 13_378)])
def test_an_image_of_more_pixels_than_are_read_is_not_decoded(size):
    with pytest.raises(ValueError, match=r"more than .*179 million"):
        decode_image(header(*size))


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_a_photograph_of_169_megapixels_is_not_too_large():
    with opened(header(13_000, 13_000)) as file:
        assert file.size == (13_000, 13_000)


@pytest.mark.parametrize("kind", ["EPS", "ICO", "PCX", "SGI", "PDF"])
def test_formats_that_nobody_annotates_are_refused_whatever_their_name(kind, tmp_path):
    """Pillow would start Ghostscript for EPS."""
    content = encoded(Image.new("RGB", (32, 32), (1, 2, 3)), kind)
    with pytest.raises(UnidentifiedImageError):
        decode_image(content)
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(UnidentifiedImageError), opened(tmp_path / "a.png"):
        pass


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "CMYK"])
def test_a_large_file_is_turned_to_rgb_in_strips(mode, monkeypatch):
    noise = np.random.default_rng(0).integers(0, 255, (40, 30, 4), np.uint8)
    content = encoded(Image.fromarray(noise).convert(mode), "TIFF")
    whole = decode_image(content).image
    monkeypatch.setattr(decode, "_LARGE", 100)
    monkeypatch.setattr(decode, "_STRIP", 7 * 30)
    np.testing.assert_array_equal(decode_image(content).image, whole)


def test_wide_values_are_scaled_in_strips(monkeypatch):
    values = np.random.default_rng(0).integers(0, 65535, (40, 30), np.uint16)
    whole = to_8_bit(values)
    monkeypatch.setattr(decode, "_STRIP", 7 * 30)
    np.testing.assert_array_equal(to_8_bit(values), whole)
    np.testing.assert_array_equal(whole, np.rint(values / 257).astype(np.uint8))


def test_the_area_of_a_mask_is_added_up_as_that_of_any_numbers():
    rng = np.random.default_rng(0)
    for height, width, size in rng.integers(1, 60, (100, 3)):
        mask = rng.random((height, width)) < 0.4
        expected = decode._area_average(mask.astype(np.float64), int(size))
        np.testing.assert_array_equal(decode._area_average(mask, int(size)), expected)


def test_a_large_mask_is_shrunk_without_an_array_of_numbers_of_its_size():
    mask = np.zeros((3000, 2000), bool)
    mask[1000:2000, 500:1500] = True
    tracemalloc.start()
    small = decode.resize_mask(mask, 30)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert small.sum() == 10 * 16  # a cell of which half or more is inside
    assert most < mask.nbytes


@pytest.mark.parametrize("how", ["bilinear", "bicubic", "lanczos", "box", "hamming", "nearest"])
@pytest.mark.parametrize("size", [(7, 5), (30, 60), (61, 43), (90, 20)])
def test_a_large_image_is_resized_in_strips_to_the_same_pixels(how, size, monkeypatch):
    image = np.random.default_rng(0).integers(0, 256, (61, 43, 3), dtype=np.uint8)
    whole = decode.resized(image, size, INTERPOLATIONS[how])
    monkeypatch.setattr(decode, "_LARGE", 100)
    monkeypatch.setattr(decode, "_STRIP", 43 * 8)
    assert np.array_equal(decode.resized(image, size, INTERPOLATIONS[how]), whole)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_huge_jpeg_is_decoded_at_half_its_resolution_on_the_same_grid(
    mode, orientation, monkeypatch
):
    small = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    smooth = Image.fromarray(small).resize((81, 107), Image.Resampling.BICUBIC).convert(mode)
    content = encoded(smooth, "JPEG", quality=95, exif=exif(orientation))
    plain = decode_image(content)
    for limit in ("_LARGE", "_HUGE"):
        monkeypatch.setattr(decode, limit, 100)
    monkeypatch.setattr(decode, "_STRIP", 81 * 8)
    half = decode_image(content)
    assert (half.shown, half.orientation) == (plain.shown, plain.orientation)
    one, two = (resize_image(each.image, 16).astype(int) for each in (plain, half))
    assert np.abs(one - two).max() < 12
    assert np.abs(one - two).mean() < 2


HUGE = """
import resource, sys
from campare.data import ImageSet
images = ImageSet.from_folder(sys.argv[1], training=False)
images.load("test", 64)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


@pytest.mark.slow  # minutes, and 2 GB of memory to make the files
@pytest.mark.parametrize(
    "name", ["large.jpg", "large.png", "large.tif"], ids=["jpeg", "png", "tiff"]
)
def test_a_photograph_of_169_megapixels_takes_less_than_a_gigabyte(name, tmp_path):
    small = np.random.default_rng(0).integers(0, 256, (130, 130, 3), dtype=np.uint8)
    for folder in ("cat", "dog"):
        (tmp_path / "data" / folder).mkdir(parents=True)
        for number in range(2):
            Image.fromarray(small).save(tmp_path / "data" / folder / f"{number}.png")
    options = {"compression": "tiff_adobe_deflate"} if name.endswith("tif") else {}
    large = Image.fromarray(small).resize((13000, 13000), Image.Resampling.BICUBIC)
    large.save(tmp_path / "data/cat" / name, **options)
    del large
    words = [sys.executable, "-c", HUGE, tmp_path / "data"]
    found = subprocess.run(words, check=True, capture_output=True, text=True)
    assert float(found.stdout) < 1000
