"""YAML recipes: what is read, and the text of every mistake."""

import re
import subprocess
import sys
from dataclasses import asdict

import pytest

from campare.errors import RecipeError
from campare.training.recipe import Augment, Recipe, completed, from_yaml, require_unique


def written(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_all_fields_are_read_with_their_types(tmp_path):
    path = written(
        tmp_path,
        """
- name: scratch
  backbone: article-cnn
  weights: random
  learning_rate: 1e-3
- name: tuned+aug
  title: fine-tuned
  backbone: mobilenet
  backbone_options: {alpha: 0.75}
  hidden: null
  patience: 5
  augment: {flip: horizontal, rotation: 0.1}
""",
    )
    scratch, tuned = from_yaml(path)
    assert scratch == Recipe("scratch", backbone="article-cnn", weights="random")
    assert scratch.learning_rate == 1e-3  # YAML 1.1 would read 1e-3 as text
    assert tuned == Recipe(
        "tuned+aug",
        "fine-tuned",
        backbone="mobilenet",
        backbone_options={"alpha": 0.75},
        hidden=None,
        patience=5,
        augment=Augment(flip="horizontal", rotation=0.1),
    )


def test_the_newer_fields_are_read(tmp_path):
    path = written(
        tmp_path,
        "- {name: a, trainable: last-3, loss: focal, focal_gamma: 1.5, guidance: rrr, "
        "guidance_strength: 0.01, augment: {noise: 0.1}}",
    )
    assert from_yaml(path) == (
        Recipe(
            "a",
            trainable="last-3",
            loss="focal",
            focal_gamma=1.5,
            guidance="rrr",
            guidance_strength=0.01,
            augment=Augment(noise=0.1),
        ),
    )


def test_a_record_of_an_earlier_version_is_completed():
    now = asdict(Recipe("a", augment=Augment(zoom=0.1)))
    then = {name: value for name, value in now.items() if name not in ("loss", "guidance")}
    then["augment"] = {"flip": "none", "zoom": 0.1}
    assert completed(then) == now
    assert completed({"name": "b", "augment": None, "mine": 1})["mine"] == 1


MISTAKES = {
    "- {name: a, learning_rat: 0.1}": (
        "Expected a known field in mine.yaml, recipe 1, got 'learning_rat'. Try learning_rate."
    ),
    "- {name: a, augment: {flips: horizontal}}": (
        "Expected a known field in augment of mine.yaml, recipe 1, got 'flips'. Try flip."
    ),
    "- {name: a, epochs: ten}": (
        "Expected epochs in mine.yaml, recipe 1 to be a whole number, got 'ten'. "
        "Try the default, 10."
    ),
    "- {name: a, trainable: some}": (
        "Expected trainable of recipe 'a' to be all, head, last-block, last-N, gradual or lora, "
        "got 'some'. Try last-3, or the default, all."
    ),
    "- {name: a, trainable: last-0}": (
        "Expected trainable of recipe 'a' to be all, head, last-block, last-N, gradual or lora, "
        "got 'last-0'. Try last-3, or the default, all."
    ),
    "- {name: a, loss: hinge}": (
        "Expected loss in mine.yaml, recipe 1 to be 'cross-entropy', 'bce' or 'focal', got "
        "'hinge'. Try the default, cross-entropy."
    ),
    "- {name: a, guidance: energy, augment: {zoom: 0.1}}": (
        "Expected pixels that stay where their masks are in recipe 'a', which has guidance, got "
        "zoom. Try contrast, brightness or noise."
    ),
    "- {name: a, augment: {mixup: 0.2, cutmix: 1.0}}": (
        "Expected augment.mixup or augment.cutmix, got 0.2 and 1. Try a recipe for each."
    ),
    "- {name: a, lora_rank: 0}": (
        "Expected lora_rank of recipe 'a' between 1 and 4096, got 0. Try the default, 4."
    ),
    "- {name: a, augment: {flip: sideways}}": (
        "Expected flip in augment of mine.yaml, recipe 1 to be 'none', 'horizontal', 'vertical' "
        "or 'horizontal_and_vertical', got 'sideways'. Try the default, none."
    ),
    "- {name: a, augment: strong}": (
        "Expected augment in mine.yaml, recipe 1 to be a mapping of fields, got 'strong'. "
        "Try the default, null."
    ),
    "- {name: a, augment: {zoom: 1.5}}": (
        "Expected augment.zoom between 0 and 1, got 1.5. Try 0.1; for rotation 1 is a full turn."
    ),
    "- {title: nameless}": (
        "Expected a name in mine.yaml, recipe 1, got none. Try 'name: scratch'."
    ),
    "- {name: a/b}": (
        "Expected a recipe name of letters, digits and + - _ . only, got 'a/b'. Try 'scratch+aug'."
    ),
    "- {name: a, epochs: 0}": (
        "Expected epochs of recipe 'a' between 1 and 100000, got 0. Try the default, 10."
    ),
    "- {name: a, backbone: article-cnn}": (
        "Expected weights 'random' for backbone 'article-cnn' in recipe 'a', got 'imagenet'. "
        "Try another backbone: article-cnn was never pre-trained."
    ),
    "- {name: a}\n- {name: a}": (
        "Expected recipes with different names, got 'a' twice. Try 'a-2' for the second."
    ),
    "- {name: a, epochs: true}": (
        "Expected epochs in mine.yaml, recipe 1 to be a whole number, got True. "
        "Try the default, 10."
    ),
    "- {name: a, augment: {zoom: {}}}": (
        "Expected a zoom in augment of mine.yaml, recipe 1, got none. Try 'zoom: 0.0'."
    ),
    "- plain": "Expected fields in mine.yaml, recipe 1, got text. Try 'name: scratch'.",
    "name: a": (
        "Expected a list of recipes in mine.yaml, got a mapping. "
        "Try '- name: scratch' on a line of its own for each recipe."
    ),
    "": (
        "Expected a list of recipes in mine.yaml, got nothing. "
        "Try '- name: scratch' on a line of its own for each recipe."
    ),
    "- name: [": (
        "Expected YAML in mine.yaml, got text that does not parse at line 1. "
        "Try '- name: scratch' on a line of its own for each recipe."
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.items())
def test_each_mistake_is_told_in_one_line(tmp_path, text, message):
    with pytest.raises(RecipeError, match="^" + re.escape(message) + "$"):
        from_yaml(written(tmp_path, text))


def test_missing_file(tmp_path):
    with pytest.raises(RecipeError, match=r"got no readable file '.*none.yaml'\. Try one of the"):
        from_yaml(tmp_path / "none.yaml")


def test_recipes_import_no_framework():
    code = (
        "import sys, campare.training.recipes; "
        "sys.exit(bool({'keras', 'tensorflow', 'torch', 'jax'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("a" * 181, "181 bytes, of 180 at most"),
        ("ä" * 91, "182 bytes"),
        ("nul.v2", "a name that Windows keeps for itself"),
        ("COM1", "a name that Windows keeps for itself"),
        (".hidden", "a hidden name"),
    ],
)
def test_names_that_cannot_name_files(name, why):
    with pytest.raises(RecipeError, match=f"that can name files, got .*, {why}.* Try 'scratch"):
        Recipe(name)
    assert Recipe("a" * 180).name


def test_names_that_are_one_file_where_case_does_not_count():
    with pytest.raises(RecipeError, match=r"in more than case, got 'B' and 'b'\. Try 'b-2'"):
        require_unique([Recipe("B"), Recipe("a"), Recipe("b")])
    require_unique([Recipe("B"), Recipe("b-2")])
