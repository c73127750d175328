import base64
import io

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from campare.attribution.drawing import heatmap, outline, overlay, png_data_uri
from campare.errors import CampareError

RAMP = np.linspace(0, 1, 256, dtype=np.float32).reshape(1, 16, 16)


@pytest.mark.parametrize("colors", ["inferno", "turbo"])
def test_heatmap_has_the_colors_of_matplotlib(colors):
    expected = colormaps[colors](np.arange(256), bytes=True)[:, :3].reshape(1, 16, 16, 3)
    drawn = heatmap(RAMP, colors=colors)
    assert drawn.dtype == np.uint8
    assert np.array_equal(drawn, expected)


def test_brightness_of_the_default_grows_with_the_map():
    gray = heatmap(RAMP).reshape(256, 3).astype(float) @ [0.299, 0.587, 0.114]
    assert (np.diff(gray) > -1).all()  # within the rounding of 8 bits
    assert gray[-1] - gray[0] > 200


def test_each_map_is_scaled_by_its_own_maximum():
    assert np.array_equal(heatmap(np.concatenate([RAMP, 1000 * RAMP]))[0], heatmap(RAMP)[0])
    assert np.array_equal(heatmap(np.float32(1e-30) * RAMP), heatmap(RAMP))


def test_negative_empty_and_broken_pixels_are_drawn_as_nothing():
    nothing = heatmap(np.zeros((1, 2, 2)))
    assert np.array_equal(heatmap(np.full((1, 2, 2), -3.0)), nothing)
    assert np.array_equal(heatmap(np.full((1, 2, 2), np.nan)), nothing)
    assert np.array_equal(heatmap(np.array([[[1, np.inf]]]))[0, 0, 1], nothing[0, 0, 0])


def test_an_unknown_color_map_is_one_line():
    with pytest.raises(CampareError) as error:
        heatmap(RAMP, colors="rainbowish")
    assert str(error.value) == (
        "Expected the name of a matplotlib color map, got 'rainbowish'. "
        "Try 'inferno', 'viridis' or 'turbo'."
    )


def test_overlay_blends_between_image_and_heatmap():
    image = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    assert np.array_equal(overlay(image, RAMP, 0.0), image)
    assert np.array_equal(overlay(image, RAMP, 1.0), heatmap(RAMP))
    half = (image.astype(float) + heatmap(RAMP)) / 2
    assert np.abs(overlay(image, RAMP, 0.5) - half).max() <= 0.5


def test_overlay_enlarges_the_map():
    quarters = np.array([[[0, 0], [0, 1.0]]])
    drawn = overlay(np.zeros((1, 8, 8, 3), np.uint8), quarters, 1.0)
    assert np.array_equal(drawn[0, 7, 7], heatmap(np.ones((1, 1)))[0, 0])
    assert np.array_equal(drawn[0, 0, 0], heatmap(np.zeros((1, 1)))[0, 0])


def test_outline_touches_only_the_border_of_the_mask():
    image = np.full((12, 12, 3), 100, np.uint8)
    mask = np.zeros((12, 12), bool)
    mask[3:9, 3:9] = True
    drawn = outline(image, mask, color=(1, 2, 3))
    inner = mask.copy()
    inner[4:8, 4:8] = False
    halo = np.zeros_like(mask)
    halo[2:10, 2:10] = True
    halo &= ~mask
    assert (drawn[inner] == (1, 2, 3)).all()
    assert (drawn[halo] == 0).all()
    assert (drawn[~inner & ~halo] == 100).all()
    assert (image == 100).all()


def test_outline_runs_along_the_image_where_the_mask_touches_it():
    drawn = outline(np.zeros((4, 4, 3), np.uint8), np.ones((4, 4), bool), color=(9, 9, 9))
    assert (drawn[0] == 9).all()
    assert (drawn[1:3, 1:3] == 0).all()


def test_outline_of_nothing_changes_nothing():
    image = np.full((4, 4, 3), 7, np.uint8)
    assert np.array_equal(outline(image, np.zeros((4, 4), bool)), image)


def test_a_data_uri_holds_the_picture():
    picture = heatmap(RAMP)[0]
    head, _, body = png_data_uri(picture).partition(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(base64.b64decode(body)))), picture)
