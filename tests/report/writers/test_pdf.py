"""The report as PDF."""

import re
import stat

import pytest

from campare.errors import MissingExtraError, RunError
from campare.report import render
from campare.report.writers import pdf


def test_a_pdf_without_a_browser_says_what_to_install(run, monkeypatch):
    monkeypatch.setattr(pdf.shutil, "which", lambda _: None)
    message = (
        "Expected Chromium or Chrome on the PATH to print a PDF, got none. "
        "Try: apt install chromium, or --format html and print that from a browser"
    )
    with pytest.raises(MissingExtraError, match=re.escape(message)):
        render(run, format="pdf")


def test_a_browser_that_prints_nothing_is_named(tmp_path, monkeypatch):
    idle = tmp_path / "chromium"
    idle.write_text("#!/bin/sh\n")
    idle.chmod(idle.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setattr(pdf, "find_browser", lambda: str(idle))
    with pytest.raises(RunError, match=r"Expected a PDF from .*chromium, got none within 5 s"):
        pdf.printed(b"<p>", seconds=5)


@pytest.mark.skipif(
    not any(map(pdf.shutil.which, pdf.BROWSERS)), reason="needs Chromium on the PATH"
)
def test_the_pdf_is_the_page(run):
    content = render(run, format="pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") > 2
