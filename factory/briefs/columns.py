"""Source columns in, the brief's fields out: the job's `columns:`, checked against the columns that a file has.

A target is a brief field, or a part of one (`offer.ends`, `attributes.colour`); a source is a column's name, or an
expression when it holds `{{`. Columns that carry a brief field's own name need no entry.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from factory.briefs.coerce import COERCERS, Unreadable, to_lines, to_text
from factory.briefs.column_hints import suggest_columns
from factory.config.expressions import Expression
from factory.errors import JobError
from schemas.brief import MAX_TEXT, Brief, Offer

REQUIRED = ("brief_id", "product_name")
_FIELDS = (*Brief.model_fields, *(f"offer.{name}" for name in Offer.model_fields))


@dataclass(frozen=True, slots=True)
class _Step:
    """How one field is made: from `source` alone, or by `expression`."""

    head: str  # the brief's field
    part: str  # the part of it, or ""
    source: str
    expression: Expression | None
    coerce: Callable[[Any], Any]


class BoundColumns:
    """A mapping for files of one schema. `sources` are the columns to read."""

    def __init__(self, steps: Sequence[_Step]) -> None:
        self._steps = sorted(steps, key=lambda step: bool(step.part))  # a whole field before its parts
        self.sources = sorted(set().union(*(_list_sources(step) for step in steps)))
        self._id_step = next(step for step in steps if step.head == "brief_id")
        self.id_sources = sorted(_list_sources(self._id_step))

    def assemble(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The values for `Brief` of one source row. What cannot be read becomes Unreadable, for validation to refuse."""
        values: dict[str, Any] = {}
        for step in self._steps:
            value = _evaluate(step, row)
            if not step.part:
                values[step.head] = value
            elif value is not None:
                whole = _open_up(step.head, values.get(step.head))
                if whole is not None:  # else validation refuses what is there
                    values[step.head] = {**whole, step.part: value}
        return values

    def read_id(self, row: Mapping[str, Any]) -> Any:
        """The brief_id of one source row, which needs `id_sources` only."""
        return _evaluate(self._id_step, row)


class ColumnMap:
    """The job's `columns:`, compiled. Raises JobError for an unknown target and for a forbidden expression."""

    def __init__(self, columns: Mapping[str, str]) -> None:
        for target in columns:
            if not _is_target(target):
                near = difflib.get_close_matches(target, _FIELDS, n=1)
                hint = (
                    f"did you mean {near[0]}?" if near else f"the fields are {', '.join(_FIELDS)}, attributes.<name>"
                )
                raise JobError(f"columns: {target!r} is not a field of a brief", hint)
        self._columns = dict(columns)
        self._expressions = {
            target: Expression(target, source) for target, source in columns.items() if "{{" in source
        }

    def bind(self, names: Sequence[str], where: str) -> BoundColumns:
        """Return the mapping for files with the columns `names`.

        Raises JobError, naming the file `where`, when a column that the mapping names or the brief needs is not there.
        """
        steps = [self._make_step(target) for target in self._columns]
        steps += [self._make_step(name) for name in names if _is_target(name) and name not in self._columns]
        lost = sorted(set().union(*(_list_sources(step) for step in steps), set()) - set(names))
        twice = sorted({name for step in steps for name in _list_sources(step) if list(names).count(name) > 1})
        have = {f"{step.head}.{step.part}" if step.part else step.head for step in steps}
        missing = [field for field in REQUIRED if field not in have]
        if lost or missing or twice:
            what = f"the mapping names {', '.join(lost)}" if lost else f"no column gives {' and '.join(missing)}"
            if twice and not (lost or missing):
                what = f"the column {twice[0]} is there twice"
            message = f"{where}: {what}; its columns are {', '.join(map(str, names)) or '(none)'}"
            raise JobError(message, suggest_columns(names, self._columns, missing, lost))
        return BoundColumns(steps)

    def _make_step(self, target: str) -> _Step:
        head, _, part = target.partition(".")
        source = self._columns.get(target, target)
        return _Step(head, part, source, self._expressions.get(target), COERCERS.get(target, to_text))


def compile_columns(columns: Mapping[str, str]) -> ColumnMap:
    """Return the compiled mapping, made once per process. Raises JobError as ColumnMap does."""
    return _compile(tuple(sorted(columns.items())))


@lru_cache(maxsize=8)
def _compile(items: tuple[tuple[str, str], ...]) -> ColumnMap:
    return ColumnMap(dict(items))


def _is_target(name: str) -> bool:
    return name in _FIELDS or (name.startswith("attributes.") and len(name) > len("attributes."))


def _list_sources(step: _Step) -> set[str]:
    return set(step.expression.columns) if step.expression else {step.source}


def _evaluate(step: _Step, row: Mapping[str, Any]) -> Any:
    if step.expression is None:
        return step.coerce(row[step.source])
    texts: dict[str, str] = {}
    for name in step.expression.columns:
        value = to_lines(row[name])
        if isinstance(value, list):
            value = "; ".join(map(str, value))
        if not isinstance(value, str | None):
            return Unreadable(f"made from column {name}, which is not text")
        texts[name] = "" if value is None else value[: MAX_TEXT + 1]
    try:
        return step.expression.render(texts).strip() or None
    except ValueError as error:
        return Unreadable(str(error))


def _open_up(head: str, whole: Any) -> dict[str, Any] | None:
    """The parts of a field that was given whole: an offer's text, or the pairs of attributes; None when it has none."""
    if whole is None:
        return {}
    if isinstance(whole, dict):
        return whole
    return {"text": whole} if head == "offer" and isinstance(whole, str) else None
