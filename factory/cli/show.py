"""Prints what a verb found: tables for people on stdout, and the same as plain data for `--json`."""

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from factory.images.setup import ImageSetup
from factory.output.report.build import summarize
from factory.runs.driver import Result
from factory.runs.planning import Prepared
from factory.storage.store import Store
from factory.text.invisible import spell_hidden


def show_result(result: Result, command: str) -> None:
    """Print how a run ended: the closing table, the time split and where the report is. `command` resumes it where it can."""
    console = Console(highlight=False)
    if result.is_resumable:
        console.print(Text(f"Stopped: {result.stopped or 'not all of it could be done'}. What is finished is safe."))
        if result.ending is None:
            console.print(f"{result.generated:,} requests were finished by this command; assets/ is made at the end.")
        console.print(Text(f"Go on with: {command}"), soft_wrap=True)
    if result.ending is None and result.already_done is None:
        console.print(Text(f"log of Ray and the engine: {result.log}"), soft_wrap=True)
        return
    if result.ending is None:
        counts = result.already_done.counts if result.already_done else {}
        console.print(
            f"Nothing to do: all {counts.get('planned', 0):,} requests of this job are finished "
            f"({counts.get('accepted', 0):,} accepted){_describe_creatives(counts)}. Nothing was generated."
        )
    else:
        if not result.generated:
            console.print("Nothing was generated: every request was finished before.")
        console.print(_make_table(summarize(result.ending.report)))
        for path, reason in result.ending.damaged:
            console.print(Text(f"set aside {path}: {reason}; the same command redoes what it held"), soft_wrap=True)
        console.print(Text(f"log of Ray and the engine: {result.log}"), soft_wrap=True)
    console.print(Text(f"assets: {Store(result.output).locate('assets')}"), soft_wrap=True)
    console.print(Text(f"report: {Store(result.output).locate('report.html')}"), soft_wrap=True)


def _describe_creatives(counts: dict[str, int]) -> str:
    planned = counts.get("creatives_planned", 0)
    return f", and all {planned:,} creatives ({counts.get('creatives_accepted', 0):,} accepted)" if planned else ""


def describe_result(result: Result) -> dict[str, Any]:
    """Return the same as data."""
    counts = result.ending.counts if result.ending else result.already_done.counts if result.already_done else {}
    report = result.ending.report if result.ending else {}
    return {
        "output": result.output,
        "generated": result.generated,
        "stopped": result.stopped,
        "counts": counts,
        "accepted_share": counts.get("accepted", 0) / max(1, counts.get("planned", 0)),
        "accepted_share_before_repair": counts.get("accepted_without_repair", 0) / max(1, counts.get("planned", 0)),
        "phase_seconds": {name: round(spent, 2) for name, spent in result.phase_seconds.items()},
        "cost": report.get("cost"),
        "speed": report.get("speed"),
        "judge": report.get("judge"),
        "report": Store(result.output).locate("report.html"),
        "log": str(result.log),
    }


def show_plan(prepared: Prepared) -> None:
    """Print what a run would do."""
    console = Console(highlight=False)
    preview, loaded = prepared.preview, prepared.spec.loaded
    about = "" if preview.is_whole else "about "
    rows = [
        ("briefs from", loaded.briefs_uri),
        ("output to", loaded.output_uri),
        ("model", loaded.job.text.model),
        ("input rows", f"{preview.num_rows:,} ({about}{preview.num_refused:,} refused)"),
        ("requests", f"{about}{preview.num_requests:,}"),
        ("prompt tokens", f"about {preview.prompt_tokens:,}"),
        ("output tokens", f"about {preview.output_tokens:,} for {loaded.job.text.candidates} candidates each"),
    ]
    if prepared.setup is not None:
        rows.append(("creatives", _describe_setup(prepared, prepared.setup)))
    console.print(_make_table(rows))
    table = Table("placement", "locale", "requests", title="requests", title_justify="left")
    for (placement, locale), count in preview.by_placement_locale.items():
        table.add_row(placement, locale, f"{count:,}")
    console.print(table)
    for refusal in preview.refusals:
        line = f"refused {refusal.source}: {refusal.reason}: {refusal.detail}"
        console.print(Text(spell_hidden(line)), soft_wrap=True)
    if preview.first_prompt is not None:
        for message in preview.first_prompt.messages:
            console.print(Text(f"\n--- first prompt, {message['role']}\n{message['content']}"), soft_wrap=True)
        console.print(Text("\n--- its JSON schema"))
        console.print(Text(json.dumps(preview.first_prompt.json_schema, ensure_ascii=False, indent=1)), soft_wrap=True)


def describe_plan(prepared: Prepared) -> dict[str, Any]:
    """Return the same as data."""
    preview = prepared.preview
    prompt = preview.first_prompt
    return {
        "rows": preview.num_rows,
        "exact": preview.is_whole,
        "refused": preview.num_refused,
        "requests": preview.num_requests,
        "by_placement_locale": [[*key, count] for key, count in preview.by_placement_locale.items()],
        "prompt_tokens": preview.prompt_tokens,
        "output_tokens": preview.output_tokens,
        "refusals": [refusal.model_dump() for refusal in preview.refusals],
        "first_prompt": {"messages": prompt.messages, "json_schema": prompt.json_schema} if prompt else None,
        "creatives": _list_setup(prepared, prepared.setup) if prepared.setup else None,
    }


def show_bench(result: dict[str, Any]) -> None:
    """Print a benchmark's rows as a table."""
    console = Console(highlight=False)
    rows = result["rows"]
    table = Table(*rows[0], title=result["title"], title_justify="left")
    for row in rows:
        table.add_row(*(f"{value:,.3f}" if isinstance(value, float) else str(value) for value in row.values()))
    console.print(table)
    console.print(Text(result["summary"]))


def _describe_setup(prepared: Prepared, setup: ImageSetup) -> str:
    most = _count_creatives(prepared, setup)
    about = "" if prepared.preview.is_whole else "about "
    slots = sum(map(len, setup.slots.values()))
    counts = ((slots, "picture slot"), (len(setup.layouts), "layout"), (len(setup.brands), "brand"))
    return f"at most {about}{most:,}: " + ", ".join(f"{n:,} {what}{'' if n == 1 else 's'}" for n, what in counts)


def _list_setup(prepared: Prepared, setup: ImageSetup) -> dict[str, Any]:
    return {
        "at_most": _count_creatives(prepared, setup),
        "slots": {name: [slot.name for slot in slots] for name, slots in setup.slots.items()},
        "layouts": [layout.name for layout in setup.layouts],
        "brands": [brand.kit.name for brand in setup.brands],
    }


def _count_creatives(prepared: Prepared, setup: ImageSetup) -> int:
    """One for each picture slot of each text that is kept, if every request comes to as many texts as the job keeps."""
    keep = prepared.spec.loaded.job.select.keep
    by_placement = prepared.preview.by_placement_locale.items()
    return keep * sum(count * len(setup.slots.get(placement, ())) for (placement, _), count in by_placement)


def _make_table(rows: list[tuple[str, str]]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(value))
    return table
