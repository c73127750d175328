"""docs/any-rank.md: its examples run as they stand."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "any-rank.md"
SIGNALS, NIFTI = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)


@pytest.mark.slow
def test_the_example_of_signals():
    code, _, last = SIGNALS.rstrip().rpartition("\n")
    names = {"__name__": "example"}
    exec(code, names)
    effects = eval(last, names)
    assert {"energy", "deletion", "max-sensitivity"} <= set(effects["metric"])
    energy = names["scores"].compare().summary
    assert energy.height


def test_the_example_of_nifti(tmp_path, monkeypatch):
    nibabel = pytest.importorskip("nibabel")
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for name in ("ill/a.nii.gz", "ill/b.nii.gz", "well/c.nii.gz"):
        for folder, values in (
            ("scans", rng.integers(0, 1000, (8, 7, 6)).astype(np.int16)),
            ("masks", (rng.random((8, 7, 6)) > 0.7).astype(np.uint8)),
        ):
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    keras.Sequential(
        [
            keras.Input((6, 7, 8, 1)),
            keras.layers.Conv3D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling3D(),
            keras.layers.Dense(2),
        ]
    ).save("volume.keras")
    names = {"__name__": "example"}
    exec("import campare\nfrom campare.data import Images\n" + NIFTI, names)
    rows = names["scores"].to_polars().filter(metric="energy", method="grad-cam")
    assert rows.height == 3
    assert set(rows["label"]) == {"ill", "well"}
