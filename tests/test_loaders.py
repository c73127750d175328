"""docs/loaders.md: its examples run as they stand, one after the other."""

import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import campare
from campare.__main__ import main
from campare.data.folder import write_folder
from campare.data.pixels import ALIASES, CONVENTIONS, RANGES
from campare.models.loaders.spec import KINDS
from campare.models.preprocessing import KEYS

PAGE = Path(__file__).resolve().parents[1] / "docs" / "loaders.md"
TEXT = PAGE.read_text("utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A user's folder: lab.py as the page has it, weights, a photo and a data set."""
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "lab", raising=False)
    module, _ = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    Path("lab.py").write_text(module, "utf-8")
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 256, (40, 56, 3), np.uint8)).save("photo.png")
    write_folder(campare.ImageSet.drawn(train=2, test=6, size=40), Path("DATA"))
    torch.manual_seed(0)
    from campare.optional import load_object

    Path("runs").mkdir()
    torch.save(load_object("lab:Net")().state_dict(), "runs/net.pt")
    yield tmp_path
    sys.modules.pop("lab", None)


def test_the_examples_run(folder):
    (commands,) = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
    for line in commands.strip().splitlines():
        assert main(shlex.split(line)[1:]) == 0
    with Image.open("maps/photo-grad-cam.png") as drawn:
        assert drawn.size == (56, 40)
    assert Path("runs/audit/report.html").is_file()
    _, example = re.findall(r"```python\n(.*?)```", TEXT, re.S)
    with Image.open("photo.png") as photo:
        names = {"campare": campare, "picture": np.asarray(photo)}
    exec(example, names)
    assert names["images"].shape == (1, 32, 32, 3)
    assert len(names["explanation"]) == 1


def test_every_kind_and_name_is_on_the_page():
    assert all(f"`{kind}:" in TEXT for kind in KINDS)
    assert all(f"`{name}`" in TEXT for name in (*RANGES, *CONVENTIONS, *ALIASES))
    assert all(re.search(rf"\b{key}\b", TEXT) for key in KEYS)
