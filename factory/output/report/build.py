"""The report: a finished output's tables and a run's facts become `report.json`, `report.html` and a closing table.

Reads only; writing the two files is the caller's. The page is self-contained: it asks the network for nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2

from factory.output.report import advice, contact_sheet, figures, number_format, plots, previews, request_queries
from factory.output.report.figures import RunFacts
from factory.output.report.query import open_tables
from factory.output.report.summary import summarize
from factory.output.report.thumbnails import load_thumbnails
from factory.storage.store import Store

__all__ = ["RunFacts", "build_report", "load_thumbnails", "render_html", "summarize"]

EXTREMES = 6  # best and worst assets shown


def build_report(store: Store, facts: RunFacts) -> dict[str, Any]:
    """Return the report of the finished output in `store`, ready for JSON. Raises StorageError for a broken table.

    It has "creatives" when the run planned any.
    """
    counts = figures.complete_counts(facts.counts)
    with open_tables(store) as tables:
        request_queries.collect_requests(tables)
        groups = request_queries.count_groups(tables)
        rules, num_rules = request_queries.count_failed_rules(tables)
        unused = request_queries.count_unused(tables)
        refusals = request_queries.count_quarantine(tables)
        scores = request_queries.spread_scores(tables)
        best, worst = request_queries.pick_extremes(tables, EXTREMES)
        pictures = (
            contact_sheet.describe_creatives(tables, counts, facts.placements) if counts["creatives_planned"] else None
        )
    cost = figures.price_run(facts, counts)
    report: dict[str, Any] = {
        "run": figures.describe_run(facts),
        "counts": counts if pictures else figures.keep_texts(counts),
        "conservation": figures.balance(counts),
        "accepted": figures.share_accepted(counts),
        "groups": {
            kind: figures.price_groups(rows, kind, facts, cost, request_queries.TOP) for kind, rows in groups.items()
        },
        "rejections": {
            "rules": [row | {"cure": advice.cure_rule(row["name"])} for row in rules],
            "more": num_rules - len(rules),
            "unused": unused,
        },
        "quarantine": {
            "rows": sum(row["rows"] for row in refusals),
            "reasons": [
                row | {"fix": advice.fix_refusal(row["stage"], row["retryable"], row["reason"])}
                for row in refusals[: request_queries.TOP]
            ],
            "more": max(0, len(refusals) - request_queries.TOP),
        },
        "scores": [row | {"weight": facts.weights.get(row["name"])} for row in scores],
        "alike": dict(facts.alike),
        "speed": figures.measure_speed(facts, counts),
        "cost": cost,
        "judge": facts.calibration.model_dump() if facts.calibration else None,
        "best": [previews.describe_asset(row, facts.placements) for row in best],
        "worst": [previews.describe_asset(row, facts.placements) for row in worst],
    }
    if pictures is not None:
        report["creatives"] = pictures
    return report | {"next_steps": advice.advise(report)}


def render_html(report: Mapping[str, Any], thumbnails: Mapping[str, str] | None = None) -> str:
    """Return the report as one HTML page with everything inline. All text is escaped; nothing on it can run.

    `thumbnails` are those of `load_thumbnails`: a picture without one is drawn as an empty frame.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": number_format.write_count,
        "share": number_format.write_share,
        "money": number_format.write_money,
        "seconds": number_format.write_seconds,
        "rate": number_format.write_rate,
        "kilobytes": number_format.write_kilobytes,
    }
    environment.globals |= {
        "place": previews.place,
        "histogram": plots.draw_histogram,
        "segments": plots.measure_segments,
        "plot": {"width": plots.WIDTH, "height": plots.HEIGHT, "ring": plots.RING},
    }
    page = environment.get_template("report.html.j2")
    return page.render(report=report, thumbnails=thumbnails or {}).lstrip()
