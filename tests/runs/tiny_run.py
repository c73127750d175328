"""A study and an audit so small that they can be done a hundred times: of a few weights each."""

from pathlib import Path

import torch

from campare import audit, study
from campare.data import ImageSet
from campare.runs.run import Run
from campare.training.recipe import Recipe

DRAWN = ImageSet.drawn(train=8, test=4, size=16)
METRICS = ["energy", "correct"]


def build(n_classes, seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(4, n_classes),
    ).eval()  # fmt: skip


def fit(images, seed, recipe):
    """A network whose weights depend on the seed and an option alone."""
    return build(len(images.class_names), seed + 100 * recipe.options.get("shift", 0))


def load(path):
    model = build(2, 0)
    model.load_state_dict(torch.load(path, weights_only=True))
    return model


RECIPES = (
    Recipe("a", train=fit, load=load, pixels="0..1", options={"shift": 0.5}),
    Recipe("b", train=fit, load=load, pixels="0..1", options={"shift": 1}),
)


def tiny_study(path: Path, **changes) -> Run:
    """Two recipes with two seeds each."""
    settings = {"recipes": RECIPES, "seeds": 2, "size": 16, "metrics": METRICS, "out": path}
    return study(DRAWN, **settings | changes)


def files_of_models(folder: Path) -> dict[str, list[Path]]:
    """Files of two arms with two models each."""
    folder.mkdir(parents=True, exist_ok=True)
    arms = {"a": [], "b": []}
    for number, (arm, seed) in enumerate((arm, seed) for arm in arms for seed in (0, 1)):
        path = folder / f"{arm}-{seed}.pt"
        if not path.is_file():
            torch.save(build(2, number).state_dict(), path)
        arms[arm].append(path)
    return arms


def tiny_audit(path: Path, **changes) -> Run:
    """Two arms with two models each, whose files lie beside the run."""
    settings = {"metrics": METRICS, "pixels": "0..1", "loader": load, "out": path}
    audit(files_of_models(path.parent / "models"), DRAWN, **settings | changes)
    return Run.open(path)
