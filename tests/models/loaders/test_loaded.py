"""Loaded, and which specification is read by what."""

import sys

import pytest

from campare.errors import MissingExtraError, ModelError
from campare.models.loaders import Loaded, load
from campare.models.loaders.loaded import is_model, loaded


@pytest.mark.parametrize(
    ("spec", "module", "extra"),
    [
        ("timm:resnet50", "timm", "timm"),
        ("torchvision:resnet50", "torchvision", "torchvision"),
        ("hf:some/model", "transformers", "hf"),
        ("open_clip:ViT-B-32?pretrained=openai", "open_clip", "clip"),
    ],
)
def test_a_library_that_is_not_installed(spec, module, extra, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setitem(sys.modules, module, None)
    prompts = ["a cat", "a dog"] if module == "open_clip" else None
    with pytest.raises(MissingExtraError) as told:
        load(spec, prompts=prompts)
    assert str(told.value) == (
        f"Expected {module!r} to be installed, got no such module. Try: pip install "
        f"'campare[{extra}]'"
    )


def test_prompts_are_for_clip():
    with pytest.raises(ModelError, match=r"Expected prompts with an open_clip model, got timm:a\."):
        load("timm:a", prompts=["a cat"])
    pytest.importorskip("torch")
    for none in (None, [], "a cat"):
        with pytest.raises(ModelError, match=r"Expected prompts for open_clip:B, a text for each"):
            load("open_clip:B", prompts=none)


def test_what_a_loader_returned():
    given = Loaded("model")
    assert loaded(given, name="", source="", loader="") is given
    with pytest.raises(ModelError, match=r"^Expected of mine a torch module or .*, got tuple\."):
        loaded((1, 2, 3), name="", source="", loader="mine")


def test_what_is_a_model():
    keras = pytest.importorskip("keras")
    assert is_model(keras.Sequential())
    assert not is_model(keras.Sequential)
    assert not is_model({})
    assert not is_model(len)
