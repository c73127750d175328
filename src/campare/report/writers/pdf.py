"""The page as PDF, by the browser that draws it best: Chromium without a window.

A second layout engine would need a second style sheet; the browser prints the page itself, with
its own rules for paper. It gets a profile of its own that goes with the folder, and no network.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from campare.errors import MissingExtraError, RunError

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
            "msedge", "microsoft-edge")  # fmt: skip
_QUIET = ("--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
          "--disable-sync", "--no-pdf-header-footer", "--hide-scrollbars")  # fmt: skip
# Whatever the page or the browser would fetch goes to a port of this machine where nobody listens.
_ALONE = ("--proxy-server=127.0.0.1:9", "--proxy-bypass-list=<-loopback>",
          "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-component-update",
          "--disable-default-apps", "--disable-domain-reliability", "--disable-extensions",
          "--no-pings", "--metrics-recording-only", "--disable-breakpad")  # fmt: skip
SECONDS = 180


def find_browser() -> str:
    """The path of a browser that can print.

    Raises:
        MissingExtraError: there is none on the PATH.
    """
    for name in BROWSERS:
        path = shutil.which(name)
        if path is not None:
            return path
    raise MissingExtraError(
        "Expected Chromium or Chrome on the PATH to print a PDF, got none. "
        "Try: apt install chromium, or --format html and print that from a browser"
    )


def printed(html: bytes, *, seconds: float = SECONDS) -> bytes:
    """The page as the bytes of a PDF.

    Raises:
        MissingExtraError: there is no browser.
        RunError: the browser does not print it.
    """
    browser = find_browser()
    with tempfile.TemporaryDirectory() as folder:
        page, out = Path(folder) / "report.html", Path(folder) / "report.pdf"
        page.write_bytes(html)
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        command = [browser, *_QUIET, *_ALONE, *root, f"--user-data-dir={folder}/profile",
                   f"--print-to-pdf={out}", page.as_uri()]  # fmt: skip
        with contextlib.suppress(subprocess.TimeoutExpired):  # said below
            subprocess.run(command, capture_output=True, timeout=seconds, check=False)
        if not out.is_file():
            raise RunError(
                f"Expected a PDF from {browser}, got none within {seconds:g} s. "
                "Try: --format html and print that from a browser"
            )
        return out.read_bytes()
