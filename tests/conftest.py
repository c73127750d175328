"""Shared by all tests: backend of Keras, quiet frameworks, seeds, hypothesis, real inputs.

`pytest --backend jax` runs the same tests with Keras on JAX; `torch` and `tensorflow`, likewise.
"""

import importlib
import os
import random
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.environ.setdefault("CAMPARE_CACHE_GB", "0")  # but where a test says otherwise

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("campare", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("campare")

# Doctests are collected from every module; these would be imported twice under one name.
collect_ignore_glob = ["*/conftest.py", "*/make_*_fixtures.py"]

BACKENDS = ("tensorflow", "jax", "torch")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        choices=BACKENDS,
        default=os.environ.get("KERAS_BACKEND", "tensorflow"),
        help="what Keras computes with in the tests",
    )


def pytest_configure(config: pytest.Config) -> None:
    wanted = config.getoption("--backend")
    if "keras" in sys.modules and sys.modules["keras"].backend.backend() != wanted:
        raise pytest.UsageError(f"a conftest.py imports Keras before --backend {wanted} is known")
    os.environ["KERAS_BACKEND"] = wanted  # before anything imports Keras
    config.addinivalue_line("markers", "only(backend, reason): runs with one backend of Keras")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    here = config.getoption("--backend")
    for item in items:
        for mark in item.iter_markers("only"):
            if here not in mark.args:
                item.add_marker(pytest.mark.skip(reason=mark.kwargs["reason"]))


def _seed(name: str) -> None:
    """What is drawn without a seed is the same in every run, and other for every name.

    Drawn anew, one comparison in thousands was of sums near zero, all rounding; drawn alike, two
    networks that a test compares would be one.
    """
    random.seed(name)  # of which Keras draws the seeds of its layers
    seed = zlib.crc32(name.encode())
    np.random.seed(seed)  # noqa: NPY002 - tests that draw from the global state
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)


def pytest_fixture_setup(fixturedef: pytest.FixtureDef, request: pytest.FixtureRequest) -> None:
    _seed(f"{fixturedef.baseid} {fixturedef.argname} {getattr(request, 'param_index', 0)}")


def pytest_runtest_call(item: pytest.Item) -> None:
    _seed(item.nodeid)


@pytest.fixture(scope="session")
def backend(pytestconfig: pytest.Config) -> str:
    """What Keras computes with."""
    return str(pytestconfig.getoption("--backend"))


@pytest.fixture(autouse=True)
def forgotten_metrics() -> Iterator[None]:
    """Metrics of a test's own are known within the test alone."""
    yield
    if registry := sys.modules.get("campare.metrics.registry"):
        registry._OWN.clear()


@pytest.fixture
def without_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports without the figure files beside them: tests/report draws and checks those."""
    module = importlib.import_module("campare.report.render")
    monkeypatch.setattr(module, "_figures", lambda _: {})


REAL = Path(__file__).resolve().parents[2] / "shared" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real photographs and weights; the test is skipped where it is absent."""
    if not REAL.is_dir():
        pytest.skip("needs the real photographs and weights in ../shared/real")
    return REAL
