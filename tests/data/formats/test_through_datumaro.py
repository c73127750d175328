"""What Datumaro reads: areas as they were drawn, and its log collected in place of printed."""

import logging

import pytest
from contents import assert_shapes_are_the_things, read_with
from foreign import labelme_xml

from campare.data.formats import through_datumaro
from campare.data.formats.items import Files, Reading
from campare.errors import DataError, MissingExtraError


def test_the_extra_is_named_where_it_is_missing(monkeypatch):
    import sys

    for module in ("datumaro", "datumaro.components.environment"):
        monkeypatch.setitem(sys.modules, module, None)
    for call in (
        through_datumaro.names,
        lambda: through_datumaro.read_as("voc", Files(None, ()), Reading()),
    ):
        with pytest.raises(MissingExtraError, match=r"pip install 'campare\[formats\]'"):
            call()


def test_warnings_are_gathered_and_handlers_put_back():
    logger, said = logging.getLogger(), []
    before = list(logger.handlers)

    def warn():
        logging.getLogger("datumaro").warning("one\n  line")
        logging.getLogger("datumaro").info("nothing")
        raise KeyError

    with pytest.raises(KeyError), through_datumaro._quiet(said):
        warn()
    assert said == ["one line"]
    assert logger.handlers == before


def test_shapes_are_the_things_that_were_drawn(tmp_path):
    pytest.importorskip("datumaro")

    def read(files, reading):
        return through_datumaro.read_as("label_me", files, reading)

    assert_shapes_are_the_things(*read_with(read, labelme_xml, tmp_path))


def test_what_it_cannot_read_is_one_line(tmp_path):
    pytest.importorskip("datumaro")
    with pytest.raises(DataError, match=r"reads as cvat .* Try another --format") as error:
        through_datumaro.read_as("cvat", Files.below(tmp_path), Reading())
    assert "\n" not in str(error.value)
