"""Shared by all tests: quiet frameworks, repeatable hypothesis, where the real inputs lie."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import pytest
from hypothesis import settings

settings.register_profile("campare", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("campare")

# Doctests are collected from every module; these would be imported twice under one name.
collect_ignore_glob = ["*/conftest.py"]

REAL = Path(__file__).resolve().parents[2] / "shared" / "real"


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of real photographs and weights; the test is skipped where it is absent."""
    if not REAL.is_dir():
        pytest.skip("needs the real photographs and weights in ../shared/real")
    return REAL
