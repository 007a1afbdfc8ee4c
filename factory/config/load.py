"""YAML text and `--set` assignments become a validated config; one JobError names every mistake by key and line.

Files come from users: the loader is the safe one, and size, nesting and the expansion of aliases are bounded.
"""

import datetime
import typing
from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from factory.config.explain import Path, describe, group_errors, join_path, list_options, name_kind, step_type
from factory.errors import JobError

MAX_BYTES = 1_000_000
MAX_NODES = 100_000  # values in one file, an alias counted with all that it stands for
MAX_DEPTH = 40
MAX_PROBLEMS = 20  # that one message lists


Model = TypeVar("Model", bound=BaseModel)


class _Loader(yaml.SafeLoader):
    """The safe loader, which also gives a line to what Python cannot hold: 2026-13-40, a number of 5,000 digits."""

    # A library that vLLM brings makes dates text in the safe loader that all share: ours keeps its own way to read them.
    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        **yaml.SafeLoader.yaml_constructors,
        "tag:yaml.org,2002:timestamp": yaml.SafeLoader.construct_yaml_timestamp,
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, OverflowError) as error:
            problem = f"cannot read this value ({str(error)[:100]}): put it in quotes"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark) from error


def load_config(model_type: type[Model], text: str, where: str, overrides: Sequence[str] = ()) -> Model:
    """Read `text` as YAML, lay `overrides` ("text.candidates=2") over it and validate the whole as `model_type`.

    `where` names the file in messages. Raises JobError: it lists each problem on a line of its own, with the file and
    line, or the assignment, that caused it.
    """
    data, root = _parse(text, where)
    if not isinstance(data, dict):
        found = "is empty" if data is None else f"holds a {name_kind(data)}"
        raise JobError(
            f"{where} {found}: it must be a map of keys", f"start with {next(iter(model_type.model_fields))}: …"
        )
    try:
        return model_type.model_validate(apply_overrides(data, overrides, model_type))
    except ValidationError as error:
        merged = apply_overrides(data, overrides, model_type)
        sources = {_split(assignment, model_type)[0]: assignment for assignment in overrides}
        groups = list(group_errors(error.errors(include_url=False), merged))
    problems = [
        f"{_place(path, root, sources, where)}: {describe(errors, path, model_type)}"
        for path, errors in groups[:MAX_PROBLEMS]
    ]
    if len(groups) > MAX_PROBLEMS:
        problems.append(f"… and {len(groups) - MAX_PROBLEMS} more")
    raise JobError("\n".join(problems), "correct what is named above; nothing was started")


def apply_overrides(
    data: dict[str, Any], assignments: Sequence[str], model_type: type[BaseModel] | None = None
) -> dict[str, Any]:
    """Return `data` with each "a.b=value" laid over it; maps on the way are made where missing.

    The value is YAML ("2", "[en-US, de-DE]", "null"); what is no YAML is the text itself. `model_type` tells where a
    path enters a map of free keys: there the rest of the path is one key, dots included
    (`columns.offer.text=promo`); and which keys hold text, so that a name such as 2026 stays text.
    Raises JobError naming the assignment.
    """
    merged: dict[str, Any] = _copy(data)
    for assignment in assignments:
        path, value = _split(assignment, model_type)
        parent: Any = merged
        for depth, key in enumerate(path[:-1], start=1):
            if parent.get(key) is None:
                parent[key] = {}
            parent = parent[key]
            if not isinstance(parent, dict):
                raise JobError(
                    f"--set {assignment[:120]}: {join_path(path[:depth])} is a {name_kind(parent)}, not a map of keys",
                    f"set the whole of it: --set {join_path(path[:depth])}=…",
                )
        parent[path[-1]] = value
    return merged


def find_line(text: str, path: Sequence[str | int]) -> int:
    """Return the line, counted from 1, of the key or item at `path` in YAML `text`, or of the nearest key above it."""
    return _find_line(_parse(text, "text")[1], path)[0]


def _split(assignment: str, model_type: type[BaseModel] | None) -> tuple[Path, Any]:
    name, equals, raw = assignment.partition("=")
    keys = [key.strip() for key in name.split(".")]
    if not equals or not all(keys):
        raise JobError(f"--set {assignment[:120]}: is not KEY=VALUE", "write for example --set text.candidates=2")
    path: list[str] = []
    kind: Any = model_type
    while keys:
        free_keys = any(typing.get_origin(option) is dict for option in list_options(kind))
        key, keys = (".".join(keys), []) if free_keys else (keys[0], keys[1:])
        path.append(key)
        kind = step_type(kind, key)
    try:
        value = _parse(raw, "value")[0]
    except JobError:
        value = raw
    options = list_options(kind)
    if str in options and isinstance(value, (bool, int, float, datetime.date)) and type(value) not in options:
        value = raw.strip()
    return tuple(path), value


def _copy(value: Any) -> Any:
    """Copy maps and lists, so that what one alias stands for can change without the others."""
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _parse(text: str, where: str) -> tuple[Any, yaml.Node | None]:
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise JobError(f"{where} is over {MAX_BYTES:,} bytes", "a job, placement or rubric is a few kilobytes")
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is not None:
            _check_tree(root)
        return (None if root is None else loader.construct_document(root)), root
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{where} line {mark.line + 1}" if mark else where
        alone = error.problem and not error.problem.startswith("but ")
        message = f"{place}: {error.problem if alone else f'{error.context}, {error.problem}'}"
    except yaml.YAMLError as error:
        message = f"{where}: {' '.join(str(error).split())[:200]}"
    except RecursionError:
        message = f"{where}: is nested more than {MAX_DEPTH} deep"
    raise JobError(message, 'indent with spaces, and put values that hold ": ", " #", "{" or "[" in quotes')


def _check_tree(root: yaml.Node) -> None:
    """Refuse repeated keys, keys that are no plain text, deep nesting, and aliases that expand without end."""
    left = MAX_NODES
    stack = [(root, 1)]
    while stack:
        node, depth = stack.pop()
        left -= 1
        if depth > MAX_DEPTH or left < 0:
            problem = f"is nested more than {MAX_DEPTH} deep" if left >= 0 else f"stands for over {MAX_NODES:,} values"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        if isinstance(node, yaml.SequenceNode):
            stack.extend((item, depth + 1) for item in node.value)
        elif isinstance(node, yaml.MappingNode):
            _check_keys(node)
            stack.extend((item, depth + 1) for _, item in node.value)


def _check_keys(node: yaml.MappingNode) -> None:
    lines: dict[str, int] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a value that starts with { needs quotes", problem_mark=key.start_mark)
        if key.value in lines:
            problem = f"the key {key.value[:60]!r} is there twice, first on line {lines[key.value]}"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
        lines[key.value] = key.start_mark.line + 1


def _find_line(node: yaml.Node | None, path: Sequence[str | int]) -> tuple[int, bool]:
    """Return the line of `path`, or of the last part of it that exists, and whether all of it does."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pairs = [(key, value) for key, value in node.value if key.value == str(part)]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            pairs = [(node.value[part], node.value[part])]
        else:
            pairs = []
        if not pairs:
            return line, False
        line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
    return line, True


def _place(path: Path, root: yaml.Node | None, sources: dict[Path, str], where: str) -> str:
    line, whole = _find_line(root, path)
    for source, assignment in sources.items():
        made_here = not whole and len(path) > 1 and source[: len(path) - 1] == path[:-1]
        if path[: len(source)] == source or (made_here and not _find_line(root, path[:-1])[1]):
            return f"--set {assignment[:120]}"
    return f"{where} line {line}"
