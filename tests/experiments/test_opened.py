"""Models are opened one at a time; those of one architecture share a network and its programs."""

import gc
import pickle
import weakref

import keras
import numpy as np
import pytest

from campare import audit
from campare.attribution.method import METHODS
from campare.data import ImageSet
from campare.errors import CampareError, ModelError
from campare.experiments import opened as module
from campare.experiments.arms import trained
from campare.experiments.opened import Models

K = keras.layers
IMAGES = np.random.default_rng(0).integers(0, 256, (3, 12, 12, 3)).astype(np.uint8)


def network(seed, channels=3, side=12, classes=2):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((side, side, 3)),
            K.Conv2D(channels, 3, activation="relu"),
            K.GlobalAveragePooling2D(),
            K.Dense(classes),
        ]
    )


def models(arms, **settings):
    reading = {
        "class_names": ("cat", "dog"), "layer": None, "layer_grid": None, "size": None,
        "pixels": "0..255", "classes": None, "target": "label", "batch_size": 8, "seed": 0,
    }  # fmt: skip
    found = trained(arms)
    return Models(
        {arm.name: arm for arm in found},
        {arm.name: reading | settings for arm in found},
        (METHODS["grad-cam"],),
    )


@pytest.fixture
def files(tmp_path):
    paths = []
    for seed in range(3):
        paths.append(tmp_path / f"run-{seed}.keras")
        network(seed).save(paths[-1])
    return paths


def test_replicates_of_one_architecture_are_one_network_with_the_weights_of_each(files):
    opened = models({"a": files})
    cells = opened.arms["a"].cells
    first = opened.first("a")
    assert opened.open(cells[0]) is first
    for cell, path in zip(cells[1:], files[1:], strict=True):
        one = opened.open(cell)
        assert one is first  # and so are its compiled programs
        expected = keras.models.load_model(path)(IMAGES.astype(np.float32)).numpy()
        np.testing.assert_allclose(one.predict(IMAGES), expected, rtol=1e-5)


def test_a_file_with_the_classes_in_another_order_is_refused_by_name(files):
    files[0].with_suffix(".json").write_text('{"classes": ["cat", "dog"]}')
    files[1].with_suffix(".json").write_text('{"classes": ["dog", "cat"]}')
    opened = models({"a": files[:2]})
    first, second = opened.arms["a"].cells
    assert opened.open(first).classes.order.tolist() == [0, 1]
    with pytest.raises(ModelError, match=r"run-1\.keras: Expected classes as in the other models"):
        opened.open(second)


def test_programs_are_compiled_once(files):
    opened = models({"a": files})
    one = opened.first("a")
    labels = np.array([0, 1, 0])
    programs = set()
    for cell in opened.arms["a"].cells:
        one = opened.open(cell)
        one.observe(IMAGES, labels, opened.methods)
        programs |= {id(program) for program in one.classifier._programs.values()}
    assert len(programs) == len(one.classifier._programs)


def test_models_in_memory_stay_as_they_are():
    own = [network(0), network(1)]
    before = [model.get_weights() for model in own]
    opened = models({"a": own})
    found = [opened.open(cell) for cell in opened.arms["a"].cells]
    assert found[0] is not found[1]
    for model, weights in zip(own, before, strict=True):
        for now, then in zip(model.get_weights(), weights, strict=True):
            np.testing.assert_array_equal(now, then)


def test_a_network_of_another_width_is_a_replicate_of_its_own(files, tmp_path):
    network(3, channels=5).save(tmp_path / "wide.keras")
    opened = models({"a": [files[0], tmp_path / "wide.keras"]})
    first, second = (opened.open(cell) for cell in opened.arms["a"].cells)
    assert second is not first
    assert second.predict(IMAGES).shape == (3, 2)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            {"side": 16},
            r"Expected input as in the other models of 'a' \(12 x 12 x 3\), got 16 x 16",
        ),
        ({"classes": 4}, "Expected a model of the classes cat, dog, got 'a' with 4 outputs"),
    ],
)
def test_a_replicate_of_another_kind_is_named_by_its_file(files, tmp_path, other, words):
    network(3, **other).save(tmp_path / "other.keras")
    opened = models({"a": [files[0], tmp_path / "other.keras"]})
    opened.first("a")
    opened.open(opened.arms["a"].cells[0])
    with pytest.raises(CampareError, match=rf"other\.keras: {words}"):
        opened.open(opened.arms["a"].cells[1])


def test_a_broken_file_is_named(files, tmp_path):
    (tmp_path / "cut.keras").write_bytes(files[0].read_bytes()[:100])
    opened = models({"a": [files[0], tmp_path / "cut.keras"]})
    opened.open(opened.arms["a"].cells[0])
    with pytest.raises(ModelError, match=r"^Expected a Keras 3 model in \S+cut\.keras"):
        opened.open(opened.arms["a"].cells[1])


def test_all_files_of_all_arms_are_checked_before_any_is_loaded(files, tmp_path, monkeypatch):
    (tmp_path / "cut.keras").write_bytes(files[0].read_bytes()[:-100])
    images = ImageSet.drawn(train=4, test=4, size=16)

    def nothing(*_, **__):
        raise AssertionError("a model was loaded")

    monkeypatch.setattr(module, "load", nothing)
    for late, words in (
        ("cut.keras", r"cut\.keras, got a file that is cut off\. Try: "),
        ("gone.keras", r"got no file \S+gone\.keras\. Try: "),
    ):
        arms = {"a": files, "b": [files[0], str(tmp_path / late)]}
        with pytest.raises(ModelError, match=words):
            audit(arms, images, metrics=["energy"])
    with pytest.raises(CampareError, match="Expected an object at 'lab_that_is_not:load'"):
        audit({"a": files}, images, metrics=["energy"], loader="lab_that_is_not:load")
    with pytest.raises(AssertionError, match="a model was loaded"):
        audit({"a": files}, images, metrics=["energy"])


def test_a_network_is_let_go_after_the_last_of_its_arm(files):
    opened = models({"a": files[:2], "b": files[2]})
    opened.first("a"), opened.first("b")
    found = [opened.open(cell) for cell in opened.arms["a"].cells]
    held = weakref.ref(found[-1].classifier.model)
    del found
    gc.collect()
    assert held() is None


def test_few_networks_of_files_stay_open_for_their_cells(files, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 2)
    opened = models({f"arm{i}": path for i, path in enumerate([*files, files[0]])})
    firsts = [opened.first(name) for name in opened.arms]
    again = [opened.open(arm.cells[0]) for arm in opened.arms.values()]
    assert [one is two for one, two in zip(firsts, again, strict=True)] == [
        True,
        True,
        False,
        False,
    ]


def test_another_process_finds_the_files_wherever_it_begins(tmp_path, monkeypatch):
    (tmp_path / "a-0.keras").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    opened = models({"a": ["a-0.keras", "timm:resnet18"], "b": "gone.keras"})
    monkeypatch.chdir("/")
    assert opened.arms["a"].models == ("a-0.keras", "timm:resnet18")
    monkeypatch.chdir(tmp_path)
    sent = pickle.loads(pickle.dumps(opened))
    assert sent.arms["a"].models == (str(tmp_path / "a-0.keras"), "timm:resnet18")
    assert sent.arms["b"].models == ("gone.keras",)
