"""docs/metrics.md is what the declarations say, and names every measure."""

from campare.metrics import METRICS
from tools import metrics as metrics_page


def test_the_page_is_what_the_declarations_say():
    assert metrics_page.PAGE.read_text("utf-8") == metrics_page.page(), (
        "Expected docs/metrics.md as tools/metrics.py writes it. Try: python tools/metrics.py"
    )


def test_every_measure_is_on_the_page():
    text = metrics_page.page()
    for name, metric in METRICS.items():
        assert f"`{name}`" in text or f"\n### {name}\n" in text, name
        assert metric.misleads in text or name.partition("-over-")[1], name
        assert metric.paper, name
        assert metric.cost, name
        assert metric.formula, name


def test_a_gameable_measure_is_named_so_and_no_default():
    text = metrics_page.page()
    for name, metric in METRICS.items():
        if metric.gameable:
            assert not metric.default, name
            assert metric.gameable in text
