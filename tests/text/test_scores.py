"""Each score on its own: it measures what it says, in every language that it knows."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factory.text.scores.diversity import distance_to_others, diversity_in_set, diversity_of_fields
from factory.text.scores.fluency import score_fluency
from factory.text.scores.readability import FORMULAS, score_readability
from factory.text.scores.scorer import calibrate, fit_auc
from factory.text.scores.specificity import find_facts, score_specificity
from factory.text.scores.syllables import LANGUAGES, count_syllables
from factory.text.scores.words import find_numbers, split_words
from schemas.brief import Claim, Offer
from tests.support.builders import make_brief, make_rubric

# --- readability

KNOWN_SYLLABLES = {
    "en": "made=1 table=2 tables=2 wanted=2 boxes=2 shoes=1 designed=2 waterproof=3 comfortable=4 people=2 the=1 hmm=1",
    "de": "kaffee=2 wanderschuhe=4 wasserdicht=3 qualität=3 neue=2 abenteuer=4 idee=2 aber=2",
    "fr": "chaussures=2 marche=1 offre=1 qualité=3 étanche=2 randonnée=3 eau=1 votre=1",
    "es": "agua=2 días=2 ahora=3 envío=3 idea=3 calidad=3 quiere=2",
    "it": "acqua=2 qualità=3 famiglia=3 idea=3 nuova=2",
    "nl": "schoenen=2 waterdicht=3 kwaliteit=3 vandaag=2",
    "ru": "ботинки=3 новая=3 качество=3",
}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_syllables_of_known_words(language: str) -> None:
    known = dict(pair.split("=") for pair in KNOWN_SYLLABLES[language].split())
    assert {word: str(count_syllables(word, language)) for word in known} == known


def test_reading_ease_of_a_text_worked_out_by_hand() -> None:
    value = score_readability(["Waterproof boots", "We made them for the $99 trail"], "en-GB")
    words, syllables = 8, 10  # the price is no word
    assert value == pytest.approx((206.835 - 1.015 * words / 2 - 84.6 * syllables / words) / 100)


@pytest.mark.parametrize(
    ("locale", "plain", "hard"),
    [
        ("en-US", "Warm boots for your walk.", "Unparalleled functionality characterizes sophisticated accessories."),
        ("de-DE", "Warme Schuhe für den Weg.", "Außergewöhnliche Funktionalität charakterisiert Produktinnovationen."),
        ("fr-FR", "Des bottes chaudes pour la marche.", "Fonctionnalités exceptionnelles caractérisant l'accessoire."),
        (
            "es-ES",
            "Botas para el sol y el mar.",
            "Funcionalidades excepcionales caracterizan accesorios sofisticados.",
        ),
        ("it-IT", "Scarpe per chi va a piedi.", "Funzionalità eccezionali caratterizzano accessori sofisticati."),
        ("nl-NL", "Warme schoenen voor het pad.", "Uitzonderlijke functionaliteiten karakteriseren innovaties."),
        ("ru-RU", "Мой дом и сад.", "Исключительная функциональность характеризует инновационные аксессуары."),
    ],
)
def test_plain_words_read_easier_than_hard_ones(locale: str, plain: str, hard: str) -> None:
    easy, difficult = score_readability([plain], locale), score_readability([hard], locale)
    assert easy is not None and difficult is not None
    assert easy > difficult + 0.3


def test_an_item_ends_a_sentence() -> None:
    items = ["Wasserdichte Schuhe für lange Wege", "Bequeme Sohlen aus weichem Leder"]
    apart, joined = score_readability(items, "de-DE"), score_readability([" ".join(items)], "de-DE")
    assert apart is not None and joined is not None
    assert apart == pytest.approx(joined + 0.05)  # 5 words a sentence less, 1 point each


@pytest.mark.parametrize("items", [[], ["20% — $87.99!"]])
def test_no_words_have_no_readability(items: list[str]) -> None:
    assert score_readability(items, "en-US") is None


def test_every_formula_has_its_syllables() -> None:
    assert set(FORMULAS) == LANGUAGES


# --- specificity


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("Great quality for everyone", 0),
        ("Boots from Daybird", 1),
        ("Daybird Wanderer hiking boots", 2),
        ("Daybird Wanderer hiking boots, now $87.99", 3),
        ("Daybird Wanderer hiking boots, jetzt 109,99 $", 3),
        ("Daybird Wanderer hiking boots, waterproof leather, cushioned insoles, $87.99", 5),
    ],
)
def test_each_fact_that_is_used_counts(text: str, used: int) -> None:
    brief = make_brief(offer=Offer(), claims=[])  # brand, name, price and two messages
    assert score_specificity([text], find_facts(brief)) == used / 5


def test_many_facts_do_not_make_a_short_text_vague() -> None:
    brief = make_brief(attributes={f"a{n}": f"feature{n} number{n}" for n in range(40)})
    text = "Daybird Wanderer hiking boots, waterproof leather, cushioned insoles, $87.99"
    assert score_specificity([text], find_facts(brief)) == 1.0


def test_facts_of_a_script_without_spaces_are_found() -> None:
    brief = make_brief(
        brand="", product_name="防水レザーブーツ", key_messages=["軽い靴底"], price=None, sale_price=None
    )
    brief = brief.model_copy(update={"offer": Offer(), "claims": [Claim(text="一万歩の試験済み")]})
    facts = find_facts(brief)
    assert score_specificity(["防水レザーのブーツ"], facts) == pytest.approx(1 / 3)
    assert score_specificity(["焼きたてのコーヒー"], facts) == 0.0


@pytest.mark.parametrize("text", ["$1,299.00", "1.299,00 €", "1 299,00 €", "١٬٢٩٩٫٠٠", "only 1299!", "1'299.00 CHF"])
def test_a_price_is_known_however_it_is_written(text: str) -> None:
    brief = make_brief(price=Decimal("1299.00"), sale_price=None, brand="", product_name="X", key_messages=[])
    facts = find_facts(brief.model_copy(update={"offer": Offer(), "claims": []}))
    assert score_specificity([text], facts) == 0.5  # the price of: price, name


def test_a_price_is_not_found_in_another_number() -> None:
    facts = find_facts(make_brief(price=Decimal("88"), sale_price=None))
    assert score_specificity(["Tested 1,088 times, item 8812"], facts) == 0.0
    assert find_numbers("1,088 times, item 8812") == {"1088", "8812"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Walker's BOOTS for 4x4", {"walke", "boots", "4x4"}),
        ("HP", {"hp"}),
        ("Größe", {"gröss"}),
        ("靴", {"靴"}),
        ("Air Max 靴底", {"靴底"}),
        ("…!", set()),
    ],
)
def test_content_words(text: str, words: set[str]) -> None:
    assert split_words(text) == words


# --- diversity and fluency


def test_diversity_falls_with_likeness_and_order_does_not_matter() -> None:
    different = ["Waterproof Leather", "Comfort on Long Walks", "Trail Tested Soles"]
    alike = ["Waterproof Leather", "Leather, Waterproof", "Trail Tested Soles"]
    assert diversity_in_set(different) == 1.0
    assert diversity_in_set(alike) == pytest.approx(1 / 3)
    assert diversity_in_set(alike[::-1]) == diversity_in_set(alike)
    assert diversity_in_set(["a", "a"]) == 0.0
    assert diversity_in_set(["🥾", "🥾"]) == 0.0
    assert diversity_in_set(["only one"]) is None
    assert diversity_in_set(["防水レザー", "防水のレザー"]) < diversity_in_set(["防水レザー", "軽い靴底"])


def test_fields_count_by_their_items() -> None:
    assert diversity_of_fields([["same", "same"], ["Leather", "Rubber"], ["alone"]]) == 0.5
    assert diversity_of_fields([["alone"], []]) is None


def test_distance_is_to_the_nearest_other_asset() -> None:
    assert distance_to_others(["Waterproof leather"], [["Fresh coffee"], ["Leather", "waterproof"]]) == 0.0
    assert distance_to_others(["Waterproof leather"], [["Fresh coffee"]]) == 1.0
    assert distance_to_others(["Waterproof leather"], []) is None
    assert distance_to_others([], [["Fresh coffee"]]) is None


@pytest.mark.parametrize(
    ("logprob", "value"), [(None, None), (math.nan, None), (0.0, 1.0), (0.1, 1.0), (-math.inf, 0.0)]
)
def test_fluency(logprob: float | None, value: float | None) -> None:
    assert score_fluency(logprob) == value


# --- the judge's calibration


@pytest.mark.parametrize(
    ("good", "bad", "auc"),
    [([0.9, 0.8], [0.1, 0.2], 1.0), ([0.5], [0.5], 0.5), ([0.1], [0.9], 0.0), ([0.9, 0.5], [0.5, 0.1], 0.875)],
)
def test_auc(good: list[float], bad: list[float], auc: float) -> None:
    assert fit_auc(good, bad) == auc


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_auc_turned_round_is_its_complement(good: list[float], bad: list[float]) -> None:
    assert fit_auc(good, bad) == pytest.approx(1.0 - fit_auc(bad, good))


def test_auc_needs_both_sides() -> None:
    with pytest.raises(ValueError, match="at least one"):
        fit_auc([], [0.5])


def test_a_judge_that_sees_nothing_gets_weight_0_and_says_so() -> None:
    blind = calibrate("tiny", [0.5, 0.6, 0.5, 0.4], [0.5, 0.5, 0.6, 0.4], make_rubric())
    assert blind.weight == 0.0
    assert blind.num_pairs == 4
    assert "50%" in blind.note and "do not count" in blind.note
    sharp = calibrate("large", [0.9, 0.8, 0.9, 0.8], [0.1, 0.2, 0.3, 0.1], make_rubric())
    assert (sharp.weight, sharp.auc) == (2.0, 1.0)
    assert "weight 2" in sharp.note
    unweighted = calibrate("large", [0.9] * 4, [0.1] * 4, make_rubric(relevance=1.0))
    assert unweighted.weight == 0.0 and "no weight" in unweighted.note
