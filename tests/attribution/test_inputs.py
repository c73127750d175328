"""Several inputs, and a pair that shares an encoder: Grad-CAM of one against one by hand."""

from contextlib import nullcontext

import by_hand
import keras
import numpy as np
import pytest

from campare import explain, stream, wrap
from campare.attribution.explain import observe
from campare.attribution.method import METHODS
from campare.errors import LayerError, ModelError

L = keras.layers
CLOSE = {"rtol": 1e-5, "atol": 1e-6}
FRAMEWORKS = pytest.mark.parametrize("framework", ["keras", "torch"])
CELLS = 7 * 6
LEFT, RIGHT = by_hand.inputs(2), by_hand.inputs(2, seed=7)
AGES = np.array([[0.5, 1.0], [-1.0, 0.3], [0.2, -0.7]], np.float32)
HEAD = np.random.default_rng(9).normal(size=(6, 3)).astype(np.float32)


def keras_two():
    """A picture and two numbers: S = [tanh(mean A), numbers * tanh(mean A_0)] W."""
    picture, numbers = (
        keras.Input(by_hand.SHAPES[2], name="picture"),
        keras.Input((2,), name="ages"),
    )
    x = L.Conv2D(by_hand.CHANNELS, 3, use_bias=False, name="conv")(picture)
    x = L.Activation("tanh")(L.GlobalAveragePooling2D()(x))
    both = L.Concatenate()([x, L.Multiply()([numbers, x[:, :1]])])
    network = keras.Model([picture, numbers], L.Dense(3, use_bias=False)(both))
    network.set_weights([by_hand.weights(2)[0], HEAD])
    return network


def torch_two():
    import torch

    class Two(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = by_hand.torch_network(2).conv
            self.head = torch.nn.Linear(6, 3, bias=False)
            self.head.weight.data.copy_(torch.from_numpy(HEAD.T.copy()))

        def forward(self, picture, ages):
            x = torch.tanh(self.conv(picture).mean((2, 3)))
            return self.head(torch.cat([x, ages * x[:, :1]], 1))

    return Two().eval()


def two_by_hand(index, rows=slice(None)):
    A = by_hand.convolved(LEFT[rows], by_hand.weights(2)[0])
    x = np.tanh(A.mean((1, 2)))
    dx = np.repeat(HEAD[None, :4, index], len(A), 0).astype(float)
    dx[:, 0] += AGES[rows] @ HEAD[4:, index]
    G = (dx * (1 - x**2) / CELLS)[:, None, None]
    return by_hand.grad_cam(A, np.broadcast_to(G, A.shape))


def keras_pair():
    """Two pictures through one encoder: S = tanh(mean A) . tanh(mean B)."""
    encoder = keras.Sequential([
        keras.Input(by_hand.SHAPES[2]),
        L.Conv2D(by_hand.CHANNELS, 3, use_bias=False, name="conv"),
        L.GlobalAveragePooling2D(), L.Activation("tanh"),
    ], name="encoder")  # fmt: skip
    left, right = (keras.Input(by_hand.SHAPES[2], name=name) for name in ("left", "right"))
    network = keras.Model(
        {"left": left, "right": right}, L.Dot(axes=1)([encoder(left), encoder(right)])
    )
    network.set_weights(by_hand.weights(2)[:1])
    return network, "encoder/conv"


def torch_pair():
    import torch

    class Pair(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = by_hand.torch_network(2).conv

        def encoded(self, x):
            return torch.tanh(self.conv(x).mean((2, 3)))

        def forward(self, left, right):
            return (self.encoded(left) * self.encoded(right)).sum(1, keepdim=True)

    return Pair().eval(), "conv"


def keras_apart():
    """Two pictures, each through a convolution of its own; `both` sees their sum."""
    first, second = (keras.Input(by_hand.SHAPES[2], name=name) for name in ("left", "right"))
    x, y = (L.Conv2D(4, 3, name=f"of_{at}")(z) for at, z in (("left", first), ("right", second)))
    both = L.Conv2D(4, 1, name="both")(L.Add()([x, y]))
    network = keras.Model([first, second], L.Dense(2)(L.GlobalAveragePooling2D()(both)))
    return network, ("left", "right")


def torch_apart():
    import torch

    class Apart(torch.nn.Module):
        def __init__(self):
            super().__init__()
            channels = by_hand.SHAPES[2][-1]
            self.of_left, self.of_right = (torch.nn.Conv2d(channels, 4, 3) for _ in range(2))
            self.both, self.head = torch.nn.Conv2d(4, 4, 1), torch.nn.Linear(4, 2)

        def forward(self, left, right):
            both = self.both(self.of_left(left) + self.of_right(right))
            return self.head(both.mean((2, 3)))

    return Apart().eval(), (0, 1)


APART = {"keras": keras_apart, "torch": torch_apart}
TWO = {"keras": keras_two, "torch": torch_two}
PAIRS = {"keras": keras_pair, "torch": torch_pair}


def pair_by_hand(one, other):
    A, B = (by_hand.convolved(x, by_hand.weights(2)[0]) for x in (one, other))
    G = np.tanh(B.mean((1, 2))) * (1 - np.tanh(A.mean((1, 2))) ** 2) / CELLS
    return by_hand.grad_cam(A, np.broadcast_to(G[:, None, None], A.shape))


@FRAMEWORKS
def test_one_of_two_inputs(framework):
    pytest.importorskip(framework)
    network = TWO[framework]()
    for batch_size in (32, 2):
        found = explain(
            network, (LEFT, AGES), input=0, target=1, layer="conv", batch_size=batch_size
        )
        np.testing.assert_allclose(found.maps, two_by_hand(1), **CLOSE)
        np.testing.assert_array_equal(found.images, LEFT)
    assert found.overlay().shape == (3, *LEFT.shape[1:3], 3)
    assert two_by_hand(1).any()


@FRAMEWORKS
def test_inputs_by_name_and_batches_of_them(framework):
    pytest.importorskip(framework)
    network = TWO[framework]()
    named = {"ages": AGES, "picture": LEFT}
    found = explain(network, named, input="picture", target="label", labels=[0, 1, 2])
    expected = [two_by_hand(i, slice(i, i + 1)) for i in range(3)]
    np.testing.assert_allclose(found.maps, np.concatenate(expected), **CLOSE)
    parts = [{name: x[i : i + 1] for name, x in named.items()} for i in range(3)]
    maps = [part.maps for part in stream(network, iter(parts), input="picture", target=1)]
    np.testing.assert_allclose(np.concatenate(maps), two_by_hand(1), **CLOSE)


def test_the_only_input_that_has_sides_needs_no_name():
    found = explain(keras_two(), (LEFT, AGES), target=1)
    np.testing.assert_allclose(found.maps, two_by_hand(1), **CLOSE)


def test_tensors_have_their_channels_first():
    torch = pytest.importorskip("torch")
    network, _ = torch_pair()
    left, right = (torch.from_numpy(np.moveaxis(x, -1, 1).copy()) for x in (LEFT, RIGHT))
    found = explain(network, (left, right), input=0, target="value")
    np.testing.assert_allclose(found.maps, pair_by_hand(LEFT, RIGHT), **CLOSE)


@FRAMEWORKS
def test_an_encoder_that_runs_twice_has_a_map_for_each_run(framework):
    pytest.importorskip(framework)
    network, layer = PAIRS[framework]()
    pair = {"left": LEFT, "right": RIGHT}
    expected = {1: pair_by_hand(LEFT, RIGHT), 2: pair_by_hand(RIGHT, LEFT)}
    options = {"target": "value"}
    other = f"from the input 'left', got '{layer}@2', which is not.*layer='{layer}@1'"
    for run, maps in expected.items():
        with nullcontext() if run == 1 else pytest.warns(UserWarning, match=other):
            found = explain(network, pair, input="left", layer=f"{layer}@{run}", **options)
        np.testing.assert_allclose(found.maps, maps, **CLOSE)
    for name, run in (("left", 1), ("right", 2)):  # by itself, the run of what is explained
        found = explain(network, pair, input=name, **options)
        assert found.layer == f"{layer}@{run}"
        np.testing.assert_allclose(found.maps, expected[run], **CLOSE)
    with pytest.raises(LayerError, match=f"layer='{layer}@1' or layer='{layer}@2'"):
        explain(network, pair, input="left", layer=layer, **options)


@FRAMEWORKS
def test_a_layer_of_what_is_held_is_said_to_be_none_of_what_is_explained(framework):
    pytest.importorskip(framework)
    network, names = APART[framework]()
    options = {"target": 0, "method": "hires-cam"}
    with pytest.warns(UserWarning, match="'of_right', which is not: .*Try: layer='both'"):
        found = explain(
            network, (LEFT, RIGHT), input=names[0], layer=["of_left", "of_right"], **options
        )
    assert found.layer == "of_left+of_right"
    for name, layer in ((0, "both"), (0, "of_left"), (1, "of_right")):  # nothing to be said
        explain(network, (LEFT, RIGHT), input=names[name], layer=layer, **options)


def test_the_only_input_may_be_named():
    network = by_hand.keras_network(2)
    expected = explain(network, LEFT, target=1).maps
    for key in (network.inputs[0].name, 0):
        for given in (LEFT, (LEFT,), {network.inputs[0].name: LEFT}):
            found = explain(network, given, input=key, target=1)
            np.testing.assert_array_equal(found.maps, expected)


def test_that_several_inputs_are_not_compiled_is_said():
    pytest.importorskip("torch")
    network = torch_two()
    inputs = (LEFT, AGES)
    with pytest.warns(UserWarning, match=r"got several: it runs .* Try: compile=False"):
        compiled = explain(network, inputs, input=0, target=1, compile=True)
    plain = explain(network, inputs, input=0, target=1, compile=False)
    np.testing.assert_array_equal(compiled.maps, plain.maps)


@pytest.mark.filterwarnings("ignore:Expected a network with ReLUs")
def test_every_method_holds_the_others_as_they_are():
    """The map of an image is the same whatever batch it is in."""
    one = wrap(keras_two())
    without = {"random", "smooth-grad", "attention-rollout", "attention-relevance"}
    names = [name for name in METHODS if name not in without]
    _, together = observe(one, (LEFT, AGES), target=1, methods=names)
    _, alone = observe(one, (LEFT[:1], AGES[:1]), target=1, methods=names)
    for name in names:
        np.testing.assert_allclose(together[name][:1], alone[name], rtol=1e-3, atol=1e-4)
    smooth = explain(one, (LEFT, AGES), target=1, smooth=True).maps[:1]
    np.testing.assert_allclose(
        smooth, explain(one, (LEFT[:1], AGES[:1]), target=1, smooth=True).maps, **CLOSE
    )


def test_what_does_not_fit_is_one_line():
    network, pair = keras_two(), keras_pair()[0]
    cases = [
        (pair, {"left": LEFT, "right": RIGHT}, {}, "input='left', one of left, right"),
        (network, (LEFT, AGES), {"input": "image"}, "input='picture', one of picture, ages"),
        (network, (LEFT, AGES[:2]), {}, "np.repeat"),
        (network, LEFT, {}, "got no tuple or dict. Try: a tuple of its inputs"),
        (network, (LEFT, AGES, AGES), {}, "a tuple in that order"),
    ]
    for model, inputs, options, advice in cases:
        with pytest.raises(ModelError, match=r"^Expected .*, got .*Try: ") as told:
            explain(model, inputs, target=1, **options)
        assert advice in str(told.value)
        assert "\n" not in str(told.value)
