"""The default layer lies on the path of the score, and what passes by it is said."""

import warnings

import branches
import numpy as np
import pytest

from campare.models import wrap

IMAGES = np.random.default_rng(0).uniform(0, 1, (2, *branches.SHAPE)).astype(np.float32)


def default(model, **options):
    """The default layer, found without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return wrap(model, **options).default_layer


@pytest.mark.parametrize(
    ("make", "options", "expected"),
    [
        (lambda: branches.side_by_side(stem=True), {}, "stem"),
        (branches.two_heads, {"output": "first"}, "first_conv"),
        (branches.two_heads, {"output": "second"}, "second_conv"),
        (branches.auxiliary, {"output": "logits"}, "late"),
        (branches.auxiliary, {"output": "aux"}, "aux_conv"),
        (branches.decoder, {}, "bottom"),
        (branches.masked, {}, "features"),
        (branches.stopped, {}, "early"),
        (lambda: branches.summed(residual=True), {}, "right"),
        (lambda: branches.summed(residual=False), {}, "stem"),
    ],
    ids=["shared stem", "first head", "second head", "beside an auxiliary head", "auxiliary head",
         "unused decoder", "mask by an operator", "behind a stop-gradient", "residual",
         "sum of two branches"],
)  # fmt: skip
def test_the_default_is_the_last_layer_that_all_passes_through(make, options, expected):
    model = make()
    assert default(model, **options) == expected
    assert wrap(model, **options).tap(IMAGES, 1).gradients.any()


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("TwoHeads", {"output": 0}, "a"),
        ("TwoHeads", {"output": 1}, "b"),
        ("Auxiliary", {"output": "out"}, "late"),
        ("Auxiliary", {"output": "aux"}, "aux.2"),
        ("Pooled", {}, "stage.blocks.1.norm1"),
        ("Masked", {}, "features"),
        ("Detached", {}, "early"),
        ("Converted", {}, "conv"),
        ("SqueezeExcite", {}, "features"),
        ("SpatialAttention", {}, "features"),
        ("Experts", {}, "stem"),
        ("NormalizedWithin", {}, "norm"),
    ],
)
def test_the_default_of_a_module_is_on_the_path_of_its_output(name, options, expected):
    networks = pytest.importorskip("torch_branches")
    model = networks.torch.manual_seed(0) and getattr(networks, name)()
    assert default(model, input_shape=branches.SHAPE, **options) == expected
    one = wrap(model, input_shape=branches.SHAPE, **options)
    assert one.tap(IMAGES, 1).gradients.any()


def test_the_classes_of_a_segmentation_are_no_features_of_it_at_another_size_either():
    networks = pytest.importorskip("torch_branches")
    assert default(networks.Upsampled(), input_shape=branches.SHAPE) == "features"
    keras = pytest.importorskip("keras")
    L = keras.layers
    inputs = keras.Input(branches.SHAPE)
    x = L.Conv2D(4, 1, name="classes")(L.Conv2D(8, 3, 2, name="features")(inputs))
    outputs = keras.ops.image.resize(x, branches.SHAPE[:2])
    assert default(keras.Model(inputs, outputs)) == "features"


def test_where_nothing_is_a_bottleneck_it_is_said_once_and_the_advice_works():
    one = wrap(branches.side_by_side())
    with pytest.warns(UserWarning, match="beside which others decide, too") as found:
        path = one.default_layer
    other = {"left": "right", "right": "left"}[path]
    assert f"layer={other!r}" in str(found[0].message)
    assert str([other, path]) in str(found[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert one.default_layer == path
    assert not one.bottleneck()
    assert one.tap(IMAGES, 1).gradients.any()
    assert one.tap(IMAGES, 1, layer=other).gradients.any()
