"""Annotation files are found wherever they lie, by what is in them."""

import json
import time

import pytest
from painting import error_of, paint, picture

from campare.__main__ import main
from campare.data import ImageSet
from campare.data.sources import format_of

CLASSES = ("cat", "dog")
BOX = (2, 1, 7, 4)  # 15 pixels


@pytest.fixture
def pets(tmp_path):
    for name in CLASSES:
        for index in range(2):
            paint(tmp_path / name / f"{name}_{index}.jpg")
    return tmp_path


def coco(prefix: str = "") -> str:
    names = [f"{name}_{index}" for name in CLASSES for index in range(2)]
    x, y, right, bottom = BOX
    box = [x, y, right - x, bottom - y]
    return json.dumps(
        {
            "images": [{"id": i, "file_name": f"{prefix}{n}.jpg"} for i, n in enumerate(names)],
            "annotations": [
                {"image_id": i, "category_id": i // 2, "bbox": box} for i in range(len(names))
            ],
            "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
        }
    )


def csv() -> str:
    rows = [f"{n}_{i}.jpg,{','.join(map(str, BOX))},{n}" for n in CLASSES for i in range(2)]
    return "\n".join(["image,xmin,ymin,xmax,ymax,label", *rows])


def voc(name: str) -> str:
    edges = zip(("xmin", "ymin", "xmax", "ymax"), (3, 2, 7, 4), strict=True)
    box = "".join(f"<{edge}>{x}</{edge}>" for edge, x in edges)
    return f"<annotation><object><name>{name}</name><bndbox>{box}</bndbox></object></annotation>"


def areas(root) -> set[int]:
    images = ImageSet.from_folder(root, training=False)
    assert images.class_names == CLASSES
    found = {s.image: picture(images, s.image).regions["object"].sum() for s in images.samples}
    assert len(found) == 4
    return set(found.values())


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("annotations/instances_default.json", coco()),
        ("labels.json", coco()),
        ("result.json", coco()),
        ("cat/export/_annotations.coco.json", coco()),
        ("Boxes.csv", csv()),
        ("labels/boxes.csv", csv()),
        ("annotations/_annotations.csv", csv()),
    ],
)
def test_coco_and_boxes_of_other_names_are_read_and_said(pets, path, content):
    (pets / path).parent.mkdir(parents=True, exist_ok=True)
    (pets / path).write_text(content)
    (pets / "settings.json").write_text("{}")
    assert areas(pets) == {15}
    lines = ImageSet.from_folder(pets).inventory.lines([])
    kind = "COCO" if path.endswith("json") else "boxes.csv"
    assert f"Boxes and outlines ({kind}) in {path}" in lines
    assert lines[-1] == "Not used: 1 .json"


@pytest.mark.parametrize(
    "pattern",
    ["Annotations/{0}/{0}_{1}.xml", "{0}/{0}_{1}.xml", "xmls/{0}_{1}.xml", "Annotation/{0}/{0}_{1}",
     "annotations/{0}/{0}_{1}"],
)  # fmt: skip
def test_voc_files_beside_the_images_and_without_a_suffix_are_read(pets, pattern):
    for name in CLASSES:
        for index in range(2):
            path = pets / pattern.format(name, index)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(voc(name))
    assert areas(pets) == {15}
    assert not any("Not used" in line for line in ImageSet.from_folder(pets).inventory.lines([]))


def test_a_file_in_a_split_means_the_images_of_that_split(tmp_path):
    for split in ("train", "test"):
        for name in CLASSES:
            for index in range(2):
                paint(tmp_path / split / name / f"{name}_{index}.jpg")
        (tmp_path / split / "_annotations.coco.json").write_text(coco())
    images = ImageSet.from_folder(tmp_path)
    assert len(images.inventory.areas["object"]) == 8
    assert {inside for inside, _ in images.inventory.areas["object"].values()} == {15}


def test_the_names_of_readme_count_where_there_are_both(pets):
    (pets / "boxes.csv").write_text(csv())
    (pets / "old.json").write_text(coco())
    assert areas(pets) == {15}
    assert ImageSet.from_folder(pets).inventory.lines([])[-1] == "Not used: 1 .json"


def test_two_formats_elsewhere_are_refused(pets):
    (pets / "a.csv").write_text(csv())
    (pets / "b.json").write_text(coco())
    assert error_of(pets) == (
        "Expected one kind of annotations in ROOT, got a.csv and b.json. Try to keep one of them."
    )
    (pets / "a.csv").unlink()
    assert areas(pets) == {15}


LABELME = json.dumps({"shapes": [], "imagePath": "cat_0.jpg"})
STUDIO = json.dumps([{"id": 1, "data": {"image": "a.jpg"}, "annotations": []}])


@pytest.mark.parametrize(
    ("path", "content", "format_name"),
    [
        ("cat/cat_0.json", LABELME, "LabelMe"),
        ("cat/cat_0.txt", "0 0.5 0.5 0.25 1.0\n1 .1 .1 0.1 .2\n", "YOLO"),
        ("labels/cat_0.txt", "0 0.1 0.2 0.3 0.2 0.3 0.9\n", "YOLO"),
        ("task.json", STUDIO, "Label Studio"),
        ("all.xml", "<?xml version='1.0'?>\n<annotations><image/></annotations>", "CVAT"),
        ("found.csv", "image,x,y,width,height\ncat_0.jpg,1,1,2,2\n", "a table of boxes"),
        ("found.tsv", "path\tbbox\ncat_0.jpg\t[1, 1, 2, 2]\n", "a table of boxes"),
        ("metadata.jsonl", '{"file_name": "a.jpg", "objects": {}}\n', "Hugging Face's metadata"),
    ],
)
def test_annotations_of_other_formats_are_refused_by_name(pets, path, content, format_name):
    (pets / path).parent.mkdir(exist_ok=True)
    (pets / path).write_text(content)
    message = error_of(pets)
    assert message.endswith(
        f"got 1 file of {format_name}, such as {path}. "
        "Try campare data import ROOT OUT, or to move them out of the folder."
    )
    (pets / path).unlink()
    assert ImageSet.from_folder(pets).regions == ()


def test_the_import_that_is_advised_reads_what_lies_beside_the_images(pets, tmp_path):
    for name in CLASSES:
        for index in range(2):
            shape = {
                "label": name, "shape_type": "rectangle", "points": [BOX[:2], BOX[2:]],
            }  # fmt: skip
            content = {"shapes": [shape], "imagePath": f"{name}_{index}.jpg"}
            (pets / name / f"{name}_{index}.json").write_text(json.dumps(content))
    message = error_of(pets).replace("ROOT", str(pets))
    command = message[message.index("campare ") :].partition(",")[0]
    out = tmp_path.with_name(f"{tmp_path.name}-imported")
    assert main(command.replace("OUT", str(out)).split()[1:]) == 0
    assert areas(out) == {15}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("notes.txt", "1 2 3 4 5 are numbers\n"),
        ("cat/cat_0.txt", "a caption\n"),
        ("package.json", '{"name": "x"}'),
        ("captions.json", '{"images": [], "annotations": [{"caption": "a"}]}'),
        ("panoptic.json", '{"images": [], "annotations": [{"segments_info": []}]}'),
        ("broken.json", "{"),
        ("labels.csv", "id,label\n1,cat\n"),
        ("feed.xml", "<rss></rss>"),
    ],
)
def test_other_files_are_counted(pets, path, content):
    (pets / path).write_text(content)
    kind = path[path.index(".") :]
    images = ImageSet.from_folder(pets)
    assert images.regions == ()
    assert images.inventory.lines([]) == [f"Not used: 1 {kind}"]


def test_cvat_in_annotations_is_said_to_be_none_of_voc(pets):
    (pets / "annotations").mkdir()
    (pets / "annotations/annotations.xml").write_text("<annotations><image/></annotations>")
    assert error_of(pets) == (
        "Expected Pascal VOC's XML (<annotation>) in annotations/annotations.xml, got "
        "<annotations>. Try campare data import DATA OUT, or to export it anew as Pascal VOC or "
        "COCO."
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.txt", b"0" + b" 0.5" * 1000 + b" x"), ("a.json", b"[" * 50_000), ("a.json", b"9" * 9000),
     ("a.csv", b'"image,xmin'), ("a.xml", b"<" * 4000), ("a.json", b'{"a":NaN}')],
)  # fmt: skip
def test_a_file_that_means_harm_is_of_no_format_at_once(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    started = time.process_time()
    assert format_of(tmp_path / name) is None
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize("line", ["0 0.5 .5 1 1.", "12 0 0 1 1 0.25 0.75", "0 0.1 0.1 0.2 0.2\n"])
def test_lines_of_yolo_are_known(tmp_path, line):
    (tmp_path / "a.txt").write_text(line)
    assert format_of(tmp_path / "a.txt") == "YOLO"
