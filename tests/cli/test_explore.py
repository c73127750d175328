"""`campare explore`: which models and which port it serves."""

import pytest

from command_line import Failing, call


def test_models_and_port_arrive(monkeypatch: pytest.MonkeyPatch):
    calls = []
    monkeypatch.setattr("campare.explore.arms.arms_of", lambda models, trust: (models, trust))
    monkeypatch.setattr("campare.explore.page.serve", lambda arms, port: calls.append((arms, port)))
    assert call("explore a.keras b=c.keras --port 8000") == 0
    assert calls == [((["a.keras", "b=c.keras"], False), 8000)]


def test_a_model_that_is_not_there_is_a_line(failing: Failing):
    assert "got no file nowhere.keras" in failing("explore", "nowhere.keras")
