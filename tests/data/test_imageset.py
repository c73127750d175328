"""ImageSet: its constructors hand over what they are given, and all give an ImageSet."""

import pickle
from dataclasses import replace

from campare.data import ImageSet
from campare.data.cue import plant


def test_every_constructor_gives_an_image_set(split_folder):
    drawn = ImageSet.drawn(train=4, test=4, size=32)
    folder = ImageSet.from_folder(split_folder)
    memory = ImageSet.from_images(drawn.load("test", 16))
    planted = [plant(imageset, p=0.8) for imageset in (drawn, folder)]
    renamed = replace(folder, name="renamed")
    for imageset in (drawn, folder, memory, *planted, renamed):
        assert type(imageset) is ImageSet
    for imageset in (drawn, folder, *planted, renamed):  # as an engine sends them to a process
        there = pickle.loads(pickle.dumps(imageset))
        assert type(there) is ImageSet
        assert there.fingerprint == imageset.fingerprint


def test_drawn_hands_its_arguments_over(monkeypatch):
    monkeypatch.setattr("campare.data.imageset.drawn_set", lambda **arguments: arguments)
    assert ImageSet.drawn(["fox", "cow"], train=4, shortcut=0.9) == {
        "classes": ["fox", "cow"],
        "train": 4,
        "test": 200,
        "size": 96,
        "seed": 0,
        "shortcut": 0.9,
        "into": ImageSet,
    }
