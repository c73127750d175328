"""The command line: joins the verbs, each of which is a thin call of the function of its name.

Nothing heavy is imported here: a verb imports what it needs when it is called, so that
`campare --help` answers at once. Errors are turned into one line by `campare.__main__`.
"""

from typing import Annotated

from typer import Context, Exit, Option, Typer

from campare.cli.audit import audit
from campare.cli.check import check
from campare.cli.compare import compare
from campare.cli.data import data_app
from campare.cli.defaults import take_own
from campare.cli.doctor import doctor
from campare.cli.explain import explain
from campare.cli.explore import explore
from campare.cli.listing import list_app
from campare.cli.log import log
from campare.cli.power import power
from campare.cli.report import report
from campare.cli.study import study
from campare.cli.terminal import QUIET

#: What every verb takes, before or after its name: `campare.__main__` puts it before.
OF_ALL = ("--verbose", "--debug", "-v", "--quiet", "-q")

app = Typer(pretty_exceptions_enable=False)
for verb in (study, explain, explore, audit, report, log, compare, check, power, doctor):
    app.command(epilog="Also --quiet, --verbose: campare --help.")(verb)
app.add_typer(data_app, name="data")
app.add_typer(list_app, name="list")


def _version(wanted: bool) -> None:
    if wanted:
        from campare import __version__

        print(f"campare {__version__}")
        raise Exit


@app.callback(invoke_without_command=True)
def campare(
    context: Context,
    version: Annotated[  # noqa: ARG001  its callback acts on it
        bool, Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
    verbose: Annotated[  # noqa: ARG001  __main__ acts on it
        bool, Option("--verbose", "--debug", "-v", help="Show the traceback of an error.")
    ] = False,
    quiet: Annotated[
        bool,
        Option("--quiet", "-q", help="Say what was called for and what fails, nothing meanwhile."),
    ] = False,
) -> None:
    """Measure whether a training recipe makes Grad-CAM heatmaps better."""
    QUIET.set(quiet)
    take_own(context)
    if context.invoked_subcommand is None:
        print(context.get_help())
