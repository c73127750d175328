"""Folded batch normalization in torch: the same logits, whatever else looks at a convolution."""

import re
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

from campare.errors import ModelError  # noqa: E402
from campare.models import wrap  # noqa: E402
from campare.models.backends.torch_fold import find_pairs, folded  # noqa: E402

CONVOLUTIONS = {
    "plain": {"kernel_size": 3},
    "bias, stride": {"kernel_size": 3, "stride": 2, "bias": True},
    "groups": {"kernel_size": (3, 1), "groups": 3, "padding": (1, 0)},
    "dilation": {"kernel_size": 3, "dilation": (1, 2), "padding": "same"},
    "padding of another kind": {"kernel_size": 5, "padding": 2, "padding_mode": "reflect"},
}


class Net(nn.Module):
    """A convolution, something between, a normalization, a head."""

    def __init__(self, between=lambda y: y, affine=True, **kind):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, **{"kernel_size": 3, "bias": False, **kind})
        self.norm = nn.BatchNorm2d(6, affine=affine)
        self.between = between
        self.head = nn.Linear(6, 4)
        torch.manual_seed(1)
        for weight in (*self.parameters(), self.norm.running_mean):
            nn.init.normal_(weight)
        nn.init.uniform_(self.norm.running_var, 0.5, 2)
        self.eval()

    def forward(self, x):
        y = self.conv(x)
        y = self.norm(self.between(y)).relu()
        return self.head(y.mean((2, 3)))


class Normalizations(TorchDispatchMode):
    """Counts batch normalizations that run as such."""

    count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.count += "batch_norm" in str(func)
        return func(*args, **(kwargs or {}))


def images():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("f4"))


def run(net, x=None):
    x = images() if x is None else x
    with torch.no_grad():
        return net(x)


def folds(net):
    """The pairs of a net, its logits as one, and how many normalizations were left."""
    pairs = find_pairs(net, lambda: run(net))
    with folded(pairs), Normalizations() as left:
        return pairs, run(net), left.count


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("kind", CONVOLUTIONS)
def test_logits_stay_and_the_normalization_is_gone(kind, affine):
    net = Net(affine=affine, **CONVOLUTIONS[kind])
    pairs, logits, left = folds(net)
    assert pairs == [(net.conv, net.norm)]
    assert left == 0
    torch.testing.assert_close(logits, run(net), rtol=1e-5, atol=1e-5)


BETWEEN = {
    "nothing": lambda y: y,
    "another reader": lambda y: y + y.mean(),
    "a view": lambda y: y[:, [1, 0, 2, 3, 4, 5]],
    "in place": lambda y: y.relu_(),
    "in place, result not used": lambda y: (y.relu_(), y)[1],
    "a look at the shape": lambda y: y if y.shape[1] == 6 and y.stride()[0] else -y,
    "onto NumPy": lambda y: torch.from_numpy(y.numpy() * 2),
    "written to": lambda y: (y[:, 0].zero_(), y)[1],
}


@pytest.mark.parametrize("between", BETWEEN)
def test_whatever_is_between_the_logits_stay(between):
    net = Net(BETWEEN[between])
    _, logits, _ = folds(net)
    torch.testing.assert_close(logits, run(net), rtol=1e-5, atol=1e-5)


def test_an_input_that_changes_before_the_output_is_used_is_not_folded():
    class Doubling(Net):
        def forward(self, x):
            y = self.conv(x)
            x.mul_(2)
            return self.head(self.norm(y).mean((2, 3)))

    net = Doubling()
    pairs = find_pairs(net, lambda: run(net))
    assert pairs == []
    with (
        folded([(net.conv, net.norm)]),
        pytest.raises(ModelError, match=re.escape("changed in place. Try: x = x + 1 for x += 1")),
    ):
        run(net)


@pytest.mark.parametrize("change", ["in place", "past autograd", "statistics"])
def test_weights_are_read_at_each_call(change):
    net = Net()
    classifier = wrap(net)
    x = np.moveaxis(images().numpy(), 1, -1)
    before = classifier.predict(x)
    with torch.no_grad():
        if change == "in place":
            net.conv.weight.mul_(2)
        elif change == "past autograd":
            net.conv.weight.data *= 2
        else:
            net.norm.running_mean += 1
    after = classifier.predict(x)
    np.testing.assert_allclose(after, run(net).numpy(), rtol=1e-4, atol=1e-5)
    assert np.abs(after - before).max() > 0.01


def test_taps_on_both_sides_see_what_the_layers_give():
    net, x = Net(), np.moveaxis(images().numpy(), 1, -1)
    classifier = wrap(net)
    conv = run(net.conv)
    for layer, expected in (("conv", conv), ("norm", run(net.norm, conv))):
        found = classifier.tap(x, 0, layer=layer).activations
        expected = np.moveaxis(expected.numpy(), 1, -1)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_somebody_elses_hooks_see_the_convolution():
    net = Net()
    pairs, seen = find_pairs(net, lambda: run(net)), []
    net.conv.register_forward_hook(lambda *given: seen.append(given[-1]))
    with folded(pairs):
        run(net)
    assert type(seen[0]) is torch.Tensor


def test_nothing_is_folded_while_gradients_are_recorded():
    net = Net()
    with folded(find_pairs(net, lambda: run(net))), Normalizations() as left:
        net(images()).sum().backward()
    assert left.count == 2  # forward and backward
    assert net.conv.weight.grad is not None


def test_modules_are_left_as_they_were():
    net = Net()
    pairs = find_pairs(net, lambda: run(net))
    with pytest.raises(RuntimeError, match="channels"), folded(pairs):
        run(net, images()[:, :2])
    assert all("forward" not in vars(module) for module in net.modules())


def test_other_threads_run_the_model_as_it_is():
    net, found = Net(), []
    with folded(find_pairs(net, lambda: run(net))):
        thread = threading.Thread(target=lambda: found.append(type(run(net.conv))))
        thread.start()
        thread.join()
    assert found == [torch.Tensor]


@pytest.mark.parametrize("counts", [(3, 2), (0, 0)], ids=["other detections", "no detections"])
def test_numbers_that_cannot_be_compared_fold_nothing(counts):
    net, left = Net(), list(counts)

    def detections():
        run(net)
        return torch.ones(2, left.pop(0))

    assert find_pairs(net, detections) == []
