"""The tables of a report: as many cells in every row as heads, and numbers of the comparison."""

from dataclasses import replace

import pytest

from campare.report import page as pages
from campare.report import tables
from campare.stats.compare import compare


@pytest.fixture(scope="module")
def page(build_run, tmp_path_factory):
    run = build_run(tmp_path_factory.mktemp("tables"), n=8)
    return pages.read(run, compare(run, resamples=100))


def test_rows_are_as_long_as_their_heads(page):
    every = [tables.claims(page), tables.effects(page), tables.means(page)]
    for table in [*every, *(found for _, found in tables.controls(page))]:
        assert {len(row) for row in table.rows} == {len(table.heads)}
    assert tables.controls(page)


def test_an_effect_is_shown_with_its_interval_and_matched_beside(page):
    found = tables.effects(page)
    key, effect = next((k, e) for k, e in page.every_effect.items() if "@" not in k[1])
    row = next(row for row in found.rows if row[1] == key[1])
    assert row[0] == f"{effect.treatment} vs {effect.control}"
    assert (
        f"{effect.estimate:+.3f}" in row[2].replace("\N{MINUS SIGN}", "-") or effect.estimate == 0
    )
    assert found.heads[-3:] == ["matched", "p (Holm)", "says"]
    alone = tables.effects(replace(page, size=None))
    assert [len(alone.heads)] == list({len(row) for row in alone.rows}) == [5]
