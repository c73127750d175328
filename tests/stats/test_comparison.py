import json
import math

import polars as pl
import pytest
from rich.console import Console

from campare.errors import RunError
from campare.stats.compare import Comparison, verdict_words
from campare.stats.comparison import CLAIMS, EFFECTS, NULLS, SENSITIVITY, SUMMARY

NAN = math.nan


def row(metric, estimate, low, high, *, contrast="B - A", method="grad-cam", p=0.01, seeds=3):
    treatment, control = contrast.split(" - ")
    words = (contrast, treatment, control, method, metric)
    return (*words, estimate, low, high, p, p, 0.5, 60, seeds, 0.2, 0.8, p)


def comparison(*rows, confidence=0.95):
    return Comparison(
        effects=pl.DataFrame(rows, schema=EFFECTS, orient="row"),
        summary=pl.DataFrame(
            [("A", "grad-cam", "energy", 0.4, 0.3, NAN, 60, 3, 2, 182)],
            schema=SUMMARY,
            orient="row",
        ),
        nulls=pl.DataFrame(
            [("A", "grad-cam", "energy", "centre", 0.1, -0.1, 0.2, NAN)], schema=NULLS, orient="row"
        ),
        confidence=confidence,
        resamples=500,
        seed=7,
    )


BETTER = row("energy", 0.1234, 0.05, 0.2)
MATCHED = row("energy@matched", 0.01, -0.05, 0.07, p=0.7)
WORSE = row("entropy", 0.5, 0.25, 0.75)
OPEN = row("iou", 0.01, -0.02, 0.04, p=0.4)
UNDEFINED = row("lift", NAN, NAN, NAN, p=NAN)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("energy", 0.1, 0.2), ("higher", "better")),
        (("energy@matched", -0.2, -0.1), ("lower", "worse")),
        (("energy", -0.1, 0.1), ("no detectable difference", "")),
        (("energy", 0.0, 0.1), ("no detectable difference", "")),
        (("energy", 0.1, 0.2, 0.2), ("no detectable difference", "")),
        (("energy", NAN, NAN), ("undefined", "")),
        (("confidence", 0.1, 0.2), ("higher", "")),
        (("nobody-knows-it", -0.2, -0.1), ("lower", "")),
    ],
)
def test_verdicts(arguments, words):
    assert verdict_words(*arguments) == words


def test_a_verdict_needs_the_adjusted_p_at_the_same_confidence():
    assert verdict_words("energy", 0.1, 0.2, 0.03).judgement == "better"
    assert verdict_words("energy", 0.1, 0.2, 0.03, alpha=0.01).judgement == ""


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


def shown(thing, width=100):
    console = Console(width=width, record=True, file=open("/dev/null", "w"))  # noqa: SIM115, PTH123
    with console.file:
        console.print(thing)
        return console.export_text()


def test_the_terminal_shows_numbers_and_answers():
    text = shown(comparison(BETTER, MATCHED, OPEN, UNDEFINED))
    assert "B - A   grad-cam   images: 60, seeds: 3" in text
    line = next(line for line in text.splitlines() if line.startswith("energy "))
    assert "+0.123 [+0.050, +0.200]" in line
    assert "better (higher)" in line
    assert "energy (matched)" in text
    assert "The maps of B and A do not differ detectably." in " ".join(text.split())
    assert "lift " not in text.split("A is not detectably")[0]


def test_values_under_conditions_are_counted_and_not_shown():
    dose, null = (row(f"mprt@{name}", 0.1, 0.05, 0.2, seeds=1) for name in ("conv1", "null"))
    text = shown(comparison(row("mprt", 0.1, 0.05, 0.2, seeds=1), dose, null), 120)
    said = "images: 60, one training each and 2 under conditions, in .effects"
    assert said in " ".join(text.split())
    assert "conv1" not in text
    assert "measures" not in text


def test_the_notebook_shows_the_same_and_escapes_names():
    html = comparison(BETTER, row("iou", 0.1, 0.05, 0.2, contrast="<b> - A"))._repr_html_()
    assert "<td>energy</td><td>+0.123 [+0.050, +0.200]</td>" in html
    assert "&lt;b&gt; - A" in html
    assert "<b>" not in html


CLAIM = {
    "claim": "2 <object>", "verdict": "not settled", "text": "t", "contrast": "pre-training",
    "direction": "higher", "method": "grad-cam", "metric": "energy@matched", "estimate": 0.03,
    "low": -0.01, "high": 0.07, "p": 0.1, "p_adjusted": 0.2, "smallest": 0.05, "images": 60,
    "seeds": 3, "more_seeds": 4, "more_images": None, "reason": "r",
}  # fmt: skip


def full():
    from dataclasses import replace

    odd = ("B - A", "grad-cam", "energy", "accuracy-matched", 0.01, -0.1, 0.1, 0.8, 60, 3, False)
    return replace(
        comparison(BETTER),
        claims=pl.DataFrame([CLAIM, CLAIM | {"claim": "1", "verdict": "supported"}], schema=CLAIMS),
        factors=pl.DataFrame(
            [row("energy", 0.1, 0.05, 0.2)], schema=EFFECTS, orient="row"
        ).with_columns(pl.lit("pre-training").alias("contrast")),
        sensitivity=pl.DataFrame([odd], schema=SENSITIVITY, orient="row"),
        notes=("Only in x: <C>.",),
    )


def test_claims_factors_and_sensitivity_are_shown():
    text = shown(full(), 160)
    assert text.startswith("Only in x: <C>.")
    line = next(line for line in text.splitlines() if line.startswith("2 <object>"))
    assert "not settled" in line
    assert "4 more seeds" in line
    assert "pre-training   grad-cam   images: 60, seeds: 3" in text
    assert "Of 1 sensitivity analyses 1 find otherwise" in text
    html = full()._repr_html_()
    assert "<td>2 &lt;object&gt;</td><td>not settled</td>" in html
    assert "<object>" not in html


def test_words_in_brackets_are_not_markup():
    text = shown(comparison(row("energy", 0.1, 0.05, 0.2, contrast="B [red] - A [bold]")))
    assert "B [red] - A [bold]" in text


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
