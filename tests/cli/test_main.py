"""The command line: what it passes on, what it prints, and how it fails."""

import inspect
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from campare import __version__
from campare.__main__ import main
from campare.cli import listing
from campare.data import ImageSet
from campare.errors import RunError
from campare.runs.run import Run
from campare.types import SCORE_COLUMNS
from manifests import manifest

pytestmark = pytest.mark.usefixtures("_own_environment")


@pytest.fixture
def _own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """main() changes how TensorFlow starts unless a level is set. Files go to tmp_path."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    monkeypatch.chdir(tmp_path)


def call(line: str) -> int:
    """The exit status of a command line as it is typed."""
    return main(line.split())


Failing = Callable[..., str]


@pytest.fixture
def failing(capsys: pytest.CaptureFixture[str]) -> Failing:
    """Run a command that must fail as a user's mistake does; its one line."""

    def run(*words: str | Path) -> str:
        assert main([str(word) for word in words]) == 2
        said = capsys.readouterr()
        assert said.err.startswith("campare: error: ")
        assert said.err.count("\n") == 1
        assert said.err.endswith("\n")
        return said.err.removeprefix("campare: error: ").rstrip("\n")

    return run


@pytest.fixture
def studied(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of study(), which does nothing here."""
    calls: list[Any] = []

    def record(data: Any, **settings: Any) -> Any:
        calls.append((data, settings))
        return SimpleNamespace(path=Path("runs/x"))

    monkeypatch.setattr("campare.experiments.study.study", record)
    monkeypatch.setattr(
        "campare.experiments.summary.summary", lambda run: f"the summary of {run.path}"
    )
    return calls


class TestStart:
    def test_version(self, capsys: pytest.CaptureFixture[str]):
        assert main(["--version"]) == 0
        assert capsys.readouterr().out == f"campare {__version__}\n"

    @pytest.mark.parametrize("words", [[], ["--help"]])
    def test_help_lists_the_verbs(self, words: list[str], capsys: pytest.CaptureFixture[str]):
        assert main(words) == 0
        text = capsys.readouterr().out
        assert all(
            f" {v} " in text for v in ("study", "audit", "explain", "report", "compare", "data")
        )

    def test_as_a_module(self):
        command = [sys.executable, "-m", "campare", "--version"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == f"campare {__version__}\n"


class TestErrors:
    @pytest.mark.parametrize(
        ("words", "line"),
        [
            (["studdy"], "No such command 'studdy'. Did you mean 'study'? Try: campare --help"),
            (["study"], "Missing argument 'DATA'. Try: campare study --help"),
            (["data"], "Missing command. Try: campare data --help"),
            (["study", "x", "--nope"], "No such option: --nope. Try: campare study --help"),
        ],
    )
    def test_usage(self, words: list[str], line: str, failing: Failing):
        assert failing(*words) == line

    def test_a_number_out_of_range(self, failing: Failing):
        assert "'--seeds'" in failing("study", "drawn", "--seeds", "0")

    @pytest.mark.parametrize("verb", ["report", "compare"])
    def test_no_such_run(self, verb: str, failing: Failing):
        line = failing(verb, "nowhere")
        assert line.startswith("Expected a run directory with run.json, got nowhere.")

    def test_no_such_folder(self, failing: Failing, tmp_path: Path):
        line = failing("study", "nowhere", "--out", "runs/x")
        assert line.startswith("Expected ")
        assert "nowhere" in line
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("option", ["--debug", "--verbose"])
    def test_debug_keeps_the_traceback(self, option: str):
        with pytest.raises(RunError):
            main([option, "compare", "nowhere"])

    def test_a_bug_keeps_its_traceback(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("campare.runs.run.Run.open", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main(["compare", "somewhere"])

    def test_in_a_process_of_its_own(self):
        command = [sys.executable, "-m", "campare", "compare", "nowhere"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("campare: error: Expected a run directory")
        assert done.stderr.count("\n") == 1

    def test_stopped_from_the_keyboard(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        def stop(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("campare.experiments.study.study", stop)
        assert main(["study", "drawn"]) == 130
        line = capsys.readouterr().err
        assert line.count("\n") == 1
        assert "goes on with its next cell when you give the command again" in line


class TestStudy:
    def test_defaults(self, studied: list[Any], capsys: pytest.CaptureFixture[str]):
        assert main(["study", "photos"]) == 0
        ((data, settings),) = studied
        assert data == "photos"
        assert settings.pop("console") is not None
        assert settings == {
            "recipes": "article",
            "only": None,
            "seeds": 5,
            "backbone": None,
            "weights": None,
            "backbone_options": {},
            "size": None,
            "epochs": None,
            "train_sizes": None,
            "augment_strengths": None,
            "metrics": ("default",),
            "methods": ("grad-cam",),
            "out": Path("runs/photos-article"),
            "engine": "local",
        }
        printed = capsys.readouterr().out.splitlines()
        assert printed == [
            "the summary of runs/x",
            "Every effect: campare compare runs/x",
            "Report: runs/x/report.html",
        ]

    def test_every_option_arrives(self, studied: list[Any]):
        words = (
            "study photos --recipes mine.yaml --only A,B --seeds 2 --backbone mobilenet --weights "
            "w.h5 --backbone-option alpha=0.75 --backbone-option depth_multiplier=1 --size 64 "
            "--epochs 3 --method grad-cam,layer-cam --out there --engine ray "
            "--train-sizes 50,100 --augment-strengths 0,0.5"
        )
        assert call(words) == 0
        ((_, settings),) = studied
        del settings["console"]
        assert settings == {
            "recipes": "mine.yaml",
            "only": ("A", "B"),
            "seeds": 2,
            "backbone": "mobilenet",
            "weights": "w.h5",
            "backbone_options": {"alpha": 0.75, "depth_multiplier": 1},
            "size": 64,
            "epochs": 3,
            "train_sizes": (50, 100),
            "augment_strengths": (0, 0.5),
            "metrics": ("default",),
            "methods": ("grad-cam", "layer-cam"),
            "out": Path("there"),
            "engine": "ray",
        }

    def test_study_takes_what_the_command_line_passes(self, request: pytest.FixtureRequest):
        from campare.experiments.study import study

        signature = inspect.signature(study)
        calls = request.getfixturevalue("studied")
        main(["study", "photos"])
        ((data, settings),) = calls
        assert set(signature.bind(data, **settings).arguments) == set(signature.parameters)

    def test_the_drawn_set(self, studied: list[Any]):
        call("study drawn --train 8 --test 6 --size 32 --classes cat,dog --shortcut 0.9")
        ((data, settings),) = studied
        assert isinstance(data, ImageSet)
        assert (len(data.of("train")), len(data.of("test"))) == (8, 6)
        assert data.default_size == settings["size"] == 32
        assert "cue" in data.regions

    def test_options_of_the_drawn_set_with_a_folder(self, failing: Failing):
        assert failing("study", "photos", "--shortcut", "0.9") == (
            "Expected --shortcut with the drawn set only, got the folder 'photos'. "
            "Try: campare study drawn"
        )

    def test_doses_that_are_no_numbers(self, failing: Failing):
        assert failing("study", "photos", "--train-sizes", "50,many") == (
            "Expected --train-sizes as numbers with commas between, got '50,many'. "
            "Try 50,100,200,400"
        )
        assert failing("study", "photos", "--augment-strengths", "1,,2") == (
            "Expected --augment-strengths as numbers with commas between, got '1,,2'. Try 0,0.5,1,2"
        )

    def test_doses_that_cannot_be(self, failing: Failing):
        assert failing("study", "drawn", "--train", "8", "--test", "8", "--train-sizes", "4,9") == (
            "Expected sizes of the training set from 4, two images of each class, to 8, all of "
            "them, got 9. Try 4,8"
        )
        assert failing("study", "drawn", "--train-sizes", "50.5") == (
            "Expected sizes of the training set as whole numbers of images, got 50.5. "
            "Try 50,100,200,400"
        )

    def test_help_says_what_doses_do(self, capsys: pytest.CaptureFixture[str]):
        assert main(["study", "--help"]) == 0
        words = " ".join(capsys.readouterr().out.replace("│", " ").split())
        assert "--train-sizes" in words
        assert "--augment-strengths" in words
        assert "The test images stay." in words

    @pytest.mark.parametrize("pair", ["alpha", "=1", "a b=1", "alpha=[1"])
    def test_a_broken_backbone_option(self, pair: str, failing: Failing):
        assert failing("study", "photos", "--backbone-option", pair) == (
            f"Expected --backbone-option NAME=VALUE, got {pair!r}. Try alpha=0.75"
        )


@pytest.mark.usefixtures("runs")
class TestCompare:
    @pytest.fixture
    def runs(self, tmp_path: Path) -> None:
        """Two runs of A and B whose models were never trained."""
        rng = np.random.default_rng(0)
        for name, shift in (("x", 0.0), ("y", 0.2)):
            folder = tmp_path / name
            (folder / "scores").mkdir(parents=True)
            cells = {}
            for recipe, gain in (("A", 0.0), ("B", 0.1)):
                for seed in range(3):
                    rows = [
                        (recipe, seed, "test", f"{i}", "a", "a", "a", "grad-cam", "top", "energy",
                         float(v), "ok")
                        for i, v in enumerate(shift + gain + rng.normal(0, 0.02, 30))
                    ]  # fmt: skip
                    table = pl.DataFrame(rows, schema=SCORE_COLUMNS, orient="row")
                    table.write_parquet(folder / "scores" / f"{recipe}-{seed}.parquet")
                    cells[f"{recipe}-{seed}"] = {"recipe": recipe, "seed": seed, "layer": "top"}
            recipes = [{"name": "A", "weights": "random"}, {"name": "B", "weights": "imagenet"}]
            facts = {"recipes": recipes, "cells": cells, "contrasts": [["B", "A"]]}
            Run.create(folder, manifest(**facts))

    def test_one_run(self, capsys: pytest.CaptureFixture[str]):
        assert main(["compare", "x"]) == 0
        out = capsys.readouterr().out
        assert "2 object" in out
        assert "supported" in out
        assert "B - A   grad-cam   images: 30, seeds: 3" in out

    def test_two_runs(self, capsys: pytest.CaptureFixture[str]):
        assert main(["compare", "x", "y"]) == 0
        out = capsys.readouterr().out
        assert "Recipes A, B: y minus x, on 30 test images" in out
        assert "A [y] - A [x]   grad-cam" in out

    def test_own_claims(self, capsys: pytest.CaptureFixture[str]):
        Path("mine.yaml").write_text(
            "- {name: mine, contrast: A - B, direction: higher, measure: energy, smallest: 0.01, "
            "reason: r}"
        )
        assert call("compare x --claims mine.yaml") == 0
        assert "contradicted" in capsys.readouterr().out

    def test_mistakes(self, failing: Failing):
        assert failing("compare", "x", "x").startswith("Expected two different runs, got x twice.")
        assert failing("compare", "x", "y", "--claims", "c.yaml").startswith(
            "Expected --claims with one run, got two runs."
        )
        assert "no readable file 'c.yaml'" in failing("compare", "x", "--claims", "c.yaml")
        assert failing("power", "nowhere").startswith("Expected a run directory with run.json")
        assert "above 0, got -1.0" in failing("power", "x", "--smallest", "-1")

    def test_power(self, capsys: pytest.CaptureFixture[str]):
        assert call("power x --smallest 0.01 --power 0.9") == 0
        out = capsys.readouterr().out
        assert "B - A   grad-cam   images: 30, seeds: 3" in out
        assert "found with 90%" in out
        assert "images needed" in out


class TestData:
    def test_draw_writes_an_ordinary_folder(self, capsys: pytest.CaptureFixture[str]):
        assert call("data draw toys --train 6 --test 4 --size 24 --seed 3") == 0
        assert capsys.readouterr().out == "toys: 6 train images, 4 test images\n"
        again = ImageSet.from_folder("toys")
        assert again.counts() == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 2}}
        same = ImageSet.drawn(train=6, test=4, size=24, seed=3)
        np.testing.assert_array_equal(
            again.load("test", 24).images.sum(axis=(1, 2, 3)).sum(),
            same.load("test", 24).images.sum(axis=(1, 2, 3)).sum(),
        )

    def test_plant_adds_a_cue_with_its_mask(self):
        call("data draw toys --train 6 --test 4 --size 32")
        assert call("data plant toys marked --p 1 --seed 1") == 0
        marked = ImageSet.from_folder("marked")
        assert "cue" in marked.regions
        before, after = ImageSet.from_folder("toys").load("train", 32), marked.load("train", 32)
        changed = (before.images != after.images).any(axis=-1)
        assert changed.any(axis=(1, 2)).all()
        assert not (changed & ~after.regions["cue"]).any()


class TestList:
    @pytest.mark.parametrize(
        ("what", "words"),
        [
            ("recipes", ("article", "factorial", "scratch+aug")),
            ("methods", ("grad-cam", "layer-cam", "Selvaraju et al. 2017")),
            ("metrics", ("energy", "grid-pointing-game", "mask: object")),
        ],
    )
    def test_tables(self, what: str, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]):
        assert main(["list", what]) == 0
        out = capsys.readouterr().out
        assert all(word in out for word in words)

    @pytest.mark.parametrize(("verdict", "status"), [("kept", 0), ("broken", 1)])
    def test_metrics_are_verified(
        self,
        verdict: str,
        status: int,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ):
        rows = [{"metric": "energy", "verdict": verdict, "promised": "a > b", "perfect": "0.98"}]
        monkeypatch.setattr("campare.metrics.selftest.verify.verify", lambda: rows)
        assert call("list metrics --verify") == status
        said = capsys.readouterr().out
        assert said.splitlines()[1].split() == ["energy", verdict, "a", ">", "b", "0.98"]
        assert ("Broken promises: energy" in said) == bool(status)

    def test_names_stay_whole_in_a_pipe(self, capsys: pytest.CaptureFixture[str]):
        rows = listing.table("name", "text")
        rows.add_row("a-long-name-" * 5, "x" * 300)
        listing.terminal().print(rows)
        assert "a-long-name-" * 5 in capsys.readouterr().out


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three saved networks: one of 16 x 16 images, one of any size, one without a grid."""
    keras = pytest.importorskip("keras")
    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(0)
    for name, side in (("fixed", 16), ("free", None)):
        network = keras.Sequential(
            [
                keras.Input((side, side, 3)),
                keras.layers.Conv2D(4, 3, activation="relu", name="first"),
                keras.layers.Conv2D(4, 3, activation="relu", name="last"),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(2, activation="softmax"),
            ]
        )
        network.save(folder / f"{name}.keras")
    flat = [keras.Input((16, 16, 3)), keras.layers.Flatten(), keras.layers.Dense(2)]
    keras.Sequential(flat).save(folder / "flat.keras")
    (folder / "fixed.json").write_text('{"classes": ["cat", "dog"]}')
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Two pictures of different sizes and modes, and a broken one."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / "one.png", tmp_path / "two.jpg", tmp_path / "broken.jpg"]
    Image.fromarray(rng.integers(0, 255, (20, 30), np.uint8)).save(paths[0])
    Image.fromarray(rng.integers(0, 255, (40, 24, 3), np.uint8)).save(paths[1])
    paths[2].write_bytes(paths[1].read_bytes()[:100])
    return paths


class TestExplain:
    def test_overlays_and_raw_maps(
        self, models: Path, photos: list[Path], capsys: pytest.CaptureFixture[str]
    ):
        words = ["explain", models / "fixed.keras", *photos[:2], "--out", "maps"]
        assert main([str(word) for word in words]) == 0
        names = sorted(path.name for path in Path("maps").iterdir())
        assert names == [
            "one-grad-cam.npy",
            "one-grad-cam.png",
            "two-grad-cam.npy",
            "two-grad-cam.png",
        ]
        assert np.load("maps/one-grad-cam.npy").shape == (12, 12)
        with Image.open("maps/one-grad-cam.png") as overlay:
            assert overlay.size == (16, 16)
        out = capsys.readouterr().out
        assert "grad-cam at layer last" in out
        assert "cat" in out or "dog" in out  # names from the record beside the model

    def test_a_layer_a_target_and_a_method(self, models: Path, photos: list[Path]):
        words = f"--out maps --layer first --target dog --method layer-cam {photos[0]}"
        assert main(["explain", str(models / "fixed.keras"), *words.split()]) == 0
        assert np.load("maps/one-layer-cam.npy").shape == (14, 14)

    def test_one_class_against_another_at_fused_layers(self, models: Path, photos: list[Path]):
        words = f"--out maps --layer first,last --target dog --against cat {photos[0]}"
        assert main(["explain", str(models / "fixed.keras"), *words.split()]) == 0
        assert np.load("maps/one-grad-cam.npy").shape == (14, 14)

    def test_a_model_of_oblong_images(self, tmp_path: Path, photos: list[Path]):
        keras = pytest.importorskip("keras")
        network = keras.Sequential(
            [
                keras.Input((12, 20, 3)),
                keras.layers.Conv2D(2, 3),
                keras.layers.GlobalMaxPooling2D(),
                keras.layers.Dense(2),
            ]
        )
        network.save(tmp_path / "oblong.keras")
        words = ["explain", str(tmp_path / "oblong.keras"), str(photos[1]), "--out", "maps"]
        assert main(words) == 0
        assert np.load("maps/two-grad-cam.npy").shape == (10, 18)

    def test_a_model_of_any_size_wants_a_size(
        self, models: Path, photos: list[Path], failing: Failing
    ):
        words = ["explain", models / "free.keras", photos[0], "--out", "maps"]
        assert failing(*words).startswith("Expected --size for a model that takes images of any")
        assert main([str(word) for word in [*words, "--size", "32"]]) == 0
        assert np.load("maps/one-grad-cam.npy").shape == (28, 28)

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ("fixed.keras broken.jpg", "Expected an image file, got 'broken.jpg', which cannot be"),
            ("fixed.keras absent.jpg", "Expected an image file, got 'absent.jpg', which cannot be"),
            ("absent.keras one.png", "Expected a saved Keras model, got no file"),
            ("flat.keras one.png", "Expected "),
            ("fixed.keras one.png --target 2", "Expected "),
            ("fixed.keras one.png --target horse", "Expected a class of 'fixed', got 'horse'."),
            ("fixed.keras one.png --layer nope", "Expected "),
            ("fixed.keras one.png --against cat", "Expected --target with --against cat, got none"),
            ("fixed.keras one.png --method nope", "Expected a CAM method, got 'nope'."),
        ],
    )
    @pytest.mark.usefixtures("photos")
    def test_mistakes_write_nothing(
        self, options: str, expected: str, models: Path, failing: Failing
    ):
        model, *rest = options.split()
        assert failing("explain", models / model, *rest, "--out", "maps").startswith(expected)
        assert not Path("maps").exists()

    def test_tensorflow_says_nothing(self, models: Path, photos: list[Path]):
        words = ["explain", models / "fixed.keras", photos[0], "--target", "2", "--out", "maps"]
        quiet = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
        command = [sys.executable, "-m", "campare", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
        assert done.returncode == 2
        assert done.stderr.startswith("campare: error: Expected ")
        assert done.stderr.count("\n") == 1

    def test_layers_are_listed_in_order(self, models: Path, capsys: pytest.CaptureFixture[str]):
        assert main(["list", "layers", str(models / "fixed.keras")]) == 0
        rows = [line.split() for line in capsys.readouterr().out.splitlines()[1:]]
        assert [row[0] for row in rows] == ["first", "last"]
        assert [row[-1] for row in rows] == ["4", "default"]


@pytest.fixture
def audited(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Calls of audit(), which does nothing here."""
    calls: list[Any] = []
    monkeypatch.setattr(
        "campare.experiments.audit.audit",
        lambda *given, **settings: calls.append((given, settings)),
    )
    monkeypatch.setattr("campare.runs.run.Run.open", lambda path: path)
    monkeypatch.setattr("campare.experiments.summary.summary", lambda run: f"the summary of {run}")
    return calls


class TestAudit:
    def test_defaults(self, audited: list[Any], capsys: pytest.CaptureFixture[str]):
        assert call("audit here/a.keras b.keras --data photos") == 0
        ((given, settings),) = audited
        assert given == ({"a": "here/a.keras", "b": "b.keras"}, "photos")
        assert settings.pop("console") is not None
        assert settings == {
            "metrics": ("default",),
            "methods": ("grad-cam",),
            "layer": None,
            "size": None,
            "pixels": "0..255",
            "classes": None,
            "target": "label",
            "split": None,
            "out": Path("runs/photos-audit"),
            "seed": 0,
            "batch_size": 32,
            "engine": "local",
        }
        assert capsys.readouterr().out.splitlines() == [
            "the summary of runs/photos-audit",
            "Every effect: campare compare runs/photos-audit",
            "Report: runs/photos-audit/report.html",
        ]

    def test_every_option_arrives(self, audited: list[Any]):
        words = (
            "audit one=a.keras two=old/a.keras --data photos --metrics energy,deletion --methods "
            "grad-cam,layer-cam --layer one=top,two=conv/last --size 96 --pixels one=-1..1 "
            "--classes cat=3,dog=0 --target prediction --split all --out there --seed 4 "
            "--batch-size 8 --engine ray"
        )
        assert call(words) == 0
        ((given, settings),) = audited
        assert given[0] == {"one": "a.keras", "two": "old/a.keras"}
        del settings["console"]
        assert settings == {
            "metrics": ("energy", "deletion"),
            "methods": ("grad-cam", "layer-cam"),
            "layer": {"one": "top", "two": "conv/last"},
            "size": 96,
            "pixels": {"one": "-1..1"},
            "classes": {"cat": "3", "dog": "0"},
            "target": "prediction",
            "split": "all",
            "out": Path("there"),
            "seed": 4,
            "batch_size": 8,
            "engine": "ray",
        }

    def test_audit_takes_what_the_command_line_passes(self, request: pytest.FixtureRequest):
        from campare.experiments.audit import audit

        signature = inspect.signature(audit)
        calls = request.getfixturevalue("audited")
        call("audit a.keras --data photos")
        ((given, settings),) = calls
        assert set(signature.bind(*given, **settings).arguments) == set(signature.parameters)

    def test_classes_in_a_file(self, audited: list[Any], tmp_path: Path):
        (tmp_path / "classes.yaml").write_text("m: {cat: 3, dog: tabby}")
        call("audit m.keras --data photos --classes classes.yaml")
        assert audited[0][1]["classes"] == {"m": {"cat": 3, "dog": "tabby"}}

    def test_end_to_end(self, models: Path, capsys: pytest.CaptureFixture[str]):
        words = ["audit", models / "fixed.keras", f"again={models / 'fixed.keras'}"]
        assert call("data draw toys --train 4 --test 4 --size 16") == 0
        assert main([*map(str, words), "--data", "toys", "--metrics", "energy"]) == 0
        said = capsys.readouterr().out
        assert "fixed: model 1 of 2" in said
        assert "Each model is one training: a difference speaks of these models" in " ".join(
            said.split()
        )
        assert Path("runs/toys-audit/report.html").is_file()
        assert call("report runs/toys-audit") == 0
        assert call("report runs/toys-audit --format md --out toys.md") == 0
        assert Path("toys.md").read_text("utf-8").startswith("# ")
        assert call("compare runs/toys-audit") == 0
        assert "again - fixed" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ("absent.keras", "Expected a saved Keras model, got no file absent.keras."),
            ("broken.keras", "Expected a Keras 3 model in broken.keras, got"),
            ("FREE --metrics enery", "Expected the name of a metric, got 'enery'."),
            ("FREE --metrics cue-energy", "Expected masks of the cue for 'cue-energy', got none."),
            ("FREE --methods cam", "Expected a CAM method, got 'cam'."),
            ("FREE --layer lost", "Expected a layer of 'free', got 'lost'."),
            ("FREE --layer x=last", "Expected names of models in layer=..., got 'x'. Try: free"),
            ("FREE --pixels 0-1", "Expected a range of pixels, got '0-1'."),
            ("FREE --classes cat=0", "Expected an output for each class of the data (cat, dog),"),
            ("FREE --classes cat", "Expected classes as NAME=INDEX,... or a YAML file, got 'cat'."),
            ("FREE --classes no.yaml", "Expected a YAML file of classes, got no readable file"),
            (
                "FREE --classes list.yaml",
                "Expected a mapping of classes in list.yaml, got a list. T",
            ),
            ("FREE --split val", "Invalid value for '--split'"),
            ("FREE FREE", "Expected models with different names, got 'free' twice."),
            ("FLAT", "Expected a model with a spatial layer"),
        ],
    )
    def test_mistakes_write_nothing(
        self, options: str, expected: str, models: Path, failing: Failing, tmp_path: Path
    ):
        call("data draw toys --train 4 --test 4 --size 16")
        (tmp_path / "broken.keras").write_bytes(b"x")
        (tmp_path / "list.yaml").write_text("[1, 2]")
        for word in ("FREE", "FLAT"):
            options = options.replace(word, str(models / f"{word.lower()}.keras"))
        words = ["audit", *options.split(), "--data", "toys", "--size", "16", "--out", "r"]
        assert failing(*words).startswith(expected)
        assert not Path("r").exists()

    def test_data_is_needed(self, failing: Failing):
        assert failing("audit", "a.keras") == "Missing option '--data'. Try: campare audit --help"
