"""A column as a small expression over the other columns of its row, such as `{{ brand }} {{ title }}`.

Jinja's syntax, but only what cannot run away or look around: names, texts, `~`, `+`, conditions and a few text filters. No
calls, attributes, loops or arithmetic; this is checked when the job is loaded, before any row is read.
"""

from collections.abc import Callable
from functools import lru_cache

from jinja2 import Template, TemplateError, nodes

from factory.config.sandbox import MAX_TEXT, Sandbox, replace_bounded
from factory.errors import JobError

MAX_SOURCE = 1_000  # characters of an expression

_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Const,
    nodes.Name,
    nodes.Filter,
    nodes.Concat,
    nodes.Add,
    nodes.Neg,  # a negative index for the filter `part`
    nodes.CondExpr,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
)


class Expression:
    """One compiled expression. `columns` are the source columns that it reads."""

    def __init__(self, target: str, source: str) -> None:
        """Compile `source`. Raises JobError naming `target` for wrong syntax and for what is not allowed."""
        self.target = target
        if len(source) > MAX_SOURCE:
            raise self._refuse(f"is {len(source)} characters long, and at most {MAX_SOURCE} are allowed")
        if "{%" in source:
            raise self._refuse("holds a {% … %} block")
        try:
            tree = _get_environment().parse(source)
            self.columns = frozenset(self._find_columns(tree))
            self._template: Template = _get_environment().from_string(tree)
        except (TemplateError, RecursionError) as error:
            raise self._refuse(f"is not valid: {error or 'nested too deeply'}") from error

    def render(self, row: dict[str, str]) -> str:
        """The text for one row; `row` has a text for each of `columns`. Raises ValueError when the result is too long."""
        try:
            text = self._template.render(row, row=row)
        except (TemplateError, TypeError, IndexError) as error:
            raise ValueError(f"the expression failed: {error}") from error
        if len(text) > MAX_TEXT:
            raise ValueError(f"the expression made {len(text)} characters, and at most {MAX_TEXT} are allowed")
        return text

    def _find_columns(self, node: nodes.Node) -> set[str]:
        """The columns that a tree reads. Raises JobError at the first thing that is not allowed."""
        if isinstance(node, nodes.Getitem):  # row["Product Title"], for names that are not Jinja names
            owner, key = node.node, node.arg
            if not (isinstance(owner, nodes.Name) and owner.name == "row" and isinstance(key, nodes.Const)):
                raise self._refuse('uses […], which is only for row["column name"]')
            return {str(key.value)}
        if not isinstance(node, _ALLOWED):
            raise self._refuse(f"uses {_SPOKEN.get(type(node), type(node).__name__)}, which is not allowed")
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise self._refuse(f"uses the filter {node.name!r}; there are {', '.join(_FILTERS)}")
        found = {node.name} if isinstance(node, nodes.Name) else set()
        return found.union(*(self._find_columns(child) for child in node.iter_child_nodes()))

    def _refuse(self, why: str) -> JobError:
        hint = 'write texts and column names only, for example "{{ brand }} {{ title | trim }}"'
        return JobError(f"columns: the expression for {self.target} {why}", hint)


def _replace(text: str, old: str, new: str) -> str:
    return replace_bounded(text, old, new) if old else text


def _default(text: str, fallback: str) -> str:
    return text if text.strip() else fallback


def _part(text: str, separator: str, index: int) -> str:
    """Item `index` of a text such as "Shoes > Hiking > Boots", "" when there are not so many."""
    items = [item.strip() for item in text.split(separator)]
    return items[index] if -len(items) <= index < len(items) else ""


_FILTERS: dict[str, Callable[..., str]] = {
    "trim": str.strip,
    "upper": str.upper,
    "lower": str.lower,
    "title": str.title,
    "capitalize": str.capitalize,
    "replace": _replace,
    "default": _default,
    "part": _part,
}
_SPOKEN: dict[type[nodes.Node], str] = {
    nodes.Getattr: "an attribute (a.b)",
    nodes.Call: "a call (a())",
    nodes.Mul: "arithmetic (*)",
    nodes.Pow: "arithmetic (**)",
    nodes.Test: "a test (is …)",
}


@lru_cache(maxsize=1)
def _get_environment() -> Sandbox:
    return Sandbox(_FILTERS, cache_size=0)
