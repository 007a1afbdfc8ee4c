"""The Jinja2 sandbox under prompt templates and column expressions: only named filters, no globals, texts of bounded length.

What else each of the two allows is beside it: `templates.py` bounds loops and operators, `expressions.py` has neither.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any

from jinja2 import StrictUndefined
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_TEXT = 100_000  # characters that a template block or an expression may make; five times the longest brief text


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's own sandbox with an allow-list of filters. An undefined name is an error."""

    def __init__(self, filters: Mapping[str, Callable[..., Any]], **options: Any) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, **options)
        self.filters = dict(filters)
        self.globals = {}


def join_bounded(pieces: Iterable[str]) -> str:
    """Return the pieces as one text. Raises SecurityError as soon as it is too long."""
    parts: list[str] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_TEXT:
            raise SecurityError(f"the template writes more than {MAX_TEXT:,} characters")
        parts.append(piece)
    return "".join(parts)


def replace_bounded(text: object, old: object, new: object, count: int | None = None) -> str:
    """Replace as Jinja's filter does, but measure the result first. Raises SecurityError when it would be too long."""
    source, part, other = str(text), str(old), str(new)
    times = source.count(part) if count is None or count < 0 else min(count, source.count(part))
    if len(source) + times * (len(other) - len(part)) > MAX_TEXT:
        raise SecurityError(f"replace makes more than {MAX_TEXT:,} characters")
    return source.replace(part, other, -1 if count is None else count)


def bound_result(filter_function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse the text that a filter makes when it is over the limit; its arguments are under it already."""

    @wraps(filter_function)
    def bounded(*args: Any, **kwargs: Any) -> Any:
        result = filter_function(*args, **kwargs)
        return join_bounded([result]) if isinstance(result, str) else result

    return bounded
