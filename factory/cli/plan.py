"""`factory plan`: what a run would do, without an engine."""

from factory.cli.options import Briefs, JobArgument, Json, Limit, Output, Sets, print_json


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
        print_json(describe_plan(prepared))
