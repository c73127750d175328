"""The measures against Captum and TorchCAM, on a small torch network."""

import numpy as np
import pytest

from campare.attribution import maps as m
from campare.metrics import faithfulness
from campare.metrics.faithfulness.infidelity import random_patches
from campare.metrics.faithfulness.replacing import baseline

torch = pytest.importorskip("torch")
N, SIDE = 6, 16
STEPS = 8


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(8, 8, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(8, 4),
    ).eval()


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).normal(size=(N, SIDE, SIDE, 3)).astype(np.float32) * 3


def first(images):
    return torch.from_numpy(np.moveaxis(images, -1, 1).copy())


def predictor(network):
    def predict(images):
        with torch.no_grad():
            return network(first(images)).numpy()

    return predict


class Given:
    """What TorchCAM asks of an object that makes maps, with maps that are given."""

    def __init__(self, model, maps):
        self.model, self.maps = model, maps

    def __call__(self, *_):
        return [torch.from_numpy(self.maps)]

    def fuse_cams(self, cams):
        return cams[0]

    def _hooks_off(self):
        return torch.no_grad()


def adversarial(kind):
    rng = np.random.default_rng(1)
    if kind == "random":
        maps = rng.random((N, SIDE, SIDE))
    elif kind == "ties":
        maps = rng.integers(0, 3, (N, SIDE, SIDE)) / 2
    else:
        maps = np.zeros((N, SIDE, SIDE))
        maps[:, 3:6, 4:9] = rng.random((N, 3, 5))
    maps[:, 0, 0], maps[:, -1, -1] = 1, 0  # so that TorchCAM's scale is ours
    return maps.astype(np.float32)


@pytest.mark.parametrize("kind", ["random", "ties", "mostly zero"])
def test_drop_and_increase_are_torchcams(network, images, kind):
    from torchcam.metrics import ClassificationMetric

    maps, targets = adversarial(kind), [0, 1, 2, 3, 0, 1]
    metric = ClassificationMetric(Given(network, maps), lambda logits: torch.softmax(logits, 1))
    metric.update(first(images), targets)
    theirs = metric.summary()
    given = (predictor(network), images, maps, np.array(targets))
    drop = faithfulness.average_drop(*given).values.mean()
    assert drop == pytest.approx(theirs["avg_drop"], abs=1e-5)
    assert faithfulness.increase(*given).values.mean() == theirs["conf_increase"]


@pytest.mark.parametrize("kind", ["random", "ties", "mostly zero"])
def test_insertion_and_deletion_are_torchcams(network, images, kind):
    from torchcam.metrics import DeletionInsertionMetric

    maps, targets = adversarial(kind), [0, 1, 2, 3, 0, 1]
    metric = DeletionInsertionMetric(
        Given(network, maps), lambda logits: torch.softmax(logits, 1), steps=STEPS
    )
    metric.update(first(images), targets)
    inserted, deleted = faithfulness.insertion_deletion(
        predictor(network), images, maps, np.array(targets),
        insert_from="zero", delete_to="zero", steps=STEPS, ties="reading-order",
    )  # fmt: skip
    assert inserted.values.mean() == pytest.approx(metric.insertion / N, abs=1e-5)
    assert deleted.values.mean() == pytest.approx(metric.deletion / N, abs=1e-5)


@pytest.mark.parametrize("scaled", [True, False])
@pytest.mark.parametrize("grid", [4, SIDE])
def test_infidelity_is_captums(network, images, scaled, grid):
    metrics = pytest.importorskip("captum.metrics")
    changes, targets = 12, np.array([0, 1, 2, 3, 0, 1])
    maps = np.random.default_rng(2).normal(size=(N, grid, grid)).astype(np.float32)
    squares = random_patches(N * changes, (SIDE, SIDE), np.random.default_rng(7))
    other = np.repeat(baseline(images, "mean"), changes, axis=0)

    def perturb(inputs):  # Captum repeats every image, one after the other
        gone = torch.from_numpy(squares[:, None])
        left = torch.where(gone, first(other), inputs)
        return inputs - left, left

    large = torch.from_numpy(m.resize(maps, (SIDE, SIDE)))[:, None].expand(-1, 3, -1, -1)
    theirs = metrics.infidelity(
        network, perturb, first(images), large, target=torch.from_numpy(targets),
        n_perturb_samples=changes, normalize=scaled,
    )  # fmt: skip
    ours = faithfulness.infidelity(
        predictor(network), images, maps, targets, changes=changes, scaled=scaled,
        rng=np.random.default_rng(7),
    ).values  # fmt: skip
    assert ours == pytest.approx(theirs.numpy(), rel=1e-3, abs=1e-5)
