"""Text is measured as each channel measures it, and the bounds for decoding always hold."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.text.lengths import (
    COUNTERS,
    GSM_BASIC,
    GSM_EXTENSION,
    char_bound,
    count,
    describe_misfit,
    find_emoji,
    fits,
    sms_segments,
)
from schemas.placement import Counting, TextField

CJK = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF)
KANA = st.characters(min_codepoint=0x3041, max_codepoint=0x30FF)
HANGUL = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
LATIN = st.characters(min_codepoint=0x20, max_codepoint=0x24F, exclude_categories=["Cc"])
ALPHABETS = {
    "ja-JP": st.one_of(CJK, KANA, st.characters(min_codepoint=0x20, max_codepoint=0x7E)),
    "zh-Hant-TW": CJK,
    "ko-KR": HANGUL,
    "en-US": st.characters(min_codepoint=0x20, max_codepoint=0x7E),
    "de-DE": LATIN,
    "ar": st.characters(min_codepoint=0x621, max_codepoint=0x64A),
    "ru-RU": st.characters(min_codepoint=0x400, max_codepoint=0x45F),
    "th": st.characters(min_codepoint=0xE01, max_codepoint=0xE30),
    "vi": st.sampled_from("aàảãáạăằẳẵắặâầẩẫấậđeèẻẽéẹêềểễếệ bcdghklmnpqrstvx"),
    "hi-IN": st.characters(min_codepoint=0x904, max_codepoint=0x939),
    "am": st.characters(min_codepoint=0x1200, max_codepoint=0x1248),
}


LONE_MESSAGE = {"counting": "sms_segments", "max": 160, "max_segments": 1}


def make_field(**changes: object) -> TextField:
    return TextField.model_validate({"name": "text", "max": 30} | changes)


def test_every_counting_rule_has_a_counter() -> None:
    assert set(COUNTERS) == set(Counting)


@pytest.mark.parametrize(
    ("text", "chars", "graphemes", "width", "width_emoji2", "weight"),
    [
        ("", 0, 0, 0, 0, 0),
        ("Boots", 5, 5, 5, 5, 5),
        ("cafe\u0301", 4, 4, 4, 4, 4),  # NFC joins the accent
        ("新しい靴", 4, 4, 8, 8, 8),
        ("\u1112\u1161\u11ab", 1, 1, 2, 2, 2),  # Hangul in single letters
        ("ｱﾊﾞ", 3, 2, 3, 3, 6),  # halfwidth katakana with a voicing mark
        ("Ａ", 1, 1, 2, 2, 2),  # fullwidth Latin
        ("สวัสดี", 6, 4, 6, 6, 6),
        ("مرحبا", 5, 5, 5, 5, 5),
        ("Việt", 4, 4, 4, 4, 5),
        ("😀", 1, 1, 2, 2, 2),
        ("❤", 1, 1, 1, 2, 2),
        ("❤\ufe0f", 2, 1, 2, 2, 2),
        ("👍🏽", 2, 1, 4, 4, 2),
        ("👨\u200d👩\u200d👧", 5, 1, 8, 8, 2),
        ("🇩🇪", 2, 1, 2, 2, 2),
        ("1\ufe0f\u20e3", 3, 1, 3, 3, 2),
        ("🫨", 1, 1, 2, 2, 2),  # newer than this Python's own tables
        ("Daybird™ ©", 10, 10, 10, 10, 11),
        ("a\r\nb", 4, 3, 4, 4, 4),
    ],
)
def test_text_is_measured_by_each_rule(
    text: str, chars: int, graphemes: int, width: int, width_emoji2: int, weight: int
) -> None:
    measured = [
        count(text, rule)
        for rule in (
            Counting.CHARS,
            Counting.GRAPHEMES,
            Counting.DISPLAY_WIDTH,
            Counting.DISPLAY_WIDTH_EMOJI2,
            Counting.X_WEIGHTED,
        )
    ]
    assert measured == [chars, graphemes, width, width_emoji2, weight]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("see https://example.com/a-very-long-path?with=arguments&more=1 now", 4 + 23 + 4),
        ("see https://example.com/a.", 4 + 23 + 1),  # the full stop is not part of the link
        ("daybird.com now", 23 + 4),  # X links a bare domain as well
        ("https://x.coを買う", 23 + 6),  # a link ends where its letters do
        ("https://nodot", 13),
        ("mail a@b.com", 12),
        ("v1.5 for $9.99", 14),
        ("Wait… €5", 8 + 2),
        ("“quotes” – dash", 15),
        ("a.com b.org", 23 + 1 + 23),
    ],
)
def test_x_weighs_links_as_23_and_some_signs_as_2(text: str, weight: int) -> None:
    assert count(text, Counting.X_WEIGHTED) == weight


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("hiking boots", 11),
        ("hiking, boots; waterproof-leather!", 28),
        ("größe", 7),
        ("靴 ブーツ", 12),
        ("日本、東京", 12),
        ("a+b", 3),
    ],
)
def test_bytes_leave_out_spaces_and_punctuation(text: str, size: int) -> None:
    assert count(text, Counting.UTF8_BYTES) == size


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ("GSM-7", 0, 0)),
        ("a" * 160, ("GSM-7", 160, 1)),
        ("a" * 161, ("GSM-7", 161, 2)),
        ("a" * 306, ("GSM-7", 306, 2)),
        ("a" * 307, ("GSM-7", 307, 3)),
        ("Straße Ñandú à Ωmega", ("UCS-2", 20, 1)),  # u acute is outside the alphabet
        ("Straße Ñ à Ω £5\n", ("GSM-7", 16, 1)),
        ("€5 [now]", ("GSM-7", 11, 1)),
        ("a" * 159 + "€", ("GSM-7", 161, 2)),
        ("a" * 152 + "€" + "a" * 152, ("GSM-7", 306, 3)),  # the pair moves to the second part, and one unit is lost
        ("靴" * 70, ("UCS-2", 70, 1)),
        ("靴" * 71, ("UCS-2", 71, 2)),
        ("a" * 70 + "’", ("UCS-2", 71, 2)),
        ("😀" * 35, ("UCS-2", 70, 1)),
        ("a" * 66 + "😀" + "a" * 66, ("UCS-2", 134, 3)),
        ("cafe\u0301", ("GSM-7", 4, 1)),
    ],
)
def test_messages_are_cut_as_a_network_cuts_them(text: str, expected: tuple[str, int, int]) -> None:
    assert sms_segments(text) == expected
    assert count(text, Counting.SMS_SEGMENTS) == expected[1]


def test_emoji_are_found_whole() -> None:
    assert find_emoji("a 👨\u200d👩\u200d👧 b 🇩🇪🇫🇷 1\ufe0f\u20e3 ❤ ™ © 12#") == [
        "👨\u200d👩\u200d👧",
        "🇩🇪",
        "🇫🇷",
        "1\ufe0f\u20e3",
        "❤",
    ]


@pytest.mark.parametrize(
    ("text", "changes", "expected"),
    [
        ("a" * 30, {}, ""),
        ("a" * 31, {}, "measures 31 characters, 1 over the limit of 30"),
        ("a" * 31, {"limit": "soft"}, "1 over the advised 30"),
        ("靴" * 16, {"counting": "display_width"}, "measures 32 columns"),
        ("ab", {"min": 3}, "below the least 3"),
        ("", {}, "below the least 1"),
        ("", {"min": 0}, ""),
        (
            "靴" * 71,
            {"counting": "sms_segments", "max": 160, "max_segments": 1},
            "takes 2 messages (71 units in UCS-2)",
        ),
        ("a" * 160, {"counting": "sms_segments", "max": 160, "max_segments": 1}, ""),
    ],
)
def test_a_misfit_is_said_in_words(text: str, changes: dict[str, object], expected: str) -> None:
    field = make_field(**changes)
    assert (expected in describe_misfit(text, field)) and fits(text, field) == (not expected)


@pytest.mark.parametrize(
    ("counting", "limit", "locale", "bound"),
    [
        ("chars", 30, "ja-JP", 30),
        ("graphemes", 30, "ja-JP", 30),
        ("display_width", 30, "en-US", 30),
        ("display_width", 31, "ja", 15),
        ("display_width_emoji2", 30, "zh-Hans-CN", 15),
        ("display_width", 30, "ar-EG", 30),
        ("x_weighted", 280, "de-DE", 280),
        ("x_weighted", 280, "ko-KR", 140),
        ("x_weighted", 280, "vi-VN", 140),
        ("utf8_bytes_no_space_punct", 249, "en-GB", 249),
        ("utf8_bytes_no_space_punct", 249, "de-DE", 124),
        ("utf8_bytes_no_space_punct", 249, "ja-JP", 83),
        ("utf8_bytes_no_space_punct", 249, "hi-IN", 83),
        ("sms_segments", 160, "en-US", 160),
        ("sms_segments", 160, "fr-FR", 70),
        ("sms_segments", 160, "ja-JP", 70),
        ("display_width", 1, "ja-JP", 1),
    ],
)
def test_bounds_follow_from_rule_and_locale(counting: str, limit: int, locale: str, bound: int) -> None:
    segments = 1 if counting == "sms_segments" else None
    assert char_bound(make_field(counting=counting, max=limit, max_segments=segments), locale) == bound


def test_a_bound_keeps_to_the_recommended_size() -> None:
    assert char_bound(make_field(max=3000, recommended=150), "en-US") == 150
    assert char_bound(make_field(max=100, recommended=40, counting="display_width"), "ja-JP") == 20
    assert char_bound(make_field(max=100, recommended=400), "en-US") == 100
    assert char_bound(make_field(counting="sms_segments", max=1600, max_segments=2), "ja-JP") == 134
    assert char_bound(make_field(counting="sms_segments", max=1600), "en-US") == 1600
    assert char_bound(make_field(counting="chars", max=160, max_segments=1), "ja-JP") == 70


@pytest.mark.parametrize("counting", Counting)
@pytest.mark.parametrize("locale", ALPHABETS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_text_of_the_locale_within_the_bound_always_fits(counting: Counting, locale: str, data: st.DataObject) -> None:
    limit = data.draw(st.integers(6, 400))
    segments = data.draw(st.integers(1, 3)) if counting is Counting.SMS_SEGMENTS else None
    field = make_field(counting=counting, max=limit, min=0, max_segments=segments)
    letters = ALPHABETS[locale]
    if counting is Counting.SMS_SEGMENTS and locale in ("en-US", "de-DE"):
        letters = st.sampled_from(sorted(GSM_BASIC))
    elif counting is Counting.SMS_SEGMENTS:
        letters = letters.filter(lambda letter: letter not in GSM_EXTENSION)  # a text of brackets alone is GSM-7
    if counting is Counting.X_WEIGHTED:
        letters = letters.filter(lambda letter: letter != ".")  # no links
    bound = char_bound(field, locale)
    text = data.draw(st.text(letters, min_size=1, max_size=12)) * bound
    assert describe_misfit(unicodedata.normalize("NFC", text[:bound]), field) == ""


@given(st.text())
def test_measures_are_ordered(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    assert count(text, Counting.GRAPHEMES) <= count(text, Counting.CHARS) == len(text)
    assert (
        len(text) <= count(text, Counting.DISPLAY_WIDTH) <= count(text, Counting.DISPLAY_WIDTH_EMOJI2) <= 2 * len(text)
    )


@pytest.mark.parametrize(
    "counting",
    [Counting.CHARS, Counting.GRAPHEMES, Counting.DISPLAY_WIDTH, Counting.DISPLAY_WIDTH_EMOJI2, Counting.UTF8_BYTES],
)
@given(first=st.text(), second=st.text())
def test_text_never_shrinks_when_more_is_added(counting: Counting, first: str, second: str) -> None:
    assert count(first + second, counting) >= count(first, counting)


@given(st.text())
def test_a_message_is_cut_into_parts_that_hold_it(text: str) -> None:
    encoding, units, segments = sms_segments(text)
    alone, part = {"GSM-7": (160, 153), "UCS-2": (70, 67)}[encoding]
    if segments > 1:
        assert units > alone and (part - 1) * (segments - 1) < units <= part * segments
    else:
        assert units <= alone and segments == bool(text)


def test_lone_surrogates_are_measured_and_not_fatal() -> None:
    assert all(count("a\ud800", counting) >= 1 for counting in Counting)
