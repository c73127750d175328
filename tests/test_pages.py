"""Pages of README and docs/ whose Python runs as it stands, block after block in one namespace."""

import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import campare
from campare.data.folder import write_folder
from tools.typed import typed

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"

#: Page -> the libraries that it needs beyond campare's own.
PAGES = {
    "../README.md": ("torch",),
    "agreement.md": (),
    "audit.md": ("torch",),
    "data.md": ("datasets", "torch"),
    "fiftyone.md": ("fiftyone",),
    "out.md": ("duckdb",),
    "trackers.md": (),
    "migrate/captum.md": ("captum",),
    "migrate/pytorch-grad-cam.md": ("pytorch_grad_cam",),
    "migrate/quantus.md": ("quantus", "torch"),
    "migrate/tf-keras-vis.md": ("tf_keras_vis",),
    "migrate/xplique.md": ("xplique",),
}

#: Pages that have a test of their own, or are typed whole.
ELSEWHERE = {
    "any-rank.md", "callbacks.md", "index.md", "loaders.md", "scores.md", "wrappers.md",
}  # fmt: skip

#: README's last block trains thirty networks, for hours: here a small one, once through its images.
SMALL = {"backbone": "embedded", "epochs": 1, "size": 32, "metrics": ["energy", "correct"]}

SLOW = ("../README.md", "agreement.md", "audit.md")


def small_network():
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((28, 28, 3)),
            layers.Conv2D(4, 3, activation="relu", name="conv5_block3_out"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(2),
        ]
    )


def of_readme() -> dict[str, object]:
    """A model with names of classes, a transformer of 101 + 14 x 14 tokens, images, a folder."""
    import keras
    import torch

    class Vit(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.patches, self.head = torch.nn.Conv2d(3, 4, 2, 2), torch.nn.Linear(4, 2)
            self.blocks = torch.nn.ModuleList(torch.nn.Linear(4, 4) for _ in range(10))

        def forward(self, images):
            tokens = self.patches(images).flatten(2).transpose(1, 2)
            tokens = torch.cat([tokens.new_ones(len(images), 101, 4), tokens], 1)
            for block in self.blocks:
                tokens = tokens + block(tokens).tanh()
            return self.head(tokens.mean(1))

    network = small_network()
    network.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    images = np.random.default_rng(0).uniform(size=(4, 28, 28, 3)).astype(np.float32)
    labels, masks = np.array([0, 1, 0, 1]), np.zeros((4, 28, 28), bool)
    masks[:, :9] = True
    write_folder(campare.ImageSet.drawn(train=16, test=4, size=32), Path("DATA"))

    class Named:
        """The network to be fitted, and to be explained with names."""

        fit = staticmethod(network.fit)

    return {
        "keras": keras, "model": Named, "vit": Vit().eval(), "images": images,
        "x": images, "y": labels, "x_val": images, "y_val": labels, "masks": masks,
        "loader": [images[:2], images[2:]],
        "named": lambda: campare.wrap(network, class_names=("cat", "dog")),
    }  # fmt: skip


def of_agreement() -> dict[str, object]:
    """What an audit of two models measured."""
    images = campare.ImageSet.drawn(train=4, test=8, size=28)
    models = {"one": small_network(), "other": small_network()}
    return {"scores": campare.audit(models, images, metrics=["energy", "entropy"])}


def of_audit() -> dict[str, object]:
    """A file of Keras, a module of torch, how it wants its pixels, and images."""
    import torch

    small_network().save("model.keras")
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(4, 2),
    ).eval()  # fmt: skip
    return {
        "campare": campare, "module": module, "normalize": lambda pixels: pixels / 255,
        "data": campare.ImageSet.drawn(train=4, test=8, size=28),
    }  # fmt: skip


#: Page -> what its blocks take as given, by name.
GIVEN: dict[str, Callable[[], dict[str, object]]] = {
    "../README.md": of_readme,
    "agreement.md": of_agreement,
    "audit.md": of_audit,
}


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)


def marks_of(page: str) -> list[pytest.MarkDecorator]:
    """Of other tools' warnings none is ours."""
    others = page.startswith("migrate/") or page == "fiftyone.md"
    warns = [pytest.mark.filterwarnings("ignore")] if others else []
    return [*warns, pytest.mark.slow] if page in SLOW else warns


@pytest.mark.parametrize("page", [pytest.param(page, marks=marks_of(page)) for page in PAGES])
def test_the_examples_run_as_they_stand(page: str, tmp_path: Path, monkeypatch):
    if not all(map(find_spec, PAGES[page])):
        pytest.skip(f"{' and '.join(PAGES[page])} are not installed")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    names |= GIVEN[page]() if page in GIVEN else {}
    if page == "../README.md":
        monkeypatch.setattr("campare.study", partial(campare.study, **SMALL))
    found = blocks(page)
    assert found
    for number, block in enumerate(found):
        exec(compile(block, f"{page}, block {number}", "exec"), names)
        if "named" in names:  # README fits a network, then explains one whose classes it names
            names["model"] = names["named"]()  # type: ignore[operator]
    if page == "../README.md":
        assert len(names["run"].manifest.cells) == 30  # type: ignore[attr-defined]
        assert names["comparison"].headline  # type: ignore[attr-defined]


def test_no_page_with_python_is_left_out():
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    with_python = {page for page in pages if blocks(page)}
    assert with_python == (set(PAGES) | ELSEWHERE) - {"../README.md"}


@pytest.mark.slow
@pytest.mark.timeout(3600)  # minutes alone, longer beside other work
def test_the_first_page_is_typed_as_it_stands(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
    commands = typed((DOCS / "index.md").read_text("utf-8"))
    assert commands[0][-1].startswith("pip install")  # which `make package` does
    for command in commands[1:]:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command[-1], done.stdout, done.stderr)
