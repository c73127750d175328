import json
import os
import shlex
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from campare.__main__ import main
from campare.data import ImageSet, mirror
from campare.data.folder import write_folder
from campare.data.mirror import Mirror, copies_folder, limit, mirrored, origin
from campare.errors import DataError, ModelError
from campare.experiments.arms import trained
from campare.experiments.manifest import facts_of
from campare.models.loaders import load

pytest.importorskip("fsspec")
from shelf import Shelf

PETS = {"pets/cat/1.png": b"1", "pets/cat/2.png": b"22", "pets/dog/1.png": b"333"}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    Shelf.fill(PETS)
    yield
    released()


def fetched(url="shelf://pets"):
    """The copy, what it holds, what was read of the store for it, and what was said."""
    Shelf.read.clear()
    said = []
    copy = mirrored(url, say=said.append)
    files = {
        path.relative_to(copy.path).as_posix(): path.read_bytes()
        for path in copy.path.rglob("*")
        if path.is_file()
    }
    return copy, files, sorted(Shelf.read), said


def below(files):
    return {name.removeprefix("pets/"): content for name, content in files.items()}


def released():
    """Forget what this process reads, as if it had ended."""
    for file in mirror._in_use.values():
        os.close(file)
    mirror._in_use.clear()


def test_all_is_fetched_once_and_a_line_says_how_much_before(tmp_path):
    copy, files, read, said = fetched()
    assert files == below(PETS)
    assert read == sorted(PETS)
    assert said == [f"Fetching shelf://pets: 6 B in 3 files, to {copy.path.parent.parent}"]
    assert copy.path.name == "pets"
    assert copy.path.is_relative_to(tmp_path / "cache/campare/remote")
    assert (copy.path.parents[1].stat().st_mode & 0o777) == 0o700
    assert fetched() == (copy, files, [], [])


def test_of_what_changed_only_that_is_fetched_and_a_copy_in_use_stays():
    old, before, _, _ = fetched()
    Shelf.files = {**PETS, "pets/dog/1.png": b"444", "pets/dog/2.png": b"5"}
    del Shelf.files["pets/cat/2.png"]
    copy, files, read, _ = fetched()
    assert files == below(Shelf.files)
    assert read == ["pets/dog/1.png", "pets/dog/2.png"]
    assert old.path != copy.path
    assert {p.relative_to(old.path).as_posix() for p in old.path.rglob("*.png")} == set(before)
    released()
    assert fetched()[0] == copy
    assert not old.path.exists()


def test_a_kill_leaves_nothing_that_is_taken_for_whole_and_what_was_fetched_stays():
    Shelf.faults = {"pets/dog/1.png": [KeyboardInterrupt()]}
    with pytest.raises(KeyboardInterrupt):
        mirrored("shelf://pets", say=str)
    (folder,) = copies_folder().iterdir()
    assert list(folder.glob("[!.]*")) == []
    (part,) = folder.glob(".*.part")
    done = {f"pets/{p.relative_to(part / 'pets').as_posix()}" for p in part.rglob("*.png")}
    (part / "pets/cat/.1-ab.part.3.png").write_bytes(b"half")
    (folder / ".other.part").mkdir()
    _, files, read, _ = fetched()
    assert files == below(PETS)
    assert set(read) == set(PETS) - done
    assert list(folder.glob(".*.part")) == []


@pytest.mark.parametrize("harm", ["truncated", "emptied", "deleted", "rewritten", "listing"])
def test_a_copy_that_was_harmed_is_mended(harm):
    copy, *_ = fetched()
    file, listing = copy.path / "cat/2.png", copy.path.parent / ".listing.json"
    if harm == "listing":
        listing.write_text(listing.read_text().replace("22", "23"))
    elif harm == "deleted":
        file.unlink()
    else:
        file.write_bytes({"truncated": b"2", "emptied": b"", "rewritten": b"23"}[harm])
        os.utime(file, (1, 1))
    same, files, read, _ = fetched()
    assert (same, files) == (copy, below(PETS))
    assert read == ([] if harm == "listing" else ["pets/cat/2.png"])


def test_what_has_no_version_is_fetched_each_time(monkeypatch):
    Shelf.about = {"pets/cat/1.png": {"ETag": None}}
    fetched()
    _, files, read, _ = fetched()
    assert files == below(PETS)
    assert read == ["pets/cat/1.png"]


def test_a_file_by_its_url_is_a_file(tmp_path):
    copy, _, read, _ = fetched("shelf://pets/dog/1.png")
    assert copy.path.read_bytes() == b"333"
    assert (copy.path.name, read) == ("1.png", ["pets/dog/1.png"])
    assert fetched("shelf://pets/dog/1.png")[2] == []
    assert origin(copy.path) == "shelf://pets/dog/1.png"


def test_a_zip_file_is_unpacked_and_not_kept(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name, content in PETS.items():
            archive.writestr(name, content)
    Shelf.fill({"data/pets.zip": (tmp_path / "a.zip").read_bytes()})
    copy, files, read, _ = fetched("shelf://data/pets.zip")
    assert (files, read) == (below(PETS), ["data/pets.zip"])
    assert not list(copy.path.parent.rglob("*.zip"))
    assert fetched("shelf://data/pets.zip") == (copy, files, [], [])
    assert origin(copy.path / "cat") == "shelf://data/pets.zip/cat"


def test_no_copy_holds_a_secret():
    copy, *_ = fetched("shelf://pets")
    Shelf.fill({"me:secret@pets/cat/1.png": b""})
    copy, *_ = fetched("shelf://me:secret@pets")
    texts = [p.read_text() for p in copies_folder().rglob(".listing.json")]
    assert len(texts) == 2
    assert not any("secret" in text for text in texts)
    assert not [p for p in copies_folder().rglob("*") if "secret" in p.name]
    assert copy.url == "shelf://pets"


def test_a_limit_of_size_is_kept_before_anything_is_fetched(monkeypatch):
    monkeypatch.setenv("CAMPARE_REMOTE_GB", "5e-9")
    with pytest.raises(DataError, match="Expected at most 5 B at shelf://pets, got 6 B") as caught:
        mirrored("shelf://pets", say=str)
    assert Shelf.read == []
    name, value = str(caught.value).partition("Try: ")[2].split(" ")[0].split("=")
    monkeypatch.setenv(name, value)
    fetched()
    for wrong in ("much", "-1", "nan", "inf", "0"):
        monkeypatch.setenv("CAMPARE_REMOTE_GB", wrong)
        with pytest.raises(DataError, match="as a number of gigabytes"):
            limit()


def test_copies_beyond_the_limit_go_the_one_used_longest_ago_first(monkeypatch):
    first = fetched("shelf://pets/cat")[0]
    second = fetched("shelf://pets/dog")[0]
    released()
    os.utime(second.path.parent / ".used", (1, 1))
    monkeypatch.setenv("CAMPARE_REMOTE_GB", "6e-9")
    Shelf.files["more/1.png"] = b"123"
    third = fetched("shelf://more")[0]
    assert [c.path.exists() for c in (first, second, third)] == [True, False, True]


def test_a_disk_that_is_too_small_is_told(monkeypatch):
    monkeypatch.setattr(mirror.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5}))
    with pytest.raises(DataError, match=r"Expected 6 B in .*, got 5 B free\. Try: XDG_CACHE_HOME"):
        mirrored("shelf://pets", say=str)


def test_without_an_answer_the_copy_that_is_there_is_advised(monkeypatch):
    copy, *_ = fetched()

    def fails(*_, **__):
        raise ConnectionResetError("no network")

    monkeypatch.setattr(Shelf, "info", fails)
    with pytest.raises(DataError, match="Expected an answer from shelf://pets") as caught:
        mirrored("shelf://pets", say=str)
    assert str(caught.value).rpartition(": ")[2] == str(copy.path)


def test_of_two_that_want_the_same_one_fetches():
    """Threads stand for processes: each opens the file of the lock by itself."""
    barrier, said = threading.Barrier(2), []

    def other():
        barrier.wait()
        mirrored("shelf://pets", say=said.append)

    both = [threading.Thread(target=other) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(Shelf.read) == sorted(PETS)
    assert [line.split()[0] for line in said].count("Fetching") == 1


@pytest.fixture
def drawn(tmp_path):
    """A folder of images, the same on the shelf."""
    folder = write_folder(ImageSet.drawn(train=4, test=4, size=32), tmp_path / "drawn")
    Shelf.fill(
        {
            f"bucket/drawn/{path.relative_to(folder).as_posix()}": path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }
    )
    return folder


def test_a_set_from_a_url_is_the_folders(drawn, capsys):
    here, there = ImageSet.from_folder(drawn), ImageSet.from_folder("shelf://bucket/drawn")
    assert (there.name, there.fingerprint) == (here.name, here.fingerprint)
    assert there.source == "shelf://bucket/drawn"
    assert here.source is None
    lines = there.inventory.lines([])
    assert [line for line in lines if line not in here.inventory.lines([])] == [
        "Copied from shelf://bucket/drawn"
    ]
    assert (there.load("test", 16).images == here.load("test", 16).images).all()
    assert capsys.readouterr().err.startswith("Fetching shelf://bucket/drawn: ")
    Shelf.files = {name: content for name, content in Shelf.files.items() if "/parts/" not in name}
    other = ImageSet.from_dataset("shelf://bucket/drawn", "folders")
    assert other.source == "shelf://bucket/drawn"


def test_what_is_wrong_in_a_folder_is_told_of_its_url_with_advice_that_works(drawn, monkeypatch):
    Shelf.files = {
        name.replace("/train/", "/Training/").replace("/test/", "/Testing/"): content
        for name, content in Shelf.files.items()
        if not {"masks", "parts"} & set(name.split("/"))
    }
    with pytest.raises(DataError, match=r"in shelf://bucket/drawn") as caught:
        ImageSet.from_folder("shelf://bucket/drawn")
    command = str(caught.value).partition("Try ")[2].rstrip(".")
    monkeypatch.chdir(drawn.parent)
    drawn.rename("before")
    subprocess.run(["sh", "-ec", command], check=True)
    assert len(ImageSet.from_folder("drawn").samples) == 8
    with pytest.raises(DataError, match="got a file"):
        ImageSet.from_folder("shelf://" + next(iter(Shelf.files)))


def test_a_models_url_becomes_its_copy_and_stands_in_the_manifest():
    Shelf.files["bucket/a.keras"] = b"a"
    (arm,) = trained({"mine": "shelf://bucket/a.keras"})
    assert Path(arm.models[0]).read_bytes() == b"a"
    assert facts_of(arm, {})["files"] == ["shelf://bucket/a.keras"]
    with pytest.raises(ModelError, match="Expected"):
        load("shelf://bucket/a.keras")


def test_a_url_without_data_is_one_line_and_status_2(tmp_path, capsys):
    assert main(["data", "plant", "shelf://me:secret@none/a", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err == (
        "campare: error: Expected data at shelf://none/a, got none there. Try: its exact name\n"
    )


@pytest.mark.slow
def test_an_audit_of_urls_says_so_in_its_manifest(drawn, tmp_path, monkeypatch):
    keras = pytest.importorskip("keras")
    model = keras.Sequential(
        [keras.Input((32, 32, 3)), keras.layers.Conv2D(2, 3, activation="relu"),
         keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2)]
    )  # fmt: skip
    model.save(tmp_path / "a.keras")
    Shelf.files["bucket/a.keras"] = (tmp_path / "a.keras").read_bytes()
    words = ["audit", "mine=shelf://bucket/a.keras", "--data", "shelf://me:secret@bucket/drawn",
             "--metrics", "energy", "--out", str(tmp_path / "run")]  # fmt: skip
    Shelf.files |= {
        name.replace("bucket", "me:secret@bucket", 1): content
        for name, content in Shelf.files.items()
    }
    monkeypatch.setattr(sys, "argv", ["campare", *words])
    assert main(words) == 0
    text = (tmp_path / "run/run.json").read_text()
    manifest = json.loads(text)
    assert manifest["data"]["source"] == "shelf://bucket/drawn"
    assert (
        manifest["data"]["fingerprint"] == ImageSet.from_folder(drawn, training=False).fingerprint
    )
    assert manifest["recipes"][0]["files"] == ["shelf://bucket/a.keras"]
    assert "shelf://bucket/drawn" in manifest["command"]
    assert not [
        p for p in (tmp_path / "run").rglob("*") if p.is_file() and b"secret" in p.read_bytes()
    ]


def test_a_mirror_is_a_path():
    copy = Mirror("s3://bucket/pets", Path("/cache/my pets"))
    assert os.fspath(copy) == "/cache/my pets"
    told = copy.told(f"Expected a. Try campare data import {shlex.quote('/cache/my pets')} OUT")
    assert "s3://bucket/pets" in told
