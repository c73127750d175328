"""Scenes with objects whose areas are known, and folders of them as annotation tools write them.

Objects are rectangles and L shapes with whole coordinates, so that every tool's area is exact.
"""

import base64
import csv
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

COLORS = {"background": (0, 0, 0), "cat": (64, 0, 0), "dog": (64, 0, 128)}  # of Pascal VOC
NUMBERS = {"cat": 8, "dog": 12}
HUGGING_FACE_NAMES = """---
dataset_info:
  features:
  - name: image
    dtype: image
  - name: objects
    sequence:
    - name: categories
      dtype:
        class_label:
          names:
            '0': cat
            '1': dog
---
# Pets
"""


@dataclass(frozen=True)
class Thing:
    """A rectangle, or an L: the rectangle without its upper right quarter."""

    label: str
    left: int
    top: int
    width: int
    height: int
    is_l: bool

    @property
    def box(self) -> tuple[int, int, int, int]:
        return self.left, self.top, self.left + self.width, self.top + self.height

    @property
    def ring(self) -> list[tuple[int, int]]:
        x0, y0, x1, y1 = self.box
        if not self.is_l:
            return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        x, y = x0 + self.width // 2, y0 + self.height // 2
        return [(x0, y0), (x, y0), (x, y), (x1, y), (x1, y1), (x0, y1)]

    def mask(self, size: tuple[int, int]) -> np.ndarray:
        inside = np.zeros(size, bool)
        x0, y0, x1, y1 = self.box
        inside[y0:y1, x0:x1] = True
        if self.is_l:
            inside[y0 : y0 + self.height // 2, x0 + self.width // 2 : x1] = False
        return inside


@dataclass(frozen=True)
class Scene:
    """One image: its name, split, size and objects, all of its class."""

    name: str
    split: str
    size: tuple[int, int]
    things: tuple[Thing, ...]
    color: int

    @property
    def label(self) -> str:
        return self.things[0].label

    @property
    def file(self) -> str:
        return f"{self.name}.png"

    @property
    def mask(self) -> np.ndarray:
        return np.any([thing.mask(self.size) for thing in self.things], axis=0)

    @property
    def boxes(self) -> np.ndarray:
        filled = np.zeros(self.size, bool)
        for x0, y0, x1, y1 in (thing.box for thing in self.things):
            filled[y0:y1, x0:x1] = True
        return filled

    @property
    def pixels(self) -> np.ndarray:
        image = np.full((*self.size, 3), self.color, np.uint8)
        image[self.mask] = 255 - self.color
        return image

    def save(self, path: Path) -> None:
        save(self.pixels, path)


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def scenes(seed: int) -> list[Scene]:
    """Three images of cat and three of dog, two of each for training; one has two objects."""
    rng = np.random.default_rng(seed)
    found = []
    for index, (label, split) in enumerate(
        (label, split) for label in ("cat", "dog") for split in ("train", "train", "test")
    ):
        size = int(rng.integers(24, 40)), int(rng.integers(44, 60))
        things = tuple(
            Thing(
                label,
                int(rng.integers(0, 8)) + 22 * at,
                int(rng.integers(0, 8)),
                2 * int(rng.integers(3, 7)),
                2 * int(rng.integers(3, 7)),
                bool(rng.integers(2)),
            )
            for at in range(1 + (index == 1))
        )
        found.append(Scene(f"photo_{seed}_{index}", split, size, things, 20 + 10 * index))
    return found


# COCO


def coco(chosen: list[Scene], shape: Callable[[Scene, Thing], dict], at: str = "") -> str:
    """COCO's JSON; ids of categories do not count from 0."""
    entries = [
        {
            "id": 100 * index + number,
            "image_id": 7 + index,
            "category_id": NUMBERS[thing.label],
            "iscrowd": 0,
            **shape(scene, thing),
        }
        for index, scene in enumerate(chosen)
        for number, thing in enumerate(scene.things)
    ]
    images = [
        {"id": 7 + i, "file_name": at + s.file, "height": s.size[0], "width": s.size[1]}
        for i, s in enumerate(chosen)
    ]
    categories = [{"id": number, "name": name} for name, number in NUMBERS.items()]
    return json.dumps({"images": images, "annotations": entries, "categories": categories})


def box_of(_: Scene, thing: Thing) -> dict:
    return {"bbox": [thing.left, thing.top, thing.width, thing.height]}


def ring_of(scene: Scene, thing: Thing) -> dict:
    flat = [float(number) for point in thing.ring for number in point]
    return {**box_of(scene, thing), "segmentation": [flat]}


def runs(mask: np.ndarray, order: str = "F") -> list[int]:
    flat = mask.ravel(order=order)
    lengths, value = [0], False
    for pixel in flat:
        if pixel != value:
            lengths.append(0)
            value = pixel
        lengths[-1] += 1
    return lengths


def runs_of(scene: Scene, thing: Thing) -> dict:
    mask = thing.mask(scene.size)
    return {
        **box_of(scene, thing),
        "segmentation": {"size": list(scene.size), "counts": runs(mask)},
    }


def by_split(chosen: list[Scene]) -> dict[str, list[Scene]]:
    return {split: [s for s in chosen if s.split == split] for split in ("train", "test")}


def coco_2017(root: Path, chosen: list[Scene]) -> None:
    """As on COCO's page: annotations/ beside a folder for each split."""
    for split, own in by_split(chosen).items():
        write(root / "annotations" / f"instances_{split}2017.json", coco(own, ring_of))
        for scene in own:
            scene.save(root / f"{split}2017" / scene.file)


def coco_flat(root: Path, chosen: list[Scene]) -> None:
    """One file for all, run lengths, images below a folder of any name."""
    write(root / "export" / "result.json", coco(chosen, runs_of, at="../photos/"))
    for scene in chosen:
        scene.save(root / "photos" / scene.split / scene.file)


def coco_roboflow(root: Path, chosen: list[Scene]) -> None:
    for split, own in by_split(chosen).items():
        write(root / split / "_annotations.coco.json", coco(own, box_of))
        for scene in own:
            scene.save(root / split / scene.file)
    write(root / "README.roboflow.txt", "Exported by Roboflow")


# YOLO


def yolo_box(scene: Scene, thing: Thing) -> str:
    (height, width), (x0, y0, x1, y1) = scene.size, thing.box
    numbers = (x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height
    return " ".join(f"{number:.6f}" for number in numbers)


def yolo_ring(scene: Scene, thing: Thing) -> str:
    height, width = scene.size
    return " ".join(f"{x / width:.6f} {y / height:.6f}" for x, y in thing.ring)


def yolo_text(scene: Scene, line: Callable[[Scene, Thing], str]) -> str:
    names = ["cat", "dog"]
    return "".join(f"{names.index(t.label)} {line(scene, t)}\n" for t in scene.things)


def yolo_boxes(root: Path, chosen: list[Scene]) -> None:
    """As Ultralytics: images/train, labels/train, names by number."""
    for scene in chosen:
        scene.save(root / "images" / scene.split / scene.file)
        write(root / "labels" / scene.split / f"{scene.name}.txt", yolo_text(scene, yolo_box))
    data = {"path": ".", "train": "images/train", "names": {0: "cat", 1: "dog"}}
    write(root / "data.yaml", yaml.safe_dump(data))


def yolo_polygons(root: Path, chosen: list[Scene]) -> None:
    """As Roboflow: train/images, train/labels, names in a list."""
    for scene in chosen:
        scene.save(root / scene.split / "images" / scene.file)
        write(root / scene.split / "labels" / f"{scene.name}.txt", yolo_text(scene, yolo_ring))
    write(root / "data.yaml", yaml.safe_dump({"nc": 2, "names": ["cat", "dog"]}))


def yolo_darknet(root: Path, chosen: list[Scene]) -> None:
    """As CVAT: obj.data, obj.names, text beside the images, lists of the splits."""
    write(root / "obj.names", "cat\ndog\n")
    write(root / "obj.data", "classes = 2\nnames = data/obj.names\ntrain = data/train.txt\n")
    for split, own in by_split(chosen).items():
        write(root / f"{split}.txt", "".join(f"data/obj_data/{scene.file}\n" for scene in own))
        for scene in own:
            scene.save(root / "obj_data" / scene.file)
            write(root / "obj_data" / f"{scene.name}.txt", yolo_text(scene, yolo_box))


def yolo_in_class_folders(root: Path, chosen: list[Scene]) -> None:
    """Text beside the images, which lie in the folders of their classes."""
    write(root / "data.yaml", yaml.safe_dump({"names": ["cat", "dog"]}))
    for scene in chosen:
        scene.save(root / scene.split / scene.label / scene.file)
        path = root / scene.split / scene.label / f"{scene.name}.txt"
        write(path, yolo_text(scene, yolo_ring))


# Hugging Face


def huggingface(root: Path, chosen: list[Scene], names: str = HUGGING_FACE_NAMES) -> None:
    """ImageFolder: images in the folders of their classes, metadata.jsonl for each split."""
    write(root / "README.md", names)
    for split, own in by_split(chosen).items():
        lines = []
        for scene in own:
            scene.save(root / split / scene.label / scene.file)
            boxes = [[x0, y0, x1 - x0, y1 - y0] for x0, y0, x1, y1 in (t.box for t in scene.things)]
            numbers = [sorted(NUMBERS).index(thing.label) for thing in scene.things]
            objects = {"bbox": boxes, "categories": numbers}
            line = {"file_name": f"{scene.label}/{scene.file}", "objects": objects}
            lines.append(json.dumps(line) + "\n")
        write(root / split / "metadata.jsonl", "".join(lines))


# Pascal VOC


def voc_xml(scene: Scene) -> str:
    things = "".join(
        f"<object><name>{t.label}</name><bndbox><xmin>{t.box[0] + 1}</xmin><ymin>{t.box[1] + 1}"
        f"</ymin><xmax>{t.box[2]}</xmax><ymax>{t.box[3]}</ymax></bndbox></object>"
        for t in scene.things
    )
    size = f"<size><width>{scene.size[1]}</width><height>{scene.size[0]}</height></size>"
    return f"<annotation><filename>{scene.file}</filename>{size}{things}</annotation>"


def voc_boxes(root: Path, chosen: list[Scene]) -> None:
    for scene in chosen:
        scene.save(root / "JPEGImages" / scene.file)
        write(root / "Annotations" / f"{scene.name}.xml", voc_xml(scene))
    voc_sets(root / "ImageSets" / "Main", chosen)


def voc_sets(folder: Path, chosen: list[Scene]) -> None:
    for split, own in by_split(chosen).items():
        write(folder / f"{split}.txt", "".join(f"{scene.name}\n" for scene in own))


def voc_roboflow(root: Path, chosen: list[Scene]) -> None:
    for scene in chosen:
        scene.save(root / scene.split / scene.file)
        write(root / scene.split / f"{scene.name}.xml", voc_xml(scene))


def voc_palette(root: Path, chosen: list[Scene]) -> None:
    """Indexed masks with VOC's palette, the first row a border of 255."""
    for scene in chosen:
        scene.save(root / "JPEGImages" / scene.file)
        index = np.where(scene.mask, NUMBERS[scene.label], 0).astype(np.uint8)
        index[-1] = 255
        mask = Image.fromarray(index)
        colors = [0] * 768
        for name, color in COLORS.items():
            at = NUMBERS.get(name, 0)
            colors[3 * at : 3 * at + 3] = color
        colors[765:] = (224, 224, 192)
        mask.putpalette(colors)
        path = root / "SegmentationClass" / scene.file
        path.parent.mkdir(parents=True, exist_ok=True)
        mask.save(path)
    voc_sets(root / "ImageSets" / "Segmentation", chosen)


def voc_labelmap(root: Path, chosen: list[Scene]) -> None:
    """As CVAT: masks in color, a labelmap.txt."""
    own = {"background": (0, 0, 0), "cat": (250, 50, 83), "dog": (51, 221, 255)}
    for scene in chosen:
        scene.save(root / "JPEGImages" / scene.file)
        color = np.zeros((*scene.size, 3), np.uint8)
        color[scene.mask] = own[scene.label]
        save(color, root / "SegmentationClass" / scene.file)
    lines = [f"{name}:{r},{g},{b}::" for name, (r, g, b) in own.items()]
    write(root / "labelmap.txt", "\n".join(["# label:color_rgb:parts:actions", *lines]))
    voc_sets(root / "ImageSets" / "Segmentation", chosen)


# CVAT, LabelMe, Open Images


def cvat(root: Path, chosen: list[Scene]) -> None:
    """CVAT for images 1.1: rectangles as boxes, L shapes as polygons, a point beside them."""
    parts = []
    for index, scene in enumerate(chosen):
        scene.save(root / "images" / scene.file)
        inside = []
        for t in scene.things:
            x0, y0, x1, y1 = t.box
            edges = f'xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}"'
            points = ";".join(f"{x},{y}" for x, y in t.ring)
            common = f'label="{t.label}" occluded="0" source="manual" z_order="0"'
            inside.append(
                f'<polygon {common} points="{points}"></polygon>'
                if t.is_l
                else f"<box {common} {edges}></box>"
            )
        inside.append('<points label="cat" occluded="0" z_order="0" points="1.0,1.0"></points>')
        parts.append(
            f'<image id="{index}" name="{scene.file}" width="{scene.size[1]}" '
            f'height="{scene.size[0]}">{"".join(inside)}</image>'
        )
    labels = "".join(f"<label><name>{n}</name><attributes/></label>" for n in NUMBERS)
    meta = f"<meta><task><size>{len(chosen)}</size><labels>{labels}</labels></task></meta>"
    body = "".join(parts)
    head = '<?xml version="1.0"?><annotations><version>1.1</version>'
    write(root / "annotations.xml", f"{head}{meta}{body}</annotations>")


def labelme(root: Path, chosen: list[Scene]) -> None:
    for scene in chosen:
        scene.save(root / scene.split / scene.file)
        shapes = []
        for t in scene.things:
            x0, y0, x1, y1 = t.box
            ring = [list(point) for point in t.ring]
            corners = [[x1, y1], [x0, y0]]
            kind = "polygon" if t.is_l else "rectangle"
            points = ring if t.is_l else corners
            shapes.append({"label": t.label, "points": points, "shape_type": kind, "flags": {}})
        content = {
            "version": "5.4.1",
            "flags": {},
            "shapes": shapes,
            "imagePath": scene.file,
            "imageData": None,
            "imageHeight": scene.size[0],
            "imageWidth": scene.size[1],
        }
        write(root / scene.split / f"{scene.name}.json", json.dumps(content))


def labelme_masks(root: Path, chosen: list[Scene]) -> None:
    """Shapes of kind mask: PNG in base64 within a box whose corners are both inside."""
    labelme(root, chosen)
    for scene in chosen:
        path = root / scene.split / f"{scene.name}.json"
        content = json.loads(path.read_text())
        for shape, t in zip(content["shapes"], scene.things, strict=True):
            x0, y0, x1, y1 = t.box
            file = io.BytesIO()
            crop = t.mask(scene.size)[y0:y1, x0:x1]
            Image.fromarray(crop).save(file, "PNG")
            shape["shape_type"] = "mask"
            shape["points"] = [[x0, y0], [x1 - 1, y1 - 1]]
            shape["mask"] = base64.b64encode(file.getvalue()).decode()
        write(path, json.dumps(content))


def labelme_xml(root: Path, chosen: list[Scene]) -> None:
    for scene in chosen:
        scene.save(root / scene.split / scene.file)
        objects = []
        for number, t in enumerate(scene.things):
            points = "".join(f"<pt><x>{x}</x><y>{y}</y></pt>" for x, y in t.ring)
            objects.append(
                f"<object><name>{t.label}</name><deleted>0</deleted><verified>0</verified>"
                f"<occluded>no</occluded><attributes></attributes><id>{number}</id>"
                f"<parts><hasparts></hasparts><ispartof></ispartof></parts>"
                f"<polygon><username>me</username>{points}</polygon></object>"
            )
        size = f"<nrows>{scene.size[0]}</nrows><ncols>{scene.size[1]}</ncols>"
        write(
            root / scene.split / f"{scene.name}.xml",
            f"<annotation><filename>{scene.file}</filename><folder>{scene.split}</folder>"
            f"<imagesize>{size}</imagesize>{''.join(objects)}</annotation>",
        )


def open_images(root: Path, chosen: list[Scene]) -> None:
    """Boxes in shares of the image; classes by their codes."""
    codes = {"cat": "/m/01yrx", "dog": "/m/0bt9lr"}
    named = [["LabelName", "DisplayName"], *([code, name] for name, code in codes.items())]
    table(root / "annotations" / "oidv6-class-descriptions.csv", named)
    edges, flags = ["XMin", "XMax", "YMin", "YMax"], ["IsOccluded", "IsTruncated", "IsGroupOf",
                                                      "IsDepiction", "IsInside"]  # fmt: skip
    for split, own in by_split(chosen).items():
        rows: list[list] = [["ImageID", "Source", "LabelName", "Confidence", *edges, *flags]]
        for scene in own:
            height, width = scene.size
            scene.save(root / "images" / split / scene.file)
            for t in scene.things:
                x0, y0, x1, y1 = t.box
                rows.append([scene.name, "xclick", codes[t.label], 1, x0 / width, x1 / width,
                             y0 / height, y1 / height, 0, 0, 0, 0, 0])  # fmt: skip
        table(root / "annotations" / f"{split}-annotations-bbox.csv", rows)


# MVTec, tables


def mvtec(root: Path, chosen: list[Scene]) -> None:
    for scene in chosen:
        scene.save(root / "screw" / scene.split / scene.label / scene.file)
        mask = np.where(scene.mask, 255, 0).astype(np.uint8)
        save(mask, root / "screw" / "ground_truth" / scene.label / f"{scene.name}_mask.png")


def table(path: Path, rows: list[list]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def table_of_labels(root: Path, chosen: list[Scene]) -> None:
    for scene in chosen:
        scene.save(root / "photos" / scene.file)
    rows = [[scene.name, scene.label, index, scene.split] for index, scene in enumerate(chosen)]
    table(root / "labels.csv", [["image_id", "breed", "age", "split"], *rows])


def table_of_flags(root: Path, chosen: list[Scene]) -> None:
    for scene in chosen:
        scene.save(root / scene.split / scene.file)
    for split, own in by_split(chosen).items():
        rows = [[s.file, int(s.label == "cat"), int(s.label == "dog")] for s in own]
        table(root / split / "_classes.csv", [["filename", " cat", " dog"], *rows])


def from_1(mask: np.ndarray, order: str = "F") -> str:
    lengths = runs(mask, order)
    starts = np.cumsum([0, *lengths])[:-1] + 1
    pairs = list(zip(starts, lengths, strict=True))[1::2]
    return " ".join(f"{start} {length}" for start, length in pairs)


def table_of_runs(root: Path, chosen: list[Scene]) -> None:
    rows = [[s.file, s.label, from_1(t.mask(s.size)), s.split] for s in chosen for t in s.things]
    for scene in chosen:
        scene.save(root / "train_images" / scene.file)
    table(root / "train.csv", [["ImageId", "ClassId", "EncodedPixels", "split"], *rows])


def table_of_boxes(root: Path, chosen: list[Scene]) -> None:
    """As Roboflow for TensorFlow, and TensorFlow's own examples."""
    for split, own in by_split(chosen).items():
        rows = [[s.file, s.size[1], s.size[0], t.label, *t.box] for s in own for t in s.things]
        head = ["filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax"]
        table(root / split / "_annotations.csv", [head, *rows])
        for scene in own:
            scene.save(root / split / scene.file)


# Label Studio


def bits_of_brush(mask: np.ndarray) -> list[int]:
    """A mask as Label Studio's stream of bits, each value of RGBA for itself."""
    values = np.repeat(np.where(mask, 255, 0).astype(np.uint8)[..., None], 4, axis=-1).ravel()
    bits = (
        f"{len(values):032b}" + f"{7:05b}" + "".join(f"{width - 1:04b}" for width in (3, 4, 8, 16))
    )
    at = 0
    while at < len(values):
        same = 1
        while at + same < len(values) and values[at + same] == values[at]:
            same += 1
        length = min(same, 1 << 16)
        bits += "1" + "11" + f"{length - 1:016b}" + f"{values[at]:08b}"
        at += length
    bits += "0" * (-len(bits) % 8)
    return [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]


def label_studio_result(scene: Scene, t: Thing, brush: bool) -> dict:
    height, width = scene.size
    x0, y0, x1, y1 = t.box
    if brush:
        kind = "brushlabels"
        value: dict = {"format": "rle", "rle": bits_of_brush(t.mask(scene.size))}
    elif t.is_l:
        kind = "polygonlabels"
        value = {"points": [[100 * x / width, 100 * y / height] for x, y in t.ring]}
    else:
        kind = "rectanglelabels"
        value = {"x": 100 * x0 / width, "y": 100 * y0 / height, "rotation": 0,
                 "width": 100 * (x1 - x0) / width, "height": 100 * (y1 - y0) / height}  # fmt: skip
    return {"type": kind, "value": {**value, kind: [t.label]}, "original_width": width,
            "original_height": height, "image_rotation": 0}  # fmt: skip


def label_studio(root: Path, chosen: list[Scene]) -> None:
    tasks = []
    for index, scene in enumerate(chosen):
        scene.save(root / "upload" / scene.split / scene.file)
        results = [label_studio_result(scene, t, index % 2 == 0) for t in scene.things]
        point = {"type": "keypointlabels", "value": {"x": 1, "y": 1, "keypointlabels": ["cat"]},
                 "original_width": 9, "original_height": 9}  # fmt: skip
        tasks.append({
            "id": index,
            "data": {"image": f"/data/upload/1/{index:08x}-{scene.file}"},
            "annotations": [{"was_cancelled": True, "result": []}, {"result": [*results, point]}],
        })  # fmt: skip
    write(root / "project-1.json", json.dumps(tasks))


def label_studio_min(root: Path, chosen: list[Scene]) -> None:
    tasks = []
    for index, scene in enumerate(chosen):
        scene.save(root / scene.split / scene.file)
        results = [label_studio_result(scene, t, False) for t in scene.things]
        sizes = ("original_width", "original_height")
        fields = [{**r["value"], **{size: r[size] for size in sizes}} for r in results]
        tasks.append({
            "image": f"/data/local-files/?d=photos/{scene.file}",
            "id": index, "annotator": 1, "annotation_id": index, "label": fields,
        })  # fmt: skip
    write(root / "result.json", json.dumps(tasks))


#: Name of a layout -> (what writes it, whether its areas are those of boxes, masks, or "none").
LAYOUTS: Mapping[str, tuple[Callable[[Path, list[Scene]], None], str]] = {
    "coco_2017": (coco_2017, "masks"),
    "coco_flat": (coco_flat, "masks"),
    "coco_roboflow": (coco_roboflow, "boxes"),
    "yolo_boxes": (yolo_boxes, "boxes"),
    "yolo_polygons": (yolo_polygons, "masks"),
    "yolo_darknet": (yolo_darknet, "boxes"),
    "yolo_in_class_folders": (yolo_in_class_folders, "masks"),
    "huggingface": (huggingface, "boxes"),
    "voc_boxes": (voc_boxes, "boxes"),
    "voc_roboflow": (voc_roboflow, "boxes"),
    "voc_palette": (voc_palette, "masks"),
    "voc_labelmap": (voc_labelmap, "masks"),
    "cvat": (cvat, "masks"),
    "labelme": (labelme, "masks"),
    "labelme_masks": (labelme_masks, "masks"),
    "labelme_xml": (labelme_xml, "masks"),
    "open_images": (open_images, "boxes"),
    "mvtec": (mvtec, "masks"),
    "table_of_labels": (table_of_labels, "none"),
    "table_of_flags": (table_of_flags, "none"),
    "table_of_runs": (table_of_runs, "masks"),
    "table_of_boxes": (table_of_boxes, "boxes"),
    "label_studio": (label_studio, "masks"),
    "label_studio_min": (label_studio_min, "masks"),
}
