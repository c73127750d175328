import pytest

from campare.errors import RunError
from campare.stats.claims import Claim, Outcome, check, contrasts_of, from_yaml
from campare.stats.design import Levels, design_of

SQUARE = design_of([], "ABCD")
GOOD = {
    "name": "mine", "contrast": "B - A", "direction": "higher", "measure": "energy",
    "smallest": 0.05, "reason": "a twentieth",
}  # fmt: skip


@pytest.mark.parametrize(
    ("contrast", "names"),
    [
        ("pre-training", ["pre-training"]),
        ("pre-training x augmentation", ["pre-training x augmentation"]),
        ("both - neither", ["C - A"]),
        ("transfer alone - both", ["B - C"]),
        ("both - each other", ["C - A", "C - B", "C - D"]),
        ("pre-training x train size", []),
        ("D - B", ["D - B"]),
        ("D - Z", []),
    ],
)
def test_contrasts_stand_for_weights_over_arms(contrast, names):
    found = contrasts_of(contrast, SQUARE)
    assert list(found) == names
    assert all(abs(sum(weights.values())) < 1e-12 for weights in found.values())


def test_recipes_without_a_place_can_be_compared_by_name():
    assert contrasts_of("x+y - z", {}, ["x+y", "z"]) == {"x+y - z": {"x+y": 1.0, "z": -1.0}}
    assert contrasts_of("both - neither", {"z": Levels(False, False)}) == {}


def written(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, "utf-8")
    return path


def test_claims_from_yaml(tmp_path):
    path = written(
        tmp_path,
        """
- {name: one, contrast: B - A, direction: higher, measure: energy, smallest: 0.05, reason: r}
- name: two
  text: Colours do not matter.
  contrast: augmentation
  direction: lower
  measure: [hue-invariance, contrast-invariance]
  smallest: 0.1
  reason: a tenth
""",
    )
    one, two = from_yaml(path)
    assert one == Claim("one", "", "B - A", "higher", (Outcome(("energy",), 0.05, "r"),))
    assert two.outcomes[0].measures == ("hue-invariance", "contrast-invariance")
    assert two.text == "Colours do not matter."


def line(**changes):
    fields = {k: v for k, v in (GOOD | changes).items() if v is not None}
    return "- {" + ", ".join(f"{k}: {v}" for k, v in fields.items()) + "}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- [", r"Expected YAML in mine.yaml, got text that does not parse at line 1. Try '- name"),
        ("a: 1", r"Expected a list of claims in mine.yaml, got a mapping. Try"),
        ("- 3", r"Expected fields in mine.yaml, claim 1, got 3. Try 'name: mine'."),
        (line(mesure=1), r"a known field in mine.yaml, claim 1, got 'mesure'. Try measure."),
        (line(reason=None), r"Expected a reason in mine.yaml, claim 1, got none. Try 'reason: a"),
        (
            line(smallest="big"),
            r"in mine.yaml, claim 1 to be a number, got 'big'. Try 0.05.",
        ),
        (line(smallest=-1), r"smallest of claim 'mine' above 0, got -1.0. Try 0.05, and say why."),
        (
            line(direction="up"),
            r"claim 1 to be 'higher' or 'lower', got 'up'. Try higher.",
        ),
        (line(smallest="true"), r"smallest in mine.yaml, claim 1 to be a number, got True. Try 0"),
        (
            line(measure="[]"),
            r"Expected a measure in mine.yaml, claim 1, got none. Try 'me",
        ),
        (
            line(measure=3),
            r"measure in .*, claim 1 to be text or a list, got 3. Try energy.",
        ),
        (line(contrast="B"), r"as 'X - Y' for two recipes, got 'B'. Try one of pre-training"),
        (line() + "\n" + line(), r"different names, got 'mine' twice. Try 'mine-2'"),
    ],
)
def test_mistakes_in_yaml(tmp_path, text, message):
    with pytest.raises(RunError, match=message):
        from_yaml(written(tmp_path, text))


def test_other_mistakes(tmp_path):
    with pytest.raises(RunError, match=r"a YAML file of claims, got no readable file .*Try claims"):
        from_yaml(tmp_path / "none.yaml")
    with pytest.raises(RunError, match=r"Expected Claim objects or a YAML file, got 'x'. Try"):
        check(["x"])
    with pytest.raises(RunError, match=r"Expected a measure in claim 'a', got none. Try measure"):
        check([Claim("a", "", "B - A", "higher", ())])
    up = Claim("a", "", "B - A", "up", (Outcome(("energy",), 0.1),))
    with pytest.raises(RunError, match=r"claim 'a' to be higher or lower, got 'up'. Try higher."):
        check([up])
