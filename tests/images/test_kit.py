"""Brand kits: read with all that they name, digested, found by a brief's brand, and their words by locale."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from factory.errors import JobError
from factory.images.brand import kit as brands_module
from factory.images.brand import logo_file as logo_module
from factory.images.brand.kit import Brand, find_actions, find_legal, load_brand, load_brands, pick_brand
from factory.storage.store import Store
from schemas.brand import BrandKit
from tests.support.font_builders import build_font

COLORS = {"primary": "#0b3d2e", "secondary": "#E9B44C", "accent": "#d14"}
LOGO = {"on_light": "logo.png", "on_dark": "dark.webp"}


def draw_logo(color: tuple[int, int, int, int] = (10, 60, 40, 255), kind: str = "PNG") -> bytes:
    """A mark of 60 x 30 pixels in the middle of 100 x 80 transparent ones."""
    picture = Image.new("RGBA", (100, 80))
    picture.paste(color, (20, 25, 80, 55))
    out = io.BytesIO()
    picture.save(out, kind, lossless=True)
    return out.getvalue()


def write_kit(folder: Path, file: str = "kit.yaml", **values: Any) -> str:
    (folder / "logo.png").write_bytes(draw_logo())
    (folder / "dark.webp").write_bytes(draw_logo((255, 255, 255, 200), "WEBP"))
    (folder / "acme.ttf").write_bytes(build_font())
    kit = {"name": "Acme", "colors": COLORS, "logo": LOGO, "fonts": {"heading": ["acme.ttf", "inter"]}, **values}
    (folder / file).write_text(yaml.safe_dump(kit), encoding="utf-8")
    return str(folder / file)


def test_a_kit_is_read_with_its_logo_trimmed_to_what_is_seen(tmp_path: Path) -> None:
    brand = load_brand(write_kit(tmp_path))
    assert (brand.kit.name, brand.folder) == ("Acme", str(tmp_path))
    assert (brand.kit.colors.secondary, brand.kit.colors.accent) == ("#e9b44c", "#dd1144")
    assert {ground: pixels.shape for ground, pixels in brand.logos.items()} == {
        "light": (30, 60, 4),
        "dark": (30, 60, 4),
    }
    assert (brand.logos["light"] == (10, 60, 40, 255)).all()
    assert (brand.logos["dark"] == (255, 255, 255, 200)).all()


def test_a_kit_without_a_logo_has_none(tmp_path: Path) -> None:
    assert load_brand(write_kit(tmp_path, logo=None)).logos == {}
    assert set(load_brand(write_kit(tmp_path, logo={"on_light": "logo.png"})).logos) == {"light"}


def test_the_digest_is_of_what_decides_the_picture(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = load_brand(write_kit(tmp_path)).digest
    assert load_brand(write_kit(tmp_path / "other", "named.yaml")).digest == first, "wherever it lies"
    path = write_kit(tmp_path)
    text = Path(path).read_text(encoding="utf-8")
    Path(path).write_text("# a remark\n" + text, encoding="utf-8")
    assert load_brand(path).digest == first
    seen = {first}
    for change in ("radius", "logo", "dark logo", "font"):
        path = write_kit(tmp_path, **({"radius": 1} if change == "radius" else {}))
        if change == "logo":
            (tmp_path / "logo.png").write_bytes(draw_logo((11, 60, 40, 255)))
        elif change == "dark logo":
            (tmp_path / "dark.webp").write_bytes(draw_logo(kind="WEBP"))
        elif change == "font":
            (tmp_path / "acme.ttf").write_bytes(build_font(weight=500))
        digest = load_brand(path).digest
        assert digest not in seen, change
        seen.add(digest)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"colours": {}}, r"kit\.yaml line \d+: unknown key colours.*colors"),
        ({"colors": {**COLORS, "primary": "green"}}, r"kit\.yaml line \d+: colors\.primary: 'green' is not a colour"),
        ({"actions": {"xx-YY": ["Buy"]}}, r"kit\.yaml line \d+: actions.*names no language"),
        ({"name": ""}, r"kit\.yaml line \d+: name"),
        ({"logo": {"on_light": "nope.png"}}, r"kit\.yaml: logo: there is no file .*nope\.png; there are acme\.ttf"),
        ({"logo": {"on_light": "../logo.png"}}, r"kit\.yaml: logo: '\.\./logo\.png' is no path below"),
        ({"logo": {"on_light": "http://x/logo.png"}}, r"is no path below"),
        ({"logo": {"on_light": "acme.ttf"}}, r"kit\.yaml: logo acme\.ttf: is no PNG or WebP"),
        ({"logo": {"on_light": "cut.png"}}, r"logo cut\.png: is no PNG or WebP that can be read"),
        ({"logo": {"on_light": "empty.png"}}, r"logo empty\.png: every pixel is transparent"),
        ({"logo": {"on_light": "tiny.png"}}, r"logo tiny\.png: what can be seen of it is 4 x 4 pixels"),
        ({"logo": {"on_light": "photo.jpg"}}, r"logo photo\.jpg: is no PNG or WebP"),
        ({"fonts": {"body": ["Arial"]}}, r"'Arial' is no bundled family"),
        ({"fonts": {"by_locale": {"ja": ["logo.ttf"]}}}, r"logo\.ttf is no TrueType or OpenType font"),
    ],
)
def test_what_is_wrong_with_a_kit_is_named(tmp_path: Path, values: dict[str, Any], message: str) -> None:
    path = write_kit(tmp_path, **values)
    (tmp_path / "cut.png").write_bytes(draw_logo()[:100])
    (tmp_path / "logo.ttf").write_bytes(draw_logo())
    Image.new("RGBA", (40, 40)).save(tmp_path / "empty.png")
    Image.new("RGB", (4, 4)).save(tmp_path / "tiny.png")
    Image.new("RGB", (40, 40)).save(tmp_path / "photo.jpg")
    with pytest.raises(JobError, match=f"(?s){message}") as caught:
        load_brand(path)
    assert caught.value.hint


@pytest.mark.parametrize("path", ["nowhere.yaml", "nowhere/kit.yaml"])
def test_a_kit_that_is_not_there_is_named(tmp_path: Path, path: str) -> None:
    with pytest.raises(JobError, match="the brand kit: there is no file"):
        load_brand(str(tmp_path / path))


def test_bounds_of_a_logo_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_kit(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(brands_module, "MAX_LOGO_BYTES", 20)
        with pytest.raises(JobError, match="above the 20 that are read"):
            load_brand(path)
    monkeypatch.setattr(logo_module, "MAX_PIXELS", 7_999)
    with pytest.raises(JobError, match=r"is 100 x 80 pixels, above 7,999"):
        load_brand(path)


@pytest.mark.s3
def test_a_kit_lies_on_s3_too(tmp_path: Path, bucket: str) -> None:
    path = write_kit(tmp_path)
    store = Store(f"{bucket}/brands")
    for name in ("kit.yaml", "logo.png", "dark.webp", "acme.ttf"):
        store.write_bytes(name, (tmp_path / name).read_bytes())
    brand = load_brand(f"{bucket}/brands/kit.yaml")
    assert (brand.digest, brand.folder) == (load_brand(path).digest, f"{bucket}/brands")


def make_brand(name: str) -> Brand:
    return Brand(BrandKit.model_validate({"name": name, "colors": COLORS}), ".", {}, name)


@pytest.mark.parametrize(
    ("brief", "name"),
    [("beta", "Beta"), (" BETA ", "Beta"), ("strasse  9", "Straße 9"), ("", "Alpha"), ("Gamma", "Alpha")],
)
def test_a_brief_gets_the_brand_of_its_name_or_the_first(brief: str, name: str) -> None:
    brands = [make_brand(each) for each in ("Alpha", "Beta", "Straße 9")]
    assert pick_brand(brands, brief).kit.name == name


def test_two_kits_of_one_name_are_refused(tmp_path: Path) -> None:
    paths = [write_kit(tmp_path, "one.yaml"), write_kit(tmp_path, "two.yaml", name="ACME")]
    with pytest.raises(JobError, match=r"two\.yaml: name: 'ACME' is also the name in .*one\.yaml"):
        load_brands(paths)
    assert [brand.kit.name for brand in load_brands(paths[:1] * 2)] == ["Acme", "Acme"], "one file twice is no mistake"


@pytest.mark.parametrize(
    ("locale", "actions", "legal"),
    [
        ("de-AT", ["Jetzt kaufen", "Kaufen"], "AT"),
        ("de-DE", ["Jetzt kaufen", "Kaufen"], "DE"),
        ("zh-Hant-TW", ["立即購買"], "all"),
        ("zh-Hans-CN", ["购买"], "all"),
        ("fr-FR", ["Shop now"], "all"),
    ],
)
def test_words_are_taken_by_locale_then_language_then_default(locale: str, actions: list[str], legal: str) -> None:
    kit = BrandKit.model_validate(
        {
            "name": "x",
            "colors": COLORS,
            "actions": {
                "de": ["Kaufen", "Jetzt kaufen"],
                "zh": ["购买"],
                "zh-hant": ["立即購買"],
                "default": ["Shop now"],
            },
            "legal": {"de": "DE", "de_at": "AT", "default": "all"},
        }
    )
    assert (find_actions(kit, locale), find_legal(kit, locale)) == (actions, legal)


def test_a_kit_without_words_gives_none() -> None:
    kit = make_brand("x").kit
    assert (find_actions(kit, "en-US"), find_legal(kit, "en-US")) == ([], "")


def test_logos_are_straight_alpha_pixels(tmp_path: Path) -> None:
    pixels = load_brand(write_kit(tmp_path)).logos["light"]
    assert pixels.dtype == np.uint8
    assert pixels.flags["C_CONTIGUOUS"]
