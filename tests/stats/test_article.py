from campare.metrics.registry import METRICS, declared
from campare.stats.article import ARTICLE, SMALLEST
from campare.stats.claims import CONTRASTS, check


def test_the_article_makes_nine_claims_that_say_everything():
    assert len(check(ARTICLE)) == 9
    for claim in ARTICLE:
        assert claim.contrast in CONTRASTS
        assert claim.text.endswith(".")
        assert all(outcome.reason for outcome in claim.outcomes)
        for measure in (name for outcome in claim.outcomes for name in outcome.measures):
            name, _, condition = measure.partition("@")
            assert declared(measure).name == name
            assert condition in ("", "matched", "change")
    assert SMALLEST["focus"] == 0.05  # not that of the slope
    assert METRICS["energy"].high == 1


def test_claims_are_numbered_and_say_which_way_is_good():
    """Where a measure has a good side, the article claims that its recipe is on it."""
    assert [claim.name.partition(" ")[0] for claim in ARTICLE] == [str(n) for n in range(1, 10)]
    assert sum(claim.all_of for claim in ARTICLE) == 1
    sides = {"higher": True, "lower": False}
    for number in (1, 2, 4, 5, 7, 8):
        claim = ARTICLE[number - 1]
        for measure in (name for outcome in claim.outcomes for name in outcome.measures):
            assert declared(measure).higher_is_better in (sides[claim.direction], None), measure


def test_a_smallest_effect_is_a_small_part_of_the_range_of_its_measure():
    for name, smallest in SMALLEST.items():
        metric = METRICS[name]
        if metric.low is not None and metric.high is not None:
            assert 0 < smallest <= (metric.high - metric.low) / 10, name
    assert SMALLEST["energy"] == SMALLEST["correct"] + 0.03
