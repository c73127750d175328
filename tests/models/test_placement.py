"""Tokens are a grid where a change of one cell of the image shows at its token."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare import explain
from campare.errors import LayerError
from campare.models import wrap
from campare.models.placement import offset, probes

torch = pytest.importorskip("torch")
networks = pytest.importorskip("torch_sequences")


def tokens(arrange, **options):
    return lambda: networks.Tokens(getattr(networks, arrange), **options)


#: what it is -> (network, layer, its grid and how many tokens are in front, or None), size of image
CASES = {
    "class token": (tokens("in_front"), "blocks.1.norm1", (8, 8, 1)),
    "prompts behind the class token": (tokens("in_front", extra=41), "blocks.1.norm1", (8, 8, 41)),
    "class token at the end": (tokens("at_the_end"), "blocks.1.norm1", (8, 8, 0)),
    "prompts at the end": (tokens("at_the_end", extra=20), "blocks.1.norm1", (8, 8, 0)),
    "class token in front, registers behind": (
        tokens("on_both_sides", extra=5), "blocks.1.norm1", (8, 8, 1),
    ),
    "class token in the middle": (tokens("in_the_middle"), "blocks.1.norm1", None),
    "(T, N, C)": (tokens("in_front", batch_first=False), "blocks.1.norm1", (8, 8, 1)),
    "column by column": (tokens("column_by_column"), "blocks.1.norm1", None),
    "mask unit by mask unit": (tokens("unit_by_unit"), "blocks.0.norm1", None),
    "merged tokens": (tokens("merged"), "blocks.1.norm1", None),
    "dropped tokens": (tokens("dropped"), "blocks.1.norm1", None),
    "shifted windows": (networks.Shifted, "norm", (8, 8, 0)),
    "merged patches": (networks.Shifted, "last", (4, 4, 0)),
    "windows": (networks.Shifted, "mix", None),
    "blocks of tokens": (networks.Nested, "norm", None),
    "a grid behind blocks of tokens": (networks.Nested, "after", (8, 8, 0)),
    "pixels of patches": (networks.Unfolded, "mix", None),
    "latents": (networks.Latents, "norm", None),
    "recurrent": (lambda: networks.Rows("LSTM"), "steps", None),
    "recurrent, gated": (lambda: networks.Rows("GRU"), "steps", None),
    "transformer over rows": (lambda: networks.Rows("transformer"), "steps.norm2", None),
    "channels first": (networks.ChannelsFirst, "mix", (8, 8, 0)),
}  # fmt: skip


def cell_that_moves(one, layer, row, column):
    """Where in (8, 8) or (4, 4) a changed cell of the image shows most."""
    side = 32 // one.layer(layer, networks.SHAPE).grid.shape[0]
    base = np.random.default_rng(1).normal(size=(1, *networks.SHAPE)).astype(np.float32)
    other = base.copy()
    other[:, row * side : (row + 1) * side, column * side : (column + 1) * side] += 3
    A = [one.tap(images, 0, layer=layer).activations for images in (base, other)]
    moved = np.abs(A[1] - A[0]).sum(-1)[0]
    return np.unravel_index(moved.argmax(), moved.shape)


@pytest.mark.parametrize("name", CASES)
def test_a_sequence_is_read_as_it_lies_or_refused(name):
    make, layer, expected = CASES[name]
    torch.manual_seed(0)
    one = wrap(make().eval(), input_shape=networks.SHAPE)
    info = {each.path: each for each in one.layers}[layer]
    if expected is None:
        assert info.grid is None
        with pytest.raises(LayerError, match=f"got '{layer}'"):
            one.layer(layer)
        return
    assert (*info.grid.shape, info.grid.skip) == expected
    for cell in ((1, 3), (3, 0), (2, 2)):
        assert cell_that_moves(one, layer, *cell) == cell


@pytest.mark.parametrize("batch", [1, 2, 4])
def test_tokens_of_a_model_that_takes_so_many_images_and_no_other(batch):
    keras = pytest.importorskip("keras")
    L = keras.layers
    keras.utils.set_random_seed(0)
    inputs = keras.Input(batch_shape=(batch, 16, 16, 3))
    x = L.Conv2D(6, 4, 4)(inputs)
    x = L.Dense(6, name="tokens")(keras.ops.reshape(x, (batch, 16, 6)))
    model = keras.Model(inputs, L.Dense(2)(keras.ops.mean(x, axis=1)))
    info = {each.path: each for each in wrap(model).layers}["tokens"]
    assert (info.grid.shape, info.grid.skip) == ((4, 4), 0)


def test_a_signal_as_an_image_of_one_row():
    one = wrap(networks.Signal(), input_shape=(1, 100, 3))
    assert one.layer().grid.shape == (1, 96)
    images = np.random.default_rng(0).normal(size=(2, 1, 100, 3)).astype(np.float32)
    A = one.tap(images, 1).activations
    expected = one.model.conv(torch.from_numpy(images[:, 0]).transpose(1, 2)).transpose(1, 2)
    np.testing.assert_allclose(A[:, 0], expected.detach().numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "axes"),
    [
        ("(T, N, C)", (1, 0, 2)),
        ("channels first", (0, 2, 1)),
        ("class token in front, registers behind", (0, 1, 2)),
    ],
)
def test_gradients_of_every_layout_equal_those_of_torch(name, axes):
    make, layer, (height, width, skip) = CASES[name]
    torch.manual_seed(0)
    model = make().eval()
    one = wrap(model, input_shape=networks.SHAPE)
    images = np.random.default_rng(0).normal(size=(3, *networks.SHAPE)).astype(np.float32)
    outputs = []

    def keep(_module, _inputs, output):
        output.retain_grad()
        outputs.append(output)

    handle = model.get_submodule(layer).register_forward_hook(keep)
    logits = model(torch.from_numpy(images).permute(0, 3, 1, 2))
    handle.remove()
    logits[:, 1].sum().backward()
    tap = one.tap(images, 1, layer=layer)
    (A,) = outputs
    for found, whole in ((tap.activations, A.detach()), (tap.gradients, A.grad)):
        cells = whole.permute(axes)[:, skip : skip + height * width]
        expected = cells.reshape(3, height, width, -1).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def columns(x):
    return x[:, 1:].reshape(len(x), 8, 8, -1).transpose(1, 2)


def around_the_middle(x):
    return torch.cat([x[:, :32], x[:, 33:]], 1).reshape(len(x), 8, 8, -1)


def units(x):
    return x[:, 1:].reshape(len(x), 4, 4, 2, 2, -1).transpose(2, 3).reshape(len(x), 8, 8, -1)


def blocks(x):
    return x.reshape(len(x), 2, 2, 4, 4, -1).transpose(2, 3).reshape(len(x), 8, 8, -1)


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("column by column", columns),
        ("class token in the middle", around_the_middle),
        ("mask unit by mask unit", units),
        ("blocks of tokens", blocks),
    ],
)
def test_a_function_says_how_the_tokens_lie(name, function):
    make, layer, _ = CASES[name]
    torch.manual_seed(0)
    model = make().eval()
    one = wrap(model, input_shape=networks.SHAPE, layer_grid=function)
    assert one.layer(layer).grid.shape == (8, 8)
    assert cell_that_moves(one, layer, 1, 3) == (1, 3)
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


@given(
    h=st.integers(2, 12), w=st.integers(2, 12), front=st.integers(0, 120), behind=st.integers(0, 9)
)
def test_tokens_in_front_are_counted(h, w, front, behind):
    _, cells = probes((h * 4, w * 4, 1), (h, w), 1.0)
    score = np.random.default_rng(0).uniform(0, 0.5, (len(cells), front + h * w + behind))
    score[np.arange(len(cells)), front + cells] = 1
    assert offset(score, cells, (h, w)) == front


@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_probes_change_one_cell_each(scale):
    images, cells = probes((16, 24, 3), (4, 6), scale)
    for image, cell in zip(images[1:], cells, strict=True):
        rows, columns = np.nonzero((image != images[0]).all(-1))
        assert {(row // 4, column // 4) for row, column in zip(rows, columns, strict=True)} == {
            divmod(int(cell), 6)
        }
