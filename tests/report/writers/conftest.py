"""A run that every writer of text writes, with names that mean something in HTML and Markdown."""

import pytest

from campare.stats.compare import compare

HOSTILE = "test/cat/<script>alert(1)</script> | [x](http://x) `a` *b*.png"


@pytest.fixture(scope="package")
def run(build_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports")
    hostile = build_run(folder, n=10, arms=("A", "B"), seeds=(0, 1, 2), classes=("cat", "a|b"))
    hostile.manifest.recipes[0].title = HOSTILE
    hostile.compared = compare(hostile, resamples=100)
    return hostile
