"""Sample brand, brief and copy that layouts are shown with: short and long texts, several scripts, a missing price or picture."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from schemas.outcome import Fields

KIT: dict[str, Any] = {
    "name": "Daybird",
    "colors": {"primary": "#0b3d2e", "secondary": "#e8dcc4", "accent": "#ff7a3d"},
    "actions": {
        "default": ["Discover more", "Shop now", "Shop"],
        "de": ["Jetzt entdecken", "Kaufen"],
        "ja": ["今すぐ購入"],
        "ar": ["تسوق الآن"],
        "hi": ["अभी खरीदें"],
    },
    "legal": {"default": "Prices incl. VAT. While stocks last."},
}
BRIEF: dict[str, Any] = {
    "brief_id": "b",
    "product_name": "Wanderer Boots",
    "brand": "Daybird",
    "price": Decimal("109.99"),
    "sale_price": Decimal("87.99"),
    "currency": "USD",
    "key_messages": ["Waterproof leather", "Cushioned insole", "480 g"],
    "offer": {"text": "20% off"},
    "claims": [{"text": "Tested to 10,000 steps"}],
}


@dataclass(frozen=True, slots=True)
class Content:
    """What a creative says: copy in a locale, for a brief that differs from BRIEF and a kit that differs from KIT in some keys.

    `product` is how the sample product is shown: cut out, as a picture on white, or not at all.
    """

    locale: str
    fields: Fields
    brief: Mapping[str, Any]
    kit: Mapping[str, Any]
    product: Literal["cutout", "card", ""] = "cutout"


def _write(locale: str, headlines: list[str], bodies: list[str], **brief: Any) -> Content:
    return Content(locale, {"headline": headlines, "primary_text": bodies}, brief, {})


_SHORT = _write("en-US", ["Made for long walks"], ["Waterproof leather and a cushioned insole."])
CONTENTS: dict[str, Content] = {
    "short": _SHORT,
    "long": _write(
        "en-US",
        ["Waterproof leather boots that are made for long weekend walks", "Waterproof boots for long walks"],
        [
            "Walk further in comfort: a waterproof leather upper, a cushioned insole and a durable rubber sole. Weighs "
            "480 g per shoe. Comes in seven sizes and three colours.",
            "Waterproof leather, cushioned insole, durable sole.",
        ],
        disclaimer="Offer valid until 30 November 2026 in participating stores only. Cannot be combined with others.",
    ),
    "german": _write(
        "de-DE",
        ["Wasserdichte Lederwanderschuhe für Wochenendausflüge", "Wasserdichte Wanderschuhe"],
        [
            "Feuchtigkeitsabweisendes Vollnarbenleder und eine rutschhemmende Gummilaufsohle. Bequem den ganzen Tag.",
        ],
        currency="EUR",
        key_messages=["Wasserdichtes Leder", "Rutschhemmende Sohle"],
        claims=[],
        offer={},
    ),
    "cjk": _write(
        "ja-JP",
        ["長い散歩のための防水レザーブーツ"],
        ["防水レザーと柔らかいインソールで、どこまでも快適に。"],
        currency="JPY",
        price=Decimal(12900),
        sale_price=Decimal(9900),
        key_messages=["防水レザー", "軽量480g"],
        claims=[],
        offer={},
    ),
    "arabic": _write(
        "ar-AE",
        ["حذاء جلدي مقاوم للماء"],
        ["جلد مقاوم للماء ونعل مبطن لراحة تدوم طوال اليوم."],
        currency="AED",
        key_messages=["جلد مقاوم للماء", "نعل مبطن"],
        claims=[],
        offer={},
    ),
    "hindi": _write(
        "hi-IN",
        ["लंबी सैर के लिए जलरोधक जूते"],
        ["जलरोधक चमड़ा और आरामदायक इनसोल।"],
        currency="INR",
        key_messages=["जलरोधक चमड़ा"],
        claims=[],
        offer={},
    ),
    "emoji": _write("en-US", ["Made for long walks 🥾✨"], ["Waterproof leather 💧 and a cushioned insole."]),
    "no-price": replace(_SHORT, brief={"price": None, "sale_price": None, "offer": {}}),
    "no-picture": replace(_SHORT, product=""),
    "card": replace(_SHORT, product="card"),
}
