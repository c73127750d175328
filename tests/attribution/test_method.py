"""The registry: what every method says of itself, and that it keeps to it."""

import numpy as np
import pytest

from campare.attribution.baselines import BASELINES
from campare.attribution.method import METHODS, Method, find, grad_cam, reads_layer
from campare.errors import CampareError
from campare.models.arrays import namespace


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
        "gradient",
        "gradient-x-input",
        "integrated-gradients",
        "smooth-grad",
        "occlusion",
        "rise",
        "attention-rollout",
        "attention-relevance",
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
        find("gradcam")


def brightest(A, G, *, power=1):
    return namespace(A).max(A**power, axis=-1)


OWN = Method("brightest", brightest, "activation")
NOT_A_METHOD = 3


def network():
    import keras

    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(6, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )


IMAGES = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype(np.float32)


def test_a_method_with_parameters_is_another_value_of_another_name():
    few = METHODS["smooth-grad-cam++"](samples=4)
    assert few == find("smooth-grad-cam++(samples=4)") == METHODS["smooth-grad-cam++"](samples=4)
    assert few != METHODS["smooth-grad-cam++"]
    assert find(few.name) == few
    assert few(noise=0.2).name == "smooth-grad-cam++(samples=4; noise=0.2)"
    assert METHODS["score-cam"].defaults == {"channels": None}


def test_by_value_by_name_and_by_spec_are_the_same_maps(monkeypatch):
    import sys

    from campare import explain

    monkeypatch.setitem(sys.modules, "my_methods", sys.modules[__name__])
    model = network()
    by_value = explain(model, IMAGES, method=OWN)
    by_spec = explain(model, IMAGES, method="my_methods:OWN")
    assert by_value.method == by_spec.method == "brightest"
    np.testing.assert_array_equal(by_value.maps, by_spec.maps)
    squared = explain(model, IMAGES, method=OWN(power=2))
    np.testing.assert_allclose(squared.maps, by_value.maps**2, rtol=1e-5)
    plain = explain(model, IMAGES, method="my_methods:brightest")
    np.testing.assert_array_equal(plain.maps, by_value.maps)


def test_score_cam_of_some_channels_leaves_out_those_that_vary_least():
    from campare import explain

    model = network()
    whole = explain(model, IMAGES, method="score-cam", target=1).maps
    every = explain(model, IMAGES, method=METHODS["score-cam"](channels=6), target=1).maps
    some = explain(model, IMAGES, method="score-cam(channels=2)", target=1).maps
    np.testing.assert_array_equal(whole, every)
    assert np.abs(some - whole).max() > 1e-3


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda: Method("a:b", brightest), "without ':'"),
        (lambda: Method("", brightest), "without ':'"),
        (lambda: Method("mine", brightest, "cam"), r"one of gradient, .*got 'cam'"),
        (lambda: Method("mine", 3), "a function for 'mine', got int"),
        (lambda: METHODS["grad-cam"](steps=3), "got 'steps'. Try: none"),
        (lambda: METHODS["score-cam"](steps=3), "got 'steps'. Try: channels"),
        (lambda: find("score-cam(64)"), "NAME=VALUE"),
        (lambda: find("score-cam(channels=__import__('os'))"), "NAME=VALUE"),
        (lambda: find("no_such_module:method"), r"\(module:name\), got ModuleNotFoundError"),
        (lambda: find("math:pi"), "got float"),
        (lambda: find("math:no_such_name"), "got AttributeError"),
    ],
)
def test_what_cannot_be_a_method_is_one_line(made, words):
    with pytest.raises(CampareError, match=words) as caught:
        made()
    assert "\n" not in str(caught.value)
    assert "Try: " in str(caught.value)


def test_maps_of_pixels_read_no_layer():
    read = [name for name in METHODS if reads_layer(name)]
    assert {"grad-cam", "guided-grad-cam", "score-cam"} <= {*read}
    assert {*METHODS} - {*read} == {
        "gradient", "gradient-x-input", "integrated-gradients", "smooth-grad", "occlusion", "rise"
    }  # fmt: skip
    assert not reads_layer("smooth-grad(samples=2)")
