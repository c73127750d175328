"""Recipes that are code: called with what they name, saved and loaded, studied, resumed."""

import io
import random

import keras
import numpy as np
import polars as pl
import pytest
import torch
from rich.console import Console

import campare
from campare import audit, study
from campare.data import ImageSet
from campare.errors import CampareError, RecipeError, RunError
from campare.runs.run import Run
from campare.stats.design import design_of
from campare.training import own_code
from campare.training.recipe import Recipe, from_yaml, spelled

DRAWN = ImageSet.drawn(train=12, test=8, size=16)
TRAIN = DRAWN.load("train", 16)
CALLS = []


def build(n_classes, seed):
    torch.manual_seed(seed)
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(), torch.nn.Linear(4, n_classes),
    ).eval()  # fmt: skip


def fit(images, seed, recipe, progress):
    """A network whose weights depend on the seed and an option, and one step of descent."""
    CALLS.append((recipe.name, seed, len(images)))
    model = build(len(images.class_names), seed + 100 * recipe.options.get("shift", 0))
    for epoch in range(1, recipe.epochs + 1):
        progress(epoch, recipe.epochs, loss=1 / epoch)
    return model


def build_dropping(n_classes, seed):
    model = build(n_classes, seed)
    return torch.nn.Sequential(*model[:-1], torch.nn.Dropout(0.5), model[-1])


def fit_told(images, seed, progress):
    """Two epochs of descent with dropout; `progress` gets the model as it is trained."""
    model = build_dropping(len(images.class_names), seed).train()
    x = torch.from_numpy(images.images).permute(0, 3, 1, 2) / 255
    optimizer = torch.optim.SGD(model.parameters(), 0.5)
    for epoch in (1, 2):
        loss = torch.nn.functional.cross_entropy(model(x), torch.from_numpy(images.labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        assert model.training
        progress(epoch, 2, model=model, loss=loss.item(), drawn=random.random())
    return model.eval()


def load(path):
    model = build(2, 0)
    model.load_state_dict(torch.load(path, weights_only=True))
    return model


def fit_keras(images, seed):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(images.images.shape[1:]),
            keras.layers.Conv2D(4, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(len(images.class_names)),
        ]
    )


def own(name="own", **fields):
    return Recipe(name, **{"train": fit, "epochs": 2, "pixels": "0..1", **fields})


@pytest.fixture(autouse=True)
def no_calls():
    CALLS.clear()


class TestTraining:
    def test_the_function_gets_what_it_names_and_its_epochs_become_curves(self):
        steps = []
        found = own_code.train(own(), TRAIN, seed=3, progress=steps.append)
        assert CALLS == [("own", 3, 12)]
        assert found.history == {"loss": [1.0, 0.5]}
        assert (found.epochs, [step.epoch for step in steps]) == (2, [1, 2])

    def test_a_size_of_the_training_set_is_cut_before(self):
        own_code.train(own(train_size=6), TRAIN, seed=0)
        assert CALLS == [("own", 0, 6)]

    def test_global_randomness_follows_the_seed(self):
        def draw(images):
            drawn.append((random.random(), torch.rand(1).item()))
            return build(2, 0)

        drawn = []
        for seed in (1, 1, 2):
            own_code.train(own(train=draw), TRAIN, seed=seed)
        assert drawn[0] == drawn[1] != drawn[2]

    @pytest.mark.parametrize(
        ("train", "words"),
        [
            (lambda: 3, "Expected a Keras model or a torch module from .*, got int"),
            (lambda: None, "got NoneType. Try: return model"),
            (
                lambda images, rate: (images, rate),
                "Expected parameters among .* got 'rate'. Try: a default",
            ),
            (lambda: 1 / 0, r"ZeroDivisionError: division by zero \(test_own_code.py, line"),
        ],
    )
    def test_a_function_that_fails_is_one_line(self, train, words):
        with pytest.raises(RecipeError, match=words) as error:
            own_code.train(own(train=train), TRAIN, seed=0)
        assert "\n" not in str(error.value)


class TestCheck:
    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"save": lambda model: model}, "Expected a parameter 'path' of .*, got model. Try: "),
            (
                {"save": lambda network, file: (network, file)},
                "Expected parameters among model, path of .*'n",
            ),
            ({"load": lambda: build(2, 0)}, r"Expected a parameter 'path' of .*, got none. Try: "),
            (
                {"build": lambda classes, width: (classes, width)},
                "Expected parameters among n_classes, size",
            ),
            (
                {"train": lambda images, rate: (images, rate)},
                "Expected parameters among images, .*got 'rate'",
            ),
            ({"load": "nowhere:load"}, "Expected an object at 'nowhere:load' .*No module named"),
            ({"save": "math:pi"}, "Expected a function to save models of recipe 'own' at math:pi"),
            ({"load": int.from_bytes.__self__}, "Expected a function of Python, got builtins:int"),
        ],
    )
    def test_all_functions_are_checked_before_anything_is_trained(self, tmp_path, fields, words):
        with pytest.raises(CampareError, match=words) as error:
            study(
                DRAWN, recipes=[own("first"), own(**fields)], seeds=1, size=16, out=tmp_path / "r",
            )  # fmt: skip
        assert "\n" not in str(error.value)
        assert not CALLS
        assert not (tmp_path / "r").exists()

    def test_the_advice_is_a_signature_that_passes(self):
        with pytest.raises(RecipeError, match=r"Try: def <lambda>\(model, path\)$"):
            own_code.check(own(save=lambda path: path))
        own_code.check(own(save=lambda model, path: (model, path)))


class TestFiles:
    @pytest.mark.parametrize("weights_alone", [True, False])
    def test_torch(self, tmp_path, weights_alone):
        recipe = own(load=load if weights_alone else None)
        model = build(2, 5)
        path = tmp_path / f"m{own_code.suffix(recipe, model)}"
        assert path.suffix == ".pt"
        own_code.save(recipe, model, path)
        x = torch.rand(2, 3, 16, 16)
        torch.testing.assert_close(own_code.load(recipe, path)(x), model(x))
        kept = torch.load(path, weights_only=weights_alone)
        assert isinstance(kept, dict if weights_alone else torch.nn.Module)

    def test_the_only_parameter_may_have_any_name(self, tmp_path):
        def train(data):
            assert len(data.labels) == 12
            return build(2, 5)

        recipe = own(train=train, load=lambda file: load(path=file))
        model = own_code.train(recipe, TRAIN, seed=0).model
        own_code.save(recipe, model, tmp_path / "m.pt")
        loaded = own_code.load(recipe, tmp_path / "m.pt")
        torch.testing.assert_close(loaded[0].weight, model[0].weight)

    def test_keras(self, tmp_path):
        recipe, model = own(train=fit_keras), fit_keras(TRAIN, 0)
        path = tmp_path / f"m{own_code.suffix(recipe, model)}"
        assert path.suffix == ".keras"
        own_code.save(recipe, model, path)
        x = np.random.default_rng(0).random((2, 16, 16, 3), np.float32)
        np.testing.assert_allclose(own_code.load(recipe, path)(x), model(x), rtol=1e-6)

    def test_a_saver_of_ones_own(self, tmp_path):
        def write(model, path):
            torch.save({"weights": model.state_dict()}, path)

        def read(path):
            model = build(2, 0)
            model.load_state_dict(torch.load(path, weights_only=True)["weights"])
            return model

        recipe, model = own(save=write, load=read), build(2, 7)
        path = tmp_path / f"m{own_code.suffix(recipe, model)}"
        own_code.save(recipe, model, path)
        loaded = own_code.load(recipe, path)
        torch.testing.assert_close(loaded[0].weight, model[0].weight)


class TestRecipe:
    def test_its_record_has_its_own_fields_alone(self):
        record = own(options={"shift": 1}, factors={"pre-training": True}).record
        assert record["train"] == spelled(fit) == f"{__name__}:fit"
        assert {"backbone", "weights"}.isdisjoint(record)
        assert "train" not in Recipe("a").record

    def test_options_and_factors_are_its_levels(self):
        first = own("a", options={"shift": 1}, factors={"pre-training": True})
        levels = design_of([first.record, own("b", options={"shift": 2}).record])
        assert (levels["a"].pretrained, levels["b"].pretrained) == (True, False)
        assert dict(levels["a"].others)["shift"] == 1

    def test_yaml(self, tmp_path, monkeypatch):
        (tmp_path / "lab_code.py").write_text("def fit(images): ...\n")
        (tmp_path / "r.yaml").write_text("- {name: a, train: 'lab_code:fit', options: {x: 1}}")
        monkeypatch.chdir(tmp_path)
        (recipe,) = from_yaml("r.yaml")
        assert (recipe.train, recipe.options) == ("lab_code:fit", {"x": 1})
        own_code.check(recipe)

    def test_what_belongs_to_code_needs_code(self):
        with pytest.raises(RecipeError, match="Expected train with load in recipe 'a', got none"):
            Recipe("a", load=load)


class TestStudy:
    @pytest.fixture(scope="class")
    @staticmethod
    def run(tmp_path_factory):
        CALLS.clear()
        recipes = [own("a", load=load), own("b", load=load, options={"shift": 1})]
        out = tmp_path_factory.mktemp("own") / "r"
        return study(DRAWN, recipes=recipes, seeds=2, size=16, metrics=["energy"], out=out)

    def test_each_cell_is_trained_once_and_compared(self, run):
        assert set(run.manifest.cells) == {"a-0", "a-1", "b-0", "b-1"}
        assert sorted(path.name for path in (run.path / "models").glob("*.pt")) == [
            "a-0.pt", "a-1.pt", "b-0.pt", "b-1.pt",
        ]  # fmt: skip
        comparison = campare.compare(run)
        assert comparison.design.row(0, named=True)["factor"] == "shift"
        assert run.manifest.cells["a-0"].history == {"loss": [1.0, 0.5]}

    def test_its_rows_are_those_of_an_audit_of_its_models(self, run):
        names = {
            arm: [load(run.path / f"models/{arm}-{seed}.pt") for seed in (0, 1)] for arm in "ab"
        }
        found = audit(names, DRAWN, metrics=["energy"], pixels="0..1")
        keys = ["recipe", "seed", "image", "method", "metric"]
        both = found.frame.join(run.scores(), on=keys, how="left", suffix="_study")
        assert both.height == found.frame.height
        assert both["value"].to_list() == both["value_study"].to_list()
        assert both["prediction"].to_list() == both["prediction_study"].to_list()

    def test_it_goes_on_without_training_again(self, run, tmp_path):
        recipes = [own("a", load=load)]
        first = study(DRAWN, recipes=recipes, seeds=1, size=16, metrics=["energy"], out=tmp_path)
        (first.path / "scores/a-0.parquet").unlink()
        assert CALLS == [("a", 0, 12)]
        again = study(DRAWN, recipes=recipes, seeds=2, size=16, metrics=["energy"], out=tmp_path)
        assert CALLS == [("a", 0, 12), ("a", 1, 12)]
        whole = run.scores().filter(pl.col("recipe") == "a")
        assert again.scores().equals(whole)

    def test_other_code_is_another_study(self, tmp_path):
        study(DRAWN, recipes=[own("a")], seeds=1, size=16, metrics=["energy"], out=tmp_path)
        with pytest.raises(RunError, match="Expected 'a' as in the run"):
            study(
                DRAWN, recipes=[own("a", train="torch.nn:Identity")], seeds=1, size=16,
                metrics=["energy"], out=tmp_path,
            )  # fmt: skip

    def test_maps_of_the_untrained_network_stand_beside(self, tmp_path):
        run = study(
            DRAWN, recipes=[own("a", build=build)], seeds=1, size=16, metrics=["energy"],
            out=tmp_path,
        )  # fmt: skip
        assert "grad-cam:untrained" in set(run.scores()["method"])
        assert CALLS == [("a", 0, 12)]

    def test_wrong_outputs_are_said_before_anything_is_written(self, tmp_path):
        with pytest.raises(
            RecipeError, match=r"Expected 2 outputs, .* of the model that recipe 'a'"
        ):
            study(
                DRAWN, recipes=[own("a", train=lambda seed: build(5, seed))], seeds=1, size=16,
                out=tmp_path / "r",
            )  # fmt: skip
        assert not (tmp_path / "r").exists()

    def test_a_curve_is_that_of_the_model_and_moves_nothing(self, tmp_path):
        recipes = [own("a", train=fit_told)]
        plain, watched = (
            study(
                DRAWN, recipes=recipes, seeds=2, size=16, metrics=["energy"],
                out=tmp_path / str(curve), curve=curve,
            )
            for curve in (None, 1)
        )  # fmt: skip
        assert watched.scores().equals(plain.scores())
        rows = watched.scores().filter(pl.col("metric") == "energy", pl.col("method") == "grad-cam")
        for seed in (0, 1):  # the first is trained before its layers are known
            cell = watched.manifest.cells[f"a-{seed}"]
            assert cell.history == plain.manifest.cells[f"a-{seed}"].history
            assert list(cell.curve) == [1, 2]
            mean = rows.filter(pl.col("seed") == seed)["value"].mean()
            assert cell.curve[2]["energy"] == pytest.approx(mean, abs=1e-5)
            assert cell.curve[1]["energy"] != cell.curve[2]["energy"]
            assert cell.curve[2]["accuracy"] == pytest.approx(cell.accuracy)

    def test_a_recipe_that_does_not_give_its_model_has_no_curve_which_is_said(self, tmp_path):
        console = Console(file=io.StringIO(), width=200)
        recipes = [
            own("a"),
            own("silent", train=lambda seed: build(2, seed)),
            Recipe("b", backbone="article-cnn", weights="random", epochs=1),
        ]
        run = study(
            DRAWN, recipes=recipes, seeds=1, size=16, metrics=["energy"], out=tmp_path, curve=1,
            console=console,
        )  # fmt: skip
        assert set(Run.open(run.path).scores()["recipe"]) == {"a", "silent", "b"}
        curves = [bool(run.manifest.cells[name].curve) for name in ("a-0", "silent-0", "b-0")]
        assert curves == [False, False, True]
        said = console.file.getvalue()
        for name in ("silent", "a"):
            assert f"No curve of {name}: its training function does not give its model" in said
        assert said.index("No curve of silent") < said.index("b-0: accuracy")
        assert "Try: progress(epoch, epochs, model=model) after each epoch" in said
