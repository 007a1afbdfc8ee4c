"""Editorial rules that placements name: each refuses what it names, and lets good copy be."""

import pytest

from factory.errors import JobError
from factory.text.checks.checker import check_set, make_context, validate_rules
from schemas.job import CheckConfig
from schemas.placement import TextField
from tests.support.builders import make_brief, make_placement, make_request
from tests.support.check_cases import find_failures

# rule, locale, a text that fails it, a text near it that passes it
CASES = [
    ("no_emoji", "en-US", "Boots 🥾 for walks", "Boots for walks & trails"),
    ("no_emoji", "ja-JP", "雨でも安心☔️", "雨でも安心"),
    ("no_repeated_punct", "en-US", "Dry feet!!", "Dry feet! Every day."),
    ("no_repeated_punct", "en-US", "Dry feet?!", "Dry feet?"),
    ("no_repeated_punct", "ja-JP", "雨でも安心！！", "雨でも安心！"),
    ("no_repeated_punct", "ar-SA", "هل أنت مستعد؟؟", "هل أنت مستعد؟"),
    ("no_gimmick_symbols", "en-US", "★ Waterproof boots", "Waterproof boots: dry feet"),
    ("no_gimmick_symbols", "en-US", "B.O.O.T.S for you", "Made in the U.S. for you"),
    ("no_gimmick_symbols", "en-US", "b00ts for walks", "Boots for the AW25 walk"),
    ("no_gimmick_symbols", "en-US", "*Waterproof* boots", "Waterproof boots* for walks"),
    ("no_gimmick_symbols", "ja-JP", "ﾌﾞｰﾂで歩く", "ブーツで歩く"),
    ("no_excess_caps", "en-US", "BUY boots", "LED light, USB port, TRAIL20"),
    ("no_excess_caps", "en-US", "wAtErProof boots", "An iPhone pocket"),
    ("no_excess_caps", "de-DE", "JETZT kaufen", "Mit UV-Schutz"),
    ("no_phone", "en-US", "Call 555-123-4567 now", "Tested to 10,000 steps, $87.99"),
    ("no_phone", "en-US", "Call +1 (555) 123 4567", "Until 2026-11-30"),
    ("no_phone", "en-US", "Call 1-800-FLOWERS", "Boots of 1800 times"),
    ("no_phone", "ar-SA", "اتصل ٠٥٠١٢٣٤٥٦٧", "الوزن ٤٨٠ غرام"),
    ("no_generic_cta", "en-US", "Click here for boots", "See the boots"),
    ("no_generic_cta", "de-DE", "Hier klicken", "Stiefel entdecken"),
    ("no_generic_cta", "ja-JP", "ここをクリック", "ブーツを見る"),
    ("no_generic_cta", "ar-SA", "انقر هنا", "شاهد الحذاء"),
    ("no_word_repetition", "en-US", "Walk walk walk", "Walk the walk"),
    ("no_word_repetition", "en-US", "Dry boots, warm boots, boots", "Dry boots and warm boots"),
    ("no_exclamation", "en-US", "Dry feet!", "Dry feet."),
    ("no_exclamation", "ja-JP", "安心！", "安心。"),
    ("max_exclamations:1", "en-US", "Dry! Warm!", "Dry and warm!"),
    ("max_emojis:1", "en-US", "Walk 🥾 on 🌧", "Walk 🥾 on"),
    ("max_emojis:1", "en-US", "👨‍👩‍👧 and 🇩🇪", "👨‍👩‍👧 walk on"),
    ("no_chars:!$?", "en-US", "Dry boots?", "Dry boots"),
    ("max_word_repeats:2", "en-US", "Boots and boots and boots and", "The boot of the year of the boot"),
    ("no_promo_phrases", "en-US", "Boots with free shipping", "Boots with laces"),
    ("no_promo_phrases", "de-DE", "Stiefel im Sonderangebot", "Stiefel aus Leder"),
    ("no_subjective", "en-US", "Amazing boots", "Leather boots"),
    ("no_guarantee_phrases", "en-US", "Money-back guarantee", "Leather upper"),
    ("no_asin", "en-US", "See B08N5WRWNW", "See B12 vitamins"),
    ("no_placeholder", "en-US", "Colour: TBD", "Colour: black"),
    ("no_placeholder", "en-US", "Size N/A", "Size and fit"),
    ("no_price", "en-US", "Boots for $87.99", "Boots of 480 g"),
    ("no_price", "ja-JP", "10,240円のブーツ", "480gのブーツ"),
    ("no_links", "en-US", "See www.daybird.example", "See it today. Then walk."),
    ("no_links", "en-US", "Write to hi@daybird.example", "Walk @ home"),
    ("no_links", "en-US", "Go to shop.com", "Walk on.Dry feet"),
    ("start_capital", "en-US", "leather upper", "Leather upper"),
    ("no_html", "en-US", "Leather<br>upper", "Leather & rubber"),
    ("no_html:br", "en-US", "<b>Leather</b>", "Leather<br>upper"),
    ("lowercase", "en-US", "Hiking boots", "hiking boots"),
    ("no_brand_names", "en-US", "daybird boots", "hiking boots"),
    ("no_temporary_words", "en-US", "new boots", "leather boots"),
    ("no_temporary_words", "de-DE", "neue Stiefel", "Stiefel aus Leder"),
    ("no_duplicate_words", "en-US", "boots leather boots", "boots leather sole"),
    ("at_least_one_word", "en-US", "A-1 B", "Boots"),
    ("no_slash", "en-US", "Boots/Hiking", "Boots Hiking"),
    ("no_pressure", "en-US", "Last chance for boots", "A chance to walk"),
    ("no_pressure", "ja-JP", "お見逃しなく", "雨でも歩ける"),
    ("no_price_or_discount", "en-US", "Save on boots", "Walk on in boots"),
    ("no_price_or_discount", "en-US", "Boots at $87.99", "Boots of leather"),
    ("opt_out_text", "en-US", "Daybird: new boots. Don't stop walking.", "Daybird: boots. Reply STOP to end."),
    ("opt_out_text", "de-DE", "Daybird: Stiefel.", "Daybird: Stiefel. Antworte STOP."),
    ("sender_identified", "en-US", "New boots are in", "Daybird: boots are in"),
    ("no_spam_words", "en-US", "Congratulations, winner", "Boots for winter"),
    ("no_channel_name:LinkedIn", "en-US", "As seen on LinkedIn", "As linked in our blog"),
    ("no_surrounding_quotes", "en-US", '"Waterproof boots"', 'The "Wanderer" boots'),
    ("promo_free_name", "en-US", "Daybird Sale", "Daybird"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "locale", "bad", "good"), CASES)
def test_editorial_rules_tell_bad_from_good(rule: str, locale: str, bad: str, good: str) -> None:
    name = rule.partition(":")[0]
    assert name in find_failures(bad, locale, (rule,))
    assert name not in find_failures(good, locale, (rule,))


@pytest.mark.parametrize(
    ("rule", "text", "changes"),
    [
        ("no_excess_caps", "ACME boots", {"brand": "ACME"}),
        ("no_excess_caps", "The HYDRA boot", {"product_name": "HYDRA Boot"}),
        ("no_excess_caps", "Use WALK20 now", {"offer": {"code": "WALK20"}}),
        ("no_repeated_punct", "Read Wham!! today", {"brand": "Wham!!"}),
        ("no_links", "Book with Trails.com", {"brand": "Trails.com"}),
        ("no_gimmick_symbols", "A cr3ative boot", {"brand": "Cr3ative"}),
        ("promo_free_name", "Deal Brothers", {"brand": "Deal Brothers"}),
    ],
)
def test_the_briefs_own_names_are_exempt(rule: str, text: str, changes: dict[str, object]) -> None:
    assert rule not in find_failures(text, rules=(rule,), **changes)
    assert rule in find_failures(
        text, rules=(rule,), brand="Daybird", product_name="Boots", offer=None, must_include=[]
    )


def test_allowed_caps_of_the_job_are_exempt() -> None:
    assert "no_excess_caps" in find_failures("With GTX lining", rules=("no_excess_caps",))
    assert find_failures("With GTX lining", rules=("no_excess_caps",), config=CheckConfig(allowed_caps=["GTX"])) == {}


def test_acronyms_of_the_brief_are_exempt_and_shouting_is_not() -> None:
    rules = ("no_excess_caps",)
    description = "A GORE-TEX lining keeps out the rain, all day and on any path. FREE of seams, it dries fast."
    assert find_failures("With GORE-TEX lining", rules=rules, description=description) == {}
    assert "no_excess_caps" in find_failures("FREE of seams", rules=rules, description=description)
    shouting = "WATERPROOF BOOTS WITH A LINING"
    assert "no_excess_caps" in find_failures("WATERPROOF boots", rules=rules, description=shouting, key_messages=[])


def test_display_address_has_a_limit() -> None:
    fields = [TextField(name="headline", max=30), TextField(name="path_1", min_count=0, max=60)]
    placement = make_placement(fields=fields, rules=["domain_plus_paths_max:40"])
    context = make_context(make_request(), placement, CheckConfig(), [])
    assert check_set({"headline": ["Boots"], "path_1": ["hiking"]}, context) == []
    failed = check_set({"headline": ["Boots"], "path_1": ["h" * 40]}, context)
    assert [check.rule for check in failed] == ["domain_plus_paths_max"]


def test_a_placement_may_apply_an_editorial_rule_to_the_whole() -> None:
    placement = make_placement(fields=[TextField(name="text", max=99, max_count=3)], rules=["max_exclamations:1"])
    context = make_context(make_request(brief=make_brief()), placement, CheckConfig(), [])
    assert check_set({"text": ["Walk on!", "Dry feet."]}, context) == []
    assert check_set({"text": ["Walk on!", "Dry feet!"]}, context)[0].rule == "max_exclamations"


@pytest.mark.parametrize(
    ("rule", "message", "hint"),
    [
        ("no_emojis", "field line: unknown rule 'no_emojis'", "no_emoji"),
        ("max_emojis", "needs a number", "max_emojis:2"),
        ("no_chars", "needs text", "no_chars:"),
        ("no_emoji:3", "takes nothing", "write no_emoji"),
        ("domain_plus_paths_max:67", "unknown rule", ""),
    ],
)
def test_wrong_rules_are_named(rule: str, message: str, hint: str) -> None:
    with pytest.raises(JobError) as caught:
        validate_rules(make_placement(fields=[TextField(name="line", max=9, rules=[rule])]))
    assert "placement test_search" in caught.value.message
    assert message in caught.value.message
    assert hint in caught.value.hint
