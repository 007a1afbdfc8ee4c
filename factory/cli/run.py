"""`factory run`: a job from briefs to scored assets; and how a run ends on the command line, which retry shares."""

import shlex
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from factory.cli.options import Briefs, JobArgument, Json, Limit, Output, Sets, print_json

if TYPE_CHECKING:
    from factory.runs.driver import Result


def run(
    job: JobArgument,
    briefs: Briefs = None,
    output: Output = None,
    limit: Limit = None,
    sets: Sets = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start over in a new output beside the job's: out-2, out-3 …")
    ] = False,
    as_json: Json = False,
) -> None:
    """Run a job from briefs to scored assets; run it again to resume.

    Ctrl-C or SIGTERM stops it in a resumable way; a second one at once.

    Exit codes: 0 done, 1 failed or too many rows refused, 2 bad job or arguments, 3 stopped early and resumable.
    """
    from factory.runs import driver, planning

    result = driver.run_job(job, planning.Options(sets or [], briefs, output, limit, fresh))
    finish_run(result, as_json)


def finish_run(result: "Result", as_json: bool, **more: int) -> None:
    """Show how a run ended, with `more` in its JSON object, and end with the exit code for it.

    Raises typer.Exit with 3 for a run that can be resumed, QuarantineRateError when too many rows were refused.
    """
    from factory.cli.show import describe_result, show_result

    show_result(result, spell_command())
    if as_json:
        print_json(describe_result(result) | more)
    if result.is_resumable:
        raise typer.Exit(3)
    if result.refused_too_many:
        raise result.refused_too_many


def spell_command() -> str:
    """Return the command as it was typed, quoted for a shell."""
    return shlex.join(["factory", *sys.argv[1:]])
