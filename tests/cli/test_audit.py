"""`campare audit`: what it passes on, what it prints, how it fails."""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from foreign import coco_2017, scenes

from campare.__main__ import main
from campare.runs.run import Run
from command_line import Failing, call
from manifests import manifest


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of audit(), which does nothing here."""
    calls: list[Any] = []
    monkeypatch.setattr(
        "campare.experiments.audit.audit",
        lambda *given, **settings: calls.append((given, settings)),
    )
    monkeypatch.setattr(
        "campare.runs.run.Run.open", lambda path: SimpleNamespace(path=path, manifest=manifest())
    )
    monkeypatch.setattr(
        "campare.experiments.summary.summary", lambda run: f"the summary of {run.path}"
    )
    return calls


def test_defaults(audited: list[Any], capsys: pytest.CaptureFixture[str]):
    assert call("audit here/a.keras b.keras --data photos") == 0
    ((given, settings),) = audited
    assert given == ({"a": "here/a.keras", "b": "b.keras"}, "photos")
    assert settings.pop("console") is not None
    assert settings == {
        "metrics": ("default",),
        "methods": ("grad-cam",),
        "layer": None,
        "layer_grid": None,
        "size": None,
        "pixels": None,
        "loader": None,
        "trust": False,
        "prompts": None,
        "classes": None,
        "output": None,
        "task": None,
        "target": "label",
        "split": None,
        "out": Path("runs/photos-audit"),
        "seed": 0,
        "batch_size": 32,
        "engine": "local",
        "strict": False,
        "skip_failed": False,
        "keep_maps": None,
        "cells": None,
        "log": None,
    }
    assert capsys.readouterr().out.splitlines() == [
        "the summary of runs/photos-audit",
        "Every effect: campare compare runs/photos-audit",
        "Report: runs/photos-audit/report.html",
    ]


def test_every_option_arrives(audited: list[Any]):
    words = (
        "audit one=a.keras two=old/a.keras --data photos --metrics energy,deletion --methods "
        "grad-cam,layer-cam --layer one=top,two=conv/last --layer-grid two=7x7+1 --size 96 "
        "--pixels one=-1..1 --classes cat=3,dog=0 --output 1 --task one=regression "
        "--target prediction --split all --out there --seed 4 --batch-size 8 --engine ray "
        "--loader two=lab:load --trust --prompts cat,dog --strict --skip-failed "
        "--keep-maps 5 --cells 1 --log tensorboard"
    )
    assert call(words) == 0
    ((given, settings),) = audited
    assert given[0] == {"one": "a.keras", "two": "old/a.keras"}
    del settings["console"]
    assert settings == {
        "metrics": ("energy", "deletion"),
        "methods": ("grad-cam", "layer-cam"),
        "layer": {"one": "top", "two": "conv/last"},
        "layer_grid": {"two": (7, 7, 1)},
        "size": 96,
        "pixels": {"one": "-1..1"},
        "loader": {"two": "lab:load"},
        "trust": True,
        "prompts": ("cat", "dog"),
        "classes": {"cat": "3", "dog": "0"},
        "output": "1",
        "task": {"one": "regression"},
        "target": "prediction",
        "split": "all",
        "out": Path("there"),
        "seed": 4,
        "batch_size": 8,
        "engine": "ray",
        "strict": True,
        "skip_failed": True,
        "keep_maps": "5",
        "cells": "1",
        "log": "tensorboard",
    }


def test_audit_takes_what_the_command_line_passes(request: pytest.FixtureRequest):
    from campare.experiments.audit import audit

    signature = inspect.signature(audit)
    calls = request.getfixturevalue("audited")
    call("audit a.keras --data photos")
    ((given, settings),) = calls
    passed = set(signature.bind(*given, **settings).arguments)
    assert passed == set(signature.parameters) - {"group"}  # it goes with the folder


def test_classes_in_a_file(audited: list[Any], tmp_path: Path):
    (tmp_path / "classes.yaml").write_text("m: {cat: 3, dog: tabby}")
    call("audit m.keras --data photos --classes classes.yaml")
    assert audited[0][1]["classes"] == {"m": {"cat": 3, "dog": "tabby"}}


def test_end_to_end(models: Path, capsys: pytest.CaptureFixture[str]):
    words = ["audit", models / "fixed.keras", f"again={models / 'fixed.keras'}"]
    assert call("data draw toys --train 4 --test 4 --size 16") == 0
    assert main([*map(str, words), "--data", "toys", "--metrics", "energy"]) == 0
    said = capsys.readouterr().out
    assert "fixed: model 1 of 2" in said
    assert "Each model is one training: a difference speaks of these models" in " ".join(
        said.split()
    )
    assert Path("runs/toys-audit/report.html").is_file()
    assert call("report runs/toys-audit") == 0
    assert call("report runs/toys-audit --format md --out toys.md") == 0
    assert Path("toys.md").read_text("utf-8").startswith("# ")
    assert call("compare runs/toys-audit") == 0
    assert "again - fixed" in capsys.readouterr().out


def test_an_imported_data_set_is_audited(models: Path, tmp_path: Path):
    coco_2017(tmp_path / "export", scenes(0))
    assert call("data import export toys") == 0
    assert call(f"audit {models / 'fixed.keras'} --data toys --metrics energy") == 0
    measured = Run.open("runs/toys-audit").scores().filter(metric="energy", status="ok")
    assert measured["image"].n_unique() == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("absent.keras", "Expected a saved Keras model, got no file absent.keras."),
        ("broken.keras", "Expected a Keras 3 model in broken.keras, got"),
        ("a=FREE a=broken.keras", "Expected a Keras 3 model in broken.keras, got something else."),
        ("FREE --metrics enery", "Expected the name of a metric, got 'enery'."),
        ("FREE --metrics cue-energy", "Expected masks of the cue for 'cue-energy', got none."),
        ("FREE --methods cam", "Expected a CAM method, got 'cam'."),
        ("FREE --layer lost", "Expected a layer of 'free', got 'lost'."),
        ("FREE --layer x=last", "Expected names of models in layer=..., got 'x'. Try: free"),
        ("FREE --pixels 0-1", "Expected a range of pixels, got '0-1'."),
        ("FREE --task both", "Expected a task binary or regression, got 'both'."),
        ("FREE --classes cat=0", "Expected an output for each class of the data (cat, dog),"),
        ("FREE --classes cat", "Expected classes as NAME=INDEX,... or a YAML file, got 'cat'."),
        ("FREE --classes no.yaml", "Expected a YAML file of classes, got no readable file"),
        (
            "FREE --classes list.yaml",
            "Expected a mapping of classes in list.yaml, got a list. T",
        ),
        ("FREE --split val", "Invalid value for '--split'"),
        ("FREE FREE", "Expected models with different names, got 'free' twice."),
        ("FLAT", "Expected a model with a spatial layer"),
    ],
)
def test_mistakes_write_nothing(
    options: str, expected: str, models: Path, failing: Failing, tmp_path: Path
):
    call("data draw toys --train 4 --test 4 --size 16")
    (tmp_path / "broken.keras").write_bytes(b"x")
    (tmp_path / "list.yaml").write_text("[1, 2]")
    for word in ("FREE", "FLAT"):
        options = options.replace(word, str(models / f"{word.lower()}.keras"))
    words = ["audit", *options.split(), "--data", "toys", "--size", "16", "--out", "r"]
    assert failing(*words).startswith(expected)
    assert not Path("r").exists()


def test_data_is_needed(failing: Failing):
    assert failing("audit", "a.keras") == "Missing option '--data'. Try: campare audit --help"


LAB = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, images):
        return self.head(self.conv(images).relu().mean((2, 3)))

def load(path):
    model = Net()
    model.load_state_dict(torch.load(path, weights_only=True))
    return model, {"mean": [0.5] * 3, "std": [0.5] * 3, "crop_pct": 0.8, "size": 16}

def broken(path):
    raise OSError("no weights today")
"""


@pytest.fixture
def checkpoints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user's folder with lab_of_cli.py and two checkpoints of its network."""
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    Path("lab_of_cli.py").write_text(LAB, "utf-8")
    from campare.optional import load_object

    network = load_object("lab_of_cli:Net")
    for seed in (0, 1):
        torch.manual_seed(seed)
        torch.save(network().state_dict(), f"net-{seed}.pt")
    yield tmp_path
    sys.modules.pop("lab_of_cli", None)


def test_checkpoints_of_torch_by_a_loader(checkpoints: Path, capsys: pytest.CaptureFixture[str]):
    assert call("data draw toys --train 4 --test 8 --size 24") == 0
    words = "--data toys --metrics energy --loader lab_of_cli:load --out run"
    assert call(f"audit a=net-*.pt b=net-0.pt {words}") == 0
    fields = {one["name"]: one for one in Run.open("run").manifest.recipe_fields}
    assert fields["a"]["pixels"] == "mean [0.5, 0.5, 0.5], std [0.5, 0.5, 0.5]"
    assert fields["a"]["framing"] == "center crop of 0.8, bilinear"
    assert fields["a"]["input"] == "16 x 16 x 3"
    assert "center crop of 0.8" in Path("run/report.html").read_text("utf-8")
    capsys.readouterr()
    assert call("list layers net-0.pt --loader lab_of_cli:load") == 0
    assert "conv" in capsys.readouterr().out
    photo = next(Path("toys/test").glob("*/*.png"))
    assert call(f"explain net-0.pt {photo} --loader lab_of_cli:load --out maps") == 0
    assert np.load(f"maps/{photo.stem}-grad-cam.npy").shape == (14, 14)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--loader lab_of_cli:broken", "Expected lab_of_cli:broken to give a model of net-0.pt, "),
        ("--loader lab_of_cli:Nothing", "Expected an object at 'lab_of_cli:Nothing' (module:name)"),
        ("--loader lab_of_cli:LAB --pixels {means:[0.5]}", "Expected "),
        ("", "Expected a model in net-0.pt, got 4 weights (conv.weight (4, 3, 3, 3), ...), which"),
        ("--prompts cat,dog", "Expected prompts with an open_clip model, got net-0.pt."),
    ],
)
def test_loaders_that_fail_in_one_line(
    words: str, expected: str, checkpoints: Path, failing: Failing
):
    for command in ("audit net-0.pt --data drawn", "list layers net-0.pt"):
        if command.startswith("list") and "--pixels" in words:
            continue
        assert failing(*command.split(), *words.split()).startswith(expected)


def test_cells_are_listed_by_their_numbers(audited: list[Any], capsys: pytest.CaptureFixture[str]):
    assert call("audit a=1.keras a=2.keras b=3.keras --data photos --cells list") == 0
    assert capsys.readouterr().out == "0  a-0\n1  a-1\n2  b-0\n"
    assert call("-q audit a=1.keras --data photos --cells list") == 0
    assert capsys.readouterr().out == "0  a-0\n"  # what was called for
    assert call("-q study drawn --cells list --only A --seeds 1") == 0
    assert capsys.readouterr().out == "0  A-0\n"
    assert audited == []
