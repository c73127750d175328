"""Every damage of every file of a run: named, never accepted, no traceback, mended by going on."""

import shutil
from dataclasses import replace

import pytest
from damage import damages, is_of_nobody, truncate
from tiny_run import tiny_audit, tiny_study
from unmodeled import ARMS, go_on

from campare.errors import RunError
from campare.experiments.session import conclude
from campare.runs.check import check
from campare.runs.run import Run
from campare.stats.compare import compare
from campare.stats.stored import comparison_of


def rows_of(path):
    return {file.name: file.read_bytes() for file in sorted((path / "scores").iterdir())}


def copied(path, to):
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(path, to)
    return to


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "g[1]"  # a path is no pattern
    go_on(path, report="page")
    assert check(path) == []
    return path


def contents(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


def test_each_damage_is_named_by_the_file(whole, tmp_path):
    passed, path = [], copied(whole, tmp_path / "run")
    before = contents(path)
    for number, (name, do) in enumerate(damages(whole)):
        if not name.startswith(("run.json", "cells/a-0", "scores/a-0", "maps/a-0", "models/a-0",
                                "images", "comparison.json ", "outputs")):  # fmt: skip
            continue  # the full test has them
        if " without " in name and number % 8:
            continue
        do(path)
        faults = [str(fault) for fault in check(path)]
        for file, content in (contents(path) | before).items():
            file.write_bytes(content) if file in before else file.unlink()
        files = tuple(word.rpartition(".")[0] for word in name.split() if "." in word)
        named = [fault for fault in faults if fault.startswith(files)]
        if not named and not is_of_nobody(name):
            passed.append(name)
        assert not any("\n" in fault for fault in faults)
    assert passed == []


@pytest.mark.parametrize("folder", ["cells", "scores", "maps", "models"])
def test_all_that_is_damaged_at_once_is_mended_by_going_on(whole, tmp_path, folder):
    path = copied(whole, tmp_path / "run")
    for name, do in damages(whole):
        file, _, way = name.partition(" ")
        if (file.startswith(f"{folder}/a-0"), way) in ((True, "double"), (True, "flip")):
            do(path)
        if (file.startswith(f"{folder}/a-1"), way) == (True, "truncate"):
            do(path)
    done, said = go_on(path, report=True)
    assert set(done) == (set() if folder == "cells" else {"a-0", "a-1"})
    assert f"Not as it was written: {folder}/a-0" in said
    assert f"moved to foreign/{folder}/a-0 (1)" in said
    assert check(path) == []
    assert rows_of(path) == rows_of(whole)


def test_rows_that_are_not_those_of_their_cell_are_left_out_and_named(whole, tmp_path):
    path = copied(whole, tmp_path / "run")
    truncate("scores/a-1.parquet", path)
    run = Run.open(path)
    assert run.scores()["recipe"].to_list().count("a") == 6
    (note,) = compare(path).notes
    assert note.startswith("Not as it was written: scores/a-1.parquet: ")
    assert "bytes where" in note
    assert comparison_of(run).notes == (note,)  # not what was stored for all rows
    conclude(run)
    assert "scores/a-1.parquet" in (path / "report.html").read_text("utf-8")


def test_a_manifest_that_is_lost_is_written_anew_and_costs_no_cell(whole, tmp_path):
    for number, do in enumerate((lambda p: p.unlink(), lambda p: p.write_bytes(b""))):
        path = copied(whole, tmp_path / f"run{number}")
        do(path / "run.json")
        with pytest.raises(RunError, match="Try: "):
            compare(path)
        done, said = go_on(path)
        assert done == []
        assert "Not as it was written: run.json" in said
        assert rows_of(path) == rows_of(whole)


def test_cells_of_a_run_with_other_settings_do_not_count(whole, tmp_path):
    path, other = tmp_path / "run", tmp_path / "other"
    go_on(other, arms=(replace(ARMS[0], hidden=9), ARMS[1]))
    copied(whole, path)
    for folder in ("cells", "scores", "maps", "models"):
        for file in (other / folder).glob("a-0.*"):
            shutil.copy(file, path / folder / file.name)
    assert {str(fault) for fault in check(path)} >= {"cells/a-0.json: of a run with other settings"}
    done, said = go_on(path, report=True)
    assert done == ["a-0"]
    assert "of a run with other settings" in said
    assert check(path) == []


def test_hidden_and_partial_files_are_nothing(whole, tmp_path):
    path = copied(whole, tmp_path / "run")
    for folder in ("", "cells", "scores", "maps", "models", "tables"):
        for name in (".DS_Store", ".12-ab.part.x.json", "a-0.npz.partial"):
            (path / folder / name).write_bytes(b"x")
    assert check(path) == []
    assert go_on(path)[0] == []
    assert not list(path.rglob("*.partial"))
    assert not list(path.rglob(".*.part.*"))
    fresh = tmp_path / "fresh"  # stopped in the very first write
    fresh.mkdir()
    (fresh / ".12-ab.part.run.json").write_bytes(b"{")
    (fresh / ".DS_Store").write_bytes(b"x")
    assert len(go_on(fresh)[0]) == 4


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("again", [tiny_study, tiny_audit])
def test_every_damage_of_every_file(again, tmp_path, capsys):
    whole = again(tmp_path / "whole").path
    if again is tiny_audit:
        tiny_audit(tmp_path / "run")  # with its own files of models
    expected, rows = comparison_of(Run.open(whole)), rows_of(whole)
    counts = dict.fromkeys(("damages", "named", "accepted", "mended", "nobody's"), 0)
    wrong = []
    for name, do in damages(whole):
        path = copied(whole, tmp_path / "run")
        do(path)
        counts["damages"] += 1
        faults = _outcome(check, path)
        counts["named"] += bool(faults)
        counts["nobody's"] += is_of_nobody(name)
        for verb in (compare, _reported):
            found = _outcome(verb, path)
            same = isinstance(found, type(expected)) and found.effects.equals(expected.effects)
            if not (same or isinstance(found, RunError) or any(map(_says, found.notes))):
                counts["accepted"] += 1
                wrong.append(f"{name}: accepted")
        again(path)
        if check(path) == [] and rows_of(path) == rows:
            counts["mended"] += 1
        else:
            wrong.append(f"{name}: not mended, {[*map(str, check(path))]}")
    with capsys.disabled():
        print(f"\n{again.__name__}: {counts}")
    assert wrong == []
    assert counts["named"] + counts["nobody's"] == counts["mended"] == counts["damages"]


def _says(note):
    return note.startswith("Not as it was written")


def _reported(path):
    run = Run.open(path)
    conclude(run)
    return comparison_of(run)


def _outcome(verb, path):
    """What a verb gives, or the error for its user; anything else is a traceback."""
    try:
        return verb(path)
    except RunError as error:
        return error if "Try" in str(error) and "\n" not in str(error) else None
