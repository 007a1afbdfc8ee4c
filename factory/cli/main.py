"""All verbs of `factory`. Parses arguments, prints results, decides exit codes; everything else is imported on demand."""

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from factory.cli.bench.verbs import JobArgument, Json, Sets, bench_app
from factory.errors import FactoryError
from factory.text.invisible import spell_hidden

if TYPE_CHECKING:
    from factory.runs.driver import Result

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turn campaign briefs in Parquet into scored, channel-valid ad copy.\n\n"
    "Start with: factory plan jobs/ad_copy, then factory run jobs/ad_copy. "
    "Running again resumes; a finished run generates nothing.",
)
app.add_typer(bench_app, name="bench")

_INTERRUPTED = 130  # what typer makes of Ctrl-C

OutputArgument = Annotated[
    str, typer.Argument(metavar="OUTPUT", help="A run's output: a folder or s3://bucket/prefix.")
]
Briefs = Annotated[str | None, typer.Option(help="Parquet file, folder, glob or s3:// instead of the job's briefs.")]
Output = Annotated[str | None, typer.Option(help="Folder or s3://bucket/prefix instead of the job's output.")]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="Only the first N input rows: a cheap look before the night. assets/ then shows these."),
]


@app.command()
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
    _finish_run(result, as_json)


@app.command()
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
            _print_json({"output": output, "asked": 0, "saved": 0})
        return
    what = "requests and creatives" if result.totals.creatives_planned else "requests"
    typer.echo(f"Saved: {result.saved:,} {what} have assets now; {asked:,} were asked for again.")
    _finish_run(result, as_json, asked=asked, saved=result.saved)


@app.command()
def plan(
    job: JobArgument,
    briefs: Briefs = None,
    output: Output = None,
    limit: Limit = None,
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Validate a job and its briefs without an engine: rows, requests, the first prompt, its schema, tokens."""
    from factory.cli.show import describe_plan, show_plan
    from factory.runs import planning

    prepared = planning.prepare_job(job, planning.Options(sets or [], briefs, output, limit))
    planning.check_schemas(prepared.spec, prepared.preview)
    show_plan(prepared)
    if as_json:
        _print_json(describe_plan(prepared))


@app.command()
def status(output: OutputArgument, as_json: Json = False) -> None:
    """Say how far a run is: counts from its segment files, whoever wrote them."""
    from factory.runs import status

    found = status.find_status(output)
    for name, value in found.items():
        typer.echo(f"{name:<12} {value:,}" if isinstance(value, int) else f"{name:<12} {value}")
    if as_json:
        _print_json(found)


@app.command()
def report(output: OutputArgument, as_json: Json = False) -> None:
    """Write report.json and report.html of an output anew and say where they are."""
    from factory.runs import status

    made = status.remake_report(output)
    typer.echo(made["report"])
    if as_json:
        _print_json(made)


@app.command()
def doctor(
    uri: Annotated[str | None, typer.Option("--s3", help="Also try to list this s3:// address.")] = None,
    as_json: Json = False,
) -> None:
    """Check Python, packages, CPU and GPU, the engine, Ray and S3; each finding comes with its fix."""
    from factory.cli.doctor.diagnose import run_checks

    findings = run_checks(uri)
    for finding in findings:
        typer.echo(f"{finding.status.upper():<5} {finding.name}: {finding.detail}")
        if finding.fix and finding.status != "ok":
            typer.echo(f"      fix: {finding.fix}")
    if as_json:
        _print_json([{"name": f.name, "status": f.status, "detail": f.detail, "fix": f.fix} for f in findings])
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)


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
        go_on = f": finished requests are safe. Go on with: {_spell_command()}" if is_run else ""
        typer.echo(f"stopped{go_on}", err=True)
        sys.stdout.flush()
        # At once: Ray's own farewell takes long, and aborts the process when one of its threads still works.
        os._exit(3)
    sys.exit(ended if isinstance(ended, int) else 0)


def _finish_run(result: "Result", as_json: bool, **more: int) -> None:
    """Show how a run ended, and end with the exit code for it."""
    from factory.cli.show import describe_result, show_result

    show_result(result, _spell_command())
    if as_json:
        _print_json(describe_result(result) | more)
    if result.is_resumable:
        raise typer.Exit(3)
    if result.refused_too_many:
        raise result.refused_too_many


def _spell_command() -> str:
    return shlex.join(["factory", *sys.argv[1:]])


def _print_json(value: Any) -> None:
    typer.echo(spell_hidden(json.dumps(value, ensure_ascii=False, default=str)))
