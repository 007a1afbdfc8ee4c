"""What Hypothesis draws: hostile texts, briefs whose every field may hold them or something of another type, and answers."""

from typing import Any

from hypothesis import strategies as st

from factory.engines.scripted.hostile_answers import WAYS
from schemas.brief import Brief
from tests.fuzz import hostile
from tests.fuzz.cases import Case

PLACEMENTS = (
    "google_rsa",
    "meta_feed",
    "email",
    "sms",
    "x_post",
    "amazon_listing",
    "google_merchant",
    "push",
    "linkedin",
    "microsoft_rsa",
)
LOCALES = (
    *("en-US", "en-GB", "de-DE", "ar-EG", "he-IL", "ja-JP", "hi-IN", "th", "zh-Hans-CN", "es-419", "en-JP", "dv-MV"),
    *(
        "en_us",
        "x",
        "klingon",
        "../..",
        "en-US\x00",
        "EN-us ",
        "art-lojban",
        "i-default",
        "\u0435n-US",
        "en--US",
        "io",
    ),
)
URLS = (
    "https://daybird.example/shop",
    "javascript:window.pwned=1",
    'https://x.example/"><script>window.pwned=1</script>',
    "http://[::1",
    "https://daybird.example/a b",
    "https://d\u0430ybird.example/",
    "HTTPS://daybird.example",
    "https://x.example/\u202egpj",
    "//x.example",
    "data:text/html,x",
    "https://user:pw@x.example:99999/?q={kw}#f",
    "https://x.example/" + "a" * 400,
    "https:///x",
    "https://\u2066x.example",
    "ftp://x.example",
)
_ODD_CHARACTERS = st.characters(categories=("Cs", "Cf", "Cc", "Co", "Mn", "Me", "Zl", "Zp", "Zs", "Nl", "No"))
_FIELDS = tuple(name for name in Brief.model_fields if name != "image_uri")
_LISTS = ("key_messages", "must_include", "must_avoid", "competitors")
_KINDS_OF_ANY_FIELD = (
    *("large_text", "dictionary", "binary", "int64", "uint64", "double", "half", "bool", "decimal", "huge_decimal"),
    *("date", "timestamp", "nanoseconds", "duration", "time", "null", "texts", "numbers", "named", "claims", "offer"),
    *("map", "deep"),
)

pieces = st.sampled_from(hostile.PIECES)
long_texts = st.builds(
    lambda piece, times: {"$repeat": [piece or "x", times]}, pieces, st.sampled_from((30, 300, 490, 3_000, 20_000))
)
joined = st.lists(pieces | st.text(_ODD_CHARACTERS, max_size=4) | st.text(max_size=6), min_size=1, max_size=5).map(
    "".join
)
texts = st.one_of(pieces, joined, joined.map(lambda text: f"Soft wool {text} socks"))
any_text = st.one_of(texts, texts, texts, texts, long_texts)
small = st.integers(-(2**62), 2**62)
days = st.integers(-(2**31), 2**31 - 1) | st.integers(-800_000, 3_000_000)
floats = st.floats(width=16) | st.sampled_from((0.0, 19.99, -5.0))
json_values = st.recursive(
    st.none() | st.booleans() | small | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)

_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": any_text,
    "large_text": any_text,
    "dictionary": texts,
    "binary": texts,
    "int64": small,
    "uint64": small,
    "double": st.floats(),
    "half": floats,
    "bool": st.booleans(),
    "decimal": st.decimals(-(10**27), 10**27, places=10).map(str),
    "huge_decimal": st.decimals(-(10**70), 10**70, places=2).map(str),
    "date": days,
    "timestamp": small,
    "nanoseconds": small,
    "duration": small,
    "time": st.integers(0, 86_399),
    "null": st.none(),
    "texts": st.lists(texts | st.none(), max_size=4)
    | st.builds(lambda text, times: {"$repeat": [[text], times]}, any_text, st.sampled_from((20, 100, 101))),
    "numbers": st.lists(st.floats(), max_size=3),
    "named": st.lists(
        st.none() | st.fixed_dictionaries({"name": texts | st.none(), "needs": texts | st.none()}), max_size=3
    ),
    "claims": st.lists(st.fixed_dictionaries({"text": texts | st.none(), "evidence": texts}), max_size=3),
    "offer": st.fixed_dictionaries(
        {
            "text": texts | st.none(),
            "code": texts,
            "starts": st.none() | st.integers(-700_000, 2_900_000),
            "ends": texts | st.just("2026-12-31") | st.none(),
        }
    ),
    "map": st.dictionaries(texts, texts | st.none(), max_size=4),
    "deep": texts,
}
_ODD_TEXTS = {
    "locale": st.sampled_from(LOCALES),
    "url": st.sampled_from(URLS) | any_text,
    "currency": st.sampled_from(("USD", "eur ", "JPY", "XAU", "", "\u20ac")),
}
_OWN_KINDS = dict.fromkeys(_LISTS, ("texts",)) | {
    "price": ("decimal", "double", "huge_decimal", "int64"),
    "sale_price": ("decimal", "double", "huge_decimal"),
    "offer": ("offer",),
    "segments": ("named", "texts"),
    "claims": ("claims", "texts"),
    "attributes": ("map",),
    "priority": ("int64", "double"),
}


def make_columns(count: int) -> dict[str, list[Any]]:
    """Columns of `count` harmless briefs."""
    return {
        "brief_id": ["text", [f"b-{number}" for number in range(count)]],
        "product_name": ["text", ["Harbour Wool Socks"] * count],
        "brand": ["text", ["Daybird"] * count],
        "description": ["text", ["Warm wool with a soft lining for long walks."] * count],
        "key_messages": ["texts", [["Made to last"]] * count],
        "price": ["double", [19.5] * count],
        "currency": ["text", ["USD"] * count],
        "url": ["text", ["https://daybird.example/shop"] * count],
    }


@st.composite
def columns(draw: st.DrawFn, count: int) -> dict[str, list[Any]]:
    """A table of `count` briefs, some of whose columns hold what they should not."""
    table = make_columns(count)
    for name in draw(st.lists(st.sampled_from(_FIELDS), min_size=1, max_size=5, unique=True)):
        choice = draw(st.integers(0, 9))
        kind = "text"
        if 4 <= choice <= 6 and name in _OWN_KINDS:
            kind = draw(st.sampled_from(_OWN_KINDS[name]))
        elif choice >= 7:
            kind = draw(st.sampled_from(_KINDS_OF_ANY_FIELD))
        values = _ODD_TEXTS.get(name, _VALUES[kind]) if kind == "text" else _VALUES[kind]
        table[name] = [kind, draw(st.lists(values | st.none(), min_size=count, max_size=count))]
    return table


places = st.integers(0, 3)
answers = st.one_of(
    st.just({"good": True}),
    st.builds(lambda text, at: {"add": text, "at": at}, texts, places),
    st.builds(lambda text: {"raw": text}, any_text),
    st.builds(lambda way, at: {"way": way, "at": at}, st.sampled_from(WAYS), places),
    st.builds(
        lambda value, at, ascii: {"put": value, "at": at, "ascii": ascii},
        any_text | texts | json_values | st.lists(texts, min_size=1, max_size=4),
        places,
        st.booleans(),
    ),
)
mappings = st.sampled_from(
    (
        {},
        {},
        {},
        {"description": "{{ brand }}: {{ product_name }}"},
        {"attributes.note": "product_name", "offer.text": "brand"},
    )
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """A whole case: a few briefs, a placement or two, and the answers that the engine gives in turn."""
    return Case(
        columns=draw(columns(draw(st.integers(1, 4)))),
        answers=draw(st.lists(answers, min_size=1, max_size=6)),
        placements=draw(st.lists(st.sampled_from(PLACEMENTS), min_size=1, max_size=2, unique=True)),
        mapping=draw(mappings),
    )
