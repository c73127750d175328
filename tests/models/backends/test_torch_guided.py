"""ReLUs by any name in autograd's record of a pass; what is none, and what cannot be told."""

from contextlib import nullcontext

import numpy as np
import pytest
from relus import PLAIN, WEIGHTS, X, passes_what_is_positive

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from campare.errors import ModelError  # noqa: E402
from campare.models.backends.torch_guided import guided  # noqa: E402


def gradient(function, told=None):
    """The gradient of the weighted sum of a function of X; guided where `told` is a list."""
    x = torch.tensor(X).requires_grad_()
    scores = (torch.from_numpy(WEIGHTS) * function(x * 1)).sum(1)
    with nullcontext() if told is None else guided(scores, told.append):
        (found,) = torch.autograd.grad(scores.sum(), x)
    return found.numpy()


def checkpointed(x):
    """A ReLU that is computed again in the backward pass."""
    return torch.utils.checkpoint.checkpoint(functional.relu, x, use_reentrant=False)


@pytest.mark.parametrize(
    "relu",
    [
        nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), functional.relu, functional.relu6,
        lambda x: functional.hardtanh(x, 0, 6), torch.relu_, torch.Tensor.relu,
        lambda x: x.clamp(min=0), lambda x: x.clamp(0, 6), lambda x: torch.clamp_min(x, 0),
        lambda x: functional.threshold(x, 0, 0), lambda x: torch.maximum(x, torch.zeros(3)),
        lambda x: torch.max(torch.tensor(0.0), x), lambda x: torch.clamp(x, min=torch.zeros(3)),
        checkpointed,
    ],
)  # fmt: skip
def test_a_relu_by_any_name_passes_what_is_positive_both_ways(relu):
    passes_what_is_positive(gradient, relu)


@pytest.mark.parametrize(
    "function",
    [torch.tanh, functional.gelu, functional.leaky_relu, lambda x: x.clamp(-1, 1), lambda x: x],
)
def test_what_is_no_relu_has_its_own_gradient(function):
    np.testing.assert_array_equal(gradient(function, told := []), gradient(function))
    assert told == [0]


def test_after_the_block_and_an_exception_the_gradient_is_plain():
    x = torch.tensor(X).requires_grad_()
    scores = (torch.from_numpy(WEIGHTS) * functional.relu(x)).sum(1)
    with pytest.raises(KeyError), guided(scores, [].append):
        raise KeyError
    (plain,) = torch.autograd.grad(scores.sum(), x)
    np.testing.assert_array_equal(plain, PLAIN)


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
