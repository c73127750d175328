"""ReLUs by any name in autograd's record of a pass; what is none, and what cannot be told."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from campare.errors import ModelError  # noqa: E402
from campare.models.backends.torch_guided import guided  # noqa: E402

X = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))
WEIGHTS = torch.tensor([-1.0, 0.5, 2.0])


def gradient(function, told):
    """The guided gradient of the weighted sum of a function of X, and how many ReLUs it has."""
    x = X.clone().requires_grad_()
    scores = (WEIGHTS * function(x * 1)).sum(1)
    with guided(scores, told.append):
        (found,) = torch.autograd.grad(scores.sum(), x)
    return found.numpy()


@pytest.mark.parametrize(
    "relu",
    [
        nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), functional.relu, functional.relu6,
        lambda x: functional.hardtanh(x, 0, 6), torch.relu_, torch.Tensor.relu,
        lambda x: x.clamp(min=0), lambda x: x.clamp(0, 6), lambda x: torch.clamp_min(x, 0),
        lambda x: functional.threshold(x, 0, 0), lambda x: torch.maximum(x, torch.zeros(3)),
        lambda x: torch.max(torch.tensor(0.0), x), lambda x: torch.clamp(x, min=torch.zeros(3)),
        torch.utils.checkpoint.checkpoint,
    ],
)  # fmt: skip
def test_a_relu_by_any_name_passes_what_is_positive_both_ways(relu):
    if relu is torch.utils.checkpoint.checkpoint:
        found = gradient(lambda x: relu(functional.relu, x, use_reentrant=False), told := [])
    else:
        found = gradient(relu, told := [])
    expected = np.where((X.numpy() > 0) & (WEIGHTS.numpy() > 0), WEIGHTS.numpy(), 0)
    np.testing.assert_array_equal(found, expected)
    assert told == [1]


@pytest.mark.parametrize(
    "function",
    [torch.tanh, functional.gelu, functional.leaky_relu, lambda x: x.clamp(-1, 1), lambda x: x],
)
def test_what_is_no_relu_has_its_own_gradient(function):
    x = X.clone().requires_grad_()
    (plain,) = torch.autograd.grad((WEIGHTS * function(x * 1)).sum(), x)
    np.testing.assert_array_equal(gradient(function, told := []), plain)
    assert told == [0]


def test_after_the_block_and_an_exception_the_gradient_is_plain():
    x = X.clone().requires_grad_()
    scores = (WEIGHTS * functional.relu(x)).sum(1)
    with pytest.raises(KeyError), guided(scores, [].append):
        raise KeyError
    (plain,) = torch.autograd.grad(scores.sum(), x)
    np.testing.assert_array_equal(plain, WEIGHTS.numpy() * (X.numpy() > 0))


def test_a_part_that_cannot_be_looked_into_is_refused():
    class CompiledFunction(torch.autograd.Function):
        """As what torch.compile makes of a module."""

        @staticmethod
        def forward(_, x):
            return x.relu()

        @staticmethod
        def backward(_, gradient):
            return gradient

    with pytest.raises(ModelError, match=r"got a part of the network in torch\.compile"):
        gradient(CompiledFunction.apply, [])
