"""Specifications in their parts."""

import pytest

from campare.errors import ModelError
from campare.models.loaders.spec import KINDS, Spec, existing, from_root, own_name, parse


@pytest.mark.parametrize(
    ("text", "kind", "name", "options"),
    [
        ("timm:resnet50", "timm", "resnet50", {}),
        ("timm:hf-hub:timm/vit.a1?num_classes=2", "timm", "hf-hub:timm/vit.a1", {"num_classes": 2}),
        ("hf:google/vit-base", "hf", "google/vit-base", {}),
        ("open_clip:ViT-B-32?pretrained=a", "open_clip", "ViT-B-32", {"pretrained": "a"}),
        ("torchvision:vgg11?checkpoint=7.pt", "torchvision", "vgg11", {"checkpoint": "7.pt"}),
        ("timm:a?pretrained=false&x=[1, 2]", "timm", "a", {"pretrained": False, "x": [1, 2]}),
        ("lab.models:load?width=2", "own", "lab.models:load", {"width": 2}),
        ("runs/a.keras", "", "runs/a.keras", {}),
        ("C:models", "", "C:models", {}),
    ],
)
def test_parts(text, kind, name, options):
    assert parse(text) == Spec(kind, name, options)


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "timm:resnet50").write_text("")
    assert parse("timm:resnet50") == Spec("", "timm:resnet50", {})


@pytest.mark.parametrize("options", ["num_classes", "=2", "a-b=1"])
def test_options_that_are_none(options):
    with pytest.raises(
        ModelError, match=r"^Expected options as NAME=VALUE .* Try: timm:resnet50\?"
    ):
        parse(f"timm:resnet50?{options}")


def test_names_can_name_an_arm():
    names = {
        "runs/scratch-1.pt": "scratch-1",
        "timm:resnet50.a1_in1k": "resnet50.a1_in1k",
        "timm:resnet50?checkpoint=runs/b.ckpt": "b",
        "hf:google/vit-base": "vit-base",
        "open_clip:hf-hub:laion/CLIP": "CLIP",
        "lab.models:load": "lab.models-load",
        "hf:///": "hf",
    }
    assert {text: own_name(text) for text in names} == names
    assert parse("timm:resnet50").text == "timm:resnet50"
    assert set(KINDS) == {"timm", "torchvision", "hf", "open_clip"}


def test_a_file_that_is_missing(tmp_path):
    spec = parse(f"timm:resnet50?checkpoint={tmp_path}/no.pt")
    with pytest.raises(
        ModelError, match=r"\(timm:resnet50\?checkpoint=FILE\), got no file .*no\.pt"
    ):
        spec.file("checkpoint")
    assert spec.file("weights") is None
    assert existing(tmp_path, "") == tmp_path


@pytest.mark.parametrize("text", ["x" * 5000, "a/" * 5000, "a\0b"])
def test_what_no_file_can_be_called_is_no_file(text):
    assert parse(text) == ("", text, {})


def test_a_process_that_begins_elsewhere_finds_the_files_of_a_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.keras", "w.pt"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "mine").mkdir()
    lines = {
        "a.keras": f"{tmp_path}/a.keras",
        "timm:a?num_classes=2&checkpoint=w.pt&key=b": (
            f"timm:a?num_classes=2&checkpoint={tmp_path}/w.pt&key=b"
        ),
        "lab:load?checkpoint=w.pt&name=mine": f"lab:load?checkpoint={tmp_path}/w.pt&name=mine",
        "hf:mine": f"hf:{tmp_path}/mine",
        "hf:mine?key=a": f"hf:{tmp_path}/mine?key=a",
    }
    lines |= dict.fromkeys(("timm:mine", "hf:google/vit", "no.pt", "timm:a?checkpoint=no.pt"), "")
    assert {line: from_root(line) for line in lines} == {k: v or k for k, v in lines.items()}
