"""All rules by id. A new check is one function and one line here; what a placement may name in `rules` is `EDITORIAL`."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from factory.text.checks import editorial, grounding, leakage, listings, phrases, well_formed, whole_copy, word_lists
from factory.text.checks.context import CheckContext
from factory.text.checks.words import Item
from schemas.outcome import Fields

Find = Callable[[Item, CheckContext, str], str]


Takes = Literal["", "number", "text", "maybe"]  # what stands after the colon of a rule's id


class Rule(NamedTuple):
    """How to find a fault in an item, and the instruction for repairing it."""

    find: Find
    advice: str
    takes: Takes = ""


# Hold for every text that the model writes.
ALWAYS: dict[str, Rule] = {
    "empty": Rule(well_formed.find_empty, "write real words"),
    "invisible": Rule(well_formed.find_invisible, "use only visible characters"),
    "incomplete": Rule(well_formed.find_incomplete, "write a complete phrase"),
    "must_avoid": Rule(word_lists.find_avoided, "leave out the word"),
    "competitor": Rule(word_lists.find_competitor, "name no competitor"),
    "trademark": Rule(word_lists.find_trademark, "leave out the trademark"),
    "grounding_number": Rule(grounding.find_number, "use only numbers of the brief"),
    "grounding_price": Rule(grounding.find_price, "use only prices of the brief, in its currency"),
    "grounding_percent": Rule(grounding.find_percent, "use only percentages of the brief"),
    "grounding_date": Rule(grounding.find_date, "use only dates and deadlines of the brief"),
    "grounding_unit": Rule(grounding.find_unit, "use only measures of the brief"),
    "grounding_claim": Rule(grounding.find_claim, "leave out the claim"),
    "personal_attributes": Rule(word_lists.find_personal, "speak of the product, not of who the reader is"),
    "profanity": Rule(word_lists.find_profanity, "leave out the swear word"),
    "leakage": Rule(leakage.find_leak, "write only the ad's own words"),
    "echo": Rule(leakage.find_echo, "say it in other words than the brief"),
}

# Named by placements.
EDITORIAL: dict[str, Rule] = {
    "no_emoji": Rule(editorial.find_emoji_in, "use no emoji"),
    "no_repeated_punct": Rule(editorial.find_repeated_punct, "use each punctuation mark once"),
    "no_gimmick_symbols": Rule(editorial.find_gimmick, "use plain letters and no decorative symbols"),
    "no_excess_caps": Rule(editorial.find_caps, "use normal capitals"),
    "no_phone": Rule(editorial.find_phone, "leave out the phone number"),
    "no_generic_cta": Rule(phrases.find_generic_cta, "name what the reader gets instead"),
    "no_word_repetition": Rule(editorial.find_word_repetition, "do not repeat words"),
    "no_exclamation": Rule(editorial.find_exclamation, "use no exclamation mark"),
    "max_exclamations": Rule(editorial.find_many_exclamations, "use at most {argument} exclamation marks", "number"),
    "max_emojis": Rule(editorial.find_many_emojis, "use at most {argument} emoji", "number"),
    "no_chars": Rule(listings.find_chars, "leave out the character", "text"),
    "max_word_repeats": Rule(listings.find_word_repeats, "use no word more than {argument} times", "number"),
    "no_promo_phrases": Rule(phrases.find_promo, "leave out the promotional phrase"),
    "no_subjective": Rule(phrases.find_subjective, "state facts without praise"),
    "no_guarantee_phrases": Rule(phrases.find_guarantee, "promise no guarantee or refund"),
    "no_asin": Rule(listings.find_asin, "leave out the product number"),
    "no_placeholder": Rule(phrases.find_placeholder, "write the real text"),
    "no_price": Rule(phrases.find_any_price, "leave out the price"),
    "no_links": Rule(listings.find_link, "leave out web and mail addresses"),
    "start_capital": Rule(listings.find_low_start, "start with a capital letter"),
    "no_html": Rule(listings.find_html, "use no HTML", "maybe"),
    "lowercase": Rule(listings.find_capitals, "use small letters only"),
    "no_brand_names": Rule(phrases.find_brand, "leave out the brand name"),
    "no_temporary_words": Rule(phrases.find_temporary, "leave out words that hold only for a time"),
    "no_duplicate_words": Rule(listings.find_duplicate_words, "use each word once"),
    "at_least_one_word": Rule(listings.find_no_word, "write at least one word"),
    "no_slash": Rule(listings.find_slash, "use no slash"),
    "no_pressure": Rule(phrases.find_pressure, "do not press the reader"),
    "no_price_or_discount": Rule(phrases.find_price_or_discount, "leave out prices and discounts"),
    "opt_out_text": Rule(phrases.find_no_opt_out, "say how to stop messages"),
    "sender_identified": Rule(phrases.find_no_sender, "name the brand"),
    "no_spam_words": Rule(phrases.find_spam, "leave out the phrase that spam filters know"),
    "no_channel_name": Rule(phrases.find_channel_name, "leave out the channel's name", "text"),
    "no_surrounding_quotes": Rule(editorial.find_quotes_around, "leave out the quotation marks around it"),
    "promo_free_name": Rule(phrases.find_promo_in_name, "use the name alone"),
}

# Over a whole candidate; the placement's own rules come after them.
SETS: dict[str, tuple[whole_copy.SetRule, str]] = {
    "count": (whole_copy.find_counts, "write the number of items asked for"),
    "unique": (whole_copy.find_repeats, "say something different"),
    "short_item": (whole_copy.find_too_few_short, "make one item short"),
    "requires": (whole_copy.find_missing_partner, "fill the field that it needs"),
    "must_include": (whole_copy.find_missing_phrase, "put the required phrase in"),
    "disclaimer": (whole_copy.find_missing_disclaimer, "add the disclaimer word for word"),
    "language": (whole_copy.find_wrong_language, "write in the language asked for"),
}


class WholeRule(NamedTuple):
    """How to find a fault in a whole candidate that a placement's rule asks about."""

    find: Callable[[Fields, CheckContext, str], str]
    advice: str
    takes: Takes = ""


# Named by the placement's own `rules`, which may name EDITORIAL ids as well.
PLACEMENT: dict[str, WholeRule] = {
    "domain_plus_paths_max": WholeRule(whole_copy.find_long_display_url, "shorten the paths", "number"),
}

FIELD_ADVICE = {"length": "", "newline": "write it on one line", "cut_off": "write a shorter, complete text"}


def get_advice(rule: str) -> str:
    """Return the repair instruction for a failed `rule`; "" for a rule that gives its own."""
    if (item_rule := ALWAYS.get(rule) or EDITORIAL.get(rule)) is not None:
        return item_rule.advice
    if rule in PLACEMENT:
        return PLACEMENT[rule].advice
    return SETS[rule][1] if rule in SETS else FIELD_ADVICE.get(rule, "")
