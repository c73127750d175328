"""campare: measure whether a training recipe makes Grad-CAM heatmaps better.

Public names load on first use, so that `import campare` imports no framework.
"""

from importlib import import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from campare.cams.explain import Explanation, explain, stream
    from campare.classifiers import wrap
    from campare.classifiers.scores import Contrast
    from campare.data import ImageSet
    from campare.errors import CampareError
    from campare.lab.audit import audit
    from campare.lab.study import study
    from campare.run import Run
    from campare.stats.compare import Comparison, compare
    from campare.stats.table import Scores
    from campare.training.recipe import Augment, Recipe

_HOME = {
    "Augment": "campare.training.recipe",
    "CampareError": "campare.errors",
    "Comparison": "campare.stats.compare",
    "Contrast": "campare.classifiers.scores",
    "Explanation": "campare.cams.explain",
    "ImageSet": "campare.data",
    "Recipe": "campare.training.recipe",
    "Run": "campare.run",
    "Scores": "campare.stats.table",
    "audit": "campare.lab.audit",
    "compare": "campare.stats.compare",
    "explain": "campare.cams.explain",
    "stream": "campare.cams.explain",
    "study": "campare.lab.study",
    "wrap": "campare.classifiers",
}

__all__ = [
    "Augment",
    "CampareError",
    "Comparison",
    "Contrast",
    "Explanation",
    "ImageSet",
    "Recipe",
    "Run",
    "Scores",
    "audit",
    "compare",
    "explain",
    "stream",
    "study",
    "wrap",
]
__version__ = _version("campare")


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'campare' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
