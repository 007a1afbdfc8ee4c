"""Fonts: which are taken for a locale, what none of them draws, and that only they are drawn with."""

import os
import subprocess
import sys
from pathlib import Path

import blitz_py
import numpy as np
import numpy.typing as npt
import pytest

from factory.errors import JobError
from factory.images.brand import fonts as fonts_module
from factory.images.brand.fonts import BUNDLED, FontStack, load_stack, read_kit_files, register_stack
from factory.storage.store import Store
from schemas.brand import Fonts
from tests.support.font_builders import build_font


def load(locale: str = "en-US", fonts: Fonts | None = None, folder: str = ".") -> FontStack:
    stack = load_stack(fonts or Fonts(), folder, locale)
    register_stack(stack)
    return stack


def measure(stack: FontStack, text: str, weight: int = 400, heading: bool = True) -> float:
    width, _ = blitz_py.measure_text(text, font_size=40, font_weight=weight, font_family=stack.css(heading))
    return width


def paint(stack: FontStack, text: str, style: str = "") -> npt.NDArray[np.uint8]:
    """Darkness of black on white, 400 x 60."""
    html = f'<body style="margin:0;font:40px {stack.css(heading=True)};{style}">{text}</body>'
    width, height, data = blitz_py.render_rgba(html, width=400, height=60)
    return 255 - np.frombuffer(data, np.uint8).reshape(height, width, 4)[..., 0]


def list_names(stack: FontStack, heading: bool = True) -> list[str]:
    return [font.name for font in (stack.heading if heading else stack.body)]


@pytest.mark.parametrize(
    ("locale", "names"),
    [
        ("en-US", ["inter", "noto-sans"]),
        ("ar-SA", ["inter", "noto-sans-arabic", "noto-sans"]),
        ("ur", ["inter", "noto-sans-arabic", "noto-sans"]),
        ("hi-IN", ["inter", "noto-sans-devanagari", "noto-sans"]),
        ("ja-JP", ["inter", "noto-sans-cjk", "noto-sans"]),
        ("zh-Hans-CN", ["inter", "noto-sans-cjk", "noto-sans"]),
    ],
)
def test_the_family_of_a_script_follows_the_brand_s_own(locale: str, names: list[str]) -> None:
    assert list_names(load_stack(Fonts(), ".", locale)) == names


def test_families_of_a_locale_come_first_narrowest_before_wider() -> None:
    fonts = Fonts(
        heading=["Inter"],
        body=["Noto Sans"],
        by_locale={"zh": ["noto-sans-cjk"], "zh-Hant": ["noto-sans-arabic"], "default": ["noto-sans-devanagari"]},
    )
    stack = load_stack(fonts, ".", "zh-Hant-TW")
    local = ["noto-sans-arabic", "noto-sans-cjk", "noto-sans-devanagari"]
    assert list_names(stack) == [*local, "inter", "noto-sans"]
    assert list_names(stack, heading=False) == [*local, "noto-sans"]
    assert list_names(load_stack(fonts, ".", "de-DE")) == ["noto-sans-devanagari", "inter", "noto-sans"]


@pytest.mark.parametrize(
    ("locale", "text", "missing"),
    [
        ("en-US", "Fjörd’s Ελλάς жук — 10\u202f€\u00a0ﬁ ™ ẍ̃", ""),
        ("en-US", "a\u200bb\u00adc\u200ed\ufe0f\n", ""),
        ("en-US", "Tea 😀 and 漢字, 漢", "😀漢字"),
        ("en-US", "1\ufe0f\u20e3", "\u20e3"),
        ("en-US", "กa", "ก"),
        ("ar-SA", "قهوة عربية ١٢٣ مُحَمَّد", ""),
        ("hi-IN", "क्षत्रिय ज्ञान क्\u200dष ₹", ""),
        ("hi-IN", "مرحبا", "مرحبا"),
        ("ja-JP", "日本語の見出し、カタカナ 한국어", ""),
    ],
)
def test_missing_characters_are_found_each_once(locale: str, text: str, missing: str) -> None:
    assert load_stack(Fonts(), ".", locale).find_missing(text, heading=True) == missing


def test_a_letter_and_its_mark_must_be_in_one_font(tmp_path: Path) -> None:
    (tmp_path / "marks.ttf").write_bytes(build_font("Marks", letters="q\u030a"))
    stack = load_stack(Fonts(heading=["marks.ttf"]), str(tmp_path), "en")
    assert stack.find_missing("q\u030a", heading=True) == ""
    assert stack.find_missing("ক\u030a", heading=True) == "ক"
    cjk = load_stack(Fonts(heading=["marks.ttf"]), str(tmp_path), "ja")
    assert cjk.find_missing("漢\u030a", heading=True) == "\u030a"


@pytest.mark.parametrize(("locale", "text"), [("en", "Hamburg"), ("ar", "قهوة عربية"), ("hi", "क्षत्रिय")])
def test_every_weight_draws_darker_than_the_one_before(locale: str, text: str) -> None:
    stack = load(locale)
    ink = [int(paint(stack, text, f"font-weight:{weight}").sum()) for weight in (400, 500, 600, 700, 800, 900)]
    assert ink == sorted(set(ink))
    assert ink[-1] > 1.3 * ink[0]


def test_arabic_is_joined_and_set_from_the_right() -> None:
    stack = load("ar-SA")
    assert measure(stack, "ببب") < 0.8 * 3 * measure(stack, "ب")
    columns = np.flatnonzero(paint(stack, '<div dir="rtl">قهوة</div>').any(axis=0))
    assert columns[-1] > 380, "starts at the right edge"
    first, second = (paint(stack, f'<div dir="rtl">{text}</div>')[:, 392:] for text in ("اب", "ا"))
    assert first.any() and (first == second).all(), "the first letter stands right"


def test_devanagari_builds_conjuncts() -> None:
    stack = load("hi-IN")
    assert measure(stack, "क्ष") < 0.8 * measure(stack, "क\u200c्\u200cष")
    assert measure(stack, "कि") == pytest.approx(measure(stack, "क") + measure(stack, "ि"), rel=0.5)


def test_each_character_of_cjk_draws_a_glyph_of_its_own() -> None:
    stack = load("ja-JP")
    pictures = [paint(stack, text).tobytes() for text in ("日", "本", "語", "あ", "한", "简")]
    assert len(set(pictures)) == len(pictures)


def test_the_same_family_name_of_two_brands_stays_two_fonts(tmp_path: Path) -> None:
    stacks = []
    for folder, weight in (("one", 400), ("two", 800)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "acme.ttf").write_bytes(build_font("Acme", weight))
        stacks.append(load(fonts=Fonts(heading=["acme.ttf"]), folder=str(tmp_path / folder)))
    thin, bold = stacks
    assert thin.heading[0].family != bold.heading[0].family
    assert paint(bold, "Hamburg").sum() > 1.3 * paint(thin, "Hamburg").sum()


def test_files_of_one_family_are_its_weights(tmp_path: Path) -> None:
    for name, weight in (("regular.ttf", 400), ("bold.ttf", 700)):
        (tmp_path / name).write_bytes(build_font("Acme", weight))
    stack = load(fonts=Fonts(heading=["regular.ttf", "bold.ttf"]), folder=str(tmp_path))
    assert stack.heading[0].family == stack.heading[1].family
    assert stack.css(heading=True).count("ff-") == 2, "the family once, then Noto Sans"
    inter = load()
    for weight in (400, 700):
        html = f"font-weight:{weight};font-optical-sizing:none"
        ink = [int(paint(each, "Hamburg", html).sum()) for each in (stack, inter)]
        assert ink[0] == pytest.approx(ink[1], rel=0.02)


def test_a_family_draws_what_all_of_its_files_draw(tmp_path: Path) -> None:
    (tmp_path / "regular.ttf").write_bytes(build_font("Acme", 400, letters="ab漢"))
    (tmp_path / "bold.ttf").write_bytes(build_font("Acme", 700, letters="ac"))
    stack = load_stack(Fonts(heading=["regular.ttf", "bold.ttf"]), str(tmp_path), "en")
    assert all(font.covered == frozenset(map(ord, "a")) for font in stack.heading[:2])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Helvetica", f"'Helvetica' is no bundled family.*{', '.join(BUNDLED)}"),
        ("acme.woff2", "no bundled family and no font file"),
        ("missing.ttf", r"there is no file .*missing\.ttf; there are broken\.ttf"),
        ("../acme.ttf", "is no path below"),
        ("/etc/acme.ttf", "is no path below"),
        ("broken.ttf", r"broken\.ttf is damaged"),
        ("cut.ttf", r"cut\.ttf is damaged"),
        ("text.otf", r"text\.otf is no TrueType or OpenType font"),
        ("collection.ttf", "is no TrueType or OpenType font"),
    ],
)
def test_what_is_no_font_is_refused_by_name(tmp_path: Path, name: str, message: str) -> None:
    data = build_font()
    middle = len(data) // 2
    (tmp_path / "broken.ttf").write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
    (tmp_path / "cut.ttf").write_bytes(data[:middle])
    (tmp_path / "text.otf").write_text("not a font", encoding="utf-8")
    (tmp_path / "collection.ttf").write_bytes(b"ttcf" + data[4:])
    fonts = Fonts(heading=["inter"], by_locale={"de": [name]})
    for use in (lambda: load_stack(fonts, str(tmp_path), "de-DE"), lambda: read_kit_files(fonts, str(tmp_path))):
        with pytest.raises(JobError, match=f"(?s){message}"):
            use()


def test_a_file_above_the_bound_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme.ttf").write_bytes(build_font())
    monkeypatch.setattr(fonts_module, "MAX_BYTES", 1000)
    with pytest.raises(JobError, match=r"bytes, above the 1,000 that are read"):
        read_kit_files(Fonts(heading=["acme.ttf"]), str(tmp_path))


@pytest.mark.s3
def test_fonts_lie_on_s3_too(bucket: str) -> None:
    Store(f"{bucket}/kits").write_bytes("fonts/acme.ttf", build_font())
    stack = load_stack(Fonts(heading=["fonts/acme.ttf"]), f"{bucket}/kits", "en")
    assert list_names(stack) == ["fonts/acme.ttf", "noto-sans"]


def test_fonts_that_are_registered_later_change_nothing() -> None:
    stack = load("en")
    before = paint(stack, "漢字 قهوة Tea").tobytes()
    load("ja")
    load("ar")
    assert paint(stack, "漢字 قهوة Tea").tobytes() == before


PROGRAM = """
import os, sys
import blitz_py
from factory.images.brand.fonts import load_stack, register_stack
from schemas.brand import Fonts
if "shut" in sys.argv:
    register_stack(load_stack(Fonts(), ".", "en"))
print(*(blitz_py.measure_text("1WM", font_size=40, font_family=name)[0] for name in ("Machine", "Nowhere")))
print(os.environ["FONTCONFIG_FILE"])
"""


@pytest.mark.parametrize("mode", ["shut", "open"])
def test_fonts_of_the_machine_are_shut_out(tmp_path: Path, mode: str) -> None:
    (tmp_path / "machine.ttf").write_bytes(build_font("Machine", 900))
    config = tmp_path / "fonts.conf"
    config.write_text(f"<fontconfig><dir>{tmp_path}</dir><cachedir>{tmp_path}</cachedir></fontconfig>")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, mode],
        env={**os.environ, "FONTCONFIG_FILE": str(config)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    widths, variable = done.stdout.splitlines()
    assert variable == str(config), "the variable is as it was"
    machine, nowhere = widths.split()
    if mode == "shut":
        assert machine == nowhere
    elif machine == nowhere:
        pytest.skip("this machine has no fontconfig: blitz finds no fonts on it anyway")
