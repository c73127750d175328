from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campare.data.cue import draw_tag, plant
from campare.data.decode import Picture
from campare.data.drawn import drawn_set
from campare.data.imageset import ImageSet
from campare.data.samples import Sample
from campare.errors import DataError


def gray(sample: Sample) -> Picture:
    """A picture of another size for each sample, its object on the left."""
    number = int(sample.image.rpartition("_")[2])
    height, width = 20 + number % 37, 24 + number % 23
    image = np.full((height, width, 3), 40 + number % 170, np.uint8)
    inside = np.zeros((height, width), bool)
    inside[:, : width // 2] = True
    return Picture(image, {"object": inside} if number % 5 else {})


def folder(classes: int = 3, count: int = 3000) -> ImageSet:
    samples = tuple(
        Sample(f"{split}/x_{i}", i % classes, split) for split in ("train", "test")
        for i in range(count)
    )  # fmt: skip
    names = tuple("abcdefghijklmnop"[:classes])
    return ImageSet("made up", names, samples, gray, "0" * 64, ("object",))


def tags(imageset: ImageSet, split: str) -> np.ndarray:
    return np.array([imageset.read.tag(sample) for sample in imageset.of(split)])


def labels(imageset: ImageSet, split: str) -> np.ndarray:
    return np.array([sample.label for sample in imageset.of(split)])


@pytest.mark.parametrize("p", [0.0, 1 / 3, 0.7, 0.95, 1.0])
def test_training_tags_agree_with_the_label_with_probability_p(p):
    planted = plant(folder(), p=p, seed=3)
    agree = tags(planted, "train") == labels(planted, "train")
    assert agree.mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / 3000) + 1e-9)


def test_training_tags_that_disagree_are_equally_often_each_other_class():
    planted = plant(folder(), p=0.1, seed=1)
    shift = (tags(planted, "train") - labels(planted, "train")) % 3
    counts = Counter(shift.tolist())
    assert abs(counts[1] - counts[2]) < 4 * np.sqrt(2700)


@pytest.mark.parametrize("p", [0.0, 0.95])
def test_test_tags_are_independent_of_the_label(p):
    """A chi-square of the 3 x 3 table: 4 degrees of freedom for independence, 8 for uniformity."""
    planted = plant(folder(), p=p, seed=2)
    table = np.zeros((3, 3))
    np.add.at(table, (labels(planted, "test"), tags(planted, "test")), 1)
    expected = 3000 / 9
    assert ((table - expected) ** 2 / expected).sum() < 26.1  # chi-square, 8 df, p = 0.001


@settings(max_examples=30, deadline=None)
@given(number=st.integers(0, 2999), split=st.sampled_from(["train", "test"]),
       p=st.floats(0, 1), seed=st.integers(0, 2**31), size=st.floats(0.05, 0.5))  # fmt: skip
def test_pixels_differ_inside_the_mask_only(number, split, p, seed, size):
    bare = folder()
    sample = bare.of(split)[number]
    before, after = bare.read(sample), plant(bare, p=p, seed=seed, size_fraction=size).read(sample)
    cue = after.regions["cue"]
    changed = (before.image != after.image).any(-1)
    assert cue.any()
    assert not (changed & ~cue).any()
    assert changed[cue].mean() > 0.5
    rows, columns = np.flatnonzero(cue.any(1)), np.flatnonzero(cue.any(0))
    side = max(5, round(size * min(cue.shape)))
    assert rows[-1] - rows[0] < side
    assert columns[-1] - columns[0] < side
    assert ("object" in after.regions) == ("object" in before.regions)
    if "object" in before.regions:
        assert np.array_equal(after.regions["object"], before.regions["object"] & ~cue)


def test_the_original_picture_stays_as_it_was():
    image = np.full((30, 30, 3), 7, np.uint8)
    kept = Picture(image, {})
    bare = ImageSet("one", ("a", "b"), (Sample("train/x", 0, "train"),), lambda _: kept, "0")
    plant(bare, p=1.0).read(bare.samples[0])
    assert (image == 7).all()


def test_tags_are_found_all_over_the_picture():
    planted = plant(folder(), p=0.5)
    centers = []
    for sample in planted.of("train")[:400]:
        cue = planted.read(sample).regions["cue"]
        y, x = np.nonzero(cue)
        centers.append((y.mean() / cue.shape[0], x.mean() / cue.shape[1]))
    quantiles = np.quantile(centers, [0.05, 0.5, 0.95], axis=0)
    assert np.all(quantiles[0] < 0.25)
    assert np.all(np.abs(quantiles[1] - 0.5) < 0.1)
    assert np.all(quantiles[2] > 0.75)


def test_the_look_depends_on_the_class_alone_and_at_least_ten_differ():
    for side in (6, 12, 40):
        looks = [draw_tag(tag, side).astype(int) for tag in range(10)]
        for i, one in enumerate(looks):
            for other in looks[:i]:
                middle = np.abs(one - other)[side // 4 :, :, :3]
                assert middle.max() > 60
    assert len({draw_tag(tag, 24).tobytes() for tag in range(100)}) == 100


def test_a_tag_stands_out_on_any_gray():
    for gray_level in (0, 60, 128, 200, 255):
        tag = draw_tag(0, 12)
        shown = tag[..., :3][tag[..., 3] > 200].astype(int)
        assert np.abs(shown - gray_level).max(-1).max() > 100


def test_a_tiny_picture_gets_a_tag_no_larger_than_itself():
    tiny = Picture(np.zeros((3, 9, 3), np.uint8), {})
    bare = ImageSet("tiny", ("a", "b"), (Sample("test/x", 0, "test"),), lambda _: tiny, "0")
    picture = plant(bare, p=1.0).read(bare.samples[0])
    assert picture.image.shape == (3, 9, 3)
    assert picture.regions["cue"].sum() <= 9


def test_p_moves_some_tags_and_no_places():
    low, high = plant(folder(), p=0.4), plant(folder(), p=0.9)
    for sample in low.of("train")[:50]:
        one, two = low.read(sample), high.read(sample)
        assert np.array_equal(one.regions["cue"], two.regions["cue"])
    kept = tags(low, "train") == labels(low, "train")
    assert (tags(high, "train") == labels(high, "train"))[kept].all()
    assert np.array_equal(tags(low, "test"), tags(high, "test"))


def test_fingerprint_and_regions_follow_from_the_original():
    bare = folder(count=3)
    sets = [
        plant(bare, p=0.5),
        plant(bare, p=0.6),
        plant(bare, p=0.5, seed=1),
        plant(bare, p=0.5, size_fraction=0.2),
    ]
    assert len({planted.fingerprint for planted in (bare, *sets)}) == 5
    assert plant(bare, p=0.5).fingerprint == sets[0].fingerprint
    assert sets[0].regions == ("object", "cue")
    assert sets[0].samples == bare.samples


def test_the_shortcut_of_the_drawn_set_is_this_cue_on_the_same_pictures():
    bare, cued = drawn_set(train=6, test=4), drawn_set(train=6, test=4, shortcut=0.95)
    assert cued.regions == ("object", "parts", "cue")
    for sample in bare.samples:
        before, after = bare.read(sample), cued.read(sample)
        cue = after.regions["cue"]
        assert np.array_equal(before.image[~cue], after.image[~cue])
        assert 0.005 < cue.mean() < 0.02
        for name in ("object", "parts"):
            assert np.array_equal(after.regions[name], before.regions[name] & ~cue)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"p": -0.1}, "Expected a probability p from 0 to 1, got -0.1. Try 0.95."),
        ({"p": 1.01}, "Expected a probability p from 0 to 1, got 1.01. Try 0.95."),
        ({"p": float("nan")}, "Expected a probability p from 0 to 1, got nan. Try 0.95."),
        ({"p": 0.5, "size_fraction": 0.0}, "Expected a tag size above 0 and up to 0.5"),
        ({"p": 0.5, "size_fraction": 0.9}, "Expected a tag size above 0 and up to 0.5"),
        ({"p": 0.5, "seed": -2}, "Expected a seed of 0 or more, got -2. Try 0."),
    ],
)
def test_wrong_arguments_are_explained(arguments, text):
    with pytest.raises(DataError) as error:
        plant(folder(count=3), **arguments)
    assert text in str(error.value)


def test_one_class_or_a_second_cue_is_refused():
    with pytest.raises(DataError, match="Expected at least two classes to plant a cue, got 1"):
        plant(folder(classes=1, count=3), p=0.5)
    with pytest.raises(DataError, match="Expected a data set without a cue"):
        plant(plant(folder(count=3), p=0.5), p=0.5)


@pytest.mark.parametrize("planted", [False, True])
def test_training_images_are_the_same_pictures_where_they_are_measured(planted):
    """An audit takes the images of its split for test images."""
    images = ImageSet.drawn(train=8, test=4, size=32)
    images = plant(images, p=1.0) if planted else images
    measured = tuple(replace(sample, split="test") for sample in images.samples)
    for before, sample in zip(images.samples, measured, strict=True):
        np.testing.assert_array_equal(images.read(sample).image, images.read(before).image)
    of_train = replace(images, samples=measured).load("test", 32).images[:8]
    np.testing.assert_array_equal(of_train, images.load("train", 32).images)
