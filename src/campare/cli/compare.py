"""`campare compare`: verdicts and effects of a run, or of one run against another."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from campare.cli.options import Json
from campare.cli.terminal import print_json, terminal
from campare.errors import RunError


def compare(
    run: Annotated[
        Path,
        Argument(
            metavar="RUN",
            help="The folder of a run, or a table: a file (.parquet, .csv) or a folder of Parquet.",
        ),
    ],
    other: Annotated[
        Path | None,
        Argument(metavar="[OTHER]", help="Another run: compare the recipes that both have."),
    ] = None,
    claims: Annotated[
        Path | None, Option(help="A YAML file of claims. Default: those of the article.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Print verdicts on claims and the effects of a run, or of one run against another."""
    from campare.runs.run import Run
    from campare.stats.compare import compare as run_compare
    from campare.stats.compare_runs import compare_runs
    from campare.stats.source import files_of
    from campare.stats.stored import comparison_of

    if other is not None:
        if claims is not None:
            raise RunError("Expected --claims with one run, got two runs. Try leaving one out.")
        found = compare_runs(Run.open(run), Run.open(other))
    elif claims is not None or files_of(run):
        found = run_compare(run, claims=claims)
    else:
        found = comparison_of(Run.open(run))
    if as_json:
        print_json(found.to_dict())
    else:
        terminal().print(found)
