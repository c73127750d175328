"""The built-in sets against the article's text and the factorial's logic."""

from dataclasses import asdict

from campare.training.recipe import Augment
from campare.training.recipes import (
    RECIPES,
    article,
    augmentation,
    contrasts,
    depth,
    factorial,
    guided,
    loss,
)


def differing(one, other):
    a, b = asdict(one), asdict(other)
    return {key for key in a if a[key] != b[key]} - {"name", "title"}


def test_article_is_as_published():
    a, b, c, d = article()
    for arm in (a, b, c, d):
        assert (arm.epochs, arm.batch_size, arm.learning_rate) == (10, 32, 1e-3)
        assert (arm.schedule, arm.warmup, arm.patience, arm.hidden) == ("constant", 0, None, 128)
        assert arm.weight_decay == arm.label_smoothing == 0
    assert (a.backbone, a.weights, a.augment) == ("article-cnn", "random", None)
    assert (b.backbone, b.weights, b.trainable) == ("resnet50", "imagenet", "head")
    assert c.augment == Augment(flip="horizontal", rotation=0.1, zoom=0.1)
    assert differing(b, c) == differing(a, d) == {"augment"}


def test_factorial_arms_differ_in_one_factor_at_a_time():
    arms = {arm.name: arm for arm in factorial(backbone="mobilenet", options={"alpha": 0.75})}
    assert list(arms) == ["scratch", "scratch+aug", "frozen", "frozen+aug", "tuned", "tuned+aug"]
    for name in ("scratch", "frozen", "tuned"):
        assert differing(arms[name], arms[name + "+aug"]) == {"augment"}
    assert {arm.backbone for arm in arms.values()} == {"mobilenet"}
    assert {arm.backbone_options["alpha"] for arm in arms.values()} == {0.75}
    assert arms["scratch"].weights == "random"
    assert arms["frozen"].weights == arms["tuned"].weights == "imagenet"
    assert [arms[n].trainable for n in ("scratch", "frozen", "tuned")] == ["all", "head", "all"]


def test_a_name_is_the_same_recipe_in_every_set():
    found = {}
    for make in RECIPES.values():
        for arm in make(backbone="mobilenet", options={"alpha": 0.75}):
            assert found.setdefault(arm.name, arm) == arm


def test_arms_of_a_set_differ_in_what_it_is_about():
    head, *others = depth()
    for arm in others:
        rate = {"learning_rate"} if arm.name == "lora" else set()
        assert differing(head, arm) == {"trainable"} | rate
    tuned, *augmented = augmentation()
    assert all(differing(tuned, arm) == {"augment"} for arm in augmented)
    assert len({arm.augment for arm in augmented}) == len(augmented)
    tuned, *others = loss()
    assert [differing(tuned, arm) for arm in others] == [{"label_smoothing"}, {"loss"}, {"loss"}]
    arms = {arm.name: arm for arm in guided()}
    for name, control in (("guided", "frozen"), ("rrr", "frozen"), ("tuned+rrr", "tuned")):
        assert differing(arms[name], arms[control]) == {"guidance"}


def test_weights_follow_the_backbone():
    assert {r.weights for r in article(backbone="embedded")} == {"random", "embedded"}
    assert article(weights="my.weights.h5")[1].weights == "my.weights.h5"
    assert factorial(backbone="embedded")[2].weights == "embedded"


def test_declared_contrasts_name_arms_of_their_set():
    for make in RECIPES.values():
        names = [arm.name for arm in make()]
        pairs = contrasts(names)
        assert {name for pair in pairs for name in pair} == set(names)
        assert all(treatment != control for treatment, control in pairs)
        assert len(set(pairs)) == len(pairs)


def test_contrasts():
    article_pairs = (("B", "A"), ("C", "B"), ("C", "A"), ("D", "A"), ("C", "D"))
    assert contrasts(arm.name for arm in article()) == article_pairs
    assert len(contrasts(arm.name for arm in factorial())) == 8
    assert contrasts(["A", "B"]) == (("B", "A"),)
    assert contrasts(["one", "two", "three"]) == (("two", "one"), ("three", "one"))
    assert contrasts(["one"]) == ()
    assert contrasts(["frozen", "guided"]) == (("guided", "frozen"),)
    assert contrasts(["tuned", "frozen"]) == (("tuned", "frozen"),)
    assert contrasts(arm.name for arm in loss()) == (
        ("smoothing", "tuned"), ("bce", "tuned"), ("focal", "tuned"),
    )  # fmt: skip
