"""Data sets of annotation tools: folders whose areas are known, and what is left out of them."""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from foreign import (
    LAYOUTS,
    Scene,
    Thing,
    coco_2017,
    coco_flat,
    coco_roboflow,
    from_1,
    label_studio,
    labelme,
    save,
    scenes,
    table,
    voc_labelmap,
    write,
    yolo_boxes,
    yolo_polygons,
)
from PIL import ExifTags, Image

from campare.data import ImageSet
from campare.data.folder import write_folder
from campare.data.formats.items import Finder
from campare.errors import DataError, MissingExtraError

THROUGH_DATUMARO = ("cvat", "labelme_xml", "open_images")


def check(images: ImageSet, drawn: list[Scene], kind: str, *, has_splits: bool = True) -> None:
    """Every scene is there once, with its class, its split, its pixels, and areas right to 1 %."""
    assert images.class_names == ("cat", "dog")
    assert len(images.samples) == len(drawn)
    for scene in drawn:
        (sample,) = [s for s in images.samples if scene.name in s.image]
        assert images.class_names[sample.label] == scene.label
        assert not has_splits or sample.split == scene.split
        found = images.read(sample)
        np.testing.assert_array_equal(found.image, scene.pixels)
        if kind == "none":
            assert found.regions == {}
            continue
        expected = scene.mask if kind == "masks" else scene.boxes
        area = found.regions["object"].sum()
        assert area == pytest.approx(expected.sum(), rel=0.01)
        assert (found.regions["object"] != expected).sum() <= 0.01 * area


@pytest.mark.parametrize("layout", LAYOUTS)
def test_three_folders_of_each_layout_have_the_areas_that_were_drawn(layout: str, tmp_path: Path):
    writer, kind = LAYOUTS[layout]
    if layout in THROUGH_DATUMARO:
        pytest.importorskip("datumaro")
    for seed in range(3):
        drawn = scenes(seed)
        writer(tmp_path / str(seed), drawn)
        images = ImageSet.from_dataset(tmp_path / str(seed))
        check(images, drawn, kind, has_splits=layout != "cvat")


def lines(images: ImageSet) -> list[str]:
    return images.inventory.lines([sample.image for sample in images.of("test")])


def error(root: Path, *arguments, **options) -> str:
    with pytest.raises(DataError) as caught:
        ImageSet.from_dataset(root, *arguments, **options)
    return str(caught.value).replace(str(root), "ROOT")


def test_a_written_folder_reads_back_the_same_masks(tmp_path: Path):
    drawn = scenes(5)
    coco_2017(tmp_path / "coco", drawn)
    images = ImageSet.from_dataset(tmp_path / "coco")
    write_folder(images, tmp_path / "own")
    check(ImageSet.from_folder(tmp_path / "own"), drawn, "masks")


def test_the_same_folder_has_the_same_fingerprint_and_another_mask_another(tmp_path: Path):
    for name in ("a", "b"):
        coco_2017(tmp_path / name, scenes(1))
    first, again = (ImageSet.from_dataset(tmp_path / name) for name in ("a", "b"))
    assert first.fingerprint == again.fingerprint
    path = tmp_path / "b" / "annotations" / "instances_test2017.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["segmentation"] = [[1, 1, 5, 1, 5, 5]]
    write(path, json.dumps(content))
    assert ImageSet.from_dataset(tmp_path / "b").fingerprint != first.fingerprint


def test_coco_of_equal_file_names_in_two_splits(tmp_path: Path):
    """000.png of train is another image than that of test."""
    drawn = [replace(scene, name=f"{index % 3:03d}") for index, scene in enumerate(scenes(2))]
    drawn = [replace(s, split="train" if i < 3 else "test") for i, s in enumerate(drawn)]
    drawn[2] = replace(drawn[2], things=(replace(drawn[2].things[0], label="dog"),))
    drawn[5] = replace(drawn[5], things=(replace(drawn[5].things[0], label="cat"),))
    coco_2017(tmp_path, drawn)
    images = ImageSet.from_dataset(tmp_path)
    assert len(images.samples) == 6
    for scene in drawn:
        found = [images.read(s) for s in images.of(scene.split)]
        same = [p for p in found if np.array_equal(p.image, scene.pixels)]
        assert [int(p.regions["object"].sum()) for p in same] == [int(scene.mask.sum())]


def test_an_image_of_two_classes_has_that_of_the_larger_area(tmp_path: Path):
    """The other object becomes the region `other`; --several leave-out leaves the image out."""
    drawn = scenes(3)
    both = replace(
        drawn[0],
        things=(Thing("cat", 0, 0, 12, 12, False), Thing("dog", 20, 2, 6, 8, True)),
    )
    yolo_polygons(tmp_path, [both, *drawn[1:]])
    images = ImageSet.from_dataset(tmp_path)
    (sample,) = [s for s in images.samples if both.name in s.image]
    assert images.class_names[sample.label] == "cat"
    regions = images.read(sample).regions
    np.testing.assert_array_equal(regions["object"], both.things[0].mask(both.size))
    np.testing.assert_array_equal(regions["other"], both.things[1].mask(both.size))
    assert any(line.startswith("1 image shows several classes") for line in lines(images))
    fewer = ImageSet.from_dataset(tmp_path, several="leave-out")
    assert len(fewer.samples) == 5
    assert "Not imported, 1 image of several classes: train/images/photo_3_0.png" in lines(fewer)


def test_nothing_vanishes(tmp_path: Path):
    """Every image and annotation that is not imported is counted by its reason."""
    drawn = scenes(4)
    coco_flat(tmp_path, drawn)
    path = tmp_path / "export" / "result.json"
    content = json.loads(path.read_text())
    gone = {"id": 900, "file_name": "gone.png", "height": 8, "width": 8}
    content["images"].append(gone)
    content["annotations"].append(
        {"id": 1, "image_id": 900, "category_id": 8, "bbox": [0, 0, 2, 2]}
    )
    content["annotations"].append({"id": 2, "image_id": 7, "keypoints": [1, 1, 2]})
    outside = {**content["annotations"][-3], "id": 3, "segmentation": None, "bbox": [90, 90, 9, 9]}
    content["annotations"].append(outside)
    write(path, json.dumps(content))
    save(np.zeros((8, 8, 3), np.uint8), tmp_path / "photos" / "train" / "unlisted.png")
    (tmp_path / "photos" / "notes.docx").write_bytes(b"")
    images = ImageSet.from_dataset(tmp_path)
    said = lines(images)
    assert len(images.samples) == 5
    assert "Read as COCO: 5 images with a class, of 7 image files" in said
    assert "Not imported, 1 image named in annotations, not there: gone.png" in said
    assert "Not imported, 1 image not named in annotations: photos/train/unlisted.png" in said
    assert any("1 image Expected a shape inside image" in line for line in said)
    assert any("1 annotation of an image that is not there" in line for line in said)
    assert any("1 annotation without a shape or a category" in line for line in said)
    assert "Not used: 1 .docx" in said
    assert len(images.skipped) == 3


def test_images_without_a_label_are_left_out_or_a_class(tmp_path: Path):
    """YOLO's empty and missing files; the advice for a set of one class works."""
    drawn = [scene for scene in scenes(6) if scene.label == "cat"]
    yolo_boxes(tmp_path, drawn)
    for index in range(3):
        pixels = np.full((20, 20, 3), index, np.uint8)
        save(pixels, tmp_path / "images" / ("test" if index else "train") / f"empty{index}.png")
    write(tmp_path / "labels" / "train" / "empty0.txt", "")
    message = error(tmp_path)
    assert "at least two classes, read as YOLO, got only 'cat'" in message
    assert "Try --background none, as a class of the 3 images without a label" in message
    images = ImageSet.from_dataset(tmp_path, background="none")
    assert images.counts() == {"train": {"cat": 2, "none": 1}, "test": {"cat": 1, "none": 2}}


def test_labels_are_joined_left_out_or_unknown(tmp_path: Path):
    drawn = scenes(7)
    extra = Thing("bird", 40, 20, 4, 4, False)
    drawn[0] = replace(drawn[0], things=(*drawn[0].things, extra))
    labelme(tmp_path, drawn)
    images = ImageSet.from_dataset(tmp_path, labels={"bird": None, "cat": "animal"})
    assert images.class_names == ("animal", "dog")
    assert "other" not in images.regions
    assert any("1 annotation labeled bird" in line for line in lines(images))
    message = error(tmp_path, labels={"brid": None})
    assert "Expected labels that occur in the data set, got 'brid'. Try one of bird" in message


def test_splits_are_kept_or_drawn(tmp_path: Path):
    drawn = [replace(s, split="valid" if s.split == "test" else "train") for s in scenes(8)]
    yolo_polygons(tmp_path, drawn)
    images = ImageSet.from_dataset(tmp_path)
    assert {split: sum(n.values()) for split, n in images.counts().items()} == {
        "train": 4,
        "test": 2,
    }
    assert "There is no test split; the images for validation are it" in lines(images)
    drawn_anew = ImageSet.from_dataset(tmp_path, keep_splits=False, seed=3)
    assert "Train and test are drawn from seed 3" in lines(drawn_anew)


@pytest.mark.parametrize("option", ["rows", "columns"])
def test_run_lengths_along_the_wrong_side_are_refused_and_the_advice_works(
    tmp_path: Path, option: str
):
    drawn = scenes(9)
    order = "C" if option == "rows" else "F"
    rows = [[s.file, s.label, from_1(s.mask, order), s.split] for s in drawn]
    table(tmp_path / "train.csv", [["ImageId", "ClassId", "EncodedPixels", "split"], *rows])
    for scene in drawn:
        scene.save(tmp_path / "images" / scene.file)
    wrong = "columns" if option == "rows" else "rows"
    message = error(tmp_path, rle=wrong)
    assert f"Expected run lengths along {wrong}" in message
    assert message.endswith(f"Try --rle {option}")
    check(ImageSet.from_dataset(tmp_path, rle=option), drawn, "masks")


def test_yolo_lines_that_are_none_leave_their_image_out(tmp_path: Path):
    drawn = scenes(10)
    yolo_boxes(tmp_path, drawn)
    write(tmp_path / "labels" / "train" / f"{drawn[0].name}.txt", "0 0.5 0.5 0.2 0.2 0.9\n")
    images = ImageSet.from_dataset(tmp_path)
    assert len(images.samples) == 5
    assert any("(5 numbers, a box with a confidence: a prediction)" in x for x in lines(images))
    write(tmp_path / "labels" / "train" / f"{drawn[0].name}.txt", "5 0.5 0.5 0.2 0.2\n")
    assert "Expected a class of the 2 that YOLO's names list" in error(tmp_path, "yolo")


def test_colors_that_the_palette_does_not_have_are_refused(tmp_path: Path):
    voc_labelmap(tmp_path, scenes(11))
    (tmp_path / "labelmap.txt").unlink()
    message = error(tmp_path)
    assert "Expected colors of the classes in SegmentationClass/" in message
    assert "Try a labelmap.txt" in message


def test_folders_that_are_none_or_two_formats(tmp_path: Path):
    assert "Expected a folder with a data set at ROOT, got no such" in error(tmp_path / "no")
    drawn = scenes(12)
    coco_roboflow(tmp_path, drawn)
    labelme(tmp_path, drawn)
    message = error(tmp_path)
    assert "Expected one format in ROOT, got coco and labelme. Try --format coco" in message
    assert len(ImageSet.from_dataset(tmp_path, "coco").samples) == 6
    pytest.importorskip("datumaro")
    assert "Expected a format (coco, yolo" in error(tmp_path, "coca")


def test_roboflow_is_the_format_of_its_export(tmp_path: Path):
    coco_roboflow(tmp_path, scenes(13))
    check(ImageSet.from_dataset(tmp_path, "roboflow"), scenes(13), "boxes")


def test_classes_called_as_the_folder_of_a_split_are_refused_and_the_advice_works(tmp_path: Path):
    drawn = [
        replace(
            s,
            things=tuple(replace(t, label={"cat": "test"}.get(t.label, t.label)) for t in s.things),
        )
        for s in scenes(14)
    ]
    labelme(tmp_path, drawn)
    assert error(tmp_path).endswith("Try --labels test=test-class")
    images = ImageSet.from_dataset(tmp_path, labels={"test": "test-class"})
    assert images.class_names == ("dog", "test-class")


def test_a_label_of_the_image_and_objects_of_another_name(tmp_path: Path):
    """A choice says the class, boxes say where: own is the image's class."""
    drawn = scenes(15)
    label_studio(tmp_path, drawn)
    path = tmp_path / "project-1.json"
    tasks = json.loads(path.read_text())
    for task, scene in zip(tasks, drawn, strict=True):
        for result in task["annotations"][1]["result"]:
            result["value"][result["type"]] = ["lesion"]
        choice = {"type": "choices", "value": {"choices": [scene.label]}}
        task["annotations"][1]["result"].append(choice)
    write(path, json.dumps(tasks))
    assert "--labels lesion=own" in error(tmp_path)
    check(ImageSet.from_dataset(tmp_path, labels={"lesion": "own"}), drawn, "masks")


def test_a_format_that_is_none_without_datumaro(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    coco_roboflow(tmp_path, scenes(12))
    monkeypatch.setitem(sys.modules, "datumaro.components.environment", None)
    with pytest.raises(MissingExtraError, match=r"got 'coca'. Try one of them, or pip install"):
        ImageSet.from_dataset(tmp_path, "coca")
    check(ImageSet.from_dataset(tmp_path), scenes(12), "boxes")


def test_a_thousand_annotation_files_are_found_in_no_time():
    """Finding is not quadratic: what is near a file is worked out once for each folder."""
    images = [f"JPEGImages/2007_{number:06d}.png" for number in range(3000)]
    finder = Finder(images)
    start = time.process_time()
    found = [finder.find((Path(i).stem,), f"Annotations/{Path(i).stem}.xml") for i in images]
    assert found == images
    assert time.process_time() - start < 1


@pytest.mark.parametrize("displayed", [False, True])
def test_yolo_on_photos_that_exif_turns(tmp_path: Path, displayed: bool):
    """Shares of the stored grid, and said; of the displayed one with annotations_as."""
    drawn = scenes(16)
    yolo_polygons(tmp_path, drawn)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be turned clockwise
    for scene in drawn:
        pixels = np.rot90(scene.pixels) if displayed else scene.pixels
        path = tmp_path / scene.split / "images" / scene.file
        Image.fromarray(np.ascontiguousarray(pixels)).save(path, exif=exif)
    images = ImageSet.from_dataset(tmp_path, annotations_as="displayed" if displayed else None)
    assert displayed != any(line.startswith("EXIF turns 6 photos") for line in lines(images))
    for scene in drawn:
        (sample,) = [s for s in images.samples if scene.name in s.image]
        expected = scene.mask if displayed else np.rot90(scene.mask, -1)
        np.testing.assert_array_equal(images.read(sample).regions["object"], expected)


def test_shapes_within_0_and_1_or_mostly_outside_are_refused_not_imported_as_pixels(tmp_path: Path):
    """A single box outside is a mistake (above); boxes as edges, where sides are meant, are not."""
    drawn = scenes(17)
    coco_roboflow(tmp_path, drawn)
    contents = {path: json.loads(path.read_text()) for path in tmp_path.rglob("*.json")}
    for path, content in contents.items():
        for one in content["annotations"]:
            one["bbox"] = [number / 100 for number in one["bbox"]]
        write(path, json.dumps(content))
    assert error(tmp_path) == (
        "Expected pixels in COCO, got shapes that all lie within 0..1, as shares of an image. Try "
        "x times the width and y times the height of each image."
    )
    for path, content in contents.items():
        for one in content["annotations"]:
            one["bbox"] = [30.0, 20.0, 60.0, 40.0]
        write(path, json.dumps(content))
    assert error(tmp_path).startswith(
        "6 of 6 images are annotated so: Expected a shape inside image"
    )


def test_folders_of_the_system_are_none_of_the_data(tmp_path: Path):
    for name in ("@eaDir", "__MACOSX", ".git", "#recycle"):
        save(np.zeros((8, 8, 3), np.uint8), tmp_path / name / "1.png")
    for scene in scenes(18):
        scene.save(tmp_path / scene.label / scene.file)
    for images in (ImageSet.from_dataset(tmp_path), ImageSet.from_folder(tmp_path)):
        assert images.class_names == ("cat", "dog")
        assert len(images.samples) == 6
