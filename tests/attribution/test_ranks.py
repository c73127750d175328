"""Signals, images, volumes and video: Grad-CAM against one written by hand, and every method."""

import by_hand
import keras
import numpy as np
import pytest

from campare import explain, stream, wrap
from campare.attribution.explain import observe
from campare.attribution.method import METHODS
from campare.errors import ModelError

L = keras.layers
RANKS = pytest.mark.parametrize("rank", by_hand.SHAPES)
CLOSE = {"rtol": 1e-5, "atol": 1e-6}


@RANKS
@pytest.mark.parametrize("framework", by_hand.NETWORKS)
def test_grad_cam_equals_one_by_hand(framework, rank):
    pytest.importorskip(framework)
    network, x = by_hand.NETWORKS[framework](rank), by_hand.inputs(rank)
    found = explain(network, x, target=2, layer="conv")
    expected = by_hand.maps(x, rank, 2)
    assert found.maps.shape == (3, *(side - 2 for side in x.shape[1:-1])) == expected.shape
    assert (expected > 0).any(axis=tuple(range(1, rank + 1))).all()
    np.testing.assert_allclose(found.maps, expected, **CLOSE)


@RANKS
def test_a_tensor_has_its_channels_first(rank):
    torch = pytest.importorskip("torch")
    x = by_hand.inputs(rank)
    tensor = torch.from_numpy(np.moveaxis(x, -1, 1).copy())
    found = explain(by_hand.torch_network(rank), tensor, target=0, layer="conv", batch_size=2)
    np.testing.assert_allclose(found.maps, by_hand.maps(x, rank, 0), **CLOSE)


def test_video_with_the_same_convolution_for_each_frame():
    """Of one frame it is the 2-D network, and the gradient of each is a T-th of that."""
    kernel, head = by_hand.weights(2)
    video = keras.Sequential([
        keras.Input((4, *by_hand.SHAPES[2])),
        L.TimeDistributed(L.Conv2D(by_hand.CHANNELS, 3, use_bias=False), name="conv"),
        L.TimeDistributed(L.AveragePooling2D(2)),
        L.GlobalAveragePooling3D(),
        L.Dense(3, use_bias=False),
    ])  # fmt: skip
    video.set_weights([kernel, head])
    x = np.stack([by_hand.inputs(2, seed=seed) for seed in range(4)], axis=1)
    found = explain(video, x, target=1)
    assert found.layer == "conv"
    A = np.stack([by_hand.convolved(frame, kernel) for frame in np.moveaxis(x, 1, 0)], axis=1)
    G = np.zeros_like(A)  # of 7 x 6 cells a frame, the last row is in no window of 2 x 2
    G[:, :, :6] = head[:, 1] / (4 * 3 * 3 * 4)
    np.testing.assert_allclose(found.maps, by_hand.grad_cam(A, G), **CLOSE)


@pytest.mark.parametrize("rank", [1, 3])
@pytest.mark.filterwarnings("ignore:Expected a network with ReLUs")
def test_every_method_explains_signals_and_volumes(rank, networks):
    x = by_hand.inputs(rank)
    names = [name for name in METHODS if not name.startswith("attention-")]  # of transformers
    _, maps = observe(networks[rank], x, target=1, methods=names)
    grid = tuple(side - 2 for side in x.shape[1:-1])
    assert list(maps) == names
    for name, found in maps.items():
        assert found.shape[1:] == METHODS[name].shape(grid, x.shape[1:-1])
        assert np.isfinite(found).all()
        assert METHODS[name].signed or (found >= 0).all()
        assert found.any()


@pytest.mark.parametrize("rank", [1, 3])
def test_a_signal_mirrored_in_time_has_its_map_mirrored(rank, networks):
    x = by_hand.inputs(rank)
    smooth = explain(networks[rank], x, target=1, smooth=True).maps
    mirrored = np.flip(explain(networks[rank], np.flip(x, -2), target=1, smooth=True).maps, -1)
    np.testing.assert_allclose(smooth, mirrored, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("rank", [1, 3])
def test_batches_of_a_loader_and_labels(rank, networks):
    x = by_hand.inputs(rank, 5)
    whole = explain(networks[rank], x, labels=[0, 1, 2, 0, 1], target="label").maps
    pairs = [(x[:3], np.array([0, 1, 2])), (x[3:], np.array([0, 1]))]
    parts = [part.maps for part in stream(networks[rank], pairs, target="label")]
    np.testing.assert_allclose(np.concatenate(parts), whole, **CLOSE)
    one = explain(networks[rank], (x, np.array([0, 1, 2, 0, 1])), target="label").maps
    np.testing.assert_allclose(one, whole, **CLOSE)


@pytest.mark.parametrize("framework", by_hand.NETWORKS)
@pytest.mark.parametrize("rank", [1, 3])
def test_inputs_that_do_not_fit_are_told_what_to_do(framework, rank):
    pytest.importorskip(framework)
    network, x = by_hand.NETWORKS[framework](rank), by_hand.inputs(rank)
    for wrong in (np.moveaxis(x, -1, 1), x[0]):
        with pytest.raises(ModelError, match="Expected images of shape") as told:
            explain(network, wrong, target=1, layer="conv")
        advice = str(told.value).partition("Try: ")[2]
        fits = eval(advice, {"np": np, "images": wrong})
        assert explain(network, fits, target=1, layer="conv").maps.any()


def test_the_first_convolution_says_how_many_sides_an_input_of_a_module_has():
    torch = pytest.importorskip("torch")
    for rank in by_hand.SHAPES:
        assert len(wrap(by_hand.torch_network(rank)).input_shape) == rank + 1
    steps = torch.nn.Sequential(
        torch.nn.Flatten(2), torch.nn.Conv1d(2, 4, 3), torch.nn.Flatten(), torch.nn.Linear(72, 3)
    )
    images = np.zeros((2, 4, 5, 2), np.float32)
    with pytest.raises(ModelError, match=r"Expected images of shape \(N, .*, got \(2, 4, 5, 2\)"):
        explain(steps, images)
    assert wrap(steps, input_shape=(4, 5, 2)).predict(images).shape == (2, 3)


@pytest.fixture(scope="module")
def networks():
    return {rank: by_hand.keras_network(rank) for rank in by_hand.SHAPES}
