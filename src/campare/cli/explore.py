"""`campare explore`: a page on which an image of one's own is explained by several models."""

from typing import Annotated

from typer import Argument, Option

from campare.cli.options import Trust


def explore(
    models: Annotated[
        list[str],
        Argument(
            metavar="RUN|MODEL...",
            help="The folder of a study, or models as of explain, also NAME=MODEL.",
        ),
    ],
    port: Annotated[
        int | None, Option(min=1, max=65535, help="Of the loopback address. Default: a free one.")
    ] = None,
    trust: Trust = False,
) -> None:
    """Open a page on this machine: drop an image, and see every model's map and score of it."""
    from campare.explore.arms import arms_of
    from campare.explore.page import serve

    serve(arms_of(models, trust=trust), port=port)
