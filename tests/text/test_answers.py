"""Schemas bound what a model can write so that it fits; every schema a run can ask for is known before it starts."""

import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from factory.config.placements import load_placements
from factory.text.lengths import describe_misfit
from factory.text.prompts.answer_schema import (
    Shape,
    build_schema,
    count_max_tokens,
    find_shape,
    list_shapes,
    longest_item,
)
from factory.text.prompts.answers import read_fields, set_fixed_fields, write_answer
from schemas.outcome import Fields
from schemas.placement import Counting, Placement, TextField
from tests.support.builders import make_brief, make_fields, make_placement, make_request

BUILT_IN = load_placements([])
LOCALES = ("en-US", "de-DE", "ja-JP", "ar-EG", "vi-VN", "zh-Hans-CN", "ru-RU", "hi-IN", "es-419", "en-JP")
LETTERS = {"ja": "山カひ", "zh": "山水火", "ar": "ابت", "ru": "жду", "hi": "नमक", "de": "äöß", "vi": "ếộữ"}
# Latin legal lines, wide ones, and such that make a text message UCS-2.
LEGAL = st.text(st.sampled_from("abc XYZ.,'0123 é€ß山カж–’😀"), min_size=1, max_size=160).map(str.strip).filter(bool)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])


def get_pattern(schema: dict[str, Any], name: str) -> str:
    text = schema["properties"][name]
    return str(text.get("items", text)["pattern"])


def write_longest(field: TextField, shape: Shape) -> str:
    """As long a text as the schema allows, of the heaviest letters of the language."""
    letters = LETTERS.get(shape.language, "abc")
    if field.counting is Counting.SMS_SEGMENTS and shape.language in ("de", "vi", "es", "en"):
        letters = "abc"
    return (letters * longest_item(field, shape))[: longest_item(field, shape)]


@pytest.mark.parametrize("placement", BUILT_IN.values(), ids=BUILT_IN)
@pytest.mark.parametrize("locale", LOCALES)
def test_the_longest_text_of_a_schema_fits_the_channel(placement: Placement, locale: str) -> None:
    for shape in list_shapes(placement, locale.split("-")[0]):
        schema = build_schema(placement, shape)
        json.dumps(schema)
        assert schema["required"] == [field.name for field in placement.written]
        assert schema["additionalProperties"] is False
        for field in placement.written:
            pattern = re.compile(get_pattern(schema, field.name))
            text = write_longest(field, shape)
            assert pattern.fullmatch(text), (pattern.pattern, text)
            assert not pattern.fullmatch(text + text[0])
            assert not describe_misfit(text, field), (field.name, text)
            assert not pattern.fullmatch('"' * len(text)) and not pattern.fullmatch("\\" * len(text))
            assert not pattern.fullmatch("{" * len(text)) and not pattern.fullmatch("<" * len(text))


@FEW
@given(legal=LEGAL, name=st.sampled_from(sorted(BUILT_IN)), locale=st.sampled_from(LOCALES), price=st.booleans())
def test_every_shape_that_a_brief_asks_for_is_listed_before_the_run(
    legal: str, name: str, locale: str, price: bool
) -> None:
    changes: dict[str, Any] = {} if price else {"price": None, "sale_price": None, "description": "", "claims": []}
    brief = make_brief(disclaimer=legal, locale=locale, **changes)
    try:
        shape = find_shape(make_request(brief=brief, locale=locale, placement=name), BUILT_IN[name])
    except ValueError as error:
        assert "disclaimer" in str(error) and name in str(error)
        return
    assert shape in list_shapes(BUILT_IN[name], locale.split("-")[0])


@FEW
@given(legal=LEGAL, name=st.sampled_from(sorted(BUILT_IN)), locale=st.sampled_from(LOCALES))
def test_the_longest_text_fits_with_the_legal_line(legal: str, name: str, locale: str) -> None:
    placement = BUILT_IN[name]
    request = make_request(brief=make_brief(disclaimer=legal, locale=locale, url=""), locale=locale, placement=name)
    try:
        shape = find_shape(request, placement)
    except ValueError:
        assume(False)
    carriers = [field for field in placement.written if field.carries_disclaimer]
    for field in carriers:
        # One item more than a candidate writes would be cut off to make room for a line of its own.
        fields = set_fixed_fields({field.name: [write_longest(field, shape)] * field.num_asked}, request, placement)
        assert any(request.brief.disclaimer in item for item in fields[field.name])
        for item in fields[field.name]:
            assert not describe_misfit(item, field), (item, shape)


@pytest.mark.parametrize("name", ["google_rsa", "meta_feed", "sms", "x_post"])
def test_a_short_legal_line_is_not_refused(name: str) -> None:
    for locale in ("en-US", "ja-JP", "ar-EG"):
        request = make_request(brief=make_brief(disclaimer="T&C apply."), locale=locale, placement=name)
        assert find_shape(request, BUILT_IN[name]).placement == name


def test_a_legal_line_that_does_not_fit_says_how_long_it_may_be() -> None:
    field = TextField(name="headline", max=60, carries_disclaimer="every_item")
    placement = make_placement(fields=[field])
    with pytest.raises(ValueError, match=r"measures 70, and test_search\.headline holds 60") as caught:
        find_shape(make_request(brief=make_brief(disclaimer="x" * 70)), placement)
    most = int(re.findall(r"at most (\d+)", str(caught.value))[0])
    assert most > 0
    find_shape(make_request(brief=make_brief(disclaimer="x" * most)), placement)


def test_a_value_of_the_brief_that_does_not_fit_is_said() -> None:
    fields = [*make_placement().fields, TextField(name="business", source="brief.brand", max=10, min_count=0)]
    with pytest.raises(ValueError, match=r"brief\.brand cannot be test_search\.business"):
        find_shape(make_request(brief=make_brief(brand="A very long company name")), make_placement(fields=fields))


def test_digits_only_when_the_brief_has_some() -> None:
    plain = make_brief(price=None, sale_price=None, currency="", description="", offer=None, claims=[], url="")
    placement = make_placement()
    for brief, numbers, expected in ((plain, True, False), (make_brief(), True, True), (make_brief(), False, False)):
        shape = find_shape(make_request(brief=brief), placement, numbers)
        assert shape.numbers is expected
        pattern = get_pattern(build_schema(placement, shape), "headline")
        assert bool(re.fullmatch(pattern, "Boots at $87.99 now")) is expected


@pytest.mark.parametrize("placement", BUILT_IN.values(), ids=BUILT_IN)
@pytest.mark.parametrize("language", ["en", "ar", "ja", "hi", "ru"])
def test_max_tokens_holds_a_byte_a_token(placement: Placement, language: str) -> None:
    """The JSON text of a longest answer, in letters of the language; accents and typographic marks are the exception."""
    for shape in list_shapes(placement, language)[:2]:
        fields = {field.name: [write_longest(field, shape)] * field.num_asked for field in placement.written}
        assert len(write_answer(fields, placement).encode()) <= count_max_tokens(placement, shape)


def test_an_answer_reads_back_as_it_was_written() -> None:
    placement = make_placement()
    assert read_fields(write_answer(make_fields(), placement), placement, ("headline", "description")) == make_fields()


@FEW
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["headline", "description", "x"]), inner),
        max_leaves=8,
    )
)
def test_any_json_is_fields_or_nothing(value: Any) -> None:
    found = read_fields(json.dumps(value), make_placement(), ("headline", "description"))
    assert found is None or all(isinstance(item, str) and item for items in found.values() for item in items)


def test_the_briefs_own_values_and_legal_lines_are_set_by_code() -> None:
    rsa = BUILT_IN["google_rsa"]
    request = make_request(brief=make_brief(disclaimer="Terms apply."), placement="google_rsa")
    written: Fields = {"headline": ["A", "B", "C"], "description": ["One.", "Two."], "path_1": [], "path_2": []}
    fields = set_fixed_fields(written, request, rsa)
    assert fields["description"] == ["One.", "Two.", "Terms apply."]
    assert fields["final_url"] == ["https://daybird.example/boots"]
    assert list(fields) == ["headline", "description", "final_url"]  # the placement's order, empty fields left out
    full = set_fixed_fields(written | {"description": ["1.", "2.", "3.", "4."]}, request, rsa)
    assert full["description"] == ["1.", "2.", "3.", "Terms apply."]
