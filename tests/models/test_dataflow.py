"""Paths from the image to the logits: against what they mean in a graph, and in a network."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kinds import KINDS, classifier

from campare.models.dataflow import flow_of

networkx = pytest.importorskip("networkx")


@st.composite
def graphs(draw):
    """A random graph without cycles: each of 2 to 9 tensors with the earlier ones it is made of."""
    n = draw(st.integers(2, 9))
    return {i: sorted(draw(st.sets(st.integers(0, i - 1), min_size=1))) for i in range(1, n)} | {
        0: []
    }


@given(graphs())
def test_bottlenecks_are_those_without_which_nothing_arrives(made_of):
    """Take the tensor out, and see whether a path is left."""
    last = len(made_of) - 1
    flow = flow_of(0, [last], {str(i): i for i in made_of}, made_of.__getitem__)
    graph = networkx.DiGraph([(i, one) for i, ones in made_of.items() for one in ones])
    for i in made_of:
        on_one = networkx.has_path(graph, last, i) and networkx.has_path(graph, i, 0)
        assert (str(i) in flow.connected) == on_one
        without = graph.subgraph(set(made_of) - {i})
        apart = i in (0, last) or not networkx.has_path(without, last, 0)
        assert (str(i) in flow.bottlenecks) == (on_one and apart)


def test_ends_are_read_without_another_layer_between():
    made_of = {"logits": ["sum"], "sum": ["b", "c"], "b": ["a"], "c": ["x"], "a": ["x"], "x": []}
    flow = flow_of("x", ["logits"], {name: name for name in "abc"}, made_of.__getitem__)
    assert flow.ends("abc") == {"b", "c"}
    assert flow.ends("a") == {"a"}


@pytest.mark.parametrize("name", ["keras residual", "keras nested, frozen", "torch BasicBlock"])
def test_a_bottleneck_is_one_to_the_network(name):
    """Against two images whose features are made equal: only then are the logits equal, too."""
    one, shape = classifier(name), KINDS[name].shape
    survey = one._survey(shape)
    paths = [path for path in survey.candidates if survey.layers[path].spatial]
    for path in paths:
        assert (path in survey.flow.bottlenecks) == one.bottleneck(path, shape), path
    assert survey.flow.bottlenecks & set(paths)
