"""An asset as the report keeps it, and which of its texts stands where in its channel. No HTML here."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from factory.output.report.query import Row, clip, clip_fields
from schemas.placement import Placement

LOSERS = 3  # candidates shown beside an asset

# role -> the field names that may fill it, the first present one wins
_ROLES = {
    "sponsor": ("business_name", "brand_name", "brand", "sender", "from_name", "app_name"),
    "url": ("final_url", "destination_url", "link", "url"),
    "lead": ("primary_text", "introductory_text", "post_text", "ad_text", "text", "copy", "message", "caption"),
    "headline": ("headline", "card_title", "title", "long_headline", "structured_title"),
    "description": ("description", "structured_description", "rich_text_description"),
    "subject": ("subject",),
    "preheader": ("preheader", "preview_text"),
    "body": ("body", "message", "text", "copy"),
    "action": ("cta", "call_to_action", "button", "action"),
    "bullets": ("bullet_point", "bullet_points", "product_highlight"),
    "price": ("sale_price", "price"),
}
# Languages and scripts that run from right to left (CLDR, character order).
_RIGHT_TO_LEFT = frozenset("ar ckb dv fa he ks ku ps sd ug ur yi Arab Hebr Thaa Syrc Nkoo Adlm".split())
_SHOWN_HEADLINES = 3  # a search ad shows at most three headlines and two descriptions at a time
_SHOWN_DESCRIPTIONS = 2


def describe_asset(row: Row, placements: Mapping[str, Placement]) -> dict[str, Any]:
    """Return an asset of `tally.pick_extremes` for the report: clipped texts, fields in the placement's order."""
    placement = placements.get(row["placement"])
    order = [text_field.name for text_field in placement.fields] if placement else []
    fields = clip_fields(row["fields"])
    names = [name for name in order if name in fields] + [name for name in fields if name not in order]
    keys = ("asset_id", "request_id", "brief_id", "campaign_id", "placement", "locale", "segment")
    return {
        **{name: clip(row[name], 120) for name in keys},
        "title": clip(placement.title if placement else row["placement"], 120),
        "preview": placement.preview if placement else "card",
        "fields": {name: fields[name] for name in names},
        "score": row["score"],
        "scores": {clip(name, 60): value for name, value in sorted(row["scores"].items())},
        "checks": [
            {"rule": clip(check["rule"], 80), "passed": check["passed"], "detail": clip(check["detail"])}
            for check in row["checks"] or []
        ],
        "losers": [_describe_loser(loser) for loser in row["losers"][:LOSERS]],
        "more_losers": max(0, len(row["losers"]) - LOSERS),
    }


def place(asset: dict[str, Any]) -> dict[str, Any]:
    """Return the roles of `asset` (its `preview` kind and `fields`) for the mock-up of that kind.

    Every role is there, if empty. `sponsor` falls back to the site's name, `site` to example.com. `direction` is rtl
    where the channel mirrors its frame for the locale.
    """
    fields: dict[str, list[str]] = asset["fields"]
    roles: dict[str, Any] = {role: _first(fields, names) for role, names in _ROLES.items()}
    host = _read_host(roles["url"])
    sponsor = roles["sponsor"] or host or "Your brand"
    roles |= {
        "kind": asset["preview"],
        "direction": "ltr" if _RIGHT_TO_LEFT.isdisjoint(re.split("[-_]", asset["locale"])) else "rtl",
        "sponsor": sponsor,
        "initial": next((char.upper() for char in sponsor if char.isalnum()), "A"),
        "site": host or "example.com",
        "path": [text for name in ("path_1", "path_2") for text in fields.get(name, [])[:1]],
        "headlines": _all(fields, "headline")[:_SHOWN_HEADLINES],
        "descriptions": _all(fields, "description")[:_SHOWN_DESCRIPTIONS],
        "bullets": _all(fields, "bullets"),
    }
    return roles


def _all(fields: dict[str, list[str]], role: str) -> list[str]:
    return next((fields[name] for name in _ROLES[role] if fields.get(name)), [])


def _first(fields: dict[str, list[str]], names: tuple[str, ...]) -> str:
    return next((fields[name][0] for name in names if fields.get(name)), "")


def _read_host(url: str) -> str:
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:  # for example an unclosed bracket
        return ""
    return re.sub(r"^www\.", "", host)


def _describe_loser(row: Row) -> dict[str, Any]:
    return {
        "status": row["status"],
        "reason": clip(row["reason"]) or "no reason was kept",
        "score": row["score"],
        "attempt": row["attempt"] or 0,
        "fields": clip_fields(row["fields"], 300) or {"raw": [clip(row["raw"])]},
    }
