"""Whether an earlier run may be continued: same images, split, settings and weights."""

from dataclasses import replace

import pytest

from campare.data import ImageSet
from campare.errors import RunError
from campare.experiments.manifest import open_run, settings_of
from campare.runs.resume import earlier
from campare.training.recipe import Augment, Recipe

IMAGES = ImageSet.drawn(train=8, test=4, size=16)
ARMS = (
    Recipe("base", backbone="article-cnn", weights="random"),
    Recipe("other", backbone="article-cnn", weights="random"),
)


def settings(images=IMAGES, arms=ARMS, size=16, methods=("grad-cam",)):
    return settings_of(images, arms, size, methods)


@pytest.fixture
def run(tmp_path):
    return opened(tmp_path / "run")


def opened(path, arms=ARMS):
    matched = {"grad-cam": (8, 8)}
    grids = {arm.name: matched for arm in arms}
    return open_run(path, None, settings(arms=arms), IMAGES, (0,), grids, matched, 200)


def test_the_same_settings_go_on(run):
    assert earlier(run.path, settings()).manifest.settings == run.manifest.settings


def test_another_split_of_the_same_images_is_refused(run):
    moved = replace(IMAGES.samples[0], split="test")
    images = replace(IMAGES, samples=(moved, *IMAGES.samples[1:]))
    assert images.fingerprint == IMAGES.fingerprint
    with pytest.raises(RunError, match="got another split of the images"):
        earlier(run.path, settings(images))


def test_a_weights_file_with_other_contents_is_refused(tmp_path):
    weights = tmp_path / "w.weights.h5"
    weights.write_bytes(b"one")
    arms = (Recipe("B", backbone="mobilenet", weights=str(weights), trainable="head"),)
    run = opened(tmp_path / "run", arms)
    assert earlier(run.path, settings(arms=arms))
    weights.write_bytes(b"two")
    with pytest.raises(RunError, match="other contents"):
        earlier(run.path, settings(arms=arms))


def test_a_file_is_no_folder_for_a_run(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(RunError, match="got the file"):
        earlier(file, settings())


def test_a_run_of_another_kind_is_refused(run):
    with pytest.raises(RunError, match=r"Expected a run of campare audit in .* of campare study"):
        earlier(run.path, settings(), "audit")


def test_other_settings_are_refused_by_name(run):
    with pytest.raises(
        RunError, match=r"Expected size 16 as in the run in .*, got 32\. Try: anoth"
    ):
        earlier(run.path, settings(size=32))
    more = ("grad-cam", "layer-cam")
    with pytest.raises(RunError, match=r"Expected methods \['grad-cam'\] as in .*, got"):
        earlier(run.path, settings(methods=more))


def test_a_run_of_an_older_version_goes_on(run):
    for recipe in run.manifest.settings.recipes.values():
        del recipe["batch_norm_momentum"]  # that version's recipes had none
    run.manifest.settings.split = None
    run.write_manifest()
    assert earlier(run.path, settings()) is not None


def test_a_run_goes_on_whose_recipes_had_fewer_ways_to_augment(tmp_path):
    arms = (replace(ARMS[0], augment=Augment(flip="horizontal", zoom=0.1)),)
    run = opened(tmp_path / "run", arms)
    (recipe,) = run.manifest.settings.recipes.values()
    for name in ("loss", "focal_gamma", "lora_rank", "guidance", "guidance_strength"):
        del recipe[name]
    for name in ("randaugment", "erasing", "blur", "noise", "mixup", "cutmix"):
        del recipe["augment"][name]
    run.write_manifest()
    assert earlier(run.path, settings(arms=arms)) is not None
    other = (replace(arms[0], augment=Augment(flip="horizontal", zoom=0.1, noise=0.1)),)
    with pytest.raises(RunError, match="got another augment"):
        earlier(run.path, settings(arms=other))


def test_seeds_that_drew_their_own_views_are_not_followed_by_others(tmp_path):
    """Runs from before seeds shared views go on where no recipe would share any."""
    arms = (replace(ARMS[0], backbone="mobilenet", trainable="head", augment=Augment(zoom=0.1)),)
    run = opened(tmp_path / "run", arms)
    (recipe,) = run.manifest.settings.recipes.values()
    del recipe["views"]
    run.write_manifest()
    with pytest.raises(RunError, match=r"got another views \(shared\)"):
        earlier(run.path, settings(arms=arms))
    assert earlier(run.path, settings(arms=(replace(arms[0], views="own"),))) is not None


def test_settings_are_compared_as_they_come_back_from_a_file(tmp_path):
    options = {"pool": (2, 2), "drop": {1: 0.5}}
    arms = (replace(ARMS[0], backbone_options=options),)
    run = opened(tmp_path / "run", arms)
    assert earlier(run.path, settings(arms=arms)) is not None
    other = (replace(ARMS[0], backbone_options=options | {"pool": (2, 3)}),)
    with pytest.raises(RunError, match="got another backbone_options"):
        earlier(run.path, settings(arms=other))


def test_a_field_that_either_side_lacks_is_compared_too(run):
    """What a model's options were is in the run: without them now, as with others, is a change."""
    facts = run.manifest.settings.recipes["base"]
    for stored, told in (({"output": "aux"}, {}), ({}, {"output": "aux"})):
        run.manifest.settings.recipes["base"] = {**facts, **stored}
        run.write_manifest()
        now = settings()
        now.recipes["base"] |= told
        text = str(told.get("output"))
        with pytest.raises(
            RunError, match=rf"'base' as in .*, got another output \({text}\)\. Try"
        ):
            earlier(run.path, now)
        now.recipes["base"] |= stored
        if stored:
            assert earlier(run.path, now) is not None


@pytest.mark.parametrize("field", ["backbone_options", "patience", "augment", "weight_decay"])
def test_a_run_that_lacks_a_field_goes_on_with_its_default_alone(run, field):
    del run.manifest.settings.recipes["base"][field]
    run.write_manifest()
    assert earlier(run.path, settings()) is not None
    other = {"backbone_options": {"alpha": 1}, "patience": 99, "augment": Augment(zoom=0.5),
             "weight_decay": 0.5}  # fmt: skip
    arms = (replace(ARMS[0], **{field: other[field]}), ARMS[1])
    with pytest.raises(RunError, match=f"got another {field}"):
        earlier(run.path, settings(arms=arms))


def test_a_run_that_lacks_a_field_of_its_augmentation_goes_on(tmp_path):
    arms = (replace(ARMS[0], augment=Augment(zoom=0.1)),)
    run = opened(tmp_path / "run", arms)
    del run.manifest.settings.recipes["base"]["augment"]["contrast"]
    run.write_manifest()
    assert earlier(run.path, settings(arms=arms)) is not None
    with pytest.raises(RunError, match="got another augment"):
        earlier(run.path, settings(arms=(replace(ARMS[0], augment=Augment(0.2)),)))
