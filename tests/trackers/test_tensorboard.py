"""Event files that TensorBoard's own reader reads back: scores, curves, text, figures."""

import pytest

from campare.errors import CampareError
from campare.trackers.log import tracker_of
from campare.trackers.logged import logged

accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")


def read(folder):
    found = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0, "images": 0})
    return found.Reload()


@pytest.fixture(scope="module")
def written(run, tmp_path_factory):
    place = tmp_path_factory.mktemp("tb")
    assert tracker_of(f"tensorboard:{place}").log(logged(run)) == str(place / "small")
    return place / "small"


def test_scores_and_curves_of_each_cell(run, written):
    assert {path.name for path in written.iterdir()} == {"run", *run.manifest.cells}
    for cell in logged(run).cells:
        found = read(written / cell.name)
        for name, value in cell.scores.items():
            assert found.Scalars(name)[0].value == pytest.approx(value)
        loss = found.Scalars("curves/loss")
        assert [event.value for event in loss] == pytest.approx(cell.curves["loss"])
        assert [event.step for event in loss] == list(range(len(loss)))


def test_hyperparameters_of_a_cell(written):
    plugin = pytest.importorskip("tensorboard.plugins.hparams.plugin_data_pb2")
    metadata = pytest.importorskip("tensorboard.plugins.hparams.metadata")
    found = read(written / "plain-0").SummaryMetadata(metadata.SESSION_START_INFO_TAG)
    data = plugin.HParamsPluginData.FromString(found.plugin_data.content)
    assert data.session_start_info.hparams["recipe"].string_value == "plain"
    assert data.session_start_info.hparams["seed"].number_value == 0


def test_answers_figures_and_effects_of_the_run(run, written):
    found, expected = read(written / "run"), logged(run)
    (event,) = found.Tensors("answers")
    assert event.tensor_proto.string_val[0].decode() == expected.answers
    assert set(found.Tags()["images"]) == {f"figures/{name}" for name in expected.figures}
    (image,) = found.Images("figures/effects")
    assert image.encoded_image_string == expected.figures["effects"].read_bytes()
    for name, value in expected.effects.items():
        assert found.Scalars(f"effects/{name}")[0].value == pytest.approx(value)


def test_a_run_that_is_logged_again_stands_there_once(run, tmp_path):
    tracker = tracker_of(f"tensorboard:{tmp_path}")
    for _ in range(2):
        tracker.log(logged(run))
    assert all(len(list(folder.iterdir())) == 1 for folder in (tmp_path / "small").iterdir())


def test_other_files_are_left_alone(run, tmp_path):
    (tmp_path / "small" / "mine").mkdir(parents=True)
    (tmp_path / "small" / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(CampareError, match="event files of this run alone"):
        tracker_of(f"tensorboard:{tmp_path}").log(logged(run))
    assert (tmp_path / "small/mine/notes.txt").read_text() == "keep"
