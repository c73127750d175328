"""The tables of a report for a paper: LaTeX with booktabs, to \\input where they are to stand.

Names are escaped, so that nothing in a file name becomes a command.
"""

import re
from collections.abc import Iterator, Sequence

from campare.report import tables
from campare.report.page import Page
from campare.report.tables import Table

_SIGNS = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"$<$", ">": r"$>$", "|": r"$|$", '"': "''",
    "\N{MINUS SIGN}": "$-$", "\N{EN DASH}": "--", "\N{MULTIPLICATION SIGN}": r"$\times$",
    "[": "{[}", "*": "{*}",  # which mean something at the beginning of a row
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}  # fmt: skip


def escaped(text: object) -> str:
    """Text that LaTeX sets as it is.

    Example:
        >>> print(escaped("50 % of a_b & c"))
        50 \\% of a\\_b \\& c
    """
    return re.sub(".", lambda sign: _SIGNS.get(sign[0], sign[0]), " ".join(str(text).split()))


def latex(page: Page) -> str:
    """Claims, differences, means and controls, each a longtable with a caption and a label."""
    parts = ["% Needs \\usepackage{booktabs,longtable} and, before 2018, [utf8]{inputenc}."]
    parts += [_longtable(*one) for one in _tables(page) if one[2].rows]
    return "\n\n".join(parts) + "\n"


def _tables(page: Page) -> Iterator[tuple[str, str, Table]]:
    """(label, caption, table) of each."""
    method = page.method
    yield "claims", f"Claims and verdicts. {page.question}", tables.claims(page)
    yield "effects", f"Differences between {page.noun}s, {method}.", tables.effects(page)
    yield "means", f"Each {page.noun} by itself, {method}.", tables.means(page)
    for number, (metric, found) in enumerate(tables.controls(page), start=1):
        yield f"controls-{number}", f"{metric} beside maps of no trained model.", found


def _longtable(label: str, caption: str, table: Table) -> str:
    columns = "l" * len(table.heads)
    rule = r"\midrule \endhead"
    return "\n".join(
        [
            f"\\begin{{longtable}}{{{columns}}}",
            f"\\caption{{{escaped(caption)}}}\\label{{tab:campare-{label}}}\\\\",
            f"\\toprule\n{_line(table.heads)}\n{rule}",
            *map(_line, table.rows),
            "\\bottomrule\n\\end{longtable}",
        ]
    )


def _line(cells: Sequence[object]) -> str:
    return " & ".join(map(escaped, cells)) + r" \\"
