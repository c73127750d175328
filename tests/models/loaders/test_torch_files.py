"""Torch weights: read as numbers alone, and fitted key by key."""

import re
import zipfile

import numpy as np
import pytest

from campare.errors import ModelError
from campare.models.loaders import load

torch = pytest.importorskip("torch")
files = pytest.importorskip("campare.models.loaders.torch_files")
fill, last_rows, read, whole = files.fill, files.last_rows, files.read, files.whole

IMAGES = np.random.default_rng(0).random((2, 12, 12, 3)).astype(np.float32)


def same(model, other):
    state, others = model.state_dict(), other.state_dict()
    return all(torch.equal(state[name], others[name]) for name in others)


def test_a_state_dict_says_no_architecture(lab, tmp_path):
    with pytest.raises(ModelError) as told:
        load("net.pt")
    assert str(told.value) == (
        "Expected a model in net.pt, got 4 weights (conv.weight (4, 3, 3, 3), ...), which say no "
        "architecture. Try: --loader timm:NAME, --loader my_module:my_function (path -> model), or "
        "--loader my_module:MyClass"
    )
    assert load("net.pt", loader="lab_of_tests:Net").name == "net"


@pytest.mark.parametrize("key", ["state_dict", "model", "model_state_dict"])
def test_weights_lie_where_training_scripts_put_them(lab, key, tmp_path):
    source = lab()
    torch.save({"epoch": 3, key: source.state_dict(), "loss": torch.zeros(2)}, "run.ckpt")
    assert same(fill(lab(), tmp_path / "run.ckpt", what="Net"), source)


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "model.net."])
def test_a_prefix_of_all_keys_is_taken_off(lab, prefix, tmp_path):
    source = lab()
    state = {prefix + name: weight for name, weight in source.state_dict().items()}
    torch.save({"state_dict": {**state, "criterion.weight": torch.ones(2)}}, "run.pt")
    assert same(fill(lab(), tmp_path / "run.pt", what="Net"), source)


def test_one_of_several_by_its_key(lab, tmp_path):
    first, second = lab(), lab()
    torch.save({"state_dict": first.state_dict(), "ema": second.state_dict()}, "run.pt")
    path = tmp_path / "run.pt"
    assert same(fill(lab(), path, what="Net"), first)
    assert same(fill(lab(), path, what="Net", key="ema"), second)
    with pytest.raises(
        ModelError, match=r"Expected 'best' in .*, got state_dict, ema\. Try: \?key"
    ):
        fill(lab(), path, what="Net", key="best")


def test_safetensors(lab, tmp_path):
    saving = pytest.importorskip("safetensors.torch")
    source = lab()
    saving.save_file(source.state_dict(), tmp_path / "net.safetensors")
    assert same(fill(lab(), tmp_path / "net.safetensors", what="Net"), source)
    (tmp_path / "net.safetensors").write_bytes(b"nothing")
    with pytest.raises(ModelError, match=r"net\.safetensors, which cannot be read: "):
        read(tmp_path / "net.safetensors")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            lambda state: state | {"head.weight": torch.ones(5, 4)},
            "head.weight (2, 4), got (5, 4). Try: the architecture and the options",
        ),
        (
            lambda state: {"conv.weight": state["conv.weight"]},
            "conv.bias (4,), got no such key of 1",
        ),
        (lambda state: state | {"top": torch.ones(2)}, "4 weights, got top (2,) besides"),
    ],
)
def test_weights_of_another_shape(lab, change, text, tmp_path):
    torch.save(change(lab().state_dict()), "other.pt")
    with pytest.raises(ModelError) as told:
        fill(lab(), tmp_path / "other.pt", what="my Net")
    assert str(told.value).startswith("Expected the weights of my Net in ")
    assert text in str(told.value)


def test_the_number_of_classes_of_a_file(lab, tmp_path):
    assert last_rows(tmp_path / "net.pt", "head.weight") == 2
    assert last_rows(tmp_path / "net.pt", "fc.weight") is None


class Held(torch.nn.Linear):
    """A module that is pickled whole."""


def test_a_pickled_module_needs_trust(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(torch.nn.Sequential(torch.nn.Conv2d(3, 2, 3), torch.nn.Flatten()), "whole.pt")
    with pytest.raises(ModelError) as told:
        load("whole.pt")
    assert re.fullmatch(
        r"Expected weights alone in whole\.pt, got a pickle of [\w.]+, whose loading runs whatever "
        r"code is in the file\. Try: torch\.save\(model\.state_dict\(\), FILE\), or --trust "
        r"\(trust=True\) if you know who wrote it",
        str(told.value),
    )
    assert type(load("whole.pt", trust=True).model) is torch.nn.Sequential
    assert not whole(tmp_path / "whole.pt", trust=True).model.training


def test_exported_graphs_are_told(lab, tmp_path):
    for name, inside, kind in [
        ("script.pt", "net/constants.pkl", "TorchScript"),
        ("export.pt2", "net/models/model.json", "torch.export"),
    ]:
        with zipfile.ZipFile(name, "w") as archive:
            archive.writestr(inside, "")
        with pytest.raises(ModelError, match=f"an exported graph of {kind}.*docs/wrappers.md"):
            load(name)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.torch.jit.*is deprecated:DeprecationWarning")
def test_exported_graphs_as_torch_writes_them(lab, tmp_path):
    example = (torch.zeros(1, 3, 8, 8),)
    torch.jit.trace(lab().eval(), example).save("script.pt")
    torch.export.save(torch.export.export(lab().eval(), example), "export.pt2")
    for name, kind in [("script.pt", "TorchScript"), ("export.pt2", "torch.export")]:
        with pytest.raises(ModelError, match=f"an exported graph of {kind}"):
            load(name)


def test_files_that_hold_nothing_of_use(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "noise.pt").write_bytes(b"noise")
    with pytest.raises(ModelError, match=r"got noise\.pt, which cannot be read"):
        load("noise.pt")
    torch.save({"epoch": 3}, "empty.pt")
    with pytest.raises(ModelError, match=r"Expected weights in empty\.pt, got dict without any"):
        load("empty.pt")
    with pytest.raises(ModelError, match=r"got no file no\.pt"):
        load("no.pt")


def test_an_archive_that_grows_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as bomb:
        bomb.writestr("bomb/data.pkl", b"\x80" + bytes(2**27))
    with pytest.raises(ModelError, match=r"be read: an archive of [\d,]+ bytes that becomes"):
        load(tmp_path / "bomb.pt")
