"""Which files of a user's own belong to a recipe's code, and that a change of any is noticed."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from campare import study
from campare.data import ImageSet
from campare.errors import RunError
from campare.training.code_digest import code_digest
from campare.training.recipe import Recipe

FILES = {
    "lab_alone.py": "def fit(images): ...\n",
    "lab_first.py": "import numpy\nimport lab_helper\ndef fit(images): ...\n",
    "lab_helper.py": "from lab_deeper import rate\n",
    "lab_deeper.py": "rate = 1\n",
    "lab_inside.py": "def fit(images):\n    from lab_package.parts import one\n",
    "lab_package/__init__.py": "",
    "lab_package/parts/__init__.py": "",
    "lab_package/parts/one.py": "from ..other import width\n",
    "lab_package/other.py": "width = 2\n",
    "lab_package/train.py": (
        "from . import other\nfrom .parts.one import width\ndef fit(images): ...\n"
    ),
    "lab_stranger.py": "import lab_first\n",
    "lab_late.py": "def fit(images):\n    import lab_broken\n",
    "lab_broken.py": "def",
}
#: What the package's `parts.one` needs, and itself.
PACKAGE = [
    f"lab_package/{name}.py" for name in ("__init__", "parts/__init__", "parts/one", "other")
]


@pytest.fixture
def lab(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("lab_")]:
        del sys.modules[name]
    importlib.invalidate_caches()


def counted(lab, recipe):
    """The files whose change is noticed."""
    before, found = code_digest(recipe), set()
    for name, text in FILES.items():
        (lab / name).write_text(f"{text}# changed\n")
        if code_digest(recipe) != before:
            found.add(name)
        (lab / name).write_text(text)
    return found


@pytest.mark.parametrize(
    ("train", "files"),
    [
        ("lab_first:fit", {"lab_first.py", "lab_helper.py", "lab_deeper.py"}),
        ("lab_inside:fit", {"lab_inside.py", *PACKAGE}),
        ("lab_package.train:fit", {"lab_package/train.py", *PACKAGE}),
        ("lab_alone:fit", {"lab_alone.py"}),
        ("torch.nn:Identity", set()),
    ],
)
def test_helpers_count_as_far_as_imports_go(lab, train, files):
    assert counted(lab, Recipe("a", train=train)) == files


def test_a_backbone_that_an_option_names_counts(lab):
    recipe = Recipe("a", train="campare.training.torch:fit", options={"backbone": "lab_first:net"})
    assert counted(lab, recipe) == {"lab_first.py", "lab_helper.py", "lab_deeper.py"}


def test_code_of_campare_has_versions_and_no_digest():
    assert code_digest(Recipe("a")) == {}
    options = {"backbone": "timm:resnet18"}
    assert code_digest(Recipe("a", train="campare.training.torch:fit", options=options)) == {}


def test_a_helper_that_does_not_parse_counts_by_its_text(lab):
    assert counted(lab, Recipe("a", train="lab_late:fit")) == {"lab_late.py", "lab_broken.py"}


def test_a_study_is_not_continued_with_another_helper(lab):
    (lab / "lab_study.py").write_text(
        "import torch, lab_width\n"
        "def fit(images, seed):\n"
        "    width = lab_width.width\n"
        "    return torch.nn.Sequential(torch.nn.Conv2d(3, width, 3), torch.nn.ReLU(),\n"
        "        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(width, 2))\n"
    )
    (lab / "lab_width.py").write_text("width = 3\n")
    recipes = [Recipe("a", train="lab_study:fit", pixels="0..1")]
    images = ImageSet.drawn(train=4, test=4, size=16)
    more = {"recipes": recipes, "size": 16, "metrics": ["energy"], "out": lab / "r"}
    study(images, seeds=1, **more)
    (lab / "lab_width.py").write_text("width = 4\n")
    with pytest.raises(RunError, match=r"^Expected 'a' as in the run in .*, got another code \("):
        study(images, seeds=2, **more)


def test_packages_of_a_users_site_folder_are_installed_ones(tmp_path):
    """Their helpers do not count, as of other packages."""
    code = (
        "import lab_own, json, sys\n"
        "from campare.training.code_digest import code_digest\n"
        "from campare.training.recipe import Recipe\n"
        "print(json.dumps(code_digest(Recipe('a', train=lab_own.fit))))"
    )
    environment = {**os.environ, "PYTHONUSERBASE": str(tmp_path)}
    ask = [sys.executable, "-c", "import site; print(site.getusersitepackages())"]
    found = subprocess.run(ask, env=environment, capture_output=True, text=True, check=True).stdout
    folder = Path(found.strip())
    folder.mkdir(parents=True)
    (folder / "lab_own.py").write_text("import lab_other\ndef fit(images): ...\n")
    environment["PYTHONPATH"] = os.pathsep.join([environment.get("PYTHONPATH", ""), str(folder)])
    digests = []
    for text in ("", "changed = 1\n"):
        (folder / "lab_other.py").write_text(text)
        run = [sys.executable, "-c", code]
        digests.append(
            subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout
        )
    assert digests[0] == digests[1] != "{}\n"
