"""Weights from files and from other networks: all of them fit, or none is taken and it is said."""

import keras
import numpy as np
import pytest

from campare.errors import ModelError
from campare.training import weight_files as w

L = keras.layers


def network(filters=4, top=True, seed=0):
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((8, 8, 3)), L.Conv2D(filters, 3, name="conv")]
    if top:
        layers += [L.GlobalAveragePooling2D(), L.Dense(2, name="top")]
    return keras.Sequential(layers)


def values(model):
    return [np.array(keras.ops.convert_to_numpy(weight)) for weight in model.weights]


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(values(one), values(other), strict=False))


@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5", "a.keras"])
def test_a_file_of_weights_is_taken_as_it_is(tmp_path, name):
    (tmp_path / name).touch()
    assert w.existing(tmp_path / name) == tmp_path / name


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda path: path / "none.h5", "got no file .*none.h5.* or the words imagenet, embedded"),
        (lambda path: path, "got no file"),
        (lambda path: _touched(path / "a.pt"), r"got 'a\.pt'\. Try model\.save_weights"),
    ],
)
def test_what_is_no_file_of_weights_is_said_in_one_line(tmp_path, make, text):
    with pytest.raises(ModelError, match=text) as error:
        w.existing(make(tmp_path))
    assert "\n" not in str(error.value)


def _touched(path):
    path.touch()
    return path


def test_a_file_that_fits_is_loaded_whole(tmp_path):
    path = tmp_path / "a.weights.h5"
    saved, fresh = network(), network(seed=1)
    saved.save_weights(path)
    assert not same(saved, fresh)
    assert w.load(fresh, path)
    assert same(saved, fresh)


@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5", "a.keras"])
def test_a_file_that_is_none_is_not_said_to_fit(tmp_path, name):
    (tmp_path / name).write_bytes(b"no weights")
    assert not w.load(network(), tmp_path / name)


@pytest.mark.parametrize("other", [{"filters": 5}, {"top": False}])
def test_a_file_that_does_not_fit_is_not_said_to(tmp_path, other):
    path = tmp_path / "a.weights.h5"
    network(**other).save_weights(path)
    assert not w.load(network(), path)
    path.write_bytes(b"no weights")
    assert not w.load(network(), path)


def test_a_network_without_top_takes_what_comes_before_it():
    source, bare = network(), network(top=False, seed=1)
    assert w.transfer(source, bare)
    assert same(source, bare)
    before = values(source)
    assert not w.transfer(bare, source)  # the top has nothing to come from
    assert not w.transfer(network(filters=5), source)
    assert all(np.array_equal(a, b) for a, b in zip(before, values(source), strict=True))


def test_a_misfit_tells_the_widths_and_the_option_that_gives_them(tmp_path):
    path = tmp_path / "a.weights.h5"
    network(filters=8).save_weights(path)
    assert str(w.misfit("mobilenet", path, network(filters=32))) == (
        "Expected weights of 'mobilenet', which starts with 32 filters, got 'a.weights.h5', which "
        "starts with 8. Try backbone option alpha=0.25."
    )
    assert "Try the backbone that these weights" in str(w.misfit("resnet", path, network(32)))
    network(filters=3).save_weights(path)  # of no MobileNet
    assert "Try the backbone that these weights" in str(w.misfit("mobilenet", path, network(32)))
    network(filters=8).save_weights(path)
    alike = str(w.misfit("mobilenet", path, network(filters=8)))
    assert "got 'a.weights.h5', which does not fit. Try the backbone" in alike
    path.write_bytes(b"no weights")
    assert "which does not fit" in str(w.misfit("mobilenet", path, network()))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (KeyError(), "KeyError"),
        (OSError("x" * 130), "x" * 117 + "..."),
        (OSError("x" * 120), "x" * 120),
    ],
)
def test_the_first_line_of_an_error(error, line):
    assert w.first_line(error) == line
