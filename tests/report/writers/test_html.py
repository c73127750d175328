"""The page: nothing from outside, names are text, numbers as a browser reads them."""

import base64
import hashlib
import json
import re

import pytest
from written_page import Page, data_of, rendered

from campare.report import SECTIONS
from campare.report.page import read
from campare.report.writers.html import _json, html, template

HOSTILE = "test/cat/<script>alert(1)</script>.png"


def test_loads_nothing_from_outside(page):
    page, html = page
    for _, attrs in page.tags:
        for name in ("src", "href", "xlink:href", "srcset", "poster", "data", "action"):
            assert re.match(r"(data:|#|$)", attrs.get(name) or ""), attrs
    assert not re.search(r"@import|url\((?!#)", html)
    assert not re.search(r"https?://(?!www\.w3\.org/)", html)


def test_own_policy_allows_only_its_own_script(page):

    page, html = page
    script = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    (policy,) = [m["content"] for m in page.all("meta") if m.get("http-equiv")]
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")


def test_ids_are_unique_and_references_resolve(page):
    page, _ = page
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    wanted = {a["href"][1:] for _, a in page.tags if (a.get("href") or "").startswith("#")}
    assert wanted <= set(ids)


def test_hostile_names_are_inert(build_run, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    run = build_run(tmp_path, n=6, arms=("A", "B"), seeds=(0,), classes=("cat", evil),
                    rename={0: HOSTILE})  # fmt: skip
    run.manifest.recipes[0].title = "$x_1$ </style><script>alert(2)</script>"
    run.manifest.data.skipped = [(HOSTILE, evil)]
    run.manifest.command = ["campare", "study", evil]
    page, html = rendered(run)
    assert [attrs.get("type") for attrs in page.all("script")] == ["application/json", None]
    assert all(attrs["src"].startswith("data:image/webp;base64,") for attrs in page.all("img"))
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert "<script>alert" not in html
    assert HOSTILE in page.text  # as skipped
    assert data_of(html)["images"][0]["name"] == HOSTILE or HOSTILE in {
        image["name"] for image in data_of(html)["images"]
    }
    assert "$x_1$" in page.text


def test_downloads_are_the_tables(fake_run, page):
    links = {a["download"]: a["href"] for a in page[0].all("a") if "download" in a}
    text = base64.b64decode(links["summary.csv"].partition(",")[2]).decode()
    assert text == fake_run.compared.summary.write_csv()


@pytest.mark.parametrize(
    "value",
    ["</script><script>alert(1)</script>", "<!-- & \u2028 \u2029", {"<a>": [1.5, None, "é"]}],
)
def test_json_in_a_script_ends_no_script_and_reads_back(value):
    text = str(_json(value))
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == value
    with pytest.raises(ValueError, match="not JSON compliant"):
        _json(float("nan"))


def test_a_template_is_found_by_its_name_and_is_what_the_page_holds(fake_run):
    content = read(fake_run, fake_run.compared)
    text = html(content, SECTIONS)
    for name in ("effects", "means", "methods"):
        part = template(name)(content).strip()
        assert len(part) > 100
        assert part in text, name
    with pytest.raises(FileNotFoundError):
        template("nowhere")(content)


def test_a_page_of_no_section_is_its_answer_alone(fake_run):
    content = read(fake_run, fake_run.compared)
    bare = Page(html(content, []))
    assert not bare.all("section")
    assert len(bare.all("h1")) == 1
