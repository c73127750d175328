"""The Ray engine: the same cells and the same rows, in workers."""

import os
import signal
import socket
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import campare
from campare.data import ImageSet
from campare.errors import CampareError, MissingExtraError
from campare.experiments.engines import engine
from campare.experiments.engines.protocol import FAILED
from campare.experiments.engines.ray import _CLUSTERS as CLUSTERS


@pytest.mark.slow
def test_ray_runs_every_cell():
    pytest.importorskip("ray")

    def work(cell, _):  # a local function, so that it is sent by value
        return {"square": cell**2}

    results = dict(engine("ray")([1, 2, 3], work, lambda *_: None))
    assert results == {1: {"square": 1}, 2: {"square": 4}, 3: {"square": 9}}


@pytest.mark.slow
def test_an_audit_on_ray_gives_the_same_rows(tmp_path):
    pytest.importorskip("ray")
    keras.utils.set_random_seed(0)
    network = keras.Sequential([
        keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3, activation="relu"),
        keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2),
    ])  # fmt: skip
    network.save(tmp_path / "net.keras")
    models, data = (
        {"object": network, "file": tmp_path / "net.keras"},
        ImageSet.drawn(train=4, test=8, size=16),
    )
    metrics = ["energy", "focus", "deletion", "efficient-mprt"]
    here, there = (
        campare.audit(models, data, metrics=metrics, engine=name, out=tmp_path / name).frame
        for name in ("local", "ray")
    )
    assert here.drop("value").equals(there.drop("value"))
    for frame in (here, there):
        assert frame["value"].null_count() < len(frame) / 4
    np.testing.assert_allclose(
        here["value"].to_numpy(), there["value"].to_numpy(), rtol=1e-4, atol=1e-5
    )


def test_ray_names_its_extra_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'campare\[ray\]'"):
        engine("ray")


class Quiet:
    """What the engine uses of Ray, in this process; tasks finish last first."""

    def __init__(self):
        self.started, self.done, self.environment = [], [], {}

    def is_initialized(self):
        return bool(self.started)

    def init(self, **options):
        self.started.append(options)

    def cluster_resources(self):
        return {"CPU": 4.0, "GPU": 1.0}

    def get_runtime_context(self):
        return SimpleNamespace(runtime_env=self.environment)

    def put(self, value):
        return value

    def remote(self, **options):
        self.options = options

        def as_task(function):
            function_of = type("Task", (), {})()
            function_of.remote = lambda *args: (len(self.done), self.done.append(function(*args)))[
                0
            ]
            return function_of

        return as_task

    def wait(self, tasks, num_returns):
        assert num_returns == 1
        return tasks[-1:], tasks[:-1]

    def get(self, task):
        return self.done[task]


def test_each_cell_is_queued_and_yielded_as_it_finishes(monkeypatch):
    ray, events = Quiet(), []
    monkeypatch.setitem(sys.modules, "ray", ray)

    def work(cell, report):
        report("shown nowhere")
        return {"square": cell**2}

    found = engine("ray")([1, 2, 3], work, lambda *event: events.append(event))
    assert list(found) == [(3, {"square": 9}), (2, {"square": 4}), (1, {"square": 1})]
    assert events == [(1, "queued"), (2, "queued"), (3, "queued")]
    assert len(ray.started) == 1
    assert ray.options == {"num_cpus": 1}
    list(engine("ray")([4], work, lambda *_: None))
    assert len(ray.started) == 1  # a program's own cluster is used as it is


def test_a_worker_that_is_lost_costs_its_cell_alone(monkeypatch):
    class RayError(Exception):
        pass

    class RayTaskError(RayError):
        pass

    ray = Quiet()
    ray.exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError)
    monkeypatch.setitem(sys.modules, "ray", ray)
    get = ray.get

    def lost(task):
        if task == 1:
            raise raised("The worker died.")
        return get(task)

    ray.get, raised = lost, RayError
    found = dict(engine("ray")([1, 2, 3], lambda cell, _: {"cell": cell}, lambda *_: None))
    assert found == {
        1: {"cell": 1},
        2: {FAILED: "its worker was lost: The worker died"},
        3: {"cell": 3},
    }
    raised = RayTaskError  # what the work raises is not the worker's
    ray.done.clear()
    with pytest.raises(RayTaskError):
        list(engine("ray")([1, 2, 3], lambda cell, _: {"cell": cell}, lambda *_: None))


def test_a_cell_takes_processors_as_it_is_told(monkeypatch):
    ray = Quiet()
    monkeypatch.setitem(sys.modules, "ray", ray)
    list(engine("ray(cpus=2, gpus=0.25)")([1], lambda cell, _: {"cell": cell}, lambda *_: None))
    assert ray.options == {"num_cpus": 2, "num_gpus": 0.25}


@pytest.mark.parametrize(("name", "got"), [("ray(gpus=2)", "1 on Ray"), ("ray(cpus=8)", "4 on")])
def test_processors_that_are_not_there_are_refused_and_not_waited_for(name, got, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", Quiet())
    with pytest.raises(CampareError, match=f"Expected .* for each cell, got {got}"):
        list(engine(name)([1], lambda cell, _: {"cell": cell}, lambda *_: None))


@pytest.mark.parametrize(
    "name", ["ray(gpu=1)", "ray(gpus=1.5)", "ray(gpus=-1)", "ray(cpus='all')", "local(gpus=1)", "x"]
)
def test_other_engines_and_shares_are_refused(name, monkeypatch):
    ray = Quiet()
    monkeypatch.setitem(sys.modules, "ray", ray)
    with pytest.raises(CampareError, match="Expected") as error:
        engine(name)
    engine(str(error.value).rpartition("'")[0].rpartition("'")[2])  # the advice works


@pytest.mark.slow
def test_four_cells_share_a_gpu():
    ray = pytest.importorskip("ray")
    ray.shutdown()
    ray.init(num_cpus=4, num_gpus=1, include_dashboard=False, log_to_driver=False)
    try:

        def work(cell, _):
            return {"gpus": ray.get_gpu_ids(), "cell": cell}

        found = dict(engine("ray(gpus=0.25)")(range(4), work, lambda *_: None))
        assert [len(facts["gpus"]) for facts in found.values()] == [1, 1, 1, 1]
    finally:
        ray.shutdown()


def test_ray_starts_on_this_machine_alone_and_joins_no_cluster_unasked(monkeypatch):
    ray = Quiet()
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    monkeypatch.delenv(CLUSTERS, raising=False)
    before = signal.getsignal(signal.SIGTERM)
    list(engine("ray")([1], lambda cell, _: {"cell": cell}, lambda *_: None))
    assert ray.started[0]["address"] == "local"
    assert os.environ[CLUSTERS] == "0"
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("address", ["auto", "head", "head:port", ":6379", "head:99999", ""])
def test_what_is_no_address(address, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", Quiet())
    with pytest.raises(CampareError, match=r"as HOST:PORT, got .* Try: 10\.0\.0\.1:6379"):
        list(engine(f"ray(address={address!r})")([1], print, print))


def test_an_address_where_nothing_answers_is_told_in_bounded_time(monkeypatch):
    ray = Quiet()
    monkeypatch.setitem(sys.modules, "ray", ray)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        run = engine(f"ray(address={address!r})")
        with pytest.raises(CampareError, match=f"Expected a Ray cluster at {address}, got: .*refu"):
            list(run([1], print, print))
        silent.listen()
        monkeypatch.setattr("campare.experiments.engines.ray.ANSWER", 0.5)
        monkeypatch.setattr("campare.experiments.engines.ray._JOIN", "import time; time.sleep(60)")
        with pytest.raises(CampareError, match="no answer of Ray in"):
            list(run([1], print, print))
        monkeypatch.setattr("campare.experiments.engines.ray.ANSWER", 60)
        monkeypatch.setattr("campare.experiments.engines.ray._JOIN", "raise ValueError('version')")
        with pytest.raises(CampareError, match=r"got: ValueError: version\. Try: .*RAY_AUTH_TOKEN"):
            list(run([1], print, print))  # a wrong token is such an error, too
        assert ray.started == []
        monkeypatch.setattr("campare.experiments.engines.ray._JOIN", "")
        list(run([1], lambda cell, _: {"cell": cell}, lambda *_: None))
        assert ray.started[0]["address"] == address


def test_memory_retries_and_environment_of_a_cell(monkeypatch, tmp_path):
    ray = Quiet()
    monkeypatch.setitem(sys.modules, "ray", ray)
    ray.cluster_resources = lambda: {"CPU": 4.0, "memory": 8e9}
    (tmp_path / "env.yaml").write_text("env_vars: {A: b}")
    name = f"ray(memory=2, retries=5, env='{tmp_path / 'env.yaml'}')"
    list(engine(name)([1], lambda cell, _: {"cell": cell}, lambda *_: None))
    assert ray.options == {"num_cpus": 1, "memory": 2_000_000_000, "max_retries": 5}
    assert ray.started[0]["runtime_env"] == {"env_vars": {"A": "b"}}
    with pytest.raises(CampareError, match="Expected 9 GB of memory for each cell, got 8 on Ray"):
        list(engine("ray(memory=9)")([1], print, print))
    for wrong in ("ray(memory='4')", "ray(retries=-1)", "ray(address=1)", "ray(env=2)"):
        with pytest.raises(CampareError, match=r"Expected .*, got .*\. Try: .ray\("):
            engine(wrong)


def test_cells_that_are_stopped_are_cancelled(monkeypatch):
    ray, cancelled = Quiet(), []
    monkeypatch.setitem(sys.modules, "ray", ray)
    ray.cancel = lambda task, force: cancelled.append((task, force))
    found = engine("ray")([1, 2, 3], lambda cell, _: {"cell": cell}, lambda *_: None)
    next(found)
    wait = ray.wait
    ray.wait = lambda tasks, timeout=None, **_: ([], tasks) if timeout else wait(tasks, 1)
    found.close()
    assert cancelled == [(0, False), (1, False), (0, True), (1, True)]


@pytest.mark.parametrize("environment", [{}, {"working_dir": "gcs://code.zip"}])
def test_cells_begin_in_the_folder_of_the_command(environment, monkeypatch, tmp_path):
    ray = Quiet()
    ray.environment = environment
    monkeypatch.setitem(sys.modules, "ray", ray)
    monkeypatch.chdir(tmp_path)
    put = ray.put

    def begins_elsewhere(value):
        def work(cell, report):
            return value(cell, report) | {"folder": str(Path.cwd())}

        return put(work)

    def elsewhere(cell, _):
        return {}

    ray.put, folder = begins_elsewhere, str(tmp_path)
    ray.cluster_resources = lambda: os.chdir("/") or {"CPU": 4.0}
    found = dict(engine("ray")([1], elsewhere, lambda *_: None))
    assert found == {1: {"folder": "/" if environment else folder}}
