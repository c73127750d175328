import base64
import io

import numpy as np
import pytest
from matplotlib import colormaps
from PIL import Image

from campare.attribution.drawing import curve, heatmap, outline, overlay, planes, png_data_uri
from campare.attribution.maps import resize
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


def test_planes_of_a_volume_go_through_the_maximum_of_its_map():
    volume = np.zeros((4, 5, 6, 3), np.uint8)
    volume[2], volume[:, 1], volume[..., 3, :] = 10, 20, 30
    volume[2, 1, 3] = 40
    one = np.zeros((4, 5, 6))
    one[2, 1, 3] = 7
    drawn = planes(volume, one, 0.0)
    assert drawn.shape == (5, 6 + 2 + 6 + 2 + 5, 3)
    np.testing.assert_array_equal(drawn[:, :6], volume[2])
    np.testing.assert_array_equal(drawn[:4, 8:14], volume[:, 1])
    np.testing.assert_array_equal(drawn[:4, 16:], volume[..., 3, :])
    hot = planes(volume, one, 1.0)
    assert [hot[1, 3].tolist(), hot[2, 8 + 3].tolist(), hot[2, 16 + 1].tolist()] == [
        heatmap(np.ones((1, 1)))[0, 0].tolist()
    ] * 3


def test_planes_enlarge_the_map_to_the_volume():
    one = np.zeros((2, 2, 2))
    one[0, 1, 0] = 1
    drawn = planes(np.zeros((4, 4, 4, 3)), one, 1.0)
    np.testing.assert_array_equal(drawn[:, :4], heatmap(resize(one, (4, 4, 4))[0]))


def test_a_curve_follows_each_channel_and_has_the_colors_of_its_map():
    time = np.linspace(0, 1, 600)
    drawn = curve(np.stack([time, 1 - time, 0 * time], axis=-1), time)
    assert drawn.shape == (3 * 64, 600, 3)
    line = (drawn != 24).any(axis=-1)
    rows = np.arange(64)[:, None]
    up, down, flat = (
        (part * rows).sum(0) / part.sum(0) for part in np.split(line, 3)
    )  # mean row of the line in each column
    assert up[0] > up[300] > up[-1]
    np.testing.assert_allclose(down, up[::-1], atol=1)
    assert np.ptp(flat) == 0
    colors = heatmap(time[None], colors="plasma")[0]
    for x in (0, 299, 599):
        assert (drawn[:, x][line[:, x]] == colors[x]).all()


def test_a_curve_of_a_signal_that_is_not_finite_is_drawn():
    assert curve(np.array([[np.nan], [1.0], [np.inf]]), np.array([np.nan, 1])).shape == (
        64, 512, 3,
    )  # fmt: skip
