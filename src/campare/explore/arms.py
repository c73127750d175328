"""The models that a page shows: those of a study, one for each arm, or those that are named."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campare.attribution.drawing import overlay_within
from campare.attribution.explain import explain
from campare.errors import CampareError, RunError
from campare.models import wrap
from campare.models.loaders import load
from campare.models.preprocessing import Preprocessing, preprocessing
from campare.runs.run import MANIFEST, Cell, Run
from campare.types import Array

_USUAL = 224  # pixels a side of a model that takes any


@dataclass(frozen=True)
class Look:
    """What one arm says of an image: its overlay (H, W, 3) uint8, and a line."""

    overlay: Array
    line: str


@dataclass(frozen=True, eq=False)
class Arm:
    """A model by its name, with what is done to pictures before."""

    name: str
    classifier: Any
    prepared: Preprocessing
    size: int | None = None

    def look(self, picture: Array, *, method: str, layer: str | None, target: str | None) -> Look:
        """Explain a picture (H, W, 3) uint8.

        Raises:
            CampareError: the model has no such layer or class, or the method does not fit it.
        """
        shape = self.classifier.input_shape
        usual = self.prepared.size or (self.size or _USUAL,) * 2
        height, width = (own or side for own, side in zip(shape[:2], usual, strict=True))
        pixels = self.prepared.numbers(self.prepared.framed([picture], (height, width)), shape[-1])
        found = explain(self.classifier, pixels, target=target, method=method, layer=layer)
        window = self.prepared.framing.rectangle(picture.shape[:2], (height, width))
        explained = int(found.prediction[0] if found.target is None else found.target[0])
        predicted = found.class_name(int(found.prediction[0]))
        line = (
            f"{self.name}: {found.class_name(explained)} {found.scores[0]:.2f}, predicted "
            f"{predicted}; {found.method} at {found.layer}, map {found.status[0]}"
        )
        return Look(overlay_within(picture, found.maps[0], window), line)


def arms_of(models: Sequence[str], *, trust: bool = False) -> tuple[Arm, ...]:
    """The models of a run, or of lines that `campare.load` takes, perhaps as NAME=MODEL.

    Raises:
        CampareError: a run without models, or a model that cannot be opened.

    Example:
        >>> arms_of(["runs/demo"])  # doctest: +SKIP
    """
    if len(models) == 1 and (Path(models[0]) / MANIFEST).is_file():
        return _of_run(Run.open(models[0]))
    found = []
    for line in models:
        name, _, model = line.partition("=") if _is_named(line) else ("", "", line)
        loaded = load(model, trust=trust)
        found.append(
            Arm(name or loaded.name, wrap(loaded), preprocessing(None, loaded.preprocessing))
        )
    names = [arm.name for arm in found]
    if len(set(names)) < len(names):
        raise CampareError(
            f"Expected models of different names, got {', '.join(names)}. Try: a=MODEL b=MODEL"
        )
    return tuple(found)


def _is_named(line: str) -> bool:
    name = line.partition("=")[0]
    return "=" in line and not any(sign in name for sign in "/?:")


def _of_run(run: Run) -> tuple[Arm, ...]:
    """The first finished model of each recipe, as the study saw it."""
    found: dict[str, Arm] = {}
    for record in sorted(run.manifest.cells.values(), key=lambda one: one.seed):
        path = run.model_path(Cell(record.recipe, record.seed))
        if record.recipe not in found and path.is_file():
            loaded = load(path)
            classifier = wrap(loaded, class_names=run.manifest.data.classes)
            found[record.recipe] = Arm(
                record.recipe, classifier, preprocessing(None, loaded.preprocessing),
                run.manifest.config.size,
            )  # fmt: skip
    if not found:
        raise RunError(
            f"Expected a study with Keras models in {run.path}, got none. "
            "Try: campare explore MODEL..., the files that it measured"
        )
    return tuple(found[name] for name in run.recipes if name in found)
