"""An audit: rows complete, paired and equal to measuring by hand; errors that say what helps."""

import base64
import io
import json
import re
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from functools import partial

import keras
import numpy as np
import polars as pl
import pytest
from PIL import Image
from rich.console import Console

import campare
from campare import audit
from campare.attribution.baselines import BASELINES
from campare.data import ImageSet, stored
from campare.data.decode import Picture
from campare.data.folder import write_folder
from campare.data.samples import Sample
from campare.errors import CampareError, DataError, LayerError, ModelError, RunError, TargetError
from campare.experiments import spool
from campare.metrics import Metric, choose
from campare.metrics import evaluate as measuring
from campare.metrics.evaluate import measure_maps
from campare.metrics.faithfulness import deletion
from campare.metrics.robustness.stability import equivariance
from campare.metrics.robustness.transforms import flip
from campare.metrics.shortcut import background, region_drop
from campare.models.loaders import Loaded
from campare.runs.check import check
from campare.runs.failures import CellsError
from campare.runs.kept import kept
from campare.runs.run import Run
from campare.stats.compare import compare
from campare.stats.stored import comparison_of
from campare.types import SCORE_COLUMNS
from manifests import manifest

K = keras.layers
DRAWN = ImageSet.drawn(train=4, test=12, size=16)
NAMES = tuple(sample.image for sample in DRAWN.of("test"))
ASKED = (
    *(metric.name for metric in choose() if not metric.name.startswith("cue")),
    *("deletion", "flip-equivariance", "random-logit", "background-drop", "efficient-mprt"),
)
NULLS = {"uniform", "centre", "edge"}


def network(shape=(16, 16, 3), classes=2, seed=0, rescale=1.0, **options):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input(shape),
            K.Rescaling(rescale),
            K.Conv2D(4, 3, activation="relu", name="first"),
            K.Conv2D(4, 3, activation="relu", name="last"),
            K.GlobalAveragePooling2D(),
            K.Dense(classes, **options),
        ]
    )


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "small.keras"
    network(rescale=1 / 255).save(path)
    return path


@pytest.fixture(scope="module")
def large():
    return network((24, 24, 3), seed=1, activation="softmax")


@pytest.fixture(scope="module")
def scores(file, large, tmp_path_factory):
    """The same file twice, and a model of larger images."""
    models = {"small": file, "twin": str(file), "large": large}
    out = tmp_path_factory.mktemp("run") / "r"
    return audit(models, DRAWN, metrics=ASKED, out=out)


def test_which_images_mosaics_show_is_known_with_and_without_a_run(scores, file):
    in_memory = audit(file, DRAWN, metrics=["focus"])
    drawn = Run.open(scores.path).mosaics()
    assert {k: v for k, v in drawn.items() if k.startswith("focus")} == in_memory.mosaics
    assert scores.mosaics.items() <= drawn.items()
    names = set(in_memory.frame.filter(pl.col("metric") == "focus")["image"])
    assert names == set(in_memory.mosaics)


def by_image(scores, recipe, metric, method="grad-cam"):
    rows = scores.frame.filter(
        (pl.col("recipe") == recipe) & (pl.col("metric") == metric) & (pl.col("method") == method)
    )
    return rows["value"].to_numpy()


def quick(models, data=DRAWN, metrics=("energy",), **settings):
    return audit(models, data, metrics=metrics, **settings)


class TestRows:
    def test_every_metric_has_a_row_for_every_image_model_and_null(self, scores):
        frame = scores.frame
        assert tuple(frame.columns) == SCORE_COLUMNS
        assert set(frame["metric"].str.split("@").list.first()) == set(ASKED)
        for name in ("energy", "gini", "parts-lift", "energy@matched", "focus"):
            rows = frame.filter(pl.col("metric") == name)
            assert set(rows["method"]) == {"grad-cam", *NULLS}, name
            assert len(rows) == 3 * 12 * 4, name
        for name in ("deletion", "flip-equivariance", "flip-equivariance@1-null", "efficient-mprt"):
            rows = frame.filter(pl.col("metric") == name)
            assert (set(rows["method"]), len(rows)) == ({"grad-cam"}, 3 * 12), name
        for name in ("correct", "confidence", "background-drop"):
            rows = frame.filter(pl.col("metric") == name)
            assert (set(rows["method"]), len(rows)) == ({"-"}, 3 * 12), name
        assert set(frame["seed"]) == {0}
        assert set(frame["split"]) == {"test"}

    def test_undefined_values_have_a_reason(self, scores):
        defined = scores.frame["value"].is_not_null()
        assert ((scores.frame["status"] == "ok") == defined).all()

    def test_all_models_are_measured_on_the_same_images(self, scores):
        keys = ["image", "label", "metric", "method"]
        parts = scores.frame.partition_by("recipe", as_dict=True)
        small, twin, large = (parts[(name,)].select(keys) for name in ("small", "twin", "large"))
        assert small.equals(twin)
        assert small.equals(large)
        assert set(NAMES) < set(small["image"])  # and the mosaics

    def test_the_same_model_twice_differs_by_exactly_nothing(self, scores):
        effects = scores.compare(contrasts=[("twin", "small")]).effects
        known = effects.filter(pl.col("estimate").is_finite())
        assert len(known) > 30
        for column in ("estimate", "low", "high"):
            assert (known[column] == 0).all()

    def test_the_table_is_what_the_run_holds(self, scores):
        run = campare.Run.open(scores.path)
        assert run.scores().equals(scores.frame)
        found = campare.compare(scores)
        assert found.effects.equals(comparison_of(run).effects.fill_null(np.nan))
        assert found.effects["contrast"].unique().sort().to_list() == [
            "large - small",
            "twin - small",
        ]


class TestMethodsOfOtherResolution:
    @pytest.fixture(scope="class")
    @staticmethod
    def found(file, large):
        methods = ("grad-cam", "guided-grad-cam")
        metrics = ("energy", "gini")
        return audit({"small": file, "large": large}, DRAWN, metrics=metrics, methods=methods)

    def test_controls_have_the_resolution_of_the_maps_beside_them(self, found):
        images = DRAWN.load("test", 16)
        for name, grid in (("edge", (12, 12)), ("guided-grad-cam:edge", (16, 16))):
            maps = BASELINES["edge"](images.images, grid, np.random.default_rng(0))
            nobody = np.zeros(len(images), np.int64)
            expected = measure_maps(
                maps, images, recipe="small", seed=0, split="test", method=name, layer="last",
                predictions=nobody, targets=nobody, metrics=["energy", "gini"],
            )  # fmt: skip
            for metric in ("energy", "gini"):
                got = by_image(found, "small", metric, name)
                own = expected.filter(pl.col("metric") == metric)
                np.testing.assert_array_equal(got, own["value"].to_numpy())

    def test_maps_are_pooled_to_the_coarsest_of_their_own_method(self, found):
        for name in ("guided-grad-cam", "guided-grad-cam:edge"):
            fine, pooled = (by_image(found, "small", m, name) for m in ("energy", "energy@matched"))
            np.testing.assert_array_equal(fine, pooled)  # the small model's are the coarsest
        for name in ("grad-cam", "guided-grad-cam", "guided-grad-cam:edge"):
            fine, pooled = (by_image(found, "large", m, name) for m in ("energy", "energy@matched"))
            assert not np.array_equal(fine, pooled)

    def test_a_map_is_compared_with_controls_of_its_own_resolution(self, found):
        nulls = found.compare().nulls
        assert set(nulls.filter(pl.col("method") == "grad-cam")["null"]) == NULLS
        assert set(nulls.filter(pl.col("method") == "guided-grad-cam")["null"]) == {
            f"guided-grad-cam:{name}" for name in NULLS
        }


class TestByHand:
    def test_maps_and_energy_at_each_models_own_size(self, scores, file, large):
        run = campare.Run.open(scores.path)
        for name, model, side in (("small", file, 16), ("large", large, 24)):
            images = DRAWN.load("test", side)
            seen = campare.explain(model, images.images, target=images.labels)
            np.testing.assert_allclose(run.maps(name, 0)["grad-cam"], seen.maps, atol=1e-6)
            told = seen.logits.argmax(axis=1)
            expected = measure_maps(
                seen.maps, images, recipe=name, seed=0, split="test", method="grad-cam",
                layer="last", predictions=told, targets=images.labels, matched=(12, 12),
                metrics=["energy", "iou", "gini"],
            )  # fmt: skip
            got = scores.frame.filter(
                pl.col("metric").is_in(expected["metric"].unique())
                & (pl.col("recipe") == name)
                & (pl.col("method") == "grad-cam")
            )
            keys = ["metric", "image"]
            got, expected = got.sort(keys), expected.sort(keys)
            np.testing.assert_allclose(got["value"], expected["value"], atol=1e-5)
            assert got.drop("value").equals(expected.drop("value"))

    def test_what_asks_the_model_again(self, scores, file):
        images = DRAWN.load("test", 16)
        pixels = images.images.astype(np.float32)
        classifier = campare.wrap(file)
        seen = campare.explain(classifier, pixels, target=images.labels)

        def explain(x, targets):
            return campare.explain(classifier, x, target=targets).maps

        def fresh():
            return np.random.default_rng(0)

        predict, labels = classifier.predict, images.labels
        flipped = equivariance(explain, predict, pixels, labels, flip(), fresh())
        masks = background(images.regions["object"])
        dropped = region_drop(predict, pixels, masks, labels, fresh())
        gone = deletion(predict, pixels, seen.maps, labels, rng=fresh())
        for metric, method, values in (
            ("flip-equivariance", "grad-cam", flipped.value),
            ("background-drop", "-", dropped.excess),
            ("deletion", "grad-cam", gone),
        ):
            got = by_image(scores, "small", metric, method)
            np.testing.assert_allclose(got, values.values, atol=1e-5, err_msg=metric)

    def test_a_torch_module_is_measured_as_keras_is(self, file):
        torch = pytest.importorskip("torch")
        model = keras.models.load_model(file)
        module = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(), torch.nn.Conv2d(4, 4, 3), torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2),
        )  # fmt: skip
        for place, name in ((0, "first"), (2, "last"), (6, "dense")):
            layer = next(one for one in model.layers if one.name.startswith(name))
            kernel, bias = layer.get_weights()
            axes = (3, 2, 0, 1) if kernel.ndim == 4 else (1, 0)
            with torch.no_grad():
                module[place].weight.copy_(torch.tensor(kernel.transpose(axes)))
                module[place].bias.copy_(torch.tensor(bias))
        pixels = {"torch": "0..1", "keras": lambda images: images}
        metrics = ["energy", "focus", "deletion", "flip-equivariance"]
        found = quick({"torch": module, "keras": model}, pixels=pixels, metrics=metrics)
        for metric, method in (*((name, "grad-cam") for name in metrics), ("confidence", "-")):
            one, other = (by_image(found, name, metric, method) for name in ("torch", "keras"))
            np.testing.assert_allclose(one, other, atol=1e-4, err_msg=metric)


class TestClasses:
    def test_by_name_in_any_order(self):
        model = network(classes=3)
        by_order = quick(
            {"m": model}, ImageSet.drawn(["bird", "cat", "dog"], train=6, test=9, size=16)
        )
        named = campare.wrap(network(classes=3), class_names=["Dog", "bird", "cat"])
        by_name = quick(
            {"m": named}, ImageSet.drawn(["bird", "cat", "dog"], train=6, test=9, size=16)
        )
        order = {"bird": "cat", "cat": "dog", "dog": "bird"}  # output i as one and as the other
        for one, other in zip(
            by_order.frame.filter(pl.col("metric") == "correct")["prediction"],
            by_name.frame.filter(pl.col("metric") == "correct")["prediction"],
            strict=True,
        ):
            assert order[other] == one

    def test_an_output_for_each_class_of_a_model_of_others(self):
        model = network(classes=5)
        found = quick({"m": model}, classes={"cat": 3, "dog": "1"}, metrics=["energy", "deletion"])
        images = DRAWN.load("test", 16)
        wanted = np.array([3, 1])[images.labels]
        seen = campare.explain(model, images.images, target=wanted)
        told = {3: "cat", 1: "dog", 0: "output 0", 2: "output 2", 4: "output 4"}
        rows = found.frame.filter(pl.col("metric") == "correct")
        assert rows["prediction"].to_list() == [told[i] for i in seen.logits.argmax(axis=1)]
        odds = np.exp(seen.logits - seen.logits.max(axis=1, keepdims=True))
        share = odds[np.arange(12), wanted] / odds.sum(axis=1)
        np.testing.assert_allclose(by_image(found, "m", "confidence", "-"), share, rtol=1e-5)
        gone = deletion(
            campare.wrap(model).predict, images.images, seen.maps, wanted,
            rng=np.random.default_rng(0),
        )  # fmt: skip
        np.testing.assert_allclose(by_image(found, "m", "deletion"), gone.values, atol=1e-5)

    def test_each_model_may_have_its_own(self):
        models = {"of-5": network(classes=5), "of-2": network()}
        found = quick(models, classes={"of-5": {"cat": 4, "dog": 0}})
        assert found.frame["recipe"].n_unique() == 2

    def test_the_predicted_class_needs_no_match(self, tmp_path):
        model = network(classes=5)
        found = quick({"m": model}, target="prediction", metrics="default", out=tmp_path / "r")
        images = DRAWN.load("test", 16)
        seen = campare.explain(model, images.images)
        told = [f"output {i}" for i in seen.target]
        rows = found.frame.filter((pl.col("metric") == "energy") & (pl.col("method") == "grad-cam"))
        assert rows["prediction"].to_list() == rows["target"].to_list() == told
        assert rows["label"].to_list() == [images.class_names[i] for i in images.labels]
        assert (found.frame["target"] == found.frame["prediction"]).all()  # of the nulls, too
        assert not {"correct", "focus"} & set(found.frame["metric"])
        page = (tmp_path / "r" / "report.html").read_text("utf-8")
        assert "of the predicted class were computed" in page
        text = page.partition('id="methods"')[0]
        assert "acc." not in text
        assert "<label hidden>Predictions" in text
        assert '<th scope="row">cat</th><td class="figure">6</td>' in text
        assert "for want of outputs matched with the classes of the data" in page


class TestData:
    def test_images_in_memory(self):
        images = DRAWN.load("test", 16)
        one, other = (quick({"m": network()}, data) for data in (images, DRAWN))
        assert one.frame.equals(other.frame)

    def test_a_folder_without_train_is_all_test(self, tmp_path):
        folder = write_folder(DRAWN, tmp_path / "drawn")
        for split in ("train", "masks/train", "parts/train"):
            for name in (folder / split).rglob("*.png"):
                name.unlink()
        for kind in ("", "masks/", "parts/"):
            (folder / f"{kind}test/cat").rename(folder / f"{kind}cat")
            (folder / f"{kind}test/dog").rename(folder / f"{kind}dog")
        for split in ("train/cat", "train/dog", "train", "test"):
            (folder / split).rmdir()
        found = quick({"m": network()}, folder)
        assert found.frame.filter(pl.col("metric") == "correct").height == 12
        assert "cat/0.png" in set(found.frame["image"]) or len(set(found.frame["image"])) == 12
        expected = quick({"m": network()}, DRAWN)
        np.testing.assert_array_equal(
            np.sort(by_image(found, "m", "energy")), np.sort(by_image(expected, "m", "energy"))
        )

    @pytest.mark.parametrize(("split", "n"), [("train", 4), ("test", 12), ("all", 16)])
    def test_a_split(self, split, n, tmp_path):
        found = quick({"m": network()}, split=split, out=tmp_path / "r")
        assert set(found.frame["split"]) == {split}
        assert found.frame.filter(pl.col("metric") == "correct").height == n
        page = (tmp_path / "r" / "report.html").read_text("utf-8")
        assert f"{n} images" in page
        assert '"values":[[0.' in page  # the gallery has the values of this split

    def test_images_of_one_class_judge_nobody(self):
        console = Console(file=io.StringIO(), width=200)
        images = DRAWN.load("test", 16)
        cats = images.subset(np.flatnonzero(images.labels == 0))
        found = quick({"m": network()}, cats, metrics="default", console=console)
        assert "GUESSING" not in console.file.getvalue()
        assert "for want of a class with 2 images beside 2 of others" in console.file.getvalue()
        assert found.frame.filter(pl.col("metric") == "energy").height == 6 * 4

    def test_models_that_are_oblong_or_gray_or_of_any_size(self):
        models = {
            "oblong": network((12, 20, 3)),
            "gray": network((16, 16, 1)),
            "free": network((None, None, 3)),
        }
        console = Console(file=io.StringIO(), width=200)
        found = quick(models, metrics="default", console=console)
        said = console.file.getvalue()
        assert "for want of models that all take square images: focus, grid-pointing-game" in said
        for name in models:
            assert np.isfinite(by_image(found, name, "energy")).sum() > 6
        assert "energy@matched" in set(found.frame["metric"])

    def test_pixels_in_the_range_that_a_model_takes(self):
        models = {"inside": network(rescale=1 / 255), "outside": network()}
        found = quick(models, pixels={"outside": "0..1"}, metrics=["energy", "deletion"])
        for metric in ("energy", "deletion"):
            one, other = (by_image(found, name, metric) for name in models)
            np.testing.assert_allclose(one, other, atol=1e-4)


class TestRun:
    def test_the_directory_is_that_of_a_study(self, scores):
        files = {
            str(path.relative_to(scores.path)) for path in scores.path.rglob("*") if path.is_file()
        }
        for name in ("small", "twin", "large"):
            assert {f"maps/{name}-0.npz", f"scores/{name}-0.parquet"} <= files
        assert {"run.json", "images.npz", "comparison.json", "report.html"} <= files
        assert not any(".part" in name for name in files)
        manifest = json.loads((scores.path / "run.json").read_text())
        assert manifest["kind"] == "audit"
        assert manifest["contrasts"] == [["twin", "small"], ["large", "small"]]
        sizes = {"small": [12, 12], "twin": [12, 12], "large": [20, 20]}
        methods = manifest["config"]["methods"]
        assert manifest["config"]["grids"] == {
            name: dict.fromkeys(methods, grid) for name, grid in sizes.items()
        }
        assert manifest["data"]["counts"] == {"test": {"cat": 6, "dog": 6}}
        assert campare.Run.open(scores.path).images().images.shape == (12, 24, 24, 3)

    def test_the_report_speaks_of_models(self, scores):
        page = (scores.path / "report.html").read_text("utf-8")
        text = re.sub(r"<(style|script)[^>]*>.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
        text = re.sub(r"\s+", " ", text)
        before = text.partition("Metrics Energy")[0]
        assert "Which model has the better Grad‑CAM maps?" in before
        assert "Each model is one training" in before
        assert "small may be guessing" in before
        assert not re.search(r"\b(arms?|recipes?|seeds?|did not learn|epochs?)\b", before)
        assert "untrained" not in before

    def test_one_model_alone(self, tmp_path):
        quick({"m": network()}, out=tmp_path / "r")
        page = (tmp_path / "r" / "report.html").read_text("utf-8")
        assert "How good are the Grad‑CAM maps of m?" in page
        assert 'id="effects"' not in page
        assert 'href="#effects"' not in page

    def test_metrics_of_ones_own_choice_are_in_the_report(self, tmp_path):
        from campare.experiments.summary import summary

        models = {"a": network(), "b": network(seed=1)}
        found = quick(models, metrics=["deletion", "flip-equivariance"], out=tmp_path / "r")
        page = (found.path / "report.html").read_text("utf-8")
        assert "Deletion" in page.partition('id="methods"')[0]
        out = io.StringIO()
        Console(file=out, width=200).print(summary(campare.Run.open(found.path)))
        head = next(line for line in out.getvalue().splitlines() if line.startswith("model "))
        assert head.split() == ["model", "accuracy", "flip-equivariance", "deletion"]
        said = " ".join(out.getvalue().split())
        assert (
            len(re.findall(r"\b[ab]( \([^)]*\))? may be guessing on these images: acc", said)) == 2
        )

    def test_a_run_remembers_what_is_said_of_ones_own_metrics(self, tmp_path):
        own = Metric(
            name="warmest", function=lambda maps: maps.max(axis=(1, 2)), resolution="map",
            title="Warmest cell", higher_is_better=True, low=0,
        )  # fmt: skip
        out = tmp_path / "r"
        quick({"a": network(), "b": network(seed=1)}, metrics=[own, "gini"], out=out)
        code = (
            "import sys, campare; from campare.metrics import find\n"
            "run = campare.Run.open(sys.argv[1]); metric = find('warmest')\n"
            "print(metric.title, metric.higher_is_better, metric.low)\n"
            "print('warmest' in campare.compare(run).effects['metric'].to_list())"
        )
        command = [sys.executable, "-c", code, str(out)]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        assert said.split("\n")[:2] == ["Warmest cell True 0", "True"]

    def test_a_stopped_audit_goes_on_with_its_next_model(self, file, tmp_path, monkeypatch):
        from campare.experiments import audit as module

        other = tmp_path / "other.keras"
        network(seed=3).save(other)
        models, out = {"a": file, "b": other}, tmp_path / "r"
        calls, evaluate = [], module.evaluate

        def stops_at_the_second(model, *rest):
            calls.append(model.name)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return evaluate(model, *rest)

        monkeypatch.setattr(module, "evaluate", stops_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            quick(models, out=out)
        again = quick(models, out=out)
        assert calls == ["a", "b", "b"]
        assert again.frame.equals(quick(models).frame)

    def test_a_model_that_fails_costs_itself_alone(self, file, tmp_path, monkeypatch):
        from campare.experiments import audit as module

        evaluate = module.evaluate

        def fails(model, *rest):
            if model.name in failing:
                raise ValueError("of no use")
            return evaluate(model, *rest)

        monkeypatch.setattr(module, "evaluate", fails)
        models, failing = {"a": file, "b": network(seed=3)}, {"a"}
        found = []
        for out in (None, tmp_path / "r"):
            with pytest.warns(UserWarning, match=r"^Failed: a(-0)?: ValueError: of no use"):
                found.append(quick(models, out=out))
            assert [cell.recipe for cell in found[-1].cells] == ["b"]
        assert found[0].frame.equals(found[1].frame)
        failing |= {"b"}
        with pytest.raises(CellsError, match=r"models that finish, got 2 .* Try: the traceback"):
            quick(models, out=tmp_path / "s")
        with pytest.raises(ValueError, match="of no use") as error:
            quick(models)
        assert error.traceback[-1].name == "fails"  # where it was raised

    def test_another_output_is_another_audit(self, tmp_path):
        keras.utils.set_random_seed(0)
        inputs = keras.Input((16, 16, 3))
        pooled = K.GlobalAveragePooling2D()(K.Conv2D(4, 3, name="last")(inputs))
        keras.Model(inputs, [K.Dense(2, name="kind")(pooled), K.Dense(2, name="age")(pooled)]).save(
            tmp_path / "two.keras"
        )
        models, out = {"m": tmp_path / "two.keras"}, tmp_path / "r"
        kind = quick(models, out=out, output="kind")
        assert quick(models, out=out, output="kind").frame.equals(kind.frame)
        with pytest.raises(RunError, match="output"):
            quick(models, out=out, output="age")

    def test_what_one_unit_is_read_as_is_said_and_recorded(self, tmp_path):
        models = {name: tmp_path / f"{name}.keras" for name in ("logit", "value", "squashed")}
        for name, path in models.items():
            network(classes=1, activation="sigmoid" if name == "squashed" else None).save(path)
        console, out = Console(file=io.StringIO(), width=200), tmp_path / "r"
        taken = quick(models, out=out, console=console)
        lines = [line for line in console.file.getvalue().splitlines() if "one unit" in line]
        assert [line.partition("'")[2].partition("'")[0] for line in lines] == ["logit", "value"]
        assert "Try: task='regression' (--task) where z is a value, or task='binary'" in lines[0]
        recipes = json.loads((out / "run.json").read_text())["recipes"]
        assert [one.get("task") for one in recipes] == ["binary", "binary", None]
        told = {"logit": "binary", "value": "binary"}
        console = Console(file=io.StringIO(), width=200)
        assert quick(models, out=out, task=told, console=console).frame.equals(taken.frame)
        assert "one unit" not in console.file.getvalue()

    def test_the_maps_of_a_value_show_what_raises_it(self):
        model, images = network(classes=1), DRAWN.load("test", 16)
        with pytest.raises(TargetError, match=r"'m' with one value\. Try: target="):
            quick({"m": model}, task="regression")
        found = quick({"m": model}, task="regression", target="prediction")
        maps = campare.explain(model, images.images, task="regression").maps
        nobody = np.zeros(len(images), np.int64)
        expected = measure_maps(
            maps, images, recipe="m", seed=0, split="test", method="grad-cam", layer="last",
            predictions=nobody, targets=nobody, metrics=["energy"],
        )  # fmt: skip
        np.testing.assert_array_equal(by_image(found, "m", "energy"), expected["value"].to_numpy())
        assert set(found.frame["target"]) == {"output 0"}

    def test_a_value_is_another_audit_than_a_class(self, tmp_path):
        network(classes=1).save(tmp_path / "one.keras")
        models, settings = {"m": tmp_path / "one.keras"}, {"out": tmp_path / "r"}
        quick(models, target="prediction", task="binary", **settings)
        with pytest.raises(RunError, match="as in the run in"):
            quick(models, target="prediction", task="regression", **settings)

    def test_a_model_in_memory_is_measured_again(self, tmp_path):
        out = tmp_path / "r"
        quick({"m": network()}, out=out)
        again = quick({"m": network(seed=5)}, out=out)
        assert again.frame.equals(quick({"m": network(seed=5)}).frame)

    def test_a_model_of_a_library_is_taken_over_while_its_weights_are_the_same(
        self, tmp_path, monkeypatch
    ):
        from campare.experiments import audit as module

        measured, evaluate = [], module.evaluate
        monkeypatch.setattr(
            module, "evaluate", lambda model, *rest: measured.append(1) or evaluate(model, *rest)
        )
        monkeypatch.setattr("campare.models.loaders.digest.version", lambda _: "1.0")
        monkeypatch.setattr(
            "campare.experiments.opened.load", lambda *_, **__: Loaded(network(), name="m")
        )
        weights, out = tmp_path / "w.pt", tmp_path / "r"
        weights.write_bytes(b"\x80\x021")  # as a pickle begins
        models = {"m": f"timm:resnet18?checkpoint={weights}"}
        first = quick(models, out=out)
        assert quick(models, out=out).frame.equals(first.frame)
        assert measured == [1]
        weights.write_bytes(b"\x80\x022")
        with pytest.raises(RunError, match=r"^Expected the weights of 'm-0' as in the run in"):
            quick(models, out=out)

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"metrics": ["energy", "lift"]}, "Expected metrics .* as in the run in"),
            ({"target": "prediction"}, "Expected .* as in the run in"),
            ({"seed": 1}, "Expected seed 0 as in the run in .*, got 1"),
            ({"split": "all"}, "another split"),
            ({"layer": "first"}, "another layer"),
            ({"data": ImageSet.drawn(train=4, test=12, size=16, seed=9)}, "other images"),
        ],
    )
    def test_other_settings_do_not_go_on(self, changes, text, file, tmp_path):
        out = tmp_path / "r"
        quick({"m": file}, out=out)
        before = {path: path.stat().st_mtime_ns for path in out.rglob("*")}
        with pytest.raises(RunError, match=text):
            quick({"m": file}, **{"out": out, **changes})
        assert {path: path.stat().st_mtime_ns for path in out.rglob("*")} == before

    def test_a_study_is_no_audit(self, tmp_path):
        Run.create(tmp_path, manifest())
        with pytest.raises(
            RunError, match=r"Expected a run of campare audit .* got one of campare st"
        ):
            quick({"m": network()}, out=tmp_path)


class TestMistakes:
    def test_what_is_left_out_is_said_once(self):
        console = Console(file=io.StringIO(), width=200)
        bare = replace(DRAWN.load("test", 16), regions={})
        found = quick({"m": network()}, bare, metrics="default", console=console)
        said = console.file.getvalue()
        assert said.count("Left out for want of masks of the object: energy, lift, pointing") == 1
        assert said.count("for want of masks of the cue") == 1
        assert {"gini", "focus", "correct"} <= set(found.frame["metric"])
        assert "energy" not in set(found.frame["metric"])

    @pytest.mark.parametrize(
        ("settings", "kind", "text"),
        [
            ({"metrics": ["enery"]}, CampareError, "Expected the name of a metric, got 'enery'"),
            ({"metrics": []}, CampareError, "Expected metrics, got none"),
            (
                {"metrics": ["cue-energy"]},
                CampareError,
                "Expected masks of the cue for 'cue-energy', got none. Try: cues/ beside",
            ),
            (
                {"metrics": ["seed-consistency"]},
                CampareError,
                "maps of several networks for 'seed-consistency', got none. "
                "Try: campare.metrics.robustness.stability.seed_consistency",
            ),
            ({"methods": ["cam"]}, CampareError, "Expected a CAM method, got 'cam'"),
            ({"methods": []}, CampareError, "Expected a CAM method"),
            ({"methods": "edge"}, CampareError, "got 'edge', a control that every run has"),
            ({"layer": "lost"}, LayerError, "got 'lost'"),
            ({"layer": {"x": "last"}}, CampareError, "names of models in layer=..., got 'x'"),
            ({"layer": ["first", "last"]}, LayerError, "Expected one layer for 'm', got 2"),
            ({"pixels": "0-255"}, DataError, "Expected a range of pixels, got '0-255'"),
            (
                {"pixels": lambda images: images[..., :2]},
                ModelError,
                "Expected pixels as 'm' takes them, got: Expected images of shape",
            ),
            ({"classes": {"cat": 0}}, TargetError, "got none for 'dog'"),
            ({"classes": {"cat": 0, "dog": 1, "cow": 1}}, TargetError, "got 'cow', which is none"),
            ({"classes": {"cat": 0, "dog": 2}}, TargetError, "from 0 to 1, got 2"),
            ({"classes": {"cat": 0, "dog": [0, 1]}}, TargetError, "got output 0 of 'm' for cat"),
            ({"classes": {"cat": 1, "dog": 1}}, TargetError, "got output 1 of 'm' for cat and dog"),
            ({"target": "dog"}, TargetError, "Expected target 'label', .*'box:CLASS', got 'dog'"),
            ({"split": "val"}, DataError, "Expected split test, train or all, got 'val'"),
            ({"data": "nowhere"}, DataError, "Expected a folder of images at nowhere"),
        ],
    )  # fmt: skip
    def test_settings(self, settings, kind, text, tmp_path):
        with pytest.raises(kind, match=text) as error:
            quick({"m": network()}, **{"out": tmp_path / "r", **settings})
        assert "\n" not in str(error.value)
        assert not (tmp_path / "r").exists()

    @pytest.mark.parametrize(
        ("models", "kind", "text"),
        [
            ({}, CampareError, "Expected at least one model, got none"),
            (["a.keras", "b/a.keras"], CampareError, "got 'a' twice"),
            ({"a/b": None}, CampareError, "of letters, digits and"),
            ("absent.keras", ModelError, "Expected a saved Keras model, got no file absent.keras"),
            ({"m": 3}, ModelError, "got int"),
        ],
    )
    def test_models(self, models, kind, text):
        with pytest.raises(kind, match=text):
            quick(models)

    def test_a_file_that_is_no_model(self, tmp_path):
        (tmp_path / "broken.keras").write_bytes(b"no model")
        with pytest.raises(ModelError, match=r"Expected a Keras 3 model in .*broken\.keras"):
            quick(tmp_path / "broken.keras")

    def test_another_number_of_classes(self):
        with pytest.raises(TargetError) as error:
            quick({"m": network(classes=5)})
        assert str(error.value) == (
            "Expected a model of the classes cat, dog, got 'm' with 5 outputs. "
            "Try: classes={'cat': INDEX, ...} (--classes), or target='prediction'"
        )

    def test_names_that_are_others(self):
        named = campare.wrap(network(), class_names=["tabby", "poodle"])
        with pytest.raises(TargetError, match=r"with 2 outputs \(tabby, poodle\)"):
            quick({"m": named})

    def test_a_model_of_any_size_and_data_of_none(self):
        data = replace(DRAWN, default_size=None)
        with pytest.raises(ModelError, match=r"Expected a size for 'm', .* Try: size=224"):
            quick({"m": network((None, None, 3))}, data)
        found = quick({"m": network((None, None, 3))}, data, size=20)
        assert found.frame.filter(pl.col("metric") == "energy").height == 48


@pytest.fixture(scope="module")
def brightness(tmp_path_factory):
    """Wide pictures, black but for a square that class a has, and a network whose map it is."""
    folder = tmp_path_factory.mktemp("wide") / "squares"
    for index, kind in enumerate("abab"):
        (folder / "test" / kind).mkdir(parents=True, exist_ok=True)
        picture = np.zeros((40, 80, 3), np.uint8)
        picture[10:18, 46:54] = 120 if kind == "a" else 40
        Image.fromarray(picture).save(folder / "test" / kind / f"{index}.png")
    net = keras.Sequential(
        [keras.Input((20, 20, 3)), K.Conv2D(1, 1), K.GlobalAveragePooling2D(), K.Dense(2)]
    )
    net.set_weights([np.ones((1, 1, 3, 1)), np.zeros(1), np.ones((1, 2)), np.zeros(2)])
    return folder, net


def test_maps_lie_where_they_belong_however_each_model_frames_the_photo(brightness, tmp_path):
    folder, net = brightness
    crop, pad = {"crop_pct": 0.8}, {"fit": "pad"}
    run = tmp_path / "run"
    pixels = {"cropped": crop, "padded": pad}
    quick(
        dict.fromkeys(("whole", "cropped", "padded"), net),
        folder,
        ("gini",),
        out=run,
        pixels=pixels,
    )
    opened = Run.open(run)
    photo = opened.images().images[0]
    y, x = np.nonzero(photo.sum(-1) > 180)
    assert (x.mean() + 0.5) / 20 == pytest.approx(50 / 80, abs=0.01)  # the whole photo is shown
    parts = opened.windows()
    assert parts.keys() == {"cropped", "padded"}
    assert parts["cropped"][0] == pytest.approx([0.1, 0.3, 0.9, 0.7], abs=0.03)
    assert parts["padded"][0] == pytest.approx([-0.5, 0, 1.5, 1], abs=0.02)
    page = (run / "report.html").read_text("utf-8")
    _, *tiles = re.findall(r'data:image/webp;base64,([^"]+)" alt', page)
    assert len(tiles) == 3
    for tile in tiles:  # the bright end of the colors lies on the square, in all three
        drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(tile))))
        hot = np.argwhere(drawn[..., 0] > 180)
        assert hot.mean(0) == pytest.approx([y.mean(), x.mean()], abs=1.5)


@pytest.mark.parametrize("number", [2, 0])
def test_a_sample_of_images_is_kept_with_its_maps(number, brightness, tmp_path):
    folder, net = brightness
    pixels, names = {"cropped": {"crop_pct": 0.8}}, ("whole", "cropped")
    ask = partial(quick, dict.fromkeys(names, net), folder, ("gini", "focus"), pixels=pixels)
    whole = Run.open((ask(out=tmp_path / "all", keep_maps="all")).path)
    some = Run.open((ask(out=tmp_path / "some", keep_maps=str(number))).path)
    assert some.scores().equals(whole.scores())
    which = kept(len(whole.images()), number)
    assert 0 <= len(which) == number < len(whole.images())
    expected = whole.images().subset(which)
    np.testing.assert_array_equal(some.images().images, expected.images)
    assert some.images().names == expected.names
    np.testing.assert_array_equal(some.windows()["cropped"], whole.windows()["cropped"][which])
    for name in names:
        maps = whole.maps(name, 0)["grad-cam"]
        np.testing.assert_array_equal(some.maps(name, 0)["grad-cam"], maps[which])
    assert some.mosaics() == {
        name: four for name, four in whole.mosaics().items() if name.startswith("focus")
    }
    assert compare(some).effects.equals(compare(whole).effects)
    assert check(some.path) == []
    page = (some.path / "report.html").read_text("utf-8")
    assert f"<span>{len(whole.images())} images</span>" in page
    assert ("of a sample, drawn at random" in page) == (number > 0)
    assert ('id="gallery-data"' in page) == (number > 0)


def test_a_run_that_goes_on_keeps_the_images_that_it_has(brightness, tmp_path):
    folder, net = brightness
    saved = tmp_path / "net.keras"
    net.save(saved)
    ask = partial(quick, {"a": saved}, folder, ("gini",), out=tmp_path / "run")
    ask(keep_maps=2)
    with pytest.raises(RunError, match=r"Expected maps of 2 images .* got --keep-maps all\. Try"):
        ask(keep_maps="all")
    (tmp_path / "run" / "maps" / "a-0.npz").unlink()
    ask()
    assert len(Run.open(tmp_path / "run").maps("a", 0)["grad-cam"]) == 2
    (tmp_path / "run" / "run.json").unlink()  # the record of a cell says it, too
    (tmp_path / "run" / "images.npz").unlink()
    ask()
    assert len(Run.open(tmp_path / "run").images()) == 2
    assert check(tmp_path / "run") == []


def test_photos_are_cropped_where_all_models_crop_alike(brightness, tmp_path):
    folder, net = brightness
    run = tmp_path / "run"
    quick({"a": net, "b": net}, folder, ("gini",), out=run, pixels={"crop_pct": 0.8})
    assert Run.open(run).windows() == {}
    with np.load(run / "images.npz") as arrays:
        assert set(arrays.files) == {"images", "labels", "names", "classes"}
    assert "windowed" not in (run / "report.html").read_text("utf-8")


def test_torch_needs_no_tensorflow():
    pytest.importorskip("torch")
    code = """
import sys
sys.modules["keras"] = sys.modules["tensorflow"] = None
import torch, campare
from campare.data import ImageSet
net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(),
    torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2))
print(campare.audit({"net": net}, ImageSet.drawn(train=4, test=4, size=16), out=sys.argv[1]))
"""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-c", code, f"{folder}/r"], capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Scores(")


def test_groups_go_from_the_folder_to_rows_manifest_terminal_and_report(tmp_path):
    """Names of drawn images end in a number: its tens are the patient here."""
    folder = write_folder(ImageSet.drawn(train=2, test=40, size=16), tmp_path / "data")
    pattern = r"_(\d+)\d\.png"
    images = ImageSet.from_folder(folder, group=pattern)
    console = Console(file=io.StringIO(), width=200)
    found = audit(
        network(), folder, group=pattern, metrics=["energy", "focus", "correct"],
        out=tmp_path / "r", console=console,
    )  # fmt: skip
    photos = found.frame.filter(~pl.col("image").str.starts_with("focus"))
    expected = pl.col("image").str.extract(r"_(\d+)\d\.png")
    assert photos["group"].to_list() == photos.select(expected).to_series().to_list()
    mosaics = found.frame.filter(pl.col("metric") == "focus")
    assert set(mosaics["group"]) == {f"focus block {b}" for b in range(len(set(mosaics["group"])))}
    run = Run.open(tmp_path / "r")
    number = photos["group"].n_unique()
    assert run.manifest.data.groups == {"test": number}
    assert run.images().groups == tuple(sample.group for sample in images.of("test"))
    words = f"{number} groups of 10 images"
    assert f"Units of independence: {words}" in console.file.getvalue()
    assert words in "".join(run.manifest.data.inventory)
    assert words in (tmp_path / "r/report.html").read_text("utf-8")
    assert comparison_of(run).notes == (f"Units of independence: {words}.",)
    assert {0, number} >= set(
        comparison_of(run).summary.filter(pl.col("metric") == "energy")["groups"]
    )


@pytest.fixture(scope="module")
def replicates(tmp_path_factory):
    """Files of two arms, one with a replicate less."""
    path = tmp_path_factory.mktemp("replicates")
    for arm, seeds in (("plain", 3), ("other", 2)):
        for seed in range(seeds):
            network(seed=10 * seeds + seed, rescale=1 / 255).save(path / f"{arm}-{seed}.keras")
    return path


@pytest.fixture(scope="module")
def replicated(replicates):
    arms = {"plain": f"{replicates}/plain-*.keras", "other": f"{replicates}/other-*.keras"}
    audit(arms, DRAWN, metrics=["energy", "entropy", "correct"], out=replicates / "r")
    return Run.open(replicates / "r")


class TestReplicates:
    """Several models of a way of training: what a study says of its arms."""

    def test_each_file_is_a_replicate(self, replicated, replicates):
        assert set(replicated.manifest.cells) == {
            "plain-0",
            "plain-1",
            "plain-2",
            "other-0",
            "other-1",
        }
        rows = (
            replicated.scores()
            .group_by("recipe")
            .agg(pl.col("seed").unique().sort())
            .sort("recipe")
        )
        assert rows["seed"].to_list() == [[0, 1], [0, 1, 2]]
        (plain, other) = replicated.manifest.recipe_fields
        assert plain["replicates"], other["replicates"] == (3, 2)
        assert plain["files"] == [f"{replicates}/plain-{seed}.keras" for seed in range(3)]

    def test_rows_are_those_of_each_model_alone(self, replicated, replicates):
        alone = quick({"plain": replicates / "plain-2.keras"}).frame
        own = replicated.scores().filter(
            (pl.col("recipe") == "plain") & (pl.col("seed") == 2) & (pl.col("metric") == "energy")
        )
        energy = alone.filter(pl.col("metric") == "energy")
        assert own["value"].to_list() == energy["value"].to_list()

    def test_intervals_are_over_replicates_and_images(self, replicated):
        comparison = comparison_of(replicated)
        row = comparison.effects.filter(pl.col("metric") == "energy").row(0, named=True)
        assert (row["contrast"], row["seeds"]) == ("other - plain", 2)
        assert all(answer.kind != "limit" or answer.seeds == 2 for answer in comparison.answers)
        page = (replicated.path / "report.html").read_text("utf-8")
        assert "2 arms, 5 models" in page
        assert "cells are not finished" not in page
        assert "Does the training recipe change" in page

    def test_one_model_each_says_what_it_cannot_say(self, replicates):
        models = {"plain": replicates / "plain-0.keras", "other": replicates / "other-0.keras"}
        found = quick(models).compare()
        (limit,) = [answer for answer in found.answers if answer.kind == "limit"]
        assert "speaks of these models, not of the ways" in limit.text

    def test_more_replicates_go_on_where_the_audit_stopped(self, replicates, monkeypatch):
        out = replicates / "grown"
        arms = {"plain": [replicates / "plain-0.keras"], "other": [replicates / "other-0.keras"]}
        quick(arms, metrics=["energy"], out=out)
        arms["plain"].append(replicates / "plain-1.keras")
        evaluated = []
        real = campare.experiments.audit.evaluate
        monkeypatch.setattr(
            campare.experiments.audit,
            "evaluate",
            lambda *args, **more: evaluated.append(args[3].name) or real(*args, **more),
        )
        quick(arms, metrics=["energy"], out=out)
        assert evaluated == ["plain-1"]
        assert set(Run.open(out).manifest.cells) == {"plain-0", "plain-1", "other-0"}

    def test_another_file_in_the_name_of_a_measured_one_is_refused(self, replicates):
        out = replicates / "swapped"
        quick({"plain": [replicates / "plain-0.keras", replicates / "plain-1.keras"]}, out=out)
        with pytest.raises(RunError, match=r"weights of 'plain-1'"):
            quick({"plain": [replicates / "plain-0.keras", replicates / "plain-2.keras"]}, out=out)

    def test_factors_of_arms_are_judged_as_those_of_recipes(self, replicates):
        path = replicates / "arms.yaml"
        path.write_text(
            "plain: {files: plain-*.keras, factors: {pre-training: false, optimizer: sgd}}\n"
            "other: {files: other-*.keras, factors: {pre-training: false, optimizer: adam}}\n"
            "third: {files: plain-0.keras, factors: {pre-training: true, optimizer: sgd}}\n"
        )
        found = quick(path, metrics=["energy"]).compare()
        assert set(found.factors["contrast"]) == {"pre-training", "optimizer"}
        pair = found.design.filter(pl.col("contrast") == "other - plain").row(0, named=True)
        assert (pair["factor"], pair["together"]) == ("optimizer", [])

    def test_models_in_memory(self):
        found = quick({"a": [network(seed=0), network(seed=1)], "b": network(seed=2)})
        cells = found.frame.select("recipe", "seed").unique().sort("recipe", "seed")
        assert cells.rows() == [("a", 0), ("a", 1), ("b", 0)]


def one_picture(images):
    """A set of so many images that are all the same picture."""
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    picture = Picture(pixels, {"object": np.arange(256).reshape(16, 16) < 100})
    samples = [Sample(f"test/{'ab'[i % 2]}/{i:06}.png", i % 2, "test") for i in range(images)]
    return ImageSet("one", ("a", "b"), tuple(samples), lambda _: picture, "0", regions=("object",))


def test_memory_of_an_audit_hardly_grows_with_the_number_of_images(monkeypatch, tmp_path):
    """From images to report: what Python and NumPy hold at most."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(stored, "LIMIT", 0)
    monkeypatch.setattr(measuring, "_SLICE", 2**14)
    monkeypatch.setattr(spool, "LIMIT", 2**10)
    net, most = network(), {}
    for images in (200, 300, 2500):  # the first loads what is needed
        tracemalloc.start()
        audit({"a": net}, one_picture(images), metrics=["energy", "focus", "correct"],
              keep_maps=100, out=tmp_path / str(images))  # fmt: skip
        most[images] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # bytes an image: 156 to 304, by when garbage is collected; with a matrix of all images 1,466
    assert (most[2500] - most[300]) / 2200 < 700
