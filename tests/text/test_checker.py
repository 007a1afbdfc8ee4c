"""Candidates as a whole: verdicts per rule, set rules, the orders for repair, and what is cached."""

import pytest

from factory.text.checks.checker import (
    check_candidate,
    check_item,
    check_set,
    explain_failures,
    make_context,
    validate_rules,
)
from factory.text.checks.registry import ALWAYS, EDITORIAL
from schemas.job import CheckConfig
from schemas.outcome import Check, Fields
from schemas.placement import Counting, ShortItem, TextField
from tests.support.builders import make_brief, make_fields, make_placement, make_request

NO_LISTS = CheckConfig()


def _check(fields: Fields, placement_changes: dict[str, object] | None = None, **brief: object) -> dict[str, Check]:
    placement = make_placement(**(placement_changes or {}))
    context = make_context(make_request(brief=make_brief(**brief)), placement, NO_LISTS, ["Write ads."])
    return {check.rule: check for check in check_candidate(fields, context)}


def test_a_good_candidate_passes_one_check_per_rule() -> None:
    placement = make_placement()
    context = make_context(make_request(), placement, NO_LISTS, [])
    checks = check_candidate(make_fields(), context)
    assert all(check.passed for check in checks)
    assert len({check.rule for check in checks}) == len(checks)
    assert {"length", "grounding_price", "leakage", "count", "unique", "language"} <= {check.rule for check in checks}
    assert "must_include" not in {check.rule for check in checks}  # the brief asks for nothing


def test_the_order_of_checks_does_not_depend_on_the_text() -> None:
    placement = make_placement()
    context = make_context(make_request(), placement, NO_LISTS, [])
    good = [check.rule for check in check_candidate(make_fields(), context)]
    bad = [check.rule for check in check_candidate({"headline": ["Best!! $5"]}, context)]
    assert good == bad


def test_a_failed_check_says_where_what_and_how_much() -> None:
    fields = make_fields()
    fields["headline"][2] = "Boots From Daybird for Long Walks"
    check = _check(fields)["length"]
    assert not check.passed
    assert check.detail.startswith('headline 3: "Boots From Daybird for Long Walks" has 33 ')
    assert check.detail.endswith("at most 30")


def test_item_checks_tell_only_failures() -> None:
    placement = make_placement()
    context = make_context(make_request(), placement, NO_LISTS, [])
    assert check_item("Waterproof Leather Boots", placement.fields[0], context) == []
    failed = check_item("Free Waterproof Leather Boots, Best", placement.fields[0], context)
    assert [check.rule for check in failed] == ["length", "grounding_claim"]
    assert not any(check.passed for check in failed)


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        (
            {"headline": ["Dry Feet", "Long Walks"], "description": ["Walk on.", "Dry all day."]},
            "headline: has 2 items, at least 3",
        ),
        (make_fields() | {"body": ["Walk on."]}, "body: is not a field"),
        (make_fields() | {"description": [f"Walk {n}" for n in "abcde"]}, "description: has 5 items, at most 4"),
    ],
)
def test_counts_of_items(fields: Fields, detail: str) -> None:
    assert detail in _check(fields)["count"].detail


def test_items_that_differ_in_case_and_marks_are_the_same() -> None:
    fields = make_fields() | {"headline": ["Dry feet, all day", "Dry Feet All Day!", "Long walks"]}
    assert "headline 2: says the same as headline 1" in _check(fields)["unique"].detail


def test_one_item_must_be_short() -> None:
    field = TextField(name="headline", min_count=2, max_count=5, max=30, short=ShortItem(max=15))
    changes = {"fields": [field]}
    assert _check({"headline": ["Dry Feet", "Comfort on Long Walks"]}, changes)["short_item"].passed
    assert not _check({"headline": ["Dry Feet on Any Trail", "Comfort on Long Walks"]}, changes)["short_item"].passed


def test_a_second_path_needs_a_first() -> None:
    names = ("headline", None), ("path_1", None), ("path_2", "path_1")
    fields = [TextField(name=name, min_count=0, max=30, requires=requires) for name, requires in names]
    changes = {"fields": fields}
    assert _check({"headline": ["Dry Feet"], "path_1": ["hiking"], "path_2": ["boots"]}, changes)["requires"].passed
    assert (
        "path_2: needs path_1" in _check({"headline": ["Dry Feet"], "path_2": ["boots"]}, changes)["requires"].detail
    )


def test_required_phrases_may_stand_in_any_field() -> None:
    fields = make_fields()
    assert _check(fields, must_include=["CUSHIONED  insole"])["must_include"].passed
    assert 'lacks "Café boots"' in _check(fields, must_include=["Café boots"])["must_include"].detail
    fields["headline"][0] = "Cafe\u0301 boots"
    assert _check(fields, must_include=["Café boots"])["must_include"].passed


def test_the_disclaimer_is_word_for_word_where_a_field_carries_it() -> None:
    field = TextField(name="body", max=200, carries_disclaimer="every_item")
    changes = {"fields": [field]}
    text = "Walk on in comfort."
    assert "disclaimer" not in _check({"body": [text]}, changes)
    assert not _check({"body": [text]}, changes, disclaimer="Terms apply.")["disclaimer"].passed
    assert not _check({"body": [f"{text} terms apply."]}, changes, disclaimer="Terms apply.")["disclaimer"].passed
    assert _check({"body": [f"{text} Terms\u00a0apply."]}, changes, disclaimer="Terms  apply.")["disclaimer"].passed


def test_fixed_fields_are_checked_for_size_only() -> None:
    fields = [TextField(name="body", max=99), TextField(name="brand", source="brief.brand", max=8)]
    checks = _check({"body": ["Walk on in comfort."], "brand": ["BEST {OF}!!"]}, {"fields": fields})
    assert [rule for rule, check in checks.items() if not check.passed] == ["length"]


def test_sizes_are_counted_as_the_field_says() -> None:
    field = TextField(name="body", max=10, counting=Counting.DISPLAY_WIDTH)
    placement = make_placement(fields=[field])
    context = make_context(make_request(locale="ja-JP"), placement, NO_LISTS, [])
    assert check_item("防水ブーツ", field, context) == []
    assert [check.rule for check in check_item("防水ブーツだ", field, context)] == ["length"]


def test_set_checks_tell_only_failures() -> None:
    placement = make_placement()
    context = make_context(make_request(), placement, NO_LISTS, [])
    assert check_set(make_fields(), context) == []
    assert [check.rule for check in check_set({"headline": ["Dry Feet"]}, context)] == ["count"]


def test_failures_become_orders() -> None:
    fields = make_fields()
    fields["headline"] = ["Boots From Daybird for Long Walks", "Save 25% Now"]
    placement = make_placement()
    context = make_context(make_request(), placement, NO_LISTS, [])
    orders = explain_failures(check_candidate(fields, context))
    assert "headline 1: shorten to at most 30 characters" in orders
    assert "headline: write at least 3 items" in orders
    assert any(
        order.startswith("headline 2: use only percentages of the brief") and "25%" in order for order in orders
    )
    assert explain_failures([Check(rule="length", passed=True)]) == []
    unreadable = Check(rule="readable", passed=False, detail="the answer is not the JSON object that was asked for")
    assert explain_failures([unreadable]) == [unreadable.detail]


def test_every_rule_has_advice_and_a_docstring() -> None:
    for name, rule in {**ALWAYS, **EDITORIAL}.items():
        assert rule.advice, name
        assert rule.find.__doc__, name


def test_an_argument_of_a_rule_reaches_the_order() -> None:
    field = TextField(name="body", max=99, rules=["max_exclamations:1"])
    placement = make_placement(fields=[field])
    validate_rules(placement)
    context = make_context(make_request(), placement, NO_LISTS, [])
    orders = explain_failures(check_candidate({"body": ["Walk on! Dry feet!"]}, context))
    assert orders == [
        'body: use at most 1 exclamation marks; it "Walk on! Dry feet!" has 2 exclamation marks, at most 1'
    ]


def test_quoted_text_in_a_detail_stays_on_one_line_and_short() -> None:
    field = TextField(name="body", max=10, multiline=True)
    detail = _check({"body": ["a: b\n" * 100]}, {"fields": [field]})["length"].detail
    assert len(detail.splitlines()) == 1
    assert len(detail) < 160


def test_briefs_do_not_share_verdicts() -> None:
    fields = {"headline": ["Save 20%"]}
    placement = make_placement(fields=[TextField(name="headline", max=30)])
    with_offer = make_context(make_request(), placement, NO_LISTS, [])
    plain_brief = make_brief(offer=None, sale_price=None)
    without = make_context(make_request(brief=plain_brief), placement, NO_LISTS, [])
    assert all(check.passed for check in check_candidate(fields, with_offer))
    assert not all(check.passed for check in check_candidate(fields, without))
