"""The placement: one slot of a channel, with its text fields, picture slots and rules. Data, not code.

A placement is one YAML file in `schemas/placements/`. Everything a check or a prompt needs to know about a channel is here.
"""

from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, model_validator

from schemas.base import Config


class Counting(StrEnum):
    """How a channel measures text. `factory/text/lengths.py` has one function for each."""

    CHARS = "chars"  # Unicode code points after NFC
    GRAPHEMES = "graphemes"  # user-perceived characters (UAX #29)
    DISPLAY_WIDTH = "display_width"  # East Asian wide and fullwidth count 2
    DISPLAY_WIDTH_EMOJI2 = "display_width_emoji2"  # as display_width, and an emoji counts 2
    X_WEIGHTED = "x_weighted"  # X's weighted count, a URL counts 23
    UTF8_BYTES = "utf8_bytes_no_space_punct"  # UTF-8 bytes, spaces and punctuation free
    SMS_SEGMENTS = "sms_segments"  # GSM-7 septets or UCS-2 units, see `max_segments`


class Confidence(StrEnum):
    """How sure the limits are: `high` = the platform's own page was read, `medium` = several pages agree, `low` = one source."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class ShortItem(Config):
    """A set rule: at least `count` items of the field measure at most `max`."""

    count: int = Field(default=1, ge=1)
    max: int = Field(ge=1)


class TextField(Config):
    """One text field. Limits are in the field's `counting` unit; counts are of items in the set.

    `source` says who writes it: the model, or the brief's own value word for word ("brief.brand", "brief.url").
    `limit` hard = the channel refuses more than `max`; soft = it shows less. Both are enforced.
    `carries_disclaimer` says how the brief's legal line is set here: as an item of its own, or at the end of every item.
    `ask` is how many items one candidate writes (default: `min_count`, at least 1).
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
    source: Annotated[str, Field(pattern=r"^(model|brief\.[a-z_]+)$")] = "model"
    min_count: int = Field(default=1, ge=0)
    max_count: int = Field(default=1, ge=1)
    ask: int | None = Field(default=None, ge=1)
    min: int = Field(default=1, ge=0)
    max: int = Field(ge=1)
    recommended: int | None = None
    limit: Literal["hard", "soft"] = "hard"
    counting: Counting = Counting.CHARS
    max_segments: int | None = None
    unique: bool = True
    short: ShortItem | None = None
    requires: str | None = None
    multiline: bool = False
    carries_disclaimer: Literal["own_item", "every_item"] | None = None
    guidance: str = ""
    rules: list[str] = []
    note: str = ""

    @model_validator(mode="after")
    def _check_numbers(self) -> "TextField":
        if self.min_count > self.max_count or (self.ask or 1) > self.max_count:
            raise ValueError(f"field {self.name}: min_count and ask must not exceed max_count")
        if self.min > self.max:
            raise ValueError(f"field {self.name}: min {self.min} is above max {self.max}")
        return self

    @property
    def num_asked(self) -> int:
        """Items one candidate writes."""
        return self.ask or max(1, self.min_count)


class ImageSlot(Config):
    """One picture slot: exact or minimum pixels, ratio, weight and formats. Used by the images phase.

    `role` says what belongs there: an ad with copy, a scene without (lifestyle), the product alone on white (main), or the
    brand's logo. `safe_zone` is the percentage to keep free of text at each edge.
    """

    name: str
    role: Literal["creative", "lifestyle", "main", "logo"] = "creative"
    width: int | None = None
    height: int | None = None
    min_width: int | None = None
    min_height: int | None = None
    max_width: int | None = None
    max_height: int | None = None
    ratio: str | None = None
    ratio_tolerance: float | None = None
    max_kb: int | None = None
    formats: list[str] = []
    min_count: int = 0
    max_count: int = 1
    safe_zone: dict[str, float] = {}
    rules: list[str] = []
    note: str = ""


class Placement(Config):
    """One slot of a channel. `preview` names how the report draws it; `rules` are checks over the whole asset."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,60}$")]
    channel: str
    title: str
    confidence: Confidence
    sources: Annotated[list[str], Field(min_length=1)]
    verified: str
    preview: Literal["search", "feed", "inbox", "message", "product", "card"] = "card"
    guidance: str = ""
    fields: Annotated[list[TextField], Field(min_length=1)]
    rules: list[str] = []
    image_slots: list[ImageSlot] = []
    export_format: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _check_fields(self) -> "Placement":
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise ValueError("two fields have the same name")
        for field in self.fields:
            if field.requires is not None and field.requires not in names:
                raise ValueError(f"field {field.name} requires {field.requires!r}, which is not a field")
        if not self.written:
            raise ValueError("no field has source: model, so there is nothing to write")
        return self

    @cached_property
    def written(self) -> list[TextField]:
        """The fields that the model writes, in file order."""
        return [field for field in self.fields if field.source == "model"]

    @cached_property
    def is_set(self) -> bool:
        """Whether an asset holds several items of a written field, so that items may be pooled over candidates."""
        return any(field.max_count > 1 for field in self.written)

    def field(self, name: str) -> TextField:
        """Return the field called `name`; raises KeyError."""
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(name)
