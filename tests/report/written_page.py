"""A written page, read again: its tags, its text, and what its script reads."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import manifests
from campare.report import SECTIONS
from campare.report.page import read
from campare.report.writers.html import html


class Page(HTMLParser):
    """Tags with their attributes, the text, and every place that could load something."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.code = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.code = tag in ("style", "script")

    def handle_data(self, data):
        if not self.code:
            self.words.append(data)

    def handle_endtag(self, tag):
        self.code = self.code and tag not in ("style", "script")

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def changed(run, **parts):
    """The run with other parts in its manifest."""
    return dataclasses.replace(run, manifest=manifests.changed(run.manifest, **parts))


def rendered(run, **parts) -> tuple[Page, str]:
    text = html(read(changed(run, **parts), run.compared), SECTIONS)
    return Page(text), text


def data_of(html: str) -> dict:
    """What the gallery's script reads."""
    return json.loads(re.search(r'id="gallery-data">(.*?)</script>', html, re.DOTALL).group(1))
