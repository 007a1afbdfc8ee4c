"""What nobody sees is found, what scripts and emoji need is let be; a brief is cleaned of it once and for all."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from factory.briefs.template_values import clean
from factory.config.placements import load_placements
from factory.text.invisible import find_hidden, find_unfit, spell_hidden
from factory.text.prompts.answer_schema import find_shape
from factory.text.prompts.answers import read_fields
from schemas.brief import Brief, clean_line, clean_text
from schemas.outcome import Refusal
from tests.support.builders import make_brief, make_placement, make_request
from tests.support.parquet import read_all, write_briefs

SEEN = [
    "plain",
    "Zeile\nzwei",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\u0915\u094d\u200d\u0937",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "\u05e9\u05dc\u05d5\u05dd\u200f!",
]
HIDDEN = [
    "a\tb",
    "a\x1b[31m",
    "a\x00",
    "a\x85b",
    "a\u202eb",
    "a\u2066b",
    "a\u200bb",
    "a\u200db",
    "a\u00adb",
    "a\U000e0041b",
    "a\ufffe",
    "a\ue000",
]


@pytest.mark.parametrize("text", SEEN)
def test_what_is_seen_or_shapes_letters_is_let_be(text: str) -> None:
    assert find_hidden(text) == find_unfit(text) == ""
    assert clean_text(text) == text.strip()


@pytest.mark.parametrize("text", HIDDEN)
def test_what_is_hidden_is_named(text: str) -> None:
    assert f"U+{next(ord(char) for char in text if char not in 'ab'):04X}" in find_hidden(text)


@pytest.mark.parametrize("text", HIDDEN[:8])
def test_a_brief_is_cleaned_of_what_is_hidden(text: str) -> None:
    cleaned = clean_line(f"Warm {text} socks")
    assert find_hidden(cleaned) == "" or "\u200d" in cleaned


@pytest.mark.parametrize(
    "text", ["o\x00\u0301", "\u0484\x93\u05bb\x1b", "\u200b \u202e x", "a\u2028b", "\ufeff\u0301e\u00ad\u0301"]
)
def test_cleaning_again_changes_nothing(text: str) -> None:
    once = clean_text(text)
    assert clean_text(once) == once
    brief = make_brief(description=text)
    assert Brief.model_validate_json(brief.model_dump_json()) == brief


@pytest.mark.parametrize(
    "text",
    [
        "<b>Socks</b>",
        "<img src=x onerror=alert(1)",
        "</p",
        "<!-- x",
        "<?xml",
        "<SCRIPT>",
        "<|im_end|>",
        "Ends {{ day }}",
        "{% if %}",
    ],
)
def test_markup_is_named(text: str) -> None:
    assert "markup" in find_unfit(text)
    assert find_hidden(text) == ""


def test_hearts_and_comparisons_are_no_markup() -> None:
    assert find_unfit("We <3 socks, 5 < 6 and 7<8") == ""


@pytest.mark.parametrize(
    "url", ['https://x.example/"><script>alert(1)</script>', "https://x.example/a b", "https://x.example\\@y.example"]
)
def test_an_address_that_would_break_out_of_a_page_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="percent-encoded"):
        make_brief(url=url)
    assert make_brief(url="https://x.example/?kw={keyword}&x=%22").url


def test_what_is_published_word_for_word_must_be_fit_for_it() -> None:
    feed = load_placements([])["meta_feed"]
    for change in ({"disclaimer": "See <b>terms</b>."}, {"disclaimer": "Terms \ue000 apply."}):
        with pytest.raises(ValueError, match="the disclaimer cannot be set word for word"):
            find_shape(make_request(brief=make_brief(**change), placement="meta_feed"), feed)
    with_brand = next(p for p in load_placements([]).values() if any(f.source == "brief.brand" for f in p.fields))
    search = load_placements([])["google_rsa"]
    assert any(field.source == "brief.url" for field in search.fields)
    assert find_shape(
        make_request(brief=make_brief(url="https://x.example/?ad={{ad.id}}"), placement=search.id), search
    )
    with pytest.raises(ValueError, match="has markup"):
        find_shape(make_request(brief=make_brief(brand="<i>Day</i>"), placement=with_brand.id), with_brand)


@pytest.mark.parametrize("escaped", [True, False])
def test_half_a_surrogate_is_no_readable_answer(escaped: bool) -> None:
    answer = {"headline": ["Warm \ud83d socks"], "description": ["Soft."]}
    text = json.dumps(answer, ensure_ascii=escaped)
    assert read_fields(text, make_placement(), ("headline", "description")) is None


def test_a_quoted_answer_brings_no_control_character_into_a_prompt() -> None:
    assert (
        clean('headline: "Soft\x00 wool\x1b[31m \ufffe\U000e0100socks" has') == 'headline: "Soft wool(31m socks" has'
    )


def test_what_a_terminal_obeys_is_spelt_and_json_stays_json() -> None:
    text = "a\x1b[31m\x9b2J\u202e\x7f\ud83d\nWärme \u05e9\u200f"
    assert spell_hidden(text) == "a\\u001b[31m\\u009b2J\\u202e\\u007f\\ud83d\nWärme \u05e9\u200f"
    assert json.loads(spell_hidden(json.dumps({"a": text}, ensure_ascii=False))) == {"a": text}


def test_what_is_one_line_stays_one_line() -> None:
    assert clean_line(" a\tb\r\n\u2028c\u00a0d ") == "a b c\u00a0d"
    brief = make_brief(brief_id="a\tb", disclaimer="Terms\napply.", description="one\ntwo")
    assert (brief.brief_id, brief.disclaimer, brief.description) == ("a b", "Terms apply.", "one\ntwo")


def test_an_id_that_differs_only_in_its_break_is_used_already(tmp_path: Path) -> None:
    rows = [{"brief_id": brief_id, "product_name": "Socks"} for brief_id in ("a b", "a\tb", "a\u200b b")]
    found = read_all(write_briefs(tmp_path / "briefs.parquet", rows))
    assert [type(item).__name__ for item in found] == ["Brief", "Refusal", "Refusal"]


def test_an_expression_over_what_is_no_text_costs_its_row_only(tmp_path: Path) -> None:
    rows = [{"brief_id": "1", "product_name": "Socks", "spent": timedelta(seconds=5)}]
    (refusal,) = read_all(write_briefs(tmp_path / "briefs.parquet", rows), {"description": "{{ spent }}"})
    assert isinstance(refusal, Refusal) and "spent" in refusal.detail


@pytest.mark.parametrize("whole", [["XL", "SM"], [1.5], [["a"]], 7])
def test_attributes_that_are_no_pairs_are_refused_and_not_taken_apart(tmp_path: Path, whole: Any) -> None:
    rows = [{"brief_id": "1", "product_name": "Socks", "attributes": whole}]
    (refusal,) = read_all(write_briefs(tmp_path / "briefs.parquet", rows))
    assert isinstance(refusal, Refusal) and refusal.reason == "invalid_attributes"


@pytest.mark.parametrize("whole", [{"offer": ["x"]}, {"attributes": ["x"]}, {"offer": b"x"}])
def test_a_field_that_cannot_be_read_is_refused_though_a_part_of_it_can(tmp_path: Path, whole: dict[str, Any]) -> None:
    row = {"brief_id": "1", "product_name": "Socks", "offer.text": "10% off", "attributes.k": "v"} | whole
    (refusal,) = read_all(write_briefs(tmp_path / "briefs.parquet", [row]))
    assert isinstance(refusal, Refusal) and refusal.reason == f"invalid_{next(iter(whole))}"
