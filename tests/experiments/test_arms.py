"""Arms: names with replicates, from recipes to train and from models that anybody trained."""

import pytest

from campare.errors import CampareError
from campare.experiments.arms import Arm, Replicate, from_yaml, named, to_train, trained
from campare.training.recipes import article


def test_each_recipe_is_an_arm_with_a_replicate_for_each_seed():
    arms = to_train(article(), (0, 3))
    assert [arm.name for arm in arms] == ["A", "B", "C", "D"]
    assert all([replicate.seed for replicate in arm.replicates] == [0, 3] for arm in arms)
    assert [arm.recipe.name for arm in arms] == ["A", "B", "C", "D"]
    assert [cell.name for cell in arms[1].cells] == ["B-0", "B-3"]


def test_models_are_arms_of_one_replicate_by_the_names_given_or_their_own():
    model = object()
    (arm,) = trained({"mine": model})
    assert (arm.name, arm.replicates[0].model, arm.recipe) == ("mine", model, None)
    assert [arm.name for arm in trained(["here/a.keras", "b.keras"])] == ["a", "b"]
    assert trained(model)[0].name == "object"


@pytest.mark.parametrize(
    ("models", "words"),
    [
        ({}, "at least one model, got none"),
        ({"a/b": 1}, r"letters, digits and \+ - _ \. only, got 'a/b'"),
        ({"": 1}, "only, got ''"),
        (["here/a.keras", "there/a.keras"], "got 'a' twice"),
    ],
)
def test_names_must_name_files_and_differ(models, words):
    with pytest.raises(CampareError, match=words):
        trained(models)


def test_an_arm_may_have_several_replicates():
    assert len(Arm("scratch", (Replicate(0, "a"), Replicate(1, "b"))).cells) == 2


def test_a_list_of_models_are_the_replicates_of_an_arm():
    scratch, transfer = trained({"scratch": ["a", "b", "c"], "transfer": ("d",)})
    assert scratch.models == ("a", "b", "c")
    assert [cell.name for cell in scratch.cells] == ["scratch-0", "scratch-1", "scratch-2"]
    assert transfer.models == ("d",)
    with pytest.raises(CampareError, match=r"at least one model of 'scratch', got none"):
        trained({"scratch": []})


@pytest.fixture
def files(tmp_path):
    for number in (10, 9, 1):
        (tmp_path / f"run-{number}.keras").write_bytes(b"")
    (tmp_path / "other.keras").write_bytes(b"")
    return tmp_path


def test_a_pattern_is_the_files_in_the_order_of_their_numbers(files):
    (arm,) = trained({"a": f"{files}/run-*.keras"})
    assert [path.rpartition("/")[2] for path in arm.models] == [
        "run-1.keras",
        "run-9.keras",
        "run-10.keras",
    ]


def test_a_pattern_that_matches_nothing_is_an_error(files):
    with pytest.raises(CampareError, match=r"Expected files like .*walk-\*\.keras, got none"):
        trained({"a": f"{files}/walk-*.keras"})


def test_a_file_whose_name_looks_like_a_pattern_is_itself(files):
    path = files / "run[1].keras"
    path.write_bytes(b"")
    assert trained({"a": str(path)})[0].models == (str(path),)


@pytest.mark.parametrize(
    ("words", "models"),
    [
        (["a=1.keras", "a=2.keras", "b=3.keras"], {"a": ["1.keras", "2.keras"], "b": "3.keras"}),
        (["x/a.keras", "y/b.keras"], {"a": "x/a.keras", "b": "y/b.keras"}),
        (["x/a=b.keras"], {"a=b": "x/a=b.keras"}),
        (["arms.yaml"], "arms.yaml"),
    ],
)
def test_models_on_the_command_line(words, models):
    assert named(words) == models


@pytest.mark.parametrize("words", [["x/a.keras", "y/a.keras"], ["a=x.keras", "y/a.keras"]])
def test_files_of_one_name_are_no_replicates(words):
    with pytest.raises(CampareError, match=r"got 'a' twice. Try: before=\S+ after=\S+") as error:
        named(words)
    before, after = str(error.value).partition("Try: ")[2].split()
    assert set(named([before, after])) == {"before", "after"}  # the advice works


def test_a_file_of_arms_says_how_each_is_read_and_what_tells_it_apart(files):
    path = files / "arms.yaml"
    path.write_text(
        "scratch:\n  files: run-*.keras\n  pixels: -1..1\n  classes: {cat: 1, dog: 0}\n"
        "  factors: {pre-training: false, rate: 0.1}\n"
        "transfer:\n  files: [other.keras]\n  layer: top\n  factors: {pre-training: true}\n"
    )
    scratch, transfer = trained(path)
    assert len(scratch.models) == 3
    assert scratch.options == {"pixels": "-1..1", "classes": {"cat": 1, "dog": 0}}
    assert scratch.factors == {"pre-training": False, "rate": 0.1}
    assert transfer.models == (str(files / "other.keras"),)
    assert transfer.options == {"layer": "top"}
    assert [arm.name for arm in trained(str(path))] == ["scratch", "transfer"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "a mapping of arms"),
        ("- a", "a mapping of arms"),
        ("a: {file: x}", "known field in a of arms.yaml, got 'file'. Try files"),
        ("a: {}", "got none|got an empty mapping"),
        ("a: {files: 3}", "files in a of arms.yaml|files of a"),
        ("a: {files: none-*.keras}", "Expected files like"),
        ("a b: {files: other.keras}", "names of models of letters"),
    ],
)
def test_a_file_of_arms_that_is_wrong_says_where(files, text, words):
    path = files / "arms.yaml"
    path.write_text(text)
    with pytest.raises(CampareError, match=words) as error:
        trained(path)
    assert "\n" not in str(error.value)


def test_no_file_of_arms(tmp_path):
    with pytest.raises(CampareError, match=r"YAML file of arms, got no readable file"):
        from_yaml(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"con": None}, "can name files, got 'con', a name that Windows keeps for itself"),
        ({"x" * 200: None}, "200 bytes, of 180 at most"),
        ({"Net": None, "net": None}, "differ in more than case, got 'Net' and 'net'. Try: net-2="),
    ],
)
def test_names_that_cannot_name_files(models, said):
    with pytest.raises(CampareError, match=said) as error:
        trained(models)
    assert "\n" not in str(error.value)
