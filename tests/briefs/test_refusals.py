"""A refused row is kept as JSON that any reader takes, however large or odd the row was."""

import json
from typing import Any

import pytest

from factory.briefs.refusals import MAX_RECORD, dump_record
from factory.journal.failures import Try, fail
from tests.support.builders import make_brief, make_request

ROWS: list[dict[str, Any]] = [
    {},
    {"description": "x" * 50_000},
    {f"k{number}": ["y" * 500] * 100 for number in range(30)},
    {f"attributes.{number}": "z" * 30 for number in range(5_000)},
    {"k" * 100_000: 1},
    {"a": {"q" * 5_000 + str(number): "\x00" * 500 for number in range(200)}},
    {"a": float("nan"), "b": [float("-inf"), {"c": float("inf")}], "d": b"\xff", "e": ("x", None)},
    {"a": "half \ud83d", "b": ["\udc00"]},
]


@pytest.mark.parametrize("row", ROWS)
def test_the_record_is_whole_json_that_fits(row: dict[str, Any]) -> None:
    record = dump_record(row)
    record.encode()
    assert len(record) <= MAX_RECORD
    kept = json.loads(record, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert bool(kept) is bool(row)


def test_what_does_not_fit_is_said_to_be_missing() -> None:
    kept = json.loads(dump_record(ROWS[3]))
    assert kept["…"] == f"{5_000 - (len(kept) - 1)} more columns"
    assert json.loads(dump_record(ROWS[1]))["description"].endswith("…")


def test_a_refused_request_keeps_a_long_brief_as_whole_json() -> None:
    brief = make_brief(description="d" * 19_000, brand_voice="v" * 19_000)
    outcome = fail(Try(make_request(brief=brief)), "text", "raised", "it raised", 3)
    assert outcome.quarantine is not None
    assert json.loads(outcome.quarantine.record)["brief_id"] == brief.brief_id
