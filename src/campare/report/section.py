"""What a section of a report is: a title, and text in HTML and in Markdown that a page gives."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from campare.errors import RunError
from campare.report.page import Page

Text = Callable[[Page], str]


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a report, which a page folds: it opens below its title.

    `says` is what it has, in a line beside the title; `html` and `markdown` write what is below it;
    what a format has no text for is not in it. They get the page (`campare.report.page.Page`), and
    their text is taken as it is: escape what others named with `markupsafe.escape` and
    `campare.report.writers.markdown.escaped`.

    Raises:
        RunError: an id that cannot be linked to.

    Example:
        >>> Section(id="thanks", title="Thanks", markdown=lambda page: "To all.").title
        'Thanks'
    """

    id: str
    title: str | Text
    says: str | Text = ""
    html: Text | None = None
    markdown: Text | None = None
    shown: Callable[[Page], bool] = lambda _: True
    name: str | None = ""  # in the navigation; empty: the title, None: not there
    figures: tuple[str, ...] = ()  # names of `Page.figures`, as files beside Markdown

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]*", self.id):
            letters = re.sub(r"[^a-z0-9]+", "-", self.id.lower()).strip("-0123456789")
            raise RunError(
                f"Expected id of small letters, digits and hyphens, got {self.id!r}. "
                f"Try: id={letters or 'mine'!r}"
            )

    def heading(self, page: Page) -> str:
        """The title on a page."""
        return self.title if isinstance(self.title, str) else self.title(page)

    def line(self, page: Page) -> str:
        """What it has, in a line."""
        return self.says if isinstance(self.says, str) else self.says(page)
