"""Rows in, Arrow tables of a declared schema out: what is written is never inferred from the rows."""

from collections.abc import Mapping, Sequence
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

from schemas.base import clean_surrogates


def to_table(rows: Sequence[Mapping[str, Any]], schema: pa.Schema) -> pa.Table:
    """Return the rows as a table of exactly `schema`; a value that a row lacks is null.

    Lone surrogates, which no file can hold, become U+FFFD. Raises pyarrow's errors for values of another type.
    """
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
