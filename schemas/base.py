"""Shared pydantic bases and the one way to make a stable id from data."""

import hashlib
import json
from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen value that is stored or travels between steps. An unknown field is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def change(self, **values: Any) -> Self:
        """Return a copy with these fields, which are taken as they are. Cheaper than `model_copy`: nothing else is copied."""
        cls = type(self)
        copy = cls.__new__(cls)
        object.__setattr__(copy, "__dict__", self.__dict__ | values)
        object.__setattr__(copy, "__pydantic_fields_set__", self.__pydantic_fields_set__ | values.keys())
        object.__setattr__(copy, "__pydantic_extra__", None)
        object.__setattr__(copy, "__pydantic_private__", None)
        return copy


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
