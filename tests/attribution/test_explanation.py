"""An Explanation: resized, laid over its images, saved, and shown in a notebook."""

import numpy as np
import pytest
from PIL import Image

from campare.attribution.explanation import Explanation, join
from campare.attribution.maps import resize
from campare.errors import CampareError


def explanation(n=3, **changes):
    rng = np.random.default_rng(0)
    parts = {
        "maps": rng.random((n, 5, 5), dtype=np.float32),
        "scores": np.arange(n, dtype=np.float32),
        "target": np.arange(n) % 3,
        "logits": rng.random((n, 3), dtype=np.float32),
        "layer": "conv",
        "method": "grad-cam",
        "status": np.array(["ok", "flat", "ok"] * n)[:n],
        "images": rng.integers(0, 256, (n, 12, 16, 3), dtype=np.uint8),
    }
    return Explanation(**(parts | changes))


def test_maps_take_the_size_of_the_images():
    found = explanation()
    assert found.resized().shape == (3, 12, 16)
    np.testing.assert_array_equal(found.resized((9, 9)), resize(found.maps, (9, 9)))
    np.testing.assert_array_equal(
        found.resized((10, 10), "nearest"), found.maps.repeat(2, axis=1).repeat(2, axis=2)
    )


def test_statuses_are_counted():
    assert explanation(4).counts() == {"flat": 1, "ok": 3}


def test_what_is_saved_can_be_read_back(tmp_path):
    found = explanation()
    paths = found.save(tmp_path / "out", names=["a/x.png", "b/x.png", "y.jpg"])
    assert [path.name for path in paths] == ["x-grad-cam.png", "x-2-grad-cam.png", "y-grad-cam.png"]
    np.testing.assert_array_equal(np.load(tmp_path / "out" / "x-2-grad-cam.npy"), found.maps[1])
    with Image.open(paths[0]) as picture:
        assert picture.size == (16, 12)
        np.testing.assert_array_equal(np.asarray(picture), found.overlay()[0])


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_images_of_any_channels_can_be_shown(channels):
    found = explanation(images=np.random.default_rng(0).random((3, 12, 12, channels)))
    assert found.overlay().shape == (3, 12, 12, 3)


@pytest.mark.parametrize(
    ("maps", "images", "picture"),
    [((3, 5), (3, 40, 2), (128, 512)), ((3, 2, 3, 4), (3, 4, 6, 8, 1), (6, 26))],
)
def test_signals_and_volumes_are_drawn_and_saved(maps, images, picture, tmp_path):
    rng = np.random.default_rng(0)
    found = explanation(maps=rng.random(maps, np.float32), images=rng.random(images))
    assert found.resized().shape == images[:-1]
    assert found.overlay().shape == (3, *picture, 3)
    (first, *_) = found.save(tmp_path)
    with Image.open(first) as saved:
        np.testing.assert_array_equal(np.asarray(saved), found.overlay()[0])
    np.testing.assert_array_equal(np.load(first.with_suffix(".npy")), found.maps[0])
    assert "data:image/png" in found._repr_html_()
    assert f"of {' x '.join(map(str, maps[1:]))}," in repr(found)
    with pytest.raises(CampareError, match="to draw, got shape") as told:
        found.overlay(np.zeros((3, 8)))
    advised = str(told.value).partition("Try: ")[2].partition(",")[0]
    assert eval(advised, {"explanation": found}) is found.maps


def test_images_that_were_not_kept_are_asked_for():
    found = explanation(images=None)
    with pytest.raises(CampareError, match="came as a stream"):
        found.overlay()
    assert found.overlay(np.zeros((3, 8, 8, 3))).shape == (3, 8, 8, 3)
    with pytest.raises(CampareError, match="Expected the 3 images of the maps, got 2"):
        found.overlay(np.zeros((2, 8, 8, 3)))
    assert "Explanation(3 maps" in found._repr_html_()


def test_a_notebook_shows_escaped_captions_in_a_grid():
    shown = explanation(30, class_names=("<b>", "<b>2", "<b>3"))._repr_html_()
    assert shown.count("<img") == 24
    assert "and 6 more" in shown
    assert "10 flat, 20 ok" in shown
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown


def test_parts_are_joined_in_their_order():
    parts = [explanation(2), explanation(3)]
    whole = join(parts, None)
    assert len(whole) == 5
    np.testing.assert_array_equal(whole.maps[2:], parts[1].maps)
    assert whole.target.tolist() == [0, 1, 0, 1, 2]
