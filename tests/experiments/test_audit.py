"""An audit: rows complete, paired and equal to measuring by hand."""

import gc
import io
import subprocess
import sys
import tracemalloc

import keras
import numpy as np
import polars as pl
import pytest
from audited import ASKED, DRAWN, NAMES, NULLS, by_image, network, quick
from rich.console import Console

import campare
from campare import audit
from campare.attribution.baselines import BASELINES
from campare.data import ImageSet, stored
from campare.data.decode import Picture
from campare.data.folder import write_folder
from campare.data.samples import Sample
from campare.errors import CampareError
from campare.experiments import spool
from campare.metrics import evaluate as measuring
from campare.metrics.evaluate import measure_maps
from campare.metrics.faithfulness import deletion
from campare.metrics.robustness.stability import equivariance
from campare.metrics.robustness.transforms import flip
from campare.metrics.shortcut import background, region_drop
from campare.runs.run import Run
from campare.stats.stored import comparison_of
from campare.types import SCORE_COLUMNS


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

    def test_mosaics_that_are_named_say_which_target_they_need(self):
        advice = r"for 'focus', got none\. Try: other metrics, or target='label' \(--target label\)"
        with pytest.raises(CampareError, match=advice):
            quick({"m": network()}, target="prediction", metrics=["energy", "focus"])


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


@pytest.fixture
def collecting_often():
    """Garbage is collected at once, so that none is counted; what there is already is none."""
    limits = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(2000, 1, 1)
    yield
    gc.set_threshold(*limits)
    gc.unfreeze()


def one_picture(images):
    """A set of so many images that are all the same picture."""
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    picture = Picture(pixels, {"object": np.arange(256).reshape(16, 16) < 100})
    samples = [Sample(f"test/{'ab'[i % 2]}/{i:06}.png", i % 2, "test") for i in range(images)]
    return ImageSet("one", ("a", "b"), tuple(samples), lambda _: picture, "0", regions=("object",))


@pytest.mark.slow
@pytest.mark.usefixtures("collecting_often")
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
    assert (most[2500] - most[300]) / 2200 < 300  # bytes an image
