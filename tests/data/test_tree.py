"""Files of a folder that are of no use are counted; those of a run of campare do not count."""

import pytest
from painting import paint, paint_mask

from campare.data import ImageSet
from campare.errors import DataError


def test_what_is_not_used_is_counted_by_kind(split_folder):
    for path in ("train/cat/a.HEIC", "train/cat/b.HEIC", "train/cat/IMG_1", "test/dog/c.dcm"):
        (split_folder / path).write_bytes(b"x")
    (split_folder / "masks").mkdir()
    (split_folder / "masks/Thumbs.db").write_bytes(b"x")
    paint(split_folder / "holdout/cat/1.png")
    (split_folder / "README.md").write_text("a")
    paint_mask(split_folder / "masks/train/cat/1.png", (0, 0, 3, 3))
    paint_mask(split_folder / "old masks/train/cat/1.png", (0, 0, 3, 3))
    images = ImageSet.from_folder(split_folder)
    assert images.inventory.lines([])[-1] == (
        "Not used: 1 .md, holdout/ (1 file), 1 .db, old masks/ (1 file), 1 .dcm, 1 without suffix, "
        "2 .HEIC"
    )


def test_runs_of_campare_are_no_classes(flat_folder):
    before = ImageSet.from_folder(flat_folder)
    run = flat_folder / "runs" / "mine"
    (run / "figures").mkdir(parents=True)
    (run / "run.json").write_text('{"schema_version": 3, "kind": "study", "campare": "0.1.0"}')
    picture = next(flat_folder.rglob("*.png"), None) or next(flat_folder.rglob("*.jpg"))
    (run / "figures" / "effects.png").write_bytes(picture.read_bytes())
    found = ImageSet.from_folder(flat_folder)
    assert found.class_names == before.class_names
    assert found.fingerprint == before.fingerprint
    assert "Not of the images: runs/mine, a run of campare" in found.inventory.notes
    with pytest.raises(DataError, match=r"got a run of campare\. Try the layout"):
        ImageSet.from_folder(run)
    (run / "run.json").write_text('{"of": "something else"}')
    with pytest.raises(DataError):
        ImageSet.from_folder(flat_folder / "runs")
