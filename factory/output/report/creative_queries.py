"""The questions that a report asks of an output's creatives, each one pass over the columns it needs.

Goes out: plain dicts and lists, ready for JSON, with every text of a row clipped. A creative is judged by its tries: it is
accepted when one of them is. Quarantined ones have no tries.
"""

from collections.abc import Mapping
from typing import Any

from factory.output.report.query import Row, Tables, clip
from schemas.placement import Placement

TOP = 12  # reasons and layouts before "and more"
MOST_SLOTS = 40
KILOBYTE = 1000  # bytes, as `factory/images/slots.py` counts a slot's budget

_SLOT = ("placement", "slot", "width", "height")
_FAILED = "[c FOR c IN checks IF NOT c.passed]"
# What tells one reason from the next is before the first number: "too similar to variant 3".
_REASON = "regexp_replace(reason, '( to variant)?( [0-9]|[:;(]).*$', '')"
_CLEAN = f"len(checks) > 0 AND len({_FAILED}) = 0"
# The digest shuffles: names of briefs that follow one another are often of one product line.
_SHUFFLE = "md5(concat_ws('|', brief_id, placement, slot, creative_id))"


def collect_creatives(tables: Tables) -> None:
    """Make the SQL table `creatives`, one row a creative that was tried: its slot and whether it was accepted.

    Call it once, before the counts.
    """
    tables.select("""CREATE TEMP TABLE creatives (creative_id VARCHAR, placement VARCHAR, slot VARCHAR, width INTEGER,
                     height INTEGER, accepted BOOLEAN)""")
    tables.scan(
        "creatives",
        ["creative_id", *_SLOT, "status"],
        f"""INSERT INTO creatives SELECT creative_id, {", ".join(f"any_value({name})" for name in _SLOT)},
                   bool_or(status = 'accepted') FROM source GROUP BY creative_id""",
    )


def count_slots(tables: Tables, placements: Mapping[str, Placement]) -> list[Row]:
    """Return each placement's picture slots with what became of their creatives, the mean score and weight, and the budget.

    Creatives that nobody has tried yet are in no slot. `num_bytes` and `max_bytes` are bytes.
    """
    slots: dict[tuple[Any, ...], Row] = {}
    tried = tables.select(
        """SELECT placement, slot, width, height, count(*) FILTER (accepted) AS accepted,
                  count(*) FILTER (NOT accepted) AS rejected FROM creatives GROUP BY ALL"""
    )
    printed = tables.scan(
        "pictures",
        [*_SLOT, "score", "num_bytes"],
        """SELECT placement, slot, width, height, count(*) AS pictures, avg(score) AS score, avg(num_bytes) AS num_bytes
           FROM source GROUP BY ALL""",
    )
    refused = tables.scan(
        "quarantine",
        ["creative_id", "stage", "source"],
        """SELECT made.placement AS placement, made.slot AS slot, made.width::INTEGER AS width, made.height::INTEGER AS height,
                  count(*) AS quarantined
           FROM (SELECT regexp_extract(source, '^([a-z0-9_]+) (.+) ([0-9]{1,6})x([0-9]{1,6})$',
                                       ['placement', 'slot', 'width', 'height']) AS made
                 FROM source WHERE stage = 'images' AND creative_id <> '') WHERE made.placement <> '' GROUP BY ALL""",
    )
    for row in (*tried, *printed, *refused):
        slots.setdefault(tuple(row[name] for name in _SLOT), {}).update(row)
    return sorted((_describe_slot(row, placements) for row in slots.values()), key=_order_slot)


def count_failed_rules(tables: Tables) -> tuple[list[Row], int]:
    """Return the `TOP` rules by creatives lost, then tries, each with an example; and how many rules there are.

    A creative is lost when it has no picture; it counts for each rule that one of its tries failed.
    """
    rules = tables.scan(
        "creatives",
        ["creative_id", "variant", "checks"],
        f"""SELECT failed.rule AS name, count(DISTINCT (creative_id, variant)) AS tries,
                   count(DISTINCT creative_id) AS creatives, count(DISTINCT creative_id) FILTER (NOT accepted) AS lost,
                   min_by({{'creative_id': creative_id, 'variant': variant, 'detail': failed.detail[:600]}},
                          (accepted, creative_id, variant)) AS example
            FROM (SELECT creative_id, variant, unnest({_FAILED}) AS failed FROM source)
            JOIN creatives USING (creative_id) GROUP BY ALL ORDER BY lost DESC, tries DESC, name""",
    )
    return rules[:TOP], len(rules)


def count_unused(tables: Tables) -> list[Row]:
    """Return why tries that passed every check are no pictures, the most frequent reasons first."""
    rows = tables.scan(
        "creatives",
        ["creative_id", "status", "reason", "checks"],
        f"""SELECT {_REASON} AS name, status, count(*) AS tries, count(DISTINCT creative_id) AS creatives
            FROM source WHERE status <> 'accepted' AND {_CLEAN} GROUP BY ALL ORDER BY tries DESC, name LIMIT {TOP}""",
    )
    return [row | {"name": clip(row["name"], 80)} for row in rows]


def count_layouts(tables: Tables) -> list[Row]:
    """Return each layout's tries, those that passed every check, the pictures kept and what it fails by most often.

    The layouts with most pictures come first.
    """
    rows = tables.scan(
        "creatives",
        ["creative_id", "layout", "status", "score", "checks"],
        f"""SELECT layout AS name, count(*) AS tries, count(DISTINCT creative_id) AS creatives,
                   count(*) FILTER ({_CLEAN}) AS passed, count(*) FILTER (status = 'accepted') AS accepted,
                   avg(score) FILTER (status = 'accepted') AS score, mode({_FAILED}[1].rule) AS trouble
            FROM source GROUP BY ALL ORDER BY accepted DESC, passed DESC, tries DESC, name""",
    )
    return [row | {"name": clip(row["name"], 80), "trouble": clip(row["trouble"], 80)} for row in rows]


def pick_accepted(tables: Tables, count: int) -> list[Row]:
    """Return creative_id and variant of at most `count` accepted tries, taken from the slots in turn, there from the briefs."""
    return tables.scan(
        "creatives",
        ["creative_id", "variant", "brief_id", "rank", "status", *_SLOT],
        f"""SELECT creative_id, variant FROM (
                SELECT *, row_number() OVER (PARTITION BY placement, slot, width, height
                                             ORDER BY again, {_SHUFFLE}, variant) AS turn
                FROM (SELECT *, row_number() OVER (PARTITION BY placement, slot, width, height, brief_id
                                                   ORDER BY rank, creative_id, variant) AS again
                      FROM source WHERE status = 'accepted'))
            ORDER BY turn, {", ".join(_SLOT)} LIMIT {count}""",
    )


def pick_rejected(tables: Tables, count: int) -> list[Row]:
    """Return at most `count` creatives without a picture, taken from the reasons and slots in turn.

    Each has its creative_id, and variant and reason (a rule's name) of its last try that came to a picture, which is the one
    that a thumbnail was kept of; of its last try where none did.
    """
    return tables.scan(
        "creatives",
        ["creative_id", "variant", "brief_id", "texts", "reason", "checks"],
        f"""SELECT creative_id, last.variant AS variant, last.reason AS reason FROM (
                SELECT *, row_number() OVER (PARTITION BY last.reason, placement, slot, width, height
                                             ORDER BY NOT composed, {_SHUFFLE}) AS turn
                FROM (SELECT creative_id, {", ".join(f"any_value(c.{name}) AS {name}" for name in _SLOT)},
                             any_value(brief_id) AS brief_id, bool_or(cardinality(texts) > 0) AS composed,
                             max_by({{'variant': variant, 'reason': coalesce({_FAILED}[1].rule, {_REASON})}},
                                    (cardinality(texts) > 0, variant)) AS last
                      FROM source JOIN creatives AS c USING (creative_id) WHERE NOT c.accepted GROUP BY creative_id))
            ORDER BY turn, NOT composed, {_SHUFFLE} LIMIT {count}""",
    )


def find_budget(placements: Mapping[str, Placement], placement: str, slot: str) -> int | None:
    """Return the most bytes that a slot's file may have; None where the channel sets no limit, or the slot is unknown."""
    known = placements.get(placement)
    budgets = {each.name: each.max_kb for each in known.image_slots} if known else {}
    max_kb = budgets.get(slot)
    return None if max_kb is None else max_kb * KILOBYTE


def _describe_slot(row: Row, placements: Mapping[str, Placement]) -> Row:
    placement = placements.get(row["placement"])
    counts = {name: row.get(name, 0) for name in ("accepted", "rejected", "quarantined", "pictures")}
    finished = counts["accepted"] + counts["rejected"] + counts["quarantined"]
    return {
        "title": clip(placement.title if placement else row["placement"], 120),
        "placement": clip(row["placement"], 80),
        "slot": clip(row["slot"], 80),
        "width": row["width"],
        "height": row["height"],
        **counts,
        "finished": finished,
        "share": counts["accepted"] / finished if finished else None,
        "score": row.get("score"),
        "num_bytes": row.get("num_bytes"),
        "max_bytes": find_budget(placements, row["placement"], row["slot"]),
    }


def _order_slot(row: Row) -> tuple[Any, ...]:
    return row["title"], row["placement"], row["slot"], row["width"], row["height"]
