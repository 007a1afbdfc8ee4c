"""A row that is no brief in, a Refusal out: a short reason code, every fault in plain words, and the row itself as JSON."""

import json
import math
import reprlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from factory.briefs.coerce import Unreadable
from schemas.base import clean_surrogates
from schemas.outcome import Refusal

MAX_VALUE = 80  # characters of an offending value that are shown
MAX_FAULTS = 20  # faults that are spelled out
MAX_RECORD = 20_000  # characters of the source row that are kept
_CUTS = ((MAX_RECORD, 100), (2_000, 100), (500, 20), (100, 5), (20, 1))  # longest text, most items: until the row fits

_UNKNOWN = {"currency": "unknown_currency", "locale": "unknown_locale"}
_EMPTY_TYPES = ("missing", "too_short", "string_too_short")
_LONG_TYPES = ("too_long", "string_too_long")

_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = MAX_VALUE
_REPR.maxlevel = 2
_REPR.maxdict = _REPR.maxlist = 3


def refuse_row(source: str, row: Mapping[str, Any], brief_id: Any, reason: str, detail: str) -> Refusal:
    """Return the refusal of one source row. `source` is its file and number, `brief_id` what could be read of its id."""
    return Refusal(
        stage="read",
        reason=reason,
        detail=clean_surrogates(detail),
        brief_id=clean_surrogates(brief_id)[:200] if isinstance(brief_id, str) else "",
        source=clean_surrogates(source),
        record=dump_record(row),
    )


def explain_faults(error: ValidationError) -> tuple[str, str]:
    """Return the reason code of the first fault and the text of all faults of a brief that did not validate."""
    faults = error.errors(include_url=False)
    lines = [_describe(fault) for fault in faults[:MAX_FAULTS]]
    if len(faults) > MAX_FAULTS:
        lines.append(f"and {len(faults) - MAX_FAULTS} more faults")
    return _find_reason(faults[0]), "; ".join(lines)


def dump_record(row: Mapping[str, Any]) -> str:
    """Return the row as JSON of at most 20,000 characters: long texts and lists are cut, then columns left out, to fit."""
    text = ""
    for longest, most in _CUTS:
        text = _to_json(row, longest, most)
        if len(text) <= MAX_RECORD:
            return clean_surrogates(text)
    kept: dict[str, Any] = {}
    left = MAX_RECORD - 50
    for number, (name, value) in enumerate(row.items()):
        column = {name: value}
        left -= len(_to_json(column, *_CUTS[-1]))
        if left < 0:
            kept["…"] = f"{len(row) - number} more columns"
            break
        kept |= column
    return clean_surrogates(_to_json(kept, *_CUTS[-1]))


def _find_reason(fault: ErrorDetails) -> str:
    message = _strip(fault["msg"])
    field = str(fault["loc"][0]) if fault["loc"] else message.split(" ", 1)[0].strip(",:")
    value = fault["input"]
    blank = value is None or (isinstance(value, str) and not value.strip())
    if field in ("brief_id", "product_name") and (fault["type"] in _EMPTY_TYPES or blank):
        return f"missing_{field}"
    if not fault["loc"] and "missing" in message:
        return f"missing_{field}"
    if fault["type"] in _LONG_TYPES and isinstance(value, str):
        return "text_too_long"
    return _UNKNOWN.get(field, f"invalid_{field}")


def _describe(fault: ErrorDetails) -> str:
    value, place = fault["input"], ".".join(map(str, fault["loc"]))
    if not place:
        return _strip(fault["msg"])
    if isinstance(value, Unreadable):
        return f"{place}: is {value.why}"
    if fault["type"] in _EMPTY_TYPES or value is None:
        return f"{place}: is missing or empty"
    if fault["type"] in _LONG_TYPES:
        context, what = fault.get("ctx", {}), "characters" if isinstance(value, str) else "items"
        return (
            f"{place}: has {context.get('actual_length')} {what}, and at most {context.get('max_length')} are allowed"
        )
    return f"{place}: {_strip(fault['msg'])} (found {_REPR.repr(value)[:MAX_VALUE]})"


def _strip(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should", "should").replace("String should", "should")


def _to_json(row: Mapping[str, Any], longest: int, most: int) -> str:
    return json.dumps(_plain(dict(row), longest, most, len(row)), ensure_ascii=False, default=str)


def _plain(value: Any, longest: int, most: int, most_keys: int | None = None) -> Any:
    """A value that JSON can hold: NaN and infinities as text, long texts cut, lists and maps cut to `most` items."""
    if isinstance(value, str):
        return value if len(value) <= longest else value[:longest] + "…"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return f"binary data of {len(value)} bytes"
    if isinstance(value, dict):
        pairs = list(value.items())[: most_keys or most]
        return {str(key)[:longest]: _plain(item, longest, most) for key, item in pairs}
    if isinstance(value, list | tuple):
        return [_plain(item, longest, most) for item in value[:most]]
    return value
