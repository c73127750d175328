"""The page in Chromium: no request, no error, nothing hostile runs, filters, keys and a thousand
images."""

import base64
import io
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from campare.attribution import drawing
from campare.attribution.maps import resize
from campare.report import SECTIONS, render
from campare.report.page import read
from campare.report.writers.html import html
from campare.stats.compare import compare

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium on the PATH")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--no-first-run",
)  # fmt: skip
#: What `make axe` fetches.
AXE = Path(__file__).resolve().parents[2] / "build/axe/package/axe.min.js"
HOSTILE = "<script>alert(1)</script>.png"


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield chromium
        chromium.close()


def written(run, comparison, folder):
    """The address of a run's page, without the figures that lie beside it."""
    file = folder / "report.html"
    file.write_text(html(read(run, comparison), SECTIONS), "utf-8")
    return file.as_uri()


@pytest.fixture(scope="module")
def address(build_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    run = build_run(folder, n=40, arms=("A", "B"), seeds=(0,), rename={1: HOSTILE},
                    classes=("cat", "<b>dog</b>"))  # fmt: skip
    run.manifest.recipes[1].title = "<img src=x onerror=alert(2)>"
    return written(run, compare(run, resamples=100), folder)


def go(page, address) -> None:
    """Open the page, and all that it folds."""
    page.goto(address)
    page.click(".unfold")


@pytest.fixture
def opened(browser, address):
    """A page with everything that it asked for and complained of; both are judged at the end."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    asked, faults = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
    go(page, address)
    yield page
    assert faults == []
    assert all(url == address or url.startswith("data:") for url in asked)
    page.close()


def names(page) -> list[str]:
    return page.locator(".row .file").all_text_contents()


def show_all(page) -> None:
    page.select_option("[name=group]", "all")
    while page.locator(".more").is_visible():
        page.click(".more")


def data(page):
    return page.evaluate("JSON.parse(document.getElementById('gallery-data').textContent)")


def test_it_opens_with_the_images_chosen_by_rule(opened):
    chosen = [image["name"] for image in data(opened)["images"] if image["group"]]
    assert opened.title().startswith("campare")
    assert names(opened) == chosen[:12]
    assert opened.locator(".row").first.locator("canvas").count() == 2
    assert opened.locator("output").inner_text() == f"{len(chosen)} of 40 images"


def test_it_filters_by_class_outcome_change_and_name(opened):
    show_all(opened)
    everything = data(opened)
    images, energy = everything["images"], everything["measures"][0]["values"]
    assert len(names(opened)) == 40

    opened.select_option("[name=label]", "0")
    show_all(opened)
    assert set(names(opened)) == {image["name"] for image in images if image["label"] == 0}
    opened.select_option("[name=label]", "")

    told = everything["predictions"]
    hits = [[told[arm][at] == everything["classes"][image["label"]] for arm in (0, 1)]
            for at, image in enumerate(images)]  # fmt: skip
    for outcome, want in (("right", lambda h: all(h)), ("some", lambda h: not all(h)),
                          ("wrong", lambda h: not any(h))):  # fmt: skip
        opened.select_option("[name=outcome]", outcome)
        show_all(opened)
        assert set(names(opened)) == {
            image["name"] for image, hit in zip(images, hits, strict=True) if want(hit)
        }
    opened.select_option("[name=outcome]", "")

    for sign in (1, -1):
        opened.select_option("[name=change]", str(sign))
        show_all(opened)
        assert set(names(opened)) == {
            image["name"] for at, image in enumerate(images)
            if energy[1][at] is not None and sign * (energy[1][at] - energy[0][at]) > 0
        }  # fmt: skip
    opened.select_option("[name=change]", "")

    opened.fill("[name=name]", "ALERT")
    assert names(opened) == [HOSTILE]
    opened.fill("[name=name]", "no such file")
    assert opened.locator(".nothing").is_visible()


def test_it_sorts_by_any_measure_and_undefined_ones_come_last(opened):
    everything = data(opened)
    order = {image["name"]: at for at, image in enumerate(everything["images"])}
    for measure in (0, 2, 3):
        opened.select_option("[name=measure]", str(measure))
        for key, arm in (("arm-0|", 0), ("arm-1|last", 1)):
            opened.select_option("[name=sort]", key)
            show_all(opened)
            values = [everything["measures"][measure]["values"][arm][order[name]]
                      for name in names(opened)]  # fmt: skip
            known = [value for value in values if value is not None]
            assert known == sorted(known, reverse=key.endswith("|"))
            assert all(value is None for value in values[len(known) :])
    opened.select_option("[name=sort]", "name")
    show_all(opened)
    assert names(opened) == sorted(names(opened))


def test_it_is_usable_by_keyboard(opened):
    focused = "[...document.querySelectorAll('.row')].indexOf(document.activeElement)"
    opened.keyboard.press("j")
    assert opened.evaluate(focused) == 0
    for _ in range(13):  # beyond the rows that are made so far
        opened.keyboard.press("j")
    assert opened.evaluate(focused) == 13
    opened.keyboard.press("k")
    assert opened.evaluate(focused) == 12

    heat = opened.locator(".row canvas.heat").first
    opened.keyboard.press("h")
    assert heat.evaluate("node => getComputedStyle(node).opacity") == "0"
    opened.keyboard.press("h")
    assert float(heat.evaluate("node => getComputedStyle(node).opacity")) > 0.5
    opened.keyboard.press("o")
    assert opened.locator(".row .outline").first.is_hidden()

    opened.keyboard.press("Enter")
    assert opened.locator("dialog .cell").count() == 3
    assert opened.locator("dialog tbody tr").count() == len(data(opened)["measures"])
    first = opened.locator("dialog").get_attribute("aria-label")
    opened.keyboard.press("ArrowRight")
    assert opened.locator("dialog").get_attribute("aria-label") != first
    opened.keyboard.press("Escape")
    assert opened.locator("dialog").is_hidden()
    opened.keyboard.press("/")
    opened.keyboard.type("jk")  # keys are text while a field has the focus
    assert opened.input_value("[name=name]") == "jk"


def test_arms_can_be_hidden_and_the_mouse_wipes_heat_away(opened):
    opened.locator(".toggles input").first.uncheck()
    assert opened.locator(".row:first-child figure:visible").count() == 2
    tile = opened.locator(".row:first-child .stack:visible").last
    box = tile.bounding_box()
    opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    cut = tile.locator(".heat").evaluate("node => getComputedStyle(node).clipPath")
    assert float(cut.split()[-1].strip("%)")) == pytest.approx(50, abs=2)


def test_hostile_names_are_text(opened):
    opened.fill("[name=name]", "alert")
    row = opened.locator(".row")
    assert row.locator(".file").inner_text() == HOSTILE
    row.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("dialog").get_attribute("aria-label") == HOSTILE
    assert "<b>dog</b>" in opened.locator("[name=label]").inner_text()
    assert opened.locator("img[src=x], main b b, .file script").count() == 0
    assert "<img src=x onerror=alert(2)>" in opened.locator(".arms").inner_text()


def test_the_heatmap_is_that_of_the_run(opened):
    """A drawn pixel against the map, enlarged bilinearly and colored as campare does."""
    everything = data(opened)
    at = next(i for i, image in enumerate(everything["images"]) if image["group"] == "best")
    drawn = opened.evaluate(
        """at => {
            const canvas = document.querySelector(`[data-image="${at}"] [data-arm="1"] canvas`);
            const side = canvas.width;
            return [...canvas.getContext("2d").getImageData(0, 0, side, side).data];
        }""",
        at,
    )
    h, w = everything["grids"][1]
    cells = np.frombuffer(base64.b64decode(everything["heat"][1]), np.uint8).reshape(-1, h, w)
    pixels = np.array(drawn).reshape(112, 112, 4)
    big = resize(cells[at].astype(np.float32), (112, 112))
    colors = drawing.heatmap(np.arange(256.0)[None])[0]
    opaque = pixels[..., 3] > 200  # clear pixels keep rounded colors only
    expected = colors[np.round(big).astype(int)]
    assert opaque.any()
    assert np.abs(pixels[..., :3] - expected)[opaque].max() <= 6
    assert np.abs(pixels[..., 3] - (255 * 0.3 + 0.7 * big)).max() <= 1


def test_a_map_of_a_part_of_the_photos_lies_on_that_part(browser, fake_run, tmp_path):
    """Pixels of the page: in the window the map as it is drawn on a whole photo, else clear."""
    same = {**fake_run.arrays, ("B", 0): fake_run.arrays["C", 0]}  # of a part and of the whole
    run = replace(fake_run, arrays=same, parts={"B": np.tile([0.25, 0.5, 0.75, 1.0], (60, 1))})
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    go(page, written(run, run.compared, tmp_path))
    assert "the part of the photo that the arm sees" in page.inner_text("#gallery")
    page.locator(".row").nth(1).click()  # enlarged, drawn again
    for area, side in ((".rows .row:nth-child(2)", 112), ("dialog", 320)):
        canvases = (page.locator(f"{area} [data-arm='{arm}'] canvas") for arm in (1, 2))
        urls = [canvas.evaluate("node => node.toDataURL()") for canvas in canvases]
        files = (io.BytesIO(base64.b64decode(url.partition(",")[2])) for url in urls)
        part, whole = (np.asarray(Image.open(file)).astype(float) for file in files)
        assert part.shape == whole.shape == (side, side, 4)
        top, left, half = side // 4, side // 2, side // 2
        covered = np.zeros((side, side), bool)
        covered[top : top + half, left:] = True
        assert (part[~covered] == 0).all()
        shrunk = whole.reshape(half, 2, half, 2, 4).mean((1, 3))
        inside = part[covered].reshape(half, half, 4)
        assert np.abs(inside[..., 3] - shrunk[..., 3]).max() <= 2
        opaque = shrunk[..., 3] > 200
        assert opaque.any()
        assert np.abs(inside - shrunk)[opaque].max() <= 8
    assert faults == []
    page.close()


@pytest.fixture(scope="module")
def two_methods(build_run, tmp_path_factory):
    """A run with maps of two methods, and its page."""
    run = build_run(tmp_path_factory.mktemp("two"), n=40, arms=("A", "B"), seeds=(0,))
    for maps in run.arrays.values():
        maps["hirescam"] = maps["grad-cam"][:, ::-1] - np.float32(0.05)  # values below zero, too
    return run, written(run, run.compared, run.path)


@pytest.fixture
def closely(browser, two_methods):
    """The page of two methods with its second image by itself, and which image that is."""
    run, address = two_methods
    page = browser.new_page(viewport={"width": 1280, "height": 900}, accept_downloads=True)
    faults = []
    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    go(page, address)
    page.locator(".row").nth(1).click()
    yield page, run, run.pictures.names.index(page.inner_text(".one-name"))
    assert faults == []
    page.close()


def downloaded(page, button) -> bytes:
    with page.expect_download() as waiting:
        page.locator("dialog").get_by_role("button", name=button, exact=True).click()
    return Path(waiting.value.path()).read_bytes()


@pytest.mark.parametrize("method", ["grad-cam", "hirescam"])
def test_values_of_a_map_are_downloaded_as_the_run_has_them(closely, method):
    page, run, at = closely
    page.select_option("dialog [name=method]", method)
    for arm in "AB":
        found = np.load(io.BytesIO(downloaded(page, f"{arm} .npy")), allow_pickle=False)
        assert found.dtype == np.float32
        assert np.array_equal(found, run.arrays[arm, 0][method][at])


def test_a_picture_is_downloaded_as_it_is_drawn(closely):
    page, run, at = closely
    picture = np.asarray(Image.open(io.BytesIO(downloaded(page, "photo .png"))).convert("RGB"))
    page.fill("dialog [name=heat]", "0")
    plain = np.asarray(Image.open(io.BytesIO(downloaded(page, "B .png"))).convert("RGB"))
    assert np.array_equal(plain, picture)
    page.fill("dialog [name=heat]", "100")
    heated = np.asarray(Image.open(io.BytesIO(downloaded(page, "B .png"))).convert("RGB"))
    assert heated.shape == picture.shape == (320, 320, 3)
    big = resize(run.arrays["B", 0]["grad-cam"][at], (320, 320))
    change = np.abs(heated.astype(int) - picture).sum(-1)
    assert change[big > 0.8 * big.max()].mean() > 2 * change[big < 0.1 * big.max()].mean()


def test_the_value_under_the_pointer_is_that_of_the_cell(closely):
    page, run, at = closely
    page.select_option("dialog [name=method]", "hirescam")
    box = page.locator("dialog .stack").nth(1).bounding_box()
    page.mouse.move(box["x"] + 0.31 * box["width"], box["y"] + 0.77 * box["height"])
    said = page.inner_text(".readout")
    for arm in "AB":
        maps = run.arrays[arm, 0]["hirescam"][at]
        h, w = maps.shape
        value = float(maps[int(0.77 * h), int(0.31 * w)])
        read = said.split(f"{arm} ")[1].split(" (")[0].replace("−", "-")
        assert float(read) == pytest.approx(value, rel=1e-3)
    page.keyboard.press("Shift+ArrowRight")
    assert page.inner_text(".readout") != said


def test_arms_are_shown_one_over_another(closely):
    page, _, _ = closely
    page.select_option("dialog [name=view]", "over")
    assert page.locator("dialog .stack").count() == 1
    page.fill("dialog [name=split]", "30")
    clip = "node => getComputedStyle(node).clipPath"
    assert "70%" in page.locator("dialog .left").evaluate(clip)
    assert "30%" in page.locator("dialog .right").evaluate(clip)
    name = page.inner_text(".one-name")
    page.locator("dialog [name=split]").focus()
    page.keyboard.press("ArrowRight")  # moves the seam, not to another image
    assert page.input_value("dialog [name=split]") == "31"
    page.click("dialog [data-step='1']")
    assert page.inner_text(".one-name") != name
    assert page.input_value("dialog [name=view]") == "over"
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()


def test_light_and_dark_can_be_chosen(browser, address):
    page = browser.new_page(color_scheme="light")
    page.goto(address)
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click(".theme")
    dark = page.evaluate(paper)
    assert light != dark
    page.emulate_media(color_scheme="dark")
    page.click(".theme")
    assert page.evaluate(paper) == light
    page.close()


def test_the_first_screen_of_a_laptop_has_the_answer(browser, fake_run, tmp_path):
    """Headline, charts, verdicts, arms and their pictures above the fold of 1280 x 800."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(written(fake_run, fake_run.compared, tmp_path))
    for part in ("h1", ".tally .chip >> nth=-1", ".charts-first .panel >> nth=-1",
                 ".arms tr >> nth=-1", ".hero .tile >> nth=-1", ".lines dd >> nth=-1"):  # fmt: skip
        box = page.locator(part).bounding_box()
        assert 0 < box["y"] + box["height"] <= 800, part
    assert page.locator("details.fold[open]").count() == 0
    page.close()


def test_a_link_opens_its_section_and_a_button_all(browser, address):
    page = browser.new_page()
    page.goto(f"{address}#means")
    assert page.locator("#means .means").is_visible()
    assert page.locator("#methods .paste").is_hidden()
    page.click("nav a[href='#methods']")
    assert page.locator("#methods .paste").is_visible()
    page.locator("#methods summary h2").click()
    assert page.locator("#methods .paste").is_hidden()
    page.click("nav a[href='#methods']")  # the same address again
    assert page.locator("#methods .paste").is_visible()
    page.click(".unfold")
    assert page.locator("details.fold:not([open]), details.part:not([open])").count() == 0
    page.click(".unfold")
    assert page.locator("details.fold[open], details.part[open]").count() == 0
    page.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_overflows_the_width(browser, address, width):
    page = browser.new_page(viewport={"width": width, "height": 800})
    page.goto(address)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.click(".unfold")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.close()


def test_numbers_and_plots_need_no_script(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator(".controls").is_hidden()
    assert page.locator(".hero img").count() == 3
    assert page.locator("noscript .note").is_hidden()
    page.click("#gallery summary")  # opens by itself
    assert page.locator("noscript .note").is_visible()
    assert page.locator(".forest").count() > 3
    context.close()


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_text_has_room_in_forests_and_axes(opened, width):
    """No tick label lies on another one."""
    opened.set_viewport_size({"width": width, "height": 900})
    overlaps = opened.evaluate(
        """() => [...document.querySelectorAll(".ticks")].flatMap((ticks) => {
            const boxes = [...ticks.children].map((one) => one.getBoundingClientRect());
            return boxes.slice(1).filter((box, i) => box.left < boxes[i].right);
        }).length"""
    )
    assert overlaps == 0


@pytest.mark.parametrize("media", ["screen", "print"])
def test_the_longest_chip_stays_in_its_column_and_a_command_on_the_paper(opened, media):
    opened.emulate_media(media=media)
    opened.set_viewport_size({"width": 800, "height": 900})
    beyond = opened.evaluate(
        """() => [...document.querySelectorAll(".findings li > .chip")].flatMap((chip) => {
            chip.textContent = "no better than a control, follows a cue";
            const right = chip.getBoundingClientRect().right;
            return right > chip.nextElementSibling.getBoundingClientRect().left ? [right] : [];
        })"""
    )
    assert opened.locator(".findings li > .chip").count() > 2
    assert beyond == []
    if media == "print":
        cut = (
            "() => [...document.querySelectorAll('pre')].filter(p => p.scrollWidth > p.clientWidth)"
        )
        assert opened.locator("pre").count() > 0
        assert opened.evaluate(f"({cut})().length") == 0


@pytest.mark.slow
@pytest.mark.skipif(not AXE.is_file(), reason="needs axe-core: make axe")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_no_violation(browser, fake_run, tmp_path, scheme, width):
    """Folded, opened, and with an image enlarged."""
    context = browser.new_context(
        bypass_csp=True, color_scheme=scheme, viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    page.goto(written(fake_run, fake_run.compared, tmp_path))
    page.add_script_tag(path=AXE)
    steps = (
        lambda: None,
        lambda: page.click(".unfold"),
        lambda: page.locator(".row").first.click(),
    )
    for step in steps:
        step()
        found = page.evaluate("axe.run()")["violations"]
        said = [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]
        assert said == []
    context.close()


@pytest.mark.slow
def test_a_thousand_images_stay_responsive_and_small(browser, build_run, tmp_path):
    run = build_run(tmp_path, n=1000, seeds=(0,))
    path = render(run, comparison=run.compared)
    assert path.stat().st_size <= 10e6
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    go(page, path.as_uri())
    took = """([name, value]) => {
        const field = document.querySelector(`[name=${name}]`);
        field.value = value;
        const start = performance.now();
        field.dispatchEvent(new Event("change", { bubbles: true }));
        document.body.getBoundingClientRect();  // layout too
        return performance.now() - start;
    }"""
    for change in (["group", "all"], ["label", "1"], ["label", ""], ["outcome", "some"],
                   ["outcome", ""], ["sort", "change|"], ["sort", "arm-3|last"],
                   ["measure", "1"], ["change", "-1"]):  # fmt: skip
        assert page.evaluate(took, change) < 200, change
    page.close()


@pytest.mark.parametrize("width", [360, 1280])
def test_no_number_of_a_chart_runs_beyond_it(opened, width):
    opened.set_viewport_size({"width": width, "height": 900})
    beyond = opened.evaluate(
        """() => [...document.querySelectorAll(".forest tbody td.figure")].flatMap((cell) => {
            const range = document.createRange();
            range.selectNodeContents(cell);
            const over = range.getBoundingClientRect().right - cell.getBoundingClientRect().right;
            return over > 0.5 ? [`${cell.textContent} ${over}`] : [];
        })"""
    )
    assert beyond == []


def test_no_column_of_the_arms_is_cut_where_their_titles_are_long(opened):
    opened.set_viewport_size({"width": 1280, "height": 800})
    beyond = opened.evaluate(
        """() => [...document.querySelectorAll(".stand .scroll")].map((one) => {
            for (const name of one.querySelectorAll("tbody th"))
                name.append(" head with a hidden layer, binary cross-entropy, last block trained");
            return one.scrollWidth - one.clientWidth;
        })"""
    )
    assert beyond == [0]
