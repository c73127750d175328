"""Files below a folder: links in circles, pipes, names that are not UTF-8, folders without end."""

import os
from pathlib import Path

import pytest
from painting import error_of, paint

from campare.__main__ import main
from campare.data import ImageSet
from campare.data.walk import Found, content_of, files_below
from campare.errors import DataError


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for name in ("cat", "dog"):
        for index in range(4):
            paint(tmp_path / name / f"{index}.png")
    return tmp_path


def test_files_are_those_of_all_folders_but_hidden_ones(tmp_path: Path):
    for path in ("b/c.png", "a.png", ".hidden/x.png", "b/.x.png", "__MACOSX/a.png"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / "b/link.png").symlink_to("c.png")
    assert files_below(tmp_path) == Found(("a.png", "b/c.png", "b/link.png"), (), ())


def test_links_in_a_circle_end(pets: Path):
    (pets / "cat/above").symlink_to("..")
    (pets / "itself.png").symlink_to("itself.png")
    found = files_below(pets)
    assert (found.pipes, found.closed) == (("itself.png",), ("cat/above",))
    images = ImageSet.from_folder(pets)
    assert len(images.samples) == 8
    assert "Not used: 1 .png, 1 entries that are no files" in images.inventory.lines([])


def test_a_pipe_among_images_is_skipped_by_name(pets: Path):
    os.mkfifo(pets / "cat/pipe.png")
    os.mkfifo(pets / "README.md")
    images = ImageSet.from_folder(pets)
    assert images.skipped == (("cat/pipe.png", "a pipe, device or socket, no file"),)


def test_a_pipe_for_ground_truth_is_refused(pets: Path):
    os.mkfifo(pets / "boxes.csv")
    assert error_of(pets) == (
        "Expected to read ROOT/boxes.csv, got a pipe, device or socket, no file. "
        "Try to replace it, or to remove it."
    )


def test_a_pipe_is_not_imported(pets: Path):
    os.mkfifo(pets / "cat/pipe.png")
    os.mkfifo(pets / "labels.json")
    images = ImageSet.from_dataset(pets, "folders")
    assert len(images.samples) == 8
    assert "Not used: 2 entries that are no files" in images.inventory.lines([])


def test_a_name_that_is_not_utf_8_is_refused(pets: Path, capsys: pytest.CaptureFixture[str]):
    (pets / os.fsdecode(b"cat/caf\xe9.png")).touch()
    assert error_of(pets) == (
        r"Expected names in UTF-8 in ROOT, got b'cat/caf\xe9.png'. "
        "Try convmv -r --notest -f latin1 -t utf8 ROOT"
    )
    (pets / "a folder").mkdir()
    (pets / "a folder" / os.fsdecode(b"\xe9")).touch()
    assert error_of(pets / "a folder").endswith("utf8 'ROOT'")
    assert main(["data", "import", str(pets), str(pets.parent / "out")]) == 2
    assert capsys.readouterr().err.startswith("campare: error: Expected names in UTF-8")


def test_folders_as_deep_as_the_system_allows(pets: Path):
    here = os.open(pets, os.O_RDONLY)
    name = "d" * 200
    for _ in range(30):  # deeper than a path may be long
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    found = files_below(pets)
    assert len(found.files) == 8
    assert len(found.closed) == 1


def test_content_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(DataError, match=r"^Expected to read .*gone, got No such file or directory"):
        content_of(tmp_path / "gone")
