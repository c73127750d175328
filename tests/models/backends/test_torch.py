"""The tap on PyTorch: a network in closed form, recorded from the tap on, whoever forbids it."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
import toy_program as toy  # noqa: E402

from campare.models.backends import torch as backend  # noqa: E402


@pytest.mark.parametrize("around", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_the_tap_is_the_closed_form(around):
    with around():
        toy.assert_tap_is_the_closed_form(backend)
        toy.assert_predictions_are_the_logits(backend)


def test_the_network_runs_in_python_each_time():
    made, calls = toy.calls_of_runs(backend)
    assert (made, calls) == (0, [1, 1, 1, 1])
    assert not backend.FIXED_BATCH
    assert backend.PATCHES_RUNS


def test_the_flow_is_the_wiring():
    toy.assert_flow_is_the_wiring(backend, torch.Tensor.detach)


def test_a_pass_that_cannot_be_recorded_has_no_flow_and_still_runs_once_for_its_patches():
    runs = []

    def forward(images):
        runs.append(images.shape)
        return images.numpy(), {}  # refused while gradients are recorded

    assert backend.trace(forward, (1, *toy.SHAPE), toy.Toy()) is None
    assert runs[-1] == (1, *toy.SHAPE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.int64])
def test_results_on_the_host_are_numbers_that_numpy_has(dtype):
    x = torch.tensor([1, 2, 3], dtype=dtype)
    found = backend.to_numpy(x.to(torch.float32).requires_grad_().to(dtype))
    assert found.tolist() == [1, 2, 3]
    assert found.dtype == (np.int64 if dtype == torch.int64 else np.float32)


def test_images_go_where_the_weights_are():
    class Elsewhere(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1, device="meta"))

    images = toy.IMAGES[:, ::-1]
    images.flags.writeable = False
    assert backend.to_device(images, Elsewhere()).device.type == "meta"
    np.testing.assert_array_equal(backend.to_device(images, toy.Toy()), images)
    assert backend.device_of(toy.Toy()).type == "cpu"
