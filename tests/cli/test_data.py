"""`campare data`: folders that are drawn, and cues that are planted."""

import numpy as np
import pytest

from campare.data import ImageSet
from command_line import call


def test_draw_writes_an_ordinary_folder(capsys: pytest.CaptureFixture[str]):
    assert call("data draw toys --train 6 --test 4 --size 24 --seed 3") == 0
    assert capsys.readouterr().out == "toys: 6 train images, 4 test images\n"
    again = ImageSet.from_folder("toys")
    assert again.counts() == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 2}}
    same = ImageSet.drawn(train=6, test=4, size=24, seed=3)
    np.testing.assert_array_equal(
        again.load("test", 24).images.sum(axis=(1, 2, 3)).sum(),
        same.load("test", 24).images.sum(axis=(1, 2, 3)).sum(),
    )


def test_plant_adds_a_cue_with_its_mask():
    call("data draw toys --train 6 --test 4 --size 32")
    assert call("data plant toys marked --p 1 --seed 1") == 0
    marked = ImageSet.from_folder("marked")
    assert "cue" in marked.regions
    before, after = ImageSet.from_folder("toys").load("train", 32), marked.load("train", 32)
    changed = (before.images != after.images).any(axis=-1)
    assert changed.any(axis=(1, 2)).all()
    assert not (changed & ~after.regions["cue"]).any()
