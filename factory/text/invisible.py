"""A text in, what nobody sees in it out: control characters, invisible ones, and markup that another program would run."""

import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
# Zero-width and bidirectional marks, soft hyphen, tags, private use, replacement character, noncharacters, surrogates.
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffd"
    "\ue000-\uf8ff\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\U000e0000-\U000e0fff\U000f0000-\U0010ffff]"
)
_JOINERS = "\u200c\u200d"
_MARKS = "\u200e\u200f\u061c"  # left-to-right and right-to-left marks: part of good Arabic and Hebrew typesetting
_PICTOGRAPH = re.compile("[\u2190-\u2bff\u3030\u303d\ufe0f\U0001f000-\U0001faff]")
# Scripts in which a joiner shapes letters: Arabic, Syriac to N'Ko, Devanagari to Malayalam, Sinhala, Myanmar, Khmer, Mongolian.
_JOINING = re.compile("[\u0590-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u18af\ufb1d-\ufdff\ufe70-\ufefc]")
_FLAG_TAGS = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,6}\U000e007f")

# Where a browser begins to read a tag, a comment or an instruction, a chat model a control token, a template its code.
_MARKUP = re.compile(r"</?[a-z]|<[!?|]|\{[{%#]", re.IGNORECASE)
# What a terminal obeys, what turns a line round, and what cannot be encoded.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def find_hidden(text: str) -> str:
    """Return in words the first control or invisible character of `text` (UTR #36, UTS #39), or "".

    Line feeds are let be; so are joiners between emoji and in scripts that they shape, direction marks in
    right-to-left text, and the tags of flags. https://www.unicode.org/reports/tr36/
    """
    if text.isascii() and text.isprintable():
        return ""
    found = _CONTROL.search(text)
    if found is not None:
        return f"has the control character U+{ord(found.group()):04X}"
    if text.isascii() or not _HIDDEN.search(text):
        return ""
    text = _FLAG_TAGS.sub("", text)
    for match in _HIDDEN.finditer(text):
        character, place = match.group(), match.start()
        around = text[max(0, place - 2) : place + 3]
        shapes = _JOINING.search(around)
        if character in _JOINERS and (shapes or _PICTOGRAPH.search(around)):
            continue
        if character in _MARKS and shapes:
            continue
        return f"has the invisible character U+{ord(character):04X} ({unicodedata.name(character, 'unnamed').lower()})"
    return ""


def find_unfit(text: str) -> str:
    """Return in words why `text` cannot be published word for word: hidden characters or markup; "" when it can."""
    found = _MARKUP.search(text)
    return f'has markup "{text[found.start() :][:40]}"' if found else find_hidden(text)


def spell_hidden(text: str) -> str:
    """Return `text` for a terminal: control characters and direction overrides as JSON escapes, so that JSON stays JSON."""
    return _OBEYED.sub(_spell, text)


def _spell(match: re.Match[str]) -> str:
    return f"\\u{ord(match.group()):04x}"
