"""Every `campare ...` line of README and docs/ is a command that there is, with its options."""

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from campare.cli.main import OF_ALL, app

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *ROOT.glob("benchmarks/*.md")])
COMMAND = get_command(app)


def lines_of(text: str) -> list[str]:
    """The commands in blocks of sh and of transcripts, each in one line."""
    blocks = re.findall(r"^```(\S*)\n(.*?)^```$", text, re.M | re.S)
    shown = "\n".join(block for kind, block in blocks if kind in ("", "sh", "bash", "console"))
    lines = shown.replace("\\\n", " ").splitlines()
    found = (re.sub(r"^\s*(\$ )?([A-Z_]+=\S+ )*", "", line) for line in lines)
    return [line for line in found if line.startswith("campare ")]


def wrong(line: str) -> str:
    """What is wrong with a command; '' where nothing is."""
    bare = re.sub(r"'[^']*'|\"[^\"]*\"|\s#.*", "", line)
    if re.search(r"[?*\[]", bare.partition(" | ")[0]):
        return "no quotes around a sign that zsh takes for files"
    words = [word for word in shlex.split(line, comments=True)[1:] if word not in OF_ALL]
    for end in ("|", ">", "&&", "&"):
        words = words[: words.index(end)] if end in words else words
    command, options = COMMAND, set()
    while True:
        options |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        inner = getattr(command, "commands", None)
        if not inner or not words or words[0].startswith("-"):
            break
        if words[0] not in inner:
            return f"no verb {words[0]!r}"
        command, words = inner[words[0]], words[1:]
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    unknown = [name for name in given if name not in {*options, "--help"}]
    return f"no option {', '.join(unknown)}" if unknown else ""


def test_the_check_finds_what_is_wrong():
    assert wrong("campare study DATA --recipes x  # --not this") == ""
    assert wrong("campare studie DATA") == "no verb 'studie'"
    assert wrong("campare list metrics --colour") == "no option --colour"
    assert wrong("campare explain 'timm:x?a=1' 'a*' --out maps  # ?") == ""
    assert "zsh" in wrong("campare explain timm:x?a=1 a.png --out maps")
    assert lines_of("```sh\nA=1 campare study \\\n  X\n```\n") == ["campare study    X"]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_are_ones_that_there_are(page: Path):
    found = {line: wrong(line) for line in lines_of(page.read_text("utf-8"))}
    assert {line: said for line, said in found.items() if said} == {}


def test_the_commands_are_found():
    assert sum(len(lines_of(page.read_text("utf-8"))) for page in PAGES) > 60
