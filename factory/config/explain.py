"""What pydantic found wrong with a config, in a user's words: grouped by key, with the key that was probably meant.

Walks the types of a config's models; reads no file.
"""

import datetime
import difflib
import itertools
import types
import typing
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

Path = tuple[str | int, ...]  # keys and indexes from the root of a config


def group_errors(errors: Sequence[ErrorDetails], data: Any) -> Iterator[tuple[Path, list[ErrorDetails]]]:
    """Give the errors of one key together: each choice of a union reports its own."""
    pairs = [(_find_path(error, data), error) for error in errors]
    for path, group in itertools.groupby(pairs, key=lambda pair: pair[0]):
        yield path, [error for _, error in group]


def describe(errors: Sequence[ErrorDetails], path: Path, model_type: type[BaseModel]) -> str:
    """Return one line that says what is wrong at `path` of a config of `model_type`, and what was probably meant."""
    kinds = {error["type"] for error in errors}
    value = errors[0]["input"]
    if "extra_forbidden" in kinds:
        return f"unknown key {join_path(path)}{_suggest(path, model_type)}"
    if "missing" in kinds:
        return f"{join_path(path)}: is missing"
    if "string_type" in kinds and isinstance(value, (bool, int, float, datetime.date)):
        text = f"should be text, and YAML reads this as a {name_kind(value)}: put it in quotes"
    elif "list_type" in kinds and not isinstance(value, (dict, list)):
        text = f"should be a list: [{str(value)[:60]}]"
    else:
        messages = dict.fromkeys(error["msg"].removeprefix("Value error, ").removeprefix("Input ") for error in errors)
        text = "; or ".join(messages)
        if not isinstance(value, (dict, list)) and "value_error" not in kinds:
            text += f", not {repr(value)[:60]}"
    return " ".join(f"{join_path(path)}: {text}".removeprefix(": ").split())


def step_type(kind: Any, part: str | int) -> Any:
    """Return the type of what is at `part` of a value of type `kind`; None when the type does not say."""
    for option in list_options(kind):
        if _is_model(option) and part in option.model_fields:
            return option.model_fields[part].annotation
        if typing.get_origin(option) in (dict, list):
            return typing.get_args(option)[-1]
    return None


def list_options(kind: Any) -> list[Any]:
    """Return the choices of a union, or the one type, without annotations."""
    if typing.get_origin(kind) is Annotated:
        return list_options(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return [option for choice in typing.get_args(kind) for option in list_options(choice)]
    return [kind]


def join_path(path: Sequence[str | int]) -> str:
    """Return a path as users write it, on one line: `fields[0].max`."""
    parts = [f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in path]
    text = "".join(parts).removeprefix(".")
    return text if text.isprintable() else repr(text)


def name_kind(value: Any) -> str:
    """Return what YAML made of a value, in a user's word."""
    names = {bool: "yes/no value", int: "number", float: "number", list: "list", dict: "map", str: "text"}
    return names.get(type(value), "date" if isinstance(value, datetime.date) else "value")


def _find_path(error: ErrorDetails, data: Any) -> Path:
    """Return the error's place as keys and indexes; pydantic's names of the choices of a union are left out."""
    path: list[str | int] = []
    for depth, part in enumerate(error["loc"], start=1):
        inside = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int)
        if inside:
            data = data[part]
        if inside or (error["type"] == "missing" and depth == len(error["loc"])):
            path.append(part)
    return tuple(path)


def _suggest(path: Path, model_type: type[BaseModel]) -> str:
    kind: Any = model_type
    for part in path[:-1]:
        kind = step_type(kind, part)
    keys = [key for option in list_options(kind) if _is_model(option) for key in option.model_fields]
    elsewhere = [place for place in _list_paths(model_type) if place[-1] == path[-1]]
    if elsewhere:
        return f"; it belongs in {join_path(elsewhere[0])}"
    near = difflib.get_close_matches(str(path[-1]), keys, n=1)
    return f"; did you mean {join_path((*path[:-1], near[0]))}?" if near else f"; the keys here are {', '.join(keys)}"


def _list_paths(kind: Any, above: Path = ()) -> Iterator[Path]:
    for option in list_options(kind):
        if _is_model(option) and len(above) < 5:
            for name, field in option.model_fields.items():
                yield (*above, name)
                yield from _list_paths(field.annotation, (*above, name))


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
