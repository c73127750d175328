import struct
import zipfile

import pytest

from campare.data.archive import unpack
from campare.errors import DataError


def packed(path, members, how=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def test_an_archive_becomes_a_folder_without_hidden_files(tmp_path):
    members = [("cat/1.png", b"1"), ("cat/", b""), (".git/x", b""), ("__MACOSX/1", b"")]
    file = packed(tmp_path / "a", members)
    assert unpack(file, tmp_path / "pets", "here", 10) == ["cat/1.png"]
    assert [p.name for p in (tmp_path / "pets").rglob("*")] == ["cat", "1.png"]


def test_a_folder_of_the_archives_name_around_everything_is_left_out(tmp_path):
    file = packed(tmp_path / "a", [("pets/cat/1.png", b"1"), ("pets/dog/1.png", b"2")])
    assert unpack(file, tmp_path / "pets", "here", 10) == ["cat/1.png", "dog/1.png"]
    assert (tmp_path / "pets/dog/1.png").read_bytes() == b"2"
    assert "pets/cat/1.png" in unpack(file, tmp_path / "others", "here", 10)


BAD = {
    "above": [("../x", b"")],
    "deep above": [("a/../../x", b"")],
    "absolute": [("/etc/x", b"")],
    "of Windows": [("C:/x", b"")],
    "empty part": [("a//b", b"")],
    "backslash": [("..\\x", b"")],
    "twice in case": [("a", b""), ("A", b"")],
    "file and folder": [("a", b""), ("a/b", b"")],
    "hidden above": [(".git/../../x", b"")],
    "nothing": [],
    "bomb": [("a", bytes(2**27))],
    "too large": [("a", b"12345678901")],
}


@pytest.mark.parametrize("members", BAD.values(), ids=BAD)
def test_bad_archives_are_refused_in_one_line_and_write_nothing_elsewhere(tmp_path, members):
    file = packed(tmp_path / "a", members)
    with pytest.raises(DataError, match=r"^Expected .* here.*got.*Try"):
        unpack(file, tmp_path / "in" / "pets", "here", 10)
    assert {p.name for p in tmp_path.iterdir()} <= {"a", "in"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_twice_is_refused(tmp_path):
    file = packed(tmp_path / "a", [("a", b"1"), ("a", b"2")])
    with pytest.raises(DataError, match="'a' and 'a'"):
        unpack(file, tmp_path / "pets", "here", 10)


def test_what_is_no_archive_damaged_or_encrypted_is_refused(tmp_path):
    file = packed(tmp_path / "a", [("a", b"0123456789" * 5)], zipfile.ZIP_STORED)
    whole = file.read_bytes()
    start = whole.index(b"0123456789")
    encrypted = bytearray(whole)
    encrypted[6] |= 1
    central = whole.index(b"PK\x01\x02")
    encrypted[central + 8] |= 1
    other_size = bytearray(whole)
    struct.pack_into("<I", other_size, central + 24, 7)
    damaged = [b"", b"no archive", whole[:-30], bytes(encrypted), bytes(other_size),
               whole[:start] + b"x" + whole[start + 1 :]]  # fmt: skip
    for content in damaged:
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"Expected a ZIP file at here, got: .+\. Try"):
            unpack(file, tmp_path / "pets", "here", 1000)
        assert not any(p.is_file() for p in (tmp_path / "pets").rglob("*"))
