"""Every example is one file that runs as it stands, and says what it should."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from campare import audit, explain
from campare.data import ImageSet

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

#: What each example prints, of which these are the telling parts.
SAYS = {
    "method": ("sharp-cam: the strongest cell has", "sharp-cam(power=4): the strongest cell has"),
    "metric": ("centered: 0.", "centered(radius=0.5): 0.", "gini: 0.", "of 11 images"),
    "recipe_factor": ("hidden units: energy", "label smoothing: energy", "hidden units x label"),
    "train_torch": ("plain and flipped",),
    "train_timm": ("2 seeds",),
    "train_lightning": ("2 seeds",),
    "target": ("as by hand: True",),
    "data_format": ("ImageSet('balls', blue/red, 8 train, 4 test)", "covers 7.7% of the image"),
    "backend": ("maps (3, 8, 8) at layer patches", "as by hand: True"),
    "report_section": (
        "report.html: has the section: True",
        "report.md: has the section: True",
    ),
}

#: Examples that need what the tests do not install, and that take their time.
NEEDS = {"train_timm": ("timm", "torchvision"), "train_lightning": ("lightning",)}

SLOW = (*NEEDS, "recipe_factor")


def test_the_page_names_every_example():
    page = (ROOT / "docs" / "extending.md").read_text("utf-8")
    assert {path.stem for path in EXAMPLES.glob("*.py")} == set(SAYS)
    assert all(f"../examples/{name}.py" in page for name in SAYS)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in SAYS]
)
def test_an_example_runs_as_it_stands(name, capsys, tmp_path, monkeypatch):
    for module in NEEDS.get(name, ()):
        pytest.importorskip(module)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    said = capsys.readouterr().out
    for words in SAYS[name]:
        assert words in said


def network():
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((16, 16, 3)),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )


def test_a_method_of_ones_own_goes_wherever_a_name_does(monkeypatch):
    monkeypatch.chdir(EXAMPLES)
    model, images = network(), np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
    own = runpy.run_path(str(EXAMPLES / "method.py"))["SHARP_CAM"]
    by_value = explain(model, images, method=own)
    by_name = explain(model, images, method="method:SHARP_CAM")
    np.testing.assert_array_equal(by_value.maps, by_name.maps)
    drawn = ImageSet.drawn(train=4, test=8, size=16)
    found = audit({"m": model}, drawn, metrics=["energy"], methods=["grad-cam", own])
    assert {"grad-cam", "sharp-cam"} <= set(found.frame["method"])
    assert found.frame.filter(found.frame["method"] == "sharp-cam")["value"].is_not_null().all()
