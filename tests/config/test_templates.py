"""Prompt templates are bounded: tricks and bombs end in a JobError that names file and line, quickly."""

import pytest

from factory.config.templates import compile_template, render_block
from factory.errors import JobError

VALUES = {"brief": {"name": "boots", "messages": ["dry", "warm"]}}


def _render(body: str) -> str:
    template = compile_template("{% block user %}" + body + "{% endblock %}", "ad.j2")
    return render_block(template, "user", VALUES, "ad.j2")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("{{ brief.name }}", "boots"),
        ("{% for m in brief.messages %}{{ m }}{{ ', ' if not loop.last }}{% endfor %}", "dry, warm"),
        ("{% for k, v in brief.items() %}{{ k }} {% endfor %}", "name messages "),
        ("{{ 'a' ~ brief.name ~ 1 }}", "aboots1"),
        ("{{ brief.messages | join('; ') | upper }}", "DRY; WARM"),
        ("{% for i in range(3) %}{{ i * 2 }}{% endfor %}", "024"),
    ],
)
def test_everyday_templates_render(body: str, expected: str) -> None:
    assert _render(body) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{{ ''.__class__.__mro__ }}", "__class__"),
        ("{{ brief['__class__'] }}", "__class__"),
        ("{{ brief|attr('x') }}", "attr"),
        ("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "steps"),
        ("{{ range(1000000000)|list }}", "Range too big"),
        ("{{ range(99999)|join('aaaaaaaaaa') }}", "characters"),
        ("{{ 'a' * 100000000 }}", "plain numbers"),
        ("{{ 9 ** 9 ** 9 }}", "not at all"),
        ("{{ 'a'.ljust(100000000) }}", "not safely callable"),
        ("{{ '%999999999d' % 1 }}", "plain numbers"),
        ("{% set x = 'aaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 40, "characters"),
        ("{% set x = 'aaaaaaaaaa' %}" + "{% set x = x + x %}" * 40, "characters"),
        ("{% set x = 'aaaaaaaaaa' %}" + "{% set x = x|replace('a', x) %}" * 9, "characters"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "not allowed"),
        ("{% include 'x' %}", "not allowed"),
    ],
)
def test_tricks_and_bombs_are_refused(body: str, message: str) -> None:
    with pytest.raises(JobError, match=r"ad\.j2 line 1: ") as caught:
        _render(body)
    assert message in str(caught.value)


def test_undefined_name_names_its_line_and_what_exists() -> None:
    with pytest.raises(JobError, match=r"ad\.j2 line 3: 'pruduct' is undefined") as caught:
        _render("\nfirst\n{{ pruduct }}")
    assert "brief" in caught.value.hint


def test_syntax_error_names_its_line() -> None:
    with pytest.raises(JobError, match=r"ad\.j2 line 2: "):
        compile_template("{% block user %}\n{% for x in %}{% endblock %}", "ad.j2")
