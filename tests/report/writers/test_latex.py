"""The tables of a report in LaTeX: rows of as many cells, and names that are no commands."""

import re

import pytest

from campare.report import render
from campare.report.writers.latex import escaped


@pytest.fixture(scope="module")
def tex(run, tmp_path_factory) -> str:
    path = render(
        run, comparison=run.compared, format="latex", out=tmp_path_factory.mktemp("tex") / "r.tex"
    )
    return path.read_text("utf-8")


def environments(tex: str) -> list[str]:
    return re.findall(r"\\begin\{longtable\}.*?\\end\{longtable\}", tex, re.S)


def test_it_has_the_tables_of_markdown(run, tex: str):
    labels = re.findall(r"\\label\{tab:campare-([\w-]+)\}", tex)
    assert labels[:3] == ["claims", "effects", "means"]
    assert all(label.startswith("controls-") for label in labels[3:])
    assert len(environments(tex)) == len(labels)
    row = run.compared.effects.filter(metric="energy", method="grad-cam")
    line = next(line for line in tex.splitlines() if line.startswith("B vs A & energy"))
    shown = line.split(" & ")[2].replace("$-$", "-")
    assert shown.startswith(f"{row['estimate'].item():+.3f}")


def test_every_row_has_as_many_cells_as_columns(tex: str):
    for table in environments(tex):
        columns = len(re.search(r"\{longtable\}\{(l+)\}", table)[1])
        rows = [line for line in table.splitlines() if line.endswith(r" \\")]
        assert len(rows) > 1
        for row in rows:
            assert len(re.split(r"(?<!\\)&", row)) == columns, row


def test_names_are_text(tex: str):
    """Every special sign is a command of ours: nothing that a name says is one."""
    commands = set(re.findall(r"\\([a-zA-Z]+)", tex))
    assert commands <= {
        "usepackage", "begin", "end", "caption", "label", "toprule", "midrule", "endhead",
        "bottomrule", "textbackslash", "textasciitilde", "textasciicircum", "times",
    }  # fmt: skip
    body = re.sub(
        r"\\[&%$#_{}]", "", re.sub(r"\\begin\{longtable\}\{l+\}", "", tex.partition("\n")[2])
    )
    assert not re.findall(r"(?m)^[^%\n]*[#_%~^<>\"]", re.sub(r"\$[<>|-]\$", "", body))
    assert body.count("{") == body.count("}")
    assert "$|$ {[}x](http://x)" in tex


def test_what_latex_reads_as_a_command_is_escaped():
    assert escaped(r"\input{x} 5% a_b~^") == (
        r"\textbackslash{}input\{x\} 5\% a\_b\textasciitilde{}\textasciicircum{}"
    )
    assert escaped("[1] *") == "{[}1] {*}"
    assert escaped("\N{MINUS SIGN}1 × 2 \N{EN DASH}\n3") == r"$-$1 $\times$ 2 -- 3"
