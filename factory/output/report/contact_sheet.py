"""The pictures of a report: numbers, and the contact sheet, an even choice of what was accepted and of what was rejected.

No bytes of pictures here: `thumbnails.py` finds them by a shot's `key` when the page is drawn.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from factory.output.report import creative_queries
from factory.output.report.figures import share_creatives
from factory.output.report.image_advice import cure_picture
from factory.output.report.query import Row, Tables, clip
from factory.output.report.thumbnails import is_picture_path
from schemas.base import digest
from schemas.placement import Placement

MOST_ACCEPTED = 240  # shots on the sheet
MOST_REJECTED = 60
MOST_TRIES = 6  # tries listed for one shot

_NAMES = ("creative_id", "brief_id", "campaign_id", "locale", "segment", "slot", "layout", "colorway")
_COLUMNS = [*_NAMES, "placement", "variant", "width", "height", "texts", "status", "reason", "score", "scores", "checks",
            "image_uri"]  # fmt: skip


def describe_creatives(
    tables: Tables, counts: Mapping[str, int], placements: Mapping[str, Placement]
) -> dict[str, Any]:
    """Return what the report says about creatives. `counts` are those of `figures.complete_counts`. Raises StorageError.

    `untried` are rejected creatives that have no try to show: no layout of the job serves their slot, or the job wants a
    product picture and their brief names none.
    """
    creative_queries.collect_creatives(tables)
    slots = creative_queries.count_slots(tables, placements)
    rules, num_rules = creative_queries.count_failed_rules(tables)
    layouts = creative_queries.count_layouts(tables)
    accepted = creative_queries.pick_accepted(tables, MOST_ACCEPTED)
    rejected = creative_queries.pick_rejected(tables, MOST_REJECTED)
    tries = _load_tries(tables, [*accepted, *rejected, *(rule["example"] for rule in rules)])
    shots = [_describe_shot(pick, tries, placements) for pick in (*accepted, *rejected)]
    _add_files(tables, shots, placements)
    lost = sum(row["rejected"] for row in slots)
    more = {"accepted": max(0, counts["pictures"] - len(accepted)), "rejected": max(0, lost - len(rejected))}
    return {
        "accepted": share_creatives(counts),
        "untried": max(0, counts["creatives_rejected"] - lost),
        "slots": {
            "rows": slots[: creative_queries.MOST_SLOTS],
            "more": max(0, len(slots) - creative_queries.MOST_SLOTS),
        },
        "rules": [_describe_rule(rule, tries) for rule in rules],
        "more_rules": num_rules - len(rules),
        "unused": creative_queries.count_unused(tables),
        "layouts": {"rows": layouts[: creative_queries.TOP], "more": max(0, len(layouts) - creative_queries.TOP)},
        "sheet": _lay_out(shots, more),
    }


def _load_tries(tables: Tables, picks: Sequence[Row]) -> dict[str, list[Row]]:
    """All tries of the creatives that were picked, by creative, in the order of trying."""
    rows = tables.load("creatives", "creative_id", sorted({pick["creative_id"] for pick in picks}), _COLUMNS)
    tries: dict[str, list[Row]] = {}
    for row in sorted(rows, key=lambda row: (row["creative_id"], row["variant"])):
        tries.setdefault(row["creative_id"], []).append(row)
    return tries


def _find_try(pick: Row, tries: Mapping[str, list[Row]]) -> Row:
    return next(row for row in tries[pick["creative_id"]] if row["variant"] == pick["variant"])


def _describe_rule(rule: Row, tries: Mapping[str, list[Row]]) -> Row:
    row = _find_try(rule["example"], tries)
    return rule | {
        "name": clip(rule["name"], 80),
        "cure": cure_picture(rule["name"]),
        "example": {
            "detail": clip(rule["example"]["detail"], 400),
            "size": f"{row['width']}x{row['height']}",
            "texts": _clip_texts(row, 160),
            **{name: clip(row[name], 120) for name in ("brief_id", "placement", "slot", "layout", "colorway")},
        },
    }


def _describe_shot(pick: Row, tries: Mapping[str, list[Row]], placements: Mapping[str, Placement]) -> Row:
    row, rows = _find_try(pick, tries), tries[pick["creative_id"]]
    placement = placements.get(row["placement"])
    is_accepted = row["status"] == "accepted"
    uri = row["image_uri"] or ""
    others = [other for other in rows if other["variant"] != row["variant"]]
    return {
        # What its thumbnail is found by. A path that the factory would not make is never followed.
        "key": (uri if is_picture_path(uri) else "") if is_accepted else row["creative_id"],
        "image_uri": uri if is_picture_path(uri) else "",
        "asset_id": digest([row["creative_id"], row["variant"]]) if is_accepted else "",  # as compacting names it
        "accepted": is_accepted,
        "placement": row["placement"],
        "title": clip(placement.title if placement else row["placement"], 120),
        **{name: clip(row[name], 120) for name in _NAMES},
        "variant": row["variant"],
        "width": row["width"],
        "height": row["height"],
        "rule": "" if is_accepted else clip(pick["reason"], 80) or "no reason was kept",
        "reason": clip(row["reason"], 400),
        "score": row["score"],
        "scores": {clip(name, 60): value for name, value in sorted(row["scores"].items())},
        "texts": _clip_texts(row, 400),
        "checks": [
            {"rule": clip(check["rule"], 80), "passed": check["passed"], "detail": clip(check["detail"])}
            for check in row["checks"] or []
        ],
        "others": [
            {name: clip(other[name], 200) for name in ("layout", "colorway", "status", "reason")}
            for other in others[:MOST_TRIES]
        ],
        "more_others": max(0, len(others) - MOST_TRIES),
    }


def _add_files(tables: Tables, shots: Sequence[Row], placements: Mapping[str, Placement]) -> None:
    """Add to each accepted shot what its file weighs and where its backdrop comes from."""
    columns = ["asset_id", "num_bytes", "mime", "backdrop_engine", "digital_source_type"]
    ids = sorted(shot["asset_id"] for shot in shots if shot["accepted"])
    files = {row["asset_id"]: row for row in tables.load("pictures", "asset_id", ids, columns)}
    for shot in shots:
        file = files.get(shot["asset_id"], {})
        shot["num_bytes"] = file.get("num_bytes")
        shot["max_bytes"] = creative_queries.find_budget(placements, shot["placement"], shot["slot"])
        shot |= {name: clip(file.get(name), 80) for name in columns[2:]}


def _lay_out(shots: Sequence[Row], more: Mapping[str, int]) -> dict[str, Any]:
    """Order the shots by slot, the accepted ones first, and number what they can be filtered by.

    A shot's `at` is the place of its placement in `placements`, its `why` that of its rule in `reasons` (None when it was
    accepted): the page's CSS is made of these numbers alone. `gaps` are pairs of choices that show no shot: a placement and
    "ok" (accepted), "lost" or a reason.
    """
    reasons = _count_names([shot["rule"] for shot in shots if not shot["accepted"]])
    places = _count_names([shot["placement"] for shot in shots])
    titles = {shot["placement"]: shot["title"] for shot in shots}
    order = sorted(shots, key=lambda shot: (shot["title"], shot["placement"], shot["slot"], shot["width"], shot["height"],
                                            not shot["accepted"]))  # fmt: skip
    names, rules = sorted(places, key=lambda name: (titles[name], name)), list(reasons)
    for shot in order:
        shot["at"] = names.index(shot["placement"])
        shot["why"] = None if shot["accepted"] else rules.index(shot["rule"])
    seen = {
        (shot["at"], choice) for shot in order for choice in (["ok"] if shot["accepted"] else ["lost", shot["why"]])
    }
    choices = ["ok", "lost", *range(len(rules))]
    return {
        "shots": order,
        "accepted": sum(shot["accepted"] for shot in shots),
        "rejected": sum(not shot["accepted"] for shot in shots),
        "more": dict(more),
        "placements": [{"title": titles[name], "shots": places[name]} for name in names],
        "reasons": [{"name": name, "shots": number} for name, number in reasons.items()],
        "gaps": [[at, choice] for at in range(len(names)) for choice in choices if (at, choice) not in seen],
    }


def _count_names(names: Sequence[str]) -> dict[str, int]:
    """How often each name is there, the most frequent first."""
    counts = {name: names.count(name) for name in set(names)}
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def _clip_texts(row: Row, limit: int) -> dict[str, str]:
    return {clip(name, 60): clip(text, limit) for name, text in row["texts"].items() if text}
