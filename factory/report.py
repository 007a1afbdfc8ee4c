"""The report: a finished output's tables and a run's facts become `report.json`, `report.html` and a closing table.

Reads only; writing the two files is the caller's. The page is self-contained: it asks the network for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from factory.reports import advice, plots, previews, tally, wording
from factory.reports.reading import Row, clip, open_tables
from factory.storage import Store
from schemas.job import Price
from schemas.placement import Placement
from schemas.rubric import Calibration

EXTREMES = 6  # best and worst assets shown
_OUTCOMES = ("accepted", "rejected", "quarantined", "remaining")
_ROWS = ("briefs", "refused", "replaced")  # replaced: a corrected row takes its place
_HOW_TO_PRICE = "Set price: {per_gpu_hour: 2.50} or per_cpu_core_hour in the job to see money per accepted asset."


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the tables do not hold. Times are ISO 8601, `phase_seconds` are wall seconds by phase, in order.

    `phase_seconds` has "generation", which speed is measured over; every phase counts as cost. `counts` has the fields
    of `schemas.run.Receipt` and `remaining`, all of the whole output. `tokens` has prompt_tokens and output_tokens,
    `engine_seconds` is their engine time. `gpus` and `cpus` are what the run held throughout. `alike` is what
    `factory.alike` found.
    """

    run_id: str
    job_name: str
    model: str
    model_digest: str
    template: str
    started_at: str
    finished_at: str
    phase_seconds: Mapping[str, float]
    counts: Mapping[str, int]
    tokens: Mapping[str, int]
    engine_seconds: float = 0.0
    price: Price = field(default_factory=Price)
    gpus: float = 0.0
    cpus: float = 0.0
    calibration: Calibration | None = None
    weights: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    placements: Mapping[str, Placement] = field(default_factory=dict)
    alike: Mapping[str, Any] = field(default_factory=lambda: {"count": 0, "pairs": []})


def build_report(store: Store, facts: RunFacts) -> dict[str, Any]:
    """Return the report of the finished output in `store`, ready for JSON. Raises StorageError for a broken table."""
    counts = _complete(facts.counts)
    with open_tables(store) as tables:
        tally.collect_requests(tables)
        groups = tally.count_groups(tables)
        rules, num_rules = tally.count_failed_rules(tables)
        unused = tally.count_unused(tables)
        refusals = tally.count_quarantine(tables)
        scores = tally.spread_scores(tables)
        best, worst = tally.pick_extremes(tables, EXTREMES)
    cost = _price(facts, counts)
    report: dict[str, Any] = {
        "run": _describe_run(facts),
        "counts": counts,
        "conservation": _balance(counts),
        "accepted": _share(counts),
        "groups": {kind: _rank(rows, kind, facts, cost) for kind, rows in groups.items()},
        "rejections": {
            "rules": [row | {"cure": advice.cure_rule(row["name"])} for row in rules],
            "more": num_rules - len(rules),
            "unused": unused,
        },
        "quarantine": {
            "rows": sum(row["rows"] for row in refusals),
            "reasons": [
                row | {"fix": advice.fix_refusal(row["stage"], row["retryable"])} for row in refusals[: tally.TOP]
            ],
            "more": max(0, len(refusals) - tally.TOP),
        },
        "scores": [row | {"weight": facts.weights.get(row["name"])} for row in scores],
        "alike": dict(facts.alike),
        "speed": _measure_speed(facts, counts),
        "cost": cost,
        "judge": facts.calibration.model_dump() if facts.calibration else None,
        "best": [previews.describe_asset(row, facts.placements) for row in best],
        "worst": [previews.describe_asset(row, facts.placements) for row in worst],
    }
    return report | {"next_steps": advice.advise(report)}


def render_html(report: Mapping[str, Any]) -> str:
    """Return the report as one HTML page with everything inline. All text is escaped; nothing on it can run."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": wording.write_count,
        "share": wording.write_share,
        "money": wording.write_money,
        "seconds": wording.write_seconds,
        "rate": wording.write_rate,
    }
    environment.globals |= {
        "place": previews.place,
        "histogram": plots.draw_histogram,
        "segments": plots.measure_segments,
        "plot": {"width": plots.WIDTH, "height": plots.HEIGHT, "ring": plots.RING},
    }
    return environment.get_template("report.html.j2").render(report=report).lstrip()


def summarize(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the closing table's rows as (what, value)."""
    counts, accepted, cost, speed = report["counts"], report["accepted"], report["cost"], report["speed"]
    share = f"{wording.write_share(accepted['share'])} of {accepted['of']:,} requests"
    if accepted["share_without_repair"] is not None:
        share += f" ({wording.write_share(accepted['share_without_repair'])} before repair)"
    money = wording.write_money(cost["per_asset"], cost["currency"])
    rows = [
        ("Accepted", share),
        ("Assets", wording.write_count(counts["assets"])),
        ("Rejected", wording.write_count(counts["rejected"])),
        ("Quarantined", f"{counts['quarantined']:,} of the requests, {counts['refused']:,} of the input rows"),
        ("Remaining", wording.write_count(counts["remaining"])),
        ("Per accepted asset", wording.write_seconds(cost["seconds_per_asset"]) if cost["total"] is None else money),
        ("Speed", f"{wording.write_rate(speed['output_tokens_per_second'])} output tokens/s"),
        ("Time", " · ".join(f"{name} {wording.write_seconds(value)}" for name, value in speed["phases"].items())),
    ]
    if report["rejections"]["rules"]:
        top = report["rejections"]["rules"][0]
        rows.append(("Top rejection", f"{top['name']} ({top['candidates']:,} candidates)"))
    return [row for row in rows if row != ("Remaining", "0")]


def _complete(counts: Mapping[str, int]) -> dict[str, int]:
    names = (
        "rows_read",
        "unread",
        "briefs",
        "refused",
        "replaced",
        "planned",
        "skipped",
        *_OUTCOMES,
        "accepted_without_repair",
        "assets",
    )
    return {name: int(counts.get(name, 0)) for name in names}


def _describe_run(facts: RunFacts) -> dict[str, Any]:
    names = ("run_id", "job_name", "model", "model_digest", "template", "started_at", "finished_at")
    run: dict[str, Any] = {name: clip(getattr(facts, name), 300) for name in names}
    return run | {"versions": dict(facts.versions), "gpus": facts.gpus, "cpus": facts.cpus}


def _balance(counts: dict[str, int]) -> dict[str, Any]:
    """Return the two lines of the conservation law, each with whether it holds."""
    rows, requests = sum(counts[name] for name in _ROWS), sum(counts[name] for name in _OUTCOMES)
    return {
        "rows": {"total": counts["rows_read"], **{name: counts[name] for name in _ROWS},
                 "holds": rows == counts["rows_read"]},
        "requests": {"total": counts["planned"], **{name: counts[name] for name in _OUTCOMES},
                     "holds": requests == counts["planned"]},
    }  # fmt: skip


def _share(counts: dict[str, int]) -> dict[str, Any]:
    # What has not been tried yet is no failure: a stopped run is judged by what it finished.
    done = counts["planned"] - counts["remaining"]
    return {
        "requests": counts["accepted"],
        "of": done,
        "assets": counts["assets"],
        "share": counts["accepted"] / done if done else None,
        "share_without_repair": counts["accepted_without_repair"] / done if done else None,
    }


def _price(facts: RunFacts, counts: dict[str, int]) -> dict[str, Any]:
    """Return the cost of all phases' wall time on what the run held; None where no price is set."""
    seconds, price = sum(facts.phase_seconds.values()), facts.price
    hourly = facts.gpus * price.per_gpu_hour + facts.cpus * price.per_cpu_core_hour
    total = hourly * seconds / 3600 if hourly else None
    assets = counts["assets"]
    return {
        "currency": price.currency,
        "per_hour": hourly or None,
        "seconds": seconds,
        "total": total,
        "per_asset": total / assets if total is not None and assets else None,
        "seconds_per_asset": seconds / assets if assets else None,
        "how": _HOW_TO_PRICE,
    }


def _rank(rows: list[Row], kind: str, facts: RunFacts, cost: dict[str, Any]) -> dict[str, Any]:
    """Return a group's first lines with shares and cost, and what the others come to.

    Cost is split by output tokens of all candidates: a group pays for its rejected ones too.
    """
    tokens = sum(row["output_tokens"] for row in rows)
    amount = cost["seconds"] if cost["total"] is None else cost["total"]
    for row in rows:
        placement = facts.placements.get(row["name"]) if kind == "placement" else None
        row["title"] = placement.title if placement else row["name"]
        row["share"] = row["accepted"] / row["requests"]
        row["cost"] = amount * row["output_tokens"] / tokens if tokens else None
        row["cost_per_asset"] = row["cost"] / row["assets"] if row["assets"] and row["cost"] is not None else None
    rest = rows[tally.TOP :]
    return {
        "rows": rows[: tally.TOP],
        "more": {name: sum(row[name] for row in rest) for name in ("requests", "accepted", "assets")}
        | {"groups": len(rest)},
    }


def _measure_speed(facts: RunFacts, counts: dict[str, int]) -> dict[str, Any]:
    seconds = facts.phase_seconds.get("generation", 0.0)
    finished = counts["planned"] - counts["remaining"]
    output = facts.tokens.get("output_tokens", 0)
    return {
        "phases": dict(facts.phase_seconds),
        "prompt_tokens": facts.tokens.get("prompt_tokens", 0),
        "output_tokens": output,
        "engine_seconds": facts.engine_seconds,
        "output_tokens_per_second": output / seconds if seconds else None,
        "requests_per_second": finished / seconds if seconds else None,
    }
