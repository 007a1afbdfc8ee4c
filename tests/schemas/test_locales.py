"""Japanese, German and Arabic go the same way as English: the copy is in the language, fits and passes every check."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from factory.config.placements import load_placements
from factory.text.lengths import count, describe_misfit
from schemas.placement import Counting
from tests.support.commands import call_here
from tests.support.jobs import Ended, check_law, make_job, read_rows

BRIEFS: dict[str, dict[str, Any]] = {
    "ja-JP": {
        "product_name": "山歩きブーツ",
        "brand": "ひなた",
        "description": "防水の革と丈夫なゴム底。一日歩いても足が疲れにくいブーツです。",
        "key_messages": ["防水の革", "丈夫なゴム底"],
        "price": 12800.0,
        "currency": "JPY",
    },
    "de-DE": {
        "product_name": "Wanderstiefel für Männer",
        "brand": "Größenwerk",
        "description": "Wasserdichtes Leder, eine gepolsterte Sohle und fester Halt auf nassen Wegen.",
        "key_messages": ["wasserdichtes Leder", "fester Halt"],
        "price": 1299.0,
        "currency": "EUR",
    },
    "ar-EG": {
        "product_name": "حذاء المشي الجبلي",
        "brand": "نهار",
        "description": "جلد مقاوم للماء ونعل متين يريح القدم طوال اليوم.",
        "key_messages": ["جلد مقاوم للماء", "نعل متين"],
        "price": 1500.0,
        "currency": "EGP",
    },
    "en-GB": {
        "product_name": "Hill Walking Boots",
        "brand": "Daybird",
        "description": "Waterproof leather and a cushioned sole for long days on wet paths.",
        "key_messages": ["waterproof leather"],
        "price": 109.0,
        "currency": "GBP",
    },
}
SCRIPTS = {"ja-JP": ("CJK", "HIRAGANA", "KATAKANA"), "de-DE": ("LATIN",), "ar-EG": ("ARABIC",), "en-GB": ("LATIN",)}
PLACEMENTS = ["google_rsa", "meta_feed", "email", "x_post"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, ray_cluster: str) -> Iterator[tuple[Path, Ended]]:
    rows = [{"brief_id": locale, "locale": locale} | brief for locale, brief in BRIEFS.items()]
    job = make_job(tmp_path_factory.mktemp("world") / "job", rows, placements=PLACEMENTS)
    yield job, call_here("run", job, "--json", RAY_ADDRESS=ray_cluster)


def share_of_script(texts: list[str], names: tuple[str, ...]) -> float:
    letters = [letter for text in texts for letter in text if letter.isalpha()]
    return sum(unicodedata.name(letter, "").startswith(names) for letter in letters) / max(1, len(letters))


def test_all_locales_are_accepted(world: tuple[Path, Ended]) -> None:
    _, ended = world
    assert ended.code == 0, ended.err
    check_law(ended.data["counts"])
    assert ended.data["counts"]["planned"] == ended.data["counts"]["accepted"] == len(BRIEFS) * len(PLACEMENTS)


@pytest.mark.parametrize("locale", BRIEFS)
def test_the_copy_is_in_the_language_and_fits(world: tuple[Path, Ended], locale: str) -> None:
    job, _ = world
    placements = load_placements([])
    assets = [row for row in read_rows(job / "out", "assets") if row["locale"] == locale]
    assert {row["placement"] for row in assets} == set(PLACEMENTS)
    texts = []
    for asset in assets:
        for name, items in asset["fields"].items():
            field = placements[asset["placement"]].field(name)
            for item in items:
                assert not describe_misfit(item, field), (name, item)
                if field.counting is Counting.DISPLAY_WIDTH and locale == "ja-JP":
                    assert count(item, field.counting) > len(item)  # measured as the channel does: wide is two
                texts.append(item)
        language = [check for check in asset["checks"] if check["rule"] == "language"]
        assert language and language[0]["passed"], asset["checks"]
    assert share_of_script(texts, SCRIPTS[locale]) > 0.9, texts


def test_scores_are_there_for_every_language(world: tuple[Path, Ended]) -> None:
    for asset in read_rows(world[0] / "out", "assets"):
        assert 0 <= asset["score"] <= 1
        assert {"relevance", "specificity", "fluency"} <= set(asset["scores"])
