"""The run directory of an audit: what it holds, and how the audit goes on in it."""

import io
import json
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
from audited import DRAWN, K, by_image, network, quick
from rich.console import Console

import campare
from campare import audit
from campare.data import ImageSet
from campare.errors import RunError, TargetError
from campare.metrics import Metric
from campare.metrics.evaluate import measure_maps
from campare.models.loaders import Loaded
from campare.runs.failures import CellsError
from campare.runs.run import Run
from manifests import manifest


@pytest.fixture(scope="module")
def scores(file, large, tmp_path_factory):
    """The same file twice, and a model of larger images."""
    models = {"small": file, "twin": str(file), "large": large}
    out = tmp_path_factory.mktemp("run") / "r"
    return audit(models, DRAWN, metrics=["energy", "focus"], out=out)


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
