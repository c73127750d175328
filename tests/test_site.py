"""The docs site: links become those of its pages, it is built without a warning, and works from
disk without a network: search, links, light and dark, on a desk and on a phone."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from campare.report.writers.pdf import find_browser

pytest.importorskip("mkdocs")
pytest.importorskip("mkdocstrings")

ROOT = Path(__file__).resolve().parents[1]
spec = importlib.util.spec_from_file_location("pages", ROOT / "tools" / "pages.py")
assert spec is not None
assert spec.loader is not None
pages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(pages)


def test_links_of_the_repository_become_those_of_the_site():
    text = (
        "[a](docs/data.md#images) ![b](docs/images/report.png) [c](https://x.y) [d](#e) `[f](g.md)`"
    )
    assert pages.relinked(text, "README.md", "overview.md") == (
        "[a](data.md#images) ![b](images/report.png) [c](https://x.y) [d](#e) `[f](g.md)`"
    )
    from_docs = pages.relinked(
        "[m](../examples/metric.py) [s](../src/x.py)", "docs/extending.md", "extending.md"
    )
    assert from_docs == "[m](examples/metric.md) s"
    deep = pages.relinked(
        "[r](../docs/results.md)", "benchmarks/RESULTS.md", "benchmarks/RESULTS.md"
    )
    assert deep == "[r](../results.md)"


def test_every_page_of_docs_and_every_public_name_and_verb_is_there():
    import campare

    found = pages.generated()
    nav = (ROOT / "mkdocs.yml").read_text("utf-8")
    for file in (ROOT / "docs").glob("*.md"):
        assert f"- {file.name}" in nav or f": {file.name}" in nav, file.name
    names = re.findall(r"^## campare\.(\w+)$", found["reference/python.md"][1], re.M)
    assert set(names) == set(campare.__all__)
    verbs = set(re.findall(r"^## campare ([\w ]+)$", found["reference/commands.md"][1], re.M))
    assert {
        "study",
        "audit",
        "explain",
        "report",
        "log",
        "doctor",
        "list metrics",
        "data plant",
    } <= verbs
    assert "`integrated-gradients`" in found["reference/lists.md"][1]


def test_tutorials_are_pages_with_their_code():
    text = pages.tutorial(ROOT / "docs" / "tutorials" / "1_first_maps.py")
    assert text.startswith("# First maps")
    assert "```python\nimport keras" in text
    assert "# %%" not in text


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT, check=True, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    return folder


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere_and_every_link_leads_somewhere(site: Path):
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*\ssrc="([^"]+)"', text)
        for link in re.findall(r"<link[^>]*>", text):
            if re.search(r'rel="(stylesheet|icon|preconnect)"', link):
                loaded += re.findall(r'href="([^"]+)"', link)
        assert loaded
        assert not [each for each in loaded if re.match(r"(https?:)?//", each)], page
        links = re.findall(r'<a[^>]*\shref="([^"#?]+)', text)
        if page.name != "404.html":
            for link in (each for each in links if not re.match(r"[a-z]+:", each)):
                assert (page.parent / link).exists(), (page, link)


@pytest.mark.slow
def test_the_page_for_a_wrong_link_has_names_too(site: Path):
    text = (site / "404.html").read_text("utf-8")
    assert 'role="dialog" aria-label="Search"' in text


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_search_works_from_disk_in_a_browser(site: Path, scheme: str, width: int):
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=find_browser())
        page = browser.new_page(color_scheme=scheme, viewport={"width": width, "height": 844})
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((site / "index.html").as_uri())
        assert page.locator("h1").first.inner_text().startswith("campare")
        sideways = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert sideways <= 0
        if width < 1000:
            page.locator("label[for=__search].md-header__button").click()
        page.locator("input.md-search__input").click()
        page.locator("input.md-search__input").press_sequentially("pointing game")
        page.locator(".md-search-result__link").first.wait_for(timeout=180_000)
        assert page.locator(".md-search-result__link").count() > 0
        assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
        assert said == []
        hidden = "all => all.filter(one => one.scrollWidth > one.clientWidth).length"
        parted = "all => all.filter(one => one.getClientRects().length > 1).length"
        page.goto((site / "index.html").as_uri())
        commands = page.locator(".language-sh pre > code")
        assert commands.count() > 3
        assert commands.evaluate_all(hidden) == 0
        page.goto((site / "reference" / "commands.html").as_uri())
        names = page.locator("td:first-child > code")
        assert names.count() > 50
        assert names.evaluate_all(parted) == 0
        page.goto((site / "reference" / "python.html").as_uri())
        assert page.locator("h2#campareaudit").count() == 1
        browser.close()
