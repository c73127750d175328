import base64
import io
import re

import numpy as np
import pytest
from PIL import Image as Pillow

from campare.attribution.maps import pool
from campare.report import packing


def test_outline_lies_on_the_border_of_the_mask():
    mask = np.zeros((1, 10, 10), bool)
    mask[0, 2:5, 3:8] = True  # in pixels: x from 3 to 8, y from 2 to 5
    ((region, path),) = packing.outlines({"object": mask}, 0)
    assert region == "object"
    points = np.array(re.findall(r"([\d.]+) ([\d.]+)", path), float)
    # Marching squares at 0.5 of a binary mask runs through the border itself.
    assert points.min(0).tolist() == pytest.approx([3, 2], abs=1e-6)
    assert points.max(0).tolist() == pytest.approx([8, 5], abs=1e-6)


def test_an_image_without_a_mask_has_no_outline():
    assert packing.outlines({"object": np.zeros((1, 8, 8), bool)}, 0) == []
    assert packing.outlines({}, 0) == []


def test_heat_is_the_positive_part_over_its_maximum():
    raw = np.random.default_rng(0).normal(size=(3, 6, 6)).astype(np.float32)
    got = np.frombuffer(packing.grid_bytes(raw, (6, 6)), np.uint8).reshape(3, 6, 6)
    truth = np.maximum(raw, 0)
    assert np.abs(got / 255 - truth / truth.max((1, 2), keepdims=True)).max() <= 0.5 / 255 + 1e-6
    small = np.frombuffer(packing.grid_bytes(raw, (3, 3)), np.uint8).reshape(3, 3, 3)
    pooled = pool(truth, (3, 3))
    assert np.abs(small / 255 - pooled / pooled.max((1, 2), keepdims=True)).max() < 0.002


def test_maps_without_evidence_are_empty():
    raw = np.stack([np.zeros((4, 4)), -np.eye(4), np.full((4, 4), np.nan)]).astype(np.float32)
    assert set(packing.grid_bytes(raw, (4, 4))) == {0}


@pytest.mark.parametrize(("n", "side", "arms"), [(60, 96, 4), (1000, 160, 4), (400, 224, 12)])
def test_the_plan_keeps_within_its_budget(n, side, arms):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (8, side, side, 3), np.uint8)  # noise: hard to compress
    many = np.broadcast_to(images[:1], (n, side, side, 3))
    plan = packing.plan(many, [(48, 48)] * arms)
    each = len(packing.webp(images[0], plan.side))
    assert plan.images * each <= packing.PHOTOS * 1.05
    assert plan.images * sum(h * w for h, w in plan.grids) <= packing.HEATMAPS
    assert plan.images == n or plan.side == packing.SIDES[-1]


def test_a_photo_is_that_photo():
    picture = np.zeros((32, 32, 3), np.uint8)
    picture[:, 16:] = 200
    shown = np.asarray(Pillow.open(io.BytesIO(packing.webp(picture, 16))))
    assert shown.shape == (16, 16, 3)
    assert shown[:, :6].mean() < 20
    assert shown[:, 10:].mean() > 180
    assert base64.b64decode(packing.text(b"heat")) == b"heat"


def test_a_blend_of_a_part_leaves_the_rest_of_the_photo_as_it_is():
    photo = np.random.default_rng(0).integers(0, 255, (8, 16, 3), np.uint8)
    raw = np.random.default_rng(1).random((3, 3), np.float32)
    part = packing.blended(photo, raw, (0.25, 0.5, 1.0, 1.0))
    assert np.array_equal(part[2:, 8:], packing.blended(photo[2:, 8:], raw))
    assert np.array_equal(part[:2], photo[:2])
    assert np.array_equal(part[:, :8], photo[:, :8])
    whole = packing.blended(photo, raw, (0.0, 0.0, 1.0, 1.0))
    assert np.abs(whole.astype(int) - packing.blended(photo, raw)).max() <= 1


def test_a_blend_shows_the_photo_where_the_map_is_low():
    photo = np.full((8, 8, 3), 200, np.uint8)
    raw = np.zeros((8, 8), np.float32)
    raw[0, 0] = 1
    mixed = packing.blended(photo, raw)
    assert mixed[4, 4].mean() == pytest.approx(200 * (1 - 0.85 * 0.3), abs=2)
    assert abs(int(mixed[0, 0, 2]) - 200) < 60  # inferno's end is a pale yellow
