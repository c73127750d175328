import polars as pl
import pytest
from comparisons import BETTER, MATCHED, OPEN, UNDEFINED, comparison, row
from rich.console import Console

from campare.stats.comparison import CLAIMS, EFFECTS, SENSITIVITY
from campare.stats.printed import power_tables


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
    assert "lift " not in text.rpartition("A is not detectably")[2]


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

    odd = ("B - A", "grad-cam", "energy", "accuracy-matched", 0.01, -0.1, 0.1, 0.8, 60, 3, 0, False)
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
    assert text.startswith("A is not detectably")
    assert "Only in x: <C>." in text.splitlines()
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


def test_only_the_first_analyses_that_find_otherwise_are_shown():
    from dataclasses import replace

    odd = ("B - A", "grad-cam", "energy", "layer {}", 0.01, -0.1, 0.1, 0.8, 60, 3, 0, False)
    many = [(*odd[:3], f"layer {i}", *odd[4:]) for i in range(11)]
    agreeing = (*odd[:3], "layer z", *odd[4:-1], True)
    table = pl.DataFrame([*many, agreeing], schema=SENSITIVITY, orient="row")
    text = shown(replace(comparison(BETTER), sensitivity=table))
    assert "Of 12 sensitivity analyses 11 find otherwise; the first 8" in text
    assert text.count("layer ") == 8
    assert "layer z" not in text


def test_power_has_a_table_for_each_contrast_and_no_number_where_there_is_none():
    one = {
        "contrast": "B - A", "method": "grad-cam", "metric": "energy@matched", "sd_seed": 0.01,
        "sd_image": 0.2, "sd_residual": 0.03, "images": 60, "seeds": 3, "groups": 0,
        "smallest": 0.05, "power": 0.42, "detectable": 0.09,
        "seeds_needed": 7, "images_needed": None,
    }  # fmt: skip
    other = one | {"method": "-", "metric": "correct", "smallest": None, "power": None}
    text = shown(power_tables(pl.DataFrame([one, other]), 0.8), 140)
    assert "B - A   grad-cam   images: 60, seeds: 3" in text
    assert "B - A   classifier   images: 60, seeds: 3" in text
    cells = next(line for line in text.splitlines() if line.startswith("energy (matched)")).split()
    assert cells[2:] == ["0.010", "0.200", "0.030", "0.05", "42%", "0.090", "7", "no", "number"]
    assert "found with 80%" in text
    assert "seed" not in shown(power_tables(pl.DataFrame([one, other]), 0.8, "audit"), 140)
    classifier = next(line for line in text.splitlines() if line.startswith("correct"))
    assert classifier.split()[4:] == ["–", "–", "0.090", "–", "–"]


@pytest.mark.parametrize(("detectable", "printed"), [(1.0, "1.000"), (1.1, "> range")])
def test_power_gives_no_number_for_a_difference_that_no_values_have(detectable, printed):
    row = {
        "contrast": "B - A", "method": "grad-cam", "metric": "entropy@matched", "sd_seed": 0.5,
        "sd_image": 0.2, "sd_residual": 0.03, "images": 2, "seeds": 3, "groups": 0,
        "smallest": 0.05, "power": 0.05, "detectable": detectable,
        "seeds_needed": None, "images_needed": None,
    }  # fmt: skip
    text = shown(power_tables(pl.DataFrame([row]), 0.8), 140)
    (cells,) = (line for line in text.splitlines() if line.startswith("entropy"))
    assert f" 5%         {printed:>7}" in cells


def test_a_confidence_near_one_is_not_rounded_to_it():
    from campare.stats.printed import _head

    assert _head(comparison(BETTER, confidence=0.999)) == "difference [99.9% interval]"
