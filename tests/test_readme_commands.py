"""The commands of README, each typed as it stands in a folder that has what they name.

Studies are smaller than there: other networks, that are trained for hours there, and fewer seeds.
"""

import os
import shlex
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from campare.data.folder import write_folder
from campare.data.imageset import ImageSet
from campare.runs.run import Run
from test_commands_of_pages import lines_of
from test_pages import small_network

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
]  # minutes alone, longer beside other work

README = Path(__file__).resolve().parents[1] / "README.md"
SMALL = "--backbone embedded --epochs 1 --size 32"

#: What stands there -> what is typed.
SMALLER = {
    "--backbone resnet50 --weights imagenet --seeds 5": f"{SMALL} --seeds 2",
    "factorial --out runs/cue": f"factorial {SMALL} --seeds 1 --out runs/cue",
}
#: Beginning of a command -> what it needs beyond campare.
NEEDS = {"campare explain 'timm:": "timm", "campare log runs/mine --to mlflow": "sqlalchemy"}


def photographs(folder: Path, classes: tuple[str, ...]) -> None:
    """A photograph of each class to be audited."""
    rng = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(4):
            pixels = rng.integers(0, 256, (28, 28, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def network_of_imagenet(path: Path) -> None:
    """A network with as many classes."""
    import keras

    layers = small_network().layers[:-1]
    keras.Sequential([keras.Input((28, 28, 3)), *layers, keras.layers.Dense(1000)]).save(path)


def trained_ones() -> None:
    """What the study trained, under the names that later commands have."""
    copies = {"MODEL": "frozen-0", "A": "frozen-0", "B": "tuned-0"}
    copies |= {f"runs/scratch-{seed}": f"scratch-{seed}" for seed in (0, 1)}
    copies |= {f"runs/transfer-{seed}": f"tuned-{seed}" for seed in (0, 1)}
    for name, trained in copies.items():
        for ending in ("keras", "json"):  # the latter: its notes, with the names of the classes
            shutil.copy(f"runs/mine/models/{trained}.{ending}", f"{name}.{ending}")
    shutil.copytree("runs/mine", "runs/other")
    Run.open("runs/mine").scores().write_parquet("rows.parquet")


def given() -> None:
    """What the first commands name."""
    write_folder(ImageSet.drawn(train=24, test=8, size=32), Path("DATA"))
    Image.fromarray(np.full((40, 50, 3), 128, np.uint8)).save("photo.jpg")
    photographs(Path("fruits"), ("apple", "banana", "orange"))
    network_of_imagenet(Path("mobilenet.keras"))
    if find_spec("timm"):
        import timm
        import torch

        torch.save(timm.create_model("resnet50", pretrained=False).state_dict(), "FILE")


def typed(line: str) -> str:
    """A command as it is typed here."""
    for there, here in SMALLER.items():
        line = line.replace(there, here)
    return line


def test_every_command_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_of(README.read_text("utf-8"))
    assert len(lines) > 15
    assert all(any(there in line for line in lines) for there in SMALLER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    given()
    for line in lines:
        lacking = [one for begin, one in NEEDS.items() if line.startswith(begin)]
        if all(map(find_spec, lacking)):
            command = [sys.executable, "-m", *shlex.split(typed(line), comments=True)]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=dict(os.environ)
            )
            assert done.returncode == 0, (line, done.stdout[-2000:], done.stderr[-2000:])
        if "--out runs/mine" in line:
            trained_ones()
    for made in ("maps/photo-grad-cam.png", "runs/mine/report.html", "runs/ways/report.html"):
        assert Path(made).is_file(), made
