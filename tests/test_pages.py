"""Pages of docs/ whose Python runs as it stands, block after block in one namespace."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"

#: Page -> the libraries that it needs beyond campare's own.
PAGES = {
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


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)


def warns_of(page: str) -> str:
    return "ignore" if "/" in page or page == "fiftyone.md" else "error"


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.filterwarnings(warns_of(page))) for page in PAGES
    ],  # of other tools' warnings none is ours
)
def test_the_examples_run_as_they_stand(page: str, tmp_path: Path, monkeypatch):
    if not all(map(find_spec, PAGES[page])):
        pytest.skip(f"{' and '.join(PAGES[page])} are not installed")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "example"}
    found = blocks(page)
    assert found
    for number, block in enumerate(found):
        exec(compile(block, f"{page}, block {number}", "exec"), names)
