"""The report as PDF."""

import re
import stat
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

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
    content = render(run, comparison=run.compared, format="pdf").read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") > 2


@pytest.mark.skipif(
    not any(map(pdf.shutil.which, pdf.BROWSERS)), reason="needs Chromium on the PATH"
)
@pytest.mark.slow
def test_printing_fetches_nothing_and_leaves_nothing(tmp_path, monkeypatch):
    fetched = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self):
            fetched.append(self.path)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Server)
    Thread(target=server.serve_forever, daemon=True).start()
    host = f"http://127.0.0.1:{server.server_port}"
    page = (
        f"<img src={host}/a><script>fetch('{host}/b')</script><link rel=stylesheet href={host}/c>"
    )
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(pdf.tempfile, "tempdir", str(tmp_path / "tmp"))
    assert pdf.printed(page.encode()).startswith(b"%PDF-")
    server.shutdown()
    server.server_close()
    assert fetched == []
    assert list((tmp_path / "tmp").iterdir()) == []
    kept = {path.relative_to(tmp_path / "home").parts[0] for path in (tmp_path / "home").rglob("*")}
    assert kept <= {".cache", ".config", ".local", ".pki"}
