import base64
import copy
import dataclasses
import io
import re
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
from PIL import Image as Pillow

from campare.report import render

HOSTILE = "test/cat/<script>alert(1)</script>.png"


class Page(HTMLParser):
    """Tags with their attributes, the text, and every place that could load something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.code = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.code = tag in ("style", "script")

    def handle_data(self, data):
        if not self.code:
            self.words.append(data)

    def handle_endtag(self, tag):
        self.code = self.code and tag not in ("style", "script")

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def changed(run, **manifest):
    """The run with other entries in its manifest."""
    return dataclasses.replace(run, manifest=copy.deepcopy(run.manifest) | manifest)


def rendered(run, tmp_path, **manifest) -> tuple[Page, str]:
    html = render(changed(run, **manifest), out=tmp_path / "report.html").read_text("utf-8")
    return Page(html), html


@pytest.fixture(scope="module")
def page(fake_run):
    html = render(fake_run).read_text("utf-8")
    return Page(html), html


@pytest.fixture(scope="module")
def small_run(build_run, tmp_path_factory):
    return build_run(tmp_path_factory.mktemp("small"), n=8)


def test_writes_the_page_the_figures_and_the_tables(fake_run, page):
    names = {p.relative_to(fake_run.path).as_posix() for p in fake_run.path.rglob("*.*")}
    figures = {
        f"figures/{n}.{kind}" for n in ("effects", "learning", "spread") for kind in ("svg", "png")
    }
    tables = {f"tables/{name}.csv" for name in ("effects", "summary", "nulls")}
    assert names == {"report.html"} | figures | tables
    effects = pl.read_csv(fake_run.path / "tables/effects.csv")
    assert effects["estimate"].to_list() == pytest.approx(
        fake_run.comparison().effects["estimate"].to_list()
    )
    assert len(page[1]) < 10e6


def test_same_run_same_bytes(fake_run, page, tmp_path):
    again = render(fake_run, out=tmp_path / "again" / "report.html")
    paths = list(again.parent.rglob("*.*"))
    assert len(paths) == 10
    for path in paths:
        first = fake_run.path / path.relative_to(again.parent)
        assert path.read_bytes() == first.read_bytes(), path


def test_loads_nothing_from_outside(page):
    page, html = page
    for _, attrs in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "poster", "data", "action"):
            assert re.match(r"(data:|#|$)", attrs.get(name) or ""), attrs
    assert not re.search(r"@import|url\((?!#)", html)
    assert not re.search(r"https?://(?!www\.w3\.org/)", html)


def test_own_policy_allows_only_its_own_script(page):
    import hashlib

    page, html = page
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv")]
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_references_resolve(page):
    page, html = page
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for _, a in page.tags if (a.get("href") or "").startswith("#")}
    wanted |= set(re.findall(r"url\(#([^)]*)\)", html))
    assert wanted <= set(ids)


def test_hostile_names_are_inert(build_run, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    run = build_run(tmp_path, n=6, arms=("A", "B"), seeds=(0,), classes=("cat", evil),
                    rename={0: HOSTILE})  # fmt: skip
    run.manifest["recipes"][0]["title"] = "$x_1$ </style><script>alert(2)</script>"
    run.manifest["data"]["skipped"] = [[HOSTILE, evil]]
    run.manifest["command"] = ["campare", "study", evil]
    page, html = rendered(run, tmp_path)
    assert len(page.all("script")) == 1
    assert page.all("img") == []
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 2  # in the gallery and as skipped
    assert HOSTILE in page.text
    assert "$x_1$" in page.text


def test_arm_that_did_not_learn_is_flagged_before_the_answer(small_run, tmp_path):
    cells = copy.deepcopy(small_run.manifest["cells"])
    cells["A-1"] |= {"learned": False, "accuracy": 0.5}
    page, html = rendered(small_run, tmp_path, cells=cells)
    alarm = re.search(r'role="alert">(.*?)</p>', html).group(1)
    assert "A (Scratch) did not learn in 1 of 3 seeds" in alarm
    assert html.index('role="alert"') < html.index('class="answer"')
    assert re.search(r'class="answer">[^/]*But A did not learn', html)
    assert html.count('<span class="flag">did not learn</span>') >= 4
    assert "C vs A (A did not learn)" in page.text  # in the figure


def test_no_alarm_where_all_learned(page):
    assert 'role="alert"' not in page[1]
    assert "did not learn" not in page[0].text


def test_answer_names_the_resolutions_and_both_results(fake_run, page):
    page, html = page
    effects = fake_run.comparison().effects
    row = {
        metric: effects.filter((pl.col("contrast") == "C - A") & (pl.col("metric") == metric))
        for metric in ("energy", "energy@matched")
    }
    answer = re.search(r'class="answer">(.*?)</p>', html).group(1)
    for frame in row.values():
        assert f"{frame['estimate'].item():+.3f}" in answer
        assert f"{frame['low'].item():+.3f} to {frame['high'].item():+.3f}" in answer
    assert "12\u202f×\u202f12 against 48\u202f×\u202f48" in answer
    assert "Only 3 seeds" in page.text
    assert "1 file was skipped" in page.text


def test_takes_a_real_comparison(small_run, tmp_path):
    from campare.stats.compare import compare

    pairs = [tuple(pair) for pair in small_run.manifest["contrasts"]]
    real = compare(small_run.table, contrasts=pairs, confidence=0.9, resamples=200)
    page, _ = rendered(dataclasses.replace(small_run, compared=real), tmp_path)
    row = real.effects.filter((pl.col("contrast") == "C - A") & (pl.col("metric") == "energy"))
    assert f"{row['estimate'].item():+.3f} (90 % interval" in page.text
    assert not re.search(r"95\s?%", page.text.partition("The arms")[0])


def test_one_grid_needs_no_matched_results(build_run, tmp_path):
    page, html = rendered(build_run(tmp_path, n=12, arms=("B", "C"), seeds=(0,)), tmp_path)
    assert "resolution" not in page.text.partition("The arms")[0]
    assert 'class="pooled"' not in html
    assert not {"matched", "native"} & {word.strip() for word in page.words}


def test_single_arm_without_contrast(build_run, tmp_path):
    page, _ = rendered(build_run(tmp_path, n=6, arms=("B",), seeds=(0,)), tmp_path)
    assert "This run compares no two arms" in page.text
    assert page.all("article")


def test_no_mask_no_map_metric(build_run, tmp_path):
    run = build_run(tmp_path, n=6, arms=("B", "C"), seeds=(0,))
    run.pictures = dataclasses.replace(run.pictures, regions={})
    run.table = run.table.filter(pl.col("method") == "-")
    run.compared = SimpleNamespace(
        confidence=0.95,
        **{n: vars(run.compared)[n].clear() for n in ("effects", "summary", "nulls")},
    )
    page, _ = rendered(run, tmp_path)
    assert "No map of this run could be measured" in page.text
    assert "Confidence in the label" in page.text


def test_unfinished_cells_are_counted(small_run, tmp_path):
    cells = {k: v for k, v in small_run.manifest["cells"].items() if k not in ("A-0", "A-2")}
    page, _ = rendered(small_run, tmp_path, cells=cells)
    assert "2 of 12 cells are not finished" in page.text
    assert "in seed 1" in page.text  # the first that every arm has


def test_pictures_in_the_gallery_are_those_of_the_run(fake_run, page):
    page, html = page
    shown = re.search(
        r'<article.*?aria-label="([^,]*),.*?<image[^>]*href="([^"]*)"', html, re.DOTALL
    )
    uri = shown.group(2).removeprefix("data:image/webp;base64,")
    photo = np.asarray(Pillow.open(io.BytesIO(base64.b64decode(uri))), float)
    run = fake_run.images()
    truth = run.images[run.names.index(shown.group(1))]
    assert np.abs(photo - truth).mean() < 12  # lossy, but this one
    assert np.mean([np.abs(photo - other).mean() for other in run.images]) > 24


def test_downloads_are_the_tables(fake_run, page):
    links = {a["download"]: a["href"] for a in page[0].all("a") if "download" in a}
    text = base64.b64decode(links["summary.csv"].partition(",")[2]).decode()
    assert text == fake_run.comparison().summary.write_csv()
