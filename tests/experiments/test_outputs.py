"""Which output of a model speaks for which class: by name, by order, as it is said, or unknown."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from campare.errors import TargetError
from campare.experiments.outputs import match, read_classes, unmatched


def model(n, names=None):
    return SimpleNamespace(name="net", n_classes=n, class_names=names)


@given(own=st.permutations(["ant", "bee", "cow", "dog"]), k=st.integers(2, 4))
def test_by_name_each_class_has_the_output_of_its_name(own, k):
    wanted = ["Ant", "BEE", "cow", "Dog"][:k]
    found = match(model(4, tuple(own)), wanted)
    assert (found.known, found.count) == (True, k)
    assert [own[i] for i in found.order] == [*map(str.lower, wanted), *(
        name for name in own if name not in map(str.lower, wanted)
    )]  # fmt: skip
    assert found.names[:k] == tuple(wanted)
    logits = np.arange(8.0).reshape(2, 4)
    ordered = found.sorted(logits)
    assert ordered[:, 0].tolist() == logits[:, own.index("ant")].tolist()
    assert sorted(found.order) == list(range(4))  # none is lost, none is there twice


def test_by_order_where_there_are_as_many_and_none_has_a_name():
    found = match(model(2), ["cat", "dog"])
    assert (found.how, found.words) == ("by order", "by order: cat 0, dog 1")


def test_as_it_is_said_by_number_text_or_name():
    own = ("tabby", "poodle", "tabby")
    for cat, dog in ((2, 1), ("2", "poodle"), (np.int64(2), 1)):
        found = match(model(3, own), ["cat", "dog"], {"cat": cat, "dog": dog})
        assert found.order.tolist() == [2, 1, 0]
        assert found.names == ("cat", "dog", "tabby (output 0)")
    assert found.words == "given: cat 2, dog 1"


def test_an_output_that_is_called_as_a_class_it_is_not_is_told_apart():
    found = match(model(3, ("cat", "dog", "cow")), ["cat", "dog"], {"cat": 1, "dog": 2})
    assert found.names == ("cat", "dog", "cat (output 0)")


def test_what_is_not_matched_keeps_the_order_of_the_model():
    found = unmatched(model(3, ("a", "b", "a")))
    assert (found.known, found.count, found.words) == (False, 0, "not matched")
    assert found.order.tolist() == [0, 1, 2]
    assert found.names == ("a (output 0)", "b", "a (output 2)")


@pytest.mark.parametrize(
    ("made", "classes", "text"),
    [
        (model(3), None, "with 3 outputs. Try"),
        (model(2, ("a", "b")), None, r"with 2 outputs \(a, b\)"),
        (model(3), {"cat": 0}, "got none for 'dog'"),
        (model(3), {"cat": 0, "dog": 1, "cow": 2}, "got 'cow', which is none"),
        (model(3), {"cat": 0, "dog": 0}, "got output 0 of 'net' for cat and dog"),
        (model(3), {"cat": 0, "dog": 3}, "from 0 to 2, got 3"),
        (model(3), {"cat": 0, "dog": True}, "from 0 to 2, got True"),
        (model(3, ("a", "b", "c")), {"cat": 0, "dog": "d"}, "0 to 2 or its name, got 'd'"),
    ],
)
def test_what_cannot_be_matched_is_one_line_with_classes_to_give(made, classes, text):
    with pytest.raises(TargetError, match=text) as error:
        match(made, ["cat", "dog"], classes)
    assert "Try: classes={" in str(error.value)
    assert "\n" not in str(error.value)


def test_the_advice_followed_matches():
    with pytest.raises(TargetError) as error:
        match(model(3), ["cat", "dog"])
    advised = str(error.value).partition("classes={")[2].partition("}")[0]
    assert advised == "'cat': INDEX, ..."
    assert match(model(3), ["cat", "dog"], {"cat": 1, "dog": 2}).order.tolist() == [1, 2, 0]


def test_classes_of_a_command_line_and_of_a_file_are_the_same(tmp_path):
    path = tmp_path / "classes.yaml"
    path.write_text("cat: 3\ndog: poodle\n", "utf-8")
    own = ("a", "b", "poodle", "c")
    of_file, of_line = read_classes(str(path)), read_classes("cat=3, dog=poodle")
    orders = [match(model(4, own), ["cat", "dog"], c).order.tolist() for c in (of_file, of_line)]
    assert orders[0] == orders[1] == [3, 2, 0, 1]
    assert read_classes(None) is None
    for text in ("cat", "cat=", "cat=1,dog", "a=b=c"):
        with pytest.raises(TargetError, match="NAME=INDEX"):
            read_classes(text)
