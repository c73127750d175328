"""A call that writes a run: where it may, and that nobody else does."""

from pathlib import Path

import pytest

from campare.data import ImageSet
from campare.data.folder import write_folder
from campare.errors import RunError
from campare.experiments.session import out_of
from campare.runs.lock import writing


def test_a_run_is_not_written_among_its_images(tmp_path):
    data = write_folder(ImageSet.drawn(train=4, test=4, size=16), tmp_path / "data")
    images = ImageSet.from_folder(data)
    for out in (data, data / "cat" / "run"):
        with pytest.raises(RunError, match=r"outside of the images in .*data, got .*\. Try: --out"):
            out_of(out, images)
    assert out_of(tmp_path / "data-run", images) == tmp_path / "data-run"
    assert out_of("runs/x", ImageSet.drawn(train=4, test=4, size=16)) == Path("runs/x").absolute()


def test_a_run_that_is_written_to_is_refused_at_once(tmp_path):
    images = ImageSet.drawn(train=4, test=4, size=16)
    with writing(tmp_path / "r"), pytest.raises(RunError, match=r"process .* Try: waiting"):
        out_of(tmp_path / "r", images)
