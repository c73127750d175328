"""Volumes and signals as pictures of a gallery: where planes, curves, maps and masks lie."""

import numpy as np

from campare.data import Images
from campare.report.flat import flat


def test_planes_go_through_the_maximum_of_the_mean_map():
    volumes = np.random.default_rng(0).random((2, 4, 5, 6, 1)).astype(np.float32)
    masks = np.zeros((2, 4, 5, 6), bool)
    masks[:, 1, 2, 3] = True
    maps = np.zeros((2, 4, 5, 6), np.float32)
    maps[:, 1, 2, 3] = 5
    found = flat(Images.from_arrays(volumes, masks=masks), [maps, 0 * maps])
    (one, _), gap = found.maps(maps), 2
    assert one.shape == (6 + gap + 4, 6 + gap + 4)
    assert np.argwhere(one == 5).tolist() == [[2, 3], [2, 6 + gap + 1], [5 + gap + 1, 3]]
    picture = found.images.images
    times = picture.shape[1] // len(one)
    assert picture.shape[1:] == (times * len(one), times * len(one), 3)
    shades = np.rint(255 * (volumes[0] - volumes[0].min()) / np.ptp(volumes[0]))[..., 0]
    np.testing.assert_array_equal(picture[0, ::times, ::times, 0][:5, :6], shades[1])
    mask = found.images.regions["object"][0][::times, ::times]
    assert np.argwhere(mask).tolist() == np.argwhere(one == 5).tolist()


def test_a_curve_is_drawn_over_the_bands_of_its_map():
    signal = np.zeros((1, 40, 2), np.float32)
    signal[0, :, 0] = np.arange(40)
    maps = np.zeros((1, 4), np.float32)
    maps[0, 3] = 1
    found = flat(Images.from_arrays(signal, masks=[[(10, 20)]]), [maps])
    picture, mask = found.images.images[0], found.images.regions["object"][0]
    assert picture.shape == (320, 320, 3)
    rows = [int(np.flatnonzero(picture[:160, x, 0] > 100).mean()) for x in (10, 160, 310)]
    assert rows == sorted(rows, reverse=True)  # it rises
    assert mask.mean(0).nonzero()[0][[0, -1]].tolist() == [80, 159]
    band = found.maps(maps)[0]
    assert (band == band[0]).all()
    assert band[0].argmax() >= 280
