"""The registry: what every method says of itself, and that it keeps to it."""

import numpy as np
import pytest

from campare.attribution.baselines import BASELINES
from campare.attribution.method import METHODS, grad_cam, method
from campare.errors import CampareError


@pytest.mark.parametrize("name", METHODS)
def test_a_method_names_itself_its_source_and_its_cost(name):
    found = METHODS[name]
    assert found.name == name
    assert found.title
    assert found.cost
    assert (found.paper == "-") == (found.kind == "baseline")
    assert found.kind in ("gradient", "activation", "perturbation", "baseline")


def test_the_family_is_whole():
    kinds = {
        kind: [n for n, m in METHODS.items() if m.kind == kind]
        for kind in ("gradient", "activation", "perturbation", "baseline")
    }
    assert kinds["gradient"] == [
        "grad-cam",
        "grad-cam-counterfactual",
        "hires-cam",
        "grad-cam-elementwise",
        "grad-cam++",
        "xgrad-cam",
        "layer-cam",
        "eigen-grad-cam",
        "shapley-cam",
        "finer-cam",
    ]
    assert kinds["activation"] == ["eigen-cam", "kpca-cam", "fem"]
    assert kinds["perturbation"] == [
        "score-cam",
        "ablation-cam",
        "smooth-grad-cam++",
        "layer-integrated-gradients",
        "guided-grad-cam",
    ]
    assert kinds["baseline"] == list(BASELINES)


def test_only_what_it_says_needs_more_than_activations_and_gradients():
    assert [n for n, m in METHODS.items() if m.needs_curvature] == ["shapley-cam"]
    assert [n for n, m in METHODS.items() if m.score] == ["shapley-cam", "finer-cam"]


def test_grad_cam_is_a_plain_function():
    A = np.ones((1, 2, 2, 3), np.float32)
    assert METHODS["grad-cam"].function(A, A).tolist() == grad_cam(A, A).tolist()


def test_an_unknown_method_lists_the_known():
    with pytest.raises(CampareError, match=r"got 'gradcam'\. Try: grad-cam, "):
        method("gradcam")
