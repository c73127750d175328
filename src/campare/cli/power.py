"""`campare power`: how many seeds and images it takes."""

from typing import Annotated

from typer import Option

from campare.cli.options import Json, RunFolder, finite
from campare.cli.terminal import opened, print_json, terminal


def power(
    run: RunFolder,
    smallest: Annotated[
        float | None,
        Option(
            callback=finite,
            help="The smallest effect of interest. Default: that of the claims, by metric.",
        ),
    ] = None,
    goal: Annotated[
        float,
        Option(
            "--power", min=0.01, max=0.99, callback=finite, help="How surely it is to be found."
        ),
    ] = 0.8,
    as_json: Json = False,
) -> None:
    """Print how many seeds and images it takes to find an effect, from a run's own variance."""
    from campare.stats.power import power as run_power
    from campare.stats.printed import power_tables

    measured = opened(run)
    found = run_power(measured, smallest=smallest, goal=goal)
    if as_json:
        print_json(found.to_dicts())
    else:
        terminal().print(power_tables(found, goal, measured.manifest.kind))
