"""What is known of every kind of model: the layer that is explained where nobody names one."""

import pytest
from kinds import KINDS, classifier


@pytest.mark.parametrize("name", KINDS)
def test_the_last_layer_that_computes_features_is_the_default(name):
    kind = KINDS[name]
    assert classifier(name).layer(None, kind.shape).path == kind.layer


def test_a_block_within_a_block_leaves_the_model_unchecked(monkeypatch):
    checks = []
    model = classifier("keras flat")

    def differs():
        checks.append(1)
        return False

    monkeypatch.setattr(model._snapshot, "differs", differs)
    images = KINDS["keras flat"].images(1)
    with model.assume_unchanged():
        with model.assume_unchanged():
            model.predict(images)
        model.predict(images)
    assert len(checks) == 1
    model.predict(images)
    assert len(checks) == 2
