"""Mistakes in an audit: errors that say what helps, and nothing is written."""

import io
from dataclasses import replace

import polars as pl
import pytest
from audited import DRAWN, network, quick
from rich.console import Console

import campare
from campare.errors import CampareError, DataError, LayerError, ModelError, TargetError


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
