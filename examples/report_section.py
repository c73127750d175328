"""A section of your own in the report: HTML for the page, Markdown for Markdown and the notebook.

Both are functions of the page (`campare.report.page.Page`), which has all that the report says:
arms, answers, effects, tables. Here: the answers alone, as they would stand in an abstract.
"""

import tempfile
from pathlib import Path

import keras
from markupsafe import escape

from campare import Run, audit
from campare.data import ImageSet
from campare.report import SECTIONS, Section, render
from campare.report.page import Page
from campare.report.writers.markdown import escaped


def as_html(page: Page) -> str:
    """A paragraph; what others may have named is escaped."""
    return f"<p>{escape(' '.join(str(answer) for answer in page.answers))}</p>"


def as_markdown(page: Page) -> str:
    """The same paragraph."""
    return escaped(" ".join(str(answer) for answer in page.answers))


ABSTRACT = Section(id="abstract", title="For an abstract", html=as_html, markdown=as_markdown)


def main() -> None:
    """Audit an untrained network on drawn images, and write its report with the section first."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(8, 3, activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2),
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        drawn = ImageSet.drawn(train=4, test=8, size=32)
        audit({"net": network}, drawn, metrics=["energy"], out=folder)
        run = Run.open(folder)
        for kind in ("html", "md"):
            path = render(run, format=kind, sections=[ABSTRACT, *SECTIONS])
            text = Path(path).read_text("utf-8")
            print(f"{path.name}: has the section: {'For an abstract' in text}")


if __name__ == "__main__":
    main()
