"""Which characters a text may have while it is decoded: the regular expression of one item, by script and channel rules."""

from schemas.placement import Counting, TextField

MAX_REPEAT = 100  # of one character class, see `_repeat`

_LATIN = "A-Za-z\u00c0-\u024f\u1e00-\u1eff"
_SCRIPTS = {
    "ar": "\u0621-\u064a\u064b-\u0652\u066b\u066c\u060c\u061b\u061f" + "A-Za-z",
    "bg": "\u0400-\u04ff" + "A-Za-z",
    "el": "\u0370-\u03ff" + "A-Za-z",
    "fa": "\u0621-\u064a\u067e\u0686\u0698\u06a9\u06af\u06cc\u200c\u060c\u061b\u061f" + "A-Za-z",
    "he": "\u05d0-\u05ea" + "A-Za-z",
    "hi": "\u0900-\u0963\u200c\u200d" + "A-Za-z",
    "ja": "\u3041-\u309f\u30a0-\u30ff\u4e00-\u9fff\u3001\u3002\u300c\u300d\uff01\uff1f\u3005" + "A-Za-z",
    "ko": "\uac00-\ud7a3" + "A-Za-z",
    "ru": "\u0400-\u04ff" + "A-Za-z",
    "th": "\u0e01-\u0e3a\u0e40-\u0e4e" + "A-Za-z",
    "uk": "\u0400-\u04ff\u2019" + "A-Za-z",
    "zh": "\u4e00-\u9fff\u3001\u3002\u300c\u300d\uff01\uff1f\uff0c\uff1a" + "A-Za-z",
}
# Languages of scripts that are not spelled out above: any letter but those of symbols and emoji is let through.
_OTHERS = frozenset(
    "am as be bn ckb dv gu hy ka kk km kn ky lo mk ml mn mr my ne or pa ps sa sd si sr ta te tg ti tt ug ur yi".split()
)
_ANY_SCRIPT = "\u0370-\u1fff\u2c80-\ud7a3" + "A-Za-z"
# The accented letters of GSM 03.38, the alphabet of a cheap text message.
_GSM_LETTERS = "A-Za-zèéùìòÇØøÅåÆæßÉÄÖÑÜäöñüà"
# UTF-8, where the script is not Latin (1) or another of two bytes.
_BYTES_PER_CHAR = dict.fromkeys(("ja", "ko", "zh", "hi", "th"), 3)
_DIGITS = {"ar": "\u0660-\u0669", "fa": "\u06f0-\u06f9"}
_MARKS = " ,.;:'\u2019&()/?\u2013-"
_MONEY = "%$\u20ac\u00a3\u00a5"


def count_bytes(language: str) -> int:
    """Return how many UTF-8 bytes a character of the language's script takes at most."""
    if language in _OTHERS:
        return 3
    return _BYTES_PER_CHAR.get(language, 2 if language in _SCRIPTS else 1)


def make_pattern(field: TextField, language: str, numbers: bool, least: int, most: int) -> str:
    """Build the regular expression of one item: the script's letters and plain marks, less what the field's rules ban."""
    marks = _MARKS + ("" if "no_exclamation" in field.rules else "!")
    if numbers:
        marks += _MONEY
    for rule in field.rules:
        name, _, argument = rule.partition(":")
        banned = argument if name == "no_chars" else "/" if name == "no_slash" else ""
        marks = "".join(mark for mark in marks if mark not in banned)
    letters = _ANY_SCRIPT if language in _OTHERS else _SCRIPTS.get(language, _LATIN)
    if field.counting is Counting.SMS_SEGMENTS and language not in _SCRIPTS:
        # One character outside GSM-7 turns the whole message into UCS-2, which holds less than half as much.
        letters = _GSM_LETTERS
        marks = "".join(mark for mark in marks if mark not in "\u2019\u2013\u20ac")
    digits = "0-9" + _DIGITS.get(language, "") if numbers else ""
    escaped = "".join(f"\\{mark}" if mark in "/()?.$" else mark for mark in marks if mark != "-")
    dash = "\\-" if "-" in marks else ""
    return _repeat(f"[{letters}{digits}{escaped}{dash}]", least, most)


def _repeat(characters: str, least: int, most: int) -> str:
    """Return the pattern of `least` to `most` of `characters`.

    xgrammar 0.2 masks tokens wrongly for a class repeated more than 128 times (seen: the text breaks off behind its closing
    quote), so long texts are spelled as alternatives of shorter repeats.
    """
    if most <= MAX_REPEAT:
        return f"^{characters}{{{least},{most}}}$"
    alternatives = []
    for done in range(0, most, MAX_REPEAT):
        low, high = max(least - done, 1 if done else 0), min(MAX_REPEAT, most - done)
        if low <= high:
            alternatives.append(
                f"{characters}{{{MAX_REPEAT}}}" * (done // MAX_REPEAT) + f"{characters}{{{low},{high}}}"
            )
    return f"^({'|'.join(alternatives)})$"
