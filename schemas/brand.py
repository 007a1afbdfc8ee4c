"""The brand kit: colours, fonts, logo, tone and legal lines of one brand. A YAML file in the job folder."""

from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.base import Config
from schemas.brief import Line
from schemas.locales import normalize_locale


def _check_hex(value: str) -> str:
    text = value.strip().lower()
    if len(text) == 4 and text.startswith("#"):
        text = "#" + "".join(digit * 2 for digit in text[1:])
    if len(text) != 7 or not text.startswith("#") or not set(text[1:]) <= set("0123456789abcdef"):
        raise ValueError(f"{value!r} is not a colour such as #0b3d2e")
    return text


Hex = Annotated[str, AfterValidator(_check_hex)]  # "#rrggbb", lower case
LocaleKey = Annotated[str, AfterValidator(lambda value: value if value == "default" else normalize_locale(value))]


class Colors(Config):
    """What the colourways are made of. `ink` is for text on `paper`; `accent` for badges and buttons."""

    primary: Hex
    secondary: Hex
    accent: Hex
    ink: Hex = "#14171c"
    paper: Hex = "#ffffff"


class Fonts(Config):
    """Font files beside the kit (TTF or OTF), or names of bundled families; `factory/images/brand/fonts.py` lists those.

    `by_locale` puts families before the others for a language ("ja", "ar") or a locale. A character that none of them
    can draw is an error: nothing else on the machine is asked.
    """

    heading: Annotated[list[str], Field(min_length=1)] = ["inter"]
    body: Annotated[list[str], Field(min_length=1)] = ["inter"]
    by_locale: dict[LocaleKey, list[str]] = {}


class Logo(Config):
    """PNG or WebP files with transparency, relative to the kit. `clear_space` is a share of the logo's height to keep free."""

    on_light: str
    on_dark: str | None = None
    clear_space: float = Field(default=0.25, ge=0, le=2)


class BrandKit(Config):
    """What a creative of this brand looks like and must say.

    `name` is compared with a brief's `brand`. Without a `logo` the name is set in the heading font. `actions` are the
    words on the button, longest first, by locale or language, with "default" for the rest; `legal` likewise is one line
    that every creative carries, before the brief's own disclaimer. A text with a phrase of `do_not_use` is not taken.
    """

    name: Annotated[Line, Field(min_length=1)]
    colors: Colors
    fonts: Fonts = Fonts()
    logo: Logo | None = None
    tone: str = ""
    actions: dict[LocaleKey, Annotated[list[Line], Field(min_length=1)]] = {}
    legal: dict[LocaleKey, Line] = {}
    do_not_use: list[Line] = []
    radius: float = Field(default=0.5, ge=0, le=2)  # roundness of buttons and cards, in units of the layout
