"""What verbs share: arguments and options of the same name and meaning, and the JSON line that --json asks for."""

import json
from typing import Annotated, Any

import typer

from factory.text.invisible import spell_hidden

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="A job folder such as jobs/ad_copy, or a YAML file.")]
OutputArgument = Annotated[
    str, typer.Argument(metavar="OUTPUT", help="A run's output: a folder or s3://bucket/prefix.")
]
Briefs = Annotated[str | None, typer.Option(help="Parquet file, folder, glob or s3:// instead of the job's briefs.")]
Output = Annotated[str | None, typer.Option(help="Folder or s3://bucket/prefix instead of the job's output.")]
Limit = Annotated[
    int | None,
    typer.Option(min=1, help="Only the first N input rows: a cheap look before the night. assets/ then shows these."),
]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of job.yaml: text.candidates=2.")
]
Json = Annotated[bool, typer.Option("--json", help="End with one JSON object on stdout.")]


def print_json(value: Any) -> None:
    """Print a value as one line of JSON; characters that nobody sees in it are spelled out."""
    typer.echo(spell_hidden(json.dumps(value, ensure_ascii=False, default=str)))
