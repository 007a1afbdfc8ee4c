"""Which texts may go where: whole ones that exist, amounts of the locale, nothing that the brand does not say."""

from decimal import Decimal
from typing import Any

import pytest

from factory.cli.layout_sheet.contents import KIT
from factory.cli.layout_sheet.order import draw_product
from factory.images.brand.kit import Brand
from factory.images.compose.slot_texts import AdTexts, find_phrase, list_present, list_texts, write_percent
from factory.images.types import Cutout
from schemas.brand import BrandKit
from schemas.brief import Offer
from tests.support.builders import make_brief, make_request

FIELDS = {
    "headline": ["Boots for long walks", "Waterproof boots that are made for long walks"],
    "primary_text": ["Walk in comfort. The upper is waterproof! Is it light? Yes: 480 g."],
    "path_1": ["boots"],
}


def list_for(
    fields: dict[str, list[str]] | None = None,
    locale: str = "en-US",
    kit: dict[str, Any] | None = None,
    **changes: Any,
) -> AdTexts:
    request = make_request(brief=make_brief(**changes), locale=locale)
    return list_texts(request, FIELDS if fields is None else fields, make_brand(kit))


def make_brand(changes: dict[str, Any] | None = None) -> Brand:
    return Brand(BrandKit(**(KIT | (changes or {}))), ".", {}, "test")


def test_headlines_are_whole_items_longest_first_and_the_product_comes_last() -> None:
    texts = list_for()
    assert texts.options["headline"] == ["Waterproof boots that are made for long walks", "Boots for long walks"]
    assert texts.last["headline"] == ["Wanderer Black Hiking Boots"]


def test_a_body_gets_shorter_by_whole_sentences() -> None:
    assert list_for().options["body"] == [
        "Walk in comfort. The upper is waterproof! Is it light? Yes: 480 g.",
        "Walk in comfort. The upper is waterproof! Is it light?",
        "Walk in comfort. The upper is waterproof!",
        "Walk in comfort.",
    ]


@pytest.mark.parametrize(
    ("text", "shortest"),
    [
        ("防水です。軽いです。", "防水です。"),
        ("जूते हल्के हैं। वे जलरोधक हैं।", "जूते हल्के हैं।"),
        ("هل هو خفيف؟ نعم.", "هل هو خفيف؟"),
        ("Weighs 1.5 kg in all. Light.", "Weighs 1.5 kg in all."),
        ("No end mark at all", "No end mark at all"),
    ],
)
def test_sentences_of_every_script_end_where_they_end(text: str, shortest: str) -> None:
    assert list_for({"headline": ["Boots"], "primary_text": [text]}).options["body"][-1] == shortest


def test_without_a_headline_the_first_sentence_is_one_and_the_rest_the_body() -> None:
    options = list_for({"ad_text": ["Walk in comfort. It is light. It is dry."]}).options
    assert options["headline"] == ["Walk in comfort."]
    assert options["body"] == ["It is light. It is dry.", "It is light."]


def test_a_body_does_not_repeat_the_headline() -> None:
    texts = list_for({"headline": ["Walk in comfort."], "description": ["Walk in comfort. It is light."]})
    assert texts.options["body"] == ["Walk in comfort. It is light."]


@pytest.mark.parametrize(
    ("fields", "headline"),
    [
        ({"title": ["A title"]}, ["A title"]),
        ({"subject": ["A subject"], "body": ["Long."]}, ["A subject"]),
        ({"long_headline": ["The long one"], "headline": ["Short"]}, ["Short"]),
        ({"long_headline": ["The long one"]}, ["The long one"]),
        ({"ad_text": ["First. Second."]}, ["First."]),
        ({}, ["Wanderer Black Hiking Boots"]),
        ({"headline": ["x" * 200]}, ["Wanderer Black Hiking Boots"]),
    ],
)
def test_every_placement_gets_a_headline(fields: dict[str, list[str]], headline: list[str]) -> None:
    assert list_for(fields).options["headline"] == headline


@pytest.mark.parametrize(
    ("locale", "currency", "price", "was", "badge"),
    [
        ("en-US", "USD", "$87.99", "$109.99", "-20%"),
        ("de-DE", "EUR", "87,99\u00a0€", "109,99\u00a0€", "-20\u00a0%"),
        ("fr-FR", "EUR", "87,99\u00a0€", "109,99\u00a0€", "-20\u00a0%"),
        ("ja-JP", "USD", "$87.99", "$109.99", "-20%"),
    ],
)
def test_amounts_are_written_for_the_locale_and_never_part(
    locale: str, currency: str, price: str, was: str, badge: str
) -> None:
    options = list_for(locale=locale, currency=currency, offer=Offer()).options
    assert (options["price"], options["was"], options["badge"]) == ([price], [was], [badge])


@pytest.mark.parametrize(
    ("price", "sale", "expected"),
    [("100", "80.01", "-19%"), ("100", "99.5", None), ("100", "100", None), ("100", None, None), ("0", "0", None)],
)
def test_a_saving_is_never_overstated(price: str, sale: str | None, expected: str | None) -> None:
    options = list_for(price=Decimal(price), sale_price=sale and Decimal(sale), offer=Offer()).options
    assert options.get("badge") == (None if expected is None else [expected])
    assert ("was" in options) == (sale is not None and Decimal(sale) < Decimal(price))


def test_without_a_price_there_is_no_slot_for_one() -> None:
    options = list_for(price=None, sale_price=None, offer=Offer(), claims=[], key_messages=[]).options
    assert not {"price", "was", "badge", "quote", "benefits"} & options.keys()


def test_an_offer_is_the_longer_badge() -> None:
    assert list_for().options["badge"] == ["20% off until 30 November", "-20%"]


def test_benefits_lose_whole_items() -> None:
    assert list_for().options["benefits"] == [
        "\u2022\u00a0Waterproof leather\n\u2022\u00a0Cushioned insole",
        "\u2022\u00a0Waterproof leather",
    ]


@pytest.mark.parametrize(
    ("changes", "quote"),
    [
        ({"claims": []}, None),
        ({}, ["Tested to 10,000 steps"]),
        ({"claims": [], "attributes": {"Review": "Best boots I had"}}, ["\u201cBest boots I had\u201d"]),
    ],
)
def test_a_quote_needs_a_review_or_a_claim(changes: dict[str, Any], quote: list[str] | None) -> None:
    assert list_for(**changes).options.get("quote") == quote


def test_the_legal_line_is_that_of_kit_and_brief_unchanged() -> None:
    texts = list_for(disclaimer="While stocks last.", kit={"legal": {"default": "Incl. VAT."}, "do_not_use": ["VAT"]})
    assert texts.options["legal"] == ["Incl. VAT. While stocks last."]
    assert texts.legal == "Incl. VAT. While stocks last."


def test_a_body_that_must_carry_the_disclaimer_does_not_say_it_twice() -> None:
    texts = list_for({"title": ["Boots"], "primary_text": ["Light boots. Terms apply."]}, disclaimer="Terms apply.")
    assert texts.options["body"] == ["Light boots."]
    assert texts.legal.endswith("Terms apply.")


def test_what_the_brand_does_not_say_is_left_out() -> None:
    texts = list_for(kit={"do_not_use": ["made for"]})
    assert texts.options["headline"] == ["Boots for long walks"]


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("A CHEAP boot", "cheap", True),
        ("Cheapest boot", "cheap", False),
        ("it is not  cheap", "not cheap", True),
        ("a.b", "a+b", False),
        ("", "cheap", False),
        ("anything", "", False),
    ],
)
def test_phrases_are_whole_words(text: str, phrase: str, found: bool) -> None:
    assert bool(find_phrase(text, [phrase])) is found


def test_percents_are_rounded_down() -> None:
    assert write_percent(Decimal("0.2999"), "en-US") == "-29%"


def test_actions_are_those_of_the_locale() -> None:
    assert list_for(locale="de-AT", currency="EUR").options["action"] == ["Jetzt entdecken", "Kaufen"]
    assert "action" not in list_for(kit={"actions": {}}).options


def test_what_is_there_is_said_before_a_layout_is_chosen() -> None:
    product: Cutout = draw_product("cutout")
    texts = list_for()
    present = list_present(texts, product)
    assert {"product", "headline", "price", "legal"} <= present
    assert "product" not in list_present(texts, None)
