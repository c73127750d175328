"""The pages of the docs site that are not files of docs/: a hook of MkDocs, see mkdocs.yml.

    README.md -> overview.md; CHANGELOG.md and its like -> project/; benchmarks/*.md, examples/*.py
    docs/tutorials/*.py -> tutorials/*.md, with the outputs of `make notebooks` where these are
    public names -> reference/python.md; verbs -> reference/commands.md; methods, recipes, columns
    -> reference/lists.md

Pages link to each other as files of the repository do; here these links are turned into those of
the site. A link to a file that the site has not becomes its text.
"""

import base64
import json
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import campare

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # the lists below import what a framework needs

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "build" / "notebooks"

#: Files at the root -> their page.
_ROOT_PAGES = {
    "README.md": "overview.md",
    "CHANGELOG.md": "project/changelog.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "SECURITY.md": "project/security.md",
    "CODE_OF_CONDUCT.md": "project/conduct.md",
}
_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+)\)")
_OUTSIDE = re.compile(r"[a-z]+:|#|/")
_CELL = re.compile(r"^# %%(.*)$", re.M)


def page_of(path: str) -> str | None:
    """The page of the site that a file or folder of the repository is; None: it has none.

    Example:
        >>> page_of("docs/audit.md"), page_of("examples/metric.py"), page_of("src/campare")
        ('audit.md', 'examples/metric.md', None)
    """
    if path in _ROOT_PAGES:
        return _ROOT_PAGES[path]
    if path.rstrip("/") == "docs/tutorials":
        return f"tutorials/{_tutorials()[0].stem}.md"
    folder, _, name = path.partition("/")
    if folder == "docs":
        return re.sub(r"^(tutorials/.*)\.py$", r"\1.md", name)
    if folder in ("benchmarks", "examples") and Path(name).suffix in (".md", ".py"):
        return f"{folder}/{Path(name).stem}.md" if (ROOT / path).is_file() else None
    return None


def relinked(markdown: str, source: str, page: str) -> str:
    """Markdown of a file of the repository with the links of the site.

    Args:
        markdown: its text.
        source: its path in the repository.
        page: its page.

    Example:
        >>> relinked("[a](docs/audit.md#x), [b](src/y.py)", "README.md", "index.md")
        '[a](audit.md#x), b'
    """

    def link(match: re.Match[str]) -> str:
        image, text, target = match.groups()
        if _OUTSIDE.match(target):
            return match[0]
        path, anchor = re.fullmatch(r"([^#]*)(#.*)?", target).groups("")  # type: ignore[union-attr]
        there = page_of(posixpath.normpath(posixpath.join(posixpath.dirname(source), path)))
        if there is None:
            return text
        return (
            f"{image}[{text}]({posixpath.relpath(there, posixpath.dirname(page) or '.')}{anchor})"
        )

    parts = re.split(r"(^```.*?^```|`[^`\n]*`)", markdown, flags=re.M | re.S)
    return "".join(part if n % 2 else _LINK.sub(link, part) for n, part in enumerate(parts))


def generated() -> dict[str, tuple[str, str]]:
    """Page -> (the file of the repository that it is of, its Markdown)."""
    pages = {page: (path, (ROOT / path).read_text("utf-8")) for path, page in _ROOT_PAGES.items()}
    for file in sorted((ROOT / "benchmarks").glob("*.md")):
        pages[f"benchmarks/{file.name}"] = (f"benchmarks/{file.name}", file.read_text("utf-8"))
    for file in sorted((ROOT / "examples").glob("*.py")):
        code = file.read_text("utf-8")
        text = f"# {file.name}\n\n```python\n{code}```\n"
        pages[f"examples/{file.stem}.md"] = (f"examples/{file.name}", text)
    for file in _tutorials():
        pages[f"tutorials/{file.stem}.md"] = (f"docs/tutorials/{file.name}", tutorial(file))
    for name, page in (("python", python_page), ("commands", commands_page), ("lists", lists_page)):
        pages[f"reference/{name}.md"] = (f"docs/reference/{name}.md", page())
    return pages


def _tutorials() -> list[Path]:
    return sorted((ROOT / "docs" / "tutorials").glob("*.py"))


def tutorial(file: Path) -> str:
    """A script of cells as a page, with the outputs of its notebook where that was executed."""
    notebook = NOTEBOOKS / f"{file.stem}.ipynb"
    if notebook.is_file():
        cells = json.loads(notebook.read_text("utf-8"))["cells"]
        return "\n\n".join(_executed(cell) for cell in cells) + "\n"
    parts = _CELL.split(file.read_text("utf-8"))[1:]
    return "\n\n".join(_written(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)) + "\n"


def _written(head: str, body: str) -> str:
    if "[markdown]" in head:
        return "\n".join(re.sub(r"^# ?", "", line) for line in body.strip().splitlines())
    return f"```python\n{body.strip()}\n```"


def _executed(cell: dict[str, Any]) -> str:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return source
    outputs = (_output(one) for one in cell.get("outputs", ()))
    return "\n\n".join([f"```python\n{source}\n```", *(one for one in outputs if one)])


def _output(output: dict[str, Any]) -> str:
    data = output.get("data", {})
    if "text/html" in data:
        return f'<div class="output">{"".join(data["text/html"])}</div>'
    if "image/png" in data:
        content = base64.b64encode(base64.b64decode("".join(data["image/png"]))).decode()
        return f'<div class="output"><img alt="" src="data:image/png;base64,{content}"></div>'
    text = "".join(data.get("text/plain", output.get("text", "")))
    return f"```text\n{text.rstrip()}\n```" if text.strip() else ""


def python_page() -> str:
    """Every public name, documented where it is defined."""
    parts = [
        "# Python",
        "`import campare` imports no framework; what a name needs is loaded with it.",
    ]
    for name in sorted(campare.__all__, key=str.casefold):
        found = getattr(campare, name)
        home = "campare.targets" if name == "targets" else f"{found.__module__}.{name}"
        parts.append(f"## campare.{name}\n\n::: {home}")
    return "\n\n".join(parts) + "\n"


def commands_page() -> str:
    """Every verb with what it takes."""
    from typer.main import get_command

    from campare.cli.main import app

    parts = [
        "# Commands",
        "What `campare VERB --help` says. What all verbs share, exit statuses and own defaults: "
        "[the command line](../command-line.md).",
    ]
    parts += _verbs(get_command(app), "campare")
    return "\n\n".join(parts) + "\n"


def _verbs(command: Any, called: str) -> Iterator[str]:
    for name, verb in getattr(command, "commands", {}).items():
        if getattr(verb, "commands", None):
            yield from _verbs(verb, f"{called} {name}")
            continue
        rows = [(_option(one), getattr(one, "help", None) or "") for one in verb.params]
        yield f"## {called} {name}\n\n{_text(verb.help or '')}\n\n{_table(('', ''), rows)}"


def _option(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`"
    return ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))


def lists_page() -> str:
    """Methods, recipes and the columns of the table."""
    from campare.attribution.method import METHODS
    from campare.training.recipes import RECIPES
    from campare.types import SCORE_COLUMNS

    methods = [(f"`{n}`", m.title, m.cost, m.paper) for n, m in METHODS.items()]
    columns = ", ".join(f"`{name}`" for name in SCORE_COLUMNS)
    recipes = [
        (f"`{name}`", (build.__doc__ or "").partition("\n")[0]) for name, build in RECIPES.items()
    ]
    return "\n\n".join(
        [
            "# Methods, recipes, columns",
            "Metrics, each with its formula, its null and its traps: [Metrics](../metrics.md).",
            "## Methods",
            _table(("method", "", "what it costs", "source"), methods),
            "## Sets of recipes",
            "What differs between them: [Training](../training.md), `campare list recipes`.",
            _table(("set", ""), recipes),
            "## Columns of the table",
            "What they mean: [What comes out](../out.md#the-table).",
            columns,
        ]
    ) + "\n"  # fmt: skip


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_text(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _text(text: str) -> str:
    """Text in one paragraph that holds no tags and parts no cells."""
    joined = " ".join(text.split())
    return joined.replace("<", "&lt;").replace("|", "\\|")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is generated."""
    for page, (_, markdown) in generated().items():
        files.append(File.generated(config, page, content=markdown))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Turn links into those of the site."""
    uri = page.file.src_uri
    sources = {there: path for path, there in _ROOT_PAGES.items()}
    source = sources.get(uri)
    if source is None and uri.partition("/")[0] in ("benchmarks", "examples"):
        source = uri
    if uri.startswith("reference/"):
        return markdown
    return relinked(markdown, source or f"docs/{uri}", uri)


#: What pages lack for who hears them: names of the search and of the first section; an empty cell
#: in the head of a table is no header.
_NAMED = {
    'aria-labelledby="__nav_1_label"': 'aria-label="Start"',
    'data-md-component="search" role="dialog"': 'data-md-component="search" role="dialog" '
    'aria-label="Search"',
    "<th></th>": "<td></td>",
}


def on_post_page(output: str, **_: Any) -> str:
    """Name what has no name."""
    for found, named in _NAMED.items():
        output = output.replace(found, named)
    return output


def on_post_template(output_content: str, template_name: str, **_: Any) -> str:
    """The same on the page for a link that leads nowhere, which is no page of MkDocs."""
    return on_post_page(output_content) if template_name == "404.html" else output_content
