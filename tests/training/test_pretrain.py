"""The pre-training script: weights and card belong together; a tiny run ends to end."""

import json

import numpy as np
import pytest

from campare.data.drawn import ANIMALS, SOURCE_CATEGORIES
from campare.training import backbones, pretrain


def test_the_card_tells_of_the_weights_in_the_package():
    card = json.loads(pretrain.card_path(backbones.embedded_weights()).read_text(encoding="utf-8"))
    assert card["parameters"] == backbones.embedded(96).count_params()
    assert len(card["source_categories"]) >= 20
    assert not set(card["source_categories"]) & set(ANIMALS)
    assert card["source_test_accuracy"] > 10 * card["chance"]
    assert card["command"].startswith("python -m campare.training.pretrain --seed ")


def test_the_source_task_holds_no_animal():
    assert len(SOURCE_CATEGORIES) >= 20
    assert not set(SOURCE_CATEGORIES) & set(ANIMALS)


@pytest.mark.slow
def test_a_tiny_run_writes_weights_that_load(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pretrain, "TRAIN_PER_CLASS", 2)
    monkeypatch.setattr(pretrain, "TEST_PER_CLASS", 1)
    monkeypatch.setattr(pretrain, "SIZE", 32)
    out = tmp_path / "tiny.weights.h5"
    card = pretrain.pretrain(out, seed=1, epochs=1)
    assert json.loads((tmp_path / "tiny.card.json").read_text(encoding="utf-8")) == card
    assert "epoch 1/1" in capsys.readouterr().out
    loaded = backbones.backbone("embedded", str(out), 32)
    fresh = backbones.backbone("embedded", "random", 32)
    assert not np.array_equal(loaded.get_weights()[1], fresh.get_weights()[1])  # batch norm moved
