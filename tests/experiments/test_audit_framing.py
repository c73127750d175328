"""Audits of models that see a part of the picture: maps lie where they belong, kept or sampled."""

import base64
import io
import re
from functools import partial

import keras
import numpy as np
import pytest
from audited import K, quick
from PIL import Image

from campare.errors import RunError
from campare.runs.check import check
from campare.runs.kept import kept
from campare.runs.run import Run
from campare.stats.compare import compare


@pytest.fixture(scope="module")
def brightness(tmp_path_factory):
    """Wide pictures, black but for a square that class a has, and a network whose map it is."""
    folder = tmp_path_factory.mktemp("wide") / "squares"
    for index, kind in enumerate("abab"):
        (folder / "test" / kind).mkdir(parents=True, exist_ok=True)
        picture = np.zeros((40, 80, 3), np.uint8)
        picture[10:18, 46:54] = 120 if kind == "a" else 40
        Image.fromarray(picture).save(folder / "test" / kind / f"{index}.png")
    net = keras.Sequential(
        [keras.Input((20, 20, 3)), K.Conv2D(1, 1), K.GlobalAveragePooling2D(), K.Dense(2)]
    )
    net.set_weights([np.ones((1, 1, 3, 1)), np.zeros(1), np.ones((1, 2)), np.zeros(2)])
    return folder, net


def test_maps_lie_where_they_belong_however_each_model_frames_the_photo(brightness, tmp_path):
    folder, net = brightness
    crop, pad = {"crop_pct": 0.8}, {"fit": "pad"}
    run = tmp_path / "run"
    pixels = {"cropped": crop, "padded": pad}
    quick(
        dict.fromkeys(("whole", "cropped", "padded"), net),
        folder,
        ("gini",),
        out=run,
        pixels=pixels,
    )
    opened = Run.open(run)
    photo = opened.images().images[0]
    y, x = np.nonzero(photo.sum(-1) > 180)
    assert (x.mean() + 0.5) / 20 == pytest.approx(50 / 80, abs=0.01)  # the whole photo is shown
    parts = opened.windows()
    assert parts.keys() == {"cropped", "padded"}
    assert parts["cropped"][0] == pytest.approx([0.1, 0.3, 0.9, 0.7], abs=0.03)
    assert parts["padded"][0] == pytest.approx([-0.5, 0, 1.5, 1], abs=0.02)
    page = (run / "report.html").read_text("utf-8")
    _, *tiles = re.findall(r'data:image/webp;base64,([^"]+)" alt', page)
    assert len(tiles) == 3
    for tile in tiles:  # the bright end of the colors lies on the square, in all three
        drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(tile))))
        hot = np.argwhere(drawn[..., 0] > 180)
        assert hot.mean(0) == pytest.approx([y.mean(), x.mean()], abs=1.5)


@pytest.mark.parametrize("number", [2, 0])
def test_a_sample_of_images_is_kept_with_its_maps(number, brightness, tmp_path):
    folder, net = brightness
    pixels, names = {"cropped": {"crop_pct": 0.8}}, ("whole", "cropped")
    ask = partial(quick, dict.fromkeys(names, net), folder, ("gini", "focus"), pixels=pixels)
    whole = Run.open((ask(out=tmp_path / "all", keep_maps="all")).path)
    some = Run.open((ask(out=tmp_path / "some", keep_maps=str(number))).path)
    assert some.scores().equals(whole.scores())
    which = kept(len(whole.images()), number)
    assert 0 <= len(which) == number < len(whole.images())
    expected = whole.images().subset(which)
    np.testing.assert_array_equal(some.images().images, expected.images)
    assert some.images().names == expected.names
    np.testing.assert_array_equal(some.windows()["cropped"], whole.windows()["cropped"][which])
    for name in names:
        maps = whole.maps(name, 0)["grad-cam"]
        np.testing.assert_array_equal(some.maps(name, 0)["grad-cam"], maps[which])
    assert some.mosaics() == {
        name: four for name, four in whole.mosaics().items() if name.startswith("focus")
    }
    assert compare(some).effects.equals(compare(whole).effects)
    assert check(some.path) == []
    page = (some.path / "report.html").read_text("utf-8")
    assert f"<span>{len(whole.images())} images</span>" in page
    assert ("of a sample, drawn at random" in page) == (number > 0)
    assert ('id="gallery-data"' in page) == (number > 0)


def test_a_run_that_goes_on_keeps_the_images_that_it_has(brightness, tmp_path):
    folder, net = brightness
    saved = tmp_path / "net.keras"
    net.save(saved)
    ask = partial(quick, {"a": saved}, folder, ("gini",), out=tmp_path / "run")
    ask(keep_maps=2)
    with pytest.raises(RunError, match=r"Expected maps of 2 images .* got --keep-maps all\. Try"):
        ask(keep_maps="all")
    (tmp_path / "run" / "maps" / "a-0.npz").unlink()
    ask()
    assert len(Run.open(tmp_path / "run").maps("a", 0)["grad-cam"]) == 2
    (tmp_path / "run" / "run.json").unlink()  # the record of a cell says it, too
    (tmp_path / "run" / "images.npz").unlink()
    ask()
    assert len(Run.open(tmp_path / "run").images()) == 2
    assert check(tmp_path / "run") == []


def test_photos_are_cropped_where_all_models_crop_alike(brightness, tmp_path):
    folder, net = brightness
    run = tmp_path / "run"
    quick({"a": net, "b": net}, folder, ("gini",), out=run, pixels={"crop_pct": 0.8})
    assert Run.open(run).windows() == {}
    with np.load(run / "images.npz") as arrays:
        assert set(arrays.files) == {"images", "labels", "names", "classes"}
    assert "windowed" not in (run / "report.html").read_text("utf-8")
