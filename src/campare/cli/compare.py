"""`campare compare`: verdicts and effects of a run, or of one run against another."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from campare.cli.options import RunFolder
from campare.cli.terminal import terminal
from campare.errors import RunError


def compare(
    run: RunFolder,
    other: Annotated[
        Path | None,
        Argument(metavar="[OTHER]", help="Another run: compare the recipes that both have."),
    ] = None,
    claims: Annotated[
        Path | None, Option(help="A YAML file of claims. Default: those of the article.")
    ] = None,
) -> None:
    """Print verdicts on claims and the effects of a run, or of one run against another."""
    from campare.runs.run import Run
    from campare.stats.compare import compare as run_compare
    from campare.stats.compare_runs import compare_runs
    from campare.stats.stored import comparison_of

    first = Run.open(run)
    if other is not None:
        if claims is not None:
            raise RunError("Expected --claims with one run, got two runs. Try leaving one out.")
        terminal().print(compare_runs(first, Run.open(other)))
    elif claims is not None:
        terminal().print(run_compare(first, claims=claims))
    else:
        terminal().print(comparison_of(first))
