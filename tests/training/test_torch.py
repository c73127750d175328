"""The recipes for torch: trained twice alike, told about, saved and loaded, studied."""

from dataclasses import replace

import pytest
import torch

from campare import compare, study
from campare.attribution.method import METHODS
from campare.data import ImageSet
from campare.errors import ModelError, RecipeError
from campare.experiments.curve import curve_on
from campare.experiments.train import watch_own
from campare.training import own_code
from campare.training import torch as recipes
from campare.training.recipe import Recipe
from campare.training.torch_depth import layers_of
from training.cued import cued, share_inside
from training.small_torch import backbone, given, moved, weights


def test_training_repeats_and_tells_its_progress(tmp_path):
    recipe, told = given(augment={"flip": "horizontal", "noise": 0.05, "cutmix": 1.0}), []
    one, again, other = (
        recipes.fit(cued(), seed, recipe, lambda *n, **values: told.append((*n, *values)))
        for seed in (0, 0, 1)
    )
    states = zip(weights(one).values(), weights(again).values(), strict=True)
    assert all(torch.equal(a, b) for a, b in states)
    assert not torch.equal(one.head[0].weight, other.head[0].weight)
    assert told[:2] == [(epoch, 2, "model", "loss", "accuracy") for epoch in (1, 2)]
    torch.save(one.state_dict(), tmp_path / "one.pt")
    loaded = recipes.load(tmp_path / "one.pt", recipe)
    x = torch.rand(2, 3, 16, 16) * 255
    assert torch.equal(loaded(x), one(x))


@pytest.mark.parametrize(
    "options",
    [{"trainable": "lora"}, {"trainable": "gradual", "guidance": "energy"}, {"trainable": "head"}],
)
def test_a_curve_moves_no_weight(options):
    images = ImageSet.from_images(cued(8))
    curve = curve_on(images.load("test", 16), 2, [METHODS["grad-cam"]], seed=0)
    recipe = Recipe("mine", train=recipes.fit, epochs=3, options=given(**options).options)
    watch = watch_own(curve, recipe, images.class_names, 16)
    found, plain = (own_code.train(recipe, cued(), seed=0, watch=each) for each in (watch, None))
    pairs = zip(weights(found.model).values(), weights(plain.model).values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert list(found.curve) == [2]
    assert found.history == plain.history


def test_guidance_moves_the_maps_to_the_object():
    images, test = cued(), cued(seed=1)
    free, guided = (
        recipes.fit(images, 0, given(epochs=25, guidance=kind)) for kind in (None, "energy")
    )
    assert share_inside(guided, test) > share_inside(free, test) + 0.15


def test_what_cannot_be_trained_is_told():
    with pytest.raises(RecipeError, match=r"^Expected at most the 4 layers with a kernel of backb"):
        recipes.fit(cued(4), 0, given(trainable="last-9"))
    with pytest.raises(RecipeError, match="Expected masks or boxes of training images"):
        recipes.fit(replace(cued(4), regions={}), 0, given(guidance="energy"))


def test_a_file_that_no_training_wrote_is_refused_in_one_line(tmp_path):
    path = tmp_path / "m.pt"
    with pytest.raises(ModelError, match=r"no file .*m\.pt"):
        recipes.load(path, given())
    torch.save(backbone().state_dict(), path)
    with pytest.raises(ModelError, match=r"'mine' trained, got .*m\.pt without a head\. Try"):
        recipes.load(path, given())


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
    assert 0 < len(moved(weights(start), weights(model))) < len(layers_of(model.features, 64))
    torch.save(model.state_dict(), tmp_path / "m.pt")
    assert torch.equal(recipes.load(tmp_path / "m.pt", recipe).head[2].bias, model.head[2].bias)
    with pytest.raises(ModelError, match=r"^Expected a network of \w+ for backbone '\w+:resnet-x'"):
        recipes.build(2, 64, 0, given(backbone=f"{name.partition(':')[0]}:resnet-x"))
