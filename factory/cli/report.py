"""`factory report`: the report of an output, rebuilt."""

import typer

from factory.cli.options import Json, OutputArgument, print_json


def report(output: OutputArgument, as_json: Json = False) -> None:
    """Rebuild report.json and report.html of an output and say where they are."""
    from factory.runs.status import remake_report

    made = remake_report(output)
    typer.echo(made["report"])
    if as_json:
        print_json(made)
