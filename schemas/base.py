"""Shared pydantic bases and the one way to make a stable id from data."""

import hashlib
import json
from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen value that is stored or travels between steps. An unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def make(cls, **values: Any) -> Self:
        """Return a record of values that are right already. Nothing is checked or copied, equal defaults are shared.

        Several times as fast as `model_construct`, whose copies of defaults nobody may change here.
        """
        return cls._build(_list_defaults(cls) | values, set(values))

    def change(self, **values: Any) -> Self:
        """Return a copy with these fields, which are taken as they are. Cheaper than `model_copy`: nothing else is copied."""
        return self._build(self.__dict__ | values, self.__pydantic_fields_set__ | values.keys())

    @classmethod
    def _build(cls, values: dict[str, Any], fields_set: set[str]) -> Self:
        record = cls.__new__(cls)
        object.__setattr__(record, "__dict__", values)
        object.__setattr__(record, "__pydantic_fields_set__", fields_set)
        object.__setattr__(record, "__pydantic_extra__", None)
        object.__setattr__(record, "__pydantic_private__", None)
        return record


@cache
def _list_defaults(cls: type[Record]) -> dict[str, Any]:
    """Return every field in its order, as records keep them; those without a default are for `make` to fill."""
    return {name: field.get_default(call_default_factory=True) for name, field in cls.model_fields.items()}


class Config(BaseModel):
    """A piece of a user's YAML. An unknown key is an error, so that a typo is never lost."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


def canonical_json(value: Any) -> str:
    """Return the one JSON text of `value`: sorted keys, no spaces, real characters.

    `value` is made of dicts, lists, strings, numbers, booleans and None (pydantic's `model_dump(mode="json")`).
    Raises ValueError for NaN and infinities, which have no JSON form.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any, size: int = 16) -> str:
    """Return the hexadecimal blake2b of the canonical JSON of `value`; `size` is in bytes."""
    return hashlib.blake2b(canonical_json(value).encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()


def clean_surrogates(text: str) -> str:
    """Replace lone surrogates, which no file or message can hold, by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") if not _is_clean(text) else text


def _is_clean(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
