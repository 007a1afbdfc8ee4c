"""What the model may write, and how its text becomes fields.

A placement, a locale and a few facts about the brief give the JSON schema that bounds decoding: items, lengths and
characters. Legal lines and the brief's own values (brand, landing page) are never written by the model: code sets them.
"""

import re
from dataclasses import dataclass
from typing import Any

from factory.text.invisible import find_hidden, find_unfit
from factory.text.lengths import char_bound, count, describe_misfit, sms_segments
from factory.text.prompts.character_patterns import count_bytes, make_pattern
from schemas.brief import Brief
from schemas.locales import get_language
from schemas.placement import Counting, Placement, TextField
from schemas.request import Request

RESERVE_STEP = 20  # a legal line reserves room in steps, so that few different schemas are compiled

_ASCII_DIGIT = re.compile("[0-9]")
# Of a brief; digits in them are no reason for digits in copy.
_NO_COPY = {"brief_id", "url", "image_uri", "priority"}


@dataclass(frozen=True, slots=True)
class Shape:
    """What decides a JSON schema beside the placement; few different shapes exist in a job, and all are compiled first."""

    placement: str
    language: str
    numbers: bool  # the brief has digits, so that copy may have them
    reserve: int  # code points taken from the bound of the field that carries the legal line


def find_shape(request: Request, placement: Placement, numbers: bool = True) -> Shape:
    """Return the shape of `request`; `numbers` False keeps digits out of the copy whatever the brief holds.

    Raises ValueError, in words for the user, when the legal line or a value that is set word for word does not fit: no
    answer of the model could be accepted then.
    """
    for field in placement.fields:
        value = _fixed_value(field, request.brief)
        # An address may hold the channel's own marks, as in ?ad={{ad.id}}; the brief took care of the rest.
        find = find_hidden if field.source == "brief.url" else find_unfit
        if value and (misfit := describe_misfit(value, field) or find(value)):
            raise ValueError(f"{field.source} cannot be {placement.id}.{field.name}: {value[:80]!r} {misfit}")
    return Shape(
        placement=placement.id,
        language=get_language(request.locale),
        numbers=numbers and _has_digits(request.brief),
        reserve=_reserve(request.brief.disclaimer, placement, get_language(request.locale)),
    )


def list_shapes(placement: Placement, language: str) -> list[Shape]:
    """Return every shape that requests of `placement` in `language` can have, to compile before the run starts."""
    carrier = _find_carrier(placement)
    reserves = {0}
    if carrier is not None and carrier.carries_disclaimer == "every_item":
        longest = char_bound(carrier, language) - _least_length(carrier)
        reserves.update(range(RESERVE_STEP, longest + 1, RESERVE_STEP))
    return [
        Shape(placement.id, language, numbers, reserve) for numbers in (True, False) for reserve in sorted(reserves)
    ]


def build_schema(placement: Placement, shape: Shape) -> dict[str, Any]:
    """Return the JSON schema of one candidate: the written fields in file order, an array where a set is asked for."""
    properties: dict[str, Any] = {}
    for field in placement.written:
        text = {
            "type": "string",
            "pattern": make_pattern(
                field, shape.language, shape.numbers, _least_length(field), _longest(field, shape)
            ),
        }
        if field.max_count == 1:
            properties[field.name] = text
        else:
            asked = field.num_asked
            properties[field.name] = {"type": "array", "items": text, "minItems": asked, "maxItems": asked}
    return {
        "type": "object",
        "properties": properties,
        "required": [field.name for field in placement.written],
        "additionalProperties": False,
    }


def count_max_tokens(placement: Placement, shape: Shape) -> int:
    """Return tokens that always hold a candidate: a byte-level tokenizer needs at most one token a UTF-8 byte."""
    size = count_bytes(shape.language)
    total = 8
    for field in placement.written:
        items = field.num_asked if field.max_count > 1 else 1
        total += len(field.name) + 6 + items * (_longest(field, shape) * size + 4)
    return total


def longest_item(field: TextField, shape: Shape) -> int:
    """Return the code points that one item of `field` may have, as the prompt should say it."""
    return _longest(field, shape)


def _fixed_value(field: TextField, brief: Brief) -> str:
    return "" if field.source == "model" else str(getattr(brief, field.source.removeprefix("brief.")) or "")


def _reserve(disclaimer: str, placement: Placement, language: str) -> int:
    """Return the code points that the legal line takes from an item's usual bound, in whole steps."""
    carrier = _find_carrier(placement)
    if not disclaimer or carrier is None:
        return 0
    if unfit := find_unfit(disclaimer):
        raise ValueError(f"the disclaimer cannot be set word for word: {disclaimer[:80]!r} {unfit}")
    if carrier.carries_disclaimer == "own_item":
        reserve, most = 0, carrier.max
        fits = count(disclaimer, carrier.counting) <= most
    else:
        bound, least = char_bound(carrier, language), _least_length(carrier)
        whole, room = _measure_room(disclaimer, carrier, language)
        reserve = -(-max(0, bound - room) // RESERVE_STEP) * RESERVE_STEP
        most = carrier.max - (least + RESERVE_STEP) * max(1, carrier.max // whole)
        fits = bound - reserve >= least
    if not fits:
        size = count(disclaimer, carrier.counting)
        raise ValueError(
            f"the disclaimer measures {size}, and {placement.id}.{carrier.name} holds {carrier.max} in all: shorten the "
            f"disclaimer to at most {max(0, most)}, or leave out this placement"
        )
    return reserve


def _measure_room(disclaimer: str, carrier: TextField, language: str) -> tuple[int, int]:
    """Return the code points of the language that always fit `carrier`, without and with the legal line behind them."""
    free = carrier.model_copy(update={"recommended": None})
    if carrier.counting is Counting.SMS_SEGMENTS:
        encoding, units, _ = sms_segments(f" {disclaimer}")
        # One character outside GSM-7 changes how the whole text is counted.
        whole = char_bound(free, language if encoding == "GSM-7" else "ja")
        return whole, whole - units
    left = carrier.max - count(f" {disclaimer}", carrier.counting)
    whole = char_bound(free, language)
    return whole, char_bound(free.model_copy(update={"max": left}), language) if left > 0 else 0


def _find_carrier(placement: Placement) -> TextField | None:
    return next((field for field in placement.written if field.carries_disclaimer), None)


def _longest(field: TextField, shape: Shape) -> int:
    return char_bound(field, shape.language) - (shape.reserve if field.carries_disclaimer else 0)


def _least_length(field: TextField) -> int:
    # A field that must hold a short item must let one be written, in wide scripts too.
    longest = field.short.max if field.short else field.max
    return max(1, field.min, min(12, longest // 3))


def _has_digits(brief: Brief) -> bool:
    if _ASCII_DIGIT.search(brief.description):  # most do, and then the rest need not be written out
        return True
    text = brief.model_dump_json(exclude=_NO_COPY)
    return _ASCII_DIGIT.search(text) is not None or (
        not text.isascii() and any(character.isdigit() for character in text)
    )
