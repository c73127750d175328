"""`campare.toml`: defaults of one's own, and what comes with data."""

from pathlib import Path

import pytest

from campare.cli.defaults import FILE
from campare.data.layout import DEFAULTS
from command_line import Failing, call


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What a study is called with, in place of one."""
    given: dict[str, object] = {}

    def numbered(data: object, **options: object) -> list[object]:
        given.update(options, data=data)
        return []

    monkeypatch.setattr("campare.experiments.plan.numbered_cells", numbered)
    return given


def write(text: str, folder: str = ".") -> None:
    Path(folder).mkdir(exist_ok=True)
    (Path(folder) / FILE).write_text(text)


def test_options_of_a_verb(heard: dict[str, object], capsys: pytest.CaptureFixture[str]):
    write('[study]\nseeds = 3\nonly = ["A", "B"]\ntrain-sizes = [50, 100]\n[audit]\nseed = 7\n')
    assert call("study d --cells list") == 0
    assert heard["seeds"] == 3
    assert heard["only"] == ("A", "B")
    assert heard["train_sizes"] == (50, 100)
    said = capsys.readouterr().err
    assert said == "Defaults of campare.toml: seeds=3, only=A,B, train-sizes=50,100\n"


def test_the_command_line_wins(heard: dict[str, object]):
    write("[study]\nseeds = 3\n")
    assert call("study d --cells list --seeds 4") == 0
    assert heard["seeds"] == 4


def test_nothing_is_said_of_it_when_quiet(capsys: pytest.CaptureFixture[str]):
    write("[study]\nseeds = 3\n")
    assert call("study d --cells list -q") == 0
    assert capsys.readouterr().err == ""


def test_the_folder_of_the_data_says_how_it_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    read: dict[str, object] = {}

    def from_folder(path: object, **options: object) -> None:
        read.update(options, path=path)
        raise KeyError

    monkeypatch.setattr("campare.data.ImageSet.from_folder", from_folder)
    write('group = "folder"\nlabels = ["person=", "cat=cats"]\n', "d")
    with pytest.raises(KeyError):
        call("study d")
    assert read["group"] == "folder"
    assert read["labels"] == {"person": None, "cat": "cats"}
    with pytest.raises(KeyError):
        call("audit m.keras --data d")
    assert read["group"] == "folder"
    write('[study]\ngroup = "p[0-9]"\n')
    with pytest.raises(KeyError):
        call("study d")
    assert read["group"] == "p[0-9]"
    assert "Defaults of d/campare.toml: group=folder" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["out", "engine", "address", "recipes", "trust", "loader"])
def test_data_sets_nothing_else(option: str, failing: Failing):
    write(f'{option} = "x"\n', "d")
    line = failing("study", "d")
    assert line.startswith(f"Expected an option in d/campare.toml, got '{option}'. Try: ")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[study", "Expected TOML in campare.toml, got "),
        ("[study]\nsedes = 3", "Expected an option in campare.toml, got 'sedes'. Try: recipes,"),
        ("[studdy]\nseeds = 3", "Expected a table of a verb in campare.toml, got 'studdy'. Try: ["),
        ("seeds = 3", "Expected a table of a verb in campare.toml, got 'seeds'. Try: [study], "),
        (
            "[study]\nseeds = {a = 1}",
            "Expected seeds as a text, a number or a list in campare.toml, got",
        ),
        (
            "[study]\nseeds = [[1]]",
            "Expected seeds as a text, a number or a list in campare.toml, got",
        ),
        (
            "[study]\nseeds = 1979-05-27",
            "Expected seeds as a text, a number or a list in campare.toml, got",
        ),
        (f"[study]\nseeds = {'9' * 5000}", "Expected TOML in campare.toml, got "),
        ("[study]\nseeds = " + "[" * 50_000, "Expected TOML in campare.toml, got "),
        ("[study]\nseeds = 'three'", "Invalid value for '--seeds': Input should be a valid integ"),
    ],
)
def test_mistakes_are_one_line(text: str, line: str, failing: Failing):
    write(text)
    assert failing("study", "-q", "d").startswith(line)


def test_the_file_is_none_that_a_folder_has_in_vain():
    assert DEFAULTS == FILE
