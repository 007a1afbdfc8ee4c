"""Quick ways that were added for speed give what the plain ways give."""

from dataclasses import replace

import pyarrow as pa
import pytest

from factory.briefs import template_values
from factory.journal.columns import CHECKS, FIELDS
from factory.journal.tables import to_table
from factory.text.checks import words
from factory.text.checks.checker import check_candidate, check_item, is_whole, make_context, trust_items
from factory.text.checks.number_words import open_tables
from factory.text.checks.well_formed import find_incomplete
from factory.text.checks.words import make_item
from schemas import brief
from schemas.brief import clean_text
from schemas.job import CheckConfig
from schemas.outcome import Candidate, Check
from schemas.placement import TextField
from tests.support.builders import make_brief, make_candidate, make_fields, make_placement, make_request

EVERY_SIGN = "7".join(map(chr, range(128)))
PLAIN = ["it's 5.5 o'clock", "a_b 'x' x''y", "X200-b/7 snake_case", "", "'", "a'b'c 1'2", EVERY_SIGN.replace("'", "")]


@pytest.mark.parametrize("text", [*PLAIN, EVERY_SIGN])
def test_plain_text_is_split_as_any_text(text: str) -> None:
    assert words.split_words(text) == words._WORD.findall(text)


@pytest.mark.parametrize("text", [*PLAIN, " a ", "a\n", "a\tb", "a\x00b", "\x1f"])
def test_plain_brief_text_is_cleaned_as_any_text(text: str) -> None:
    assert clean_text(text) == brief._CONTROL.sub("", text).strip()


@pytest.mark.parametrize(
    "text", ["come and", "Made with love and", "and_", "brand", "rock'n'and", "that's", "x'y'it's", "and 5", "and!"]
)
def test_plain_ends_are_judged_as_any_end(text: str) -> None:
    plain = make_item(text)
    context = make_context(make_request(), make_placement(), CheckConfig(), ())
    assert find_incomplete(plain, context, "") == find_incomplete(replace(plain, is_ascii=False), context, "")


@pytest.mark.parametrize(
    "locale", ["en-US", "de-DE", "de-CH", "fr-FR", "ja-JP", "ar-EG", "fa-IR", "hi-IN", "sv-SE", "es-419"]
)
def test_small_amounts_are_written_as_babel_writes_them(locale: str) -> None:
    for currency in ("USD", "EUR", "JPY", "KWD", "CHF", "INR", "SEK", "XOF"):
        for amount in ("0.00", "0.05", "19.99", "999.99", "1000.00", "7", "3.5", "1.005", "012.50"):
            assert template_values._format_money(amount, currency, locale) == template_values._write_money(
                amount, currency, locale
            )


ODD = ("", " a", "a  b", "a\nb", "<b>x</b>", "{x}", "a|b", "tab\tx", "caf\u00e9", "plain: 5% & more", "x\n")


@pytest.mark.parametrize("text", ODD)
def test_plain_text_is_clean_already(text: str) -> None:
    plain = template_values._SPACE.sub(
        " ", template_values._TAG.sub(" ", text).translate(template_values._INERT)
    ).strip()
    assert template_values.clean(text) == plain


def test_struct_lists_equal_arrow_s_own() -> None:
    passed, failed = {"rule": "length", "passed": True}, {"rule": "count", "passed": False, "detail": "two \ud800"}
    for values in ([[], [passed]], [[passed, failed], []], [None, [failed]], []):
        made = to_table([{"checks": value} for value in values], pa.schema([("checks", CHECKS)]))
        clean = [
            value and [each | {"detail": each.get("detail", "").replace("\ud800", "\ufffd") or None} for each in value]
            for value in values
        ]
        assert made["checks"].combine_chunks().equals(pa.array(clean, type=CHECKS))


def test_maps_equal_arrow_s_own() -> None:
    one, two = {"b": ["x", "y \ud800"], "a": []}, {"a": ["z"]}
    for values in ([{}, one], [two, one], [None, two], [list(two.items()), one], []):
        made = to_table([{"fields": value} for value in values], pa.schema([("fields", FIELDS)]))
        pairs = [value if value is None else list(dict(value).items()) for value in values]
        clean = [
            value and [(key, [text.replace("\ud800", "\ufffd") for text in texts]) for key, texts in value]
            for value in pairs
        ]
        assert made["fields"].combine_chunks().equals(pa.array(clean, type=FIELDS))


def test_change_is_a_copy_with_new_values() -> None:
    candidate = make_candidate(3)
    changed = candidate.change(score=0.5, rank=1)
    assert changed == candidate.model_copy(update={"score": 0.5, "rank": 1})
    assert (candidate.score, candidate.rank) == (None, None)
    assert changed.model_dump_json() == candidate.model_copy(update={"score": 0.5, "rank": 1}).model_dump_json()
    assert type(changed).model_validate_json(changed.model_dump_json()) == changed


def test_passed_needs_checks_that_all_passed() -> None:
    good, bad = Check(rule="a", passed=True), Check(rule="b", passed=False)
    assert make_candidate(checks=[good, good]).passed
    assert not make_candidate(checks=[good, bad]).passed
    assert not make_candidate(checks=[]).passed


def test_trusted_items_are_not_judged_again_and_others_are() -> None:
    fields = make_fields()
    bad = "Cures 97% of all blisters!!"
    context = make_context(make_request(), make_placement(), CheckConfig(), ())
    trust_items(context, {"headline": [bad]})
    trusted = {**fields, "headline": [*fields["headline"][:2], bad]}
    assert all(check.passed for check in check_candidate(trusted, context))
    elsewhere = {**fields, "description": [fields["description"][0], bad]}
    assert not all(check.passed for check in check_candidate(elsewhere, context))


@pytest.mark.parametrize(
    ("locale", "currency"), [("en-US", "USD"), ("ar-EG", "EGP"), ("pl-PL", "PLN"), ("ja-JP", "TRY")]
)
def test_signs_before_numbers_are_found_wherever_the_pattern_finds_one(locale: str, currency: str) -> None:
    tables = open_tables(locale, currency)
    befores = [
        f"{start}{sign}{end}" for sign in tables.signs for start in ("", "a", "only ", "5") for end in ("", ".", "\n")
    ]
    for before in [*befores, "lasts", "for", "s", ".", "\n", ""]:
        match = tables.sign_before.search(before) if before else None
        found = tables.find_sign_before(before)
        assert (match.group() if match else None) == (found.sign if found else None), before


@pytest.mark.parametrize(
    "text", ["Made with care and", "Warm and dry,", "Dry boots: waterproo", "Dry boots. Warm.", "Terms apply."]
)
def test_a_whole_text_is_one_that_its_ends_rules_pass(text: str) -> None:
    field = TextField(name="headline", max=20)
    request = make_request(brief=make_brief(disclaimer="Terms apply."))
    context = make_context(request, make_placement(fields=[field]), CheckConfig(), ())
    failed = {check.rule for check in check_item(text, field, context)}
    assert is_whole(text, field, context) == failed.isdisjoint({"cut_off", "incomplete"})


def test_make_gives_what_model_construct_gives() -> None:
    made, plain = (
        build(index=3, checks=[Check(rule="a", passed=True)]) for build in (Candidate.make, Candidate.model_construct)
    )
    assert made == plain
    assert made.model_dump_json() == plain.model_dump_json()
    assert made.model_dump_json(exclude_defaults=True) == plain.model_dump_json(exclude_defaults=True)
    assert Candidate.model_validate_json(made.model_dump_json()) == made
