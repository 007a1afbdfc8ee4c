"""Jinja2 for prompt templates, with bounds: no attribute tricks, no bombs, no silent blanks.

On top of `sandbox.py`: every `for` draws from one budget per rendering, no text grows beyond a limit (only the filters
below exist, no methods but a dict's, joining is measured), and there are no macros, imports or includes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any

from jinja2 import Template, TemplateSyntaxError, UndefinedError, nodes
from jinja2.exceptions import SecurityError, TemplateError
from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import safe_range
from jinja2.visitor import NodeTransformer

from factory.config.sandbox import Sandbox, bound_result, join_bounded, replace_bounded
from factory.errors import JobError

MAX_SOURCE = 200_000  # characters of a template file
MAX_LOOP_STEPS = 20_000  # steps of all loops of one rendering together

FILTERS = (
    "abs capitalize count default first float int join last length list lower max min replace reverse round sort string "
    "sum title trim truncate unique upper map select reject selectattr rejectattr"
).split()
DICT_METHODS = frozenset({"items", "keys", "values", "get"})

FORBIDDEN = (nodes.Macro, nodes.CallBlock, nodes.Import, nodes.FromImport, nodes.Include, nodes.Extends)

_steps_left: ContextVar[int] = ContextVar("steps_left", default=MAX_LOOP_STEPS)


class BoundedEnvironment(Sandbox):
    """A sandbox whose loops, operators and output are bounded, and whose undefined names are errors."""

    intercepted_binops = frozenset({"*", "**", "%", "+"})

    def __init__(self) -> None:
        super().__init__(_list_filters(), trim_blocks=True, lstrip_blocks=True)
        self.globals = {"range": safe_range}

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for banned in tree.find_all(FORBIDDEN):
            raise TemplateSyntaxError(f"{type(banned).__name__} is not allowed in a prompt template", banned.lineno)
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise TemplateSyntaxError("recursive loops are not allowed in a prompt template", loop.lineno)
            loop.iter = nodes.Filter(loop.iter, "bounded_steps", [], [], None, None, lineno=loop.lineno)
        return _ConcatBounder().visit(tree)  # type: ignore[no-any-return]

    def is_safe_callable(self, obj: Any) -> bool:
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, dict):
            return getattr(obj, "__name__", "") in DICT_METHODS
        return obj is self.globals["range"]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        plain = isinstance(left, (int, float)) and isinstance(right, (int, float))
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return _concat_bounded([left, right])
        if not plain or operator == "**":
            raise SecurityError(f"the operator {operator} works on plain numbers only, and ** not at all")
        return super().call_binop(context, operator, left, right)


def compile_template(source: str, where: str) -> Template:
    """Compile `source`; `where` names the file in errors. Raises JobError naming the file and line of a syntax error."""
    if len(source) > MAX_SOURCE:
        raise JobError(f"{where}: the template has {len(source):,} characters, at most {MAX_SOURCE:,}", "shorten it")
    try:
        template = BoundedEnvironment().from_string(source)
    except TemplateSyntaxError as error:
        raise JobError(f"{where} line {error.lineno}: {error.message}", "fix the template's syntax there") from error
    return template


def check_names(source: str, where: str, block: str, example: Mapping[str, Any]) -> None:
    """Raise JobError, naming file and line, when a block uses a name that `example` lacks, in any branch of it.

    `example` is what the block is rendered with; names inside its mappings count too, but an empty one may hold
    anything. A name that the template itself guards with `default` or `is defined` may be missing.
    """
    environment = BoundedEnvironment()
    for found in environment.parse(source).find_all(nodes.Block):
        if found.name == block:
            body = nodes.Template(found.body, lineno=found.lineno)
            body.set_environment(environment)
            _check_node(body, where, example, find_undeclared_variables(body))


def _check_node(node: nodes.Node, where: str, example: Mapping[str, Any], free: set[str]) -> None:
    if isinstance(node, nodes.Filter | nodes.Test) and node.name in ("default", "defined", "undefined"):
        return
    path = _list_path(node)
    if path and path[0] in free:
        known: Any = example
        for name in path:
            if (
                isinstance(known, Mapping)
                and known
                and name not in known
                and not (known is not example and name in DICT_METHODS)
            ):
                message = f"{where} line {node.lineno}: {'.'.join(path)!r} is undefined"
                raise JobError(message, f"there {'are' if len(known) > 1 else 'is'} {', '.join(sorted(known))}")
            known = known.get(name) if isinstance(known, Mapping) else None
        return
    for child in node.iter_child_nodes():
        _check_node(child, where, example, free)


def _list_path(node: nodes.Node) -> list[str]:
    """`brief.offer.text` as its names; nothing for what is no such chain."""
    if isinstance(node, nodes.Getattr):
        path = _list_path(node.node)
        return [*path, node.attr] if path else []
    return [node.name] if isinstance(node, nodes.Name) and node.ctx == "load" else []


def render_block(template: Template, block: str, values: Mapping[str, Any], where: str) -> str:
    """Render one `{% block %}` of a template with `values`, a mapping of plain data.

    Raises JobError naming file and line when a name is undefined, a bound is passed or the sandbox refuses something.
    """
    token = _steps_left.set(MAX_LOOP_STEPS)
    try:
        return join_bounded(template.blocks[block](template.new_context(dict(values))))
    except UndefinedError as error:
        known = ", ".join(sorted(values))
        line = _find_line(template, error)
        raise JobError(f"{where} line {line}: {error}", f"a template can use: {known}") from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        line = _find_line(template, error)
        raise JobError(f"{where} line {line}: {error}", "see docs/templates.md") from error
    finally:
        _steps_left.reset(token)


def _list_filters() -> dict[str, Callable[..., Any]]:
    filters: dict[str, Callable[..., Any]] = {name: JINJA_FILTERS[name] for name in FILTERS}
    filters |= {name: bound_result(filters[name]) for name in ("join", "sum")}
    return filters | {"replace": replace_bounded, "bounded_steps": _bound_steps, "bounded_concat": _concat_bounded}


def _bound_steps(items: Iterable[Any]) -> Iterator[Any]:
    for item in items:
        left = _steps_left.get() - 1
        if left < 0:
            raise SecurityError(f"the template's loops take more than {MAX_LOOP_STEPS:,} steps")
        _steps_left.set(left)
        yield item


def _concat_bounded(parts: Iterable[Any]) -> str:
    return join_bounded(str(part) for part in parts)


class _ConcatBounder(NodeTransformer):
    """Rewrites `a ~ b` into a measured join, so that doubling a text again and again ends early."""

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        parts = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(parts, "bounded_concat", [], [], None, None, lineno=node.lineno)


def _find_line(template: Template, error: BaseException) -> int | str:
    """Find the template's line: the last frame of the compiled template in the traceback, mapped back by Jinja."""
    line: int | str = "?"
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = template.get_corresponding_lineno(trace.tb_lineno)
        trace = trace.tb_next
    return line
