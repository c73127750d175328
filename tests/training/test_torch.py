"""The recipes for torch: against Keras' losses, closed forms, networks whose layers are known."""

from dataclasses import replace
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import torch
from torch import nn

from campare import compare, study
from campare.attribution.maps import resize
from campare.data import ImageSet
from campare.errors import ModelError, RecipeError
from campare.training import loss
from campare.training import torch as recipes
from campare.training.recipe import Augment, Recipe
from training.cued import cued, share_inside

RNG = np.random.default_rng(0)


def backbone():
    """Two blocks of two convolutions with normalization; the second block has half the size."""

    def block(inside, outside, stride):
        return nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1), nn.BatchNorm2d(outside), nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1), nn.BatchNorm2d(outside), nn.ReLU(inplace=True),
        )  # fmt: skip

    return nn.Sequential(block(3, 6, 1), block(6, 8, 2))


def given(**options):
    changes = {name: options.pop(name) for name in ("epochs", "learning_rate") if name in options}
    known = {"epochs": 2, "batch_size": 8, "learning_rate": 0.01, "name": "mine"} | changes
    options = {"backbone": "test_torch:backbone", "weights": "random", "hidden": 8} | options
    return SimpleNamespace(**known, options=options)


@pytest.fixture(autouse=True)
def one_thread():
    """So small tensors are computed faster by one thread, whatever else the machine does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def own_backbone(monkeypatch):
    monkeypatch.setattr(recipes, "load_object", lambda _: backbone)


def weights(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def moved(one, other):
    """Layers of the backbone of which a weight differs; counts of batches are none."""
    return {
        name.removeprefix("features.").rpartition(".")[0]
        for name, value in one.items()
        if name.startswith("features") and "num_batches" not in name
        if not torch.equal(value, other[name])
    }


KERNELS = ["0.0", "0.3", "1.0", "1.3"]


@pytest.mark.parametrize(
    ("part", "layers"),
    [
        ("head", set()),
        ("last-1", {"1.3", "1.4"}),
        ("last-block", {"1.0", "1.1", "1.3", "1.4"}),
        ("all", {"0.0", "0.1", "0.3", "0.4", "1.0", "1.1", "1.3", "1.4"}),
        ("gradual", {"0.0", "0.1", "0.3", "0.4", "1.0", "1.1", "1.3", "1.4"}),
        ("lora", set(KERNELS)),
    ],
)
def test_what_the_recipe_says_is_trained_and_nothing_else(part, layers):
    recipe = given(trainable=part, warmup=1, lora_rank=1, epochs=4)
    start, trained = recipes.build(2, 16, 0, recipe), recipes.fit(cued(), 0, recipe)
    before, after = weights(start), weights(trained)
    assert set(before) == set(after)  # low-rank updates are part of plain kernels
    assert moved(before, after) == layers
    assert not torch.equal(before["head.2.weight"], after["head.2.weight"])
    if part == "lora":
        for name in KERNELS:
            change = after[f"features.{name}.weight"] - before[f"features.{name}.weight"]
            change = change.flatten(1).numpy()
            assert np.linalg.matrix_rank(change, tol=1e-4 * np.linalg.norm(change)) == 1
            assert torch.equal(before[f"features.{name}.bias"], after[f"features.{name}.bias"])


def test_training_repeats_and_tells_its_progress(tmp_path):
    recipe, told = given(augment={"flip": "horizontal", "noise": 0.05, "cutmix": 1.0}), []
    one, again, other = (
        recipes.fit(cued(), seed, recipe, lambda *n, **values: told.append((*n, *values)))
        for seed in (0, 0, 1)
    )
    states = zip(weights(one).values(), weights(again).values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)
    assert not torch.equal(one.head[0].weight, other.head[0].weight)
    assert told[:2] == [(1, 2, "loss", "accuracy"), (2, 2, "loss", "accuracy")]
    torch.save(one.state_dict(), tmp_path / "one.pt")
    loaded = recipes.load(tmp_path / "one.pt", recipe)
    x = torch.rand(2, 3, 16, 16) * 255
    assert torch.equal(loaded(x), one(x))


def test_losses_are_those_of_keras():
    logits = RNG.normal(size=(6, 3)).astype("float32")
    labels = RNG.dirichlet([0.5] * 3, 6).astype("float32")
    for kind in ("cross-entropy", "bce", "focal"):
        for smoothing in (0.0, 0.1):
            recipe = Recipe("x", loss=kind, label_smoothing=smoothing, focal_gamma=1.5)
            p = keras.activations.get(loss.activation(recipe))(logits)
            expected = float(loss.of(recipe)(labels, p))
            found = recipes.loss_of(recipe, torch.tensor(logits), torch.tensor(labels))
            assert float(found) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("augment", [Augment(mixup=0.5), Augment(cutmix=1.0)])
def test_labels_are_mixed_as_the_images_are(augment):
    flat = torch.arange(8.0)[:, None, None, None].expand(8, 3, 12, 12)
    images, labels = recipes.changed(flat, torch.eye(8), augment, np.random.default_rng(1))
    torch.testing.assert_close(labels.sum(1), torch.ones(8))
    assert (labels.count_nonzero(1) == 2).any()
    torch.testing.assert_close(images.mean((1, 2, 3)), labels @ torch.arange(8.0))


def test_guidance_moves_the_maps_to_the_object():
    images, test = cued(), cued(seed=1)
    free, guided = (
        recipes.fit(images, 0, given(epochs=25, guidance=kind)) for kind in (None, "energy")
    )
    assert share_inside(guided, test) > share_inside(free, test) + 0.15


def test_the_term_is_the_energy_of_the_map_that_is_explained():
    images = cued(4)
    model = recipes.build(2, 16, 0, given())
    pixels = torch.from_numpy(images.images).permute(0, 3, 1, 2).float()
    labels = torch.eye(2)[torch.from_numpy(images.labels)]
    mask = torch.from_numpy(images.regions["object"])
    layer = model.features[1][5]
    logits, term = recipes.energy(model, layer, pixels, labels, mask)
    torch.testing.assert_close(logits, model(pixels))
    features = model.features((pixels / 255 - model.mean) / model.std)
    alpha = torch.autograd.grad((model.head(features.mean((2, 3))) * labels).sum(), features)[0]
    maps = (alpha.mean((2, 3), keepdim=True) * features).sum(1).detach().numpy()
    large = resize(maps, (16, 16))
    leaky = np.where(large > 0, large, 0.1 * large)
    expected = 1 - (leaky * mask.numpy()).sum((1, 2)) / np.abs(leaky).sum((1, 2))
    np.testing.assert_allclose(term.detach().numpy(), expected, rtol=1e-4)


def test_right_for_the_right_reasons_is_that_of_its_equation():
    weight = torch.tensor(RNG.normal(size=(2, 6)).astype("float32"))
    model = lambda pixels: (pixels / 255).flatten(1) @ weight.T  # noqa: E731
    pixels = torch.tensor(RNG.integers(0, 256, (3, 3, 1, 2)).astype("float32"))
    mask = torch.tensor([[[True, False]]] * 3)
    logits, term = recipes.rrr(model, pixels, mask)
    # d/dx sum_k log p_k = sum_k W_k - K sum_j p_j W_j
    expected = (weight.sum(0) - 2 * logits.softmax(1) @ weight).reshape(3, 3, 1, 2)[..., 1]
    torch.testing.assert_close(term, expected.square().sum((1, 2)), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_trained_is_told():
    images = cued(4)
    for options, message in (
        ({"depth": 3}, r"^Expected options of recipe 'mine' among backbone, .*got 'depth'\. Try w"),
        ({"augment": {"zoom": 0.1}}, r"among flip, noise, mixup, cutmix, got zoom\. Try a train"),
        ({"trainable": "last-9"}, r"^Expected at most the 4 layers with a kernel of backbone"),
        ({"loss": "focl"}, r"^Expected loss in options of recipe 'mine' to be 'cross-entropy', "),
        ({"schedule": "cosin"}, r"got 'cosin'\. Try the default, constant\.$"),
        ({"guidance": "enrgy"}, r"^Expected guidance in options of recipe 'mine' to be 'energy' "),
        ({"augment": {"nois": 0.1}}, r"^Expected a known field in augment of .*Try noise\.$"),
        ({"trainable": "some"}, r"^Expected trainable of recipe 'mine' to be all, head, last-bl"),
    ):
        with pytest.raises(RecipeError, match=message):
            recipes.fit(images, 0, given(**options))
    with pytest.raises(RecipeError, match="Expected masks or boxes of training images"):
        recipes.fit(replace(images, regions={}), 0, given(guidance="energy"))


def test_a_backbone_without_maps_is_told(monkeypatch):
    pooled = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    monkeypatch.setattr(recipes, "load_object", lambda _: lambda: pooled)
    with pytest.raises(ModelError, match=r"maps \(N, C, h, w\), got 'test_torch:backbone' with \("):
        recipes.build(2, 16, 0, given())


def test_weights_of_a_file_are_taken_or_refused_in_one_line(tmp_path):
    path, source = tmp_path / "own.pt", backbone()
    torch.save({"state_dict": {f"module.{k}": v for k, v in source.state_dict().items()}}, path)
    model = recipes.build(2, 16, 0, given(weights=str(path)))
    assert torch.equal(model.features[1][3].weight, source[1][3].weight)
    torch.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(ModelError, match=r"^Expected .* Try"):
        recipes.build(2, 16, 0, given(weights=str(path)))


def test_a_file_that_no_training_wrote_is_refused_in_one_line(tmp_path):
    path = tmp_path / "m.pt"
    with pytest.raises(ModelError, match=r"no file .*m\.pt"):
        recipes.load(path, given())
    torch.save(backbone().state_dict(), path)
    with pytest.raises(ModelError, match=r"'mine' trained, got .*m\.pt without a head\. Try"):
        recipes.load(path, given())


def test_options_may_be_values_of_python(tmp_path):
    recipe = recipes.wanted(given(augment=Augment(noise=0.1), weights=tmp_path / "w.pt"))
    assert (recipe.augment, recipe.weights) == (Augment(noise=0.1), str(tmp_path / "w.pt"))


def test_normalization_follows_the_recipe():
    for momentum, layers in ((None, {"1.0", "1.3"}), (0.5, {"1.0", "1.1", "1.3", "1.4"})):
        recipe = given(trainable="last-block", batch_norm_momentum=momentum, epochs=1)
        start, model = recipes.build(2, 16, 0, recipe), recipes.fit(cued(), 0, recipe)
        assert moved(weights(start), weights(model)) == layers
    assert model.features[1][1].momentum == 0.5


@pytest.mark.slow
def test_a_study_compares_them(tmp_path):
    words = {role: f"campare.training.torch:{role}" for role in ("build", "load")}
    plain, guided = (
        Recipe(
            name,
            train="campare.training.torch:fit",
            epochs=2,
            **words,
            options=given(**kind).options,
        )
        for name, kind in (("plain", {}), ("guided", {"guidance": "energy"}))
    )
    images = ImageSet.drawn(train=16, test=8, size=24)
    run = study(images, recipes=(plain, guided), seeds=2, out=tmp_path / "r")
    assert set(run.scores()["recipe"]) == {"plain", "guided"}
    (differ,) = compare(run).design.filter(contrast="guided - plain").to_dicts()
    assert (differ["factor"], differ["together"]) == ("guidance", [])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm:resnet10t", "torchvision:resnet18", "torchvision:vgg11"])
def test_networks_of_timm_and_torchvision(name, tmp_path):
    library = pytest.importorskip(name.partition(":")[0])
    assert library
    recipe = given(backbone=name, trainable="last-block", epochs=1, guidance="energy")
    images = cued(8, size=64)
    start, model = recipes.build(2, 64, 0, recipe), recipes.fit(images, 0, recipe)
    assert (
        0 < len(moved(weights(start), weights(model))) < len(recipes.layers_of(model.features, 64))
    )
    torch.save(model.state_dict(), tmp_path / "m.pt")
    assert torch.equal(recipes.load(tmp_path / "m.pt", recipe).head[2].bias, model.head[2].bias)
    with pytest.raises(ModelError, match=r"^Expected a network of \w+ for backbone '\w+:resnet-x'"):
        recipes.build(2, 64, 0, given(backbone=f"{name.partition(':')[0]}:resnet-x"))
