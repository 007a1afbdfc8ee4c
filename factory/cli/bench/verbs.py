"""The verbs of `factory bench`: each measures one thing, or writes what another one measures."""

from pathlib import Path
from typing import Annotated, Any

import typer

from factory.cli.options import JobArgument, Json, Sets, print_json

bench_app = typer.Typer(no_args_is_help=True, help="Measure: each verb prints a table, and one JSON line with --json.")


@bench_app.command("engine")
def bench_engine(
    job: JobArgument,
    rounds: Annotated[int, typer.Option(min=1, help="Interleaved rounds; the median counts.")] = 5,
    requests: Annotated[int, typer.Option(min=1, help="Requests a round.")] = 64,
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Compare the factory's text phase with a bare AsyncLLM on the same prompts: output tokens per second."""
    from factory.cli.bench.engine import run_bench

    _finish(run_bench(job, sets or [], rounds, requests), as_json)


@bench_app.command("overhead")
def bench_overhead(
    requests: Annotated[
        list[int] | None, typer.Option(help="Sizes to measure; repeat it. Default 2000 20000.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure what everything but engine and scoring model costs: CPU per request, requests per second, memory."""
    from factory.cli.bench.overhead import run_bench

    _finish(run_bench(requests or [2_000, 20_000]), as_json)


@bench_app.command("resume")
def bench_resume(
    finished: Annotated[
        list[int] | None, typer.Option(help="Finished requests to go on from; repeat it. Default 10000 100000.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(help="Where outputs lie meanwhile: a folder or s3://bucket/prefix.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure going on: seconds and memory to the first new request, work done twice after a kill, committing."""
    from factory.cli.bench.resume import run_bench

    _finish(run_bench(finished or [10_000, 100_000], output), as_json)


@bench_app.command("creatives")
def bench_creatives(
    job: JobArgument = "jobs/creatives",
    rounds: Annotated[int, typer.Option(min=1, help="Rounds after one that warms up; the median counts.")] = 5,
    creatives: Annotated[int, typer.Option(min=1, help="Creatives of each picture slot in a round.")] = 8,
    sheets: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Put each layout beside Chromium's picture of it here.")
    ] = None,
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Measure pictures: CPU by size and step, beside Pillow and headless Chromium, and likeness with the latter."""
    from factory.cli.bench.creatives import run_bench

    _finish(run_bench(job, sets or [], rounds, creatives, sheets), as_json)


@bench_app.command("backdrops")
def bench_backdrops(
    job: JobArgument = "jobs/creatives",
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many briefs.")] = None,
    rounds: Annotated[
        int, typer.Option(min=1, help="Timed calls of the engine, eager and compiled, in each way.")
    ] = 3,
    compiled: Annotated[
        bool, typer.Option(help="Measure compiled blocks too; compiling takes a minute or more.")
    ] = True,
    sets: Sets = None,
    as_json: Json = False,
) -> None:
    """Measure a picture model: the images phase beside a bare diffusers loop, and eager, batched, compiled alone."""
    from factory.cli.bench.backdrops import run_bench

    _finish(run_bench(job, sets or [], limit, rounds, compiled), as_json)


@bench_app.command("random-pipeline")
def bench_random_pipeline(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Where to write it: a new or empty folder.")],
    as_json: Json = False,
) -> None:
    """Write a picture model of FLUX.1's size with random weights, to try backdrops on: 24 GB, made on the GPU."""
    from factory.cli.bench.random_pipeline import write_pipeline

    written = str(write_pipeline(Path(folder)))
    typer.echo(written)
    if as_json:
        print_json({"folder": written})


def _finish(result: dict[str, Any], as_json: bool) -> None:
    from factory.cli.show import show_bench

    show_bench(result)
    if as_json:
        print_json(result)
