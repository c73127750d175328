"""Bytes, JSON and XML of files that mean harm: each is refused, at once and in bounded memory."""

import json
import os
import socket
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campare.untrusted import LARGEST, read_bytes, read_json, read_xml

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def test_a_file_is_read_whole(tmp_path: Path):
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    assert read_bytes(path) == b"abc"
    assert read_bytes(path, limit=3) == b"abc"
    with pytest.raises(OSError, match="3 bytes, more than the 2 that are read"):
        read_bytes(path, limit=2)


def test_a_small_file_reserves_no_more_than_it_holds(tmp_path: Path):
    (tmp_path / "a").write_bytes(b"abc")
    tracemalloc.start()
    assert read_bytes(tmp_path / "a") == b"abc"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20  # a process under `ulimit -v` has no gigabyte to spare


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="a system without /proc")
def test_a_file_that_hides_its_size_is_read_whole():
    assert b"VmRSS" in read_bytes(Path("/proc/self/status"))


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    (tmp_path / "circle").symlink_to("circle")
    for path in ("pipe", "socket", "circle", "gone", "."):
        with pytest.raises(OSError):
            read_bytes(tmp_path / path)
    for device in ("/dev/zero", "/dev/null"):
        with pytest.raises(OSError, match="a pipe, device or socket"):
            read_bytes(Path(device))
    listening.close()


def test_a_file_of_holes_is_not_read(tmp_path: Path):
    with (tmp_path / "holes").open("wb") as file:
        file.truncate(LARGEST + 1)
    started = time.monotonic()
    with pytest.raises(OSError, match="more than the 1,073,741,824"):
        read_bytes(tmp_path / "holes")
    assert time.monotonic() - started < 1


@settings(max_examples=40)
@given(VALUES)
def test_json_is_as_python_reads_it(values):
    text = json.dumps(values)
    try:
        assert read_json(text) == values
    except ValueError as error:  # half a character, which st.text() does not draw
        raise AssertionError(text) from error
    assert read_json(text.encode("utf-16")) == values


REFUSED = {
    "NaN": "NaN, which is no number of JSON",
    "[-Infinity]": "-Infinity, which is no number of JSON",
    "[1e999]": "the number 1e999, which is too large",
    "-1e0000000000400": "the number -1e0000000000400, which is too large",
    "1" * 400 + ".0": "the number 11111111111111111111, which is too large",
    "9" * 5000: "the number 99999999999999999999..., which is too large",
    "18446744073709551616": "the number 18446744073709551616, which is too large",
    "[" * 100_000: "values that are nested too deeply",
    '{"a":' * 100_000: "values that are nested too deeply",
    r'["\ud800"]': r"text that is not UTF-8: '\[\"\\ud800\"\]'",
    r'{"\uDFFF": 1, "\uD800": 2}': "text that is not UTF-8",
    "": "Expecting value: line 1 column 1",
    "[1] 2": "Extra data",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:12])
def test_json_that_means_harm(text):
    with pytest.raises(ValueError, match=REFUSED[text]):
        read_json(text)


def test_json_of_long_numbers_and_digits_in_text():
    assert read_json('[18446744073709551615, 0.1234567890123456789, "1e999", -9223372036854775808]')
    assert read_json(r'["\ud83d\ude00"]') == ["\U0001f600"]


DECLARED = {
    "laughs": '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>',
    "file": '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
    "parameter": '<!DOCTYPE a [<!ENTITY % b "c">%b;]><a/>',
    "attribute": '<!DOCTYPE a [<!ATTLIST b c CDATA "' + "x" * 99 + '">]><a><b/><b/></a>',
}


@pytest.mark.parametrize("name", DECLARED)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_with_declarations_of_its_own(name, encoding):
    with pytest.raises(ValueError, match="a declaration of the"):
        read_xml(DECLARED[name].encode(encoding))


def test_an_external_declaration_is_not_looked_up():
    assert read_xml(b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>').tag == "a"


@pytest.mark.parametrize(
    "content",
    [b"", b"<a>", b"<a>&b;</a>", b"\xff\xfe<", b'<?xml version="1.0" encoding="no-such"?><a/>',
     b'<?xml version="1.0" encoding="rot13"?><a/>', b'<?xml version="1.0" encoding="idna"?><a/>',
     b'<?xml version="1.0" encoding="utf-7"?><a/>', b"<a>\x00</a>", b"<a" * 1000],
)  # fmt: skip
def test_what_is_no_xml(content):
    with pytest.raises(ValueError):
        read_xml(content)


def test_xml_that_is_nested_deeply_is_read():
    assert read_xml(b"<a>" * 50_000 + b"</a>" * 50_000).tag == "a"
