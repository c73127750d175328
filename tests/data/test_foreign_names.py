import pytest

from campare.data.foreign_names import require_apart, require_part
from campare.errors import DataError

BAD = ["", ".", "..", "a/b", "a\\b", "a\0", "a\nb", "\x7f", "C:", "c:x", "\udce9", "ä" * 128]


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_name_of_a_file_is_refused_in_one_line(name):
    with pytest.raises(DataError, match=r"Expected names of files in s3://b, got .*Try") as caught:
        require_part(name, f"a/{name}", "s3://b")
    assert str(caught.value).isascii()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["a", "ä b+c.png", "...", "a..b", "1:2", "ä" * 127])
def test_names_of_files_are_taken(name):
    require_part(name, name, "s3://b")


@pytest.mark.parametrize(
    "paths",
    [["a", "a/b"], ["a/b", "a/b/c/d"], ["a", "A"], ["a/1", "A/2"], ["\xe1", "a\u0301"], ["a", "a"]],
)
def test_paths_of_which_two_are_one_file_are_refused(paths):
    with pytest.raises(DataError, match="Expected names in s3://b that are files of their own"):
        require_apart(paths, "s3://b")


def test_paths_of_their_own_are_taken():
    require_apart(["a/1", "a/2", "b/1", "ab"], "s3://b")
