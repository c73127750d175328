"""Starting is light: no framework loads before it is needed. Each check is a fresh process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import campare

FRAMEWORKS = ("keras", "tensorflow", "torch", "jax")
HEAVY = (*FRAMEWORKS, "numpy", "polars", "matplotlib", "scipy", "skimage", "PIL")


def loaded_after(code: str) -> set[str]:
    """Top-level modules that are loaded after `code` ran in a new interpreter."""
    tail = "import json, sys; print(json.dumps([m for m in sys.modules if '.' not in m]))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tail}"], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import campare",
        "import campare; dir(campare); campare.__version__; campare.CampareError",
        "from campare.__main__ import main; main(['--help'])",
        "from campare.__main__ import main; main(['study', '--help'])",
        "from campare.__main__ import main; main(['audit', '--help'])",
    ],
)
def test_starting_loads_nothing_heavy(code: str):
    assert not loaded_after(code) & set(HEAVY)


@pytest.mark.parametrize(
    "name",
    [
        *("ImageSet", "Recipe", "Augment", "Run", "Comparison", "Scores"),
        *("compare", "explain", "wrap", "study", "audit"),
    ],
)
def test_a_public_name_loads_no_framework_by_itself(name: str):
    assert not loaded_after(f"import campare; campare.{name}") & set(FRAMEWORKS)


@pytest.mark.parametrize("name", ["study", "audit", "compare", "explain"])
def test_a_function_is_not_hidden_by_the_module_of_its_name(name: str):
    loaded_after(f"import campare; campare.{name}; assert callable(campare.{name})")


def test_help_answers_at_once():
    """A quarter of a second of one core; files may be cold at first, so it may try again."""
    campare_command = Path(sys.executable).with_name("campare")
    best = float("inf")
    for _ in range(10):
        before = os.times()
        subprocess.run([campare_command, "--help"], capture_output=True, check=True)
        after = os.times()
        spent = after.children_user + after.children_system
        best = min(best, spent - before.children_user - before.children_system)
        if best < 0.25:
            break
    assert best < 0.25


def test_every_public_name_resolves():
    for name in campare.__all__:
        assert getattr(campare, name).__doc__
    assert set(campare.__all__) <= set(dir(campare))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = campare.nonsense
