"""`campare data`: folders that are drawn, data sets that are imported, cues that are planted."""

import inspect
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from foreign import huggingface, scenes, yolo_in_class_folders, yolo_polygons
from PIL import Image

from campare.__main__ import main
from campare.data import ImageSet
from campare.data.dataset import read_dataset
from campare.errors import DataError
from command_line import Failing, call


def test_draw_writes_an_ordinary_folder(capsys: pytest.CaptureFixture[str]):
    assert call("data draw toys --train 6 --test 4 --size 24 --seed 3") == 0
    assert capsys.readouterr().out == "toys: 6 train images, 4 test images\n"
    again = ImageSet.from_folder("toys")
    assert again.counts() == {"train": {"cat": 3, "dog": 3}, "test": {"cat": 2, "dog": 2}}
    same = ImageSet.drawn(train=6, test=4, size=24, seed=3)
    np.testing.assert_array_equal(
        again.load("test", 24).images.sum(axis=(1, 2, 3)).sum(),
        same.load("test", 24).images.sum(axis=(1, 2, 3)).sum(),
    )


def test_plant_adds_a_cue_with_its_mask():
    call("data draw toys --train 6 --test 4 --size 32")
    assert call("data plant toys marked --p 1 --seed 1") == 0
    marked = ImageSet.from_folder("marked")
    assert "cue" in marked.regions
    before, after = ImageSet.from_folder("toys").load("train", 32), marked.load("train", 32)
    changed = (before.images != after.images).any(axis=-1)
    assert changed.any(axis=(1, 2)).all()
    assert not (changed & ~after.regions["cue"]).any()


def save(values: np.ndarray, path: Path, **options: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values.astype(np.uint8)).save(path, **options)


def noise(path: Path, **options: object) -> None:
    rng = np.random.default_rng([*path.name.encode()])
    save(rng.integers(0, 255, (24, 32, 3)), path, **options)


def trimap(root: Path) -> None:
    values = np.full((24, 32), 2)
    values[6:12, 6:20], values[12, 6:20] = 1, 3
    save(values, root / "masks/cat/0.png")


def voc_classes(root: Path) -> None:
    values = np.zeros((24, 32))
    values[6:12, 6:20], values[12, 6:20], values[:2] = 8, 255, 15
    save(values, root / "masks/cat/0.png")


def boxes(*rows: str) -> Callable[[Path], None]:
    text = "\n".join(["image,xmin,ymin,xmax,ymax,label", *rows])
    return lambda root: (root / "boxes.csv").write_text(text) and None


def turned(root: Path) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    noise(root / "cat/0.jpg", exif=tags)
    boxes("cat/0.jpg,4,14,10,28,cat")(root)


@pytest.mark.parametrize(
    ("fault", "area"),
    [
        (trimap, 84),
        (voc_classes, 84),
        (boxes("cat/0.jpg,6,6,20,12,kitten", "dog/0.jpg,0,0,2,2,puppy"), 84),
        (boxes("cat/0.jpg,6,6,20,12,lesion", "dog/0.jpg,0,0,2,2,lesion"), 84),
        (boxes("cat/0.jpg,6,6,20,12,0", "dog/0.jpg,0,0,2,2,1"), 84),
        (turned, 84),
    ],
    ids=["trimap", "class indices", "other words", "one word", "numbers", "turned"],
)
def test_the_option_that_a_message_gives_reads_the_folder(
    fault: Callable[[Path], None], area: int, failing: Failing
):
    for name in ("cat", "dog"):
        for index in range(4):
            noise(Path("photos", name, f"{index}.jpg"))
    fault(Path("photos"))
    message = failing("data", "plant", "photos", "out")
    option = re.search(
        r"(--\S+ (?:'[^']*'|[^ ']+?))(?:, or |\.$)", message[message.rindex(" --") :]
    )
    assert option, message
    assert main(["data", "plant", "photos", "out", *shlex.split(option[1])]) == 0
    images = ImageSet.from_folder("out")
    (of_cat,) = [s for s in images.samples if s.image.endswith("cat/0.png")]
    assert images.read(of_cat).regions["object"].sum() == area


def test_the_command_that_a_message_gives_mends_the_folder(failing: Failing):
    for split in ("seg_train", "seg_test"):
        for name in ("cat", "dog"):
            noise(Path("my photos", split, name, "0.jpg"))
    message = failing("data", "plant", "my photos", "out")
    subprocess.run(message[message.index("Try mv") + len("Try ") :], shell=True, check=True)
    assert main(["data", "plant", "my photos", "out"]) == 0
    assert len(ImageSet.from_folder("out").samples) == 4


def test_import_says_what_was_read_and_what_was_not(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    drawn = scenes(0)
    yolo_polygons(tmp_path / "export", drawn)
    save(np.zeros((8, 8, 3), np.uint8), tmp_path / "export" / "train" / "images" / "empty.png")
    assert call("data import export own") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:3] == [
        "own: 4 train images, 2 test images",
        "train: cat 2, dog 2",
        "test: cat 1, dog 1",
    ]
    assert "Read as YOLO: 6 images with a class, of 7 image files" in said
    assert "Not imported, 1 image without a label: train/images/empty.png" in said
    again = ImageSet.from_folder("own")
    areas = [int(again.read(sample).regions["object"].sum()) for sample in again.samples]
    assert sorted(areas) == sorted(int(scene.mask.sum()) for scene in drawn)


def test_import_passes_its_options_on(monkeypatch: pytest.MonkeyPatch):
    calls = []

    def from_dataset(*given, **options):
        calls.append((given, options))
        raise DataError("Expected nothing, got it. Try less.")

    monkeypatch.setattr(ImageSet, "from_dataset", from_dataset)
    words = (
        "data import here there --format table --several leave-out --background none "
        "--labels crack=defect,person= --classes-from folders --no-keep-splits --window 40,400 "
        "--slices middle --columns "
        "image=id,label=dx --rle rows --mask-values 1,3 --annotations-as stored "
        "--group (p\\d+) --seed 4"
    )
    assert call(words) == 2
    ((given, options),) = calls
    assert given == (Path("here"), "table")
    assert options == {
        "several": "leave-out",
        "background": "none",
        "labels": {"crack": "defect", "person": None},
        "classes_from": "folders",
        "keep_splits": False,
        "window": "40,400",
        "slices": "middle",
        "columns": {"image": "id", "label": "dx"},
        "rle": "rows",
        "mask_values": (1, 3),
        "annotations_as": "stored",
        "group": "(p\\d+)",
        "seed": 4,
    }
    assert set(inspect.signature(read_dataset).parameters) >= set(options)


@pytest.mark.parametrize("layout", ["yolo", "huggingface"])
@pytest.mark.parametrize("number", [None, 0], ids=["a number a class", "one number"])
def test_the_commands_that_messages_give_import_numbers_in_class_folders(
    layout: str, number: int | None, failing: Failing, tmp_path: Path
):
    """An audit's refusal names the import, whose refusal names the option: its masks are right."""
    drawn, export = scenes(2), tmp_path / "export"
    if layout == "yolo":
        yolo_in_class_folders(export, drawn)
        (export / "data.yaml").unlink()
        texts = list(export.rglob("*.txt"))
    else:
        huggingface(export, drawn, names="")
        texts = list(export.rglob("*.jsonl"))
    for text in texts if number is not None else ():
        content = text.read_text("utf-8")
        changed = re.sub("^1 ", "0 ", content, flags=re.M).replace(
            '"categories": [1', '"categories": [0'
        )
        text.write_text(changed, "utf-8")
    message = failing("audit", "m.keras", "--data", "export")
    command = re.search(r"Try campare (data import \S+ OUT)", message)
    assert command, message
    message = failing(*command[1].split())
    option = re.search(r"--labels \S+(?=, or)", message)
    assert option, message
    assert option[0] == ("--labels 0=cat,1=dog" if number is None else "--labels 0=own")
    assert main([*command[1].split(), *option[0].split()]) == 0
    images = ImageSet.from_folder("OUT")
    assert images.class_names == ("cat", "dog")
    for scene in drawn:
        (sample,) = [s for s in images.samples if scene.name in s.image]
        assert images.class_names[sample.label] == scene.label
        expected = scene.mask if layout == "yolo" else scene.boxes
        np.testing.assert_array_equal(images.read(sample).regions["object"], expected)


def test_import_into_the_data_set_is_refused(failing: Failing, tmp_path: Path):
    yolo_polygons(tmp_path / "export", scenes(0))
    assert "Expected a folder outside of export" in failing(
        "data", "import", "export", "export/own"
    )
    assert "Expected --columns as WHAT=NAME" in failing(
        "data", "import", "export", "own", "--columns", "image"
    )


def test_groups_are_named_on_the_command_line(capsys: pytest.CaptureFixture[str]):
    call("data draw toys --train 8 --test 4 --size 24")
    assert call("data plant toys marked --group 0000([0-3])") == 0
    groups = {sample.group for sample in ImageSet.from_folder("marked").samples}
    assert groups == {None, "0", "1", "2", "3"}
    capsys.readouterr()
    for verb in ("audit m.keras --data toys", "study toys", "data plant toys again"):
        assert call(f"{verb} --group patient") == 2
        assert "Expected groups that 'patient' finds in the paths" in capsys.readouterr().err
