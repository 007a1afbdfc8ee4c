"""What the tables do not hold: the facts of a run, and the numbers that follow from them by arithmetic."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from factory.output.report.query import Row, clip
from schemas.job import Price
from schemas.placement import Placement
from schemas.rubric import Calibration

_OUTCOMES = ("accepted", "rejected", "quarantined", "remaining")
_ROWS = ("briefs", "refused", "replaced")  # replaced: a corrected row takes its place
_HOW_TO_PRICE = "Set price: {per_gpu_hour: 2.50} or per_cpu_core_hour in the job to see money per accepted asset."


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What the tables do not hold. Times are ISO 8601, `phase_seconds` are wall seconds by phase, in order.

    `phase_seconds` has "generation", which speed is measured over; every phase counts as cost. `counts` has the fields
    of `schemas.run.Receipt` and `remaining`, all of the whole output. `tokens` has prompt_tokens and output_tokens,
    `engine_seconds` is their engine time. `gpus` and `cpus` are what the run held throughout. `alike` is what
    `factory.output.uniqueness.similar_pairs` found.
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


def complete_counts(counts: Mapping[str, int]) -> dict[str, int]:
    """Return every count that a report names, 0 where `counts` has none."""
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
        "creatives_planned",
        *(f"creatives_{name}" for name in _OUTCOMES),
        "creatives_unread",
        "pictures",
    )
    return {name: int(counts.get(name, 0)) for name in names}


def describe_run(facts: RunFacts) -> dict[str, Any]:
    """Return what the report says about the run itself."""
    names = ("run_id", "job_name", "model", "model_digest", "template", "started_at", "finished_at")
    run: dict[str, Any] = {name: clip(getattr(facts, name), 300) for name in names}
    return run | {"versions": dict(facts.versions), "gpus": facts.gpus, "cpus": facts.cpus}


def keep_texts(counts: dict[str, int]) -> dict[str, int]:
    """Return the counts of a run without creatives: nothing is said of what there is none of."""
    return {name: value for name, value in counts.items() if name != "pictures" and not name.startswith("creatives_")}


def balance(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the lines of the conservation law, each with whether it holds."""
    rows, requests = sum(counts[name] for name in _ROWS), sum(counts[name] for name in _OUTCOMES)
    creatives = sum(counts[f"creatives_{name}"] for name in _OUTCOMES)
    return {
        "rows": {"total": counts["rows_read"], **{name: counts[name] for name in _ROWS},
                 "holds": rows == counts["rows_read"]},
        "requests": {"total": counts["planned"], **{name: counts[name] for name in _OUTCOMES},
                     "holds": requests == counts["planned"]},
        "creatives": {"total": counts["creatives_planned"], **{name: counts[f"creatives_{name}"] for name in _OUTCOMES},
                      "holds": creatives == counts["creatives_planned"]},
    }  # fmt: skip


def share_accepted(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the accepted share of requests, before and after repair."""
    # What has not been tried yet is no failure: a stopped run is judged by what it finished.
    done = counts["planned"] - counts["remaining"]
    return {
        "requests": counts["accepted"],
        "of": done,
        "assets": counts["assets"],
        "share": counts["accepted"] / done if done else None,
        "share_without_repair": counts["accepted_without_repair"] / done if done else None,
    }


def share_creatives(counts: Mapping[str, int]) -> dict[str, Any]:
    """Return the accepted share of creatives, judged like that of requests."""
    done = counts["creatives_planned"] - counts["creatives_remaining"]
    return {
        "creatives": counts["creatives_accepted"],
        "of": done,
        "pictures": counts["pictures"],
        "share": counts["creatives_accepted"] / done if done else None,
    }


def price_run(facts: RunFacts, counts: Mapping[str, int]) -> dict[str, Any]:
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


def price_groups(rows: list[Row], kind: str, facts: RunFacts, cost: Mapping[str, Any], most: int) -> dict[str, Any]:
    """Return the first `most` of a breakdown's lines with shares and cost, and what the others come to.

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
    rest = rows[most:]
    return {
        "rows": rows[:most],
        "more": {name: sum(row[name] for row in rest) for name in ("requests", "accepted", "assets")}
        | {"groups": len(rest)},
    }


def measure_speed(facts: RunFacts, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return tokens and requests a second of the generation phase, and the wall seconds of every phase."""
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
