"""The command `factory`: puts its verbs together, one file each, and turns errors into messages and exit codes.

A verb parses arguments and prints results; it imports what does the work when it is called, so that help comes at once.
"""

import os
import sys
from collections.abc import Callable
from typing import NoReturn

import typer

from factory.cli.bench.verbs import bench_app
from factory.cli.doctor.verb import doctor
from factory.cli.plan import plan
from factory.cli.preview_layout import preview_layout
from factory.cli.report import report
from factory.cli.retry import retry
from factory.cli.run import run, spell_command
from factory.cli.status import status
from factory.errors import FactoryError
from factory.text.invisible import spell_hidden

# In the order of the help text.
VERBS: tuple[Callable[..., None], ...] = (run, retry, plan, status, report, preview_layout, doctor)

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn campaign briefs in Parquet into scored, channel-valid ad copy.\n\n"
    "Start with: factory plan jobs/ad_copy, then factory run jobs/ad_copy. "
    "Running again resumes; a finished run generates nothing.",
)
for verb in VERBS:
    app.command()(verb)
app.add_typer(bench_app, name="bench")

_INTERRUPTED = 130  # what typer makes of Ctrl-C


def main() -> NoReturn:
    """Entry point: run a verb and turn our errors into a message and an exit code."""
    try:
        ended = app(standalone_mode=False)  # the code of a typer.Exit, else None
    except FactoryError as error:
        typer.echo(spell_hidden(f"error: {error}"), err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        ended = _INTERRUPTED
    except Exception as error:
        show = getattr(error, "show", None)  # wrong usage: its class lies in another module in each typer
        if show is None:
            raise
        show()
        sys.exit(2)
    if ended == _INTERRUPTED:
        is_run = sys.argv[1:2] in (["run"], ["retry"])
        go_on = f": finished requests are safe. Go on with: {spell_command()}" if is_run else ""
        typer.echo(f"stopped{go_on}", err=True)
        sys.stdout.flush()
        # At once: Ray's own shutdown takes long, and aborts the process when one of its threads still works.
        os._exit(3)
    sys.exit(ended if isinstance(ended, int) else 0)
