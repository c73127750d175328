"""The page in a browser: an image goes in, maps and scores come out, and nothing leaves."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from campare.errors import MissingExtraError
from campare.explore.arms import Arm
from campare.explore.page import page, shown
from campare.models import wrap
from campare.models.preprocessing import preprocessing
from campare.report.writers.pdf import find_browser

sys.path.insert(0, str(Path(__file__).parent))
from small_models import PICTURE, network


@pytest.fixture(scope="module")
def arms() -> list[Arm]:
    return [
        Arm(name, wrap(network(seed), class_names=["cat", "dog"]), preprocessing(None, None))
        for seed, name in enumerate(("a", "b"))
    ]


def test_every_arm_has_its_overlay_and_its_line(arms):
    overlays, said = shown(arms, PICTURE, method="grad-cam", target="dog", layer="(last)")
    assert [name for _, name in overlays] == ["a", "b"]
    assert [line[:7] for line in said.splitlines()] == ["a: dog ", "b: dog "]


def test_an_arm_that_cannot_costs_itself_alone(arms):
    odd = Arm("odd", wrap(network(2), class_names=["x", "y"]), preprocessing(None, None))
    overlays, said = shown([odd, arms[0]], PICTURE, method="grad-cam", target="dog", layer="")
    assert [name for _, name in overlays] == ["a"]
    assert said.splitlines()[0].startswith("odd: Expected a class")


def test_without_gradio_the_extra_is_named(arms, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(MissingExtraError, match=r"campare\[app\]"):
        page(arms)


@pytest.mark.slow
def test_an_image_is_explained_in_a_browser_without_a_network(tmp_path):
    pytest.importorskip("gradio")
    sync_api = pytest.importorskip("playwright.sync_api")
    Image.fromarray(PICTURE).save(tmp_path / "mine.png")
    for seed, name in enumerate(("a", "b")):
        network(seed).save(tmp_path / f"{name}.keras")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    words = [sys.executable, "-m", "campare", "explore", "a.keras", "b.keras", "--port", str(port)]
    server = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        assert server.stdout.readline().startswith(url)
        with sync_api.sync_playwright() as play:
            browser = play.chromium.launch(executable_path=find_browser())
            window = browser.new_page()
            asked: list[str] = []
            window.on("request", lambda request: asked.append(request.url))
            window.goto(url)
            window.locator("input[type=file]").first.set_input_files(tmp_path / "mine.png")
            said = window.get_by_label("Scores")
            sync_api.expect(said).to_have_value(_says("a: ", "b: "), timeout=60_000)
            sync_api.expect(window.locator(".grid-container img")).to_have_count(2)
            window.get_by_label("Method").click()
            window.get_by_role("option", name="hires-cam").click()
            sync_api.expect(said).to_have_value(_says("hires-cam", "hires-cam"), timeout=60_000)
            window.get_by_label("Layer").click()
            window.get_by_role("option", name="first").click()
            sync_api.expect(said).to_have_value(_says("at first", "at first"), timeout=60_000)
            inside = (url, "data:", "blob:", f"ws://127.0.0.1:{port}")
            assert [each for each in asked if not each.startswith(inside)] == []
            browser.close()
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        server.stdout.close()


def _says(*words: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, words)), re.S)
