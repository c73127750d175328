"""Arrays and data sets of torch, tf.data and Hugging Face: the same pixels, masks and classes as
those of the folder that the images were written into."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from campare.data import ImageSet
from campare.data.folder import write_folder
from campare.errors import DataError


@pytest.fixture(scope="module")
def drawn() -> ImageSet:
    return ImageSet.drawn(train=8, test=6, size=40)


@pytest.fixture(scope="module")
def folder(drawn: ImageSet, tmp_path_factory) -> Path:
    """The drawn set as files; a JPEG that EXIF turns, and a grey PNG of 16 bits, among them."""
    root = write_folder(drawn, tmp_path_factory.mktemp("given") / "pets")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 255, (30, 40, 3), np.uint8))
    photo.save(root / "test/cat/turned.jpg", exif=exif)
    wide = rng.integers(0, 65535, (20, 24), np.uint16)
    Image.fromarray(wide).save(root / "test/dog/wide.png")
    return root


def files(root: Path, split: str) -> list[tuple[Path, int, Path | None]]:
    """(image, label, its mask or None) of a split."""
    return [
        (path, label, mask if mask.is_file() else None)
        for label, name in enumerate(("cat", "dog"))
        for path in sorted((root / split / name).iterdir())
        for mask in [root / "masks" / split / name / path.name]
    ]


def arrays(images: ImageSet, split: str) -> tuple[np.ndarray, list[int], np.ndarray]:
    pictures = [images.read(sample) for sample in images.of(split)]
    return (
        np.stack([picture.image for picture in pictures]),
        [sample.label for sample in images.of(split)],
        np.stack([picture.regions["object"] for picture in pictures]),
    )


def same(found: ImageSet, expected: ImageSet, split: str = "test", *, masks: bool = True) -> None:
    """The same pictures of a split with the same labels and masks, in whatever order."""
    assert found.class_names == expected.class_names
    assert bool(found.regions) == masks
    one, other = found.load(split, 24), expected.load(split, 24)
    order = [
        sorted(range(len(each)), key=lambda i, each=each: each.images[i].tobytes())
        for each in (one, other)
    ]
    np.testing.assert_array_equal(one.images[order[0]], other.images[order[1]])
    np.testing.assert_array_equal(one.labels[order[0]], other.labels[order[1]])
    if masks:
        np.testing.assert_array_equal(
            one.regions["object"][order[0]], other.regions["object"][order[1]]
        )


def test_pillow_images_paths_and_bytes_are_decoded_as_a_folder_is(folder: Path):
    expected = ImageSet.from_folder(folder)

    def items(read) -> dict[str, list[dict]]:
        return {
            split: [
                {"image": read(path), "label": label, "name": path.name,
                 "mask": mask and read(mask)}
                for path, label, mask in files(folder, split)
            ]
            for split in ("train", "test")
        }  # fmt: skip

    for read in (Image.open, str, Path.read_bytes):
        found = ImageSet.from_data(items(read), classes=["cat", "dog"])
        for split in ("train", "test"):
            same(found, expected, split)
        assert found.regions == ("object",)
        if read is not Image.open:
            stream = {split: iter(each) for split, each in items(read).items()}
            again = ImageSet.from_data(stream, classes=["cat", "dog"])
            same(again, expected)
            assert again.fingerprint == found.fingerprint


def test_ids_are_those_of_the_folder(folder: Path):
    items = {
        split: [{"image": str(p), "label": p.parent.name, "name": p.name} for p, *_ in each]
        for split in ("train", "test")
        for each in [files(folder, split)]
    }
    found, expected = ImageSet.from_data(items), ImageSet.from_folder(folder)
    assert {s.image for s in found.samples} == {s.image for s in expected.samples}


@pytest.mark.parametrize("how", ["uint8", "0..1", "0..255", "first", "int64", "rgba"])
def test_arrays_of_any_scale_and_layout_have_the_pixels_that_were_drawn(drawn: ImageSet, how: str):
    parts = {}
    for split in ("train", "test"):
        images, labels, masks = arrays(drawn, split)
        match how:
            case "0..1":
                images = images.astype(np.float32) / 255
            case "0..255":
                images = images.astype(np.float64)
            case "first":
                images = np.moveaxis(images, -1, 1)
            case "int64":
                images = images.astype(np.int64)
            case "rgba":
                images = np.concatenate([images, np.full_like(images[..., :1], 255)], -1)
        parts[split] = images, labels, masks
    found = ImageSet.from_data(parts, classes=["cat", "dog"])
    for split in ("train", "test"):
        same(found, drawn, split)
    assert found.of("test")[0].image == "test/cat/0"


def test_the_form_of_keras_datasets_is_train_and_test(drawn: ImageSet):
    train, test = (arrays(drawn, split)[:2] for split in ("train", "test"))
    found = ImageSet.from_data((train, (test[0], np.array(test[1])[:, None])))
    assert found.class_names == ("0", "1")
    assert found.counts() == {"train": {"0": 4, "1": 4}, "test": {"0": 3, "1": 3}}


def test_without_splits_they_are_drawn_or_all_are_test(drawn: ImageSet):
    images, labels, _ = arrays(drawn, "train")
    hot = np.eye(2)[labels]
    assert len(ImageSet.from_data((images, hot), training=False).of("test")) == 8
    assert ImageSet.from_data((images, hot)).counts()["test"] == {"0": 1, "1": 1}
    columns = {"image": images, "label": labels, "group": [f"p{i // 2}" for i in range(8)]}
    grouped = ImageSet.from_data(columns, training=False)
    assert [s.group for s in grouped.of("test")][:3] == ["p0", "p0", "p1"]
    by_pattern = ImageSet.from_data((images, labels), training=False, group=r"cat|dog|0|1")
    assert {s.group for s in by_pattern.of("test")} == {"0", "1"}


def test_torch_data_sets_loaders_and_subsets(drawn: ImageSet, folder: Path):
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

    class Files(Dataset):
        classes = ("cat", "dog")

        def __init__(self, split: str) -> None:
            self.samples = [(str(path), label) for path, label, _ in files(folder, split)]

        def __len__(self) -> int:
            return len(self.samples)

        def __getitem__(self, index: int):
            path, label = self.samples[index]
            image = Image.open(path)
            image.load()
            return image, label

    expected = ImageSet.from_folder(folder)
    files_alone = ImageSet.from_data({"train": Files("train"), "test": Files("test")})
    same(files_alone, expected, masks=False)
    part = ImageSet.from_data(Subset(Files("test"), [5, 0]), training=False)
    names = [Files("test").samples[i][0] for i in (5, 0)]
    assert [s.image for s in part.of("test")] == [
        f"test/{Path(n).parent.name}/{Path(n).name}" for n in names
    ]

    images, labels, masks = arrays(drawn, "test")
    tensors = torch.tensor(np.moveaxis(images, -1, 1)).float() / 255
    loader = DataLoader(TensorDataset(tensors, torch.tensor(labels), torch.tensor(masks)), 4)
    reading = {"columns": {"mask": 2}, "classes": ["cat", "dog"], "training": False}
    for data in (loader, loader.dataset):
        same(ImageSet.from_data(data, **reading), drawn)

    class Once(IterableDataset):
        def __iter__(self):
            return iter(loader.dataset)

    stream = ImageSet.from_data(Once(), **reading)
    same(stream, drawn)
    assert "Read once, in order, 6 images into a file" in stream.inventory.notes[0]


def test_tf_data_as_it_is_in_batches_and_as_of_tfds(drawn: ImageSet):
    tf = pytest.importorskip("tensorflow")
    images, labels, masks = arrays(drawn, "test")
    names = [b"%d.png" % i for i in range(6)]
    plain = tf.data.Dataset.from_tensor_slices((images, labels))
    of_tfds = tf.data.Dataset.from_tensor_slices(
        {
            "image": images,
            "label": labels,
            "segmentation_mask": masks[..., None],
            "file_name": names,
        }
    )
    reading = {"classes": ["cat", "dog"], "training": False}
    for data in (plain, plain.batch(4), plain.shuffle(6).map(lambda x, y: (x / 255, y))):
        same(ImageSet.from_data(data, **reading), drawn, masks=False)
    shuffled = [ImageSet.from_data(plain.shuffle(6, seed=s), **reading) for s in (1, 2)]
    assert shuffled[0].fingerprint == shuffled[1].fingerprint
    found = ImageSet.from_data(of_tfds, columns={"mask": "segmentation_mask"}, **reading)
    same(found, drawn)
    assert found.of("test")[0].image == "test/cat/0.png"
    with pytest.raises(DataError, match="without end"):
        ImageSet.from_data(plain.repeat(), **reading)


def test_hugging_face_data_sets_in_memory_and_as_a_stream(folder: Path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["cat", "dog"]),
            "mask": datasets.Image(),
            "text": datasets.Value("string"),
        }
    )

    def part(split: str):
        found = files(folder, split)
        columns = {
            "image": [str(path) for path, *_ in found],
            "label": [label for _, label, _ in found],
            "mask": [mask and str(mask) for *_, mask in found],
            "text": ["x"] * len(found),
        }
        return datasets.Dataset.from_dict(columns, features=features)

    expected = ImageSet.from_folder(folder)
    held = datasets.DatasetDict({"train": part("train"), "test": part("test")})
    found = ImageSet.from_data(held)
    for split in ("train", "test"):
        same(found, expected, split)
    stream = {split: each.to_iterable_dataset() for split, each in held.items()}
    same(ImageSet.from_data(stream), expected)


def test_what_cannot_be_used_is_left_out_and_named(drawn: ImageSet):
    images, labels, _ = arrays(drawn, "test")
    items = [(image, label) for image, label in zip(images, labels, strict=True)]
    items += [(b"no image", 0), (images[0], -1)]
    found = ImageSet.from_data(items, training=False)
    assert [(skipped.image, skipped.reason) for skipped in found.skipped] == [
        ("6", "no image that Pillow can read"),
        ("7", "without a label"),
    ]


def test_an_image_that_is_another_when_read_again_is_an_error(drawn: ImageSet):
    images, labels, _ = arrays(drawn, "test")
    number = itertools.count()

    class Random(list):
        def __getitem__(self, index):
            image = images[index].copy()
            image[0, 0] = next(number)
            return image, labels[index]

    found = ImageSet.from_data(Random(range(6)), training=False)
    with pytest.raises(DataError, match="Try the data set without random transforms"):
        found.load("test", 8)


ZEROS = np.zeros((2, 4, 4, 3), np.uint8)


@pytest.mark.parametrize(
    ("data", "reading", "words"),
    [
        (7, {}, "got int"),
        ([], {}, "without any"),
        (iter([]), {}, "without any"),
        ([3], {}, "items of an image and a label, got int"),
        ([{"a": 1}], {}, "got a. Try: columns={'image': NAME}"),
        ([{"image": ZEROS[0], "y": 1}], {}, "Try: columns={'label': NAME}"),
        ([{"image": ZEROS[0], "label": 1}], {"columns": {"mask": "m"}}, "column 'm' for the mask"),
        ([(ZEROS[0], 0)], {"columns": {"maks": 1}}, "got 'maks'"),
        ([(ZEROS[0], 0, ZEROS[0])], {}, r"Try: columns={'mask': 2}"),
        ((ZEROS, [0, 1, 1]), {}, "2 of image, 3 of label"),
        ((ZEROS - 1.5, [0, 1]), {}, "Try the data set without its normalization"),
        ((np.zeros((2, 6, 6, 2)), [0, 1]), {}, r"got float64 of shape \(6, 6, 2\)"),
        ((ZEROS, [0.5, 1]), {}, "one class for each image"),
        ((ZEROS, [[1, 1], [0, 1]]), {}, "one class for each image"),
        ((ZEROS, [0, 0]), {}, "at least two classes, got 1"),
        ((ZEROS, [0, 5]), {"classes": ["x", "y"]}, "the 2 classes x, y, got 5"),
        ((ZEROS, [0, 1]), {"training": True}, "every class in test"),
        ({"train": 1, "extra": 2}, {}, "got train, extra"),
        ((ZEROS, [0, 1], ZEROS[:, :2, :, 0]), {}, r"size of its image, \(4, 4\)"),
        ((ZEROS, [0, 1], np.arange(32).reshape(2, 4, 4)), {}, r"Try: mask_values=\[1\]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_in_a_line(data, reading, words):
    with pytest.raises(DataError, match=words) as caught:
        ImageSet.from_data(data, **({"training": False} | reading))
    assert "\n" not in str(caught.value)


def test_mask_values_say_what_is_inside():
    masks = np.arange(32).reshape(2, 4, 4) % 3
    found = ImageSet.from_data((ZEROS, [0, 1], masks), mask_values=[1, 2], training=False)
    mask = found.read(found.samples[0]).regions["object"]
    np.testing.assert_array_equal(mask, masks[0] > 0)
