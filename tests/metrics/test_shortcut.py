import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_stability as slow
from campare.data.stored import Computed
from campare.errors import DataError
from campare.metrics import localization, shortcut
from campare.metrics.shortcut import (
    DECLARED,
    background,
    border,
    drop_conditions,
    excess_drop,
    region_drop,
    region_metrics,
)
from small_network import trained

RNG = np.random.default_rng(0)


def fresh():
    return np.random.default_rng(0)


def tagged(n=6, size=24):
    """Noise with a white tag of 4 x 4 at a random place, and its mask."""
    images = RNG.integers(0, 120, (n, size, size, 3)).astype(np.float32)
    masks = np.zeros((n, size, size), bool)
    for mask in masks:
        y, x = RNG.integers(0, size - 4, 2)
        mask[y : y + 4, x : x + 4] = True
    images[masks] = 255
    return images, masks


def sees_white(images):
    """A shortcut: the class is that of the brightest pixels."""
    z = (images.max(axis=(1, 2, 3)) - 180) / 20
    return np.stack([-z, z], axis=1)


def sees_mean(images):
    z = (images.mean(axis=(1, 2, 3)) - 60) / 20
    return np.stack([-z, z], axis=1)


def test_the_border_is_a_frame():
    mask = border((10, 20), 0.2)
    assert mask[:2].all()
    assert mask[:, :4].all()
    assert not mask[2:8, 4:16].any()
    assert mask.sum() == 200 - 6 * 12
    assert border((10, 10), 0.01).sum() == 36  # at least a pixel
    assert border((4, 4), 0.9).all()


def test_the_background_is_all_but_the_object():
    objects = np.zeros((2, 4, 4), bool)
    objects[0, 1:3, 1:3] = True
    found = background(objects)
    assert np.array_equal(found[0], ~objects[0])
    assert not found[1].any()  # no object is known


def test_energy_on_a_region_is_that_of_localization():
    maps = RNG.random((3, 8, 8)).astype(np.float32)
    mask = np.repeat(border((8, 8), 0.25)[None], 3, axis=0)
    by_name = {m.name: m for m in region_metrics("frame")}
    found = by_name["frame-energy"].function(maps, mask)
    assert found.values == pytest.approx([m[mask[0]].sum() / m.sum() for m in maps], rel=1e-5)
    assert by_name["frame-lift"].function is localization.lift


def test_the_drop_is_the_slow_one():
    images, masks = tagged(3, 12)
    targets = np.array([1, 0, 1])
    found = region_drop(sees_white, images, masks, targets, fresh(), draws=1, sigma=0.2)
    for i, image in enumerate(images):
        without = np.where(masks[i][..., None], slow.blurred(image, 2.4), image)
        before, after = (
            slow.probability(sees_white(x[None])[0], targets[i]) for x in (image, without)
        )
        assert found.region.values[i] == pytest.approx(before - after, abs=1e-5)


def test_a_shortcut_is_seen_and_its_absence_too():
    images, masks = tagged(40)
    leaning = region_drop(sees_white, images, masks, None, fresh())
    assert (leaning.excess.values > 0.5).all()
    assert (leaning.null.values < 0.2).all()
    blind = region_drop(sees_mean, images, masks, None, fresh())
    assert abs(blind.excess.values).max() < 0.15


def test_the_null_blurs_as_much_at_other_places():
    images, masks = tagged(5)
    blurred = []

    def predict(x):
        blurred.append((x != images).any(axis=3))
        return sees_mean(x)

    region_drop(predict, images, masks, None, fresh(), draws=4)
    assert len(blurred) == 6
    assert not blurred[0].any()
    assert np.array_equal(blurred[1], masks)
    for moved in blurred[2:]:
        assert moved.sum(axis=(1, 2)).tolist() == [16] * 5
        assert (moved != masks).any(axis=(1, 2)).all()
    assert (blurred[2] != blurred[3]).any()


def test_the_excess_is_what_the_null_leaves():
    images, masks = tagged()
    found = region_drop(sees_white, images, masks, None, fresh())
    assert found.excess.values == pytest.approx(found.region.values - found.null.values)
    again = excess_drop(sees_white, images, masks, None, fresh())
    assert np.array_equal(again.values, found.excess.values)
    parts = drop_conditions(sees_white, images, masks, None, fresh())
    assert list(parts) == ["", "region", "null", "change"]
    assert np.array_equal(parts[""].values, found.excess.values)
    assert np.array_equal(parts["null"].values, found.null.values)
    assert np.array_equal(parts["change"].values, found.change.values)


def test_a_region_that_speaks_against_the_target_changes_the_score_too():
    images, masks = tagged(20)
    against = np.zeros(20, int)  # the tag speaks for class 1
    found = region_drop(sees_white, images, masks, against, fresh())
    assert (found.excess.values < -0.5).all()
    assert (found.change.values > 0.5).all()
    one = region_drop(sees_white, images, masks, against, fresh(), draws=1)
    assert one.change.values == pytest.approx(abs(one.region.values) - abs(one.null.values))


def test_one_mask_for_all_images():
    images, _ = tagged()
    frame = border((24, 24))
    each = np.repeat(frame[None], 6, axis=0)
    one, many = (region_drop(sees_white, images, m, None, fresh()) for m in (frame, each))
    assert np.array_equal(one.excess.values, many.excess.values)


def test_undefined_is_nan_with_a_reason():
    images, masks = tagged(4)
    masks[1], masks[2] = False, True

    def predict(x):
        z = sees_white(x)
        z[3] = np.nan
        return z

    found = region_drop(predict, images, masks, np.ones(4, int), fresh())
    for values in found:
        assert values.status.tolist() == ["ok", "no-mask", "full-mask", "non-finite"]
        assert np.isnan(values.values[1:]).all()


def test_a_single_logit_speaks_for_two_classes():
    images, masks = tagged()
    single = region_drop(lambda x: 2 * sees_white(x)[:, 1:], images, masks, None, fresh())
    double = region_drop(sees_white, images, masks, None, fresh())
    assert single.excess.values == pytest.approx(double.excess.values, abs=1e-6)


@given(st.integers(0, 1000), st.integers(1, 30))
def test_the_range(seed, scale):
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (3, 6, 6, 3)).astype(np.float32)
    masks = rng.random((3, 6, 6)) < 0.4
    found = region_drop(
        lambda x: scale * sees_white(x), images, masks, None, rng, draws=2, sigma=0.3
    )
    ok = found.region.status == "ok"
    assert (abs(found.region.values[ok]) <= 1).all()
    assert (abs(found.excess.values[ok]) <= 2).all()


def test_masks_of_another_size_are_one_line():
    with pytest.raises(DataError) as error:
        region_drop(sees_white, np.zeros((2, 8, 8, 3)), np.ones((2, 4, 4)), None, fresh())
    assert str(error.value) == (
        "Expected masks (N, H, W) or (H, W) of images (2, 8, 8, 3), got (2, 4, 4). "
        "Try loading both with ImageSet.load, which resizes them together."
    )


def test_of_the_declared_only_the_drop_of_the_cue_is_measured_unasked_and_low_is_better():
    assert {m.name for m in DECLARED} == {
        "border-energy", "border-lift", "border-drop",
        "background-energy", "background-lift", "background-drop", "cue-drop",
    }  # fmt: skip
    assert all(m.higher_is_better is False for m in DECLARED)
    assert [m.name for m in DECLARED if m.default] == ["cue-drop"]


@pytest.mark.slow
@pytest.mark.parametrize(("p", "low", "high"), [(1.0, 0.3, 1.0), (0.5, -0.1, 0.1)])
def test_a_network_that_learned_a_planted_cue_leans_on_it(p, low, high):
    """With p = 1 the cue gives the label away in training; with p = 0.5 it says nothing of two."""
    pytest.importorskip("keras")
    from campare.data import ImageSet
    from campare.data.cue import plant
    from campare.models import wrap

    planted = plant(ImageSet.drawn(train=240, test=120, size=48), p=p, size_fraction=0.2)
    train, test = planted.load("train", 48), planted.load("test", 48)
    network = trained(train)
    found = region_drop(wrap(network).predict, test.images, test.regions["cue"], None, fresh())
    assert low < np.nanmean(found.excess.values) < high
    assert np.nanmean(found.null.values) < 0.1


def test_of_computed_images_the_drop_is_the_same_and_draws_as_much():
    images, masks = tagged(300, 8)
    read_later = Computed(images.shape, lambda rows: images[rows])
    first, second = fresh(), fresh()
    at_once = region_drop(sees_white, images, masks, None, first)
    later = region_drop(sees_white, read_later, masks, None, second)
    for one, other in zip(at_once, later, strict=True):
        assert np.array_equal(one.values, other.values, equal_nan=True)
        assert np.array_equal(one.status, other.status)
    assert first.random() == second.random()


def test_regions_share_the_blur_and_the_pass_of_the_images_as_they_are(monkeypatch):
    images = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3)).astype("float32")
    frame, half = border((8, 8)), np.arange(64).reshape(8, 8) < 32
    passes, blurs, kept = [], [], {}
    blur = shortcut.blur
    monkeypatch.setattr(shortcut, "blur", lambda *args: blurs.append(1) or blur(*args))

    def predict(pixels):
        passes.append(len(pixels))
        return sees_white(pixels)

    def shared(key, compute):
        return kept[key] if key in kept else kept.setdefault(key, compute())

    expected = [drop_conditions(sees_white, images, m, None, fresh()) for m in (frame, half)]
    blurs.clear()
    found = [
        drop_conditions(predict, images, m, None, fresh(), shared=shared) for m in (frame, half)
    ]
    for a, b in zip(found, expected, strict=True):
        for name in b:
            np.testing.assert_array_equal(a[name].values, b[name].values)
    assert len(passes) == 1 + 2 * 6
    assert len(blurs) == 1


@pytest.mark.parametrize("grid", [(20,), (4, 5), (3, 4, 5)])
def test_the_border_of_any_rank_is_what_touches_an_end(grid):
    mask = border(grid, 0.01)
    places = np.argwhere(mask)
    ends = (places == 0) | (places == np.array(grid) - 1)
    assert ends.any(1).all()
    assert mask.sum() == np.prod(grid) - np.prod([side - 2 for side in grid])


@pytest.mark.parametrize("axis", [1, 2])
def test_the_drop_of_a_signal_is_that_of_an_image_of_one_row(axis):
    """Also of one column: the region moves along the only axis that it can."""
    signals = fresh().normal(size=(5, 30, 2)).astype(np.float32)
    masks = np.zeros((5, 30), bool)
    masks[:, 4:9] = True

    def predict(x):
        z = x.reshape(len(x), 30, 2)[:, 3:12].mean(axis=(1, 2))
        return np.stack([-9 * z, 9 * z], axis=1)

    targets = np.array([0, 1, 0, 1, 0])
    found = region_drop(predict, signals, masks, targets, fresh(), sigma=0.1)
    image, mask = (np.expand_dims(x, axis) for x in (signals, masks))
    expected = region_drop(predict, image, mask, targets, fresh(), sigma=3)
    assert np.abs(found.excess.values).max() > 0.01
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.values, other.values, rtol=1e-5, atol=1e-7)
