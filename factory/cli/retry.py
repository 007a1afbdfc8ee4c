"""`factory retry`: asks again for what failed on the way, and for nothing else."""

from typing import Annotated

import typer

from factory.cli.options import Json, OutputArgument, print_json
from factory.cli.run import finish_run


def retry(
    output: OutputArgument,
    reason: Annotated[
        str | None,
        typer.Option(help="Only what failed for this reason (column reason of quarantine/), such as timeout."),
    ] = None,
    briefs: Annotated[
        str | None,
        typer.Option(help="Corrected briefs: each replaces the input row with its brief_id, now and later."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Try again what failed on the way (retryable rows of quarantine/), and nothing else; say how much was saved.

    Exit codes are those of run.
    """
    from factory.runs import driver

    result, asked = driver.retry_job(output, reason, briefs)
    if result is None:
        typer.echo(
            f"Nothing to try again: no retryable request{f' of reason {reason}' if reason else ''} in quarantine."
        )
        if as_json:
            print_json({"output": output, "asked": 0, "saved": 0})
        return
    what = "requests and creatives" if result.totals.creatives_planned else "requests"
    typer.echo(f"Saved: {result.saved:,} {what} have assets now; {asked:,} were asked for again.")
    finish_run(result, as_json, asked=asked, saved=result.saved)
