"""What is known of every kind of model: the layer that is explained where nobody names one."""

import pytest
from kinds import KINDS, classifier


@pytest.mark.parametrize("name", KINDS)
def test_the_last_layer_that_computes_features_is_the_default(name):
    kind = KINDS[name]
    assert classifier(name).layer(None, kind.shape).path == kind.layer
