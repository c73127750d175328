"""Tokens are a grid where a change of one cell of the image shows at its token."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    "back and forth": (tokens("back_and_forth"), "blocks.1.norm1", None),
    "from the end": (tokens("from_the_end"), "blocks.1.norm1", None),
    "(T, N, C), at the end": (
        tokens("at_the_end", extra=3, batch_first=False), "blocks.1.norm1", (8, 8, 0),
    ),
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
    "as many channels, last": (lambda: networks.AsManyChannels(True), "mix", (8, 8, 0)),
    "as many channels, last, of a name": (
        lambda: networks.AsManyChannels(True), "named", (8, 8, 0),
    ),
    "as many channels, first": (lambda: networks.AsManyChannels(False), "mix", (8, 8, 0)),
    "as many channels, first, all normalized": (
        lambda: networks.AsManyChannels(False), "norm", (8, 8, 0),
    ),
    "a transposed image": (lambda: networks.Transposed(True), "conv", None),
    "columns": (lambda: networks.Transposed(False), "mix", None),
    "columns turned back": (lambda: networks.Transposed(False), "back", (8, 8, 0)),
    "a mirrored image": (networks.Mirrored, "conv", None),
    "attention of as many tokens as a side": (networks.Attending, "drop", None),
    "channels first": (networks.ChannelsFirst, "mix", (8, 8, 0)),
}  # fmt: skip


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
        assert networks.cell_that_moves(one, layer, *cell) == cell


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


@pytest.mark.parametrize("turn", ["Permute", "flip"])
def test_features_of_keras_that_were_turned_are_no_grid(turn):
    keras = pytest.importorskip("keras")
    L = keras.layers
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((32, 32, 3))
    x = L.Permute((2, 1, 3))(x) if turn == "Permute" else keras.ops.flip(x, 2)
    x = L.Conv2D(8, 4, 4, name="conv")(x)
    one = wrap(keras.Model(inputs, L.Dense(2)(L.Flatten()(x))))
    with pytest.raises(LayerError, match="got 'conv'"):
        one.layer("conv")


def test_as_many_channels_of_keras_are_read_as_they_lie():
    keras = pytest.importorskip("keras")
    L = keras.layers
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    x = L.LayerNormalization(name="last")(L.Conv2D(8, 4, 4)(inputs))
    x = L.LayerNormalization(name="first", axis=(1, 2, 3))(L.Permute((3, 1, 2))(x))
    one = wrap(keras.Model(inputs, L.Dense(2)(L.Flatten()(x))))
    for layer, layout in (("last", "channels-last"), ("first", "channels-first")):
        assert one.layer(layer).grid.layout == layout
        assert networks.cell_that_moves(one, layer, 1, 3) == (1, 3)


def test_features_of_keras_that_were_turned_back_are_a_grid():
    keras = pytest.importorskip("keras")
    L = keras.layers
    keras.utils.set_random_seed(0)
    inputs = keras.Input((32, 32, 3))
    x = L.Permute((2, 1, 3))(L.Conv2D(6, 4, 4)(inputs))
    x = L.Permute((2, 1, 3))(L.Conv2D(6, 1)(x))
    x = L.Conv2D(8, 1, name="back")(x)
    one = wrap(keras.Model(inputs, L.Dense(2)(L.GlobalAveragePooling2D()(x))))
    assert one.layer("back").grid.shape == (8, 8)


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


class Folded(torch.nn.Module):
    """Parts of each image in the axis of images, (4 N, 2, C): with two images it looks like a
    sequence (T, N, C) of 8 tokens."""

    def __init__(self):
        super().__init__()
        self.conv, self.mix = torch.nn.Conv2d(3, 6, 3, padding=1), torch.nn.Linear(6, 6)
        self.head = torch.nn.Linear(6, 2)

    def forward(self, x):
        parts = torch.nn.functional.adaptive_avg_pool2d(self.conv(x), (4, 2))
        folded = self.mix(parts.permute(0, 2, 3, 1).reshape(-1, 2, 6))
        return self.head(folded.reshape(len(x), -1, 6).mean(1))


def test_parts_of_images_in_the_axis_of_images_are_no_sequence():
    torch.manual_seed(0)
    one = wrap(Folded().eval(), input_shape=(16, 32, 3))
    info = {each.path: each for each in one.layers}
    assert info["mix"].grid is None
    assert one.default_layer == "conv"


def test_one_row_a_probe_is_needed():
    assert offset(np.eye(6)[:1], np.arange(6), (2, 3)) is None
    assert offset(np.eye(6), np.arange(6), (2, 3)) == 0
