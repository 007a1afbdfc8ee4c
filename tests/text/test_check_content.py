"""What every text must be: well formed, clean, the brief's own, in the reader's language; and hostile text."""

import pytest

from factory.text.checks.checker import check_item, check_set, make_context
from schemas.job import CheckConfig
from schemas.placement import TextField
from tests.support.builders import make_placement, make_request
from tests.support.check_cases import COMMON_RULES, find_failures

CASES = [
    ("empty", "en-US", "123 — 456", "Boots"),
    ("empty", "ja-JP", "！！！", "靴"),
    ("newline", "en-US", "Dry feet\nall day", "Dry feet all day"),
    ("invisible", "en-US", "Dry\u200b feet", "Dry feet"),
    ("invisible", "en-US", "Dry \u202efeet", "Dry 👨\u200d👩\u200d👧 feet"),
    ("invisible", "en-US", "Dry\x07 feet", "Dry 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f feet"),
    ("invisible", "ar-SA", "راحة\u202e كل خطوة", "راحة\u200f كل خطوة"),
    ("invisible", "hi-IN", "जूते\u2066 पहनें", "क्\u200dष जूते"),
    ("invisible", "en-US", "Dry \ud83d feet", "Dry feet"),
    ("incomplete", "en-US", "Waterproof boots and", "Waterproof boots"),
    ("incomplete", "en-US", "Waterproof boots with", "The boots you fall in love with"),
    ("incomplete", "en-US", "Steel bottle with a leakproof lid that", "No other bottle does that"),
    ("incomplete", "en-US", "Waterproof boots,", "Waterproof, light boots"),
    ("incomplete", "en-US", "Waterproof boots…", "Waterproof boots."),
    ("incomplete", "en-US", "Boots (waterproof", "Boots (waterproof)"),
    ("incomplete", "en-US", 'The "Wanderer boots', 'The 6" Wanderer boots'),
    ("incomplete", "de-DE", "Leder und", "Leder und Gummi"),
    ("incomplete", "de-DE", "Die „Wanderer Stiefel", "Die „Wanderer“ Stiefel"),
    ("incomplete", "ja-JP", "「防水ブーツ", "「防水」ブーツ"),
    ("incomplete", "ar-SA", "جلد مقاوم للماء و", "جلد مقاوم للماء"),
    ("personal_attributes", "en-US", "Boots for your diabetes", "Boots for people with diabetes"),
    ("personal_attributes", "en-US", "Are you single?", "Are you single-minded about walks?"),
    ("personal_attributes", "en-US", "As a Christian, you walk", "Made by Christian Daybird"),
    ("personal_attributes", "en-US", "Meet other Muslims on the trail", "Meet other hikers on the trail"),
    ("personal_attributes", "en-US", "Struggling with your debt?", "Struggling with wet feet?"),
    ("personal_attributes", "de-DE", "Gegen Ihre Depression", "Gegen Ihre nassen Füße"),
    ("personal_attributes", "de-DE", "Sind Sie Single?", "Sind Sie bereit?"),
    ("personal_attributes", "ja-JP", "糖尿病でお悩みのあなたへ", "雨の日にお悩みのあなたへ"),
    ("personal_attributes", "ar-SA", "هل تعاني من السكري؟", "هل تعاني من المطر؟"),
    ("profanity", "en-US", "Shit happens, wear boots", "Scunthorpe walks, Essex mud"),
    ("profanity", "en-US", "sh1t happens", "A55 and B12 boots"),
    ("profanity", "en-US", "What the f*ck", "Wow! $hoes"),
    ("profanity", "de-DE", "Keine Scheiße", "Dick gefüttert und hell"),
    ("profanity", "fr-FR", "Merde, il pleut", "Il pleut"),
    ("profanity", "ja-JP", "くそったれな雨", "ばかりの雨"),
    ("profanity", "ar-SA", "تبا للمطر", "وداعا للمطر"),
    ("leakage", "en-US", "As an AI, I write ads", "As an all-day boot"),
    ("leakage", "en-US", "Sure, dry feet", "Sure-footed, dry feet"),
    ("leakage", "en-US", "Here is a headline for boots", "Here is comfort you can feel"),
    ("leakage", "en-US", "Headline 1: Dry feet", "Dry feet: the headline act"),
    ("leakage", "en-US", '{"line": "Dry feet"}', "Dry feet"),
    ("leakage", "en-US", "Dear [Your Name], walk on", "Dear hiker, walk on"),
    ("leakage", "en-US", "{{ product }} walks", "Product walks"),
    ("leakage", "en-US", "Dry feet<|im_end|>", "Dry feet"),
    ("leakage", "en-US", "Dry feet [/INST]", "Dry feet"),
    (
        "leakage",
        "en-US",
        "Phrases that fit the limits and use only facts",
        "Boots that fit the foot and use only leather",
    ),
    (
        "leakage",
        "en-US",
        "Ads: write full phrases that fit limits and use only facts from a brief",
        "Walk in full comfort",
    ),
    ("leakage", "de-DE", "Als Sprachmodell empfehle ich Leder", "Als Modell aus Leder"),
    ("leakage", "ja-JP", "AIとして書きます", "靴として選ぶ"),
    ("leakage", "ar-SA", "كنموذج لغوي أنصح بالجلد", "كنموذج للراحة"),
]


@pytest.mark.parametrize(("rule", "locale", "bad", "good"), CASES)
def test_content_rules_tell_bad_from_good(rule: str, locale: str, bad: str, good: str) -> None:
    assert rule in find_failures(bad, locale)
    assert rule not in find_failures(good, locale)


GOOD_COPY = [
    "Your next trail is calling",
    "Boots so light, you'll forget them",
    "Sure-footed on every trail",
    "What every weekend hiker is waiting for",
    "Walk with confidence wherever you are",
    "Comfort that lasts mile after mile",
    "Hike on. Don't stop.",
    "Rain or shine, step out in style.",
    "Ready for the weekend? So are we.",
    "A boot you can rely on, on any path",
    "Made by hikers, for hikers.",
    "From the first step to the last",
]


@pytest.mark.parametrize("text", GOOD_COPY)
def test_good_copy_passes_every_rule(text: str) -> None:
    rules = COMMON_RULES
    assert find_failures(text, rules=rules) == {}


@pytest.mark.parametrize(
    ("changes", "bad", "good", "rule"),
    [
        ({"must_avoid": ["cheap"]}, "CHEAP boots", "Cheapness is not us", "must_avoid"),
        ({"must_avoid": ["C++ ready"]}, "A c++ ready boot", "A C ready boot", "must_avoid"),
        ({"must_avoid": [".*"]}, "Odd .* boots", "Plain boots", "must_avoid"),
        ({"competitors": ["North Face"]}, "Unlike the north  face", "Face the north", "competitor"),
        ({"competitors": ["Nike"]}, "Lighter than Ｎｉｋｅ™", "Nikeforos walks", "competitor"),
        ({"competitors": ["Wanderer", "Nike"]}, "Nike boots", "Wanderer boots", "competitor"),
    ],
)
def test_lists_of_the_brief_hold(changes: dict[str, object], bad: str, good: str, rule: str) -> None:
    assert rule in find_failures(bad, **changes)
    assert rule not in find_failures(good, **changes)


def test_lists_hold_in_unspaced_text() -> None:
    assert "competitor" in find_failures("Nikeの靴より軽い", "ja-JP", competitors=["Nike"])
    assert "must_avoid" in find_failures("安い靴です", "ja-JP", must_avoid=["安い"])
    assert "must_avoid" in find_failures("والرخيص هنا", "ar-SA", must_avoid=["رخيص"])


def test_trademarks_of_the_job_hold_unless_they_are_the_briefs_own() -> None:
    config = CheckConfig(trademarks=["Gore-Tex", "Daybird"])
    assert "trademark" in find_failures("With Gore-Tex inside", config=config)
    assert find_failures("Boots from Daybird", config=config) == {}


def test_personal_attributes_can_be_switched_off() -> None:
    assert find_failures("Are you single?", config=CheckConfig(personal_attributes=False)) == {}


def test_a_description_may_not_be_copied_at_length() -> None:
    description = (
        "These sturdy boots have a waterproof leather upper and a durable rubber sole that grips on wet rock and mud."
    )
    assert "echo" in find_failures(description, description=description)
    assert "echo" not in find_failures("A waterproof leather upper and a durable rubber sole", description=description)
    allowed = find_failures(description, description=description, must_include=[description])
    assert "echo" not in allowed
    japanese = "この登山靴は防水レザーと丈夫なゴムソールで雨の日も岩場もぬかるみも安心して歩けます"
    assert "echo" in find_failures(japanese, "ja-JP", description=japanese)


def test_a_text_that_decoding_cut_fails() -> None:
    placement = make_placement(fields=[TextField(name="line", max=20)])
    context = make_context(make_request(), placement, CheckConfig(), [])
    cut = check_item("Dry boots: waterproo", placement.fields[0], context)
    assert [check.rule for check in cut] == ["cut_off"]
    assert check_item("Dry leather boots on", placement.fields[0], context) == []


def test_the_legal_line_is_not_judged() -> None:
    disclaimer = "TERMS APPLY!! While stocks last; see 99 rules at x.com…"
    rules = ("no_repeated_punct", "no_excess_caps", "no_links")
    assert find_failures(f"Dry feet all day. {disclaimer}", rules=rules, disclaimer=disclaimer) == {}
    assert find_failures(disclaimer, rules=rules, disclaimer=disclaimer) == {}
    assert "no_repeated_punct" in find_failures(f"Dry feet!! {disclaimer}", rules=rules, disclaimer=disclaimer)


LANGUAGES = {
    "en-GB": "Walk further in comfort with a sole that grips on every path, rain or shine.",
    "de-DE": "Gehen Sie weiter mit einer Sohle, die auf jedem Weg hält, bei Regen und Sonne.",
    "fr-FR": "Marchez plus loin avec une semelle qui tient sur tous les chemins, pluie ou soleil.",
    "es-ES": "Camina más lejos con una suela que agarra en todos los caminos, llueva o no.",
    "it-IT": "Cammina di più con una suola che tiene su ogni sentiero, con il sole e la pioggia.",
    "ja-JP": "雨の日も晴れの日も、どんな道でもしっかりつかむソールで、もっと遠くまで歩こう。",
    "ar-SA": "امش أبعد مع نعل يثبت على كل طريق في المطر والشمس",
    "sv-SE": "Gå längre med en sula som greppar på varje stig, i regn och sol, hela dagen.",
}


@pytest.mark.parametrize("locale", LANGUAGES)
@pytest.mark.parametrize("written", LANGUAGES)
def test_a_candidate_is_in_the_language_of_its_locale(locale: str, written: str) -> None:
    placement = make_placement(fields=[TextField(name="line", max=400)])
    context = make_context(make_request(locale=locale), placement, CheckConfig(), [])
    failed = [check.rule for check in check_set({"line": [LANGUAGES[written]]}, context)]
    assert failed == ([] if written == locale else ["language"])


@pytest.mark.parametrize("text", ["Daybird", "Wanderer Black Hiking Boots", "Premium Comfort", "Outdoor Sale"])
def test_short_text_is_never_called_another_language(text: str) -> None:
    placement = make_placement(fields=[TextField(name="line", max=400)])
    context = make_context(make_request(locale="de-DE"), placement, CheckConfig(), [])
    assert check_set({"line": [text]}, context) == []
