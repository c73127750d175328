"""What tells the models of lines apart: contents of files, names and versions of libraries."""

from types import SimpleNamespace

import pytest

from campare.models.loaders import digest as module
from campare.models.loaders.digest import digest


@pytest.fixture
def versions(monkeypatch):
    """Versions of libraries, as if they were installed."""
    found = dict.fromkeys(("timm", "torchvision", "transformers", "open_clip_torch"), "1.0")
    monkeypatch.setattr(module, "version", found.__getitem__)
    return found


def test_a_file_is_its_contents(tmp_path):
    one, other = tmp_path / "a.pt", tmp_path / "b.pt"
    one.write_bytes(b"1")
    other.write_bytes(b"1")
    assert digest(one) == digest(str(other))
    other.write_bytes(b"2")
    assert digest(one) != digest(other)


def test_a_line_is_name_options_version_and_checkpoint(tmp_path, versions):
    file = tmp_path / "w.pt"
    file.write_bytes(b"1")
    line = f"timm:resnet18?num_classes=2&checkpoint={file}"
    found = digest(line)
    assert found == digest(f"timm:resnet18?checkpoint={file}&num_classes=2") is not None
    others = [
        digest(f"timm:resnet34?num_classes=2&checkpoint={file}"),
        digest(f"timm:resnet18?num_classes=3&checkpoint={file}"),
        digest("timm:resnet18"),
        digest("torchvision:resnet18"),
        digest("open_clip:ViT-B-32"),
        digest("open_clip:ViT-B-32", prompts={"cat": "a cat"}),
    ]
    file.write_bytes(b"2")
    others.append(digest(line))
    file.write_bytes(b"1")
    assert digest(line) == found
    versions["timm"] = "1.1"
    others.append(digest(line))
    assert len({found, *others}) == 9
    assert None not in others


def test_a_folder_is_the_contents_of_its_files(tmp_path, versions):
    assert versions
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    found = digest(tmp_path), digest(f"hf:{tmp_path}")
    assert found == (digest(tmp_path), digest(f"hf:{tmp_path}"))
    (tmp_path / "model.safetensors").write_bytes(b"2")
    assert not {digest(tmp_path), digest(f"hf:{tmp_path}")} & {*found, None}


def test_what_cannot_be_told_from_another(tmp_path):
    assert digest(object()) is None
    assert digest("lab.models:load?width=2") is None
    assert digest(tmp_path / "nothing.pt") is None
    assert digest(f"hf:{tmp_path}?checkpoint={tmp_path}/nothing.pt") is None


@pytest.mark.slow
def test_a_repository_of_the_hub_is_its_commit(monkeypatch):
    transformers = pytest.importorskip("transformers")
    commits = {"no/one": None, "some/one": "abc"}

    def config(name, revision):
        assert revision == "main"
        if name not in commits:
            raise OSError(name)
        return SimpleNamespace(_commit_hash=commits[name])

    monkeypatch.setattr(transformers.AutoConfig, "from_pretrained", config)
    assert digest("hf:no/such-model") is digest("hf:no/one") is None
    first = digest("hf:some/one")
    commits["some/one"] = "def"
    assert None is not first != digest("hf:some/one")
