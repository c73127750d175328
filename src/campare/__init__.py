"""campare: measure whether a training recipe makes Grad-CAM heatmaps better.

Public names load on first use, so that `import campare` imports no framework.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campare import targets
    from campare.attribution.explain import Explanation, explain, stream
    from campare.data import ImageSet
    from campare.errors import CampareError
    from campare.experiments.audit import audit
    from campare.experiments.study import study
    from campare.models import wrap
    from campare.models.loaders import load
    from campare.models.preprocessing import Preprocessing
    from campare.models.targets import Contrast
    from campare.runs.run import Run
    from campare.stats.compare import Comparison, compare
    from campare.stats.table import Scores
    from campare.trackers.log import log
    from campare.training.recipe import Augment, Recipe

    __version__: str

_HOME = {
    "Augment": "campare.training.recipe",
    "CampareError": "campare.errors",
    "Comparison": "campare.stats.compare",
    "Contrast": "campare.models.targets",
    "Explanation": "campare.attribution.explain",
    "ImageSet": "campare.data",
    "Preprocessing": "campare.models.preprocessing",
    "Recipe": "campare.training.recipe",
    "Run": "campare.runs.run",
    "Scores": "campare.stats.table",
    "audit": "campare.experiments.audit",
    "compare": "campare.stats.compare",
    "explain": "campare.attribution.explain",
    "load": "campare.models.loaders",
    "log": "campare.trackers.log",
    "stream": "campare.attribution.explain",
    "study": "campare.experiments.study",
    "wrap": "campare.models",
}

__all__ = [
    "Augment",
    "CampareError",
    "Comparison",
    "Contrast",
    "Explanation",
    "ImageSet",
    "Preprocessing",
    "Recipe",
    "Run",
    "Scores",
    "audit",
    "compare",
    "explain",
    "load",
    "log",
    "stream",
    "study",
    "targets",
    "wrap",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # takes longer than all of the above

        return version("campare")
    if name == "targets":
        return import_module("campare.targets")
    if name not in _HOME:
        raise AttributeError(f"module 'campare' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__, "__version__"])
