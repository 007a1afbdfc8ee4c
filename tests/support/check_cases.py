"""Briefs in four languages for the tests of checks, and the shortest way to ask what a text fails."""

from typing import Any

from factory.text.checks.checker import check_item, make_context
from schemas.job import CheckConfig
from schemas.placement import TextField
from tests.support.builders import make_brief, make_placement, make_request

INSTRUCTIONS = ["You write search ads. Write complete phrases that fit the limits and use only facts from the brief."]

COMMON_RULES = (
    *("no_emoji", "no_repeated_punct", "no_gimmick_symbols", "no_excess_caps", "no_phone"),
    *("no_generic_cta", "no_word_repetition"),
)

BRIEFS: dict[str, dict[str, Any]] = {
    "en-US": {},
    "de-DE": {
        "product_name": "Wanderer Stiefel",
        "description": "Wasserdichtes Leder und eine robuste Gummisohle. Wiegt 480 g pro Schuh. Kostenloser Versand ab 50 €.",
        "key_messages": ["Wasserdichtes Leder"],
        "offer": "23 % Rabatt bis 30. November 2026",
        "currency": "EUR",
        "price": "1299.00",
        "sale_price": "999.00",
        "claims": ["3 Jahre Garantie"],
        "segments": [],
    },
    "ja-JP": {
        "product_name": "ワンダラー ハイキングブーツ",
        "brand": "ワンダラー",
        "description": "防水レザーと丈夫なゴムソール。片足480グラム。",
        "key_messages": ["防水レザー"],
        "offer": "11月30日まで20%オフ",
        "currency": "JPY",
        "price": "12800",
        "sale_price": "10240",
        "claims": ["3年保証"],
        "segments": [],
    },
    "ar-SA": {
        "product_name": "حذاء المشي واندرر",
        "brand": "واندرر",
        "description": "جلد مقاوم للماء ونعل مطاطي متين. الوزن ٤٨٠ غرام.",
        "key_messages": ["جلد مقاوم للماء"],
        "offer": "خصم ٢٠٪ حتى ٣٠ نوفمبر",
        "currency": "SAR",
        "price": "400",
        "sale_price": "320",
        "claims": ["ضمان ٣ سنوات"],
        "segments": [],
    },
    "fr-FR": {
        "product_name": "Bottes Wanderer",
        "description": "Cuir imperméable, 480 g. Livraison gratuite.",
        "key_messages": [],
        "offer": None,
        "currency": "EUR",
        "price": "1299",
        "sale_price": None,
        "claims": [],
        "segments": [],
    },
}


def find_failures(
    text: str, locale: str = "en-US", rules: tuple[str, ...] = (), config: CheckConfig | None = None, **changes: Any
) -> dict[str, str]:
    """Return the failed item rules of `text` and their details, for the brief of `locale` with `changes`."""
    base = BRIEFS.get(locale, {})
    field = TextField(name="line", max=40_000, multiline=changes.pop("multiline", False), rules=list(rules))
    placement = make_placement(fields=[field])
    request = make_request(
        brief=make_brief(**(base | {"locale": changes.pop("brief_locale", locale)} | changes)),
        locale=locale,
        segment=None,
    )
    context = make_context(request, placement, config or CheckConfig(), INSTRUCTIONS)
    return {check.rule: check.detail for check in check_item(text, field, context)}
