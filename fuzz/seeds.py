"""The files that mutants are made from: small ones that campare reads, written here."""

import base64
import io
import json
from typing import Any

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 12, 8
NAMES = ("cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")


def _json(*values: Any) -> tuple[bytes, ...]:
    return tuple(json.dumps(value).encode() for value in values)


def picture(seed: int = 0) -> bytes:
    """A PNG of noise, 12 x 8 pixels."""
    pixels = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    return _saved(Image.fromarray(pixels), "PNG")


def _saved(image: Image.Image, format: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def images() -> tuple[bytes, ...]:
    """The formats and modes that are read."""
    rgb = Image.fromarray(
        np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8).repeat(2, 0)
    )
    exif = Image.Exif()
    exif[274] = 6
    found = [
        _saved(rgb.convert(mode), "PNG") for mode in ("RGB", "L", "1", "P", "RGBA", "LA", "I;16")
    ]
    found.append(_saved(rgb.convert("L"), "PNG", transparency=3))
    found += [
        _saved(rgb, name)
        for name in ("GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "JPEG2000", "TGA")
    ]
    found += [_saved(rgb, "JPEG", exif=exif), _saved(rgb, "JPEG", progressive=True)]
    found += [_saved(rgb, "TIFF", compression=c) for c in ("tiff_lzw", "tiff_deflate", "packbits")]
    found += [_saved(rgb.convert("F"), "TIFF"), _saved(rgb.convert("CMYK"), "JPEG")]
    found.append(_saved(rgb, "GIF", save_all=True, append_images=[rgb.rotate(90)]))
    found.append(_saved(rgb, "TGA", compression="tga_rle"))
    return tuple(found)


def masks() -> tuple[bytes, ...]:
    """Masks of two values, of soft edges, of colors, of classes, and transparent ones."""
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    inside[2:5, 3:9] = 1
    soft = Image.fromarray(inside * 255).resize((WIDTH, HEIGHT), Image.Resampling.BILINEAR)
    indexed = Image.fromarray(inside * 3)
    indexed.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    rgba = np.dstack([np.full((HEIGHT, WIDTH, 3), 90, np.uint8), inside * 255])
    found = [Image.fromarray(inside), Image.fromarray(inside > 0), soft, indexed]
    found += [Image.fromarray(inside.astype(np.uint16) * 999), Image.fromarray(rgba)]
    return tuple(_saved(image, "PNG") for image in found)


BOXES = (
    b"image,xmin,ymin,xmax,ymax,label\ncat/1.png,0,0,4,2.5,cat\ndog/1.png,1,1,3,3,dog\n",
    b"image;xmin;ymin;xmax;ymax\ncat/1.png;0;0;4;2\n",
    b"image\txmin\tymin\txmax\tymax\tclass_id\ncat/2.png\t0\t0\t4\t2\t7\n",
)
GROUPS = (b"image,group\ncat/1.png,p1\ncat/2.png,p1\ndog/1.png,p2\n", b"image;group\ncat/1.png;\n")
TABLES = (
    b"id,label\ncat/1.png,cat\ncat/2.png,cat\ndog/1.png,dog\ndog/2.png,dog\n",
    b"image,cat,dog\ncat/1.png,1,0\ndog/1.png,0,1\n",
    b"ImageId,EncodedPixels\ncat/1.png_cat,2 3 10 3\ncat/2.png_dog,1 96\ndog/1.png_dog,\n",
    b"image,x,y,width,height,label,split,patient\ncat/1.png,1,1,4,3,cat,train,a\n",
    b'image,bbox,label\ncat/1.png,"[1, 1, 4, 3]",cat\ndog/1.png,"[0, 0, 2, 2]",dog\n',
    b"image,x_center,y_center,width,height,label\ncat/1.png,0.5,0.5,0.25,0.5,cat\n",
)
XML = (
    b"<annotation><folder>cat</folder><filename>1.png</filename><size><width>12</width><height>8"
    b"</height><depth>3</depth></size><object><name>cat</name><bndbox><xmin>1</xmin><ymin>2</ymin>"
    b"<xmax>6</xmax><ymax>7</ymax></bndbox></object></annotation>",
    b'<annotations><image id="0" name="cat/1.png" width="12" height="8"><ellipse label="cat" '
    b'cx="5" cy="4" rx="2" ry="1" rotation="9"/><box label="cat" xtl="1" ytl="1" xbr="3" ybr="3"/>'
    b"</image></annotations>",
)
COCO = _json(
    {
        "images": [{"id": 7, "file_name": "cat/1.png", "height": HEIGHT, "width": WIDTH},
                   {"id": 8, "file_name": "dog/1.png", "height": HEIGHT, "width": WIDTH}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 1, "bbox": [1, 2, 3, 4]},
            {"id": 2, "image_id": 7, "category_id": 1, "segmentation": [[0, 0, 5, 0, 5, 5]]},
            {"id": 3, "image_id": 8, "category_id": 2, "bbox": [0, 0, 1, 1],
             "segmentation": {"size": [HEIGHT, WIDTH], "counts": [10, 3, 83]}},
            {"id": 4, "image_id": 8, "category_id": 2,
             "segmentation": {"size": [HEIGHT, WIDTH], "counts": "`03"}},
        ],
        "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}],
    },
)  # fmt: skip
LABELME = _json(
    {
        "imagePath": "1.png", "imageHeight": HEIGHT, "imageWidth": WIDTH, "flags": {"cat": True},
        "shapes": [
            {"label": "cat", "shape_type": "polygon", "points": [[0, 0], [5, 0], [5, 5]]},
            {"label": "cat", "shape_type": "rectangle", "points": [[0, 0], [5, 5]]},
            {"label": "dog", "shape_type": "circle", "points": [[4, 4], [5, 5]]},
            {"label": "dog", "shape_type": "mask", "points": [[1, 1], [3, 3]],
             "mask": base64.b64encode(_saved(Image.new("L", (2, 2), 1), "PNG")).decode()},
            {"label": "dog", "shape_type": "point", "points": [[4, 4]]},
        ],
    },
)  # fmt: skip


def brush(runs: tuple[tuple[int, int], ...]) -> bytes:
    """A brush of Label Studio whose runs (values, value) are all of one value; lengths of 4 bits
    or 16."""
    bits = f"{sum(n for n, _ in runs):032b}{7:05b}" + "".join(f"{n - 1:04b}" for n in (2, 4, 8, 16))
    for length, value in runs:
        chosen, width = (1, 4) if length <= 16 else (3, 16)
        bits += f"1{chosen:02b}{length - 1:0{width}b}{value:08b}"
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


BRUSHES = (brush(((4 * WIDTH * HEIGHT, 255),)), brush(((40, 0), (16, 255), (9, 7), (319, 0))))
_SIZED = {"original_height": HEIGHT, "original_width": WIDTH}
LABEL_STUDIO = _json(
    [
        {
            "data": {"image": "/data/upload/1/0a1b2c3d-1.png"},
            "annotations": [{"result": [
                {"type": "rectanglelabels", **_SIZED, "value": {"x": 10, "y": 10, "width": 30,
                 "height": 30, "rotation": 5, "rectanglelabels": ["cat"]}},
                {"type": "ellipselabels", **_SIZED, "value": {"x": 50, "y": 50, "radiusX": 9,
                 "radiusY": 9, "ellipselabels": ["cat"]}},
                {"type": "polygonlabels", **_SIZED, "value": {"polygonlabels": ["dog"],
                 "points": [[0, 0], [50, 0], [50, 50]]}},
                {"type": "brushlabels", **_SIZED, "value": {"format": "rle", "brushlabels": ["dog"],
                 "rle": list(BRUSHES[0])}},
                {"type": "choices", "value": {"choices": ["cat"]}},
            ]}],
        }
    ],
    [{"image": "/x/2.png", "annotator": 1, "annotation_id": 2, "choice": "cat",
      "label": [{"x": 1, "y": 1, "width": 9, "height": 9, "rectanglelabels": ["cat"], **_SIZED}]}],
)  # fmt: skip
LINES = (
    b'{"file_name": "cat/1.png", "objects": {"bbox": [[1, 1, 3, 3]], "categories": [0]}}\n'
    b'{"file_name": "dog/1.png", "label": 1}\n'
    b'{"file_name": "dog/2.png", "objects": [{"bbox": [0, 0, 2, 2], "category": "dog"}]}\n',
)
README = (
    b"---\ndataset_info:\n  features:\n  - name: objects\n    sequence:\n    - name: categories\n"
    b"      dtype:\n        class_label:\n          names:\n            '0': cat\n            '1': "
    b"dog\n---\n# Pets\n",
)
YOLO = (
    b"0 0.5 0.5 0.5 0.5\n1 0.25 0.25 0.1 0.1\n",
    b"0 0.1 0.1 0.9 0.1 0.9 0.9\n",
    b"1 0.5 0.5 0.5 0.5 0.99\n",
)
YOLO_NAMES = _json(
    {"names": ["cat", "dog"], "nc": 2, "path": "."}, {"names": {"0": "cat", "1": "dog"}}
)
LABELMAP = (b"# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:64,0,0::\ndog:64,0,128::\n",)
RUNS = (b"`3", b"13", b"02N1", b"PPYo0b1O2N", b"0`3", b"o" * 8 + b"0")
POLYGON = tuple(
    np.array(ring, np.float64).tobytes()
    for ring in (
        [0, 0, 5, 0, 5, 5],
        [-1, -1, 13, 9, 0, 9],
        [3, 3, 3, 3, 3, 3],
        [1.5, 0.5, 4, 2, 7, 7.5],
    )
)

RECIPES = _json(
    [{"name": "A", "backbone": "resnet50", "weights": "imagenet", "trainable": "head", "epochs": 3,
      "augment": {"flip": "horizontal", "rotation": 0.1}, "learning_rate": 0.001},
     {"name": "B", "weights": "random", "loss": "focal", "seed": 3}],
    [{"name": "own", "train": "lab:fit", "options": {"rate": 0.1}, "factors": {"rate": "high"}}],
)  # fmt: skip
ARMS = _json({"a": {"files": "a.keras", "factors": {"rate": 0.1}, "pixels": "0..1"},
              "b": {"files": ["b.keras"], "classes": {"cat": 1, "dog": [2, "3..4"]}}})  # fmt: skip
CLAIMS = _json([{"name": "mine", "contrast": "B - A", "direction": "higher", "measure": "energy",
                 "smallest": 0.05, "reason": "a twentieth of the map"}])  # fmt: skip
CLASSES = _json({"cat": 3, "dog": "151..268", "fox": [1, "tabby"]}, {"net": {"cat": 1, "dog": 2}})
PROMPTS = _json({"cat": "a photo of a cat", "dog": ["a dog", "dogs"]})
YAML = (
    b"a: &a {x: 1}\nb: *a\nc: {<<: *a, y: [1, 2.5, .inf, no]}\n",
    b"- name: x\n  size: 0o7\n- 'q'\n- |\n  text\n- >-\n  more\n",
    b'{"a": [1, 2], "b": {"c": null}}',
)
OPTIONS = (
    b"1,128..255", b"cat=8,dog=12+13", b"nonzero", b"#ff0000", b"person=,cat=cats", b"0..4095",
    b"40,400", b"image=ImageId, label=ClassId", b"a=0..1,b={mean: [0.5]}", b"{size: 224}", b"caffe",
    b"timm:resnet50?num_classes=2&checkpoint=a.pt", b"14x14+1", b"a=14x14,b=7x7", b"alpha=0.75",
    b"50,100,200", b"score-cam(channels=64)", b"smooth-grad-cam++(samples=4, noise=0.1),iou",
    b"apple=948,banana=954", b"cat=a photo of a cat,dog=a photo", b"(patient_[0-9]+)", b"folder",
)  # fmt: skip
SPECS = (b"timm:resnet50?num_classes=2", b"hf:google/vit", b"lab:load?x=1", b"runs/a.keras")
