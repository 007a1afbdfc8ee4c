"""`factory doctor`: prints what the checks of this machine found."""

from typing import Annotated

import typer

from factory.cli.options import Json, print_json


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
        print_json([{"name": f.name, "status": f.status, "detail": f.detail, "fix": f.fix} for f in findings])
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)
