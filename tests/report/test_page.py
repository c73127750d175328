"""The page in Chromium: no request, no error, filters and keys."""

import shutil

import pytest

from campare.report import render

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--no-first-run",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(build_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    hostile = {0: "test/cat/<script>document.title='gone'</script>.png"}
    return render(build_run(folder, n=16, arms=("A", "B"), seeds=(0,), rename=hostile)).as_uri()


def shown(page) -> int:
    return page.locator(".row:visible").count()


def test_the_page_works_without_network_or_error(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked, faults = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address)
    assert page.title().startswith("campare")
    every = shown(page)
    assert every == page.locator(".row").count() > 6

    page.select_option("[name=label]", "cat")
    cats = shown(page)
    assert 0 < cats < every
    assert page.locator("output").inner_text() == f"{cats} of {every} images"
    page.select_option("[name=label]", "")
    page.select_option("[name=outcome]", "wrong")
    assert all(row.locator("span.wrong").count() for row in page.locator(".row:visible").all())
    page.select_option("[name=outcome]", "")

    page.select_option("[name=sort]", "score-1")
    order = [float(r.get_attribute("data-score-1")) for r in page.locator(".row").all()]
    known = [value for value in order if value == value]
    assert known == sorted(known, reverse=True)

    page.locator(".row:visible").first.focus()
    page.keyboard.press("j")
    focused = page.evaluate(
        "[...document.querySelectorAll('.row')].indexOf(document.activeElement)"
    )
    assert focused == 1
    heat = page.locator(".row image.heat").first
    page.keyboard.press("h")
    assert heat.evaluate("node => getComputedStyle(node).opacity") == "0"
    page.keyboard.press("h")
    assert float(heat.evaluate("node => getComputedStyle(node).opacity")) > 0.5
    page.keyboard.press("o")
    assert page.locator(".row .outline").first.is_hidden()
    page.keyboard.press("Enter")
    assert page.locator("dialog .cell").count() == 3
    first = page.locator("dialog").get_attribute("aria-label")
    page.keyboard.press("ArrowRight")
    assert page.locator("dialog").get_attribute("aria-label") != first
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()

    assert faults == []
    assert all(url.startswith(("file:", "data:")) for url in asked)
    page.close()


@pytest.mark.parametrize("width", [375, 768, 1280])
def test_nothing_overflows_the_width(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_everything_is_there_without_script(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(".row:visible").count() == page.locator(".row").count()
    assert page.locator(".controls").is_hidden()
    context.close()
