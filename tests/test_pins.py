"""pip and uv install the same versions: their two lists of pins are equal and complete."""

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

from tools import pins

ROOT = Path(__file__).resolve().parent.parent


def test_the_two_lists_are_equal():
    assert pins.differences() == []


def test_a_drift_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    changed = pins.PIP_LIST.read_text().replace("keras==", "keras==0.")
    monkeypatch.setattr(pins, "PIP_LIST", tmp_path / "constraints.txt")
    pins.PIP_LIST.write_text(changed)
    assert [pin.partition("==")[0] for pin in pins.differences()] == ["keras", "keras"]


def test_pins_are_exact_and_name_no_place():
    assert all(re.fullmatch(r"[a-z0-9.-]+==[0-9][^\s/]*", pin) for pin in pins.pip_pins())


def test_what_campare_asks_for_is_pinned_and_torch_is_not():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    pinned_extras = ("tensorflow", "formats", "medical", "dev")
    asked = [*project["dependencies"], *(line for name in pinned_extras for line in extras[name])]
    names = {re.match(r"[\w-]+", line)[0] for line in asked}
    pinned = {pin.partition("==")[0] for pin in pins.pip_pins()}
    assert names <= pinned
    assert not pinned & {"campare", "torch"}
    assert requires("campare")


def test_writing_puts_the_same_pins_into_both_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    before = (ROOT / "pyproject.toml").read_text()
    monkeypatch.setattr(pins, "PIP_LIST", tmp_path / "constraints.txt")
    monkeypatch.setattr(pins, "UV_LIST", tmp_path / "pyproject.toml")
    pins.UV_LIST.write_text(before)
    pins.write(["a==1", "b==2.0"])
    assert pins.pip_pins() == pins.uv_pins() == ["a==1", "b==2.0"]
    pins.write((ROOT / "constraints.txt").read_text().splitlines()[1:])
    assert pins.UV_LIST.read_text() == before
