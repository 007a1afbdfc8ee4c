"""A value as Arrow hands it to Python in, a value as the brief's fields take it out. Never raises; validation judges."""

import datetime
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any


class Unreadable:
    """Stands where a value could not be read, so that validation refuses the field; `why` says it in plain words."""

    __slots__ = ("why",)

    def __init__(self, why: str) -> None:
        self.why = why

    def __repr__(self) -> str:
        return self.why


def to_text(value: Any) -> Any:
    """Numbers, dates and true/false as text; 7.0 is "7", as identifiers become floats where a column has nulls."""
    kind = type(value)
    if kind is str or value is None:
        return value
    if kind is int:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is float:
        if math.isnan(value):
            return None
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if kind is Decimal:
        return format(value, "f")
    if isinstance(value, datetime.date | datetime.time):  # a datetime is a date
        return value.isoformat()
    if kind is bytes:
        return Unreadable(f"binary data of {len(value)} bytes, not text")
    return value


def to_lines(value: Any) -> Any:
    """A list of texts, nulls left out; one text stays one, the brief splits it."""
    return [to_text(item) for item in value if item is not None] if type(value) is list else to_text(value)


def to_named(value: Any) -> Any:
    """A list of texts or of structs of texts (segments, claims)."""
    if type(value) is not list:
        return to_text(value)
    return [_to_struct(item) if type(item) is dict else to_text(item) for item in value if item is not None]


def to_attributes(value: Any) -> Any:
    """A struct, or a map's list of pairs, with every value as text."""
    if type(value) is dict:
        return _to_struct(value)
    if type(value) is list and all(type(item) is tuple and len(item) == 2 for item in value):
        return {to_text(key): to_text(item) for key, item in value}
    return to_text(value)


def to_offer(value: Any) -> Any:
    """A struct of text, code and days, or a text alone."""
    if type(value) is dict:
        return {key: to_date(item) if key in ("starts", "ends") else to_text(item) for key, item in value.items()}
    return to_text(value)


def to_date(value: Any) -> Any:
    """The day of a date or of a timestamp (in its own time zone). A bare number is refused: nobody knows its unit."""
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, int | float | Decimal):
        return Unreadable(f"the number {value}, not a date such as 2026-11-30")
    if isinstance(value, str):
        return value.strip() or None
    return to_text(value) if type(value) is bytes else value


def to_amount(value: Any) -> Any:
    """An amount as it is; the brief decides what it takes."""
    return to_text(value) if type(value) is bytes else value


def to_count(value: Any) -> Any:
    """A whole number; NaN is no number at all, as in a float column with gaps."""
    if type(value) is float and math.isnan(value):
        return None
    return to_text(value) if type(value) is bytes else value


def _to_struct(value: dict[Any, Any]) -> dict[Any, Any]:
    return {key: to_text(item) for key, item in value.items()}


COERCERS: dict[str, Callable[[Any], Any]] = {
    "key_messages": to_lines,
    "must_include": to_lines,
    "must_avoid": to_lines,
    "competitors": to_lines,
    "segments": to_named,
    "claims": to_named,
    "offer": to_offer,
    "offer.starts": to_date,
    "offer.ends": to_date,
    "attributes": to_attributes,
    "price": to_amount,
    "sale_price": to_amount,
    "priority": to_count,
}  # every other field is text
