"""Declared columns in, Arrow schemas and tables out: what is written is never inferred from the rows.

The type texts are those of `schemas/asset.py`: Arrow's names, with list<…>, map<…, …> and struct<name: …> around them.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

from schemas.base import clean_surrogates

_SCALARS: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp[us, UTC]": pa.timestamp("us", tz="UTC"),
}
_TOKEN = re.compile(r"\s*(timestamp\[us, UTC\]|\w+|[<>:,])")


def arrow_schema(columns: Mapping[str, str]) -> pa.Schema:
    """Return the schema for {column: type text}. Raises ValueError for a type text that is not understood."""
    return _make_schema(tuple(columns.items()))


def parse_type(text: str) -> pa.DataType:
    """Return the Arrow type that `text` names. Raises ValueError when it is not understood."""
    tokens = _TOKEN.findall(text)
    if "".join(tokens).replace(" ", "") != text.replace(" ", ""):
        raise ValueError(f"{text!r} is not a type")
    found, rest = _parse(tokens, text)
    if rest:
        raise ValueError(f"{text!r} goes on after the type")
    return found


def to_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> pa.Table:
    """Return the rows as a table of exactly `columns`; a value that a row lacks is null.

    Lone surrogates, which no file can hold, become U+FFFD. Raises pyarrow's errors for values of another type.
    """
    schema = arrow_schema(columns)
    arrays = [_make_column(rows, field) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _make_column(rows: Sequence[Mapping[str, Any]], field: Any) -> Any:
    name = field.name  # looked up once: on Arrow's side it costs more than the value
    return _make_array([row.get(name) for row in rows], field.type)


def _make_array(values: list[Any], kind: Any) -> Any:
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type) and None not in values:
        return _make_struct_lists(values, kind)
    if pa.types.is_map(kind):
        if all(isinstance(value, dict) for value in values):
            return _make_maps(values, kind)
        values = [list(value.items()) if isinstance(value, dict) else value for value in values]
    try:
        return pa.array(values, type=kind)
    except UnicodeEncodeError:
        return pa.array([_clean(value) for value in values], type=kind)


def _make_struct_lists(values: list[Any], kind: Any) -> Any:
    """Lists of structs by their columns, which is several times as fast as struct by struct: every row has its checks."""
    items = list(chain.from_iterable(values))
    columns = [_make_column(items, field) for field in kind.value_type]
    structs = pa.StructArray.from_arrays(columns, fields=list(kind.value_type))
    return pa.ListArray.from_arrays(_make_offsets(values), structs, type=kind)


def _make_maps(values: list[Any], kind: Any) -> Any:
    """Maps by their keys and items, for the same reason."""
    keys = _make_array(list(chain.from_iterable(values)), kind.key_type)
    items = _make_array(list(chain.from_iterable(value.values() for value in values)), kind.item_type)
    return pa.MapArray.from_arrays(_make_offsets(values), keys, items, type=kind)


def _make_offsets(values: list[Any]) -> Any:
    return pa.array(accumulate(map(len, values), initial=0), type=pa.int32())


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return clean_surrogates(value)
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_clean(item) for item in value)
    return value


@lru_cache(maxsize=32)
def _make_schema(columns: tuple[tuple[str, str], ...]) -> pa.Schema:
    return pa.schema([(name, parse_type(text)) for name, text in columns])


def _parse(tokens: list[str], text: str) -> tuple[pa.DataType, list[str]]:
    """Read one type from the front of `tokens`; return it and what follows."""
    try:
        head, rest = tokens[0], tokens[1:]
        if head in _SCALARS:
            return _SCALARS[head], rest
        if head == "list":
            item, rest = _parse(_skip("<", rest), text)
            return pa.list_(item), _skip(">", rest)
        if head == "map":
            key, rest = _parse(_skip("<", rest), text)
            item, rest = _parse(_skip(",", rest), text)
            return pa.map_(key, item), _skip(">", rest)
        if head == "struct":
            return _parse_struct(_skip("<", rest), text)
    except IndexError as error:
        raise ValueError(f"{text!r} ends in the middle of a type") from error
    raise ValueError(f"{text!r}: {head!r} is not a type that tables may have")


def _parse_struct(tokens: list[str], text: str) -> tuple[pa.DataType, list[str]]:
    fields: list[tuple[str, pa.DataType]] = []
    while True:
        name = tokens[0]
        kind, tokens = _parse(_skip(":", tokens[1:]), text)
        fields.append((name, kind))
        if tokens[0] != ",":
            return pa.struct(fields), _skip(">", tokens)
        tokens = tokens[1:]


def _skip(token: str, tokens: list[str]) -> list[str]:
    if tokens[0] != token:
        raise ValueError(f"expected {token!r} and found {tokens[0]!r}")
    return tokens[1:]
