"""A model's answer as JSON text, read into fields, and fields written as such an answer."""

import json
from collections.abc import Collection

from factory.text.prompts.answer_schema import (
    _fixed_value,
)
from schemas.outcome import Fields
from schemas.placement import Placement, TextField
from schemas.request import Request

MAX_RAW = 2_000  # characters kept of a completion that could not be read


def read_fields(text: str, placement: Placement, names: Collection[str]) -> Fields | None:
    """Read a completion as the fields `names`; None when it is not the JSON object that was asked for."""
    try:
        data = json.loads(text)
        if "\\u" in text or not text.isascii():
            json.dumps(
                data, ensure_ascii=False
            ).encode()  # a lone surrogate, escaped or not, is no text that can be stored
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict):
        return None
    fields: Fields = {}
    for field in placement.written:
        if field.name not in names:
            continue
        value = data.get(field.name)
        items = value if isinstance(value, list) else [value]
        texts = [item for item in items if isinstance(item, str)]
        if len(texts) < len(items):
            return None
        fields[field.name] = [text.strip() for text in texts if text.strip()]
    return fields


def write_answer(fields: Fields, placement: Placement) -> str:
    """Return copy as the JSON text that a model would answer with: the inverse of `read_fields`."""
    answer = {
        field.name: fields.get(field.name, []) if field.max_count > 1 else "".join(fields.get(field.name, [])[:1])
        for field in placement.written
    }
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def set_fixed_fields(fields: Fields, request: Request, placement: Placement) -> Fields:
    """Return `fields` with the legal line and the brief's own values added, in the placement's field order."""
    complete: Fields = {}
    for field in placement.fields:
        if field.source == "model":
            items = list(fields.get(field.name, ()))
            if field.carries_disclaimer and request.brief.disclaimer:
                items = _add_disclaimer(items, field, request.brief.disclaimer)
        else:
            value = _fixed_value(field, request.brief)
            items = [value] if value else []
        if items:
            complete[field.name] = items
    return complete


def _add_disclaimer(items: list[str], field: TextField, disclaimer: str) -> list[str]:
    if field.carries_disclaimer == "own_item":
        return [*items[: field.max_count - 1], disclaimer]
    return [f"{item} {disclaimer}" for item in items]
