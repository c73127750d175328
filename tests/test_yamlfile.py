"""YAML files as values: what is read, each fault in one line, and text that means harm."""

import re
from dataclasses import dataclass
from typing import Annotated

import pytest
from pydantic import BaseModel, ConfigDict, Field

from campare.errors import CampareError, RunError
from campare.yamlfile import load_yaml, plain_yaml


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int = 3
    names: list[str] = []


@dataclass(frozen=True)
class Thing:
    __pydantic_config__ = ConfigDict(extra="forbid")
    name: str
    width: float = 1.0
    part: Part | None = None
    more: Annotated[int | str, Field(examples=[7])] = 0


LIKE = "'- name: x' on a line of its own"


def load(tmp_path, text, model=list[Thing], of="things"):
    path = tmp_path / "own.yaml"
    path.write_text(text, "utf-8")
    return load_yaml(path, model, of=of, like=LIKE, advice="none", error=RunError)


def test_entries_become_values(tmp_path):
    text = "- name: a\n- {name: b, width: 2, part: {names: [x]}, more: y}"
    assert load(tmp_path, text) == [Thing("a"), Thing("b", 2.0, Part(names=["x"]), "y")]


def test_merges_and_aliases_are_read(tmp_path):
    text = (
        "- &a {name: a, width: 2, part: &p {size: 1}}\n- {<<: *a, name: b}\n- {name: c, part: *p}"
    )
    first, second, third = load(tmp_path, text)
    assert (second.name, second.width) == ("b", 2.0)
    assert first.part == second.part == third.part == Part(size=1)


def test_scalars_are_those_of_yaml_1_2(tmp_path):
    text = (
        "{no: 1, 010: a, 2026-11-27: 2, on: 3, 7: true, 1e2: .5, n: 1e-3, i: -.inf, y: yes, z: 007}"
    )
    found = load(tmp_path, text, dict[str, bool | int | float | str])
    assert found == {
        "no": 1, "010": "a", "2026-11-27": 2, "on": 3, "7": True, "100.0": 0.5, "n": 0.001,
        "i": float("-inf"), "y": "yes", "z": "007",
    }  # fmt: skip


FAULTS = {
    "": "Expected a list of things in own.yaml, got nothing. Try {like}.",
    "[]": "Expected a list of things in own.yaml, got an empty list. Try {like}.",
    "{}": "Expected a list of things in own.yaml, got an empty mapping. Try {like}.",
    "a: 1": "Expected a list of things in own.yaml, got a mapping. Try {like}.",
    "words": "Expected a list of things in own.yaml, got text. Try {like}.",
    "- 3": "Expected fields in own.yaml, thing 1, got 3. Try 'name: ...'.",
    "- {name: a}\n- {nam: b}": "Expected a known field in own.yaml, thing 2, got 'nam'. Try name.",
    "- {name: a, zzz: b}": (
        "Expected a known field in own.yaml, thing 1, got 'zzz'. "
        "Try one of name, width, part, more."
    ),
    "- {name: a, part: {siz: 1}}": (
        "Expected a known field in part of own.yaml, thing 1, got 'siz'. Try size."
    ),
    "- {name: a, part: {names: [x, 2]}}": (
        "Expected 1 in names of part of own.yaml, thing 1 to be text, got 2. Try {like}."
    ),
    "- {name: a, width: '2'}": (
        "Expected width in own.yaml, thing 1 to be a number, got '2'. Try the default, 1.0."
    ),
    "- {name: a, more: [1]}": (
        "Expected more in own.yaml, thing 1 to be a whole number or text, got [1]. Try 7."
    ),
    "- {width: 2}": "Expected a name in own.yaml, thing 1, got none. Try 'name: ...'.",
    "- {name: a, name: b}": (
        "Expected YAML in own.yaml, got 'name' 2 times in the entry at line 1. Try {like}."
    ),
    "- name: a\n  part: [\n": (
        "Expected YAML in own.yaml, got text that does not parse at line 3. Try {like}."
    ),
    "- !!python/name:os.system x": (
        "Expected YAML in own.yaml, got text that does not parse at line 1. Try {like}."
    ),
    "- {name: a}\n---\n- {name: b}": (
        "Expected YAML in own.yaml, got text that does not parse at line 2. Try {like}."
    ),
    "? [a]\n: b": "Expected YAML in own.yaml, got text that does not parse at line 1. Try {like}.",
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), FAULTS.items())
def test_each_fault_is_one_line(tmp_path, text, message):
    with pytest.raises(RunError, match="^" + re.escape(message.replace("{like}", LIKE)) + "$"):
        load(tmp_path, text)


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(CampareError, match=r"a YAML file of classes, got no readable file '.*'"):
        load_yaml(tmp_path / "no.yaml", dict[str, int], of="classes", like="x", advice="a=1")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CampareError, match=r"got no readable file '.*bytes.yaml'\. Try a=1\."):
        load_yaml(tmp_path / "bytes.yaml", dict[str, int], of="classes", like="x", advice="a=1")


def bomb(merge):
    lines = ["a0: &a0 {x: 1}" if merge else "a0: &a0 [x, x]"]
    for i in range(1, 30):
        again = ", ".join([f"*a{i - 1}"] * 9)
        lines.append(f"a{i}: &a{i} " + (f"{{<<: [{again}]}}" if merge else f"[{again}]"))
    return "\n".join(lines)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("text", "got"),
    [
        (bomb(merge=False), "more than 1,000,000 values"),
        (bomb(merge=True), "more than 1,000,000 values"),
        ("&a [*a]", "more than 1,000,000 values"),
        ("&a {b: *a}", "more than 1,000,000 values"),
        ("[" * 100_000, "text that is nested too deeply"),
        ("[" * 240 + "]" * 240, "text that is nested too deeply|a list"),
    ],
    ids=["aliases", "merges", "itself in a list", "itself in a mapping", "deep", "less deep"],
)
def test_text_that_means_harm_is_refused(tmp_path, text, got):
    with pytest.raises(RunError, match=f"^Expected .* in own.yaml.*, got ({got})"):
        load(tmp_path, text)


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("a: " + "9" * 5000, "a number of 5000 digits at line 1"),
        ("\n!!int " + "9" * 5000, "a number of 5000 digits at line 2"),
        ("!!int x", "a value that is not of its tag"),
        ("!!float " + "1:" * 200 + "1.5", "a value that is not of its tag .int too large"),
        ("!!timestamp 2026-11-27", "a timestamp at line 1"),
        ("!!binary eA==", "a binary at line 1"),
        ("!!set {a}", "a set at line 1"),
        ("!!python/object/apply:os.system [id]", "text that does not parse at line 1"),
        (r'"\ud800"', "text that is not UTF-8: .* at line 1"),
        ("{a: 1, a: 2}", "'a' 2 times in the entry at line 1"),
        ("{1: 2, 1.0: 3}", "'1' and '1.0', which are the same, in the entry at line 1"),
        ("{true: 2, 1: 3}", "'true' and '1', which are the same, in the entry at line 1"),
        ("a: {'null': 2, ~: 3}", "'null' and '~', which are the same, in the entry at line 1"),
        ("- {1e1: 2, 1_0: 3, 10: 4}", "'1e1' and '10', which|'1_0' and '10', which"),
        ("{!!int x: 2}", "a value that is not of its tag"),
        ("{" + "9" * 50 + ": 2}", "a number of 50 digits at line 1"),
        (" " * 1_000_001, "more than 1,000,000 characters"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_values_that_are_not_plain_are_refused(text, got, words):
    with pytest.raises(ValueError, match=f"^{got}"):
        plain_yaml(text, words=words)


def test_fields_that_differ_and_those_that_are_merged_are_taken():
    text = "{1: a, 1.5: b, '1.50': c, false: d, ~: e, x: &x {1: f, 2: g}, y: {<<: *x, 1: h}}"
    assert plain_yaml(text)["y"] == {1: "h", 2: "g"}
    assert len(plain_yaml(text)) == 7


def test_yes_and_no_are_words_of_yaml_1_1_alone():
    assert plain_yaml("[yes, off]") == ["yes", "off"]
    assert plain_yaml("[yes, off]", words=True) == [True, False]


def test_a_mapping_may_hold_mappings(tmp_path):
    model = dict[str, int | dict[str, int]]
    assert load(tmp_path, "{a: 1, m: {cat: 3}}", model) == {"a": 1, "m": {"cat": 3}}
    with pytest.raises(
        RunError, match=r"Expected cat in m of own.yaml to be a whole number, got '"
    ):
        load(tmp_path, "{m: {cat: x}}", model)
    with pytest.raises(RunError, match=r"m in own.yaml to be a whole number or a mapping of field"):
        load(tmp_path, "{m: x}", model)
