"""The job's `columns:`: what it accepts, what it refuses before any row is read, and what it makes of a row."""

import datetime
import time
from decimal import Decimal
from typing import Any

import pytest

from factory.briefs.coerce import Unreadable
from factory.briefs.columns import compile_columns
from factory.config.expressions import Expression
from factory.errors import JobError

FEED = ["sku", "Brand", "title", "Sale Price", "tags", "extra"]
FEED_MAP = {"brief_id": "sku", "product_name": "{{ Brand }} {{ title | trim }}"}


def assemble(columns: dict[str, str], row: dict[str, Any]) -> dict[str, Any]:
    """The values that the mapping makes of one row."""
    return compile_columns(columns).bind(list(row), "f.parquet").assemble(row)


def test_names_expressions_and_parts_are_mapped() -> None:
    columns = FEED_MAP | {
        "sale_price": "Sale Price",
        "currency": '{{ "eur" | upper }}',
        "attributes.colour": '{{ row["tags"] | part(">", -1) }}',
        "offer.ends": "ends",
    }
    row = {"sku": 7.0, "Brand": "Daybird", "title": " Boots ", "Sale Price": Decimal("9.50"), "tags": "a > red"}
    values = assemble(columns, row | {"ends": datetime.datetime(2026, 11, 30, 8), "extra": b"not read"})
    assert values == {
        "brief_id": "7",
        "product_name": "Daybird Boots",
        "sale_price": Decimal("9.50"),
        "currency": "EUR",
        "attributes": {"colour": "red"},
        "offer": {"ends": datetime.date(2026, 11, 30)},
    }


def test_only_needed_columns_are_read() -> None:
    bound = compile_columns(FEED_MAP).bind([*FEED, "description"], "f.parquet")
    assert bound.sources == ["Brand", "description", "sku", "title"]
    assert bound.id_sources == ["sku"]


def test_a_part_joins_a_field_that_is_there() -> None:
    row = {
        "brief_id": "1",
        "product_name": "x",
        "offer": "20% off",
        "code": "T1",
        "attributes": [("size", 42)],
        "c": "red",
    }
    values = assemble({"offer.code": "code", "attributes.colour": "c"}, row)
    assert values["offer"] == {"text": "20% off", "code": "T1"}
    assert values["attributes"] == {"size": "42", "colour": "red"}


def test_nulls_in_an_expression_are_empty_text() -> None:
    row = {"sku": "1", "Brand": None, "title": None}
    assert assemble(FEED_MAP, row)["product_name"] is None
    columns = FEED_MAP | {"product_name": '{{ (Brand or "No brand") ~ (" " + title if title else "") }}'}
    assert assemble(columns, row)["product_name"] == "No brand"


@pytest.mark.parametrize(
    ("value", "expected"),
    [(5, "5"), (5.0, "5"), (5.25, "5.25"), (True, "true"), (datetime.date(2026, 1, 2), "2026-01-02"), (None, None)],
)
def test_scalars_become_text(value: Any, expected: str | None) -> None:
    assert assemble({}, {"brief_id": value, "product_name": "x"})["brief_id"] == expected


def test_bytes_and_numbers_as_days_are_unreadable() -> None:
    values = assemble({"offer.ends": "e"}, {"brief_id": b"\xff", "product_name": "x", "e": 20261130})
    assert isinstance(values["brief_id"], Unreadable)
    assert "not a date" in values["offer"]["ends"].why


def test_missing_required_columns_come_with_a_block_to_paste() -> None:
    names = ["ProductId", "Brand", "Model", "Price", "Image Link"]
    with pytest.raises(JobError, match="no column gives brief_id and product_name") as caught:
        compile_columns({}).bind(names, "feed.parquet")
    assert all(name in caught.value.message for name in [*names, "feed.parquet"])
    block = caught.value.hint.split("columns:\n")[1].splitlines()
    assert block == [
        "  brief_id: ProductId",
        "  product_name: Model",
        "  brand: Brand",
        "  price: Price",
        "  image_uri: Image Link",
        "  currency: '{{ \"USD\" }}'",
    ]
    import yaml

    columns = yaml.safe_load("columns:\n" + "\n".join(block))["columns"]
    assert compile_columns(columns).bind(names, "feed.parquet").sources == sorted(names)


def test_a_source_column_that_is_not_there_is_named_with_its_nearest() -> None:
    with pytest.raises(JobError, match="the mapping names titel") as caught:
        compile_columns({"brief_id": "sku", "product_name": "titel"}).bind(FEED, "f.parquet")
    assert "product_name: title" in caught.value.hint
    with pytest.raises(JobError, match="the mapping names nope"):
        compile_columns({"brief_id": "sku", "product_name": "{{ nope }}"}).bind(FEED, "f.parquet")


def test_an_unknown_target_is_named_with_its_nearest() -> None:
    with pytest.raises(JobError, match="'product_nam' is not a field") as caught:
        compile_columns({"product_nam": "title"})
    assert caught.value.hint == "did you mean product_name?"


def test_a_column_that_is_there_twice_is_refused() -> None:
    with pytest.raises(JobError, match="title is there twice"):
        compile_columns({"brief_id": "sku", "product_name": "title"}).bind(["sku", "title", "title"], "f.parquet")


@pytest.mark.parametrize(
    "source",
    [
        "{{ title.__class__ }}",
        "{{ title['__class__'] }}",
        "{{ ''.__class__.__mro__ }}",
        "{{ title | attr('__class__') }}",
        "{{ title() }}",
        "{{ range(1000000000) }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{% for i in title %}{{ i }}{% endfor %}",
        "{{ title {% if 1 %}",
        "{{ title | format(1) }}",
        "{{ title | map('upper') }}",
        "{{ title is defined }}",
        "{{ [title] }}",
        "{{ {} }}",
        "{{ title[0:5] }}",
        "{{ row.title }}",
        "{{ row[title] }}",
        "{{ self }}{{ loop.index }}",
        "{{ title",
        "{{ " + "(" * 400 + "title" + ")" * 400 + " }}",
        "{{ title }}" * 200,
    ],
)
def test_what_could_run_away_or_look_around_is_refused_at_once(source: str) -> None:
    started = time.monotonic()
    with pytest.raises(JobError, match="product_name"):
        compile_columns({"brief_id": "sku", "product_name": source}).bind(FEED, "f.parquet")
    assert time.monotonic() - started < 2


def test_an_expression_cannot_make_endless_text() -> None:
    grow = "{{ a" + " | replace('x', '" + "x" * 200 + "')" * 4 + " }}"
    with pytest.raises((ValueError, JobError)):
        Expression("description", grow).render({"a": "x" * 1000})
    row = {"brief_id": "1", "product_name": "p", "a": "x" * 1_000_000}
    values = assemble({"description": "{{ a }}" * 60}, row)
    assert isinstance(values["description"], Unreadable)
    assert len(assemble({"description": "{{ a }}"}, row)["description"]) < 21_000


def test_a_value_is_text_and_never_a_template() -> None:
    row = {"sku": "1", "Brand": "{{ 7 * 7 }}", "title": "{% raw %}"}
    assert assemble(FEED_MAP, row)["product_name"] == "{{ 7 * 7 }} {% raw %}"
