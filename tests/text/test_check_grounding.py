"""Grounding: figures and strong claims pass when the brief has them and fail when it has not."""

from decimal import Decimal

import pytest

from factory.text.checks.facts import derive_discounts
from factory.text.checks.numerals import get_marks, normalize_digits, parse_number
from tests.support.check_cases import find_failures

GROUNDED = {
    "en-US": [
        "Waterproof leather boots, now $87.99",
        "Was $109.99, now only $87.99.",
        "Now USD 87.99",
        "Save $22 on hiking boots",
        "Save 20% until 30 November",
        "Twenty percent off your boots",
        "20% off with code TRAIL20",
        "Offer ends November 30th",
        "Offer ends 11/30",
        "Limited time: 20% off",
        "Tested to 10,000 steps",
        "480 g per shoe",
        "Only 0.48 kg a shoe",
        "One boot for every trail, from the first step",
        "Two boots, one promise",
        "Look your best and feel free to roam",
        "Boots on sale now",
    ],
    "de-DE": [
        "Jetzt nur 999 € statt 1.299 €",
        "Jetzt 1.299,00 €",
        "Sie sparen 300 €",
        "23 % Rabatt bis 30.11.",
        "Nur 480 g leicht",
        "Kostenloser Versand ab 50 €",
        "3 Jahre Garantie",
        "Aufs Beste ausgerüstet",
    ],
    "ja-JP": [
        "11月30日まで20%オフ",
        "２０％オフの10,240円",
        "いまなら¥１０，２４０",
        "2割引で登場",
        "片足480gの軽さ",
        "3年保証つき",
        "2,560円お得",
    ],
    "ar-SA": [
        "خصم ٢٠٪ حتى ٣٠ نوفمبر",
        "الآن ٣٢٠ ريال بدلا من ٤٠٠ ريال",
        "وفر 80 ريالا",
        "الوزن 480 غرام",
        "ضمان 3 سنوات",
        "السعر ٣٢٠ ر.س",
    ],
    "fr-FR": ["Pour 1 299,00 €", "1\u202f299 € seulement", "Livraison gratuite", "480 g de confort"],
}

UNGROUNDED = [
    ("en-US", "Now $79.99", "grounding_price"),
    ("en-US", "Now €87.99", "grounding_price"),
    ("en-US", "Now C$87.99", "grounding_price"),
    ("en-US", "Ten dollars off", "grounding_price"),
    ("en-US", "Save 25%", "grounding_percent"),
    ("en-US", "Twenty-five percent off", "grounding_percent"),
    ("en-US", "Half price boots", "grounding_percent"),
    ("en-US", "Save 20 to 30%", "grounding_percent"),
    ("en-US", "Until 1 December", "grounding_date"),
    ("en-US", "Until 30 November 2031", "grounding_date"),
    ("en-US", "Sale ends Friday", "grounding_date"),
    ("en-US", "Today only", "grounding_date"),
    ("en-US", "Since 1921", "grounding_date"),
    ("en-US", "500 g per shoe", "grounding_unit"),
    ("en-US", "Two years of wear", "grounding_unit"),
    ("en-US", "480 km of trails", "grounding_unit"),
    ("en-US", "Trusted by 480 hikers", "grounding_number"),
    ("en-US", "5-star comfort", "grounding_number"),
    ("en-US", "24/7 support", "grounding_number"),
    ("en-US", "X200 boots", "grounding_number"),
    ("en-US", "A 3-in-1 boot", "grounding_number"),
    ("en-US", "Best boots ever", "grounding_claim"),
    ("en-US", "Free shipping", "grounding_claim"),
    ("en-US", "Guaranteed dry feet", "grounding_claim"),
    ("en-US", "#1 hiking boot", "grounding_claim"),
    ("en-US", "The only boot you need", "grounding_claim"),
    ("en-US", "Award-winning boots", "grounding_claim"),
    ("en-US", "Clinically proven comfort", "grounding_claim"),
    ("en-US", "Certified leather", "grounding_claim"),
    ("en-US", "100% waterproof", "grounding_percent"),
    ("en-US", "Sustainable leather boots", "grounding_claim"),
    ("de-DE", "Nur 899 €", "grounding_price"),
    ("de-DE", "Jetzt 999 $", "grounding_price"),
    ("de-DE", "30 % Rabatt", "grounding_percent"),
    ("de-DE", "Zwanzig Prozent weniger", "grounding_percent"),
    ("de-DE", "Nur bis 15.12.", "grounding_date"),
    ("de-DE", "Nur noch heute", "grounding_date"),
    ("de-DE", "5 Jahre haltbar", "grounding_unit"),
    ("de-DE", "Kostenlose Socken", "grounding_claim"),
    ("de-DE", "Die besten Stiefel", "grounding_claim"),
    ("de-DE", "Testsieger aus Leder", "grounding_claim"),
    ("ja-JP", "いまなら9,800円", "grounding_price"),
    ("ja-JP", "50%オフ", "grounding_percent"),
    ("ja-JP", "半額セール", "grounding_percent"),
    ("ja-JP", "12月1日まで", "grounding_date"),
    ("ja-JP", "本日限り", "grounding_date"),
    ("ja-JP", "5年間使える", "grounding_unit"),
    ("ja-JP", "世界一のブーツ", "grounding_claim"),
    ("ja-JP", "送料無料", "grounding_claim"),
    ("ar-SA", "الآن ٢٠٠ ريال", "grounding_price"),
    ("ar-SA", "الآن ٣٢٠ درهم", "grounding_price"),
    ("ar-SA", "خصم ٥٠٪", "grounding_percent"),
    ("ar-SA", "حتى ١ ديسمبر", "grounding_date"),
    ("ar-SA", "اليوم فقط", "grounding_date"),
    ("ar-SA", "الوزن ٥٠٠ غرام", "grounding_unit"),
    ("ar-SA", "أفضل حذاء", "grounding_claim"),
    ("ar-SA", "شحن مجاني", "grounding_claim"),
    ("fr-FR", "Pour 1 199,00 €", "grounding_price"),
    ("fr-FR", "Vingt pour cent de moins", "grounding_percent"),
    ("fr-FR", "Chaussettes gratuites", "grounding_claim"),
    ("fr-FR", "Le meilleur cuir", "grounding_claim"),
]


@pytest.mark.parametrize(("locale", "text"), [(locale, text) for locale, texts in GROUNDED.items() for text in texts])
def test_what_the_brief_says_passes(locale: str, text: str) -> None:
    assert find_failures(text, locale) == {}


@pytest.mark.parametrize(("locale", "text", "rule"), UNGROUNDED)
def test_what_the_brief_does_not_say_fails(locale: str, text: str, rule: str) -> None:
    assert rule in find_failures(text, locale)


def test_product_names_with_digits_and_years_are_grounded() -> None:
    names = {"product_name": "TechBeam 2000 3-in-1 X200", "brand": "Est. 1921"}
    assert find_failures("The TechBeam 2000, a 3-in-1 lamp since 1921: the X200", **names) == {}
    assert "grounding_number" in find_failures("The TechBeam X300", **names)


def test_a_side_of_a_size_takes_the_unit_of_the_whole() -> None:
    assert find_failures("120 cm wide", description="Table, 120 x 60 cm.") == {}
    assert "grounding_unit" in find_failures("130 cm wide", description="Table, 120 x 60 cm.")


def test_an_attribute_may_keep_its_unit_in_its_name() -> None:
    assert find_failures("Holds 750 ml", attributes={"capacity_ml": "750"}) == {}
    assert "grounding_unit" in find_failures("Holds 800 ml", attributes={"capacity_ml": "750"})


def test_free_must_be_about_the_same_thing() -> None:
    brief = {"description": "Free shipping on all boots."}
    assert find_failures("Shipping is free", **brief) == {}
    assert "grounding_claim" in find_failures("Free socks inside", **brief)


def test_a_claim_with_evidence_may_be_made() -> None:
    assert find_failures("The best grip of all boots", claims=["Best grip in the 2025 lab test"]) == {}


def test_a_discount_word_needs_an_offer() -> None:
    assert "grounding_claim" in find_failures("Boots on sale", offer=None, sale_price=None)


def test_pounds_are_weight_or_money_as_the_currency_says() -> None:
    assert find_failures("Lifts 5 pounds", description="Lifts 5 lb.") == {}
    assert find_failures("Just 60 pounds", currency="GBP", price="60", sale_price=None, locale="en-GB") == {}


def test_copy_in_another_language_than_the_brief_may_repeat_its_claims() -> None:
    text = "Kostenloser Versand, 10.000 Schritte getestet, 480 Gramm leicht"
    changes = {"description": "Free shipping. 480 g.", "claims": ["Tested to 10,000 steps"], "brief_locale": "en-US"}
    assert find_failures(text, "de-DE", **changes) == {}
    assert "grounding_claim" in find_failures("Garantierter Komfort", "de-DE", **changes)


@pytest.mark.parametrize(
    ("locale", "written", "value"),
    [
        ("en-US", "1,299.00", "1299"),
        ("en-US", "19.99", "19.99"),
        ("en-US", "1,00,000", "100000"),
        ("de-DE", "1.299,00", "1299"),
        ("de-DE", "1.299", "1299"),
        ("de-DE", "0,75", "0.75"),
        ("en-US", "1.299", "1.299"),
        ("de-CH", "1’299.50", "1299.5"),
        ("fr-FR", "1 299,5", "1299.5"),
        ("ar-SA", "١٬٢٩٩٫٥", "1299.5"),
        ("ja-JP", "１，９８０", "1980"),
    ],
)
def test_numbers_are_read_as_the_locale_writes_them(locale: str, written: str, value: str) -> None:
    assert parse_number(normalize_digits(written), get_marks(locale)) == Decimal(value)


@pytest.mark.parametrize("written", ["2.0.1", "1,2,3", "9" * 30])
def test_what_is_no_number_has_no_value(written: str) -> None:
    assert parse_number(written, get_marks("en-US")) is None


@pytest.mark.parametrize(
    ("price", "sale", "percents"),
    [
        ("109.99", "87.99", {"20"}),
        ("30", "20", {"33", "33.3"}),
        ("100", "80.4", {"19", "19.6", "20"}),
        ("10", "10", set()),
    ],
)
def test_discounts_follow_from_prices(price: str, sale: str, percents: set[str]) -> None:
    amounts, found = derive_discounts(Decimal(price), Decimal(sale))
    assert {Decimal(percent) for percent in percents} == found
    assert (Decimal(price) - Decimal(sale) in amounts) == bool(percents)
