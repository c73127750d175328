import json
import math

import polars as pl
import pytest
from comparisons import BETTER, UNDEFINED, WORSE, comparison

from campare.errors import RunError
from campare.stats.comparison import EFFECTS, NULLS, SUMMARY, Comparison


def test_json_brings_everything_back(tmp_path):
    path = tmp_path / "comparison.json"
    before = comparison(BETTER, UNDEFINED)
    before.to_json(path)
    after = Comparison.from_json(path)
    for name in ("effects", "summary", "nulls", "claims", "factors", "sensitivity", "arms"):
        assert getattr(before, name).equals(getattr(after, name))
        assert getattr(before, name).schema == getattr(after, name).schema
    assert (after.confidence, after.resamples, after.seed) == (0.95, 500, 7)
    assert "NaN" not in path.read_text("utf-8")
    json.loads(path.read_text("utf-8"), parse_constant=pytest.fail)
    assert [file.name for file in tmp_path.iterdir()] == ["comparison.json"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "comparison.json"
    comparison(BETTER).to_json(path)
    old = path.read_bytes()

    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pathlib.Path.replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        comparison(WORSE).to_json(path)
    assert path.read_bytes() == old
    assert len(list(tmp_path.iterdir())) == 1


def test_tables_without_rows_survive(tmp_path):
    empty = Comparison(
        pl.DataFrame(schema=EFFECTS), pl.DataFrame(schema=SUMMARY), pl.DataFrame(schema=NULLS)
    )
    empty.to_json(tmp_path / "c.json")
    assert Comparison.from_json(tmp_path / "c.json").effects.schema == empty.effects.schema
    assert empty.answers == []


@pytest.mark.parametrize("text", [None, "{", "[]", "{}", '{"effects": 3}'])
def test_a_file_that_is_no_comparison(tmp_path, text):
    path = tmp_path / "c.json"
    if text is not None:
        path.write_text(text, "utf-8")
    with pytest.raises(RunError, match=r"Expected a comparison written by campare in .*c\.json"):
        Comparison.from_json(path)


def test_a_file_of_an_earlier_version_lacks_claims(tmp_path):
    path = tmp_path / "c.json"
    comparison(BETTER).to_json(path)
    old = json.loads(path.read_text("utf-8"))
    for name in ("claims", "factors", "sensitivity", "notes"):
        del old[name]
    for one in old["effects"]:
        del one["p_permutation"]
    path.write_text(json.dumps(old), "utf-8")
    after = Comparison.from_json(path)
    assert after.claims.height == 0
    assert math.isnan(after.effects["p_permutation"].item())


def test_it_prints_its_answers():
    found = comparison(BETTER, WORSE)
    assert str(found).splitlines() == [str(answer) for answer in found.answers]
    assert repr(found) == f"Comparison(B, A): {found.headline}"
    assert "shape" not in repr(found)


def test_an_empty_one_prints_too():
    empty = (pl.DataFrame(schema=schema) for schema in (EFFECTS, SUMMARY, NULLS))
    assert repr(Comparison(*empty)).startswith("Comparison()")
