"""The closing table of a run: what its report comes to, in a few rows."""

from collections.abc import Mapping
from typing import Any

from factory.output.report import number_format


def summarize(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the closing table's rows as (what, value)."""
    counts, accepted, cost, speed = report["counts"], report["accepted"], report["cost"], report["speed"]
    share = f"{number_format.write_share(accepted['share'])} of {accepted['of']:,} requests"
    if accepted["share_without_repair"] is not None:
        share += f" ({number_format.write_share(accepted['share_without_repair'])} before repair)"
    money = number_format.write_money(cost["per_asset"], cost["currency"])
    rows = [
        ("Accepted", share),
        ("Assets", number_format.write_count(counts["assets"])),
        ("Rejected", number_format.write_count(counts["rejected"])),
        ("Quarantined", f"{counts['quarantined']:,} of the requests, {counts['refused']:,} of the input rows"),
        ("Remaining", number_format.write_count(counts["remaining"])),
        *_summarize_creatives(report),
        (
            "Per accepted asset",
            number_format.write_seconds(cost["seconds_per_asset"]) if cost["total"] is None else money,
        ),
        ("Speed", f"{number_format.write_rate(speed['output_tokens_per_second'])} output tokens/s"),
        (
            "Time",
            " · ".join(f"{name} {number_format.write_seconds(value)}" for name, value in speed["phases"].items()),
        ),
    ]
    if report["rejections"]["rules"]:
        top = report["rejections"]["rules"][0]
        rows.append(("Top rejection", f"{top['name']} ({top['candidates']:,} candidates)"))
    return [row for row in rows if row != ("Remaining", "0")]


def _summarize_creatives(report: Mapping[str, Any]) -> list[tuple[str, str]]:
    if "creatives" not in report:
        return []
    counts, made = report["counts"], report["creatives"]["accepted"]
    rows = [
        ("Creatives", f"{number_format.write_share(made['share'])} of {made['of']:,}, {made['pictures']:,} pictures")
    ]
    left = counts["creatives_remaining"] + counts["creatives_unread"]
    if counts["creatives_quarantined"]:
        rows.append(("Quarantined", f"{counts['creatives_quarantined']:,} of the creatives"))
    return [*rows, ("Remaining", f"{left:,} creatives or their texts")] if left else rows
