"""The brief: one input row, a campaign or a product to make content for.

Validation here is what decides between a brief and a quarantine row, so every message says what is wrong with which field.
"""

import re
import unicodedata
from datetime import date
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from schemas.base import Record
from schemas.locales import CURRENCIES, normalize_locale

MAX_TEXT = 20_000  # characters; a longer description is a broken export, not a brief

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Nobody sees these, and they hide words or turn them round: soft hyphen, fillers, zero width space, direction overrides,
# word joiner, byte order mark, annotations, noncharacters, tags. Joiners and direction marks stay: scripts need them, as
# flags need their tags.
_UNSEEN = re.compile(
    "(\U0001f3f4[\U000e0020-\U000e007e]{1,6}\U000e007f)|[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u202a-\u202e\u2060-\u206f"
    "\u3164\ufeff\uffa0\ufff0-\ufffb\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff\U000ffffe\U000fffff\U0010fffe\U0010ffff]"
)
_LINE_ENDS = re.compile("[\u2028\u2029]")
_BREAKS = re.compile(r"[\t\n\r]+")
_LIST_SEPARATOR = re.compile(r"\s*[;|\n]\s*")


def clean_text(value: str) -> str:
    """Return `value` in NFC with control and unseen characters removed and outer space stripped; doing it again changes nothing.

    Raises ValueError for a lone surrogate: such text cannot be written to Parquet or sent to a model.
    """
    if value.isascii() and value.isprintable():
        return value.strip()
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"holds a lone surrogate at position {error.start}: not valid Unicode text") from error
    # Removing first: what a control character kept apart is composed, and stays as it is when it is read again.
    seen = _LINE_ENDS.sub("\n", _UNSEEN.sub(r"\1", _CONTROL.sub("", value)))
    return unicodedata.normalize("NFC", seen).strip()


def clean_line(value: str) -> str:
    """Return `clean_text` of `value` on one line: tabs and line breaks become a space. Raises as `clean_text` does."""
    return _BREAKS.sub(" ", clean_text(value))


def split_list(value: Any) -> Any:
    """Accept None, a list, or one string in which ';', '|' or line breaks part the items."""
    if value is None:
        return []
    if isinstance(value, str):
        return [item for item in _LIST_SEPARATOR.split(value) if item.strip()]
    return value


def blank_when_null(value: Any) -> Any:
    """Read a null cell of an optional text column as empty."""
    return "" if value is None else value


def _reject_odd_amount(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("is true/false, not an amount")
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"is {value}, not an amount")
        return Decimal(repr(value))  # the shortest text of the float: 19.99, not 19.989999…
    if isinstance(value, str) and not value.strip():
        return None
    return value


def _check_currency(value: str) -> str:
    code = value.strip().upper()
    if code and code not in CURRENCIES:
        raise ValueError(f"{value!r} is not an ISO 4217 currency code such as EUR or USD")
    return code


Text = Annotated[str, AfterValidator(clean_text), Field(max_length=MAX_TEXT)]
OptionalText = Annotated[Text, BeforeValidator(blank_when_null)]
Line = Annotated[str, AfterValidator(clean_line), Field(max_length=500)]
OptionalLine = Annotated[Line, BeforeValidator(blank_when_null)]
# Signed addresses are long: one of S3 with a session token has about 1,500 characters.
OptionalAddress = Annotated[str, AfterValidator(clean_line), Field(max_length=4_000), BeforeValidator(blank_when_null)]
Lines = Annotated[list[Line], BeforeValidator(split_list), Field(max_length=100)]
Amount = Annotated[Decimal, BeforeValidator(_reject_odd_amount), Field(ge=0, max_digits=14, allow_inf_nan=False)]


class Offer(Record):
    """A promotion: what it says, its code, and the days (inclusive) on which it holds."""

    text: OptionalLine = ""
    code: OptionalLine = ""
    starts: date | None = None
    ends: date | None = None

    @model_validator(mode="after")
    def _check_order(self) -> "Offer":
        if self.starts and self.ends and self.ends < self.starts:
            raise ValueError(f"offer ends {self.ends} before it starts {self.starts}")
        return self


class Segment(Record):
    """An audience that the brief is personalised for. `needs` says what these people care about."""

    name: Annotated[Line, Field(min_length=1)]
    needs: OptionalLine = ""


class Claim(Record):
    """A statement the copy may make, and what proves it (a test, a certificate, a study)."""

    text: Annotated[Line, Field(min_length=1)]
    evidence: OptionalLine = ""


def _read_named(value: Any, key: str) -> Any:
    items = split_list(value)
    if isinstance(items, list):
        return [{key: item} if isinstance(item, str) else item for item in items]
    return items


def _read_offer(value: Any) -> Any:
    if value is None:
        return {}
    return {"text": value} if isinstance(value, str) else value


def _read_attributes(value: Any) -> Any:
    if value is None:
        return {}
    if isinstance(value, list):  # a Parquet map arrives as key-value pairs
        if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in value):
            raise ValueError("is a list, not pairs of a name and a value")
        return {str(key): item for key, item in value if item is not None}
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item is not None}
    return value


class Brief(Record):
    """One campaign or product to make content for. Amounts are in units of `currency`."""

    brief_id: Annotated[Line, Field(min_length=1, max_length=200)]
    campaign_id: OptionalLine = ""
    product_name: Annotated[Line, Field(min_length=1, max_length=300)]
    brand: OptionalLine = ""
    category: OptionalLine = ""
    description: OptionalText = ""
    key_messages: Lines = []
    price: Amount | None = None
    sale_price: Amount | None = None
    currency: Annotated[OptionalLine, AfterValidator(_check_currency)] = ""
    offer: Annotated[Offer, BeforeValidator(_read_offer)] = Offer()
    segments: Annotated[list[Segment], BeforeValidator(lambda v: _read_named(v, "name")), Field(max_length=50)] = []
    must_include: Lines = []
    must_avoid: Lines = []
    competitors: Lines = []
    claims: Annotated[list[Claim], BeforeValidator(lambda v: _read_named(v, "text")), Field(max_length=100)] = []
    disclaimer: OptionalLine = ""
    tone: OptionalLine = ""
    brand_voice: OptionalText = ""
    locale: Annotated[OptionalLine, AfterValidator(lambda v: normalize_locale(v) if v else "")] = ""
    url: OptionalLine = ""
    image_uri: OptionalAddress = ""
    priority: Annotated[int, BeforeValidator(lambda v: 0 if v is None else v), Field(ge=-1000, le=1000)] = 0
    attributes: Annotated[dict[Line, Line], BeforeValidator(_read_attributes), Field(max_length=200)] = {}

    @model_validator(mode="after")
    def _check_prices(self) -> "Brief":
        if (self.price is not None or self.sale_price is not None) and not self.currency:
            raise ValueError("currency is missing: a price needs its ISO 4217 code, for example EUR")
        if self.sale_price is not None and self.price is not None and self.sale_price > self.price:
            raise ValueError(f"sale_price {self.sale_price} is above price {self.price}")
        names = [segment.name for segment in self.segments]
        if len(set(names)) != len(names):
            raise ValueError("segments repeats a name: each segment needs its own")
        if self.url and not re.match(r"https?://[^\s/]+", self.url):
            raise ValueError(f"url {self.url[:80]!r} does not start with http:// or https://")
        if odd := re.search(r"[\s<>\"\\]", self.url):
            raise ValueError(
                f"url {self.url[:80]!r} holds {odd.group()!r}, which no address may: write it percent-encoded"
            )
        return self
