"""Which convention of pixels would fit: networks built to need one, and told another."""

import keras
import numpy as np
import pytest
from PIL import Image

import campare
from campare.data import Images
from campare.data.pixels import KNOWN, MEAN, STD, in_range
from campare.experiments import conventions
from campare.experiments.conventions import fitting, in_doubt
from campare.experiments.evaluated import evaluated
from campare.runs.run import Run
from campare.stats.compare import compare

L = keras.layers
N, SIZE = 24, 8
RNG = np.random.default_rng(0)


def images() -> Images:
    """Dark and bright pictures, of 90 and 170 in all channels but for noise."""
    labels = np.arange(N) % 2
    gray = np.where(labels, 170, 90)[:, None, None, None]
    pixels = (gray + RNG.normal(0, 8, (N, SIZE, SIZE, 3))).astype(np.uint8)
    names = tuple(f"{'ab'[label]}/{i}.png" for i, label in enumerate(labels))
    return Images(pixels, labels.astype(np.int64), names, {}, ("a", "b"))


DATA = images()


def needing(pixels: str) -> keras.Model:
    """A network right about DATA with these pixels: class b where the mean of an image is from
    that of 160 on, and below that of white."""
    low, high = (in_range(np.full((1, 1, 1, 3), v), pixels).mean() for v in (160.0, 255.0))
    x = inputs = keras.Input((SIZE, SIZE, 3))
    x = L.Conv2D(2, 1, activation="relu", name="conv")(x)
    x = L.GlobalAveragePooling2D()(x)
    network = keras.Model(inputs, L.Dense(2, name="top")(x), name=f"needs-{pixels[:3]}")
    span = float(high - low)
    # relu(mean - low) and relu(mean - high): b between the two
    network.get_layer("conv").set_weights(
        [np.full((1, 1, 3, 2), 1 / 3, np.float32), np.array([-low, -high + span * 0.2], np.float32)]
    )
    network.get_layer("top").set_weights(
        [np.array([[0, 1], [0, -40]], np.float32) / span, np.array([0, -0.02], np.float32)]
    )
    return network


def under_evaluation(pixels, given):
    return evaluated(
        "m", needing(pixels), ("a", "b"), layer=None, layer_grid=None, size=None, pixels=given,
        classes=None, target="label", batch_size=32, seed=0,
    )  # fmt: skip


#: What each network needs, and a convention with which it answers by chance.
WRONG = {"0..255": "0..1", "0..1": "0..255", "-1..1": "0..255", "imagenet": "0..255",
         "caffe": "0..1"}  # fmt: skip


@pytest.mark.parametrize("needed", KNOWN)
def test_the_convention_that_a_network_needs_is_named(needed):
    right = under_evaluation(needed, needed)
    assert (right.predict(DATA.images).argmax(1) == DATA.labels).mean() == 1
    assert fitting(right, DATA) == {}
    found = fitting(under_evaluation(needed, WRONG[needed]), DATA)
    expected = {"pixels": needed, "also": [], "accuracy": 1, "before": 0.5, "images": N}
    assert found == expected


def test_what_is_in_doubt():
    labels = [0, 0, 0, 1]
    assert in_doubt(0.95, False, labels)
    assert in_doubt(0.8, True, labels)
    assert not in_doubt(0.9, True, labels)


def test_conventions_that_the_images_do_not_tell_apart_are_all_named(monkeypatch):
    """By a sign test at 5 %: five wrong answers more are evidence, four are none."""
    wrong = {"0..255": 12, "0..1": 0, "-1..1": 1, "imagenet": 5, "caffe": 12}

    def answers(model, some):
        return np.arange(len(some)) >= wrong[model.pixels], 0.9

    monkeypatch.setattr(conventions, "_answers", answers)
    found = fitting(under_evaluation("0..1", "0..255"), DATA)
    assert (found["pixels"], found["also"]) == ("0..1", ["-1..1"])
    wrong["0..1"] = 12
    found = fitting(under_evaluation("0..1", "0..255"), DATA)
    assert (found["pixels"], found["also"]) == ("-1..1", ["imagenet"])


def double(images):
    """A function of a user's own: twice too bright for a network that needs 0..1."""
    return images / 255 * 2


def test_a_function_of_ones_own_is_tried_against_conventions_in_its_stead():
    found = fitting(under_evaluation("0..1", double), DATA)
    assert (found["pixels"], found["accuracy"]) == ("0..1", 1)
    noise = Images(
        DATA.images[::-1].copy(), np.roll(DATA.labels, 12) * 0, DATA.names, {}, ("a", "b")
    )
    assert fitting(under_evaluation("0..1", double), noise.subset([1, 3])) == {"prepared": "double"}


def test_what_is_no_picture_of_one_or_three_channels_is_not_tried():
    network = keras.Sequential(
        [keras.Input((SIZE, SIZE, 4)), L.Conv2D(2, 1), L.GlobalAveragePooling2D(), L.Dense(2)]
    )

    def stacked(images):
        return np.concatenate([images, images[..., :1]], axis=-1)

    found = campare.audit({"a": network}, DATA, metrics=["entropy"], pixels=stacked)
    sentence = (
        "Your own stacked prepares its pixels: no known convention in its stead does better, and "
        "none can be tried within it. Do it and the classes fit the model?"
    )
    assert sum(sentence in str(answer) for answer in found.compare().answers) == 1


def test_a_few_images_prove_nothing():
    wrong = under_evaluation("0..1", "0..255")
    assert fitting(wrong, DATA.subset(range(4))) == {}


def test_the_summary_and_the_report_say_what_would_fit(tmp_path):
    data = campare.ImageSet.from_images(DATA)
    models = {"right": needing("-1..1"), "wrong": needing("-1..1")}
    pixels = {"right": "-1..1", "wrong": "0..255"}
    campare.audit(models, data, metrics=["entropy"], pixels=pixels, out=tmp_path / "run")
    run = Run.open(tmp_path / "run")
    fits = {cell.recipe: cell.fits for cell in run.manifest.cells.values()}
    assert fits["right"] == {}
    assert fits["wrong"]["pixels"] == "-1..1"
    name = "tf"  # the same without a minus
    sentence = f"With pixels={name!r} accuracy would be 1.00 on 24 images. Try: --pixels {name}."
    texts = [str(answer) for answer in compare(run).answers]
    assert sum(sentence in text for text in texts) == 1
    assert sentence.replace("'", "&#39;") in (tmp_path / "run/report.html").read_text("utf-8")
    in_memory = campare.audit(models, DATA, metrics=["entropy"], pixels=pixels)
    assert [str(answer) for answer in in_memory.compare().answers] == texts
    again = campare.audit(models["wrong"], data, metrics=["entropy"], pixels=name)
    assert again.frame.filter(again.frame["metric"] == "correct")["value"].mean() == 1


# MobileNet of ImageNet on photographs

IMAGENET = {
    "fruits": {"apple": "948", "banana": "954", "orange": "950"},
    "pets": {"cat": "281..285", "dog": "151..268"},
}
#: From each convention to the -1..1 of MobileNet: of one channel, factor and offset.
TO_TF = {
    "0..255": (1 / 127.5, -1),
    "0..1": (2, -1),
    "-1..1": (1, 0),
    "imagenet": ([2 * s for s in STD], [2 * m - 1 for m in MEAN]),
    "caffe": (1 / 127.5, [m / 127.5 - 1 for m in (103.939, 116.779, 123.68)]),
}


@pytest.fixture(scope="module")
def mobilenet(real):
    network = keras.applications.MobileNet(alpha=0.75, weights=None)
    network.load_weights(real / "weights/mobilenet_v1_0.75_224_imagenet.weights.h5")
    return network


def plain_accuracy(network, folder, classes, crop):
    """Right answers among 1000 classes with Pillow and Keras alone, as people write it."""
    hits, own = [], {}
    for name, outputs in classes.items():
        first, _, last = outputs.partition("..")
        own[name] = range(int(first), int(last or first) + 1)
    for name in classes:
        photos = []
        for path in sorted((folder / "test" / name).iterdir()):
            photo = Image.open(path).convert("RGB")
            if crop:
                ratio = 256 / min(photo.size)
                width, height = (int(side * ratio) for side in photo.size)
                photo = photo.resize((max(width, 256), max(height, 256)), Image.BILINEAR)
                left, top = round((photo.width - 224) / 2), round((photo.height - 224) / 2)
                photo = photo.crop((left, top, left + 224, top + 224))
            else:
                photo = photo.resize((224, 224), Image.BILINEAR)
            photos.append(np.asarray(photo, np.float32))
        batch = keras.applications.mobilenet.preprocess_input(np.stack(photos))
        probabilities = network.predict(batch, verbose=0)
        together = {n: probabilities[:, list(of)].sum(1) for n, of in own.items()}
        taken = [i for of in own.values() for i in of]
        rest = np.delete(probabilities, taken, axis=1).max(1)
        others = [together[n] for n in own if n != name]
        hits += list(together[name] > np.max([rest, *others], axis=0))
    return float(np.mean(hits))


@pytest.mark.real
@pytest.mark.parametrize("crop", [False, True])
@pytest.mark.parametrize("data", IMAGENET)
def test_accuracy_is_that_of_the_plain_framework(mobilenet, real, tmp_path, data, crop):
    mobilenet.save(tmp_path / "mobilenet.keras")
    expected = plain_accuracy(mobilenet, real / data, IMAGENET[data], crop)
    images = campare.ImageSet.from_folder(real / data, training=False)
    found = campare.audit(
        {"mobilenet": tmp_path / "mobilenet.keras"},  # whose name says what it takes
        images,
        metrics=["entropy"],
        classes=IMAGENET[data],
        pixels={"crop_pct": 0.875} if crop else None,
    )
    accuracy = found.frame.filter(found.frame["metric"] == "correct")["value"].mean()
    print(f"{data}, {'crop' if crop else 'stretch'}: {accuracy:.4f}, plain {expected:.4f}")
    assert abs(accuracy - expected) <= 0.005
    assert accuracy > 0.5


@pytest.mark.real
@pytest.mark.parametrize("needed", KNOWN)
def test_a_wrong_convention_is_named_of_mobilenet(mobilenet, real, needed, tmp_path):
    factor, offset = TO_TF[needed]
    matrix = np.eye(3) * factor
    if needed == "caffe":  # of BGR
        matrix = matrix[::-1]
        offset = offset[::-1]
    inputs = keras.Input((224, 224, 3))
    turned = L.Conv2D(3, 1, name="convention")
    network = keras.Model(inputs, mobilenet(turned(inputs)), name="net")
    turned.set_weights([matrix[None, None].astype("f4"), np.broadcast_to(offset, 3).astype("f4")])
    images = campare.ImageSet.from_folder(real / "fruits", training=False)
    campare.audit(
        {"net": network}, images, metrics=["entropy"], classes=IMAGENET["fruits"],
        pixels=WRONG[needed], out=tmp_path / "run",
    )  # fmt: skip
    run = Run.open(tmp_path / "run")
    fits = run.manifest.cells["net-0"].fits
    print(f"{needed} needed, {WRONG[needed]} given: {fits}")
    # with the contrast of -1..1 a network that needs imagenet is right on as many of these photos
    assert needed in (fits["pixels"], *fits["also"])
    assert fits["pixels"] == needed or needed == "imagenet"
    name = "tf" if needed == "-1..1" else needed
    assert any(f"{name!r}" in str(answer) for answer in compare(run).answers)
