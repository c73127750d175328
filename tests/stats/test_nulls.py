from campare.stats.nulls import controls_of, is_null


def test_nulls_are_known_by_name():
    nulls = ["uniform", "centre", "edge", "random", "layer-cam:untrained"]
    assert all(map(is_null, nulls))
    assert not any(map(is_null, ["grad-cam", "-", "untrained"]))


def test_a_method_has_its_own_controls_or_those_of_its_resolution():
    present = ["-", "cam", "centre", "cam:untrained", "fine", "fine:centre", "fine:untrained"]
    assert controls_of("cam", present) == ["centre", "cam:untrained"]
    assert controls_of("fine", present) == ["fine:centre", "fine:untrained"]
