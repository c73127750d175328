"""The recipes for torch: trained twice alike, told about, saved and loaded, studied."""

from dataclasses import replace

import numpy as np
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
from campare.training.recipes import RECIPES
from campare.training.torch_depth import layers_of
from campare.training.torch_options import as_code
from training.cued import cued, share_inside
from training.small_torch import BACKBONE, backbone, given, moved, weights


def test_training_repeats_and_tells_its_progress(tmp_path, monkeypatch):
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
    reads, read = [], torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **k: reads.append(a) or read(*a, **k))
    loaded = recipes.load(tmp_path / "one.pt", recipe)
    assert len(reads) == 1
    x = torch.rand(2, 3, 16, 16) * 255
    assert torch.equal(loaded(x), one(x))


def test_images_of_a_file_that_cannot_be_written_to_become_tensors():
    images, masks = cued(), np.ones((3, 4, 4), bool)
    for array in (images.images, masks):
        array.flags.writeable = False
    found = recipes._tensors(images, masks, "cpu")
    assert np.array_equal(found.pixels.permute(0, 2, 3, 1), images.images)
    assert found.pixels.is_contiguous()
    found.masks[0] = False
    assert masks.all()


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


def test_with_patience_part_is_held_out_and_the_best_epoch_remains():
    images, told = cued(40), []

    def tell(epoch, _, model, **values):
        told.append((values["val_loss"], weights(model)))

    recipe = given(patience=2, epochs=30, learning_rate=0.1, warmup=1, guidance="energy")
    model = recipes.fit(images, 3, recipe, tell)
    losses = [loss for loss, _ in told]
    lowest = int(np.argmin(losses[1:])) + 1  # the head's warm-up does not count
    assert len(losses) == min(lowest + 1 + 2, 31)
    assert all(torch.equal(a, told[lowest][1][name]) for name, a in weights(model).items())
    rest, held = images.stratified_split(0.15, 3)
    again = recipes.fit(rest, 3, recipe, validation=held)
    assert all(torch.equal(a, weights(again)[name]) for name, a in weights(model).items())


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_arms_of_the_built_in_sets_are_trained(name):
    for arm in RECIPES[name](backbone=BACKBONE, weights="random"):
        if arm.backbone == "article-cnn" or (arm.augment and arm.augment.randaugment):
            continue
        recipe = as_code(replace(arm, epochs=1, warmup=min(arm.warmup, 1)))
        found = own_code.train(recipe, cued(8), seed=0).history
        assert np.isfinite(found["loss"]).all()
        assert ("val_loss" in found) == (arm.patience is not None)


def test_a_built_in_set_is_studied_with_a_backbone_of_torch(tmp_path):
    run = study(
        ImageSet.drawn(train=8, test=4, size=16), recipes="depth", only=["head", "lora"],
        backbone=BACKBONE, weights="random", epochs=1, seeds=1, size=16, metrics=["energy"],
        curve=3, out=tmp_path / "r",
    )  # fmt: skip
    scores = run.scores()
    assert set(scores["recipe"]) == {"head", "lora"}
    assert {"grad-cam", "grad-cam:untrained"} <= set(scores["method"])
    records = {record["name"]: record for record in run.manifest.recipe_fields}
    assert (records["lora"]["backbone"], records["lora"]["trainable"]) == (BACKBONE, "lora")
    assert compare(run).design["contrast"].to_list() == ["lora - head"]
    assert list(run.manifest.cells["lora-0"].curve) == [3, 6]
    cell = next(run.path.glob("models/lora-0.*t"))
    model = recipes.load(cell, as_code(Recipe(**given_fields(records["lora"]))))
    assert model.head[-1].out_features == 2


def given_fields(record):
    """A record of the manifest as arguments of a recipe."""
    return {name: value for name, value in record.items() if name in Recipe.__dataclass_fields__}


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["timm:resnet10t", "torchvision:resnet18"])
def test_sets_are_studied_with_backbones_of_timm_and_torchvision(name, tmp_path):
    pytest.importorskip(name.partition(":")[0])
    images = ImageSet.drawn(train=8, test=4, size=64)
    torch.save(
        recipes.build(1000, 64, 0, given(backbone=name, hidden=None)).features.state_dict(),
        tmp_path / "w.pt",
    )
    for recipes_of, weights_of in (("depth", str(tmp_path / "w.pt")), ("augmentation", "random")):
        run = study(
            images, recipes=recipes_of, backbone=name, weights=weights_of, epochs=1, seeds=1,
            size=64, metrics=["energy"], out=tmp_path / recipes_of,
        )  # fmt: skip
        assert set(run.scores()["recipe"]) == {arm.name for arm in RECIPES[recipes_of]()}
