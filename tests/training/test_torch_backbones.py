"""Backbones for torch: their maps, and their weights from files."""

import pytest
import torch
from torch import nn

from campare.errors import ModelError
from campare.training.torch import build
from training.small_torch import backbone, given


def test_a_backbone_without_maps_is_told():
    name = "training.small_torch:pooled"
    with pytest.raises(ModelError, match=rf"maps \(N, C, h, w\), got '{name}' with \("):
        build(2, 16, 0, given(backbone=name))


def test_weights_of_a_file_are_taken_or_refused_in_one_line(tmp_path):
    path, source = tmp_path / "own.pt", backbone()
    torch.save({"state_dict": {f"module.{k}": v for k, v in source.state_dict().items()}}, path)
    model = build(2, 16, 0, given(weights=str(path)))
    assert torch.equal(model.features[1][3].weight, source[1][3].weight)
    torch.save(nn.Linear(2, 2).state_dict(), path)
    with pytest.raises(ModelError, match=r"^Expected .* Try"):
        build(2, 16, 0, given(weights=str(path)))
