"""Seals: a file is known again by its size and digest, and what is wrong is said in a few words."""

from campare.runs.seals import Seal, seals_of


def test_what_is_wrong_with_a_file_is_said(tmp_path):
    file = tmp_path / "a"
    file.write_bytes(b"abc")
    seal = Seal.of(file)
    assert seal.broken(file) is None
    file.write_bytes(b"abd")
    assert seal.broken(file) == "other contents than were written"
    assert seal.broken(file, deep=False) is None
    file.write_bytes(b"ab")
    assert seal.broken(file, deep=False) == "2 bytes where 3 were written"
    file.unlink()
    for none in (file, tmp_path / ("9" * 5000), tmp_path / "a\0", tmp_path):
        assert seal.broken(none) == "missing"


def test_a_model_may_be_a_folder(tmp_path):
    model = tmp_path / "a-0.model"
    (model / "part").mkdir(parents=True)
    (model / "part" / "w.bin").write_bytes(b"w")
    (model / "config.json").write_bytes(b"{}")
    assert list(seals_of(model)) == ["a-0.model/config.json", "a-0.model/part/w.bin"]
    before = seals_of(model)
    (model / "part" / "w.bin").write_bytes(b"v")
    assert seals_of(model) != before
