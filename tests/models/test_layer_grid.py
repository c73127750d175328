"""What the user says of a layer's tokens is how they are read."""

import numpy as np
import pytest

from campare import explain
from campare.errors import LayerError
from campare.models import wrap

torch = pytest.importorskip("torch")
networks = pytest.importorskip("torch_sequences")


def columns(x):
    return x[:, 1:].reshape(len(x), 8, 8, -1).transpose(1, 2)


def around_the_middle(x):
    return torch.cat([x[:, :32], x[:, 33:]], 1).reshape(len(x), 8, 8, -1)


def units(x):
    return x[:, 1:].reshape(len(x), 4, 4, 2, 2, -1).transpose(2, 3).reshape(len(x), 8, 8, -1)


def blocks(x):
    return x.reshape(len(x), 2, 2, 4, 4, -1).transpose(2, 3).reshape(len(x), 8, 8, -1)


@pytest.mark.parametrize(
    ("make", "layer", "function"),
    [
        (lambda: networks.Tokens(networks.column_by_column), "blocks.1.norm1", columns),
        (lambda: networks.Tokens(networks.in_the_middle), "blocks.1.norm1", around_the_middle),
        (lambda: networks.Tokens(networks.unit_by_unit), "blocks.0.norm1", units),
        (networks.Nested, "norm", blocks),
    ],
    ids=["columns", "class token in the middle", "mask units", "blocks of tokens"],
)
def test_a_function_says_how_the_tokens_lie(make, layer, function):
    torch.manual_seed(0)
    model = make().eval()
    one = wrap(model, input_shape=networks.SHAPE, layer_grid=function)
    assert one.layer(layer).grid.shape == (8, 8)
    assert networks.cell_that_moves(one, layer, 1, 3) == (1, 3)
    images = np.random.default_rng(0).normal(size=(3, *networks.SHAPE)).astype(np.float32)
    tap = one.tap(images, 1, layer=layer)
    outputs = []

    def keep(_module, _inputs, output):
        output.retain_grad()
        outputs.append(output)

    handle = model.get_submodule(layer).register_forward_hook(keep)
    model(torch.from_numpy(images).permute(0, 3, 1, 2))[:, 1].sum().backward()
    handle.remove()
    (A,) = outputs
    np.testing.assert_allclose(tap.activations, function(A.detach()), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(tap.gradients, function(A.grad), rtol=1e-4, atol=1e-6)


def test_a_size_says_how_the_tokens_lie_and_the_advice_of_a_refusal_works():
    torch.manual_seed(0)
    model = networks.Rows("transformer").eval()  # 16 rows
    one = wrap(model, input_shape=networks.SHAPE)
    with pytest.raises(LayerError, match=r"Try: layer='conv', or layer_grid=\(h, w, tokens in f"):
        one.layer("steps.norm2")
    images = np.random.default_rng(0).normal(size=(2, *networks.SHAPE)).astype(np.float32)
    for layer_grid in ((16, 1), (16, 1, 0), lambda x: x[:, :, None]):
        found = explain(one, images, target=1, layer="steps.norm1", layer_grid=layer_grid)
        assert found.maps.shape == (2, 16, 1)


@pytest.mark.parametrize(
    ("make", "layer", "function"),
    [
        (lambda: networks.Transposed(True), "conv", lambda x: x.permute(0, 3, 2, 1)),
        (lambda: networks.Transposed(False), "mix", lambda x: x.transpose(1, 2)),
        (networks.Mirrored, "conv", lambda x: x.flip(3).permute(0, 2, 3, 1)),
    ],
)
def test_features_that_were_turned_are_turned_back_as_a_refusal_advises(make, layer, function):
    torch.manual_seed(0)
    model = make().eval()
    images = np.random.default_rng(0).normal(size=(2, *networks.SHAPE)).astype(np.float32)
    one = wrap(model, input_shape=networks.SHAPE)
    with pytest.raises(LayerError, match=r"cells lie .*Try: .*layer_grid=a function of its output"):
        one.layer(layer)
    one = wrap(model, input_shape=networks.SHAPE, layer_grid=function)
    assert explain(one, images, target=1, layer=layer).maps.shape == (2, 8, 8)
    assert networks.cell_that_moves(one, layer, 1, 3) == (1, 3)


def test_where_all_features_were_turned_the_function_is_advised():
    model = networks.Mirrored().eval()
    with pytest.raises(LayerError, match="Try: layer='conv' with layer_grid=a function"):
        _ = wrap(model, input_shape=networks.SHAPE).default_layer


@pytest.mark.parametrize(
    ("layer_grid", "text"),
    [
        ((8, 8, 1, 1), r"layer_grid as \(height, width\)"),
        ((0, 8), r"layer_grid as \(height, width\)"),
        (lambda x: x[:, 1:].reshape(len(x), 9, 9, -1), "layer_grid to make .* of 'blocks.1.norm1'"),
        (lambda x: 2 * columns(x), "to move tokens of 'blocks.1.norm1' and change none"),
    ],
)
def test_a_layer_grid_that_cannot_be(layer_grid, text):
    torch.manual_seed(0)
    model = networks.Tokens(networks.column_by_column).eval()
    with pytest.raises(LayerError, match=text):
        wrap(model, input_shape=networks.SHAPE, layer_grid=layer_grid).layer("blocks.1.norm1")
