"""The most alike assets of one brief, for the report: found by their score in the tables, shown with their texts.

Reads only. Works on any finished output, so that a report made again says the same.
"""

from collections.abc import Mapping
from itertools import chain, groupby
from typing import Any

from factory.output.report.query import Row, clip, clip_fields, open_tables
from factory.output.uniqueness.within_brief import NAME, find_nearest, join_words
from factory.storage.store import Store
from schemas.locales import get_language
from schemas.placement import Placement

LIKENESS = 0.8  # from here on a pair is named
PAIRS = 5
_EDGE = 1.0 - LIKENESS + 1e-9  # scores are rounded, and 1 - 0.8 is not 0.2

_COUNT = f"SELECT count(*) AS num FROM source WHERE scores['{NAME}'] <= {_EDGE}"
_FIND = f"""SELECT brief_id, min(scores['{NAME}']) AS low FROM source WHERE scores['{NAME}'] <= {_EDGE}
            GROUP BY brief_id ORDER BY low, brief_id LIMIT {PAIRS}"""


def find_similar_pairs(store: Store, placements: Mapping[str, Placement]) -> dict[str, Any]:
    """Return the `count` of assets that are alike to a sibling, and the `pairs`: the worst of each of a few briefs.

    Each pair has `brief_id`, `similarity` (0..1) and its two `assets`, all texts clipped. Raises StorageError.
    """
    with open_tables(store) as tables:
        count = tables.scan("assets", ["scores"], _COUNT)[0]["num"]
        found = tables.scan("assets", ["brief_id", "scores"], _FIND) if count else []
        rows = tables.load("assets", "brief_id", [row["brief_id"] for row in found])
    own: dict[str, list[Row]] = {row["brief_id"]: [] for row in found}
    for row in rows:
        own[row["brief_id"]].append(row)
    pairs = []
    for brief_id, low in [(row["brief_id"], row["low"]) for row in found]:
        pair = _pick_pair([row for row in own[brief_id] if row["scores"].get(NAME) == low], placements)
        if pair:
            assets = [_describe(row, placements.get(row["placement"])) for row in pair]
            pairs.append({"brief_id": clip(brief_id, 120), "similarity": 1.0 - low, "assets": assets})
    return {"count": count, "pairs": pairs}


def _pick_pair(rows: list[Row], placements: Mapping[str, Placement]) -> tuple[Row, ...]:
    """Return the two that are alike, of the assets of a brief that all have its lowest score; () if one is gone.

    Usually there are just those two. Where several pairs have the same score, the words tell which belong together.
    """
    best = -1.0
    pair: tuple[Row, ...] = ()
    rows = sorted(rows, key=lambda row: (get_language(row["locale"]), row["asset_id"]))
    for _, group in groupby(rows, key=lambda row: get_language(row["locale"])):
        assets = list(group)
        words = [join_words(chain(*_keep_written(row, placements.get(row["placement"])).values())) for row in assets]
        for row, found in zip(assets, find_nearest(words), strict=True):
            if found is not None and found[0] > best:
                best, pair = found[0], (row, assets[found[1]])
    return pair


def _describe(row: Row, placement: Placement | None) -> Row:
    return {
        "title": clip(placement.title if placement else row["placement"], 120),
        "rank": row["rank"],
        "fields": clip_fields(_keep_written(row, placement), 300),
        **{name: clip(row[name], 120) for name in ("asset_id", "placement", "locale", "segment")},
    }


def _keep_written(row: Row, placement: Placement | None) -> dict[str, list[str]]:
    """Return the fields that the model wrote, in the placement's order."""
    names = [field.name for field in placement.written] if placement else list(row["fields"])
    return {name: row["fields"][name] for name in names if row["fields"].get(name)}
