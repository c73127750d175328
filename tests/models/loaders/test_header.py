"""Files are told by their headers: what is missing, cut off or something else, in a moment."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest

from campare.errors import CampareError, ModelError
from campare.models.loaders.header import require_readable


def archive(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name in names:
            file.writestr(name, "x" * 200)
    return out.getvalue()


def hdf5(tmp_path):
    import h5py

    with h5py.File(tmp_path / "whole", "w") as file:
        file["kernel"] = np.zeros((8, 8))
    return (tmp_path / "whole").read_bytes()


def safetensors(length=None):
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    return (length or len(header)).to_bytes(8, "little") + header + bytes(16)


def tar():
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        file.addfile(tarfile.TarInfo("pickle"))
    return out.getvalue()


KERAS = archive("metadata.json", "config.json", "model.weights.h5")
DEEP = (10**5).to_bytes(8, "little") + b"[" * 10**5
TORCH = archive("net/data.pkl", "net/data/0")


def test_whole_files_are_fine_whatever_wrote_them(tmp_path):
    whole = {
        "a.keras": KERAS, "a.h5": hdf5(tmp_path), "a.hdf5": hdf5(tmp_path), "a.pt": TORCH,
        "old.pth": b"\x80\x02\x8a\nl\xfc", "oldest.tar": tar(), "a.safetensors": safetensors(),
        "lightning.ckpt": TORCH,
    }  # fmt: skip
    for name, content in whole.items():
        (tmp_path / name).write_bytes(content)
        require_readable(tmp_path / name)
    for name in ("a.pt", "old.pth", "a.safetensors"):
        require_readable(tmp_path / name, "timm:resnet18")
        require_readable(f"timm:resnet18?checkpoint={tmp_path / name}")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/config.json").write_text("{}")
    for text in (tmp_path / "folder", "hf:google/vit-base", "torchvision:resnet50"):
        require_readable(text)


CUT = "a file that is cut off"
BROKEN = {
    "cut.keras": (KERAS[:-40], CUT),
    "empty.keras": (b"", "an empty file"),
    "central.keras": (KERAS.replace(b"PK\x01\x02", b"PK\x01\x03"), "a damaged archive"),
    "weights.keras": (archive("model.weights.h5"), "an archive without config.json"),
    "lfs.keras": (b"version https://git-lfs", "a pointer of git LFS to the file"),
    "torch.keras": (b"\x80\x02abc", "a pickle"),
    "model.txt": (b"hello", "a file that ends in .txt"),
    "page.h5": (b"<html></html>", "something else"),
    "cut.pt": (TORCH[:-40], CUT),
    "page.pt": (b"<html></html>", "something else"),
    "empty.ckpt": (b"", "an empty file"),
    "cut.safetensors": (safetensors()[:-4], CUT),
    "short.safetensors": (safetensors()[:30], CUT),
    "bad.safetensors": (safetensors(5), "a file with a damaged header"),
    "deep.safetensors": (DEEP, "a file with a damaged header"),
    "pickle.safetensors": (b"\x80\x02abcdefgh", "a pickle"),
    "zip.safetensors": (TORCH, "a zip archive"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_wrong_with_a_file_is_said_in_a_line_with_its_name(tmp_path, name):
    content, what = BROKEN[name]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        require_readable(path)
    text = str(caught.value)
    assert text.startswith("Expected a ")
    assert f", {what}. Try: " in text or f"got {what}. Try: " in text
    assert str(path) in text
    assert "\n" not in text


def test_a_cut_hdf5_file_and_one_of_another_name_are_told(tmp_path):
    content = hdf5(tmp_path)
    for name, part, what in (("cut.h5", content[:-100], CUT), ("a.keras", content, "an HDF5 file")):
        (tmp_path / name).write_bytes(part)
        with pytest.raises(ModelError, match=f"got {what}"):
            require_readable(tmp_path / name)


def test_what_is_not_there_is_named(tmp_path):
    for text, loader in (
        ("no.keras", None), ("no.pt", None), ("timm:resnet18?checkpoint=no.pt", None),
        ("no.pt", "timm:resnet18"), ("no.pt", "math:sqrt"),
        ("math:sqrt?checkpoint=no.pt", None),
    ):  # fmt: skip
        with pytest.raises(ModelError, match=r"got no file no\."):
            require_readable(text, loader)
    (tmp_path / "a.pt").mkdir()
    with pytest.raises(ModelError, match="which is no file"):
        require_readable(tmp_path / "a.pt")


def test_what_cannot_be_opened_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.keras").write_bytes(KERAS)

    def refused(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", refused)
    for loader in (None, "math:sqrt"):
        with pytest.raises(ModelError, match=r"a\.keras, which cannot be read: Permission denied"):
            require_readable(tmp_path / "a.keras", loader)


def test_a_loader_is_imported_before_any_file_is_read(tmp_path):
    (tmp_path / "a.pt").write_bytes(b"of the user's own kind")
    require_readable(tmp_path / "a.pt", "math:sqrt")
    require_readable(tmp_path / "a.pt", lambda path: path)
    for text, loader in ((tmp_path / "a.pt", "math:nothing"), ("math:nothing", None)):
        with pytest.raises(CampareError, match="Expected an object at 'math:nothing'"):
            require_readable(text, loader)
