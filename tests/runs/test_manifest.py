"""run.json: what is written comes back; older versions are read, newer ones and others refused."""

import json
from pathlib import Path

import pytest

from campare.errors import RunError
from campare.files import write_sealed
from campare.runs.manifest import SCHEMA_VERSION, Manifest, provenance, read_manifest
from campare.runs.run import Cell, Run
from manifests import manifest

FIXTURES = Path(__file__).parents[1] / "fixtures"


def written(tmp_path, **changes):
    """A run.json with these entries instead of its own."""
    content = json.loads(manifest().model_dump_json()) | changes
    write_sealed(tmp_path / "run.json", content)
    return tmp_path / "run.json"


def test_what_is_written_comes_back(tmp_path):
    recipe = {"name": "B", "backbone": "mine", "augment": None, "own_factor": [1, 2]}
    grids = {"B": {"fem": (8, 8)}}
    one = manifest(recipes=[recipe], contrasts=[("B", "A")], config={"grids": grids})
    run = Run.create(tmp_path, one)
    run.record(Cell("B", 0), history={"loss": [0.5, float("nan")]}, accuracy=float("nan"), mine=3)
    again = Run.open(tmp_path).manifest
    assert again.schema_version == SCHEMA_VERSION
    assert again.recipe_fields == [recipe | {"title": ""}]
    assert again.contrasts == [("B", "A")]
    assert again.config.grids == grids
    cell = again.cells["B-0"]
    assert (cell.accuracy, cell.learned, cell.history["loss"]) == (None, None, [0.5, None])
    assert cell.model_dump()["mine"] == 3
    assert again.finished == {("B", 0)}


def test_a_study_of_version_0_1_0_is_read():
    old = read_manifest(FIXTURES / "run_0.1.0_study.json")
    assert (old.kind, old.campare, old.schema_version) == ("study", "0.1.0", SCHEMA_VERSION)
    assert [recipe.name for recipe in old.recipes] == ["A", "B", "C", "D"]
    assert old.recipe_fields[2]["augment"]["rotation"] == 0.1
    assert len(old.finished) == 12
    assert old.cells["A-0"].layer == "conv2"
    assert old.cells["A-0"].history["loss"]
    assert old.config.metrics is None
    assert old.settings.size == old.config.size == 96
    assert old.cells["A-0"].grids == old.config.grids["A"] == {"grad-cam": (48, 48)}
    assert old.config.matched == {"grad-cam": (12, 12)}


def test_an_audit_of_version_0_1_0_is_read():
    old = read_manifest(FIXTURES / "run_0.1.0_audit.json")
    assert old.is_audit
    assert old.config.metrics == old.settings.metrics
    assert old.recipe_fields[0]["pixels"] == "0..255"
    assert old.cells["A-0"].history == {}


def test_every_entry_of_an_old_run_is_kept():
    for path in FIXTURES.glob("run_0.1.0_*.json"):
        content = json.loads(path.read_text("utf-8"))
        back = json.loads(read_manifest(path).model_dump_json(exclude_unset=True))
        assert back.pop("schema_version") == SCHEMA_VERSION
        by_method(content)
        by_cell(content)
        assert back == content


def by_cell(content):
    """Digests of an audit by cell."""
    if content["kind"] == "audit":
        weights = content["settings"]["weights"]
        content["settings"]["weights"] = {f"{name}-0": one for name, one in weights.items()}


def by_method(content):
    """Resolutions as the second schema has them: by method."""
    content["config"]["matched"] = {"grad-cam": content["config"]["matched"]}
    grids = content["config"]["grids"]
    content["config"]["grids"] = {name: {"grad-cam": grid} for name, grid in grids.items()}
    for cell in content["cells"].values():
        cell["grids"] = {"grad-cam": cell.pop("grid")}


@pytest.mark.parametrize(
    ("models", "weights", "by_cell"),
    [
        (["a", "b"], {"a": "1", "b": "2"}, {"a-0": "1", "b-0": "2"}),  # as audits had them
        (["a", "b"], {"a-0": "1", "a-1": "3", "b-0": "2"}, {"a-0": "1", "a-1": "3", "b-0": "2"}),
        (["a", "a-0"], {"a-0": "1", "a-0-0": "2"}, {"a-0": "1", "a-0-0": "2"}),
    ],
)
def test_digests_of_an_audit_stand_by_its_cells(tmp_path, models, weights, by_cell):
    path = written(tmp_path, kind="audit", settings={"models": models, "weights": weights})
    assert read_manifest(path).settings.weights == by_cell


def test_a_newer_run_is_refused_with_the_version_that_wrote_it(tmp_path):
    path = written(tmp_path, campare="9.1", schema_version=SCHEMA_VERSION + 1)
    with pytest.raises(RunError, match=r"got 4, written by campare 9\.1\. Try: pip install --upg"):
        Run.open(path.parent)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seeds": "many"}, r"Expected seeds of a run in .*, got 'many', written by campare 0\.1"),
        ({"cells": {"A-0": {"recipe": "A"}}}, r"cells\.A-0\.seed of a run .* got none, written by"),
        ({"kind": "poll"}, "Expected kind of a run in .*, got 'poll'"),
        ({"schema_version": "new"}, "Expected schema_version of a run in .*, got 'new'"),
        ({"campare": None}, "Expected campare of a run in .*, got None, written by .* unknown"),
    ],
)
def test_what_does_not_fit_is_named_with_the_version_that_wrote_it(tmp_path, changes, said):
    path = written(tmp_path, **changes)
    with pytest.raises(RunError, match=said) as error:
        Run.open(path.parent)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["{}", "[]", "3", "null", '{"name": "package"}'])
def test_json_of_something_else_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text, "utf-8")
    with pytest.raises(RunError, match=r"written by campare of an unknown version\. Try: another"):
        Run.open(tmp_path)


def test_a_run_says_what_made_it():
    now = Manifest(**manifest().model_dump(exclude=provenance().keys()), **provenance())
    assert now.versions["campare"] == now.campare
    assert now.machine["cores"] >= 1
    assert now.created.endswith("+00:00")


@pytest.mark.parametrize("words", [["--cells", "0-3"], ["--cells=0-3"], []])
def test_the_command_of_one_of_several_processes_is_that_for_all_cells(words, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/bin/campare", "study", *words, "drawn"])
    assert provenance()["command"] == ["campare", "study", "drawn"]


def test_the_command_stands_without_the_secrets_of_urls(monkeypatch):
    words = ["audit", "a=https://me:secret@host/a.keras?t=secret", "--data=s3://secret@bucket/b"]
    monkeypatch.setattr("sys.argv", ["/bin/campare", *words])
    assert provenance()["command"] == [
        *("campare", "audit", "a=https://host/a.keras", "--data=s3://bucket/b"),
    ]
