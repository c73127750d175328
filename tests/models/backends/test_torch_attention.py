"""Softmaxes in autograd's record of a pass, with their gradients."""

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402
from torch.nn.attention import SDPBackend, sdpa_kernel  # noqa: E402

from campare.models.backends.torch_attention import (  # noqa: E402
    Unfused,
    attention_of,
    unfused,
)


def found(function, shape=(2, 3, 4, 5)):
    """The attention between x of a shape and the scores: sums over all but images."""
    x = torch.linspace(-1, 1, 120).reshape(shape).requires_grad_()
    with unfused(), Unfused():
        scores = function(x).flatten(1).sum(1)

    def differentiate(s):
        return torch.autograd.grad(s.sum(), x, retain_graph=True)

    return attention_of(scores, differentiate)


def test_of_a_softmax_the_value_and_the_gradient_are_found():
    (gradient,), ((A, G),) = found(lambda x: x.softmax(-1) ** 2)
    assert torch.allclose(A.sum(-1), torch.ones(2, 3, 4))
    assert torch.allclose(G, 2 * A)
    assert gradient.shape == A.shape


def test_only_those_over_the_last_of_several_axes_between_image_and_score_count():
    aside = torch.ones(2, 1, 4, 4, requires_grad=True)
    assert not found(lambda x: x.softmax(1) + x.flatten(1).softmax(1).view_as(x))[1]
    assert not found(lambda x: x + aside.softmax(-1).sum())[1]
    assert not found(lambda x: x + x.detach().softmax(-1))[1]


def test_fused_attention_is_not_fused_also_where_a_kernel_is_set():
    def fused(x):
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION):
            return functional.scaled_dot_product_attention(x, x, x)

    assert [A.shape for A, _ in found(fused)[1]] == [(2, 3, 4, 4)]


def test_heads_among_the_images_are_told_by_what_a_score_depends_on():
    def by_image(x):
        return (x.flatten(0, 1).softmax(-1) ** 2).view_as(x)

    def by_head(x):
        x = x.transpose(0, 1)
        return (x.flatten(0, 1).softmax(-1) ** 2).view_as(x).transpose(0, 1)

    assert [A.shape for A, _ in found(by_image)[1]] == [(2, 3, 4, 5)]
    assert [A.shape for A, _ in found(by_head)[1]] == [(6, 4, 5)]
