"""Outputs replaced, softmaxes bypassed: in a block, in one thread, and undone."""

import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from campare.errors import ModelError  # noqa: E402
from campare.models import _torch_modules as m  # noqa: E402

X = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32))


@pytest.mark.parametrize(
    ("squash", "kind"),
    [
        (lambda z: z.softmax(1), "softmax"),
        (lambda z: functional.log_softmax(z, dim=1), "softmax"),
        (nn.Softmax(dim=1), "softmax"),
        (lambda z: torch.softmax(input=z, dim=1), "softmax"),
        (torch.sigmoid, "sigmoid"),
        (nn.LogSigmoid(), "sigmoid"),
        (torch.tanh, None),
    ],
)
def test_what_went_into_the_last_softmax_is_known(squash, kind):
    logits = 3 * X
    with m.Squashing() as squashing:
        early = torch.softmax(X, 1)  # one in the middle is not taken for the last
        output = squash(logits + 0 * early)
    entered, found = squashing.before(output)
    assert found == kind
    torch.testing.assert_close(entered, output if kind is None else logits)


def test_a_softmax_over_more_than_classes_is_attention():
    with m.Squashing() as squashing:
        weights = torch.softmax(X[None], -1)
    assert squashing.before(weights) == (weights, None)


def test_an_edited_output_is_so_in_the_block_and_in_this_thread():
    module = nn.Linear(3, 2)
    plain, elsewhere = module(X), []
    with m.edited(module, lambda output: output + 1):
        torch.testing.assert_close(module(X), plain + 1)
        other = threading.Thread(target=lambda: elsewhere.append(module(X)))
        other.start()
        other.join()
    torch.testing.assert_close(elsewhere[0], plain)
    torch.testing.assert_close(module(X), plain)


def test_what_attention_gives_beside_its_output_is_kept():
    attention = nn.MultiheadAttention(4, 1, batch_first=True)
    x = torch.ones(1, 2, 4)
    output, weights = attention(x, x, x)
    with m.edited(attention, torch.zeros_like):
        edited, kept = attention(x, x, x)
    assert m.features((output, weights)) is output
    assert not edited.any()
    torch.testing.assert_close(kept, weights)


@pytest.mark.parametrize("block", [lambda n: m.edited(n[0], torch.relu), lambda n: m.inference(n)])
def test_all_is_put_back_after_an_exception(block):
    network = nn.Sequential(nn.Linear(3, 3), nn.Dropout(), nn.BatchNorm1d(3).eval())
    modes = [module.training for module in network.modules()]
    with pytest.raises(KeyError), block(network):
        raise KeyError
    assert [module.training for module in network.modules()] == modes
    assert not network[0]._forward_hooks


def test_in_inference_no_module_is_in_training_mode():
    network = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.9))
    with m.inference(network):
        assert not any(module.training for module in network.modules())
        torch.testing.assert_close(network(X), network[0](X))


@pytest.mark.parametrize("output", [{"logits": X}, (), "text", [X], ({"a": X},)])
def test_what_holds_no_tensor_first_has_no_features(output):
    assert m.features(output) is None


@pytest.mark.parametrize(
    ("module", "first"),
    [
        (nn.Conv2d(1, 1, 1), True), (nn.MaxPool2d(2), True), (nn.BatchNorm2d(1), True),
        (nn.Linear(1, 1), False), (nn.LayerNorm(1), False), (nn.ReLU(), None),
        (nn.LayerNorm((2, 3, 3)), None), (type("Own2d", (nn.Module,), {})(), None),
        (type("Norm2d", (nn.LayerNorm,), {})(1), None),
        (type("Padded", (nn.Conv2d,), {})(1, 1, 1), True),
    ],
)  # fmt: skip
def test_where_the_channels_of_a_kind_are(module, first):
    assert m.layout(module) is first


def test_a_graph_without_its_modules_is_refused():
    network = nn.Sequential(nn.Linear(3, 2), nn.ReLU())
    m.refuse_opaque(network)
    m.refuse_opaque(torch.fx.symbolic_trace(network))  # its modules are there
    with pytest.raises(ModelError, match=r"got function, an exported graph .*Try: the module"):
        m.refuse_opaque(lambda x: x)


def test_it_computes_in_what_its_first_floating_weight_is():
    network = nn.Sequential(nn.Embedding(3, 2).to(torch.float64), nn.Linear(2, 2))
    assert m.dtype_of(network) == torch.float64
    assert m.dtype_of(nn.ReLU()) == torch.float32


def test_weights_of_the_module_alone_are_drawn_anew():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(2000))
            self.inner = nn.Linear(2, 2)

    module = Scaled()
    inner = module.inner.weight.clone()
    with torch.no_grad():
        m.redraw(module)
    torch.testing.assert_close(module.inner.weight, inner)
    assert module.scale.std().item() == pytest.approx(0.02, rel=0.1)
    assert abs(module.scale.mean().item()) < 0.002
    with torch.no_grad():
        m.redraw(module.inner)
    assert not torch.equal(module.inner.weight, inner)
