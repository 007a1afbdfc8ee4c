"""`factory status`: how far a run is."""

import typer

from factory.cli.options import Json, OutputArgument, print_json


def status(output: OutputArgument, as_json: Json = False) -> None:
    """Say how far a run is: counts from its segment files, whoever wrote them."""
    from factory.runs.status import find_status

    found = find_status(output)
    for name, value in found.items():
        typer.echo(f"{name:<12} {value:,}" if isinstance(value, int) else f"{name:<12} {value}")
    if as_json:
        print_json(found)
