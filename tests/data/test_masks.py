"""Which pixels of a mask are inside: by color, at half of the maximum, or as the user says."""

import io
import re

import numpy as np
import pytest
from painting import error_of, paint, picture
from PIL import Image, ImageDraw, ImageFilter

from campare.cli.options import mask_values as typed
from campare.data import ImageSet
from campare.data.masks import UnclearMaskError, decode_mask, looks_like_mask, values_by_class
from campare.errors import DataError
from campare.experiments.selection import without_mosaics

DISC = np.hypot(*(np.mgrid[:48, :64] - np.array([20, 30])[:, None, None])) < 13


def encoded(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def grey(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.astype(np.uint8))


def indexed(indices: np.ndarray, colors: list[int]) -> Image.Image:
    image = Image.fromarray(indices.astype(np.uint8), "P")
    image.putpalette(colors)
    return image


def layers(*bands: np.ndarray | int) -> Image.Image:
    return Image.fromarray(
        np.stack([np.broadcast_to(band, DISC.shape) for band in bands], -1).astype(np.uint8)
    )


def voc() -> np.ndarray:
    """Class 8 with a border of 255, and a person (15) in a corner."""
    indices = np.where(DISC, 8, 0)
    edge = DISC ^ np.roll(DISC, 1, 0) | DISC ^ np.roll(DISC, 1, 1)
    indices[edge] = 255
    indices[40:48, 50:64] = 15
    return indices


@pytest.mark.parametrize(
    "image",
    [
        grey(DISC),
        grey(DISC * 255),
        grey(DISC * 7),
        Image.fromarray(DISC),
        Image.fromarray((DISC * 60000).astype(np.uint16)),
        Image.fromarray(DISC.astype(np.float32)),
        layers(0, 0, DISC),
        layers(DISC * 200, DISC * 10, DISC * 10),
        layers(DISC * 255, DISC * 255, DISC * 255, 255),
        layers(DISC * 255, 255),
    ],
    ids=["L 1", "L 255", "L 7", "1", "I;16", "F", "blue 1", "red", "RGBA opaque", "LA opaque"],
)
def test_of_two_values_black_is_outside(image):
    kind = "TIFF" if image.mode == "F" else "PNG"
    assert np.array_equal(decode_mask(encoded(image, kind)), DISC)


@pytest.mark.parametrize(
    "image",
    [
        indexed(DISC, [0, 0, 0, 255, 255, 255]),
        indexed(~DISC, [255, 255, 255, 0, 0, 0]),
        indexed(~DISC, [0, 128, 0, 0, 0, 0]),
        grey(DISC * 255).convert("RGB").quantize(2),
        grey(DISC * 255).convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE, colors=2),
        indexed(np.where(DISC, 3, 5), [9] * 9 + [255] * 3 + [9] * 3 + [0] * 3),
    ],
    ids=["black first", "white first", "green first", "quantize", "adaptive", "indices 3 and 5"],
)
def test_an_indexed_mask_counts_by_color(image):
    assert np.array_equal(decode_mask(encoded(image)), DISC)


def test_an_indexed_mask_whose_background_is_transparent():
    image = indexed(DISC, [0, 0, 0, 0, 0, 0])
    assert np.array_equal(decode_mask(encoded(image, transparency=0)), DISC)


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_the_noise_of_jpeg_is_cut_at_half(quality):
    large = grey(np.kron(DISC, np.ones((4, 4))) * 255)
    with Image.open(io.BytesIO(encoded(large, "JPEG", quality=quality))) as noisy:
        found = decode_mask(encoded(noisy))
    assert (found != np.kron(DISC, np.ones((4, 4), bool))).mean() < 0.002


def antialiased() -> Image.Image:
    return grey(np.kron(DISC, np.ones((3, 3))) * 255).resize((64, 48), Image.Resampling.LANCZOS)


def annotators() -> Image.Image:
    """How many of five marked each pixel: at its border two."""
    rim = DISC & ~(np.roll(DISC, 1, 0) & np.roll(DISC, -1, 0))
    return grey(np.where(rim, 102, DISC * 255))


@pytest.mark.parametrize(
    ("image", "inside"),
    [
        (antialiased(), np.array(antialiased()) >= 128),
        (layers(np.array(antialiased()), 0, 0), np.array(antialiased()) >= 128),
        (layers(0, 0, 0, np.array(antialiased())), np.array(antialiased()) >= 128),
        (annotators(), np.array(annotators()) >= 128),
        (Image.fromarray(np.array(antialiased(), np.uint16) * 257), None),
    ],
    ids=["grey", "red", "alpha", "annotators", "16 bit"],
)
def test_a_soft_edge_is_cut_at_half(image, inside):
    inside = np.array(antialiased()) >= 128 if inside is None else inside
    assert np.array_equal(decode_mask(encoded(image)), inside)


@pytest.mark.parametrize(
    "image",
    [
        layers(0, 0, 0, DISC * 255),
        layers(255, 255, 255, DISC * 255),
        layers(DISC * 0 + 40, DISC * 255),
        layers(*np.random.default_rng(0).integers(0, 255, (3, 48, 64)), DISC * 255),
        layers(DISC * 255, 0, 0, (np.mgrid[:48, :64][0] < 40) * 255),
    ],
    ids=["black shape", "white shape", "grey shape", "cut-out", "black and red, part of it clear"],
)
def test_what_is_transparent_is_outside(image):
    assert np.array_equal(decode_mask(encoded(image)), DISC)


@pytest.mark.parametrize(
    ("image", "values", "inside"),
    [
        (grey(np.where(DISC, 1, 2)), [1], DISC),
        (grey(np.where(DISC, 1, np.mgrid[:48, :64][0] // 40 + 2)), [1], DISC),
        (grey(voc()), [8], voc() == 8),
        (indexed(voc(), [*range(256)] * 3), [8, 15], np.isin(voc(), [8, 15])),
        (grey(np.where(DISC, np.mgrid[:48, :64][1] // 4 + 1, 0)), ["nonzero"], DISC),
        (grey(np.where(DISC, 255, np.mgrid[:48, :64][0] // 24 * 127)), ["200..255"], DISC),
        (layers(DISC * 255, ~DISC * 255, 0), ["#ff0000"], DISC),
        (layers(*[voc()] * 3), [8], voc() == 8),
    ],
    ids=[
        *("trimap of two", "trimap", "VOC grey", "VOC indexed", "instances", "matting trimap"),
        *("colors of classes", "VOC as RGB"),
    ],
)
def test_more_values_than_two_are_refused_unless_they_are_named(image, values, inside):
    with pytest.raises(UnclearMaskError, match=r"^the values .*, "):
        decode_mask(encoded(image))
    assert np.array_equal(decode_mask(encoded(image), values), inside)


def test_the_values_in_a_message_are_those_to_give():
    with pytest.raises(UnclearMaskError, match=r"^the values 0, 8, 15, 255$"):
        decode_mask(encoded(indexed(voc(), [*range(256)] * 3)))
    with pytest.raises(UnclearMaskError, match=r"^the values #00ff00, #ff0000$") as caught:
        decode_mask(encoded(layers(DISC * 255, ~DISC * 255, 0)))
    assert caught.value.example == "#00ff00"
    with pytest.raises(UnclearMaskError, match=r"^the values 0, 8, 15, 255$"):
        decode_mask(encoded(layers(*[voc()] * 3)))
    many = np.where(DISC, np.mgrid[:48, :64][1] // 2 * 9, 0)
    with pytest.raises(UnclearMaskError, match=r"^the values 0, 81, .* and \d more$"):
        decode_mask(encoded(grey(many)))


def test_a_color_to_give_is_quoted_for_the_shell(pets):
    (pets / "masks/cat").mkdir(parents=True)
    layers(DISC * 255, ~DISC * 255, 0).save(pets / "masks/cat/0.png")
    assert "such as --mask-values '#00ff00', or mask_values=['#00ff00']." in (
        error_of(pets, training=False)
    )


def test_the_border_of_voc_alone_with_its_class_is_refused():
    indices = voc()
    indices[indices == 15] = 0
    with pytest.raises(UnclearMaskError, match=r"^the values 0, 8, 255$"):
        decode_mask(encoded(grey(indices)))


@pytest.fixture
def pets(tmp_path):
    """Two images of cat and dog, without masks."""
    for name in ("cat", "dog"):
        for index in range(2):
            paint(tmp_path / name / f"{index}.png", 64, 48)
    return tmp_path


def add(root, path: str, values: np.ndarray) -> None:
    path = root / "masks" / path
    path.parent.mkdir(parents=True, exist_ok=True)
    grey(values).save(path)


def test_the_message_of_a_trimap_gives_the_option_that_reads_it(pets):
    add(pets, "cat/0.png", np.where(DISC, 1, np.mgrid[:48, :64][0] // 40 + 2))
    message = error_of(pets, training=False)
    assert message == (
        "Expected two values in mask masks/cat/0.png, black outside, got the values 1, 2, 3. Try "
        "--mask-values with those that are inside, such as --mask-values 1, or mask_values=[1]."
    )
    option = re.search(r"such as --mask-values (\S+),", message)[1]
    images = ImageSet.from_folder(pets, training=False, mask_values=typed(option))
    assert np.array_equal(picture(images, "cat/0.png").regions["object"], DISC)


def test_a_class_in_one_mask_and_another_in_the_next(pets):
    add(pets, "cat/0.png", DISC * 8)
    add(pets, "cat/1.png", DISC * 15)
    add(pets, "dog/0.png", DISC * 12)
    assert error_of(pets, training=False) == (
        "Expected one value inside the masks of class 'cat', got 8 in masks/cat/0.png and 15 in "
        "masks/cat/1.png. Try --mask-values 8, or mask_values=[8], or nonzero."
    )
    values = {"cat": 8, "dog": 12}
    images = ImageSet.from_folder(pets, training=False, mask_values=values)
    assert picture(images, "cat/0.png").regions["object"].sum() == DISC.sum()
    assert not picture(images, "cat/1.png").regions["object"].any()
    assert picture(images, "dog/0.png").regions["object"].sum() == DISC.sum()
    typed_ones = ImageSet.from_folder(pets, training=False, mask_values=typed("cat=8,dog=12"))
    assert typed_ones.fingerprint == images.fingerprint
    every = ImageSet.from_folder(pets, training=False, mask_values=typed("nonzero"))
    assert every.fingerprint != images.fingerprint
    assert picture(every, "cat/1.png").regions["object"].sum() == DISC.sum()


def test_one_index_for_each_class_and_whites_of_two_kinds_need_no_option(pets):
    add(pets, "cat/0.png", DISC * 1)
    add(pets, "cat/1.png", DISC * 255)
    add(pets, "dog/0.png", DISC * 12)
    images = ImageSet.from_folder(pets, training=False)
    for image in ("cat/0.png", "cat/1.png", "dog/0.png"):
        assert np.array_equal(picture(images, image).regions["object"], DISC)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cat": 1}, "Expected mask values of the classes cat, dog, got those of cat. Try one"),
        ("white", "Expected mask values as 1, 128..255, nonzero or #ff0000, got 'white'. Try"),
        ("#ff00", "got '#ff00'. Try mask_values=[1], or --mask-values 1."),
    ],
)
def test_values_that_no_pixel_has(pets, values, message):
    with pytest.raises(DataError, match=re.escape(message)):
        ImageSet.from_folder(pets, training=False, mask_values=values)


def test_parts_of_more_values_cannot_be_chosen(pets):
    (pets / "parts/cat").mkdir(parents=True)
    grey(voc()).save(pets / "parts/cat/0.png")
    assert "Try to save it with black outside and white inside." in error_of(pets, training=False)


def test_masks_that_are_empty_full_or_one_pixel_are_counted_and_named(pets):
    point = np.zeros_like(DISC)
    point[3, 4] = True
    add(pets, "cat/0.png", point * 255)
    add(pets, "cat/1.png", DISC * 0)
    add(pets, "dog/1.png", (DISC | True) * 255)
    images = ImageSet.from_folder(pets, training=False)
    assert images.inventory.lines([sample.image for sample in images.of("test")]) == [
        "Masks for 3 of 4 test images, median area 0.033 %",
        "1 mask is empty: cat/1.png",
        "1 mask is one pixel: cat/0.png",
        "1 mask covers more than 95 %: dog/1.png",
    ]


def test_an_outline_of_one_pixel_is_cut_at_half():
    image = grey(DISC * 255)
    ImageDraw.Draw(image).ellipse((20, 10, 40, 30), outline=120)
    assert np.array_equal(decode_mask(encoded(image)), np.array(image) >= 128)


def test_a_photograph_of_few_colors_that_is_cut_out_is_inside_where_opaque():
    photo = np.random.default_rng(0).integers(200, 215, (48, 64))
    assert np.array_equal(decode_mask(encoded(layers(photo, photo, photo, DISC * 255))), DISC)


def test_a_soft_mask_is_cut_at_half_of_its_maximum_however_dark():
    soft = Image.fromarray((DISC * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2))
    dark = (np.array(soft) * 0.4).astype(np.uint8)
    assert np.array_equal(decode_mask(encoded(grey(dark))), dark >= dark.max() / 2)


def test_the_noise_of_jpeg_in_a_colored_mask_is_none_of_its_colors():
    large = np.kron(DISC, np.ones((4, 4)))
    red = Image.fromarray(np.stack([large * 255, large * 0, large * 0], -1).astype(np.uint8))
    with Image.open(io.BytesIO(encoded(red, "JPEG", quality=60))) as noisy:
        found = decode_mask(encoded(noisy))
    assert (found != (large > 0)).mean() < 0.005
    two = np.stack([large * 255, (1 - large) * 255, large * 0], -1).astype(np.uint8)
    with Image.open(io.BytesIO(encoded(Image.fromarray(two), "JPEG", quality=60))) as noisy:
        content = encoded(noisy)
    with pytest.raises(UnclearMaskError):
        decode_mask(content)


def test_white_and_one_other_color_are_both_inside_but_two_others_are_not(pets):
    add(pets, "cat/0.png", DISC * 255)
    layers(0, 0, DISC * 255).save(pets / "masks/cat/1.png")
    images = ImageSet.from_folder(pets, training=False)
    assert np.array_equal(picture(images, "cat/1.png").regions["object"], DISC)
    layers(0, DISC * 255, 0).save(pets / "masks/cat/0.png")
    assert "got #00ff00 in masks/cat/0.png and #0000ff in masks/cat/1.png" in (
        error_of(pets, training=False)
    )


def test_a_mask_that_holds_the_border_is_said_and_turned_by_the_option_it_names(pets):
    for image in ("cat/0.png", "cat/1.png"):
        add(pets, image, ~DISC * 255)
    images = ImageSet.from_folder(pets, training=False)
    assert images.inventory.lines([])[-1] == (
        "2 masks hold the whole border of the image, as if black were the object (then "
        "--mask-values 0): cat/0.png, cat/1.png"
    )
    images = ImageSet.from_folder(pets, training=False, mask_values=typed("0"))
    assert np.array_equal(picture(images, "cat/0.png").regions["object"], DISC)
    assert len(images.inventory.lines([])) == 1


@pytest.mark.parametrize(
    ("image", "is_one"),
    [
        (grey(DISC * 255), True),
        (grey(voc()), True),
        (layers(DISC * 255, ~DISC * 255, 0), True),
        (grey(np.random.default_rng(0).integers(0, 255, (48, 64))), False),
        (layers(*np.random.default_rng(0).integers(0, 255, (3, 48, 64))), False),
        (grey(np.add.outer(np.arange(48), np.arange(64)) * 2), True),  # a smooth gradient
    ],
)
def test_what_looks_like_a_mask(image, is_one):
    assert looks_like_mask(encoded(image)) == is_one
    assert not looks_like_mask(b"no image")


def test_indices_of_classes_are_refused_with_the_index_of_each(pets):
    for name, index in (("cat", 8), ("dog", 12)):
        for at, border in ((0, 255), (1, index)):
            values = voc()
            values[values == 8], values[values == 255] = index, border
            add(pets, f"{name}/{at}.png", values)
    message = error_of(pets, training=False)
    assert message == (
        "Expected two values in mask masks/cat/0.png, black outside, got the values 0, 8, 15, 255. "
        "Try --mask-values with those that are inside, such as --mask-values cat=8,dog=12, or "
        "mask_values={'cat': [8], 'dog': [12]}."
    )
    images = ImageSet.from_folder(pets, training=False, mask_values=typed("cat=8,dog=12"))
    assert np.array_equal(picture(images, "cat/0.png").regions["object"], voc() == 8)
    assert np.array_equal(picture(images, "dog/1.png").regions["object"], np.isin(voc(), [8, 255]))
    assert len(images.inventory.lines([s.image for s in images.samples])) == 1


def test_values_of_other_classes_on_an_image_are_another_region_without_the_border(pets):
    for at, index in enumerate((8, 0)):
        values = voc()
        values[values == 8] = index
        add(pets, f"cat/{at}.png", values)
    add(pets, "dog/0.png", np.where(voc() == 15, 12, 0))
    images = ImageSet.from_folder(pets, training=False, mask_values=typed("cat=8,dog=15+12"))
    both = picture(images, "cat/0.png").regions
    assert np.array_equal(both["object"], voc() == 8)
    assert np.array_equal(both["other"], voc() == 15)
    alone = picture(images, "cat/1.png").regions
    assert not alone["object"].any()
    assert np.array_equal(alone["other"], voc() == 15)
    assert set(picture(images, "dog/0.png").regions) == {"object"}
    assert images.regions == ("object", "other")
    lines = images.inventory.lines([sample.image for sample in images.samples])
    assert any(line.startswith("Other-class masks for 2 of 4 test images") for line in lines)
    kept = without_mosaics(images, [(16, 16)], "label")
    assert kept["focus"].startswith("a class with 2 images that show one class")


def test_other_classes_by_mask_values_are_no_others_by_boxes(pets):
    """A mask says all classes of its image; boxes count where it has none."""
    add(pets, "cat/0.png", voc())
    rows = ["image,xmin,ymin,xmax,ymax,label", "cat/0.png,0,0,9,9,dog", "cat/1.png,0,0,9,9,dog",
            "cat/1.png,0,9,9,19,cat", "dog/0.png,0,0,9,9,dog"]  # fmt: skip
    (pets / "boxes.csv").write_text("\n".join(rows))
    images = ImageSet.from_folder(pets, training=False, mask_values={"cat": 8, "dog": 15})
    assert np.array_equal(picture(images, "cat/0.png").regions["other"], voc() == 15)
    assert picture(images, "cat/1.png").regions["other"].sum() == 81
    without = ImageSet.from_folder(pets, training=False, mask_values={"cat": 8, "dog": 99})
    assert "other" not in picture(without, "cat/0.png").regions


def test_one_value_for_all_classes_tells_none_apart(pets):
    add(pets, "cat/0.png", voc())
    add(pets, "dog/0.png", voc())
    images = ImageSet.from_folder(pets, training=False, mask_values=[8])
    assert images.regions == ("object",)


def test_an_import_takes_the_values_of_each_class_too(pets):
    add(pets, "cat/0.png", voc())
    add(pets, "dog/0.png", np.where(voc() == 15, 12, 0))
    images = ImageSet.from_dataset(pets, "folders", mask_values=typed("cat=8,dog=12+15"))
    (sample,) = [s for s in images.samples if s.image.endswith("cat/cat__0.png")]
    found = images.read(sample).regions
    assert np.array_equal(found["object"], voc() == 8)
    assert np.array_equal(found["other"], voc() == 15)
    with pytest.raises(DataError, match="Expected mask values of the classes cat, dog, got"):
        ImageSet.from_dataset(pets, "folders", mask_values=typed("cat=8"))


def test_some_class_has_a_value_that_is_inside():
    for none in ([], (), typed(""), {"cat": [], "dog": []}):
        with pytest.raises(DataError, match="Expected a value that is inside masks, got none"):
            values_by_class(none, ("cat", "dog"))
    assert values_by_class({"cat": 8, "good": []}, ("cat", "good")) == {"cat": (8,), "good": ()}
