"""A study in MLflow, read back by its client: from a file of SQLite, and from a live server."""

import os
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from campare.trackers.log import log, tracker_of
from campare.trackers.logged import logged
from campare.trackers.mlflow import _QUIET, _description, _key

pytest.importorskip("sqlalchemy")
mlflow = pytest.importorskip("mlflow")

pytestmark = pytest.mark.filterwarnings("default")


def check(client, run) -> None:
    """The run and its cells are there as they were logged."""
    expected = logged(run)
    experiment = client.get_experiment_by_name(expected.experiment)
    runs = client.search_runs([experiment.experiment_id])
    by_name = {one.info.run_name: one for one in runs}
    assert set(by_name) == {"small", *run.manifest.cells}
    whole = by_name["small"]
    assert whole.data.tags["mlflow.note.content"] == _description(expected.answers)
    assert whole.info.status == "FINISHED"
    assert whole.data.params["fingerprint"] == run.manifest.data.fingerprint
    assert whole.data.metrics == pytest.approx({_key(n): v for n, v in expected.effects.items()})
    for cell in expected.cells:
        one = by_name[cell.name]
        assert one.data.tags["mlflow.parentRunId"] == whole.info.run_id
        assert one.data.params == {_key(name): str(value) for name, value in cell.params.items()}
        for name, value in cell.scores.items():
            assert one.data.metrics[_key(name)] == pytest.approx(value)
        history = client.get_metric_history(one.info.run_id, "curves/loss")
        steps = sorted((each.step, each.value) for each in history)
        assert [value for _, value in steps] == pytest.approx(list(cell.curves["loss"]))
    artifacts = {each.path for each in client.list_artifacts(whole.info.run_id)}
    assert {"answers.md", "report.html", "run.json", "figures", "tables"} <= artifacts
    figures = {each.path for each in client.list_artifacts(whole.info.run_id, "figures")}
    assert figures == {f"figures/{path.name}" for path in expected.figures.values()}


def test_a_description_is_no_longer_than_a_tag():
    text = _description("# B is better\n\n" + "- not settled: one more\n" * 500)
    assert text.startswith("**B is better**\n\n- not settled")
    assert text.endswith("one more")
    assert len(text) <= 5000


def test_a_store_in_a_file_has_the_run(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    before = mlflow.get_tracking_uri()
    assert log(run, f"mlflow:{uri}").endswith(f" in {uri}")
    check(mlflow.MlflowClient(uri), run)
    assert mlflow.get_tracking_uri() == before
    assert mlflow.active_run() is None


def test_a_run_that_fails_halfway_is_marked_so(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    found = logged(run)
    (tmp_path / "gone.png").write_bytes(b"")
    broken = {"gone": found.path / "figures" / "gone.png"}
    with pytest.raises(Exception, match="gone"):
        tracker_of(f"mlflow:{uri}").log(type(found)(**{**vars(found), "figures": broken}))
    client = mlflow.MlflowClient(uri)
    (one,) = client.search_runs([client.get_experiment_by_name(found.experiment).experiment_id])
    assert one.info.status == "FAILED"


@pytest.mark.slow
def test_a_live_server_has_the_run_and_shows_its_figures(run, tmp_path, capfd):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    uri = f"http://127.0.0.1:{port}"
    server = subprocess.Popen(
        [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port),
         "--workers", "1",
         "--backend-store-uri", f"sqlite:///{tmp_path}/mlflow.db",
         "--artifacts-destination", str(tmp_path / "artifacts")],
        cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true",
             "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}, start_new_session=True,
    )  # fmt: skip
    try:
        _wait(f"{uri}/health")
        page = log(run, f"mlflow:{uri}")
        assert "View run" not in capfd.readouterr().out  # one line for each cell
        assert _QUIET not in os.environ
        assert page.startswith(f"{uri}/#/experiments/")
        client = mlflow.MlflowClient(uri)
        check(client, run)
        number = page.rpartition("/")[2]
        address = f"{uri}/get-artifact?run_uuid={number}&path=figures/effects.png"
        with urllib.request.urlopen(address) as answer:
            assert answer.read() == (run.path / "figures" / "effects.png").read_bytes()
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _wait(address: str, seconds: float = 300) -> None:
    last = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            if time.monotonic() > last:
                raise
            time.sleep(0.5)
