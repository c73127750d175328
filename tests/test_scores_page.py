"""docs/scores.md: its guides run as they stand, and a file of arms says the same."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import campare
from campare.errors import TargetError
from campare.targets import Box, Region, Regression

pytestmark = pytest.mark.slow  # `make docs` runs the guides, too

PAGE = Path(__file__).resolve().parents[1] / "docs" / "scores.md"
UNET, DETECTOR, AGE = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)


@pytest.fixture(scope="module")
def shown():
    """The names of each guide once it has run."""
    found = {}
    for name, code in (("unet", UNET), ("detector", DETECTOR), ("network", AGE)):
        names = {"__name__": "example"}
        exec(code, names)
        found[name] = names
    return found


GUIDES = {
    "unet": ("region:cat", Region(1), "cat"),
    "detector": ("box:dog", Box(1), "dog"),
    "network": ("value", Regression(), "all"),
}


@pytest.mark.parametrize("guide", GUIDES)
def test_maps_are_those_of_explain_with_the_target_as_a_value(shown, guide):
    named, value, label = GUIDES[guide]
    names = shown[guide]
    rows = names["scores"].to_polars().filter(method="grad-cam")
    assert set(rows["target"]) == {named}
    assert set(rows["label"]) == {label}
    energy = rows.filter(metric="energy")
    if guide == "network":
        images, masks = names["pictures"], names["inside"]
    else:
        test = names["images"].load("test", 32)
        own = np.flatnonzero(test.labels == test.class_names.index(label))
        images, masks = test.images[own], test.regions["object"][own]
    model = names[guide]
    output = {"output": "classes"} if guide == "detector" else {}
    one = campare.wrap(model, **output)
    layer = "conv16" if guide == "detector" else None
    found = campare.explain(one, images.astype(np.float32), target=value, layer=layer)
    enlarged = np.maximum(found.resized(images.shape[1:3]), 0)
    with np.errstate(invalid="ignore"):  # maps of an image in which nothing of the class is
        expected = (enlarged * masks).sum((1, 2)) / enlarged.sum((1, 2))
    known = energy["value"].is_not_null().to_numpy()
    assert known.sum() >= len(images) // 2
    np.testing.assert_allclose(energy["value"].to_numpy()[known], expected[known], rtol=1e-3)


def test_pixel_flipping_is_the_fall_of_the_score(shown):
    rows = shown["network"]["scores"].to_polars()
    values = rows.filter(metric="pixel-flipping", method="grad-cam")["value"]
    assert values.is_not_null().all()
    assert values.abs().max() > 0.01


def test_a_file_of_arms_says_the_target(shown, tmp_path):
    shown["unet"]["unet"].save(tmp_path / "unet.keras")
    line = 'unet: {files: unet.keras, target: "region:cat", classes: {cat: 1, dog: 2}}\n'
    (tmp_path / "arms.yaml").write_text(line)
    images = shown["unet"]["images"]
    options = {"metrics": ["energy", "pixel-flipping"]}
    found = campare.audit(tmp_path / "arms.yaml", images, **options).to_polars()
    given = shown["unet"]["scores"].to_polars()
    assert found.drop("layer").equals(given.drop("layer"))
    other = line + line.replace("unet:", "two:", 1).replace("region:cat", "region:dog")
    (tmp_path / "arms.yaml").write_text(other)
    with pytest.raises(TargetError, match=r"one target for all arms.*region:cat, region:dog"):
        campare.audit(tmp_path / "arms.yaml", images, **options)


def test_what_needs_a_class_is_left_out_and_named_is_an_error(shown):
    network, data = shown["network"]["network"], shown["network"]["data"]
    found = campare.audit({"age": network}, data, target="value", metrics="default").to_polars()
    assert not {"correct", "confidence", "focus"} & set(found["metric"])
    with pytest.raises(campare.CampareError, match="Expected a class and its probability"):
        campare.audit({"age": network}, data, target="value", metrics=["deletion"])
    with pytest.raises(TargetError, match="'region:CLASS' or 'box:CLASS', got 'age'"):
        campare.audit({"age": network}, data, target="age")
    with pytest.raises(TargetError, match=r"Try: classes=\{'cat': 1\}") as told:
        campare.audit({"unet": shown["unet"]["unet"]}, shown["unet"]["images"], target="region:cat")
    assert "--classes cat=1" in str(told.value)


def test_a_command_line_takes_the_target(shown, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from campare.cli.main import app
    from campare.data.folder import write_folder

    monkeypatch.chdir(tmp_path)
    shown["unet"]["unet"].save("unet.keras")
    write_folder(shown["unet"]["images"], tmp_path / "data")
    line = "audit unet=unet.keras --data data --target region:cat --classes cat=1,dog=2 "
    done = CliRunner().invoke(app, [*line.split(), "--metrics", "energy", "--size", "32"])
    assert done.exit_code == 0, done.output
    rows = pl.read_parquet(next(tmp_path.glob("runs/*/scores/*.parquet")))
    assert set(rows.filter(method="grad-cam")["target"]) == {"region:cat"}
